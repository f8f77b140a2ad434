//! A SCIM request and its response, without HTTP: what [`super::handler`] gives to
//! [`super::endpoints`].

use bytes::Bytes;
use serde_json::Value;

use super::scim_error::{ScimError, ScimResult};

/// A request that was authorized.
#[derive(Clone, Debug)]
pub(crate) struct ScimRequest {
    pub(crate) method: String,
    /// The path below the base URL, decoded: `/Users/7`.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// The base URL that the client used, for the locations in the response.
    pub(crate) base: String,
}

/// A successful response; an error is a [`ScimError`].
#[derive(Debug)]
pub(crate) struct ScimResponse {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
    /// The value of the header `Location`.
    pub(crate) location: Option<String>,
}

impl ScimRequest {
    /// Whether the method may change a resource: all but GET and a POST to `/.search`.
    pub(crate) fn is_write(&self) -> bool {
        self.method != "GET" && !self.path.ends_with("/.search")
    }

    /// Parses the body as JSON, else `invalidSyntax`.
    pub(crate) fn json(&self) -> ScimResult<Value> {
        serde_json::from_slice(&self.body)
            .map_err(|error| ScimError::invalid_syntax(format!("the body is not JSON: {error}")))
    }
}

impl ScimResponse {
    /// 200 with this body.
    pub(crate) fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body: Some(body),
            location: None,
        }
    }
}
