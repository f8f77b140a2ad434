//! Snapshots (`docs/fold.md` 3, "Snapshot").
//!
//! There is one history for every branch of the rules: which employment a row finds, what its start
//! and its end do, and what happens to an employment that is not listed.

use super::{
    FindingKind::{HrSaysActive, MissingFromList, StartInsideEnded},
    notation::{WorkedHistory, assert_histories},
};

#[test]
fn a_snapshot_finds_opens_and_ends_employments_and_lifts_no_end() {
    assert_histories(SNAPSHOTS);
}

const SNAPSHOTS: &[WorkedHistory] = &[
    (
        "a row with only an end finds the employment with that end",
        "hired X@-300->-300; terminated X@0->30; snapshot[..40]@1",
        "-300..1",
        &[HrSaysActive, MissingFromList],
    ),
    (
        "a row whose end is the instant of the list",
        "hired X@-300->-300; terminated X@-9->-9; snapshot[X -300..0]@0",
        "-300..-9",
        &[],
    ),
    (
        "a running employment with another id does not keep a planned start",
        "hired X@-300->-300; terminated X@-9->-9; hired@-8->20; termination_cancelled names 2@-7; \
         snapshot[X -300.., 25..]@-5; terminated X@0->0",
        "-300..0, 25..",
        &[],
    ),
    (
        "a row that is over takes the starts of the superseded list",
        "snapshot[20..]@-9; snapshot edits 1[-100..-50]@-8; hired@1->20",
        "-100..-50",
        &[StartInsideEnded],
    ),
    (
        "a repeat of one employment, with an end",
        "hired X@-300->-300; snapshot[-5..30]@0",
        "-300..30",
        &[],
    ),
    (
        "a repeat of two employments, with an end",
        "hired X@-300->-300; hired Y@-300->-300; snapshot[-5..30]@0",
        "-300..",
        &[],
    ),
    (
        "a row with the known end is no ending",
        "hired X@-300->-300; hired Y@-300->-300; terminated X@0->30; terminated Y@1->40; \
         snapshot[X -300..30, Y -300..40]@2; termination_cancelled@3; terminated Y@4->50",
        "-300..50",
        &[],
    ),
    (
        "the start of a superseded list was stated",
        "snapshot[20..]@-9; snapshot edits 1[30..]@-8; hire_rescinded@0; hired@1->20",
        "",
        &[StartInsideEnded],
    ),
    (
        "the start of a superseded list was stated only for its employment",
        "hired@-300->-300; terminated@-200->-200; snapshot[20..]@-9; snapshot edits 3[30..]@-8; \
         hired@1->20",
        "-300..-200, 20..",
        &[],
    ),
    (
        "two ids with one start, of which one is known without the other",
        "hired X@-300->-300; snapshot[X -300.., Y -300..]@-9; terminated X@0->0",
        "-300..",
        &[],
    ),
    (
        "a snapshot without a list",
        "hired@-300->-300; snapshot@0",
        "-300..",
        &[],
    ),
    (
        "an end of an employment found by id",
        "hired X@-300->-300; snapshot[X -300..30]@0",
        "-300..30",
        &[],
    ),
    (
        "an employment without an id takes the id of a row with its start",
        "hired@-300->-300; snapshot[X -300..]@0; terminated X@5->5",
        "-300..5",
        &[],
    ),
    (
        "an open employment without an id takes the id of a row with another start",
        "hired@-300->-300; snapshot[X -290..]@0; terminated X@5->5",
        "-300..5",
        &[],
    ),
    (
        "a row that finds no employment",
        "hired X@-300->-300; snapshot[X -300.., Y 10..]@0; terminated X@5->5",
        "-300..5, 10..",
        &[],
    ),
    (
        "two ids with one start",
        "hired X@-9->-9; snapshot[X -9.., Y -9..]@0; terminated X@5->5",
        "-9..",
        &[],
    ),
    (
        "a row that finds no employment, with a future end",
        "snapshot[X -9..20]@0",
        "-9..20",
        &[],
    ),
    (
        "a row that is over",
        "snapshot[X -300..-100]@0",
        "-300..-100",
        &[],
    ),
    (
        "a row that is over beside a planned employment",
        "rehired@-50->40; snapshot[-300..-100, 40..]@0",
        "-300..-100, 40..",
        &[],
    ),
    (
        "a row without a start, where no employment is known",
        "snapshot[X]@0",
        "0..",
        &[],
    ),
    (
        "a row without a start that finds no employment",
        "hired X@-300->-300; snapshot[X -300.., Y]@0",
        "-300..",
        &[HrSaysActive],
    ),
    (
        "another start of an employment that has not begun",
        "hired@-20->10; snapshot[15..]@0",
        "15..",
        &[],
    ),
    (
        "another start of an employment that has begun",
        "hired@-300->-300; snapshot[-290..]@0",
        "-300..",
        &[],
    ),
    (
        "a start inside an employment that ended",
        "hired@-300->-300; terminated@-9->-9; snapshot[-290..]@0",
        "-300..-9",
        &[StartInsideEnded],
    ),
    (
        "another start of an ended employment found by id",
        "hired X@-300->-300; terminated@-9->-9; snapshot[X -290..]@0",
        "-300..-9",
        &[StartInsideEnded, HrSaysActive],
    ),
    (
        "the former start of a moved hire",
        "hired@-20->10; hired@-9->12; terminated@0->0; snapshot[10..]@1",
        "",
        &[StartInsideEnded],
    ),
    (
        "a row without an end, of an employment that will end",
        "hired@-300->-300; terminated@0->30; snapshot[-300..]@1",
        "-300..30",
        &[HrSaysActive],
    ),
    (
        "a later end",
        "hired@-300->-300; terminated@0->30; snapshot[-300..40]@1",
        "-300..40",
        &[],
    ),
    (
        "an earlier end",
        "hired@-300->-300; terminated@0->30; snapshot[-300..20]@1",
        "-300..20",
        &[],
    ),
    (
        "an end that was stated before",
        "hired@-300->-300; terminated@0->30; terminated@1->20; snapshot[-300..30]@2",
        "-300..20",
        &[HrSaysActive],
    ),
    (
        "a later end of an employment that is over",
        "hired@-300->-300; terminated@0->0; snapshot[-300..40]@2",
        "-300..0",
        &[HrSaysActive],
    ),
    (
        "a missing employment",
        "hired X@-300->-300; hired Y@-200->-200; snapshot[X -300..]@0; terminated X@5->5",
        "-300..5",
        &[MissingFromList],
    ),
    (
        "a list without rows",
        "hired@-300->-300; snapshot[]@0",
        "-300..0",
        &[MissingFromList],
    ),
    (
        "a missing employment that has not begun",
        "hired@-20->10; snapshot[]@0",
        "10..",
        &[],
    ),
    (
        "a list after a revocation",
        "access_revoked@0->0; snapshot[Z 10..]@1",
        "",
        &[],
    ),
    (
        "a hire that states the start of a listed employment after a revocation",
        "access_revoked@0->0; snapshot[Z 10..]@1; hired Z@2->10",
        "10..",
        &[],
    ),
    (
        "a hire that states a start again after a revocation",
        "snapshot[Z 10..]@-3; hired Z@-2->10; access_revoked@0->0; hired Z@2->10",
        "",
        &[],
    ),
];
