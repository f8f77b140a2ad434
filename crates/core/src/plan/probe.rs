//! The result of a probe, which tells one odd answer from trouble with the whole target.

use super::failure::{Failure, FailureKind};

/// The result of a probe: a read of the collection of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Base URL and credentials work, even if users cannot be listed.
    Accepted,
    /// The target answers 401 or 403.
    Refused,
    /// There is no such collection, it is elsewhere, or the answer is no SCIM list.
    WrongTarget,
    /// The target does not answer, or answers that it is in trouble.
    Down,
    /// The probe shows nothing: it was not sent, or the target asked to wait.
    Unclear,
}

impl Probe {
    /// The result that the answer to a probe stands for.
    pub fn of(answer: &Result<(), Failure>) -> Self {
        let Err(failure) = answer else {
            return Self::Accepted;
        };

        match (&failure.kind, failure.status()) {
            // A rate limit, as in `decide`.
            (
                FailureKind::Answered {
                    retry_after: Some(_),
                    ..
                },
                Some(403),
            ) => Self::Unclear,
            (FailureKind::Redirected | FailureKind::Unusable(_), _)
            | (_, Some(404 | 405 | 410)) => Self::WrongTarget,
            (_, Some(401 | 403)) => Self::Refused,
            (FailureKind::NotSent, _) | (_, Some(425 | 429)) => Self::Unclear,
            // A server without lists refuses this request, and may serve others.
            (_, Some(501)) => Self::Accepted,
            _ if failure.is_target_fault() => Self::Down,
            _ => Self::Accepted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::Phase, scim::ScimError};

    #[test]
    fn a_probe_tells_a_refusal_from_a_wrong_target_and_an_outage() {
        let answered = |status| FailureKind::Answered {
            error: ScimError {
                status,
                ..ScimError::default()
            },
            retry_after: None,
        };
        let kind = |kind| {
            Probe::of(&Err(Failure {
                phase: Phase::Probe,
                kind,
            }))
        };

        let of = |status| kind(answered(status));

        assert_eq!(Probe::of(&Ok(())), Probe::Accepted);
        assert_eq!([of(401), of(403)], [Probe::Refused; 2]);
        assert_eq!([of(404), of(405)], [Probe::WrongTarget; 2]);
        assert_eq!([of(500), of(503), of(408)], [Probe::Down; 3]);
        assert_eq!([of(400), of(501), of(413)], [Probe::Accepted; 3]);
        assert_eq!(of(429), Probe::Unclear);
        assert_eq!(kind(FailureKind::NotSent), Probe::Unclear);
        assert_eq!(kind(FailureKind::Unreachable), Probe::Down);
        assert_eq!(kind(FailureKind::NoAnswer), Probe::Down);
        assert_eq!(kind(FailureKind::Redirected), Probe::WrongTarget);
        assert_eq!(kind(FailureKind::Unusable("no list")), Probe::WrongTarget);
    }
}
