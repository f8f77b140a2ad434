//! The error answers of the fake server (RFC 7644 section 3.12).

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use serde_json::{Value, json};

/// An error answer.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    pub scim_type: Option<String>,
    pub detail: String,
}

impl Refusal {
    pub fn new(status: u16, scim_type: Option<&str>, detail: &str) -> Self {
        Self {
            status,
            scim_type: scim_type.map(str::to_owned),
            detail: detail.to_owned(),
        }
    }

    pub fn bad(scim_type: &str, detail: &str) -> Self {
        Self::new(400, Some(scim_type), detail)
    }

    /// Its SCIM error document.
    pub fn document(&self) -> Value {
        let mut error = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": self.status.to_string(),
            "detail": self.detail,
        });
        if let Some(scim_type) = &self.scim_type {
            error["scimType"] = json!(scim_type);
        }
        error
    }

    pub fn response(&self) -> Response {
        answer(self.status, Some(&self.document()))
    }
}

/// An answer with a body in `application/scim+json`, or with none.
pub fn answer(status: u16, body: Option<&Value>) -> Response {
    let text = body.map(ToString::to_string).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    if body.is_some() {
        let kind = HeaderValue::from_static("application/scim+json");
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    response
}
