//! The verdict table: what follows from a failed SCIM request. Pure.
//!
//! [`decide`] takes one failed request, [`decide_absence`] the evidence about a bound user that
//! answered 404, [`decide_not_effective`] a deactivation without effect. The table neither waits
//! nor sends: the worker follows the verdict and asks again with what it learned.

use std::time::Duration;

use super::{
    dead_letter_cause::DeadLetterCause,
    failure::{Failure, FailureKind, Phase},
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
    /// Collect the evidence for [`decide_absence`]: the bound user may be gone.
    ConfirmAbsence,
    /// Reload the credentials and send a probe, then call [`decide`] again with its result.
    Probe,
    /// Send each change of the update in a request of its own, so that only the bad ones fail.
    SplitUpdate,
    /// Pause the connection and raise an alarm: the failure is not about this person.
    Pause(PauseReason),
    /// File a dead letter and stop trying until facts or mapping change.
    DeadLetter(DeadLetterCause),
    /// The desired state is reached already.
    Done,
    /// Create the vanished account again, if the policy allows it.
    Recreate,
}

/// How the next attempt is delayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// The least delay, from `Retry-After`; `None`: the backoff decides alone.
    pub at_least: Option<Duration>,
    /// Whether the write may have taken effect. Then the next attempt reads the account first, and
    /// not before the propagation delay has passed.
    pub verify: bool,
    /// The dead letter to file while the attempts go on. Only a deactivation does this, because it
    /// has no last attempt.
    pub dead_letter: Option<DeadLetterCause>,
}

/// The reason for the pause of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseReason {
    /// The target refuses the credentials.
    Credentials,
    /// The base URL or the tenant is probably wrong: answers are not SCIM, requests are redirected,
    /// or several bound users in a row are missing.
    WrongTarget,
}

/// The circumstances of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// How many attempts in a row failed, including this one.
    pub attempts: u32,
    /// The number of failed attempts after which the dead letter `exhausted` is filed.
    pub budget: u32,
    /// The result of the probe that followed this failure; `None`: no probe was sent.
    pub probe: Option<Probe>,
    /// Whether a lookup by every match key followed this failure and found nothing.
    pub looked_up: bool,
}

/// The result of a read that tests the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The target accepts the credentials.
    Accepted,
    /// The target answers 401 or 403.
    Refused,
    /// The probe failed for another reason, for example because the target is down.
    Unclear,
}

impl Probe {
    /// The result that the answer to a probe stands for.
    pub fn of(answer: &Result<(), Failure>) -> Self {
        match answer.as_ref().map_err(Failure::status) {
            Ok(()) => Self::Accepted,
            Err(Some(401 | 403)) => Self::Refused,
            Err(_) => Self::Unclear,
        }
    }
}

/// Decides what follows from one failed request.
pub fn decide(failure: &Failure, situation: &Situation) -> Verdict {
    let verdict = match &failure.kind {
        FailureKind::Answered { error, retry_after } => decide_answer(
            failure.phase,
            error.status,
            *retry_after,
            error.has_scim_type("sensitive"),
            situation,
        ),
        FailureKind::Unreachable => wait(None, false, situation),
        // Hirewire's own rate limit delayed the request: this is no failed attempt.
        FailureKind::NotSent => Verdict::Wait(Wait::default()),
        FailureKind::NoAnswer | FailureKind::Unusable(_) => {
            wait(None, failure.phase.writes(), situation)
        }
        FailureKind::Redirected => Verdict::Pause(PauseReason::WrongTarget),
        FailureKind::WithoutEffect(_) => without_effect(failure.phase, situation),
    };

    keep_deactivating(failure.phase, verdict)
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
        408 | 425 | 429 => wait(retry_after, false, situation),
        // 501 Not Implemented and 505 Version Not Supported: a repetition cannot succeed.
        501 | 505 => refused(phase),
        500.. => wait(retry_after, phase.writes(), situation),
        401 | 403 if !sensitive => match situation.probe {
            None => Verdict::Probe,
            Some(Probe::Refused) => Verdict::Pause(PauseReason::Credentials),
            Some(Probe::Accepted) => refused(phase),
            Some(Probe::Unclear) => wait(retry_after, false, situation),
        },
        404 => match phase {
            Phase::Read | Phase::Update { .. } | Phase::Deactivate | Phase::Reactivate => {
                Verdict::ConfirmAbsence
            }
            Phase::Find | Phase::Create | Phase::Probe => Verdict::Pause(PauseReason::WrongTarget),
            // Either the group or the member is missing, and the answer does not say which.
            Phase::Groups => refused(phase),
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

fn wait(at_least: Option<Duration>, verify: bool, situation: &Situation) -> Verdict {
    if situation.attempts >= situation.budget {
        return exhausted();
    }

    Verdict::Wait(Wait {
        at_least,
        verify,
        dead_letter: None,
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
        | Phase::Groups
        | Phase::Probe => Verdict::DeadLetter(DeadLetterCause::Refused),
    }
}

/// Turns the dead letter of a deactivation into a wait that files it: a deactivation has no last
/// attempt, and each attempt reads the account first.
fn keep_deactivating(phase: Phase, verdict: Verdict) -> Verdict {
    match (phase, verdict) {
        (Phase::Deactivate, Verdict::DeadLetter(cause)) => Verdict::Wait(Wait {
            at_least: None,
            verify: true,
            dead_letter: Some(cause),
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
        at_least: None,
        verify: true,
        dead_letter: (phase == Phase::Deactivate).then_some(DeadLetterCause::NotEffective),
    })
}

/// The evidence about a bound user that answered 404.
#[allow(
    clippy::struct_excessive_bools,
    reason = "a row of evidence, not the states of a machine"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Whether a GET of the user answered 404 with a SCIM error; `None`: no GET answered 404.
    pub confirmed: Option<bool>,
    /// Whether the binding is older than the propagation delay. A younger user may exist although
    /// a slow target does not show it yet.
    pub older_than_propagation_delay: bool,
    /// Whether a lookup by every match key found nothing; `None`: no lookup was completed.
    pub lookup_empty: Option<bool>,
    /// Whether an earlier reconcile, at least the propagation delay ago, found the same.
    pub observed_before: bool,
    /// Whether other bound users of the connection are missing too.
    pub others_missing: bool,
    /// Whether the desired access is none, so that a missing account is what is desired.
    pub deactivating: bool,
    /// Whether the policy allows to create a vanished account again.
    pub recreate: bool,
}

/// Decides about a bound user that answered 404: done, vanished, or a wrong target.
pub fn decide_absence(known: &Absence) -> Verdict {
    let verify_later = Verdict::Wait(Wait {
        at_least: None,
        verify: true,
        dead_letter: None,
    });

    match (known.confirmed, known.lookup_empty) {
        (None, _) => Verdict::ReadAgain,
        // A 404 that is not a SCIM error comes from a wrong URL, or for a token of another tenant.
        (Some(false), _) => Verdict::Pause(PauseReason::WrongTarget),
        (Some(true), _) if known.others_missing => Verdict::Pause(PauseReason::WrongTarget),
        // A user that is found has a new id: the next reconcile binds it or files `ambiguous`.
        (Some(true), None | Some(false)) => Verdict::LookUp,
        (Some(true), Some(true))
            if !known.older_than_propagation_delay || !known.observed_before =>
        {
            verify_later
        }
        (Some(true), Some(true)) if known.deactivating => Verdict::Done,
        (Some(true), Some(true)) if known.recreate => Verdict::Recreate,
        (Some(true), Some(true)) => Verdict::DeadLetter(DeadLetterCause::Vanished),
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
