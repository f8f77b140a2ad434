//! Refusals: the problem document that the client receives, and the reason for log and observer.
//!
//! The reason may say more than the document. Neither holds an expected signature or anything of
//! the body.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::http::{Problem, ReadBodyError};
use hirewire_core::source::{InvalidMember, SignatureError};

/// `Retry-After` when requests, hooks or bodies are over their limits, or a request panicked.
pub(super) const RETRY_SOON: Duration = Duration::from_secs(1);

/// Why a request is not accepted.
pub(super) struct Refusal {
    pub problem: Problem,
    /// For the log and the observer only.
    pub reason: String,
}

impl Refusal {
    /// The client and the log receive the same text.
    pub fn new(status: StatusCode, detail: &str) -> Self {
        Self {
            problem: Problem::new(status).detail(detail),
            reason: detail.to_owned(),
        }
    }

    /// 503: the trouble is on our side. The client learns only when to try again.
    pub fn unavailable(retry_after: Duration, reason: impl Into<String>) -> Self {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE)
            .detail("try again later")
            .retry_after(retry_after);
        Self {
            problem,
            reason: reason.into(),
        }
    }

    /// 503: the work on the request ended early.
    pub fn interrupted() -> Self {
        Self::unavailable(RETRY_SOON, "the request was not examined to its end")
    }

    /// 422: a canonical body with invalid members, none of which was accepted.
    pub fn not_canonical(invalid: &[InvalidMember]) -> Self {
        let errors: Vec<Value> = invalid
            .iter()
            .map(|member| json!({ "pointer": member.pointer, "detail": member.problem }))
            .collect();
        let pointers: Vec<_> = invalid
            .iter()
            .map(|member| member.pointer.as_str())
            .collect();

        Self {
            problem: Problem::new(StatusCode::UNPROCESSABLE_ENTITY)
                .detail("the body is no canonical event; nothing of it was accepted")
                .member("errors", errors),
            reason: format!("no canonical event: {}", pointers.join(", ")),
        }
    }
}

impl From<ReadBodyError> for Refusal {
    fn from(error: ReadBodyError) -> Self {
        let status = match error {
            ReadBodyError::OverBudget => {
                return Self::unavailable(RETRY_SOON, error.to_string());
            }
            ReadBodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ReadBodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
            ReadBodyError::Incomplete => StatusCode::BAD_REQUEST,
        };
        Self::new(status, &error.to_string())
    }
}

/// Every 401 has the same document. The reason also names what would have matched.
impl From<SignatureError> for Refusal {
    fn from(error: SignatureError) -> Self {
        Self {
            problem: Problem::new(StatusCode::UNAUTHORIZED)
                .detail("the signature or its time is not accepted"),
            reason: error.to_string(),
        }
    }
}
