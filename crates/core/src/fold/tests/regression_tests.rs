//! Histories that the property tests found.
//!
//! In each of them an earlier version of the fold or of its rules gave a leaver access again, or
//! lifted the wrong end. Each runs through the fold and the oracle.

use super::{
    fact::{EffectiveSpec, FactRef, FactSpec, RowSpec, hour},
    view::View,
    worked::{OPEN, at, expect_access, history, list, of, row},
};
use crate::event::Kind;

#[test]
fn an_outdated_list_does_not_move_a_planned_start_back() {
    // HR moved the start from day 20 to day 30. The outdated list still states day 20.
    let facts = vec![
        of(0, at(Kind::Hired, 0, 20)),
        of(0, at(Kind::Hired, 1, 30)),
        list(2, vec![row(Some(0), 20)]),
    ];
    expect_access(facts, &[(30, OPEN)]);
}

#[test]
fn an_outdated_row_that_finds_no_employment_does_not_move_a_planned_start_back() {
    let facts = vec![
        at(Kind::Hired, -242, 26),
        list(-30, vec![row(None, 35)]),
        at(Kind::Terminated, 5, 36),
        list(10, vec![row(None, 26)]),
    ];
    expect_access(facts, &[(35, 36)]);
}

#[test]
fn a_list_moves_a_start_to_a_day_that_was_not_stated_before() {
    let facts = vec![
        of(0, at(Kind::Hired, 0, 20)),
        list(2, vec![row(Some(0), 25)]),
    ];
    expect_access(facts, &[(25, OPEN)]);
}

#[test]
fn a_cancellation_after_a_rescinded_hire_lifts_no_other_ending() {
    let facts = vec![
        of(0, at(Kind::Hired, -300, -300)),
        of(0, at(Kind::Terminated, 0, 30)),
        of(1, at(Kind::Hired, 1, 40)),
        of(1, FactSpec::new(0, Kind::HireRescinded, 5 * 24)),
        FactSpec::new(0, Kind::TerminationCancelled, 6 * 24),
    ];
    expect_access(facts, &[(-300, 30)]);
}

#[test]
fn a_resend_of_an_edited_undated_hire_gives_no_access() {
    let facts = vec![
        FactSpec::new(0, Kind::Hired, -185 * 24),
        FactSpec {
            supersedes: Some(FactRef(0, 1)),
            ..at(Kind::Hired, -100, 34)
        },
        FactSpec::new(0, Kind::HireRescinded, -29 * 24),
        at(Kind::Hired, 35, -185),
    ];
    expect_access(facts, &[]);
}

#[test]
fn a_refused_start_stays_refused_after_the_refusing_employment_takes_another_id() {
    // A termination without an id refuses the list's X. Then a rehire gives that employment the id
    // Y.
    let facts = vec![
        at(Kind::Terminated, -200, 10),
        list(-30, vec![row(Some(0), -28)]),
        of(1, at(Kind::Rehired, -28, -28)),
        FactSpec::new(0, Kind::RecordDeleted, -27 * 24),
        list(-26, vec![row(Some(0), -28)]),
    ];
    expect_access(facts, &[]);
}

#[test]
fn an_outdated_list_does_not_move_the_planned_start_of_another_employment_back() {
    let ended = |from: i32, to: i32| RowSpec {
        end: Some(EffectiveSpec::Hour(to * 24)),
        ..row(None, from)
    };
    let facts = vec![
        at(Kind::Hired, -211, -15),
        list(-20, vec![row(None, 34), ended(-15, -5)]),
        list(-16, vec![row(None, 36)]),
        FactSpec::new(0, Kind::TerminationCancelled, -15 * 24),
        list(5, vec![row(None, -15)]),
    ];
    expect_access(facts, &[(34, OPEN)]);
}

#[test]
fn cancelling_a_deletion_restores_the_undated_hire() {
    let facts = vec![
        FactSpec::new(0, Kind::RecordDeleted, -29 * 24),
        FactSpec::new(0, Kind::Hired, 35 * 24),
        FactSpec {
            refers_to: vec![FactRef(0, 1)],
            ..FactSpec::new(0, Kind::TerminationCancelled, 36 * 24)
        },
    ];
    expect_access(facts, &[(35, OPEN)]);
}

#[test]
fn a_resent_hire_does_not_open_a_listed_employment_for_a_revocation() {
    let hired = || {
        vec![
            of(0, at(Kind::Hired, -200, -90)),
            at(Kind::Hired, -100, -31),
        ]
    };
    let revoked = |start| {
        vec![
            list(-99, vec![row(Some(1), start)]),
            at(Kind::AccessRevoked, -30, -95),
        ]
    };
    let resent = || at(Kind::Hired, -10, -31);

    // The hire states a start of X. The list opened Y.
    expect_access([hired(), revoked(-90), vec![resent()]].concat(), &[]);

    // The same, with both starts on one day.
    expect_access([hired(), revoked(-31), vec![resent()]].concat(), &[]);

    // A hire of Y itself opens Y after the revocation.
    expect_access(
        [
            hired(),
            revoked(-31),
            vec![of(1, at(Kind::Hired, -10, -31))],
        ]
        .concat(),
        &[(-31, OPEN)],
    );
}

#[test]
fn the_same_day_in_another_zone_does_not_replace_the_stated_instant() {
    // A list states the day of the hire in Tokyo. The termination takes effect at the instant of
    // the hire itself, and so does the rehire that follows.
    let tokyo = RowSpec {
        start: Some(EffectiveSpec::DayIn(20, 2)),
        ..row(None, 20)
    };
    let hire = FactSpec {
        effective: Some(EffectiveSpec::Day(20)),
        ..at(Kind::Hired, -100, 0)
    };
    let start = EffectiveSpec::Day(20)
        .effective()
        .resolve(&jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone"))
        .instant;
    let hour = i32::try_from(start.duration_since(hour(0)).as_hours()).expect("an hour");
    let facts = vec![
        hire,
        list(-100, vec![tokyo]),
        FactSpec {
            effective: Some(EffectiveSpec::Hour(hour)),
            ..at(Kind::Terminated, 0, 0)
        },
        FactSpec {
            effective: Some(EffectiveSpec::Hour(hour)),
            ..at(Kind::Rehired, 1, 0)
        },
    ];

    expect_access(facts, &[]);
}

#[test]
fn a_hire_under_an_id_that_an_edit_replaced_is_a_repeat() {
    let hire = || of(2, at(Kind::Hired, -223, -301));
    let edit = || FactSpec {
        supersedes: Some(FactRef(0, 1)),
        ..of(1, at(Kind::Hired, -222, -301))
    };
    let again = |day| of(2, at(Kind::Hired, day, -301));
    // A repeat after the termination gives no access. A repeat before it opens no second
    // employment, which would outlast the termination.
    expect_access(
        vec![hire(), edit(), at(Kind::Terminated, -18, -18), again(-17)],
        &[(-301, -18)],
    );
    expect_access(
        vec![
            hire(),
            edit(),
            again(-100),
            of(1, at(Kind::Terminated, -18, -18)),
        ],
        &[(-301, -18)],
    );

    // Another start under the former id is another employment. So is the same start under a third
    // id.
    let ended = || of(1, at(Kind::Terminated, -18, -18));
    expect_access(
        vec![hire(), edit(), of(2, at(Kind::Hired, -100, -90)), ended()],
        &[(-301, OPEN)],
    );
    expect_access(
        vec![hire(), edit(), of(0, at(Kind::Hired, -100, -301)), ended()],
        &[(-301, OPEN)],
    );

    let other = of(2, at(Kind::Hired, -17, -10));
    expect_access(
        vec![hire(), edit(), at(Kind::Terminated, -18, -18), other],
        &[(-301, -18), (-10, OPEN)],
    );
}

#[test]
fn the_same_last_day_in_another_zone_postpones_no_end_that_was_stated_before() {
    let ended = |day, zone: Option<u8>| {
        let effective = zone.map_or(EffectiveSpec::Day(-29), |zone| {
            EffectiveSpec::DayIn(-29, zone)
        });
        FactSpec {
            effective: Some(effective),
            ..at(Kind::Terminated, day, 0)
        }
    };
    let ends = |facts: Vec<FactSpec>| {
        View::of(&history(facts)).employments()[0]
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
    // A new end postpones. An end that was stated before does not, nor one that is known once the
    // employment is over.
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

    let late = FactSpec {
        time: Some(-29 * 24 - 4),
        ..ended(-29, None)
    };
    assert_eq!(ends(vec![hired(), ended(-100, Some(2)), late]), tokyo);
}
