//! Starts, conversions and snapshots: a history for every branch of docs/fold.md.

use super::{
    FindingKind::{
        EndedSeveral, HrSaysActive, MissingFromList, StartInsideEnded, StartWithoutDate,
        WhichEmployment,
    },
    history::{Row, hold},
};

#[test]
fn a_start_follows_the_first_rule_that_fits() {
    hold(STARTS);
}

const STARTS: &[Row] = &[
    (
        "a bare hire of another id",
        "hired X@-300->-300; terminated X@-9->-9; hired Y@0",
        "-300..-9, 0..",
        &[],
    ),
    (
        "what was refused under one id is none of another's",
        "terminated@-200->10; snapshot[X -28..]@-30; rehired Y@-28->-28; record_deleted@-27; hired Z@-26->-28",
        "-28..",
        &[StartInsideEnded],
    ),
    (
        "1: inside one that will end",
        "hired@-300->-300; terminated@0->30; rehired@5->20",
        "-300..30",
        &[StartInsideEnded],
    ),
    (
        "1: of an id-less one",
        "hired@-300->-300; terminated@-9->-9; hired X@0->-100",
        "-300..-9",
        &[StartInsideEnded],
    ),
    (
        "1: not of another id",
        "hired X@-300->-300; terminated X@-50->-50; hired Y@0->-9",
        "-300..-50, -9..",
        &[],
    ),
    (
        "1: stated for a no-show",
        "hired@-20->10; terminated@0->0; hired@1->10",
        "",
        &[StartInsideEnded],
    ),
    (
        "1: stated, then moved away",
        "hired@-20->10; hired@-9->12; terminated@0->0; hired@1->10",
        "",
        &[StartInsideEnded],
    ),
    (
        "1: a no-show has no inside",
        "hired@-20->10; terminated@0->0; hired@1->5",
        "5..",
        &[],
    ),
    (
        "2: moved to later",
        "hired@-20->10; hired@0->15",
        "15..",
        &[],
    ),
    (
        "2: moved to earlier",
        "hired@-20->10; hired@0->5",
        "5..",
        &[],
    ),
    (
        "2: moved within its planned end",
        "hired@-20->10; terminated@-9->20; hired@0->15",
        "15..20",
        &[],
    ),
    (
        "2: not past its planned end",
        "hired@-20->10; terminated@-9->20; hired@0->30",
        "10..20, 30..",
        &[],
    ),
    (
        "2: of several the one with that start",
        "hired X@-20->10; hired Y@-20->20; hired@0->20",
        "10..",
        &[],
    ),
    (
        "2: of several the first to start",
        "hired X@-20->10; hired Y@-20->20; hired@0->15",
        "15..",
        &[],
    ),
    (
        "2: not by a repeat of one that runs",
        "hired X@-300->-300; hired Y@0->20; hired@1->-300; terminated X@2->2",
        "-300..2, 20..",
        &[],
    ),
    (
        "3: a repeat",
        "hired@-300->-300; hired@0->-250; terminated@1->1",
        "-300..1",
        &[],
    ),
    (
        "3: a repeat is remembered",
        "hired@-300->-300; hired@0->10; terminated@1->1; hired@2->10",
        "-300..1",
        &[StartInsideEnded],
    ),
    (
        "3: rehired to later",
        "hired@-300->-300; rehired@0->40; terminated@1->30",
        "-300..30",
        &[EndedSeveral],
    ),
    (
        "3: rehired, then leaves",
        "hired@-300->-300; rehired@0->40; terminated@50->50",
        "-300..50",
        &[],
    ),
    (
        "3: rehired to a start stated before",
        "hired@-300->-300; rehired@0->-300; terminated@1->1",
        "-300..1",
        &[],
    ),
    (
        "4: no date, after a leaving",
        "hired@-300->-300; terminated@-9->-9; hired@0",
        "-300..-9",
        &[StartWithoutDate],
    ),
    (
        "4: a rehired may",
        "hired@-300->-300; terminated@-9->-9; rehired@0",
        "-300..-9, 0..",
        &[],
    ),
    ("5: the first ever", "hired@0", "0..", &[]),
    (
        "the id-less take an id",
        "hired@-300->-300; terminated X@0->5",
        "-300..5",
        &[],
    ),
    (
        "another id does not end it",
        "hired X@-300->-300; terminated Y@0->5",
        "-300..",
        &[WhichEmployment],
    ),
];

#[test]
fn a_conversion_ends_the_one_and_goes_on_with_the_other() {
    hold(&[
        (
            "goes on",
            "hired@-300->-300; converted of E-2 was E-1@5->10; terminated of E-2@20->20",
            "-300..20",
            &[],
        ),
        (
            "again under a new id",
            "hired@-300->-300; converted of E-2 was E-1@5->10; converted of E-2 was E-1@8->10",
            "-300..",
            &[],
        ),
        (
            "not begun",
            "hired@-20->10; converted of E-2 was E-1@0->5",
            "5..",
            &[],
        ),
        (
            "is no hire to a bar",
            "hired@-300->-300; access_revoked@0->0; converted of E-2 was E-1@5->10",
            "-300..0",
            &[],
        ),
        (
            "nor is a hire that repeats it",
            "hired@-300->-300; access_revoked@0->0; converted of E-2 was E-1@5->10; hired of E-2@20->30",
            "-300..0",
            &[],
        ),
        (
            "a rehire is",
            "hired@-300->-300; access_revoked@0->0; converted of E-2 was E-1@5->10; rehired of E-2@20->30",
            "-300..0, 30..",
            &[],
        ),
        (
            "with nothing known before it",
            "access_revoked@0->0; converted of E-2 was E-1@5->10",
            "",
            &[],
        ),
    ]);
}

#[test]
fn a_worker_id_that_changed_is_the_same_worker() {
    hold(&[
        (
            "ended under the new",
            "hired@-300->-300; identifier_changed of E-2 was E-1@0; terminated of E-2@5->5",
            "-300..5",
            &[],
        ),
        (
            "the old hire under the new",
            "hired@-300->-300; identifier_changed of E-2 was E-1@0; terminated@5->5; hired of E-2@6->-300",
            "-300..5",
            &[StartInsideEnded],
        ),
        (
            "changed twice",
            "hired@-300->-300; identifier_changed of E-2 was E-1@0; identifier_changed of E-3 was E-2@1; terminated of E-3@5->5",
            "-300..5",
            &[],
        ),
        (
            "another's number changed twice",
            "hired@-300->-300; identifier_changed of E-2 was E-1@0; identifier_changed of E-8 was E-9@1; identifier_changed of E-7 was E-8@2; terminated of E-7@5->5",
            "-300..",
            &[],
        ),
    ]);
}

#[test]
fn a_snapshot_finds_opens_ends_and_lifts_nothing() {
    hold(SNAPSHOTS);
}

const SNAPSHOTS: &[Row] = &[
    (
        "a row with an end only finds what ends then",
        "hired X@-300->-300; terminated X@0->30; snapshot[..40]@1",
        "-300..1",
        &[HrSaysActive, MissingFromList],
    ),
    (
        "an end of this instant says nothing of now",
        "hired X@-300->-300; terminated X@-9->-9; snapshot[X -300..0]@0",
        "-300..-9",
        &[],
    ),
    (
        "another that runs holds no planned one",
        "hired X@-300->-300; terminated X@-9->-9; hired@-8->20; termination_cancelled names 2@-7; snapshot[X -300.., 25..]@-5; terminated X@0->0",
        "-300..0, 25..",
        &[],
    ),
    (
        "a row of the past heard what the list said before",
        "snapshot[20..]@-9; snapshot edits 1[-100..-50]@-8; hired@1->20",
        "-100..-50",
        &[StartInsideEnded],
    ),
    (
        "a repeat with an end",
        "hired X@-300->-300; snapshot[-5..30]@0",
        "-300..30",
        &[],
    ),
    (
        "a repeat of two with an end",
        "hired X@-300->-300; hired Y@-300->-300; snapshot[-5..30]@0",
        "-300..",
        &[],
    ),
    (
        "an end that is known is no ending of the list's",
        "hired X@-300->-300; hired Y@-300->-300; terminated X@0->30; terminated Y@1->40; snapshot[X -300..30, Y -300..40]@2; termination_cancelled@3; terminated Y@4->50",
        "-300..50",
        &[],
    ),
    (
        "an edited list's start was stated",
        "snapshot[20..]@-9; snapshot edits 1[30..]@-8; hire_rescinded@0; hired@1->20",
        "",
        &[StartInsideEnded],
    ),
    (
        "of what the list was about",
        "hired@-300->-300; terminated@-200->-200; snapshot[20..]@-9; snapshot edits 3[30..]@-8; hired@1->20",
        "-300..-200, 20..",
        &[],
    ),
    (
        "two ids are two employments",
        "hired X@-300->-300; snapshot[X -300.., Y -300..]@-9; terminated X@0->0",
        "-300..",
        &[],
    ),
    ("no list", "hired@-300->-300; snapshot@0", "-300..", &[]),
    (
        "an end of one found by id",
        "hired X@-300->-300; snapshot[X -300..30]@0",
        "-300..30",
        &[],
    ),
    (
        "the id-less one takes the id",
        "hired@-300->-300; snapshot[X -300..]@0; terminated X@5->5",
        "-300..5",
        &[],
    ),
    (
        "the open one takes it, its start differs",
        "hired@-300->-300; snapshot[X -290..]@0; terminated X@5->5",
        "-300..5",
        &[],
    ),
    (
        "a new row",
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
        "a new row with an end to come",
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
        "a row that is over beside a job to come",
        "rehired@-50->40; snapshot[-300..-100, 40..]@0",
        "-300..-100, 40..",
        &[],
    ),
    ("no start, nothing known", "snapshot[X]@0", "0..", &[]),
    (
        "no start, not found",
        "hired X@-300->-300; snapshot[X -300.., Y]@0",
        "-300..",
        &[HrSaysActive],
    ),
    (
        "moves what has not begun",
        "hired@-20->10; snapshot[15..]@0",
        "15..",
        &[],
    ),
    (
        "not what has",
        "hired@-300->-300; snapshot[-290..]@0",
        "-300..",
        &[],
    ),
    (
        "refused inside one that ended",
        "hired@-300->-300; terminated@-9->-9; snapshot[-290..]@0",
        "-300..-9",
        &[StartInsideEnded],
    ),
    (
        "found by id, another start, ended",
        "hired X@-300->-300; terminated@-9->-9; snapshot[X -290..]@0",
        "-300..-9",
        &[StartInsideEnded, HrSaysActive],
    ),
    (
        "a moved start that the list has not yet",
        "hired@-20->10; hired@-9->12; terminated@0->0; snapshot[10..]@1",
        "",
        &[StartInsideEnded],
    ),
    (
        "no end lifts nothing",
        "hired@-300->-300; terminated@0->30; snapshot[-300..]@1",
        "-300..30",
        &[HrSaysActive],
    ),
    (
        "an end postpones",
        "hired@-300->-300; terminated@0->30; snapshot[-300..40]@1",
        "-300..40",
        &[],
    ),
    (
        "an end shortens",
        "hired@-300->-300; terminated@0->30; snapshot[-300..20]@1",
        "-300..20",
        &[],
    ),
    (
        "not to an end stated before",
        "hired@-300->-300; terminated@0->30; terminated@1->20; snapshot[-300..30]@2",
        "-300..20",
        &[HrSaysActive],
    ),
    (
        "not once it is over",
        "hired@-300->-300; terminated@0->0; snapshot[-300..40]@2",
        "-300..0",
        &[HrSaysActive],
    ),
    (
        "one is missing",
        "hired X@-300->-300; hired Y@-200->-200; snapshot[X -300..]@0; terminated X@5->5",
        "-300..5",
        &[MissingFromList],
    ),
    (
        "all are missing",
        "hired@-300->-300; snapshot[]@0",
        "-300..0",
        &[MissingFromList],
    ),
    (
        "what is to come may be missing",
        "hired@-20->10; snapshot[]@0",
        "10..",
        &[],
    ),
    (
        "a list opens nothing past a bar",
        "access_revoked@0->0; snapshot[Z 10..]@1",
        "",
        &[],
    ),
    (
        "but what a hire then states",
        "access_revoked@0->0; snapshot[Z 10..]@1; hired Z@2->10",
        "10..",
        &[],
    ),
    (
        "not what a hire stated before",
        "snapshot[Z 10..]@-3; hired Z@-2->10; access_revoked@0->0; hired Z@2->10",
        "",
        &[],
    ),
];
