//! The error of a SCIM request (RFC 7644 section 3.12) and its body in each dialect.
//!
//! The code that detects an error creates it; [`super::http_response`] renders it, because the
//! dialects differ: a SCIM error resource, or Workplace's Graph error `{"error": {"message",
//! "code"}}`.

use serde_json::{Value, json};

use super::profile::SandboxProfile;

const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The error response of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScimError {
    pub(crate) status: u16,
    /// The `scimType`, if RFC 7644 table 9 defines one for this error.
    pub(crate) scim_type: Option<&'static str>,
    /// An explanation for a person.
    pub(crate) detail: String,
}

/// The result of a function that can reject a request.
pub(crate) type ScimResult<T> = Result<T, ScimError>;

impl ScimError {
    /// An error without a `scimType`.
    pub(crate) fn untyped(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            scim_type: None,
            detail: detail.into(),
        }
    }

    fn typed(status: u16, scim_type: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            scim_type: Some(scim_type),
            detail: detail.into(),
        }
    }

    /// The body is not JSON, or not a message of the expected schema.
    pub(crate) fn invalid_syntax(detail: impl Into<String>) -> Self {
        Self::typed(400, "invalidSyntax", detail)
    }

    /// A required value is missing, or a value is not of the type of its attribute.
    pub(crate) fn invalid_value(detail: impl Into<String>) -> Self {
        Self::typed(400, "invalidValue", detail)
    }

    /// The path of a PATCH operation is malformed or names an unknown attribute.
    pub(crate) fn invalid_path(detail: impl Into<String>) -> Self {
        Self::typed(400, "invalidPath", detail)
    }

    /// A filter is malformed, or its comparison does not fit the attribute.
    pub(crate) fn invalid_filter(detail: impl Into<String>) -> Self {
        Self::typed(400, "invalidFilter", detail)
    }

    /// The path of a PATCH operation selects no value, or a `remove` has no path.
    pub(crate) fn no_target(detail: impl Into<String>) -> Self {
        Self::typed(400, "noTarget", detail)
    }

    /// The attribute is read-only, immutable or required.
    pub(crate) fn mutability(detail: impl Into<String>) -> Self {
        Self::typed(400, "mutability", detail)
    }

    /// Another resource already has this value.
    pub(crate) fn uniqueness(detail: impl Into<String>) -> Self {
        Self::typed(409, "uniqueness", detail)
    }

    /// There is no resource of this type with this id.
    pub(crate) fn not_found(resource: &str, id: &str) -> Self {
        Self::untyped(404, format!("{resource} {id} not found"))
    }

    /// The response body in this dialect.
    pub(crate) fn body(&self, profile: SandboxProfile) -> Value {
        match profile {
            SandboxProfile::Generic => {
                let mut body = json!({
                    "schemas": [ERROR_SCHEMA],
                    "status": self.status.to_string(),
                    "detail": self.detail,
                });

                if let (Some(map), Some(scim_type)) = (body.as_object_mut(), self.scim_type) {
                    map.insert("scimType".to_owned(), scim_type.into());
                }

                body
            }
            SandboxProfile::Workplace => {
                json!({"error": {"message": self.detail, "code": self.graph_code()}})
            }
        }
    }

    /// The error codes of Graph: 100 is "invalid parameter", 190 "access token", 803 "no such
    /// object".
    fn graph_code(&self) -> u32 {
        match self.status {
            400 => 100,
            401 => 190,
            403 => 200,
            404 => 803,
            other => u32::from(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scim_error_has_a_string_status_and_an_optional_scim_type() {
        let typed = ScimError::uniqueness("taken").body(SandboxProfile::Generic);
        assert_eq!(
            typed,
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "409",
                "scimType": "uniqueness",
                "detail": "taken"
            })
        );

        assert!(
            ScimError::untyped(409, "taken")
                .body(SandboxProfile::Generic)
                .get("scimType")
                .is_none()
        );
    }

    #[test]
    fn workplace_errors_are_graph_errors() {
        let body = ScimError::invalid_value("userName").body(SandboxProfile::Workplace);

        assert_eq!(body, json!({"error": {"message": "userName", "code": 100}}));
    }
}
