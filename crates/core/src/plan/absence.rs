//! Decides about a bound user that answered 404: gone, replaced, or a target that is not the one it
//! was. Pure.

use super::{
    dead_letter_cause::DeadLetterCause,
    verdict::{PauseReason, Verdict, Wait},
};

/// The evidence about a bound user that answered 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Whether a GET of the user answered 404 although the target works: with a SCIM error, or
    /// while a probe succeeds. `None`: no GET answered 404, or the target did not answer.
    pub confirmed: Option<bool>,
    /// Whether the binding is older than the propagation delay. A younger user may exist although
    /// a slow target does not show it yet.
    pub older_than_propagation_delay: bool,
    /// Whether a lookup by every match key found nothing; `None`: no lookup was completed.
    pub lookup_empty: Option<bool>,
    /// Whether an earlier reconcile, at least the propagation delay ago, found the same.
    pub observed_before: bool,
    /// Whether other bound users of the connection are missing too, and none can be read.
    pub others_missing: bool,
    /// Whether the desired access is none, so that a missing account is what is desired.
    pub deactivating: bool,
}

/// Decides about a bound user that answered 404: done, vanished, or a wrong target.
pub fn decide_absence(known: &Absence) -> Verdict {
    let verify_later = Verdict::Wait(Wait {
        verify: true,
        ..Wait::default()
    });

    match (known.confirmed, known.lookup_empty) {
        (None, _) => Verdict::ReadAgain,
        // A 404 of everything comes from a wrong URL.
        (Some(false), _) => Verdict::Pause(PauseReason::WrongTarget),
        (Some(true), _) if known.others_missing => Verdict::Pause(PauseReason::UsersMissing),
        // A user that is found has a new id: the next reconcile binds it or files `ambiguous`.
        (Some(true), None | Some(false)) => Verdict::LookUp,
        (Some(true), Some(true))
            if !known.older_than_propagation_delay || !known.observed_before =>
        {
            verify_later
        }
        (Some(true), Some(true)) if known.deactivating => Verdict::Done,
        (Some(true), Some(true)) => Verdict::DeadLetter(DeadLetterCause::Vanished),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All evidence says that the account is gone, and no access is desired.
    const GONE: Absence = Absence {
        confirmed: Some(true),
        older_than_propagation_delay: true,
        lookup_empty: Some(true),
        observed_before: true,
        others_missing: false,
        deactivating: true,
    };

    #[test]
    fn an_account_that_is_gone_is_done_or_vanished() {
        assert_eq!(decide_absence(&GONE), Verdict::Done);

        let desired = Absence {
            deactivating: false,
            ..GONE
        };
        let vanished = Verdict::DeadLetter(DeadLetterCause::Vanished);
        assert_eq!(decide_absence(&desired), vanished);
    }

    #[test]
    fn an_account_is_gone_only_after_every_check_agrees() {
        let with = |change: fn(&mut Absence)| {
            let mut known = GONE;
            change(&mut known);
            decide_absence(&known)
        };

        let pause = Verdict::Pause;
        assert_eq!(with(|known| known.confirmed = None), Verdict::ReadAgain);
        assert_eq!(
            with(|known| known.confirmed = Some(false)),
            pause(PauseReason::WrongTarget)
        );
        assert_eq!(
            with(|known| known.others_missing = true),
            pause(PauseReason::UsersMissing)
        );
        assert_eq!(with(|known| known.lookup_empty = None), Verdict::LookUp);

        let verify = Verdict::Wait(Wait {
            verify: true,
            ..Wait::default()
        });
        assert_eq!(with(|known| known.observed_before = false), verify);
        let young = with(|known| known.older_than_propagation_delay = false);
        assert_eq!(young, verify);
    }
}
