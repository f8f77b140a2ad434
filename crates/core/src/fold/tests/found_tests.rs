//! Histories that the proof found: each revived somebody, or lifted the wrong end, by the fold or by the rules of then.

use super::{
    fact::{Fact, Ref, Row, When},
    view::View,
    worked::{ON, access, at, history, list, of, row},
};
use crate::event::Kind;

#[test]
fn an_old_list_does_not_move_a_planned_start_back() {
    // HR moved the start from 20 to 30; a list that is behind still says 20.
    let facts = vec![
        of(0, at(Kind::Hired, 0, 20)),
        of(0, at(Kind::Hired, 1, 30)),
        list(2, vec![row(Some(0), 20)]),
    ];
    access(facts, &[(30, ON)]);
}

#[test]
fn an_old_row_that_is_not_found_does_not_move_a_planned_start_back_either() {
    let facts = vec![
        at(Kind::Hired, -242, 26),
        list(-30, vec![row(None, 35)]),
        at(Kind::Terminated, 5, 36),
        list(10, vec![row(None, 26)]),
    ];
    access(facts, &[(35, 36)]);
}

#[test]
fn a_list_may_still_move_a_start_to_a_day_not_said_before() {
    let facts = vec![
        of(0, at(Kind::Hired, 0, 20)),
        list(2, vec![row(Some(0), 25)]),
    ];
    access(facts, &[(25, ON)]);
}

#[test]
fn a_cancel_after_a_rescinded_hire_does_not_lift_another_ending() {
    let facts = vec![
        of(0, at(Kind::Hired, -300, -300)),
        of(0, at(Kind::Terminated, 0, 30)),
        of(1, at(Kind::Hired, 1, 40)),
        of(1, Fact::new(0, Kind::HireRescinded, 5 * 24)),
        Fact::new(0, Kind::TerminationCancelled, 6 * 24),
    ];
    access(facts, &[(-300, 30)]);
}

#[test]
fn an_undated_hire_that_was_edited_does_not_come_back_when_it_is_sent_again() {
    let facts = vec![
        Fact::new(0, Kind::Hired, -185 * 24),
        Fact {
            supersedes: Some(Ref(0, 1)),
            ..at(Kind::Hired, -100, 34)
        },
        Fact::new(0, Kind::HireRescinded, -29 * 24),
        at(Kind::Hired, 35, -185),
    ];
    access(facts, &[]);
}

#[test]
fn a_start_that_was_refused_stays_so_when_what_refused_it_took_another_id() {
    // The list's X is refused by a leaving without an id, which a rehire then makes Y's.
    let facts = vec![
        at(Kind::Terminated, -200, 10),
        list(-30, vec![row(Some(0), -28)]),
        of(1, at(Kind::Rehired, -28, -28)),
        Fact::new(0, Kind::RecordDeleted, -27 * 24),
        list(-26, vec![row(Some(0), -28)]),
    ];
    access(facts, &[]);
}

#[test]
fn an_old_list_moves_no_other_planned_start_back() {
    let ended = |from: i32, to: i32| Row {
        end: Some(When::Hour(to * 24)),
        ..row(None, from)
    };
    let facts = vec![
        at(Kind::Hired, -211, -15),
        list(-20, vec![row(None, 34), ended(-15, -5)]),
        list(-16, vec![row(None, 36)]),
        Fact::new(0, Kind::TerminationCancelled, -15 * 24),
        list(5, vec![row(None, -15)]),
    ];
    access(facts, &[(34, ON)]);
}

#[test]
fn a_cancelled_deletion_leaves_the_hire_that_said_no_date() {
    let facts = vec![
        Fact::new(0, Kind::RecordDeleted, -29 * 24),
        Fact::new(0, Kind::Hired, 35 * 24),
        Fact {
            refers: vec![Ref(0, 1)],
            ..Fact::new(0, Kind::TerminationCancelled, 36 * 24)
        },
    ];
    access(facts, &[(35, ON)]);
}

#[test]
fn a_hire_that_is_sent_again_takes_no_listed_employment_past_a_bar() {
    let hired = || {
        vec![
            of(0, at(Kind::Hired, -200, -90)),
            at(Kind::Hired, -100, -31),
        ]
    };
    let barred = |start| {
        vec![
            list(-99, vec![row(Some(1), start)]),
            at(Kind::AccessRevoked, -30, -95),
        ]
    };
    // The list's Y is not X, whose start the hire stated.
    access(
        [hired(), barred(-90), vec![at(Kind::Hired, -10, -31)]].concat(),
        &[],
    );
    // Nor if both start on one day.
    access(
        [hired(), barred(-31), vec![at(Kind::Hired, -10, -31)]].concat(),
        &[],
    );
    // Its own hire is news.
    access(
        [hired(), barred(-31), vec![of(1, at(Kind::Hired, -10, -31))]].concat(),
        &[(-31, ON)],
    );
}

#[test]
fn the_same_day_in_another_zone_does_not_hide_the_instant_that_was_stated() {
    // A list says the day of the hire in Tokyo; the leaving that follows takes effect at the hire's own instant, and so
    // does the hire that is sent again.
    let tokyo = Row {
        start: Some(When::DayIn(20, 2)),
        ..row(None, 20)
    };
    let hire = Fact {
        effective: Some(When::Day(20)),
        ..at(Kind::Hired, -100, 0)
    };
    let start = When::Day(20)
        .effective()
        .resolve(&jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone"))
        .instant;
    let hour =
        i32::try_from(start.duration_since(super::fact::hour(0)).as_hours()).expect("an hour");
    let facts = vec![
        hire,
        list(-100, vec![tokyo]),
        Fact {
            effective: Some(When::Hour(hour)),
            ..at(Kind::Terminated, 0, 0)
        },
        Fact {
            effective: Some(When::Hour(hour)),
            ..at(Kind::Rehired, 1, 0)
        },
    ];
    access(facts, &[]);
}

#[test]
fn a_hire_whose_employment_was_edited_is_not_news_under_the_id_it_had() {
    let hire = || of(2, at(Kind::Hired, -223, -301));
    let edit = || Fact {
        supersedes: Some(Ref(0, 1)),
        ..of(1, at(Kind::Hired, -222, -301))
    };
    let again = |day| of(2, at(Kind::Hired, day, -301));
    // Not after the leaving, and before it it opens nothing that would outlive the leaving.
    access(
        vec![hire(), edit(), at(Kind::Terminated, -18, -18), again(-17)],
        &[(-301, -18)],
    );
    access(
        vec![
            hire(),
            edit(),
            again(-100),
            of(1, at(Kind::Terminated, -18, -18)),
        ],
        &[(-301, -18)],
    );
    // Another start under that id is another employment, and so is that start under another id.
    let left = || of(1, at(Kind::Terminated, -18, -18));
    access(
        vec![hire(), edit(), of(2, at(Kind::Hired, -100, -90)), left()],
        &[(-301, ON)],
    );
    access(
        vec![hire(), edit(), of(0, at(Kind::Hired, -100, -301)), left()],
        &[(-301, ON)],
    );
    let other = of(2, at(Kind::Hired, -17, -10));
    access(
        vec![hire(), edit(), at(Kind::Terminated, -18, -18), other],
        &[(-301, -18), (-10, ON)],
    );
}

#[test]
fn the_same_last_day_in_another_zone_postpones_no_leaving_that_was_stated_so_before() {
    let ended = |day, zone: Option<u8>| {
        let effective = zone.map_or(When::Day(-29), |zone| When::DayIn(-29, zone));
        Fact {
            effective: Some(effective),
            ..at(Kind::Terminated, day, 0)
        }
    };
    let ends = |facts: Vec<Fact>| {
        View::of(&history(facts)).jobs()[0]
            .end
            .expect("an end")
            .instant
    };
    let hired = || at(Kind::Hired, -209, -209);
    let (here, tokyo) = (
        ends(vec![hired(), ended(-100, None)]),
        ends(vec![hired(), ended(-100, Some(2))]),
    );
    assert!(tokyo < here);
    // News, and again, and news once it is over.
    assert_eq!(
        ends(vec![hired(), ended(-100, Some(2)), ended(-99, None)]),
        here
    );
    assert_eq!(
        ends(vec![
            hired(),
            ended(-100, None),
            ended(-99, Some(2)),
            ended(-98, None)
        ]),
        tokyo
    );
    let late = Fact {
        at: Some(-29 * 24 - 4),
        ..ended(-29, None)
    };
    assert_eq!(ends(vec![hired(), ended(-100, Some(2)), late]), tokyo);
}
