//! The worked histories of docs/fold.md, each a row: what is told, and on which days there is access.

use std::iter;

use super::{
    FindingKind,
    history::{Row, at, day, days_of, events, hold},
};
use crate::fold::Status;

const WORKED: &[Row] = &[
    (
        "postponed in time",
        "hired@-300->-300; terminated@0->30; terminated@9->40",
        "-300..40",
        &[],
    ),
    (
        "shortened",
        "hired@-300->-300; terminated@0->30; terminated@9->20",
        "-300..20",
        &[],
    ),
    (
        "a planned rehire is not a postponement",
        "hired@-300->-300; terminated@0->30; rehired@10->40",
        "-300..30, 40..",
        &[],
    ),
    (
        "the old hire again cannot move a planned rehire",
        "hired@-300->-300; terminated@-9->-9; rehired@-5->20; hired@0->-300",
        "-300..-9, 20..",
        &[FindingKind::StartInsideEnded],
    ),
    (
        "a no-show, then payroll's end, then the hire again",
        "hired@-20->10; terminated@0->0; terminated@5->15; hired@6->10",
        "",
        &[FindingKind::StartInsideEnded, FindingKind::WhichEmployment],
    ),
    (
        "rescinded, but tonight's list still has it",
        "hired@-20->10; hire_rescinded@0; snapshot[10..]@1",
        "",
        &[FindingKind::HrSaysActive],
    ),
    (
        "rescinded and hired anew",
        "hired@-20->10; hire_rescinded@0; hired@1->5",
        "5..",
        &[],
    ),
    (
        "a leaving without an id takes the next job with it",
        "hired X@-300->-300; hired Y@0->20; terminated@5->5",
        "-300..5",
        &[FindingKind::EndedSeveral],
    ),
    (
        "the end of one of two jobs",
        "hired X@-300->-300; hired Y@-200->-200; terminated X@0->1",
        "-300..",
        &[],
    ),
    (
        "hired before we came, and sent late",
        "terminated@-100->-100; hired@0->-300",
        "",
        &[FindingKind::StartInsideEnded],
    ),
    (
        "neither a list nor a conversion lifts a bar",
        "hired@-300->-300; access_revoked@0->0; snapshot[Z -30..]@1; converted of E-2 was E-1@5->10",
        "-300..0",
        &[],
    ),
    (
        "a rehire known after a bar, to start after it",
        "hired@-300->-300; access_revoked@0->0; terminated@1->1; rehired@20->30",
        "-300..0, 30..",
        &[],
    ),
    (
        "a planned end of leave does not outlive the job",
        "hired@-300->-300; leave_started@-60->-30; leave_ended@-60->15; terminated@0->0",
        "-300..-30",
        &[],
    ),
    (
        "converted before the first hire is known",
        "converted of E-2 was E-1@5->10; hired@6->-300; terminated of E-2@20->20",
        "10..20",
        &[FindingKind::StartInsideEnded],
    ),
];

#[test]
fn the_worked_histories_give_the_access_that_the_document_says() {
    hold(WORKED);
}

#[test]
fn the_order_and_the_number_of_copies_do_not_matter() {
    for (story, history, ..) in WORKED {
        let told = events(history);
        let person = at(&told, 12.0);
        let mut reversed: Vec<_> = told.iter().rev().cloned().collect();
        assert_eq!(at(&reversed, 12.0), person, "{story}: reversed");
        reversed.extend(told.iter().cloned());
        assert_eq!(at(&reversed, 12.0), person, "{story}: twice");
    }
}

#[test]
fn nothing_differs_before_the_next_change() {
    for (story, history, ..) in WORKED {
        let told = events(history);
        let mut now = -350.0;
        while now < 60.0 {
            let person = at(&told, now);
            let next = person.next_change.map_or(f64::MAX, |next| {
                next.duration_since(day(0.0)).as_secs_f64() / 86_400.0
            });
            let until = next.min(60.0);
            for moment in
                iter::successors(Some(now), |at| Some(at + 0.5)).take_while(|at| *at < until)
            {
                let later = at(&told, moment);
                assert_eq!(
                    (later.status, &later.attributes),
                    (person.status, &person.attributes),
                    "{story} at {moment}"
                );
            }
            now = until;
        }
    }
}

#[test]
fn an_ordinary_life_gives_the_status_that_its_sender_believes() {
    let life = events(
        "hired@-20->10; changed@0->0; leave_started@20->25; leave_ended@28->30; terminated@35->40; rehired@50->60",
    );
    assert_eq!(days_of(&life[..2], Status::Upcoming), "-400..10");
    assert_eq!(days_of(&life, Status::Active), "10..25, 30..40, 60..");
    assert_eq!(days_of(&life, Status::OnLeave), "25..30");
    assert_eq!(days_of(&life[..5], Status::Ended), "40..");
}
