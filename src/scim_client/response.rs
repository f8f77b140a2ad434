//! The answer to a request that succeeded, and the id of a resource.

use serde_json::Value;

use hirewire_core::{
    plan::{Failure, FailureKind, Phase},
    scim::member,
};

/// A success: any status from 200 to 299, with or without a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// 202 means accepted but not done yet: the caller must verify it later.
    pub status: u16,
    /// `None` if the answer has no body, or one that is not JSON.
    pub body: Option<Value>,
    /// The version of the resource (RFC 7644 section 3.14): `ETag`, else `meta.version`.
    pub version: Option<String>,
}

impl Response {
    /// An answer with nothing but a status.
    pub(crate) fn without_body(status: u16) -> Self {
        Self {
            status,
            body: None,
            version: None,
        }
    }

    /// The id of the resource in the body.
    pub fn id(&self) -> Option<String> {
        self.body.as_ref().and_then(id_of)
    }
}

/// The longest id, in bytes: the store keeps it in an index.
const MAX_ID: usize = 1024;

/// The id of a resource, as text: some targets number their users. `None`: it has none, or one that
/// no later request can name.
pub(super) fn id_of(resource: &Value) -> Option<String> {
    let id = match member(resource, "id")? {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    is_usable(&id).then_some(id)
}

/// Whether the id can be kept, and can be a segment of a path: `.` and `..` name other resources
/// (RFC 3986 section 5.2.4), even percent-encoded.
fn is_usable(id: &str) -> bool {
    let is_dots = id == "." || id == "..";
    (1..=MAX_ID).contains(&id.len()) && !is_dots && !id.chars().any(char::is_control)
}

/// The failure of a resource for which [`id_of`] has no id.
pub(crate) fn no_id(phase: Phase, resource: &Value) -> Failure {
    let kind = match member(resource, "id") {
        Some(Value::String(id)) if !id.is_empty() => FailureKind::Unfit(
            "the id that the target gave is `.` or `..`, is too long, or has a control character",
        ),
        Some(_) | None => FailureKind::Unusable("a resource of the answer has no id"),
    };
    Failure { phase, kind }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_that_no_url_or_database_can_hold_is_no_id() {
        for (id, usable) in [
            (json!("2819c223-7f76"), true),
            (json!("a/../b?c#d %2e ..."), true),
            (json!("é漢"), true),
            (json!(17), true),
            (json!("x".repeat(1024)), true),
            (json!("x".repeat(1025)), false),
            (json!("a\u{0}b"), false),
            (json!("a\nb"), false),
            (json!("."), false),
            (json!(".."), false),
        ] {
            let user = json!({ "id": id });
            assert_eq!(id_of(&user).is_some(), usable, "{user}");
            let kind = no_id(Phase::Create, &user).kind;
            assert!(usable || matches!(kind, FailureKind::Unfit(_)), "{user}");
        }

        for user in [json!({}), json!({ "id": "" }), json!({ "id": null })] {
            assert_eq!(id_of(&user), None);
            let kind = no_id(Phase::Create, &user).kind;
            assert!(matches!(kind, FailureKind::Unusable(_)), "{user}");
        }
    }
}
