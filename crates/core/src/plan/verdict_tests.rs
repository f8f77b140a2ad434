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
        ..Wait::default()
    })
}

fn wait_and_file(cause: DeadLetterCause) -> Verdict {
    Verdict::Wait(Wait {
        verify: true,
        dead_letter: Some(cause),
        ..Wait::default()
    })
}

/// The first attempt, after a probe with this result.
fn probed(probe: Probe) -> Situation {
    Situation {
        probe: Some(probe),
        ..FIRST_ATTEMPT
    }
}

#[test]
fn a_request_to_wait_is_followed() {
    for status in [425, 429] {
        assert_eq!(
            decide(&answer(SIX_ATTRIBUTES, status, Some(7)), &FIRST_ATTEMPT),
            wait_for(Some(7), false)
        );
    }
    assert_eq!(
        decide(&answer(ONE_ATTRIBUTE, 403, Some(60)), &FIRST_ATTEMPT),
        wait_for(Some(60), false)
    );
}

#[test]
fn a_target_fault_is_probed_and_then_retried_after_its_retry_after() {
    for status in [408, 500, 502, 503, 504] {
        let failure = answer(Phase::Read, status, Some(7));
        assert_eq!(decide(&failure, &FIRST_ATTEMPT), Verdict::Probe);
        for probe in [Probe::Accepted, Probe::Unclear, Probe::Refused] {
            assert_eq!(decide(&failure, &probed(probe)), wait_for(Some(7), false));
        }
    }

    let last = Situation {
        probe: Some(Probe::Accepted),
        ..LAST_ATTEMPT
    };
    assert_eq!(
        decide(&answer(Phase::Read, 503, None), &last),
        Verdict::DeadLetter(DeadLetterCause::Exhausted)
    );
}

#[test]
fn an_outage_uses_up_no_attempt() {
    let last = Situation {
        probe: Some(Probe::Down),
        ..LAST_ATTEMPT
    };
    for phase in [
        Phase::Read,
        Phase::Create,
        SIX_ATTRIBUTES,
        Phase::Deactivate,
    ] {
        for kind in [FailureKind::Unreachable, FailureKind::NoAnswer] {
            let verify = phase.writes() && kind == FailureKind::NoAnswer;
            assert_eq!(
                decide(&Failure { phase, kind }, &last),
                Verdict::Wait(Wait {
                    verify,
                    is_outage: true,
                    ..Wait::default()
                })
            );
        }
    }
}

#[test]
fn a_failure_that_does_not_pass_is_split_or_filed_while_the_attempts_go_on() {
    let third = Situation {
        attempts: 3,
        ..probed(Probe::Accepted)
    };
    assert_eq!(
        decide(&answer(SIX_ATTRIBUTES, 500, None), &third),
        Verdict::SplitUpdate
    );
    for phase in [Phase::Create, ONE_ATTRIBUTE, Phase::Deactivate] {
        assert_eq!(
            decide(&answer(phase, 500, None), &third),
            wait_and_file(DeadLetterCause::Refused)
        );
    }

    let unusable = Failure {
        phase: Phase::Find,
        kind: FailureKind::Unusable("no list"),
    };
    let filed = Verdict::Wait(Wait {
        dead_letter: Some(DeadLetterCause::Refused),
        ..Wait::default()
    });
    assert_eq!(decide(&unusable, &FIRST_ATTEMPT), wait_for(None, false));
    assert_eq!(decide(&unusable, &third), filed);
    assert_eq!(decide(&answer(Phase::Find, 500, None), &third), filed);
}

#[test]
fn a_write_without_an_answer_is_verified_before_it_is_repeated() {
    let accepted = probed(Probe::Accepted);
    let silent = |phase, kind| decide(&Failure { phase, kind }, &accepted);
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
        decide(&answer(Phase::Create, 502, Some(3)), &accepted),
        wait_for(Some(3), true)
    );
}

#[test]
fn a_deactivation_has_no_last_attempt() {
    let last = Situation {
        probe: Some(Probe::Accepted),
        ..LAST_ATTEMPT
    };
    assert_eq!(
        decide(&answer(Phase::Deactivate, 503, None), &last),
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

    assert_eq!(
        decide(&silent, &probed(Probe::Accepted)),
        wait_for(None, true)
    );

    for status in 300..600 {
        for probe in [
            None,
            Some(Probe::Accepted),
            Some(Probe::Refused),
            Some(Probe::WrongTarget),
            Some(Probe::Down),
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
                !matches!(verdict, Verdict::DeadLetter(_) | Verdict::Done),
                "{status}: {verdict:?}"
            );
        }
    }
}

#[test]
fn an_odd_answer_is_probed_before_the_connection_is_paused() {
    let redirected = Failure {
        phase: ONE_ATTRIBUTE,
        kind: FailureKind::Redirected,
    };
    for failure in [
        answer(ONE_ATTRIBUTE, 401, None),
        answer(ONE_ATTRIBUTE, 403, None),
        answer(Phase::Find, 404, None),
        answer(Phase::Create, 404, None),
        redirected,
    ] {
        let with = |probe| decide(&failure, &probed(probe));
        assert_eq!(decide(&failure, &FIRST_ATTEMPT), Verdict::Probe);
        assert_eq!(
            with(Probe::Refused),
            Verdict::Pause(PauseReason::Credentials)
        );
        assert_eq!(
            with(Probe::WrongTarget),
            Verdict::Pause(PauseReason::WrongTarget)
        );
        assert_eq!(
            with(Probe::Accepted),
            Verdict::DeadLetter(DeadLetterCause::Refused)
        );
        assert_eq!(with(Probe::Unclear), wait_for(None, false));
        assert_eq!(
            with(Probe::Down),
            Verdict::Wait(Wait {
                is_outage: true,
                ..Wait::default()
            })
        );
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
fn a_404_of_a_bound_user_is_confirmed() {
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
