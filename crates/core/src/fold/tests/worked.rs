//! Worked histories of `docs/fold.md` 3: the fold and the oracle both must give their access.
//!
//! `history_tests` runs the whole table of the document through the fold alone. The functions here
//! also serve `regression_tests`.

use super::{
    fact::{EffectiveSpec, FactRef, FactSpec, RowSpec, alias, hour},
    history::History,
    oracle::read_person,
};
use crate::{
    event::Kind,
    fold::{FindingKind, FoldedPerson, Status, fold},
};

/// A fact of the first worker. Both times are in days.
pub fn at(kind: Kind, occurred: i32, effective: i32) -> FactSpec {
    FactSpec {
        effective: Some(EffectiveSpec::Hour(effective * 24)),
        ..FactSpec::new(0, kind, occurred * 24)
    }
}

/// The fact, about an employment id.
pub fn of(employment: u8, fact: FactSpec) -> FactSpec {
    FactSpec {
        employment: Some(employment),
        ..fact
    }
}

/// A snapshot with these rows. The time is in days.
pub fn list(occurred: i32, rows: Vec<RowSpec>) -> FactSpec {
    FactSpec {
        rows: Some(rows),
        ..FactSpec::new(0, Kind::Snapshot, occurred * 24)
    }
}

/// A row without an end. The start is in days.
pub fn row(employment: Option<u8>, start: i32) -> RowSpec {
    RowSpec {
        employment,
        start: Some(EffectiveSpec::Hour(start * 24)),
        ..RowSpec::default()
    }
}

/// The fact, about E-2, whose previous id is E-1.
fn second_worker(fact: FactSpec) -> FactSpec {
    FactSpec {
        worker: 1,
        other: Some(0),
        ..fact
    }
}

/// A history of the facts, with ids from 1.
pub fn history(facts: Vec<FactSpec>) -> History {
    let facts = facts
        .into_iter()
        .enumerate()
        .map(|(index, fact)| FactSpec {
            id: u16::try_from(index + 1).expect("a history has few facts"),
            ..fact
        })
        .collect();

    History {
        facts,
        now: 0,
        pre_hire: false,
        scoped: false,
        salt: 0,
    }
}

/// Asserts by both readers that the person is active exactly on these days, `from..to`.
pub fn expect_access(facts: Vec<FactSpec>, expected: &[(i32, i32)]) -> History {
    let history = history(facts);
    let (events, rules) = (history.events(), history.rules());
    let oracle = read_person(&events, &alias(0), &rules);
    let folded = FoldedPerson::of(&events, &alias(0), &rules);

    for day in -400..100 {
        let is_expected = expected
            .iter()
            .any(|(from, to)| (*from..*to).contains(&day));
        let at = hour(day * 24);
        assert_eq!(
            oracle.status(at) == Status::Active,
            is_expected,
            "whether the oracle gives access on day {day}\n{history}"
        );
        assert_eq!(
            folded.employments.status_at(at) == Status::Active,
            is_expected,
            "whether the fold gives access on day {day}\n{history}"
        );
    }
    history
}

/// The end of access that does not end.
pub const OPEN: i32 = 1_000;

#[test]
fn a_termination_moves_to_a_later_or_an_earlier_end() {
    let ended = || vec![at(Kind::Hired, -300, -300), at(Kind::Terminated, 0, 30)];
    expect_access(
        [ended(), vec![at(Kind::Terminated, 9, 40)]].concat(),
        &[(-300, 40)],
    );
    expect_access(
        [ended(), vec![at(Kind::Terminated, 9, 20)]].concat(),
        &[(-300, 20)],
    );
}

#[test]
fn a_rehire_known_after_a_termination_counts() {
    let facts = vec![
        at(Kind::Hired, -300, -300),
        at(Kind::Terminated, 0, 30),
        at(Kind::Rehired, 10, 40),
    ];
    expect_access(facts, &[(-300, 30), (40, OPEN)]);
}

#[test]
fn a_resent_hire_does_not_move_a_planned_rehire() {
    let facts = vec![
        at(Kind::Hired, -300, -300),
        at(Kind::Terminated, -9, -9),
        at(Kind::Rehired, -5, 20),
        at(Kind::Hired, 0, -300),
    ];
    expect_access(facts, &[(-300, -9), (20, OPEN)]);
}

#[test]
fn a_no_show_survives_a_later_termination_and_a_resent_hire() {
    let facts = vec![
        at(Kind::Hired, -20, 10),
        at(Kind::Terminated, 0, 0),
        at(Kind::Terminated, 5, 15),
        at(Kind::Hired, 6, 10),
    ];
    expect_access(facts, &[]);
}

#[test]
fn a_list_does_not_restore_a_rescinded_hire() {
    let rescinded = || {
        vec![
            at(Kind::Hired, -20, 10),
            FactSpec::new(0, Kind::HireRescinded, 0),
        ]
    };
    let listed = expect_access(
        [rescinded(), vec![list(1, vec![row(None, 10)])]].concat(),
        &[],
    );
    let (events, rules) = (listed.events(), listed.rules());
    let folded = fold(&events, &alias(0), hour(0), &rules);

    assert!(
        folded
            .findings
            .iter()
            .any(|finding| finding.kind == FindingKind::HrSaysActive),
        "{folded:#?}"
    );
    expect_access(
        [rescinded(), vec![at(Kind::Hired, 1, 5)]].concat(),
        &[(5, OPEN)],
    );
}

#[test]
fn a_termination_without_an_id_ends_running_and_planned_employments() {
    let facts = vec![
        of(0, at(Kind::Hired, -300, -300)),
        of(1, at(Kind::Hired, 0, 20)),
        at(Kind::Terminated, 5, 5),
    ];
    expect_access(facts, &[(-300, 5)]);
}

#[test]
fn a_termination_with_an_id_ends_only_that_employment() {
    let facts = vec![
        of(0, at(Kind::Hired, -300, -300)),
        of(1, at(Kind::Hired, -200, -200)),
        of(0, at(Kind::Terminated, 0, 1)),
    ];
    expect_access(facts, &[(-300, OPEN)]);
}

#[test]
fn a_hire_sent_after_its_termination_gives_no_access() {
    expect_access(
        vec![at(Kind::Terminated, -100, -100), at(Kind::Hired, 0, -300)],
        &[],
    );
}

#[test]
fn a_revocation_holds_through_a_new_row_and_a_conversion_but_not_a_rehire() {
    let revoked = || vec![at(Kind::Hired, -300, -300), at(Kind::AccessRevoked, 0, 0)];
    let without_hire = vec![
        list(1, vec![row(None, -300), row(Some(2), -30)]),
        second_worker(at(Kind::Converted, 5, 10)),
    ];
    expect_access([revoked(), without_hire].concat(), &[(-300, 0)]);
    let rehired = vec![at(Kind::Terminated, 1, 1), at(Kind::Rehired, 20, 30)];
    expect_access([revoked(), rehired].concat(), &[(-300, 0), (30, OPEN)]);
}

#[test]
fn a_restoration_lifts_only_the_revocation_it_names() {
    let restoring = |restored: FactRef| {
        let restored = FactSpec {
            refers_to: vec![restored],
            ..FactSpec::new(0, Kind::AccessRestored, 9 * 24)
        };
        vec![
            at(Kind::Hired, -300, -300),
            at(Kind::AccessRevoked, 0, 0),
            restored,
        ]
    };

    expect_access(restoring(FactRef(0, 2)), &[(-300, OPEN)]);
    expect_access(restoring(FactRef(0, 1)), &[(-300, 0)]);
}

#[test]
fn a_planned_end_of_leave_gives_no_access_after_the_employment() {
    let facts = vec![
        at(Kind::Hired, -300, -300),
        at(Kind::LeaveStarted, -60, -30),
        at(Kind::LeaveEnded, -60, 15),
        at(Kind::Terminated, 0, 0),
    ];
    expect_access(facts, &[(-300, -30)]);
}

#[test]
fn a_termination_of_the_new_worker_id_ends_a_converted_employment() {
    let facts = vec![
        second_worker(at(Kind::Converted, 5, 10)),
        FactSpec {
            worker: 1,
            ..at(Kind::Terminated, 20, 20)
        },
        at(Kind::Hired, -300, -300),
    ];
    expect_access(facts, &[(-300, 20)]);
}
