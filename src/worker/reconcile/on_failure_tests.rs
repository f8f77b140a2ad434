//! The golden tables of `on_failure`: failures, verdicts, and the evidence of a missing user.

use std::collections::BTreeSet;

use super::{
    golden::{Fixture, Table, answered, without_effect},
    next_step::{Conclusion, FailedRequest, NextStep},
    on_failure::{follow, on_absence, on_failure},
};
use hirewire_core::plan::{
    Absence, DeadLetterCause, Failure, FailureKind, Operation, PauseReason, Phase, Probe,
    ShownActive, Verdict, Wait,
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

/// The table of failures, each with the step that follows.
struct Failures {
    table: Table,
    fixture: Fixture,
}

impl Failures {
    fn of(fixture: Fixture) -> Self {
        Self {
            table: Table::default(),
            fixture,
        }
    }

    fn case(&mut self, name: &str, failure: Failure) {
        self.after(name, failure, None, false);
    }

    /// A failure after a probe or a lookup.
    fn after(&mut self, name: &str, failure: Failure, probe: Option<Probe>, looked_up: bool) {
        self.fixture.in_context(|context| {
            let next = on_failure(&context, failed(failure), probe, looked_up);
            self.table.case(name);
            self.table.line("next step", next);
        });
    }
}

#[test]
fn golden_failures_that_are_retried() {
    let mut failures = Failures::of(Fixture::employee());
    let update = Phase::Update { attributes: 1 };

    failures.case("search: status 503", answered(Phase::Find, 503));
    failures.case("update: status 503", answered(update, 503));
    let no_answer = silent(Phase::Create, FailureKind::NoAnswer);
    failures.case("create: no answer", no_answer);
    let not_sent = silent(update, FailureKind::NotSent);
    failures.case("update: not sent before its deadline", not_sent);
    failures.case("update: status 412", answered(update, 412));
    failures.case("create: status 409", answered(Phase::Create, 409));

    failures.fixture.claim.account.attempts = 24;
    failures.case("25th attempt, update: status 503", answered(update, 503));

    failures.table.assert_golden("failures_retried");
}

#[test]
fn golden_failures_of_a_leaver() {
    let mut failures = Failures::of(Fixture::leaver());
    let refused = answered(Phase::Deactivate, 400);
    failures.case("deactivate: status 400", refused);
    failures.fixture.claim.account.attempts = 24;
    failures.case("25th attempt, read: status 503", answered(Phase::Read, 503));

    failures.fixture.claim.account.attempts = 0;
    let active = without_effect(Phase::Deactivate, ShownActive::Active);
    failures.case("deactivate: success without effect", active);
    let not_stated = without_effect(Phase::Deactivate, ShownActive::NotStated);
    failures.case("deactivate: success that does not show", not_stated);
    failures.table.assert_golden("failures_leaver");
}

#[test]
fn golden_failures_that_are_refusals() {
    let mut failures = Failures::of(Fixture::employee());
    let update = Phase::Update { attributes: 1 };
    let several = Phase::Update { attributes: 3 };

    failures.case(
        "update of three attributes: status 400",
        answered(several, 400),
    );
    failures.case("update of one attribute: status 400", answered(update, 400));
    let exists = answered(Phase::Create, 409);
    failures.after("create: status 409 after a lookup", exists, None, true);
    failures.case(
        "read of a bound user: status 404",
        answered(Phase::Read, 404),
    );
    failures.case("search: status 404", answered(Phase::Find, 404));
    let redirected = silent(update, FailureKind::Redirected);
    failures.case("update: redirected", redirected);

    failures.case("update: status 401", answered(update, 401));
    for (name, probe) in [
        ("update: status 401, the probe too", Probe::Refused),
        ("update: status 401, the probe succeeds", Probe::Accepted),
        ("update: status 401, the probe is unclear", Probe::Unclear),
    ] {
        failures.after(name, answered(update, 401), Some(probe), false);
    }
    failures.table.assert_golden("failures_refused");
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

    let mut case = |name, change: fn(&mut Absence)| {
        let mut known = gone;
        change(&mut known);
        table.case(name);
        table.line("next step", on_absence(&known, answered(Phase::Read, 404)));
    };

    case("a GET was answered otherwise", |known| {
        known.confirmed = None;
    });
    case("the 404 is no SCIM error", |known| {
        known.confirmed = Some(false);
    });
    case("other users are missing too", |known| {
        known.others_missing = true;
    });
    case("a match key finds a user", |known| {
        known.lookup_empty = Some(false);
    });
    case("no lookup was completed", |known| {
        known.lookup_empty = None;
    });
    case("seen for the first time", |known| {
        known.observed_before = false;
    });
    case("younger than the propagation delay", |known| {
        known.older_than_propagation_delay = false;
    });
    case("every check agrees, access is desired", |_| {});
    case("every check agrees, no access is desired", |known| {
        known.deactivating = true;
    });

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
