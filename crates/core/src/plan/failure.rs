//! What a target did instead of what was asked: facts only. What we do about it: `verdict.rs`.

use std::time::Duration;

use crate::scim::ScimError;

/// What was being done when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Looking for an account by a match key, or for a group.
    Find,
    /// Reading a bound account.
    Read,
    /// POST of a user.
    Create,
    /// Changing this many attributes of a user.
    Update {
        /// How many.
        attributes: usize,
    },
    /// `active: false`.
    Deactivate,
    /// `active: true` on an account that exists.
    Reactivate,
    /// A group or its members.
    Groups,
    /// A read-only probe of base URL and credentials.
    Probe,
}

/// A request that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{phase:?}: {kind}")]
pub struct Failure {
    /// What was being done.
    pub phase: Phase,
    /// What came instead.
    pub kind: FailureKind,
}

/// What came instead of success. Its text holds nothing that the target wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailureKind {
    /// An answer whose status is no success.
    #[error("status {}", .error.status)]
    Answered {
        /// What it says; its `status` is the answer's.
        error: ScimError,
        /// `Retry-After`, as a wait from when it came.
        retry_after: Option<Duration>,
    },
    /// No connection was made: the request was not sent.
    #[error("could not connect")]
    Unreachable,
    /// The connection broke, or the deadline passed, after the request was (perhaps) sent.
    #[error("no answer")]
    NoAnswer,
    /// The deadline had passed before the request was sent (the rate limit, a slow target).
    #[error("not sent: no time was left")]
    NotSent,
    /// A redirect that would have carried the credentials elsewhere, or a write elsewhere; not followed.
    #[error("redirected")]
    Redirected,
    /// A success that cannot be used: a list that is no list, a filter that was ignored, a user without id.
    #[error("unusable answer: {0}")]
    Unusable(&'static str),
}

impl Failure {
    /// The status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        match &self.kind {
            FailureKind::Answered { error, .. } => Some(error.status),
            FailureKind::Unreachable
            | FailureKind::NoAnswer
            | FailureKind::NotSent
            | FailureKind::Redirected
            | FailureKind::Unusable(_) => None,
        }
    }

    /// Whether the target answered a write with a refusal: nothing of it is on its way.
    pub fn is_refusal(&self) -> bool {
        self.phase.writes() && matches!(self.status(), Some(400..=499)) && !self.is_of_the_target()
    }

    /// Whether it says nothing about this person but something about the target: such failures of several
    /// different people in a row open the breaker.
    pub fn is_of_the_target(&self) -> bool {
        match &self.kind {
            FailureKind::Answered { error, .. } => matches!(error.status, 408 | 425 | 500..),
            FailureKind::Unreachable | FailureKind::NoAnswer => true,
            FailureKind::NotSent | FailureKind::Redirected | FailureKind::Unusable(_) => false,
        }
    }
}

impl Phase {
    /// Whether doing it again without looking could do it twice.
    pub fn writes(self) -> bool {
        match self {
            Self::Find | Self::Read | Self::Probe => false,
            Self::Create
            | Self::Update { .. }
            | Self::Deactivate
            | Self::Reactivate
            | Self::Groups => true,
        }
    }
}
