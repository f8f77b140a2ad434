//! The error of an API request: a problem document (RFC 9457) that shows nothing internal.
//!
//! In: what a handler could not do. Out: a status, and a detail that says what to do next.

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
}

impl ApiError {
    /// The request cannot be understood.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            detail: detail.into(),
        }
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            detail: detail.into(),
        }
    }

    /// The connection has no mapping yet: the service publishes it when it starts.
    pub(super) fn unpublished(connection: &str) -> Self {
        Self::not_found(format!(
            "nothing is published for `{connection}` yet: start the service"
        ))
    }

    /// The request has no known token.
    pub(super) fn unauthorized() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            detail: "a token of [[ops.tokens]] is needed".to_owned(),
        }
    }

    /// The actor has a lesser role.
    pub(super) fn forbidden(needed: OpsRole) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            detail: format!("this needs the role {}", needed.as_str()),
        }
    }

    /// A target did not answer as it should.
    pub(super) fn dependency(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            detail: detail.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "an API request failed because of the store");
        match error {
            StoreError::Unreachable(_) => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                detail: "the store cannot be reached".to_owned(),
            },
            StoreError::Refused(detail) | StoreError::Incompatible(detail) => Self {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                detail,
            },
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
        crate::http::Problem::new(self.status)
            .detail(self.detail)
            .into_response()
    }
}
