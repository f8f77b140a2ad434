//! The answer to a request that succeeded, and the id of a resource.

use serde_json::Value;

use hirewire_core::scim::member;

/// A success: any status from 200 to 299, with or without a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// 202 means accepted but not done yet: the caller must verify it later.
    pub status: u16,
    /// `None` if the answer has no body, or one that is not JSON.
    pub body: Option<Value>,
}

impl Response {
    /// The id of the resource in the body.
    pub fn id(&self) -> Option<String> {
        self.body.as_ref().and_then(id_of)
    }
}

/// The id of a resource, as text: some targets number their users.
pub(super) fn id_of(resource: &Value) -> Option<String> {
    match member(resource, "id")? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}
