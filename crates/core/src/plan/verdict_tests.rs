//! The table of ARCHITECTURE.md, "Deciding", row by row.

use super::*;
use crate::scim::ScimError;

const FRESH: Situation = Situation {
    attempts: 1,
    budget: 5,
    probe: None,
    looked_up: false,
};
const SPENT: Situation = Situation {
    attempts: 5,
    ..FRESH
};
const SIX: Phase = Phase::Update { attributes: 6 };
const ONE: Phase = Phase::Update { attributes: 1 };

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

fn after(seconds: Option<u64>, verify: bool) -> Verdict {
    Verdict::Wait(Wait {
        at_least: seconds.map(Duration::from_secs),
        verify,
        letter: None,
    })
}

fn still_going(cause: DeadLetterCause) -> Verdict {
    Verdict::Wait(Wait {
        at_least: None,
        verify: true,
        letter: Some(cause),
    })
}

#[test]
fn a_target_in_trouble_is_waited_for_as_long_as_it_says() {
    for status in [408, 425, 429] {
        assert_eq!(
            decide(&answer(SIX, status, Some(7)), &FRESH),
            after(Some(7), false)
        );
    }
    assert_eq!(
        decide(&answer(Phase::Read, 503, None), &FRESH),
        after(None, false)
    );
    assert_eq!(
        decide(&answer(ONE, 403, Some(60)), &FRESH),
        after(Some(60), false)
    );
    assert_eq!(
        decide(&answer(Phase::Read, 503, None), &SPENT),
        Verdict::Letter(DeadLetterCause::Exhausted)
    );
}

#[test]
fn a_write_without_an_answer_is_looked_at_before_it_is_repeated() {
    let silent = |phase, kind| decide(&Failure { phase, kind }, &FRESH);
    assert_eq!(
        silent(Phase::Create, FailureKind::NoAnswer),
        after(None, true)
    );
    assert_eq!(
        silent(Phase::Create, FailureKind::Unreachable),
        after(None, false)
    );
    assert_eq!(
        silent(Phase::Create, FailureKind::NotSent),
        after(None, false)
    );
    assert_eq!(
        silent(Phase::Read, FailureKind::NoAnswer),
        after(None, false)
    );
    assert_eq!(
        decide(&answer(Phase::Create, 502, Some(3)), &FRESH),
        after(Some(3), true)
    );
}

#[test]
fn a_deactivation_has_no_last_attempt() {
    assert_eq!(
        decide(&answer(Phase::Deactivate, 503, None), &SPENT),
        still_going(DeadLetterCause::Exhausted)
    );
    assert_eq!(
        decide(&answer(Phase::Deactivate, 400, None), &FRESH),
        still_going(DeadLetterCause::Refused)
    );
    assert_eq!(
        decide(&answer(Phase::Deactivate, 501, None), &SPENT),
        still_going(DeadLetterCause::Refused)
    );
    let silent = Failure {
        phase: Phase::Deactivate,
        kind: FailureKind::NoAnswer,
    };
    assert_eq!(decide(&silent, &FRESH), after(None, true));
    for status in 300..600 {
        for probe in [
            None,
            Some(Probe::Accepted),
            Some(Probe::Refused),
            Some(Probe::Unclear),
        ] {
            let verdict = decide(
                &answer(Phase::Deactivate, status, None),
                &Situation { probe, ..SPENT },
            );
            assert!(
                !matches!(
                    verdict,
                    Verdict::Letter(_) | Verdict::Done | Verdict::Recreate
                ),
                "{status}: {verdict:?}"
            );
        }
    }
}

#[test]
fn refused_credentials_are_probed_before_anything_is_concluded() {
    for status in [401, 403] {
        let with = |probe| decide(&answer(ONE, status, None), &Situation { probe, ..FRESH });
        assert_eq!(with(None), Verdict::Probe);
        assert_eq!(
            with(Some(Probe::Refused)),
            Verdict::Pause(PauseReason::Credentials)
        );
        assert_eq!(
            with(Some(Probe::Accepted)),
            Verdict::Letter(DeadLetterCause::Refused)
        );
        assert_eq!(with(Some(Probe::Unclear)), after(None, false));
    }
}

#[test]
fn who_exists_already_is_looked_up_and_only_then_a_conflict() {
    assert_eq!(
        decide(&answer(Phase::Create, 409, None), &FRESH),
        Verdict::LookUp
    );
    let looked_up = Situation {
        looked_up: true,
        ..FRESH
    };
    assert_eq!(
        decide(&answer(Phase::Create, 409, None), &looked_up),
        Verdict::Letter(DeadLetterCause::Conflict)
    );
}

#[test]
fn one_bad_attribute_holds_up_no_other() {
    assert_eq!(decide(&answer(SIX, 400, None), &FRESH), Verdict::OneByOne);
    assert_eq!(decide(&answer(SIX, 409, None), &FRESH), Verdict::OneByOne);
    assert_eq!(
        decide(&answer(ONE, 400, None), &FRESH),
        Verdict::Letter(DeadLetterCause::Refused)
    );
    assert_eq!(decide(&answer(SIX, 412, None), &FRESH), Verdict::ReadAgain);
    assert_eq!(
        decide(&answer(SIX, 412, None), &SPENT),
        Verdict::Letter(DeadLetterCause::Exhausted)
    );
}

#[test]
fn a_404_proves_nothing_by_itself() {
    for phase in [Phase::Read, SIX, ONE, Phase::Deactivate, Phase::Reactivate] {
        assert_eq!(
            decide(&answer(phase, 404, None), &FRESH),
            Verdict::ConfirmAbsence
        );
    }
    assert_eq!(
        decide(&answer(Phase::Find, 404, None), &FRESH),
        Verdict::Pause(PauseReason::WrongTarget)
    );
    let redirected = Failure {
        phase: Phase::Read,
        kind: FailureKind::Redirected,
    };
    assert_eq!(
        decide(&redirected, &FRESH),
        Verdict::Pause(PauseReason::WrongTarget)
    );
}

#[test]
fn who_is_gone_is_known_only_after_every_look() {
    let gone = Absence {
        confirmed: Some(true),
        older_than_propagation_delay: true,
        unfound: Some(true),
        seen_before: true,
        several_in_a_row: false,
        ending: true,
        recreate: false,
    };
    assert_eq!(absent(&gone), Verdict::Done);
    assert_eq!(
        absent(&Absence {
            ending: false,
            ..gone
        }),
        Verdict::Letter(DeadLetterCause::Vanished)
    );
    assert_eq!(
        absent(&Absence {
            ending: false,
            recreate: true,
            ..gone
        }),
        Verdict::Recreate
    );
    assert_eq!(
        absent(&Absence {
            recreate: true,
            ..gone
        }),
        Verdict::Done
    );
    assert_eq!(
        absent(&Absence {
            confirmed: None,
            ..gone
        }),
        Verdict::ReadAgain
    );
    assert_eq!(
        absent(&Absence {
            confirmed: Some(false),
            ..gone
        }),
        Verdict::Pause(PauseReason::WrongTarget)
    );
    assert_eq!(
        absent(&Absence {
            several_in_a_row: true,
            ..gone
        }),
        Verdict::Pause(PauseReason::WrongTarget)
    );
    assert_eq!(
        absent(&Absence {
            unfound: None,
            ..gone
        }),
        Verdict::LookUp
    );
    assert_eq!(
        absent(&Absence {
            seen_before: false,
            ..gone
        }),
        after(None, true)
    );
    assert_eq!(
        absent(&Absence {
            older_than_propagation_delay: false,
            ..gone
        }),
        after(None, true)
    );
    assert_eq!(not_effective(), still_going(DeadLetterCause::NotEffective));
}

#[test]
fn a_search_that_is_too_sensitive_for_the_target_is_refused_and_no_matter_of_credentials() {
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
        decide(&failure, &FRESH),
        Verdict::Letter(DeadLetterCause::Refused)
    );
}
