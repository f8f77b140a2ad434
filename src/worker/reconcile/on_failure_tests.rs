//! The golden tables of `on_failure`: failures, verdicts, and the evidence of a missing user.

use std::collections::BTreeSet;

use super::{
    golden::{Fixture, Table, answered, without_effect},
    next_step::{Conclusion, FailedRequest, NextStep},
    on_failure::{Evidence, follow, on_absence, on_failure},
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
        Phase::Find | Phase::Read | Phase::FindGroup | Phase::Probe => {
            FailedRequest::Assessment(failure)
        }
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
            let evidence = Evidence {
                probe,
                looked_up,
                from_memory: false,
            };
            let next = on_failure(&context, failed(failure), evidence);
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
    let no_answer = silent(Phase::Create, FailureKind::NoAnswer);
    for (word, probe) in [
        ("the probe succeeds", Probe::Accepted),
        ("the probe fails too", Probe::Down),
    ] {
        let probe = Some(probe);
        let name = format!("search: status 503, {word}");
        failures.after(&name, answered(Phase::Find, 503), probe, false);
        let name = format!("update: status 503, {word}");
        failures.after(&name, answered(update, 503), probe, false);
        let name = format!("create: no answer, {word}");
        failures.after(&name, no_answer.clone(), probe, false);
    }
    let not_sent = silent(update, FailureKind::NotSent);
    failures.case("update: not sent before its deadline", not_sent);
    failures.case("update: status 412", answered(update, 412));
    failures.case("create: status 409", answered(Phase::Create, 409));

    let accepted = Some(Probe::Accepted);
    failures.fixture.claim.account.attempts = 2;
    let several = Phase::Update { attributes: 3 };
    for (name, phase) in [
        (
            "third attempt, update of three attributes: status 500",
            several,
        ),
        ("third attempt, update of one attribute: status 500", update),
        ("third attempt, create: status 500", Phase::Create),
        ("third attempt, search: status 500", Phase::Find),
    ] {
        failures.after(name, answered(phase, 500), accepted, false);
    }

    failures.fixture.claim.account.attempts = 24;
    let name = "25th attempt, update: status 503";
    failures.after(name, answered(update, 503), accepted, false);
    failures.table.assert_golden("failures_retried");
}

#[test]
fn golden_failures_of_a_leaver() {
    let mut failures = Failures::of(Fixture::leaver());
    let refused = answered(Phase::Deactivate, 400);
    failures.case("deactivate: status 400", refused);
    failures.fixture.claim.account.attempts = 24;
    let unavailable = answered(Phase::Read, 503);
    for probe in [Probe::Accepted, Probe::Down] {
        let name = format!("25th attempt, read: status 503, the probe is {probe:?}");
        failures.after(&name, unavailable.clone(), Some(probe), false);
    }

    failures.fixture.document.protect = vec!["root".to_owned()];
    let accepted = Some(Probe::Accepted);
    let name = "25th attempt, read: status 503, an account is protected";
    failures.after(name, unavailable, accepted, false);

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
    for probe in [Probe::Accepted, Probe::WrongTarget] {
        let name = format!("search: status 404, the probe is {probe:?}");
        failures.after(&name, answered(Phase::Find, 404), Some(probe), false);
    }

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

#[test]
fn golden_failures_of_a_plan_from_memory() {
    let mut table = Table::default();
    let fixture = Fixture::employee();
    for phase in [
        Phase::Update { attributes: 1 },
        Phase::Update { attributes: 3 },
    ] {
        for from_memory in [true, false] {
            fixture.in_context(|context| {
                let evidence = Evidence {
                    from_memory,
                    ..Evidence::default()
                };
                let next = on_failure(&context, failed(answered(phase, 400)), evidence);
                table.case(&format!("{phase:?}, from memory: {from_memory}"));
                table.line("next step", next);
            });
        }
    }
    table.assert_golden("failures_memory");
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
    case("everything is answered 404", |known| {
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
        NextStep::Revive(vec![Operation::Reactivate]),
        NextStep::SplitUpdate(update(), read.clone()),
        NextStep::HandleFailure(FailedRequest::Assessment(read.clone())),
        NextStep::ProbeTarget(FailedRequest::Operation(update(), write)),
        NextStep::ConfirmAbsence(read.clone()),
        NextStep::PauseConnection(PauseReason::WrongTarget, read),
        NextStep::Commit(Conclusion::TerminationArrived),
    ];

    let mut table = Table::default();
    for step in steps {
        table.case(match step {
            NextStep::Assess => "assess",
            NextStep::Execute(_) => "execute",
            NextStep::Revive(_) => "revive",
            NextStep::SplitUpdate(..) => "split update",
            NextStep::HandleFailure(_) => "handle failure",
            NextStep::ProbeTarget(_) => "probe target",
            NextStep::ConfirmAbsence(_) => "confirm absence",
            NextStep::PauseConnection(..) => "pause connection",
            NextStep::Commit(_) => "commit",
        });
        table.line("shown as", &step);
        table.line("requests", step.operations().len());
    }
    table.assert_golden("next_steps");
}
