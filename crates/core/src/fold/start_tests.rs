//! Starts, conversions and changed worker ids (`docs/fold.md` 3, "Start").
//!
//! There is one history for every branch of the rules. A number in a name is the number of the
//! rule.

use super::{
    FindingKind::{EndedSeveral, StartInsideEnded, StartWithoutDate, WhichEmployment},
    notation::{WorkedHistory, assert_histories},
};

#[test]
fn a_start_applies_the_first_rule_that_fits() {
    assert_histories(STARTS);
}

const STARTS: &[WorkedHistory] = &[
    (
        "an undated hire of another id",
        "hired X@-300->-300; terminated X@-9->-9; hired Y@0",
        "-300..-9, 0..",
        &[],
    ),
    (
        "a start refused under one id, stated under another",
        "terminated@-200->10; snapshot[X -28..]@-30; rehired Y@-28->-28; record_deleted@-27; \
         hired Z@-26->-28",
        "-28..",
        &[StartInsideEnded],
    ),
    (
        "1: inside an employment that will end",
        "hired@-300->-300; terminated@0->30; rehired@5->20",
        "-300..30",
        &[StartInsideEnded],
    ),
    (
        "1: inside an employment without an id",
        "hired@-300->-300; terminated@-9->-9; hired X@0->-100",
        "-300..-9",
        &[StartInsideEnded],
    ),
    (
        "1: not inside an employment of another id",
        "hired X@-300->-300; terminated X@-50->-50; hired Y@0->-9",
        "-300..-50, -9..",
        &[],
    ),
    (
        "1: the start of a no-show",
        "hired@-20->10; terminated@0->0; hired@1->10",
        "",
        &[StartInsideEnded],
    ),
    (
        "1: the former start of a no-show that was moved",
        "hired@-20->10; hired@-9->12; terminated@0->0; hired@1->10",
        "",
        &[StartInsideEnded],
    ),
    (
        "1: not inside a no-show",
        "hired@-20->10; terminated@0->0; hired@1->5",
        "5..",
        &[],
    ),
    (
        "2: to a later start",
        "hired@-20->10; hired@0->15",
        "15..",
        &[],
    ),
    (
        "2: to an earlier start",
        "hired@-20->10; hired@0->5",
        "5..",
        &[],
    ),
    (
        "2: to a start before the planned end",
        "hired@-20->10; terminated@-9->20; hired@0->15",
        "15..20",
        &[],
    ),
    (
        "2: not to a start after the planned end",
        "hired@-20->10; terminated@-9->20; hired@0->30",
        "10..20, 30..",
        &[],
    ),
    (
        "2: of several employments the one with that start",
        "hired X@-20->10; hired Y@-20->20; hired@0->20",
        "10..",
        &[],
    ),
    (
        "2: of several employments the first to start",
        "hired X@-20->10; hired Y@-20->20; hired@0->15",
        "15..",
        &[],
    ),
    (
        "2: not if a running employment has that start",
        "hired X@-300->-300; hired Y@0->20; hired@1->-300; terminated X@2->2",
        "-300..2, 20..",
        &[],
    ),
    (
        "3: a repeat of a running employment",
        "hired@-300->-300; hired@0->-250; terminated@1->1",
        "-300..1",
        &[],
    ),
    (
        "3: the start of a repeat is a stated start",
        "hired@-300->-300; hired@0->10; terminated@1->1; hired@2->10",
        "-300..1",
        &[StartInsideEnded],
    ),
    (
        "3: a rehire to a later start",
        "hired@-300->-300; rehired@0->40; terminated@1->30",
        "-300..30",
        &[EndedSeveral],
    ),
    (
        "3: a termination after a rehire to a later start",
        "hired@-300->-300; rehired@0->40; terminated@50->50",
        "-300..50",
        &[],
    ),
    (
        "3: a rehire to a stated start",
        "hired@-300->-300; rehired@0->-300; terminated@1->1",
        "-300..1",
        &[],
    ),
    (
        "4: an undated hire after a termination",
        "hired@-300->-300; terminated@-9->-9; hired@0",
        "-300..-9",
        &[StartWithoutDate],
    ),
    (
        "4: an undated rehire after a termination",
        "hired@-300->-300; terminated@-9->-9; rehired@0",
        "-300..-9, 0..",
        &[],
    ),
    ("5: the first start", "hired@0", "0..", &[]),
    (
        "an employment without an id takes the id",
        "hired@-300->-300; terminated X@0->5",
        "-300..5",
        &[],
    ),
    (
        "a termination of another id",
        "hired X@-300->-300; terminated Y@0->5",
        "-300..",
        &[WhichEmployment],
    ),
];

#[test]
fn a_conversion_ends_the_previous_worker_and_continues_under_the_new_id() {
    assert_histories(CONVERSIONS);
}

const CONVERSIONS: &[WorkedHistory] = &[
    (
        "the employment continues under the new worker id",
        "hired@-300->-300; converted of E-2 was E-1@5->10; terminated of E-2@20->20",
        "-300..20",
        &[],
    ),
    (
        "the same conversion again",
        "hired@-300->-300; converted of E-2 was E-1@5->10; converted of E-2 was E-1@8->10",
        "-300..",
        &[],
    ),
    (
        "a conversion before the start",
        "hired@-20->10; converted of E-2 was E-1@0->5",
        "5..",
        &[],
    ),
    (
        "a conversion after a revocation",
        "hired@-300->-300; access_revoked@0->0; converted of E-2 was E-1@5->10",
        "-300..0",
        &[],
    ),
    (
        "a hire that repeats a conversion after a revocation",
        "hired@-300->-300; access_revoked@0->0; converted of E-2 was E-1@5->10; \
         hired of E-2@20->30",
        "-300..0",
        &[],
    ),
    (
        "a rehire after a conversion after a revocation",
        "hired@-300->-300; access_revoked@0->0; converted of E-2 was E-1@5->10; \
         rehired of E-2@20->30",
        "-300..0, 30..",
        &[],
    ),
    (
        "a conversion of an unknown worker after a revocation",
        "access_revoked@0->0; converted of E-2 was E-1@5->10",
        "",
        &[],
    ),
];

#[test]
fn a_changed_worker_id_is_the_same_worker() {
    assert_histories(CHANGED_IDS);
}

const CHANGED_IDS: &[WorkedHistory] = &[
    (
        "a termination of the new id",
        "hired@-300->-300; identifier_changed of E-2 was E-1@0; terminated of E-2@5->5",
        "-300..5",
        &[],
    ),
    (
        "a resent hire under the new id",
        "hired@-300->-300; identifier_changed of E-2 was E-1@0; terminated@5->5; \
         hired of E-2@6->-300",
        "-300..5",
        &[StartInsideEnded],
    ),
    (
        "an id that changed twice",
        "hired@-300->-300; identifier_changed of E-2 was E-1@0; \
         identifier_changed of E-3 was E-2@1; terminated of E-3@5->5",
        "-300..5",
        &[],
    ),
    (
        "an id of another worker that changed twice",
        "hired@-300->-300; identifier_changed of E-2 was E-1@0; \
         identifier_changed of E-8 was E-9@1; identifier_changed of E-7 was E-8@2; \
         terminated of E-7@5->5",
        "-300..",
        &[],
    ),
];
