//! The verdict table: what follows from a failed SCIM request. Pure.
//!
//! [`decide`] takes one failed request; `absence.rs` decides about a bound user that answered 404. The
//! table neither waits nor sends: the worker follows the verdict and asks again with what it
//! learned.

use std::time::Duration;

use super::{
    dead_letter_cause::DeadLetterCause,
    failure::{Failure, FailureKind, Phase},
    probe::Probe,
};

/// So many failures in a row of one account are a lasting failure, not a passing one.
const LASTING: u32 = 3;

/// The next step after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Wait, then reconcile the account again.
    Wait(Wait),
    /// Look the account up by every match key: another account has a unique value of the create.
    LookUp,
    /// Read the account and plan again.
    ReadAgain,
    /// Collect the evidence for [`decide_absence`](super::decide_absence): the bound user may be gone.
    ConfirmAbsence,
    /// Send a probe of the collection (and reload the credentials first, if they were refused), then
    /// call [`decide`] again with its result.
    Probe,
    /// Send each change of the update in a request of its own, so that only the bad ones fail.
    SplitUpdate,
    /// Pause the connection and raise an alarm: the failure is not about this person.
    Pause(PauseReason),
    /// File a dead letter and stop trying until facts or mapping change.
    DeadLetter(DeadLetterCause),
    /// The desired state is reached already.
    Done,
}

/// How the next attempt is delayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// The least delay, from `Retry-After`; `None`: the backoff decides alone.
    pub at_least: Option<Duration>,
    /// Whether the write may have taken effect. Then the next attempt reads the account first, and
    /// not before the propagation delay has passed.
    pub verify: bool,
    /// The dead letter to file while the attempts go on: for a deactivation, which has no last
    /// attempt, and for a failure that does not pass.
    pub dead_letter: Option<DeadLetterCause>,
    /// Whether the target does not answer at all: then the connection waits and tries again, and
    /// this account uses up no attempt.
    pub is_outage: bool,
}

/// The reason for the pause of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseReason {
    /// The target refuses the credentials.
    Credentials,
    /// The base URL is probably wrong: users cannot be listed there, or requests are redirected.
    WrongTarget,
    /// Several bound users in a row are missing and no other can be read: the tenant is probably
    /// wrong.
    UsersMissing,
}

/// The circumstances of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// How many attempts in a row failed, including this one.
    pub attempts: u32,
    /// The number of failed attempts after which the dead letter `exhausted` is filed.
    pub budget: u32,
    /// The result of the probe that followed this failure; `None`: none was sent yet.
    pub probe: Option<Probe>,
    /// Whether a lookup by every match key followed this failure and found nothing.
    pub looked_up: bool,
}

/// Decides what follows from one failed request.
pub fn decide(failure: &Failure, situation: &Situation) -> Verdict {
    let phase = failure.phase;
    let verdict = match &failure.kind {
        FailureKind::Answered { error, retry_after } => decide_answer(
            phase,
            error.status,
            *retry_after,
            error.has_scim_type("sensitive"),
            situation,
        ),
        FailureKind::Unreachable => target_fault(phase, None, false, situation),
        // Hirewire's own rate limit delayed the request: this is no failed attempt.
        FailureKind::NotSent => Verdict::Wait(Wait::default()),
        FailureKind::Unfit(_) => refused(phase),
        FailureKind::NoAnswer => target_fault(phase, None, phase.writes(), situation),
        FailureKind::Unusable(_) => {
            lasting(phase, None, situation).unwrap_or_else(|| wait(None, phase.writes(), situation))
        }
        FailureKind::Redirected => perhaps_everybody(phase, None, situation),
        FailureKind::WithoutEffect(_) => without_effect(phase, situation),
    };

    keep_deactivating(phase, verdict)
}

/// Decides about an answer with an error status. `sensitive` is the `scimType` of a search that the
/// target refuses because of its filter (RFC 7644 section 7.5.2): it says nothing about
/// credentials.
fn decide_answer(
    phase: Phase,
    status: u16,
    retry_after: Option<Duration>,
    sensitive: bool,
    situation: &Situation,
) -> Verdict {
    match status {
        // GitHub answers 403 with Retry-After when its secondary rate limit is exceeded.
        403 if retry_after.is_some() => wait(retry_after, false, situation),
        425 | 429 => wait(retry_after, false, situation),
        408 => target_fault(phase, retry_after, false, situation),
        // 501 Not Implemented and 505 Version Not Supported: a repetition cannot succeed.
        501 | 505 => refused(phase),
        500.. => target_fault(phase, retry_after, phase.writes(), situation),
        401 | 403 if !sensitive => perhaps_everybody(phase, retry_after, situation),
        404 => match phase {
            Phase::Read | Phase::Update { .. } | Phase::Deactivate | Phase::Reactivate => {
                Verdict::ConfirmAbsence
            }
            Phase::Find | Phase::Create | Phase::Probe => {
                perhaps_everybody(phase, retry_after, situation)
            }
            // Either the group or the member is missing, and the answer does not say which.
            Phase::FindGroup | Phase::Groups => refused(phase),
        },
        409 if phase == Phase::Create => {
            if situation.looked_up {
                Verdict::DeadLetter(DeadLetterCause::Conflict)
            } else {
                Verdict::LookUp
            }
        }
        412 if situation.attempts >= situation.budget => exhausted(),
        412 => Verdict::ReadAgain,
        // Every other 4xx, and statuses that are neither success nor error.
        _ => refused(phase),
    }
}

/// Decides about an answer that may concern the whole connection or this request alone: a probe of
/// the collection tells.
fn perhaps_everybody(
    phase: Phase,
    retry_after: Option<Duration>,
    situation: &Situation,
) -> Verdict {
    match situation.probe {
        None => Verdict::Probe,
        Some(Probe::Accepted) => refused(phase),
        Some(Probe::Refused) => Verdict::Pause(PauseReason::Credentials),
        Some(Probe::WrongTarget) => Verdict::Pause(PauseReason::WrongTarget),
        Some(Probe::Down) => outage(retry_after, false),
        Some(Probe::Unclear) => wait(retry_after, false, situation),
    }
}

/// Decides about a failure of the target itself. If a probe fails too, the connection waits, and
/// no attempt of this account is used up; if not, it is about this request.
fn target_fault(
    phase: Phase,
    retry_after: Option<Duration>,
    verify: bool,
    situation: &Situation,
) -> Verdict {
    match situation.probe {
        None => Verdict::Probe,
        Some(Probe::Down) => outage(retry_after, verify),
        Some(Probe::Accepted) => lasting(phase, retry_after, situation)
            .unwrap_or_else(|| wait(retry_after, verify, situation)),
        Some(Probe::Refused | Probe::WrongTarget | Probe::Unclear) => {
            wait(retry_after, verify, situation)
        }
    }
}

/// Decides about a failure of one request that does not pass: its changes are sent one by one, or
/// a dead letter names it while the attempts go on. `None`: it may pass.
fn lasting(phase: Phase, retry_after: Option<Duration>, situation: &Situation) -> Option<Verdict> {
    if situation.attempts < LASTING || situation.attempts >= situation.budget {
        return None;
    }

    Some(match phase {
        Phase::Update { attributes: 2.. } => Verdict::SplitUpdate,
        Phase::Update { .. }
        | Phase::Find
        | Phase::Read
        | Phase::Create
        | Phase::Deactivate
        | Phase::Reactivate
        | Phase::FindGroup
        | Phase::Groups
        | Phase::Probe => Verdict::Wait(Wait {
            at_least: retry_after,
            verify: phase.writes(),
            dead_letter: Some(DeadLetterCause::Refused),
            is_outage: false,
        }),
    })
}

fn wait(at_least: Option<Duration>, verify: bool, situation: &Situation) -> Verdict {
    if situation.attempts >= situation.budget {
        return exhausted();
    }

    Verdict::Wait(Wait {
        at_least,
        verify,
        ..Wait::default()
    })
}

fn outage(at_least: Option<Duration>, verify: bool) -> Verdict {
    Verdict::Wait(Wait {
        at_least,
        verify,
        is_outage: true,
        ..Wait::default()
    })
}

fn exhausted() -> Verdict {
    Verdict::DeadLetter(DeadLetterCause::Exhausted)
}

fn refused(phase: Phase) -> Verdict {
    match phase {
        Phase::Update { attributes: 2.. } => Verdict::SplitUpdate,
        Phase::Update { .. }
        | Phase::Find
        | Phase::Read
        | Phase::Create
        | Phase::Deactivate
        | Phase::Reactivate
        | Phase::FindGroup
        | Phase::Groups
        | Phase::Probe => Verdict::DeadLetter(DeadLetterCause::Refused),
    }
}

/// Turns the dead letter of a deactivation into a wait that files it: a deactivation has no last
/// attempt, and each attempt reads the account first.
fn keep_deactivating(phase: Phase, verdict: Verdict) -> Verdict {
    match (phase, verdict) {
        (Phase::Deactivate, Verdict::DeadLetter(cause)) => Verdict::Wait(Wait {
            verify: true,
            dead_letter: Some(cause),
            ..Wait::default()
        }),
        (_, verdict) => verdict,
    }
}

/// Decides about a write of `active` that the target answered with success and that does not show.
/// A deactivation is filed at once and goes on; an activation may be slow to show.
fn without_effect(phase: Phase, situation: &Situation) -> Verdict {
    if phase != Phase::Deactivate && situation.attempts >= LASTING {
        return Verdict::DeadLetter(DeadLetterCause::NotEffective);
    }

    Verdict::Wait(Wait {
        verify: true,
        dead_letter: (phase == Phase::Deactivate).then_some(DeadLetterCause::NotEffective),
        ..Wait::default()
    })
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
