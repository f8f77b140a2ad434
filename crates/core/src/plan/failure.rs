//! A SCIM request that did not succeed: what the target did, as facts.
//!
//! The client makes a [`Failure`] of an answer or of a broken connection. `verdict.rs` decides what
//! follows from it.

use std::{fmt, time::Duration};

use crate::scim::ScimError;

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Search for a user by a match key.
    Find,
    /// GET of a bound user.
    Read,
    /// POST of a user that does not exist yet.
    Create,
    /// PATCH or PUT of a user's attributes.
    Update {
        /// How many attributes the request changes; at least 1.
        attributes: usize,
    },
    /// `active: false` on a bound user.
    Deactivate,
    /// `active: true` on an existing user.
    Reactivate,
    /// Search for a group by name, or a read of its members.
    FindGroup,
    /// A change of a group or of its members.
    Groups,
    /// A read that only tests the base URL and the credentials.
    Probe,
}

/// A request that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{phase}: {kind}")]
pub struct Failure {
    /// The purpose of the request.
    pub phase: Phase,
    /// The answer, or the reason why there is none.
    pub kind: FailureKind,
}

/// The way in which a request failed. Its text quotes nothing that the target wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailureKind {
    /// The target answered with a status that is not a success.
    #[error("status {}", .error.status)]
    Answered {
        /// The body as a SCIM error (RFC 7644 section 3.12), with the status of the answer.
        error: ScimError,
        /// `Retry-After` (RFC 9110 section 10.2.3), as a wait from the arrival of the answer.
        retry_after: Option<Duration>,
    },
    /// The connection was refused or timed out: the request was not sent.
    #[error("could not connect")]
    Unreachable,
    /// The connection broke or the deadline passed after the request may have been sent.
    #[error("no answer")]
    NoAnswer,
    /// The deadline passed while the request waited for the rate limit: it was not sent.
    #[error("not sent: no time was left")]
    NotSent,
    /// The target redirected the request to another host, or redirected a write. The client does
    /// not follow it, because it would send the credentials or the data elsewhere.
    #[error("redirected")]
    Redirected,
    /// The answer was a success without the expected content, such as a user without an id.
    #[error("unusable answer: {0}")]
    Unusable(&'static str),
    /// The answer was a success, but a read right after it does not show the `active` that was set.
    #[error("answered with success, and then {0}")]
    WithoutEffect(ShownActive),
    /// A value of this person cannot be part of a request, whether the target works or not: the
    /// request was not sent, or the answer gave an id that no later request can name.
    #[error("{0}")]
    Unfit(&'static str),
}

/// The `active` that a target shows although another value was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShownActive {
    /// The account is still active.
    #[error("the account is still active")]
    Active,
    /// The account is still inactive.
    #[error("the account is still inactive")]
    Inactive,
    /// The user has no `active`, or one that is no boolean.
    #[error("the user does not state whether it is active")]
    NotStated,
}

impl ShownActive {
    /// The value that [`is_active`](super::is_active) read.
    pub fn of(active: Option<bool>) -> Self {
        match active {
            Some(true) => Self::Active,
            Some(false) => Self::Inactive,
            None => Self::NotStated,
        }
    }
}

impl Failure {
    /// The target's error; `None`: it answered with a success, or not at all.
    pub fn error(&self) -> Option<&ScimError> {
        match &self.kind {
            FailureKind::Answered { error, .. } => Some(error),
            FailureKind::Unreachable
            | FailureKind::NoAnswer
            | FailureKind::NotSent
            | FailureKind::Redirected
            | FailureKind::Unusable(_)
            | FailureKind::WithoutEffect(_)
            | FailureKind::Unfit(_) => None,
        }
    }

    /// The HTTP status, if the target answered with an error.
    pub fn status(&self) -> Option<u16> {
        self.error().map(|error| error.status)
    }

    /// Whether the target answered with an error of this `scimType` (RFC 7644 section 3.12).
    pub fn has_scim_type(&self, scim_type: &str) -> bool {
        self.error()
            .is_some_and(|error| error.has_scim_type(scim_type))
    }

    /// Whether the target refused a write, so that no effect of it can show later.
    pub fn is_refusal(&self) -> bool {
        self.phase.writes() && matches!(self.status(), Some(400..=499)) && !self.is_target_fault()
    }

    /// Whether the target itself is in trouble: down, overloaded or broken. Such a failure is not
    /// about one person; several of them in a row, for different people, open the breaker.
    pub fn is_target_fault(&self) -> bool {
        let sent_in_vain = matches!(self.kind, FailureKind::Unreachable | FailureKind::NoAnswer);
        sent_in_vain || matches!(self.status(), Some(408 | 425 | 500..))
    }
}

impl Phase {
    /// Whether the request is about a group. Its failure says nothing about users.
    pub fn is_about_groups(self) -> bool {
        matches!(self, Self::FindGroup | Self::Groups)
    }

    /// Whether the request may change something, so that a repetition could do it twice.
    pub fn writes(self) -> bool {
        match self {
            Self::Find | Self::Read | Self::FindGroup | Self::Probe => false,
            Self::Create
            | Self::Update { .. }
            | Self::Deactivate
            | Self::Reactivate
            | Self::Groups => true,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Find => "search",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update { .. } => "update",
            Self::Deactivate => "deactivate",
            Self::Reactivate => "reactivate",
            Self::FindGroup => "search of groups",
            Self::Groups => "change of groups",
            Self::Probe => "probe",
        };
        f.write_str(text)
    }
}
