//! The worked histories in the table of `docs/fold.md` 3: the days with access, and the findings.
//!
//! The last row of the table is in `snapshot_tests`, the two before it are in
//! `tests::regression_tests`.

use std::iter;

use super::{
    FindingKind,
    notation::{WorkedHistory, assert_histories, day, days_with, events, person_at},
};
use crate::fold::Status;

const WORKED: &[WorkedHistory] = &[
    (
        "a second termination postpones the end in time",
        "hired@-300->-300; terminated@0->30; terminated@9->40",
        "-300..40",
        &[],
    ),
    (
        "a second termination brings the end forward",
        "hired@-300->-300; terminated@0->30; terminated@9->20",
        "-300..20",
        &[],
    ),
    (
        "a planned rehire does not postpone the end",
        "hired@-300->-300; terminated@0->30; rehired@10->40",
        "-300..30, 40..",
        &[],
    ),
    (
        "a resent hire does not move a planned rehire",
        "hired@-300->-300; terminated@-9->-9; rehired@-5->20; hired@0->-300",
        "-300..-9, 20..",
        &[FindingKind::StartInsideEnded],
    ),
    (
        "a no-show, then the termination of payroll, then the hire again",
        "hired@-20->10; terminated@0->0; terminated@5->15; hired@6->10",
        "",
        &[FindingKind::StartInsideEnded, FindingKind::WhichEmployment],
    ),
    (
        "a list still has a rescinded hire",
        "hired@-20->10; hire_rescinded@0; snapshot[10..]@1",
        "",
        &[FindingKind::HrSaysActive],
    ),
    (
        "a new hire after a rescinded one",
        "hired@-20->10; hire_rescinded@0; hired@1->5",
        "5..",
        &[],
    ),
    (
        "a termination without an id also ends the planned employment",
        "hired X@-300->-300; hired Y@0->20; terminated@5->5",
        "-300..5",
        &[FindingKind::EndedSeveral],
    ),
    (
        "a termination of one of two employments",
        "hired X@-300->-300; hired Y@-200->-200; terminated X@0->1",
        "-300..",
        &[],
    ),
    (
        "a hire sent after its termination",
        "terminated@-100->-100; hired@0->-300",
        "",
        &[FindingKind::StartInsideEnded],
    ),
    (
        "neither a list nor a conversion lifts a revocation",
        "hired@-300->-300; access_revoked@0->0; snapshot[Z -30..]@1; \
         converted of E-2 was E-1@5->10",
        "-300..0",
        &[],
    ),
    (
        "a rehire known after a revocation, to start after it",
        "hired@-300->-300; access_revoked@0->0; terminated@1->1; rehired@20->30",
        "-300..0, 30..",
        &[],
    ),
    (
        "a planned end of leave after the end of the employment",
        "hired@-300->-300; leave_started@-60->-30; leave_ended@-60->15; terminated@0->0",
        "-300..-30",
        &[],
    ),
    (
        "a conversion known before the first hire",
        "converted of E-2 was E-1@5->10; hired@6->-300; terminated of E-2@20->20",
        "10..20",
        &[FindingKind::StartInsideEnded],
    ),
];

#[test]
fn the_worked_histories_give_the_access_in_the_document() {
    assert_histories(WORKED);
}

#[test]
fn order_and_copies_do_not_change_a_worked_history() {
    for (name, history, ..) in WORKED {
        let facts = events(history);
        let person = person_at(&facts, 12.0);
        let mut reversed: Vec<_> = facts.iter().rev().cloned().collect();
        assert_eq!(person_at(&reversed, 12.0), person, "{name}: reversed");
        reversed.extend(facts.iter().cloned());
        assert_eq!(person_at(&reversed, 12.0), person, "{name}: twice");
    }
}

#[test]
fn a_worked_history_does_not_change_before_its_next_change() {
    for (name, history, ..) in WORKED {
        let facts = events(history);
        let mut now = -350.0;
        while now < 60.0 {
            let person = person_at(&facts, now);
            let next = person.next_change.map_or(f64::MAX, |next| {
                next.duration_since(day(0.0)).as_secs_f64() / 86_400.0
            });
            let until = next.min(60.0);
            for moment in
                iter::successors(Some(now), |at| Some(at + 0.5)).take_while(|at| *at < until)
            {
                let later = person_at(&facts, moment);
                assert_eq!(
                    (later.status, &later.attributes),
                    (person.status, &person.attributes),
                    "{name} at {moment}"
                );
            }
            now = until;
        }
    }
}

#[test]
fn an_ordinary_life_has_every_status_on_its_days() {
    let life = events(
        "hired@-20->10; changed@0->0; leave_started@20->25; leave_ended@28->30; terminated@35->40; \
         rehired@50->60",
    );
    assert_eq!(days_with(&life[..2], Status::Upcoming), "-400..10");
    assert_eq!(days_with(&life, Status::Active), "10..25, 30..40, 60..");
    assert_eq!(days_with(&life, Status::OnLeave), "25..30");
    assert_eq!(days_with(&life[..5], Status::Ended), "40..");
}
