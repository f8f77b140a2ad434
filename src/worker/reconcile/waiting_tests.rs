//! The golden tables of `outcome` for reconciles that wait, or that need an operator.

use std::time::Duration;

use jiff::ToSpan as _;
use serde_json::Value;

use super::{
    golden::{Fixture, answered, intent, now, without_effect},
    next_step::Conclusion,
    outcome_tests::{Before, Commits, create, update},
};
use crate::store::IntentKind;
use hirewire_core::plan::{
    DeadLetterCause, Failure, FailureKind, Operation, PauseReason, Phase, ShownActive, Wait,
};

fn retry(failure: Failure, verify: bool, dead_letter: Option<DeadLetterCause>) -> Conclusion {
    let wait = Wait {
        at_least: None,
        verify,
        dead_letter,
        is_outage: false,
    };
    Conclusion::Retry(failure, wait)
}

#[test]
fn golden_outcome_that_waits() {
    let mut commits = Commits::default();
    let employee = Fixture::employee();

    let until = Conclusion::WaitUntil(now() + 40.seconds(), "a create may show".to_owned());
    let creating =
        Fixture::joiner().with(|f| f.claim.account.intent = Some(intent(IntentKind::Create)));
    commits.case(
        "wait until a create must show",
        &creating,
        Before::default(),
        until,
    );

    let name = "a termination arrived after an update";
    let arrived = Conclusion::TerminationArrived;
    commits.case(name, &employee, Before::sent(update(), 200), arrived);

    let unavailable = retry(answered(Phase::Read, 503), false, None);
    commits.case("a read failed", &employee, Before::default(), unavailable);

    let third = Fixture::employee().with(|f| f.claim.account.attempts = 2);
    let unavailable = retry(answered(Phase::Update { attributes: 1 }, 503), true, None);
    commits.case(
        "an update failed for the third time",
        &third,
        Before::sent(update(), 503),
        unavailable,
    );

    // A target that asks a leaver to wait for a day is asked again after five minutes.
    let a_day = || {
        Conclusion::Retry(
            answered(Phase::Deactivate, 429),
            Wait {
                at_least: Some(Duration::from_hours(24)),
                ..Wait::default()
            },
        )
    };
    let (name, leaver) = ("a leaver is asked to wait for a day", Fixture::leaver());
    commits.case(name, &leaver, Before::bound(), a_day());
    let name = "anybody else is asked to wait for a day";
    commits.case(name, &employee, Before::bound(), a_day());
    commits.table.assert_golden("outcome_waits");
}

#[test]
fn golden_outcome_of_unclear_requests() {
    let mut commits = Commits::default();
    let (joiner, employee) = (Fixture::joiner(), Fixture::employee());
    let leaver = Fixture::leaver();

    let not_sent = Failure {
        phase: Phase::Create,
        kind: FailureKind::NotSent,
    };
    commits.case(
        "a request was not sent",
        &joiner,
        Before::default(),
        retry(not_sent, false, None),
    );

    let unanswered = retry(answered(Phase::Create, 502), true, None);
    let sent = Before {
        sent: vec![(create(), 502)],
        ..Before::default()
    };
    commits.case("a create may have succeeded", &joiner, sent, unanswered);

    let adopting = Before {
        sent: vec![(update(), 503)],
        ..Before::bound_to(true)
    };
    let unavailable = retry(answered(Phase::Update { attributes: 1 }, 503), true, None);
    commits.case(
        "the update of an adoption failed",
        &joiner,
        adopting,
        unavailable,
    );

    let cause = Some(DeadLetterCause::NotEffective);
    for (name, shown) in [
        ("a deactivation had no effect", ShownActive::Active),
        ("a deactivation does not show", ShownActive::NotStated),
    ] {
        let conclusion = retry(without_effect(Phase::Deactivate, shown), true, cause);
        let sent = Before::sent(Operation::Deactivate, 200);
        commits.case(name, &leaver, sent, conclusion);
    }

    let paused = Conclusion::Paused(PauseReason::Credentials);
    commits.case(
        "the connection is paused",
        &employee,
        Before::bound(),
        paused,
    );
    commits.table.assert_golden("outcome_unclear");
}

#[test]
fn golden_outcome_for_an_operator() {
    let mut commits = Commits::default();
    let (joiner, employee) = (Fixture::joiner(), Fixture::employee());

    let ambiguous = Conclusion::FileDeadLetter {
        cause: DeadLetterCause::Ambiguous,
        summary: "Several accounts match.".to_owned(),
        detail: Value::Null,
    };
    commits.case("several users match", &joiner, Before::default(), ambiguous);

    let one = Phase::Update { attributes: 1 };
    for cause in [
        DeadLetterCause::Refused,
        DeadLetterCause::Exhausted,
        DeadLetterCause::Conflict,
        DeadLetterCause::Vanished,
    ] {
        let is_exhausted = cause == DeadLetterCause::Exhausted;
        let status = if is_exhausted { 503 } else { 400 };
        let conclusion = Conclusion::GiveUp(cause, answered(one, status));
        let name = format!("give up: {}", cause.as_str());
        commits.case(&name, &employee, Before::sent(update(), status), conclusion);
    }
    commits.table.assert_golden("outcome_operator");
}

#[test]
fn golden_outcome_of_a_missing_user() {
    let mut commits = Commits::default();
    let employee = Fixture::employee();
    commits.case(
        "the user is missing",
        &employee,
        Before::bound(),
        Conclusion::UserMissing,
    );
    commits.case(
        "the user has another id",
        &employee,
        Before::bound(),
        Conclusion::UserReplaced,
    );
    commits.case(
        "a leaver's user is gone",
        &Fixture::leaver(),
        Before::bound(),
        Conclusion::UserGone,
    );
    commits.table.assert_golden("outcome_missing_user");
}
