//! The next step of a reconcile: the one enum that the loop in `run.rs` matches on.
//!
//! Every step returns a [`NextStep`]. All but one name more work; [`NextStep::Commit`] ends the
//! reconcile with a [`Conclusion`], from which `outcome` builds the commit. Plain data.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::store::{NewDeadLetter, OutcomeKind};
use hirewire_core::plan::{DeadLetterCause, Failure, Operation, PauseReason, Wait};

/// The next step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NextStep {
    /// Read the target, then plan.
    Assess,
    /// Send these requests in order.
    Execute(Vec<Operation>),
    /// The target deleted or hid the user when Hirewire deactivated it: send this to the known id, and
    /// if there is none, have the user made anew.
    Revive(Vec<Operation>),
    /// The target refused this update as a whole: send each of its changes in a request of its own,
    /// then the rest of the plan.
    SplitUpdate(Operation, Failure),
    /// Look a failure up in the verdict table.
    HandleFailure(FailedRequest),
    /// The failure may be the target's, or about the credentials: send a probe of the collection.
    ProbeTarget(FailedRequest),
    /// The bound user answered 404: collect the evidence that it is gone.
    ConfirmAbsence(Failure),
    /// The failure is not about this person: pause the connection.
    PauseConnection(PauseReason, Failure),
    /// End the reconcile.
    Commit(Conclusion),
}

/// A request that did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FailedRequest {
    /// A read of the assessment: there is no plan.
    Assessment(Failure),
    /// A request of the plan.
    Operation(Operation, Failure),
}

/// How a reconcile ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Conclusion {
    /// Nothing is to be sent. The detail is for people.
    Reconciled(OutcomeKind, String),
    /// Every request succeeded, but those that the progress lists as refusals.
    Applied,
    /// Only the plan is recorded: the connection's mode is `observe`.
    Observed,
    /// An earlier write may still show at the target: write nothing before this instant. The reason
    /// is for people.
    WaitUntil(Timestamp, String),
    /// The store has a newer termination: the rest of the plan was dropped.
    TerminationArrived,
    /// Try again later.
    Retry(Failure, Wait),
    /// The assessment needs the decision of an operator.
    FileDeadLetter {
        cause: DeadLetterCause,
        /// For people: what happened, and what to do next.
        summary: String,
        detail: Value,
    },
    /// A request failed for good: nothing is tried until facts or mapping change.
    GiveUp(DeadLetterCause, Failure),
    /// The connection was paused: the account waits for its resume.
    Paused(PauseReason),
    /// The bound user answered 404 and that is not confirmed yet.
    UserMissing,
    /// A match key found the user under another id.
    UserReplaced,
    /// The bound user is gone, and no access is desired.
    UserGone,
    /// The bound user went away by Hirewire's own deactivation, and access is desired again.
    UserDeleted,
}

impl NextStep {
    /// The conclusion that nothing is to be sent.
    pub(super) fn reconciled(kind: OutcomeKind, detail: impl Into<String>) -> Self {
        Self::Commit(Conclusion::Reconciled(kind, detail.into()))
    }

    /// The requests that it sends.
    pub(crate) fn operations(&self) -> &[Operation] {
        match self {
            Self::Execute(operations) | Self::Revive(operations) => operations,
            Self::Assess
            | Self::SplitUpdate(..)
            | Self::HandleFailure(_)
            | Self::ProbeTarget(_)
            | Self::ConfirmAbsence(_)
            | Self::PauseConnection(..)
            | Self::Commit(_) => &[],
        }
    }
}

/// Nothing is tried until an operator acts.
impl From<NewDeadLetter> for Conclusion {
    fn from(letter: NewDeadLetter) -> Self {
        Self::FileDeadLetter {
            cause: letter.cause,
            summary: letter.summary,
            detail: letter.detail,
        }
    }
}

impl FailedRequest {
    pub(super) fn failure(&self) -> &Failure {
        match self {
            Self::Assessment(failure) | Self::Operation(_, failure) => failure,
        }
    }
}

/// For people: a preview shows it, and `observe` records it.
impl fmt::Display for NextStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assess => f.write_str("read the account again"),
            Self::Execute(operations) => write!(f, "send {} request(s)", operations.len()),
            Self::Revive(_) => f.write_str("activate the deleted user, or make it anew"),
            Self::SplitUpdate(..) => f.write_str("send each change of the update by itself"),
            Self::HandleFailure(failed) => write!(f, "handle a failure: {}", failed.failure()),
            Self::ProbeTarget(failed) => write!(f, "probe the target: {}", failed.failure()),
            Self::ConfirmAbsence(failure) => {
                write!(f, "confirm that the user is gone: {failure}")
            }
            Self::PauseConnection(reason, failure) => {
                write!(
                    f,
                    "pause the connection ({}): {failure}",
                    pause_word(*reason)
                )
            }
            Self::Commit(conclusion) => conclusion.fmt(f),
        }
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reconciled(kind, detail) if detail.is_empty() => {
                write!(f, "send nothing: {}", kind.as_str())
            }
            Self::Reconciled(kind, detail) => {
                write!(f, "send nothing: {} ({detail})", kind.as_str())
            }
            Self::Applied => f.write_str("finish: the plan was sent"),
            Self::Observed => f.write_str("finish: nothing is sent in mode observe"),
            Self::WaitUntil(until, why) => write!(f, "send nothing before {until}: {why}"),
            Self::TerminationArrived => f.write_str("start again: a newer termination arrived"),
            Self::Retry(failure, wait) => {
                write!(f, "try again later: {failure}")?;
                if wait.verify {
                    f.write_str("; read the account first")?;
                }
                if wait.is_outage {
                    f.write_str("; use up no attempt")?;
                }
                match wait.dead_letter {
                    Some(cause) => write!(f, "; file a dead letter ({})", cause.as_str()),
                    None => Ok(()),
                }
            }
            Self::FileDeadLetter { cause, summary, .. } => {
                write!(f, "file a dead letter ({}): {summary}", cause.as_str())
            }
            Self::GiveUp(cause, failure) => {
                write!(
                    f,
                    "give up and file a dead letter ({}): {failure}",
                    cause.as_str()
                )
            }
            Self::Paused(reason) => {
                write!(
                    f,
                    "wait: the connection is paused ({})",
                    pause_word(*reason)
                )
            }
            Self::UserMissing => f.write_str("wait: the bound user is missing"),
            Self::UserReplaced => f.write_str("wait: the bound user has another id"),
            Self::UserDeleted => f.write_str("make the deleted user anew"),
            Self::UserGone => f.write_str("finish: the bound user is gone"),
        }
    }
}

/// The name of a reason in the store and in the API.
pub(super) fn pause_word(reason: PauseReason) -> &'static str {
    match reason {
        PauseReason::Credentials => "credentials",
        PauseReason::WrongTarget => "wrong_target",
        PauseReason::UsersMissing => "users_missing",
    }
}
