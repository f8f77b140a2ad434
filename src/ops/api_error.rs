//! The error of an API request: a problem document (RFC 9457) that shows nothing internal.
//!
//! In: what a handler could not do. Out: a status, and a detail that says what to do next.

use std::time::Duration;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::OpsRole;
use crate::{store::StoreError, worker::ConnectionError};

/// A request that was not fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    detail: String,
    retry_after: Option<Duration>,
}

impl ApiError {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The request cannot be understood.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The connection has no mapping yet: the service publishes it when it starts.
    pub(super) fn unpublished(connection: &str) -> Self {
        Self::not_found(format!(
            "nothing is published for `{connection}` yet: start the service"
        ))
    }

    /// The request has no known token.
    pub(super) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "a token of [[ops.tokens]] is needed",
        )
    }

    /// The actor has a lesser role.
    pub(super) fn forbidden(needed: OpsRole) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            format!("this needs the role {}", needed.as_str()),
        )
    }

    /// Too many requests of this kind run at the same time.
    pub(super) fn busy(detail: &str, retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
        }
    }

    /// A target did not answer as it should.
    pub(super) fn dependency(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, detail)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "an API request failed because of the store");
        match error {
            StoreError::Unreachable(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the store cannot be reached",
            ),
            StoreError::Refused(detail) | StoreError::Incompatible(detail) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
            }
        }
    }
}

impl From<ConnectionError> for ApiError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Store(error) => error.into(),
            ConnectionError::Mapping(_) | ConnectionError::Client(_) => {
                Self::dependency(error.to_string())
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = crate::http::Problem::new(self.status).detail(self.detail);
        match self.retry_after {
            Some(after) => problem.retry_after(after).into_response(),
            None => problem.into_response(),
        }
    }
}
