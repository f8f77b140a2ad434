//! What the API answers when it does not do what was asked: a problem document (RFC 9457); nothing internal leaks.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::OpsRole;
use crate::{store::StoreError, worker::ConnectionError};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    detail: String,
}

impl Refusal {
    /// What was asked cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            detail: detail.into(),
        }
    }

    /// No such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            detail: detail.into(),
        }
    }

    /// Nobody we know.
    pub fn unauthorized() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            detail: "a token of [[ops.tokens]] is needed".to_owned(),
        }
    }

    /// Somebody who may not.
    pub fn forbidden(role: OpsRole) -> Self {
        let role = format!("{role:?}").to_lowercase();
        Self {
            status: StatusCode::FORBIDDEN,
            detail: format!("this needs the role {role}"),
        }
    }

    /// The target, or another dependency, did not answer as it should.
    pub fn dependency(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            detail: detail.into(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "an operator's request failed");
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

impl From<ConnectionError> for Refusal {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Store(error) => error.into(),
            ConnectionError::Mapping(_) | ConnectionError::Client(_) => {
                Self::dependency(error.to_string())
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        crate::http::Problem::new(self.status)
            .detail(self.detail)
            .into_response()
    }
}
