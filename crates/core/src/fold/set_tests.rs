//! What counts: keys, reused ids, retries, edits, voids, times that cannot be believed.

use super::{
    FindingKind::{
        IdReused, ImplausibleEffective, ImplausibleTime, StartInsideEnded, SupersedingMismatch,
    },
    Status,
    history::{Row, at, days_of, events, hold, source},
};
use crate::event::{HookId, Identity, Reference, WorkerId};

#[test]
fn an_edit_takes_the_whole_place_of_what_it_supersedes() {
    hold(EDITS);
}

const EDITS: &[Row] = &[
    (
        "an edit of an edit counts once",
        "hired@-300->-300; terminated@0->30; termination_cancelled names 2@1; termination_cancelled names 2 edits 3@2; termination_cancelled names 2 edits 4@3",
        "-300..",
        &[],
    ),
    (
        "what is not known states no start",
        "hired edits 99@-5->20; snapshot[-5..]@-4",
        "-5..",
        &[],
    ),
    (
        "another date",
        "hired@-20->10; hired edits 1@0->20",
        "20..",
        &[],
    ),
    (
        "its effective stays",
        "hired@-300->-300; terminated@0->30; terminated edits 2@5",
        "-300..30",
        &[],
    ),
    (
        "its place stays",
        "hired@-300->-300; terminated@0->5; rehired@6->20; terminated edits 2@7->8",
        "-300..8, 20..",
        &[],
    ),
    (
        "before what it edits is known",
        "hired@-300->-300; terminated edits 9@0->30",
        "-300..30",
        &[],
    ),
    (
        "of another kind",
        "hired@-300->-300; terminated edits 1@0->5",
        "-300..",
        &[SupersedingMismatch],
    ),
    (
        "of another worker",
        "hired@-300->-300; hired of E-2 edits 1@0->5",
        "-300..",
        &[],
    ),
    (
        "by an operator",
        "hired@-20->10; hired ops edits 1@0->20",
        "20..",
        &[],
    ),
    (
        "the last of several",
        "hired@-20->10; hired edits 1@0->20; hired edits 1@1->30",
        "30..",
        &[],
    ),
    (
        "the end of a chain",
        "hired@-20->10; hired edits 1@0->20; hired edits 2@1->30",
        "30..",
        &[],
    ),
    (
        "the greatest of a cycle",
        "hired edits 2@0->10; hired edits 1@1->20",
        "20..",
        &[],
    ),
    ("of itself", "hired edits 1@0->10", "10..", &[]),
    (
        "one that cannot be believed changes nothing",
        "hired@-20->10; hired edits 1@0->9000",
        "10..",
        &[ImplausibleEffective],
    ),
    (
        "one that cannot be believed is itself edited",
        "hired@-20->10; hired edits 1@0->9000; hired edits 2@1->20",
        "20..",
        &[],
    ),
    (
        "what it replaced was stated all the same",
        "hired@-20->10; hired edits 1@0->20; terminated@1->1; hired@2->10",
        "",
        &[StartInsideEnded],
    ),
];

#[test]
fn what_an_operator_voids_is_out_of_the_set() {
    hold(&[
        (
            "an ending",
            "hired@-300->-300; terminated@0->5; voided names 2@1",
            "-300..",
            &[],
        ),
        (
            "an edit",
            "hired@-20->10; hired edits 1@0->20; voided names 2@1",
            "10..",
            &[],
        ),
        (
            "with what supersedes it",
            "hired@-300->-300; terminated@0->5; terminated edits 2@1->6; voided names 2@2",
            "-300..",
            &[],
        ),
        (
            "a void is not voided",
            "hired@-300->-300; terminated@0->5; voided names 2@1; voided names ops:3@2",
            "-300..",
            &[],
        ),
        (
            "nor superseded",
            "hired@-300->-300; terminated@0->5; voided names 2@1; voided names 1 edits ops:3@2",
            "-300..",
            &[SupersedingMismatch],
        ),
    ]);
    let told = events("hired@-300->-300; voided names 1@0");
    assert_eq!(
        at(&told, 1.0).status,
        Status::Ended,
        "a voided start is not forgotten"
    );
    let told = events("snapshot[-300..]@-300; voided names 1@0");
    assert_eq!(
        at(&told, 1.0).status,
        Status::Ended,
        "nor is one that a list stated"
    );
    for none in [
        "changed@-300; voided names 1@0",
        "snapshot@-300; voided names 1@0",
        "snapshot[]@-300; voided names 1@0",
    ] {
        assert_eq!(
            at(&events(none), 1.0).status,
            Status::Unknown,
            "{none} states no start"
        );
    }
}

#[test]
fn operators_kinds_count_from_operators_only() {
    let mut told = events("hired@-300->-300; terminated@0->5; voided names 2@1");
    told[2].source = source("acme");
    assert_eq!(days_of(&told, Status::Active), "-300..5");
}

#[test]
fn an_operators_bare_id_means_the_first_received_of_that_source() {
    let mut told = events("hired@-300->-300; terminated@0->5; voided names 2@1");
    told[2].content.data.refers_to = vec![Reference::Id("2".to_owned())];
    assert_eq!(days_of(&told, Status::Active), "-300..");
    let mut later = events("terminated as 2@3->3");
    later[0].content.source = "/elsewhere".to_owned();
    told.extend(later);
    assert_eq!(days_of(&told, Status::Active), "-300..3");
}

#[test]
fn an_operators_bare_id_is_looked_up_for_what_is_restored_too() {
    let mut told = events("hired@-300->-300; access_revoked@0->0; access_restored@5");
    told[2].content.data.refers_to = vec![Reference::Id("2".to_owned())];
    assert_eq!(days_of(&told, Status::Active), "-300..");
}

#[test]
fn a_senders_bare_id_means_its_own_origin() {
    let mut told = events("hired as 1@-301->-20; hired as 1@-300->-10; hired as 3@-200->-5");
    told[0].content.source = "/elsewhere".to_owned();
    told[0].content.subject = WorkerId::parse("E-9").expect("a worker");
    told[2].content.data.supersedes = Some(Reference::Id("1".to_owned()));
    assert_eq!(days_of(&told, Status::Active), "-5..");
}

#[test]
fn an_id_used_twice_is_told_and_never_hides_an_ending() {
    hold(&[
        (
            "an ending",
            "hired@-300->-300; terminated as 1@0->5",
            "-300..5",
            &[IdReused],
        ),
        (
            "a revocation",
            "hired@-300->-300; access_revoked as 1@0->5",
            "-300..5",
            &[IdReused],
        ),
        (
            "a start",
            "hired@-300->-300; terminated@-9->-9; rehired as 1@0->5",
            "-300..-9",
            &[IdReused],
        ),
    ]);
}

#[test]
fn of_two_copies_the_first_received_counts() {
    let mut told = events("hired@0");
    told[0].content.time = None;
    let mut again = told[0].clone();
    again.received = super::history::day(9.0);
    assert_eq!(days_of(&[again, told[0].clone()], Status::Active), "0..");
}

#[test]
fn a_time_or_a_date_that_cannot_be_believed_is_told() {
    hold(&[
        (
            "a time ahead of its receipt",
            "hired@50/0",
            "0..",
            &[ImplausibleTime],
        ),
        (
            "a time before 2000",
            "hired@-12000->0/-1",
            "0..",
            &[ImplausibleTime],
        ),
        (
            "a start in ten years",
            "hired@0->4000",
            "",
            &[ImplausibleEffective],
        ),
        (
            "an ending in 1943",
            "hired@-300->-300; terminated@0->-30000",
            "-300..0",
            &[ImplausibleEffective],
        ),
        (
            "a revocation in 1943",
            "hired@-300->-300; access_revoked@0->-30000",
            "-300..0",
            &[ImplausibleEffective],
        ),
    ]);
}

#[test]
fn a_start_that_comes_again_without_id_or_time_is_a_retry_within_the_span() {
    let told = |starts: &[f64]| {
        let mut told = events("terminated@0.5->0.5");
        for (number, received) in starts.iter().enumerate() {
            let mut start = events("rehired as same@0").remove(0);
            start.content.time = None;
            start.identity = Identity::DigestInHook;
            start.hook = HookId::parse(format!("retry-{number}")).expect("a hook");
            start.received = super::history::day(*received);
            told.push(start);
        }
        days_of(&told, Status::Active)
    };
    assert_eq!(
        told(&[0.0, 2.0]),
        "",
        "it left half a day in: a retry does not bring it back"
    );
    assert_eq!(
        told(&[0.0, 9.0]),
        "9..",
        "after the span it is another start"
    );
    let mut again =
        events("hired@-300->-300; terminated as same@0; rehired@1->1; terminated as same@3");
    for ending in [1, 3] {
        again[ending].content.time = None;
        again[ending].identity = Identity::DigestInHook;
    }
    assert_eq!(
        days_of(&again, Status::Active),
        "-300..0, 1..3",
        "an ending always counts"
    );
}
