//! From what the target did to what we do about it: one pure table (ARCHITECTURE.md, "Deciding").
//!
//! [`decide`] is for one failed request, [`absent`] for a bound user that answers 404. Neither waits nor looks:
//! they say what is to be done, the worker does it and asks again with what it found.

use std::time::Duration;

use super::{DeadLetterCause, Failure, FailureKind, Phase};

/// What we do about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try again later.
    Wait(Wait),
    /// Look the account up by every match key: somebody owns what we wanted to create.
    LookUp,
    /// Read the account again and plan again.
    ReadAgain,
    /// Follow [`absent`] with what is known.
    ConfirmAbsence,
    /// Read the secret again if it changed, then probe with a read; tell [`decide`] what it gave.
    Probe,
    /// Send the changes one by one, so that a bad one holds up no other.
    OneByOne,
    /// Pause the connection, with an alarm: it is not about this person.
    Pause(PauseReason),
    /// File a letter; nothing more is tried by itself.
    Letter(DeadLetterCause),
    /// What was wanted is so already.
    Done,
    /// Make the account anew (`vanished` by policy).
    Recreate,
}

/// How to wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// Not shorter than this; else by backoff.
    pub at_least: Option<Duration>,
    /// The write may have happened: look before writing again, and not before `propagation_delay`.
    pub verify: bool,
    /// A letter filed while it goes on: a deactivation has no last attempt.
    pub letter: Option<DeadLetterCause>,
}

/// Why a connection is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseReason {
    /// The credentials are refused.
    Credentials,
    /// The base URL or the token seems to be wrong: answers that are not SCIM, or users missing in a row.
    WrongTarget,
}

/// What is known beside the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// Failures in a row, with this one.
    pub attempts: u32,
    /// After how many the letter `exhausted` is filed.
    pub budget: u32,
    /// What a probe gave, if one was made because of this failure.
    pub probe: Option<Probe>,
    /// The account was looked up by every match key because of this failure, and nothing was found.
    pub looked_up: bool,
}

/// What a read-only probe gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The credentials are good.
    Accepted,
    /// They are refused.
    Refused,
    /// It could not be told (the target is down).
    Unclear,
}

impl Probe {
    /// What the answer to a probe says of the credentials.
    pub fn of(answer: &Result<(), Failure>) -> Self {
        match answer.as_ref().map_err(Failure::status) {
            Ok(()) => Self::Accepted,
            Err(Some(401 | 403)) => Self::Refused,
            Err(_) => Self::Unclear,
        }
    }
}

/// The table.
pub fn decide(failure: &Failure, situation: &Situation) -> Verdict {
    let verdict = match &failure.kind {
        FailureKind::Answered { error, retry_after } => answered(
            failure.phase,
            error.status,
            *retry_after,
            error.is_type("sensitive"),
            situation,
        ),
        FailureKind::Unreachable => wait(None, false, situation),
        // Our own rate limit: it uses up no attempt.
        FailureKind::NotSent => Verdict::Wait(Wait::default()),
        FailureKind::NoAnswer | FailureKind::Unusable(_) => {
            wait(None, failure.phase.writes(), situation)
        }
        FailureKind::Redirected => Verdict::Pause(PauseReason::WrongTarget),
    };
    goes_on(failure.phase, verdict)
}

fn answered(
    phase: Phase,
    status: u16,
    retry_after: Option<Duration>,
    sensitive: bool,
    s: &Situation,
) -> Verdict {
    match status {
        // GitHub's secondary limit is a 403 with Retry-After.
        403 if retry_after.is_some() => wait(retry_after, false, s),
        408 | 425 | 429 => wait(retry_after, false, s),
        // What the server does not know how to do it will not learn by being asked again.
        501 | 505 => refused(phase),
        500.. => wait(retry_after, phase.writes(), s),
        401 | 403 if !sensitive => match s.probe {
            None => Verdict::Probe,
            Some(Probe::Refused) => Verdict::Pause(PauseReason::Credentials),
            Some(Probe::Accepted) => refused(phase),
            Some(Probe::Unclear) => wait(retry_after, false, s),
        },
        404 => match phase {
            Phase::Read | Phase::Update { .. } | Phase::Deactivate | Phase::Reactivate => {
                Verdict::ConfirmAbsence
            }
            Phase::Find | Phase::Create | Phase::Probe => Verdict::Pause(PauseReason::WrongTarget),
            // The group or the user in it: what is bound is read, the groups are looked up again.
            Phase::Groups => refused(phase),
        },
        409 if phase == Phase::Create => {
            if s.looked_up {
                Verdict::Letter(DeadLetterCause::Conflict)
            } else {
                Verdict::LookUp
            }
        }
        412 if s.attempts >= s.budget => exhausted(),
        412 => Verdict::ReadAgain,
        // 4xx, and what is neither success nor error.
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
        letter: None,
    })
}

fn exhausted() -> Verdict {
    Verdict::Letter(DeadLetterCause::Exhausted)
}

fn refused(phase: Phase) -> Verdict {
    match phase {
        Phase::Update { attributes: 2.. } => Verdict::OneByOne,
        Phase::Update { .. }
        | Phase::Find
        | Phase::Read
        | Phase::Create
        | Phase::Deactivate
        | Phase::Reactivate
        | Phase::Groups
        | Phase::Probe => Verdict::Letter(DeadLetterCause::Refused),
    }
}

/// A deactivation has no last attempt: its letter is filed and it goes on, always looking first.
fn goes_on(phase: Phase, verdict: Verdict) -> Verdict {
    match (phase, verdict) {
        (Phase::Deactivate, Verdict::Letter(cause)) => Verdict::Wait(Wait {
            at_least: None,
            verify: true,
            letter: Some(cause),
        }),
        (_, verdict) => verdict,
    }
}

/// 200 to a deactivation, and the account read back is still active.
pub fn not_effective() -> Verdict {
    Verdict::Wait(Wait {
        at_least: None,
        verify: true,
        letter: Some(DeadLetterCause::NotEffective),
    })
}

/// What is known about a bound user that answered 404.
#[allow(
    clippy::struct_excessive_bools,
    reason = "a row of evidence, not the states of a machine"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// A GET of the user was answered 404 with a SCIM error; `None`: not asked yet.
    pub confirmed: Option<bool>,
    /// The binding is older than `propagation_delay`: not a fresh user that a slow target does not show yet.
    pub older_than_propagation_delay: bool,
    /// The account was looked up by every match key and not found; `None`: not looked yet.
    pub unfound: Option<bool>,
    /// All of it was found so before, at least `propagation_delay` ago.
    pub seen_before: bool,
    /// Other bound users of the connection were missing just before.
    pub several_in_a_row: bool,
    /// What is wanted is that the account gives no access.
    pub ending: bool,
    /// Whether policy allows to make a vanished account anew.
    pub recreate: bool,
}

/// The table for a bound user that answers 404: done, gone, or the target that is not what it was.
pub fn absent(known: &Absence) -> Verdict {
    let look_later = Verdict::Wait(Wait {
        at_least: None,
        verify: true,
        letter: None,
    });
    match (known.confirmed, known.unfound) {
        (None, _) => Verdict::ReadAgain,
        // An HTML 404 is the wrong URL, or a token of another tenant.
        (Some(false), _) => Verdict::Pause(PauseReason::WrongTarget),
        (Some(true), _) if known.several_in_a_row => Verdict::Pause(PauseReason::WrongTarget),
        // Found means it has another id now: the worker binds what it found, or files `ambiguous`.
        (Some(true), None | Some(false)) => Verdict::LookUp,
        (Some(true), Some(true)) if !known.older_than_propagation_delay || !known.seen_before => {
            look_later
        }
        (Some(true), Some(true)) if known.ending => Verdict::Done,
        (Some(true), Some(true)) if known.recreate => Verdict::Recreate,
        (Some(true), Some(true)) => Verdict::Letter(DeadLetterCause::Vanished),
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
