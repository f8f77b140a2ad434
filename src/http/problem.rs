//! Problem documents (RFC 9457): every error answer of our listeners.
//!
//! A problem holds only what its caller puts into it, so that nothing internal leaks.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

/// A problem document, `application/problem+json`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: Option<String>,
    members: Map<String, Value>,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
}

impl Problem {
    /// A problem whose title is the reason phrase of the status.
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            detail: None,
            members: Map::new(),
            retry_after: None,
            allow: None,
        }
    }

    /// Explains this occurrence to the client (RFC 9457 section 3.1.4).
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds an extension member (RFC 9457 section 3.2).
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds `Retry-After`, in whole seconds: the fraction is cut off, and the value is at least 1.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Adds `Allow`: the methods of this resource, separated by commas.
    #[must_use]
    pub fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut document = Map::new();
        document.insert("type".to_owned(), Value::from("about:blank"));
        document.insert(
            "title".to_owned(),
            Value::from(self.status.canonical_reason().unwrap_or("Error")),
        );
        document.insert("status".to_owned(), Value::from(self.status.as_u16()));
        document.extend(
            self.detail
                .map(|detail| ("detail".to_owned(), Value::from(detail))),
        );
        document.extend(self.members);

        let mut response = Response::new(Body::from(Value::Object(document).to_string()));
        *response.status_mut() = self.status;

        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(after) = self.retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(after.as_secs().max(1)),
            );
        }
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_problem_shows_only_what_its_caller_put_into_it() {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE)
            .detail("try again later")
            .member("hook", "h-1")
            .retry_after(Duration::from_millis(200));

        let response = problem.into_response();
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );

        let body = axum::body::to_bytes(response.into_body(), 1000)
            .await
            .expect("a body");
        assert_eq!(
            serde_json::from_slice::<Value>(&body).expect("json"),
            serde_json::json!({
                "type": "about:blank",
                "title": "Service Unavailable",
                "status": 503,
                "detail": "try again later",
                "hook": "h-1",
            })
        );
    }
}
