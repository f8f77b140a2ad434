//! What the sandbox answers when it refuses a request: RFC 7644 section 3.12.
//!
//! A refusal is made where the problem is found and becomes a body only at the door, because the two dialects
//! write it differently: a SCIM error resource, or Workplace's Graph-style `{"error": {"message", "code"}}`.

use serde_json::{Value, json};

use super::SandboxProfile;

/// The schema of an error body.
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The `scimType`, if RFC 7644 table 9 has one for it.
    pub scim_type: Option<&'static str>,
    /// What is wrong, for a person.
    pub detail: String,
}

/// What most functions of the sandbox return.
pub(super) type Result<T> = std::result::Result<T, Refusal>;

impl Refusal {
    /// A refusal without a `scimType`.
    pub fn plain(status: u16, detail: impl Into<String>) -> Self {
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

    /// The body is no message of the kind that was expected.
    pub fn invalid_syntax(detail: impl Into<String>) -> Self {
        Self::typed(400, "invalidSyntax", detail)
    }

    /// A value is missing, or not of the attribute's type.
    pub fn invalid_value(detail: impl Into<String>) -> Self {
        Self::typed(400, "invalidValue", detail)
    }

    /// A PATCH path is malformed or names no attribute.
    pub fn invalid_path(detail: impl Into<String>) -> Self {
        Self::typed(400, "invalidPath", detail)
    }

    /// A filter is malformed, or compares what cannot be compared.
    pub fn invalid_filter(detail: impl Into<String>) -> Self {
        Self::typed(400, "invalidFilter", detail)
    }

    /// A PATCH path selects nothing, or a `remove` has no path.
    pub fn no_target(detail: impl Into<String>) -> Self {
        Self::typed(400, "noTarget", detail)
    }

    /// The attribute cannot be written, or not again.
    pub fn mutability(detail: impl Into<String>) -> Self {
        Self::typed(400, "mutability", detail)
    }

    /// Another resource has this value.
    pub fn uniqueness(detail: impl Into<String>) -> Self {
        Self::typed(409, "uniqueness", detail)
    }

    /// No such resource.
    pub fn not_found(what: &str, id: &str) -> Self {
        Self::plain(404, format!("{what} {id} not found"))
    }

    /// The body, as this dialect writes it.
    pub fn body(&self, profile: SandboxProfile) -> Value {
        match profile {
            SandboxProfile::Generic => {
                let mut body = json!({
                    "schemas": [ERROR],
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

    /// Graph numbers its errors; 100 is its "invalid parameter", 190 "access token", 803 "no such object".
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
    fn a_scim_error_carries_its_status_as_a_string_and_its_type_only_if_it_has_one() {
        let typed = Refusal::uniqueness("taken").body(SandboxProfile::Generic);
        assert_eq!(
            typed,
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "409", "scimType": "uniqueness", "detail": "taken"})
        );
        assert!(
            Refusal::plain(409, "taken")
                .body(SandboxProfile::Generic)
                .get("scimType")
                .is_none()
        );
    }

    #[test]
    fn workplace_errors_are_graph_errors() {
        let body = Refusal::invalid_value("userName").body(SandboxProfile::Workplace);
        assert_eq!(body, json!({"error": {"message": "userName", "code": 100}}));
    }
}
