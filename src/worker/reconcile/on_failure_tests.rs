//! The golden tables of `on_failure`: failures, verdicts, and the evidence of a missing user.

use std::collections::BTreeSet;

use super::{
    golden::{Fixture, Table, answered},
    next_step::{Conclusion, FailedRequest, NextStep},
    on_failure::{follow, on_absence, on_failure},
};
use hirewire_core::plan::{
    Absence, DeadLetterCause, Failure, FailureKind, Operation, PauseReason, Phase, Probe, Verdict,
    Wait,
};

fn update() -> Operation {
    Operation::Update(vec![super::golden::title_change()])
}

fn silent(phase: Phase, kind: FailureKind) -> Failure {
    Failure { phase, kind }
}

fn failed(failure: Failure) -> FailedRequest {
    match failure.phase {
        Phase::Find | Phase::Read | Phase::Probe => FailedRequest::Assessment(failure),
        Phase::Deactivate => FailedRequest::Operation(Operation::Deactivate, failure),
        Phase::Create | Phase::Update { .. } | Phase::Reactivate | Phase::Groups => {
            FailedRequest::Operation(update(), failure)
        }
    }
}

#[test]
fn golden_on_failure() {
    let mut table = Table::default();
    let mut case = |name: &str, fixture: &Fixture, failure, probe, looked_up| {
        fixture.in_context(|context| {
            table.case(name);
            table.line(
                "next step",
                on_failure(&context, failed(failure), probe, looked_up),
            );
        });
    };
    let employee = Fixture::employee();
    let last = Fixture::employee().with(|f| f.claim.account.attempts = 24);
    let leaver = Fixture::leaver().with(|f| f.claim.account.attempts = 24);
    let many = Phase::Update { attributes: 3 };
    let one = Phase::Update { attributes: 1 };

    case(
        "a search is answered with 503",
        &employee,
        answered(Phase::Find, 503),
        None,
        false,
    );
    case(
        "an update is answered with 503",
        &employee,
        answered(one, 503),
        None,
        false,
    );
    case(
        "the 25th attempt is answered with 503",
        &last,
        answered(one, 503),
        None,
        false,
    );
    case(
        "a leaver's 25th read is answered with 503",
        &leaver,
        answered(Phase::Read, 503),
        None,
        false,
    );
    let no_answer = silent(Phase::Create, FailureKind::NoAnswer);
    case(
        "a create is not answered",
        &employee,
        no_answer,
        None,
        false,
    );
    let not_sent = silent(one, FailureKind::NotSent);
    case(
        "an update was not sent before its deadline",
        &employee,
        not_sent,
        None,
        false,
    );
    case(
        "a create is answered with 409",
        &employee,
        answered(Phase::Create, 409),
        None,
        false,
    );
    case(
        "a create is answered with 409 after a lookup",
        &employee,
        answered(Phase::Create, 409),
        None,
        true,
    );
    case(
        "an update is answered with 412",
        &employee,
        answered(one, 412),
        None,
        false,
    );
    case(
        "an update of three attributes is answered with 400",
        &employee,
        answered(many, 400),
        None,
        false,
    );
    case(
        "an update of one attribute is answered with 400",
        &employee,
        answered(one, 400),
        None,
        false,
    );
    case(
        "a deactivation is answered with 400",
        &leaver,
        answered(Phase::Deactivate, 400),
        None,
        false,
    );
    case(
        "a read of a bound user is answered with 404",
        &employee,
        answered(Phase::Read, 404),
        None,
        false,
    );
    case(
        "a search is answered with 404",
        &employee,
        answered(Phase::Find, 404),
        None,
        false,
    );
    let redirected = silent(one, FailureKind::Redirected);
    case(
        "an update is redirected",
        &employee,
        redirected,
        None,
        false,
    );
    case(
        "an update is answered with 401",
        &employee,
        answered(one, 401),
        None,
        false,
    );
    for (name, probe) in [
        (
            "an update is answered with 401, and so is the probe",
            Probe::Refused,
        ),
        (
            "an update is answered with 401, and the probe succeeds",
            Probe::Accepted,
        ),
        (
            "an update is answered with 401, and the probe is unclear",
            Probe::Unclear,
        ),
    ] {
        case(name, &employee, answered(one, 401), Some(probe), false);
    }

    Fixture::leaver().in_context(|context| {
        table.case("a deactivation has no effect");
        let next = on_failure(&context, FailedRequest::not_effective(), None, false);
        table.line("next step", next);
    });
    table.assert_golden("on_failure");
}

/// Every verdict; the match makes a new one fail to compile here.
fn verdicts() -> Vec<Verdict> {
    let verdicts = vec![
        Verdict::Wait(Wait::default()),
        Verdict::LookUp,
        Verdict::ReadAgain,
        Verdict::ConfirmAbsence,
        Verdict::Probe,
        Verdict::SplitUpdate,
        Verdict::Pause(PauseReason::Credentials),
        Verdict::DeadLetter(DeadLetterCause::Refused),
        Verdict::Done,
        Verdict::Recreate,
    ];
    let names: BTreeSet<&str> = verdicts.iter().map(verdict_name).collect();
    assert_eq!(names.len(), verdicts.len());
    verdicts
}

fn verdict_name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Wait(_) => "wait",
        Verdict::LookUp => "look up",
        Verdict::ReadAgain => "read again",
        Verdict::ConfirmAbsence => "confirm absence",
        Verdict::Probe => "probe",
        Verdict::SplitUpdate => "split update",
        Verdict::Pause(_) => "pause",
        Verdict::DeadLetter(_) => "dead letter",
        Verdict::Done => "done",
        Verdict::Recreate => "recreate",
    }
}

#[test]
fn golden_verdicts() {
    let mut table = Table::default();
    for verdict in verdicts() {
        table.case(verdict_name(&verdict));
        for (key, fixture) in [
            ("employee", Fixture::employee()),
            ("leaver", Fixture::leaver()),
        ] {
            let failure = answered(Phase::Update { attributes: 2 }, 400);
            let update = FailedRequest::Operation(update(), failure);
            let read = FailedRequest::Assessment(answered(Phase::Read, 400));
            fixture.in_context(|context| {
                table.line(
                    key,
                    format!("update: {}", follow(&context, update, verdict.clone())),
                );
                table.line(
                    key,
                    format!("read: {}", follow(&context, read, verdict.clone())),
                );
            });
        }
    }
    table.assert_golden("verdicts");
}

#[test]
fn golden_absence() {
    let mut table = Table::default();
    let gone = Absence {
        confirmed: Some(true),
        older_than_propagation_delay: true,
        lookup_empty: Some(true),
        observed_before: true,
        others_missing: false,
        deactivating: false,
        recreate: false,
    };

    for (name, known) in [
        (
            "a GET was answered otherwise",
            Absence {
                confirmed: None,
                ..gone
            },
        ),
        (
            "the 404 is no SCIM error",
            Absence {
                confirmed: Some(false),
                ..gone
            },
        ),
        (
            "other users are missing too",
            Absence {
                others_missing: true,
                ..gone
            },
        ),
        (
            "a match key finds a user",
            Absence {
                lookup_empty: Some(false),
                ..gone
            },
        ),
        (
            "no lookup was completed",
            Absence {
                lookup_empty: None,
                ..gone
            },
        ),
        (
            "seen for the first time",
            Absence {
                observed_before: false,
                ..gone
            },
        ),
        (
            "younger than the propagation delay",
            Absence {
                older_than_propagation_delay: false,
                ..gone
            },
        ),
        ("every check agrees, access is desired", gone),
        (
            "every check agrees, no access is desired",
            Absence {
                deactivating: true,
                ..gone
            },
        ),
    ] {
        table.case(name);
        table.line("next step", on_absence(&known, answered(Phase::Read, 404)));
    }
    table.assert_golden("absence");
}

#[test]
fn golden_next_steps() {
    let (read, write) = (answered(Phase::Read, 503), answered(Phase::Create, 401));
    let steps = [
        NextStep::Assess,
        NextStep::Execute(vec![Operation::Deactivate]),
        NextStep::SplitUpdate(update()),
        NextStep::HandleFailure(FailedRequest::Assessment(read.clone())),
        NextStep::ProbeCredentials(FailedRequest::Operation(update(), write)),
        NextStep::ConfirmAbsence(read.clone()),
        NextStep::PauseConnection(PauseReason::WrongTarget, read),
        NextStep::Commit(Conclusion::TerminationArrived),
    ];

    let mut table = Table::default();
    for step in steps {
        table.case(match step {
            NextStep::Assess => "assess",
            NextStep::Execute(_) => "execute",
            NextStep::SplitUpdate(_) => "split update",
            NextStep::HandleFailure(_) => "handle failure",
            NextStep::ProbeCredentials(_) => "probe credentials",
            NextStep::ConfirmAbsence(_) => "confirm absence",
            NextStep::PauseConnection(..) => "pause connection",
            NextStep::Commit(_) => "commit",
        });
        table.line("shown as", &step);
        table.line("requests", step.operations().len());
    }
    table.assert_golden("next_steps");
}
