//! Endings, cancelling, bars and leaves: a history for every branch of docs/fold.md.

use super::{
    FindingKind::{EndedSeveral, NothingToCancel, StartInsideEnded, WhichEmployment},
    Status,
    history::{Row, at, events, hold},
};

#[test]
fn an_ending_ends_what_it_can_be_about() {
    hold(ENDINGS);
}

const ENDINGS: &[Row] = &[
    (
        "a: shortened",
        "hired@-300->-300; terminated@0->30; terminated@40->20",
        "-300..20",
        &[],
    ),
    (
        "b: at its own start",
        "hired@-20->10; terminated@0->10",
        "",
        &[],
    ),
    (
        "b: before its start",
        "hired@-20->10; terminated@0->-5",
        "",
        &[],
    ),
    (
        "b: also with a planned end",
        "hired@-20->10; terminated@-9->30; terminated@0->0",
        "",
        &[],
    ),
    (
        "b: not what has begun",
        "hired@-20->-10; terminated@0->-15",
        "-10..",
        &[WhichEmployment],
    ),
    (
        "b: not what opened after the same ending",
        "hired@-300->-300; terminated@0->5; rehired@6->20; terminated@7->5",
        "-300..5, 20..",
        &[],
    ),
    (
        "b: but after another",
        "hired@-300->-300; terminated@0->5; rehired@6->20; terminated@7->7",
        "-300..5",
        &[],
    ),
    (
        "b: opened at that instant, alone",
        "hired@5->20; terminated@5->5",
        "",
        &[],
    ),
    (
        "b: opened at that instant, beside one that ends",
        "hired X@-300->-300; hired Y@5->20; terminated@5->5",
        "-300..5, 20..",
        &[],
    ),
    (
        "a: several without an id",
        "hired X@-300->-300; hired Y@-200->-200; terminated@0->1",
        "-300..1",
        &[EndedSeveral],
    ),
    (
        "c: not once it is over",
        "hired@-300->-300; terminated@0->5; terminated@9->40",
        "-300..5",
        &[WhichEmployment],
    ),
    (
        "c: not to an end stated before",
        "hired@-300->-300; terminated@0->30; terminated@1->20; terminated@2->30",
        "-300..20",
        &[WhichEmployment],
    ),
    (
        "c: not to an end that an edit replaced",
        "hired@-300->-300; terminated@0->30; terminated edits 2@1->20; terminated@2->30",
        "-300..20",
        &[WhichEmployment],
    ),
    ("d: a repeat", "terminated@0->5; terminated@1->5", "", &[]),
    (
        "rescinded: what has not begun",
        "hired X@-300->-300; hired Y@-20->10; hire_rescinded@0",
        "-300..",
        &[],
    ),
    (
        "rescinded: with nothing to rescind",
        "hired@-300->-300; hire_rescinded@0->50",
        "-300..0",
        &[],
    ),
    (
        "rescinded: nothing lifts it",
        "hired@-20->10; hire_rescinded@0; termination_cancelled names 2@1",
        "",
        &[NothingToCancel],
    ),
    (
        "deleted: all",
        "hired X@-300->-300; hired Y@-20->10; record_deleted@0->5",
        "-300..5",
        &[],
    ),
    (
        "deleted: what had not begun, for good",
        "hired X@-300->-300; hired Y@-20->10; record_deleted@0->5; termination_cancelled names 3@1; terminated X@6->6",
        "-300..6",
        &[],
    ),
    (
        "deleted: of whom nothing was known",
        "record_deleted@0->0; hired@1->-300",
        "",
        &[StartInsideEnded],
    ),
];

#[test]
fn only_a_cancel_lifts_an_end_and_never_a_final_one() {
    hold(&[
        (
            "the last one",
            "hired@-300->-300; terminated@0->30; termination_cancelled@1",
            "-300..",
            &[],
        ),
        (
            "too late",
            "hired@-300->-300; terminated@0->30; termination_cancelled@40",
            "-300..30",
            &[NothingToCancel],
        ),
        (
            "too late but named",
            "hired@-300->-300; terminated@0->30; termination_cancelled names 2@40",
            "-300..",
            &[],
        ),
        (
            "named, but another set the end",
            "hired@-300->-300; terminated@0->30; terminated@1->20; termination_cancelled names 2@3",
            "-300..20",
            &[NothingToCancel],
        ),
        (
            "a no-show",
            "hired@-20->10; terminated@0->0; termination_cancelled@1",
            "10..",
            &[],
        ),
        (
            "of that slot",
            "hired X@-300->-300; hired Y@-200->-200; terminated X@0->30; terminated Y@1->20; termination_cancelled X@2",
            "-300..",
            &[],
        ),
        (
            "an unknown start takes the last stated",
            "terminated@-100->-100; hired@0->-300; termination_cancelled names 1@1",
            "-300..",
            &[StartInsideEnded],
        ),
        (
            "nothing",
            "hired@-300->-300; termination_cancelled@1",
            "-300..",
            &[NothingToCancel],
        ),
        (
            "an edited ending by either id",
            "hired@-300->-300; terminated@0->30; terminated edits 2@1->20; termination_cancelled names 3@2",
            "-300..",
            &[],
        ),
        (
            "and the ending again",
            "hired@-300->-300; terminated@0->30; termination_cancelled@1; terminated@2->30",
            "-300..30",
            &[],
        ),
    ]);
}

#[test]
fn an_ending_again_takes_what_opened_at_its_first_instant() {
    hold(&[(
        "spared once",
        "hired X@-300->-300; hired Y@0->20; terminated@0->10; terminated@5->10",
        "-300..10",
        &[EndedSeveral],
    )]);
}

#[test]
fn what_has_not_begun_is_asked_of_when_the_ending_was_known() {
    hold(&[
        (
            "begun at that instant",
            "hired@-20->0; terminated@0->-5",
            "0..",
            &[WhichEmployment],
        ),
        (
            "a rescission is known, not its date",
            "hired@-20->10; hire_rescinded@0->20; hired@1->25; terminated@2->20",
            "",
            &[],
        ),
    ]);
}

#[test]
fn a_cancel_without_an_id_means_also_an_ending_with_one() {
    hold(&[(
        "",
        "hired X@-300->-300; terminated X@0->30; termination_cancelled@5",
        "-300..",
        &[],
    )]);
}

#[test]
fn an_unknown_start_that_is_cancelled_leaves_nothing() {
    let told = events("terminated@-100->-100; termination_cancelled names 1@1");
    let person = at(&told, 2.0);
    assert_eq!(
        (person.status, person.employments.len()),
        (Status::Unknown, 0)
    );
}

#[test]
fn a_bar_stands_until_it_is_named() {
    hold(&[
        (
            "restored",
            "hired@-300->-300; access_revoked@0->0; access_restored names 2@5",
            "-300..",
            &[],
        ),
        (
            "another named",
            "hired@-300->-300; access_revoked@0->0; access_restored names 9@5",
            "-300..0",
            &[NothingToCancel],
        ),
        (
            "a second bar",
            "hired@-300->-300; access_revoked@0->0; access_revoked@1->1; access_restored names 2@5",
            "-300..1",
            &[],
        ),
        (
            "a hire known before",
            "hired@-20->10; access_revoked@0->0",
            "",
            &[],
        ),
        (
            "the old hire again",
            "hired@-300->-300; access_revoked@0->0; hired@1->-300",
            "-300..0",
            &[],
        ),
        (
            "known later, to start before",
            "access_revoked@0->20; hired@5->10",
            "10..20",
            &[],
        ),
        (
            "known at that instant",
            "hired@5->20; access_revoked@5->5",
            "",
            &[],
        ),
        (
            "a cancel does not",
            "hired@-300->-300; terminated@-1->9; access_revoked@0->0; termination_cancelled@1",
            "-300..0",
            &[],
        ),
        (
            "bars the whole person",
            "hired@-300->-300; linked is E-2@-1; access_revoked of E-2@0->0",
            "-300..0",
            &[],
        ),
    ]);
}

#[test]
fn a_leave_ends_by_its_end_or_with_a_new_employment() {
    hold(&[
        (
            "a repeat",
            "hired@-300->-300; leave_started@-60->-30; leave_ended@-10->-5; leave_started@0->-30",
            "-300..-30, -5..",
            &[],
        ),
        (
            "its end moves",
            "hired@-300->-300; leave_started@-60->-30; leave_ended@-60->15; leave_ended@0->5",
            "-300..-30, 5..",
            &[],
        ),
        (
            "an end before it is not its end",
            "hired@-300->-300; leave_started@-60->-30; leave_ended@-9->-40",
            "-300..-30",
            &[],
        ),
        (
            "a new employment",
            "hired@-300->-300; leave_started@-60->-30; terminated@-10->-10; rehired@0->20",
            "-300..-30, 20..",
            &[],
        ),
        (
            "follows a conversion",
            "hired@-300->-300; leave_started@-60->-30; converted of E-2 was E-1@0->0; leave_ended of E-2@10->10",
            "-300..-30, 10..",
            &[],
        ),
        (
            "follows a conversion planned before it",
            "hired@-300->-300; converted of E-2 was E-1@-40->0; leave_started@-30->-30",
            "-300..-30",
            &[],
        ),
    ]);
}
