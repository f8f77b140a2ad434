//! The verdict table, row by row: each test sets one failure and names the verdict that follows.

use super::*;
use crate::{plan::ShownActive, scim::ScimError};

const FIRST_ATTEMPT: Situation = Situation {
    attempts: 1,
    budget: 5,
    probe: None,
    looked_up: false,
};
const LAST_ATTEMPT: Situation = Situation {
    attempts: 5,
    ..FIRST_ATTEMPT
};
const SIX_ATTRIBUTES: Phase = Phase::Update { attributes: 6 };
const ONE_ATTRIBUTE: Phase = Phase::Update { attributes: 1 };

fn answer(phase: Phase, status: u16, retry_after: Option<u64>) -> Failure {
    let error = ScimError {
        status,
        is_scim: true,
        ..ScimError::default()
    };
    Failure {
        phase,
        kind: FailureKind::Answered {
            error,
            retry_after: retry_after.map(Duration::from_secs),
        },
    }
}

fn wait_for(seconds: Option<u64>, verify: bool) -> Verdict {
    Verdict::Wait(Wait {
        at_least: seconds.map(Duration::from_secs),
        verify,
        dead_letter: None,
    })
}

fn wait_and_file(cause: DeadLetterCause) -> Verdict {
    Verdict::Wait(Wait {
        at_least: None,
        verify: true,
        dead_letter: Some(cause),
    })
}

#[test]
fn a_target_fault_is_retried_after_its_retry_after() {
    for status in [408, 425, 429] {
        assert_eq!(
            decide(&answer(SIX_ATTRIBUTES, status, Some(7)), &FIRST_ATTEMPT),
            wait_for(Some(7), false)
        );
    }

    assert_eq!(
        decide(&answer(Phase::Read, 503, None), &FIRST_ATTEMPT),
        wait_for(None, false)
    );
    assert_eq!(
        decide(&answer(ONE_ATTRIBUTE, 403, Some(60)), &FIRST_ATTEMPT),
        wait_for(Some(60), false)
    );
    assert_eq!(
        decide(&answer(Phase::Read, 503, None), &LAST_ATTEMPT),
        Verdict::DeadLetter(DeadLetterCause::Exhausted)
    );
}

#[test]
fn a_write_without_an_answer_is_verified_before_it_is_repeated() {
    let silent = |phase, kind| decide(&Failure { phase, kind }, &FIRST_ATTEMPT);
    assert_eq!(
        silent(Phase::Create, FailureKind::NoAnswer),
        wait_for(None, true)
    );
    assert_eq!(
        silent(Phase::Create, FailureKind::Unreachable),
        wait_for(None, false)
    );
    assert_eq!(
        silent(Phase::Create, FailureKind::NotSent),
        wait_for(None, false)
    );
    assert_eq!(
        silent(Phase::Read, FailureKind::NoAnswer),
        wait_for(None, false)
    );
    assert_eq!(
        decide(&answer(Phase::Create, 502, Some(3)), &FIRST_ATTEMPT),
        wait_for(Some(3), true)
    );
}

#[test]
fn a_deactivation_has_no_last_attempt() {
    assert_eq!(
        decide(&answer(Phase::Deactivate, 503, None), &LAST_ATTEMPT),
        wait_and_file(DeadLetterCause::Exhausted)
    );
    assert_eq!(
        decide(&answer(Phase::Deactivate, 400, None), &FIRST_ATTEMPT),
        wait_and_file(DeadLetterCause::Refused)
    );
    assert_eq!(
        decide(&answer(Phase::Deactivate, 501, None), &LAST_ATTEMPT),
        wait_and_file(DeadLetterCause::Refused)
    );

    let silent = Failure {
        phase: Phase::Deactivate,
        kind: FailureKind::NoAnswer,
    };

    assert_eq!(decide(&silent, &FIRST_ATTEMPT), wait_for(None, true));

    for status in 300..600 {
        for probe in [
            None,
            Some(Probe::Accepted),
            Some(Probe::Refused),
            Some(Probe::Unclear),
        ] {
            let verdict = decide(
                &answer(Phase::Deactivate, status, None),
                &Situation {
                    probe,
                    ..LAST_ATTEMPT
                },
            );
            assert!(
                !matches!(
                    verdict,
                    Verdict::DeadLetter(_) | Verdict::Done | Verdict::Recreate
                ),
                "{status}: {verdict:?}"
            );
        }
    }
}

#[test]
fn refused_credentials_are_probed_before_the_connection_is_paused() {
    for status in [401, 403] {
        let with = |probe| {
            decide(
                &answer(ONE_ATTRIBUTE, status, None),
                &Situation {
                    probe,
                    ..FIRST_ATTEMPT
                },
            )
        };
        assert_eq!(with(None), Verdict::Probe);
        assert_eq!(
            with(Some(Probe::Refused)),
            Verdict::Pause(PauseReason::Credentials)
        );
        assert_eq!(
            with(Some(Probe::Accepted)),
            Verdict::DeadLetter(DeadLetterCause::Refused)
        );
        assert_eq!(with(Some(Probe::Unclear)), wait_for(None, false));
    }
}

#[test]
fn an_existing_account_is_looked_up_before_it_is_a_conflict() {
    assert_eq!(
        decide(&answer(Phase::Create, 409, None), &FIRST_ATTEMPT),
        Verdict::LookUp
    );
    let looked_up = Situation {
        looked_up: true,
        ..FIRST_ATTEMPT
    };
    assert_eq!(
        decide(&answer(Phase::Create, 409, None), &looked_up),
        Verdict::DeadLetter(DeadLetterCause::Conflict)
    );
}

#[test]
fn a_refused_update_of_several_attributes_is_split() {
    assert_eq!(
        decide(&answer(SIX_ATTRIBUTES, 400, None), &FIRST_ATTEMPT),
        Verdict::SplitUpdate
    );
    assert_eq!(
        decide(&answer(SIX_ATTRIBUTES, 409, None), &FIRST_ATTEMPT),
        Verdict::SplitUpdate
    );
    assert_eq!(
        decide(&answer(ONE_ATTRIBUTE, 400, None), &FIRST_ATTEMPT),
        Verdict::DeadLetter(DeadLetterCause::Refused)
    );
    assert_eq!(
        decide(&answer(SIX_ATTRIBUTES, 412, None), &FIRST_ATTEMPT),
        Verdict::ReadAgain
    );
    assert_eq!(
        decide(&answer(SIX_ATTRIBUTES, 412, None), &LAST_ATTEMPT),
        Verdict::DeadLetter(DeadLetterCause::Exhausted)
    );
}

#[test]
fn a_404_of_a_bound_user_is_confirmed_and_any_other_404_pauses() {
    for phase in [
        Phase::Read,
        SIX_ATTRIBUTES,
        ONE_ATTRIBUTE,
        Phase::Deactivate,
        Phase::Reactivate,
    ] {
        assert_eq!(
            decide(&answer(phase, 404, None), &FIRST_ATTEMPT),
            Verdict::ConfirmAbsence
        );
    }

    assert_eq!(
        decide(&answer(Phase::Find, 404, None), &FIRST_ATTEMPT),
        Verdict::Pause(PauseReason::WrongTarget)
    );

    let redirected = Failure {
        phase: Phase::Read,
        kind: FailureKind::Redirected,
    };

    assert_eq!(
        decide(&redirected, &FIRST_ATTEMPT),
        Verdict::Pause(PauseReason::WrongTarget)
    );
}

/// All evidence says that the account is gone, and no access is desired.
const GONE: Absence = Absence {
    confirmed: Some(true),
    older_than_propagation_delay: true,
    lookup_empty: Some(true),
    observed_before: true,
    others_missing: false,
    deactivating: true,
    recreate: false,
};

#[test]
fn an_account_that_is_gone_is_done_vanished_or_created_again() {
    assert_eq!(decide_absence(&GONE), Verdict::Done);
    let recreate = Absence {
        recreate: true,
        ..GONE
    };
    assert_eq!(decide_absence(&recreate), Verdict::Done);

    let desired = Absence {
        deactivating: false,
        ..GONE
    };
    let vanished = Verdict::DeadLetter(DeadLetterCause::Vanished);
    assert_eq!(decide_absence(&desired), vanished);
    let recreate = Absence {
        recreate: true,
        ..desired
    };
    assert_eq!(decide_absence(&recreate), Verdict::Recreate);
}

#[test]
fn an_account_is_gone_only_after_every_check_agrees() {
    let with = |change: fn(&mut Absence)| {
        let mut known = GONE;
        change(&mut known);
        decide_absence(&known)
    };

    let wrong_target = Verdict::Pause(PauseReason::WrongTarget);
    assert_eq!(with(|known| known.confirmed = None), Verdict::ReadAgain);
    assert_eq!(with(|known| known.confirmed = Some(false)), wrong_target);
    assert_eq!(with(|known| known.others_missing = true), wrong_target);
    assert_eq!(with(|known| known.lookup_empty = None), Verdict::LookUp);

    let verify = wait_for(None, true);
    assert_eq!(with(|known| known.observed_before = false), verify);
    let young = with(|known| known.older_than_propagation_delay = false);
    assert_eq!(young, verify);
}

#[test]
fn a_deactivation_without_effect_is_filed_and_verified() {
    for shown in [ShownActive::Active, ShownActive::NotStated] {
        let kind = FailureKind::WithoutEffect(shown);
        let phase = Phase::Deactivate;
        for situation in [FIRST_ATTEMPT, LAST_ATTEMPT] {
            assert_eq!(
                decide(
                    &Failure {
                        phase,
                        kind: kind.clone()
                    },
                    &situation
                ),
                wait_and_file(DeadLetterCause::NotEffective)
            );
        }
    }
}

#[test]
fn an_activation_without_effect_is_filed_after_a_few_attempts() {
    let failure = Failure {
        phase: Phase::Reactivate,
        kind: FailureKind::WithoutEffect(ShownActive::Inactive),
    };
    let third = Situation {
        attempts: 3,
        ..FIRST_ATTEMPT
    };

    assert_eq!(decide(&failure, &FIRST_ATTEMPT), wait_for(None, true));
    assert_eq!(
        decide(&failure, &third),
        Verdict::DeadLetter(DeadLetterCause::NotEffective)
    );
}

#[test]
fn a_search_with_a_sensitive_filter_is_refused_without_a_probe() {
    let error = ScimError {
        status: 403,
        scim_type: Some("sensitive".to_owned()),
        is_scim: true,
        ..ScimError::default()
    };

    let failure = Failure {
        phase: Phase::Find,
        kind: FailureKind::Answered {
            error,
            retry_after: None,
        },
    };

    assert_eq!(
        decide(&failure, &FIRST_ATTEMPT),
        Verdict::DeadLetter(DeadLetterCause::Refused)
    );
}
