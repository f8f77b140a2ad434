//! Endings, cancellations, access revocations and leaves (`docs/fold.md` 3).
//!
//! There is one history for every branch of the rules. A letter in a name is the letter of the
//! rule.

use super::{
    FindingKind::{EndedSeveral, NothingToCancel, StartInsideEnded, WhichEmployment},
    Status,
    notation::{WorkedHistory, assert_histories, events, person_at},
};

#[test]
fn an_ending_applies_rules_a_to_d() {
    assert_histories(ENDINGS);
}

const ENDINGS: &[WorkedHistory] = &[
    (
        "a: an earlier end",
        "hired@-300->-300; terminated@0->30; terminated@40->20",
        "-300..20",
        &[],
    ),
    (
        "b: an end at the start",
        "hired@-20->10; terminated@0->10",
        "",
        &[],
    ),
    (
        "b: an end before the start",
        "hired@-20->10; terminated@0->-5",
        "",
        &[],
    ),
    (
        "b: an employment with a planned end",
        "hired@-20->10; terminated@-9->30; terminated@0->0",
        "",
        &[],
    ),
    (
        "b: not an employment that has begun",
        "hired@-20->-10; terminated@0->-15",
        "-10..",
        &[WhichEmployment],
    ),
    (
        "b: not an employment that opened after the same ending",
        "hired@-300->-300; terminated@0->5; rehired@6->20; terminated@7->5",
        "-300..5, 20..",
        &[],
    ),
    (
        "b: an employment that opened after another ending",
        "hired@-300->-300; terminated@0->5; rehired@6->20; terminated@7->7",
        "-300..5",
        &[],
    ),
    (
        "b: an employment opened at the instant of the ending, alone",
        "hired@5->20; terminated@5->5",
        "",
        &[],
    ),
    (
        "b: not one opened at the instant of the ending, beside one that rule a ends",
        "hired X@-300->-300; hired Y@5->20; terminated@5->5",
        "-300..5, 20..",
        &[],
    ),
    (
        "a: several employments, without an id",
        "hired X@-300->-300; hired Y@-200->-200; terminated@0->1",
        "-300..1",
        &[EndedSeveral],
    ),
    (
        "c: not an employment that is over",
        "hired@-300->-300; terminated@0->5; terminated@9->40",
        "-300..5",
        &[WhichEmployment],
    ),
    (
        "c: not to an end that was stated before",
        "hired@-300->-300; terminated@0->30; terminated@1->20; terminated@2->30",
        "-300..20",
        &[WhichEmployment],
    ),
    (
        "c: not to an end that an edit superseded",
        "hired@-300->-300; terminated@0->30; terminated edits 2@1->20; terminated@2->30",
        "-300..20",
        &[WhichEmployment],
    ),
    (
        "d: a repeat of the ending",
        "terminated@0->5; terminated@1->5",
        "",
        &[],
    ),
    (
        "rescinded: the employment that has not begun",
        "hired X@-300->-300; hired Y@-20->10; hire_rescinded@0",
        "-300..",
        &[],
    ),
    (
        "rescinded: every employment has begun",
        "hired@-300->-300; hire_rescinded@0->50",
        "-300..0",
        &[],
    ),
    (
        "rescinded: no cancellation lifts the end",
        "hired@-20->10; hire_rescinded@0; termination_cancelled names 2@1",
        "",
        &[NothingToCancel],
    ),
    (
        "deleted: every employment",
        "hired X@-300->-300; hired Y@-20->10; record_deleted@0->5",
        "-300..5",
        &[],
    ),
    (
        "deleted: no cancellation lifts the end of one that had not begun",
        "hired X@-300->-300; hired Y@-20->10; record_deleted@0->5; \
         termination_cancelled names 3@1; terminated X@6->6",
        "-300..6",
        &[],
    ),
    (
        "deleted: no employment is known",
        "record_deleted@0->0; hired@1->-300",
        "",
        &[StartInsideEnded],
    ),
];

#[test]
fn a_cancellation_lifts_an_end_that_is_not_final() {
    assert_histories(CANCELLATIONS);
}

const CANCELLATIONS: &[WorkedHistory] = &[
    (
        "the last ending",
        "hired@-300->-300; terminated@0->30; termination_cancelled@1",
        "-300..",
        &[],
    ),
    (
        "the last ending, after its effective time",
        "hired@-300->-300; terminated@0->30; termination_cancelled@40",
        "-300..30",
        &[NothingToCancel],
    ),
    (
        "a named ending, after its effective time",
        "hired@-300->-300; terminated@0->30; termination_cancelled names 2@40",
        "-300..",
        &[],
    ),
    (
        "a named ending that did not set the present end",
        "hired@-300->-300; terminated@0->30; terminated@1->20; termination_cancelled names 2@3",
        "-300..20",
        &[NothingToCancel],
    ),
    (
        "the ending of a no-show",
        "hired@-20->10; terminated@0->0; termination_cancelled@1",
        "10..",
        &[],
    ),
    (
        "the last ending of that id",
        "hired X@-300->-300; hired Y@-200->-200; terminated X@0->30; terminated Y@1->20; \
         termination_cancelled X@2",
        "-300..",
        &[],
    ),
    (
        "an unknown start becomes the last stated start",
        "terminated@-100->-100; hired@0->-300; termination_cancelled names 1@1",
        "-300..",
        &[StartInsideEnded],
    ),
    (
        "no ending is known",
        "hired@-300->-300; termination_cancelled@1",
        "-300..",
        &[NothingToCancel],
    ),
    (
        "an edited ending by the id of its edit",
        "hired@-300->-300; terminated@0->30; terminated edits 2@1->20; \
         termination_cancelled names 3@2",
        "-300..",
        &[],
    ),
    (
        "the ending again after its cancellation",
        "hired@-300->-300; terminated@0->30; termination_cancelled@1; terminated@2->30",
        "-300..30",
        &[],
    ),
];

#[test]
fn a_repeated_ending_also_ends_an_employment_opened_with_the_first() {
    assert_histories(&[(
        "the same ending, later, also ends the employment that opened with the first",
        "hired X@-300->-300; hired Y@0->20; terminated@0->10; terminated@5->10",
        "-300..10",
        &[EndedSeveral],
    )]);
}

#[test]
fn whether_an_employment_has_begun_depends_on_when_the_ending_was_known() {
    assert_histories(&[
        (
            "begun at the instant of the ending",
            "hired@-20->0; terminated@0->-5",
            "0..",
            &[WhichEmployment],
        ),
        (
            "a rescission applies when it is known, not at its date",
            "hired@-20->10; hire_rescinded@0->20; hired@1->25; terminated@2->20",
            "",
            &[],
        ),
    ]);
}

#[test]
fn a_cancellation_without_an_id_cancels_an_ending_with_one() {
    assert_histories(&[(
        "a cancellation without an id",
        "hired X@-300->-300; terminated X@0->30; termination_cancelled@5",
        "-300..",
        &[],
    )]);
}

#[test]
fn a_cancelled_ending_without_any_start_removes_the_employment() {
    let facts = events("terminated@-100->-100; termination_cancelled names 1@1");
    let person = person_at(&facts, 2.0);
    assert_eq!(
        (person.status, person.employments.len()),
        (Status::Unknown, 0)
    );
}

#[test]
fn a_revocation_holds_until_a_restoration_names_it() {
    assert_histories(REVOCATIONS);
}

const REVOCATIONS: &[WorkedHistory] = &[
    (
        "a restoration of the revocation",
        "hired@-300->-300; access_revoked@0->0; access_restored names 2@5",
        "-300..",
        &[],
    ),
    (
        "a restoration of another event",
        "hired@-300->-300; access_revoked@0->0; access_restored names 9@5",
        "-300..0",
        &[NothingToCancel],
    ),
    (
        "a second revocation",
        "hired@-300->-300; access_revoked@0->0; access_revoked@1->1; access_restored names 2@5",
        "-300..1",
        &[],
    ),
    (
        "a hire known before the revocation",
        "hired@-20->10; access_revoked@0->0",
        "",
        &[],
    ),
    (
        "a resent hire",
        "hired@-300->-300; access_revoked@0->0; hired@1->-300",
        "-300..0",
        &[],
    ),
    (
        "a hire known later, to start before the revocation takes effect",
        "access_revoked@0->20; hired@5->10",
        "10..20",
        &[],
    ),
    (
        "a hire known at the instant of the revocation",
        "hired@5->20; access_revoked@5->5",
        "",
        &[],
    ),
    (
        "a cancellation does not lift a revocation",
        "hired@-300->-300; terminated@-1->9; access_revoked@0->0; termination_cancelled@1",
        "-300..0",
        &[],
    ),
    (
        "a revocation of another alias of the person",
        "hired@-300->-300; linked is E-2@-1; access_revoked of E-2@0->0",
        "-300..0",
        &[],
    ),
];

#[test]
fn a_leave_ends_at_its_end_or_with_a_new_employment() {
    assert_histories(LEAVES);
}

const LEAVES: &[WorkedHistory] = &[
    (
        "a repeat of the leave",
        "hired@-300->-300; leave_started@-60->-30; leave_ended@-10->-5; leave_started@0->-30",
        "-300..-30, -5..",
        &[],
    ),
    (
        "a second end moves the end",
        "hired@-300->-300; leave_started@-60->-30; leave_ended@-60->15; leave_ended@0->5",
        "-300..-30, 5..",
        &[],
    ),
    (
        "an end before the start of the leave",
        "hired@-300->-300; leave_started@-60->-30; leave_ended@-9->-40",
        "-300..-30",
        &[],
    ),
    (
        "a new employment ends the leave",
        "hired@-300->-300; leave_started@-60->-30; terminated@-10->-10; rehired@0->20",
        "-300..-30, 20..",
        &[],
    ),
    (
        "a leave follows a conversion",
        "hired@-300->-300; leave_started@-60->-30; converted of E-2 was E-1@0->0; \
         leave_ended of E-2@10->10",
        "-300..-30, 10..",
        &[],
    ),
    (
        "a leave follows a conversion that was known before it",
        "hired@-300->-300; converted of E-2 was E-1@-40->0; leave_started@-30->-30",
        "-300..-30",
        &[],
    ),
];
