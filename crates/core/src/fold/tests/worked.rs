//! The worked histories of docs/fold.md 3: what the fold and the oracle both must make of them.

use super::{
    fact::{Fact, History, Ref, Row, When, alias, hour},
    oracle::see,
};
use crate::{
    event::Kind,
    fold::{FindingKind, Folded, Status, fold},
};

/// `kind@known->effective`, in days.
pub fn at(kind: Kind, known: i32, effective: i32) -> Fact {
    Fact {
        effective: Some(When::Hour(effective * 24)),
        ..Fact::new(0, kind, known * 24)
    }
}

pub fn of(employment: u8, fact: Fact) -> Fact {
    Fact {
        employment: Some(employment),
        ..fact
    }
}

pub fn list(known: i32, rows: Vec<Row>) -> Fact {
    Fact {
        rows: Some(rows),
        ..Fact::new(0, Kind::Snapshot, known * 24)
    }
}

pub fn row(employment: Option<u8>, start: i32) -> Row {
    Row {
        employment,
        start: Some(When::Hour(start * 24)),
        ..Row::default()
    }
}

/// E-2, who was E-1.
fn second(fact: Fact) -> Fact {
    Fact {
        who: 1,
        other: Some(0),
        ..fact
    }
}

/// The facts, numbered from 1.
pub fn history(facts: Vec<Fact>) -> History {
    let facts = facts.into_iter().enumerate();
    let facts = facts
        .map(|(n, fact)| Fact {
            n: u16::try_from(n + 1).expect("few"),
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

/// Asserts from which days to which there is access, by both readings.
pub fn access(facts: Vec<Fact>, expected: &[(i32, i32)]) -> History {
    let history = history(facts);
    let (events, rules) = (history.events(), history.rules());
    let (seen, folded) = (
        see(&events, &alias(0), &rules),
        Folded::of(&events, &alias(0), &rules),
    );
    let active = |status| status == Status::Active;
    for day in -400..100 {
        let within = expected
            .iter()
            .any(|(from, to)| (*from..*to).contains(&day));
        assert_eq!(
            active(seen.status(hour(day * 24))),
            within,
            "the oracle on day {day} of\n{history}"
        );
        let status = folded.standings.status_at(hour(day * 24));
        assert_eq!(
            active(status),
            within,
            "the fold on day {day} of\n{history}"
        );
    }
    history
}

/// No end.
pub const ON: i32 = 1_000;

#[test]
fn a_leaving_is_postponed_in_time_or_brought_forward() {
    let left = || vec![at(Kind::Hired, -300, -300), at(Kind::Terminated, 0, 30)];
    access(
        [left(), vec![at(Kind::Terminated, 9, 40)]].concat(),
        &[(-300, 40)],
    );
    access(
        [left(), vec![at(Kind::Terminated, 9, 20)]].concat(),
        &[(-300, 20)],
    );
}

#[test]
fn a_rehire_that_was_known_after_the_leaving_stands() {
    let facts = vec![
        at(Kind::Hired, -300, -300),
        at(Kind::Terminated, 0, 30),
        at(Kind::Rehired, 10, 40),
    ];
    access(facts, &[(-300, 30), (40, ON)]);
}

#[test]
fn an_old_hire_that_is_sent_again_moves_no_planned_rehire() {
    let facts = vec![
        at(Kind::Hired, -300, -300),
        at(Kind::Terminated, -9, -9),
        at(Kind::Rehired, -5, 20),
        at(Kind::Hired, 0, -300),
    ];
    access(facts, &[(-300, -9), (20, ON)]);
}

#[test]
fn a_no_show_stays_one_through_payroll_and_a_resend() {
    let facts = vec![
        at(Kind::Hired, -20, 10),
        at(Kind::Terminated, 0, 0),
        at(Kind::Terminated, 5, 15),
        at(Kind::Hired, 6, 10),
    ];
    access(facts, &[]);
}

#[test]
fn a_rescinded_hire_stays_rescinded_whatever_a_list_says() {
    let rescinded = || {
        vec![
            at(Kind::Hired, -20, 10),
            Fact::new(0, Kind::HireRescinded, 0),
        ]
    };
    let listed = access(
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
    access(
        [rescinded(), vec![at(Kind::Hired, 1, 5)]].concat(),
        &[(5, ON)],
    );
}

#[test]
fn an_ending_without_an_id_ends_what_had_begun_and_what_is_planned() {
    let facts = vec![
        of(0, at(Kind::Hired, -300, -300)),
        of(1, at(Kind::Hired, 0, 20)),
        at(Kind::Terminated, 5, 5),
    ];
    access(facts, &[(-300, 5)]);
}

#[test]
fn an_ending_of_one_of_two_ends_that_one() {
    let facts = vec![
        of(0, at(Kind::Hired, -300, -300)),
        of(1, at(Kind::Hired, -200, -200)),
        of(0, at(Kind::Terminated, 0, 1)),
    ];
    access(facts, &[(-300, ON)]);
}

#[test]
fn a_hire_that_comes_after_its_ending_gives_nothing() {
    access(
        vec![at(Kind::Terminated, -100, -100), at(Kind::Hired, 0, -300)],
        &[],
    );
}

#[test]
fn a_bar_is_not_passed_by_a_new_row_or_a_conversion_but_by_a_rehire() {
    let barred = || vec![at(Kind::Hired, -300, -300), at(Kind::AccessRevoked, 0, 0)];
    let around = vec![
        list(1, vec![row(None, -300), row(Some(2), -30)]),
        second(at(Kind::Converted, 5, 10)),
    ];
    access([barred(), around].concat(), &[(-300, 0)]);
    let anew = vec![at(Kind::Terminated, 1, 1), at(Kind::Rehired, 20, 30)];
    access([barred(), anew].concat(), &[(-300, 0), (30, ON)]);
}

#[test]
fn a_bar_is_lifted_by_its_name_only() {
    let barred = |restored: Ref| {
        let restored = Fact {
            refers: vec![restored],
            ..Fact::new(0, Kind::AccessRestored, 9 * 24)
        };
        vec![
            at(Kind::Hired, -300, -300),
            at(Kind::AccessRevoked, 0, 0),
            restored,
        ]
    };
    access(barred(Ref(0, 2)), &[(-300, ON)]);
    access(barred(Ref(0, 1)), &[(-300, 0)]);
}

#[test]
fn a_planned_return_does_not_outlive_the_employment() {
    let facts = vec![
        at(Kind::Hired, -300, -300),
        at(Kind::LeaveStarted, -60, -30),
        at(Kind::LeaveEnded, -60, 15),
        at(Kind::Terminated, 0, 0),
    ];
    access(facts, &[(-300, -30)]);
}

#[test]
fn a_conversion_is_left_by_its_new_number() {
    let facts = vec![
        second(at(Kind::Converted, 5, 10)),
        Fact {
            who: 1,
            ..at(Kind::Terminated, 20, 20)
        },
        at(Kind::Hired, -300, -300),
    ];
    access(facts, &[(-300, 20)]);
}
