//! Which events count (`docs/fold.md` 1).
//!
//! There is one history for every branch: keys, reused ids, retries, edits, voids, references, and
//! implausible times and dates.

use super::{
    FindingKind::{
        IdReused, ImplausibleEffective, ImplausibleTime, StartInsideEnded, SupersedingMismatch,
    },
    Status,
    notation::{WorkedHistory, assert_histories, day, days_with, events, person_at, source},
};
use crate::event::{EventReference, HookId, IdDerivation, WorkerId};

#[test]
fn an_edit_takes_the_position_of_the_superseded_event() {
    assert_histories(EDITS);
}

const EDITS: &[WorkedHistory] = &[
    (
        "edits of a cancellation cancel once",
        "hired@-300->-300; terminated@0->30; termination_cancelled names 2@1; \
         termination_cancelled names 2 edits 3@2; termination_cancelled names 2 edits 4@3",
        "-300..",
        &[],
    ),
    (
        "an edit of an unknown event keeps its own position",
        "hired edits 99@-5->20; snapshot[-5..]@-4",
        "-5..",
        &[],
    ),
    (
        "an edit with another date",
        "hired@-20->10; hired edits 1@0->20",
        "20..",
        &[],
    ),
    (
        "an edit without a date keeps the superseded date",
        "hired@-300->-300; terminated@0->30; terminated edits 2@5",
        "-300..30",
        &[],
    ),
    (
        "an edit keeps the superseded position",
        "hired@-300->-300; terminated@0->5; rehired@6->20; terminated edits 2@7->8",
        "-300..8, 20..",
        &[],
    ),
    (
        "an edit before the superseded event is known",
        "hired@-300->-300; terminated edits 9@0->30",
        "-300..30",
        &[],
    ),
    (
        "an edit of another kind",
        "hired@-300->-300; terminated edits 1@0->5",
        "-300..",
        &[SupersedingMismatch],
    ),
    (
        "an edit of another worker's event",
        "hired@-300->-300; hired of E-2 edits 1@0->5",
        "-300..",
        &[],
    ),
    (
        "an edit by an operator",
        "hired@-20->10; hired ops edits 1@0->20",
        "20..",
        &[],
    ),
    (
        "the last received of several edits",
        "hired@-20->10; hired edits 1@0->20; hired edits 1@1->30",
        "30..",
        &[],
    ),
    (
        "an edit of an edit",
        "hired@-20->10; hired edits 1@0->20; hired edits 2@1->30",
        "30..",
        &[],
    ),
    (
        "the greatest of a cycle of edits",
        "hired edits 2@0->10; hired edits 1@1->20",
        "20..",
        &[],
    ),
    ("an edit of itself", "hired edits 1@0->10", "10..", &[]),
    (
        "an edit with an implausible date",
        "hired@-20->10; hired edits 1@0->9000",
        "10..",
        &[ImplausibleEffective],
    ),
    (
        "an edit of an edit with an implausible date",
        "hired@-20->10; hired edits 1@0->9000; hired edits 2@1->20",
        "20..",
        &[],
    ),
    (
        "the superseded start remains stated",
        "hired@-20->10; hired edits 1@0->20; terminated@1->1; hired@2->10",
        "",
        &[StartInsideEnded],
    ),
];

#[test]
fn a_void_removes_events_and_their_edits() {
    assert_histories(VOIDS);

    let facts = events("hired@-300->-300; voided names 1@0");
    assert_eq!(
        person_at(&facts, 1.0).status,
        Status::Ended,
        "a voided start leaves the status ended"
    );

    let facts = events("snapshot[-300..]@-300; voided names 1@0");
    assert_eq!(
        person_at(&facts, 1.0).status,
        Status::Ended,
        "a voided list leaves the status ended"
    );

    for history in [
        "changed@-300; voided names 1@0",
        "snapshot@-300; voided names 1@0",
        "snapshot[]@-300; voided names 1@0",
    ] {
        assert_eq!(
            person_at(&events(history), 1.0).status,
            Status::Unknown,
            "{history}: no start was stated"
        );
    }
}

const VOIDS: &[WorkedHistory] = &[
    (
        "a void of an ending",
        "hired@-300->-300; terminated@0->5; voided names 2@1",
        "-300..",
        &[],
    ),
    (
        "a void of an edit",
        "hired@-20->10; hired edits 1@0->20; voided names 2@1",
        "10..",
        &[],
    ),
    (
        "a void of an event with an edit",
        "hired@-300->-300; terminated@0->5; terminated edits 2@1->6; voided names 2@2",
        "-300..",
        &[],
    ),
    (
        "a void of a void",
        "hired@-300->-300; terminated@0->5; voided names 2@1; voided names ops:3@2",
        "-300..",
        &[],
    ),
    (
        "an edit of a void",
        "hired@-300->-300; terminated@0->5; voided names 2@1; voided names 1 edits ops:3@2",
        "-300..",
        &[SupersedingMismatch],
    ),
];

#[test]
fn operator_kinds_count_only_from_operators() {
    let mut facts = events("hired@-300->-300; terminated@0->5; voided names 2@1");
    facts[2].source = source("acme");
    assert_eq!(days_with(&facts, Status::Active), "-300..5");
}

#[test]
fn an_operators_bare_id_names_the_first_received_event_of_the_source() {
    let mut facts = events("hired@-300->-300; terminated@0->5; voided names 2@1");
    facts[2].content.data.refers_to = vec![EventReference::Id("2".to_owned())];
    assert_eq!(days_with(&facts, Status::Active), "-300..");
    let mut later = events("terminated as 2@3->3");
    later[0].content.source = "/elsewhere".to_owned();
    facts.extend(later);
    assert_eq!(days_with(&facts, Status::Active), "-300..3");
}

#[test]
fn an_operators_bare_id_names_the_revocation_to_restore() {
    let mut facts = events("hired@-300->-300; access_revoked@0->0; access_restored@5");
    facts[2].content.data.refers_to = vec![EventReference::Id("2".to_owned())];
    assert_eq!(days_with(&facts, Status::Active), "-300..");
}

#[test]
fn a_senders_bare_id_names_an_event_of_its_own_origin() {
    let mut facts = events("hired as 1@-301->-20; hired as 1@-300->-10; hired as 3@-200->-5");
    facts[0].content.source = "/elsewhere".to_owned();
    facts[0].content.subject = WorkerId::parse("E-9").expect("a worker");
    facts[2].content.data.supersedes = Some(EventReference::Id("1".to_owned()));
    assert_eq!(days_with(&facts, Status::Active), "-5..");
}

#[test]
fn a_reused_id_gives_a_finding_and_hides_no_ending() {
    assert_histories(&[
        (
            "another ending under the id",
            "hired@-300->-300; terminated as 1@0->5",
            "-300..5",
            &[IdReused],
        ),
        (
            "another revocation under the id",
            "hired@-300->-300; access_revoked as 1@0->5",
            "-300..5",
            &[IdReused],
        ),
        (
            "another start under the id",
            "hired@-300->-300; terminated@-9->-9; rehired as 1@0->5",
            "-300..-9",
            &[IdReused],
        ),
    ]);
}

#[test]
fn the_copy_received_first_counts() {
    let mut facts = events("hired@0");
    facts[0].content.time = None;
    let mut again = facts[0].clone();
    again.received = day(9.0);
    assert_eq!(days_with(&[again, facts[0].clone()], Status::Active), "0..");
}

#[test]
fn an_implausible_time_or_date_gives_a_finding() {
    assert_histories(IMPLAUSIBLE);
}

const IMPLAUSIBLE: &[WorkedHistory] = &[
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
];

#[test]
fn a_repeated_start_without_id_and_time_is_a_retry_within_the_span() {
    let active_days = |starts: &[f64]| {
        let mut facts = events("terminated@0.5->0.5");
        for (number, received) in starts.iter().enumerate() {
            let mut start = events("rehired as same@0").remove(0);
            start.content.time = None;
            start.id_derivation = IdDerivation::DigestInHook;
            start.hook = HookId::parse(format!("retry-{number}")).expect("a hook");
            start.received = day(*received);
            facts.push(start);
        }
        days_with(&facts, Status::Active)
    };
    assert_eq!(
        active_days(&[0.0, 2.0]),
        "",
        "a retry after the termination gives no access"
    );
    assert_eq!(
        active_days(&[0.0, 9.0]),
        "9..",
        "a repeat after the span is another start"
    );

    let mut again =
        events("hired@-300->-300; terminated as same@0; rehired@1->1; terminated as same@3");
    for ending in [1, 3] {
        again[ending].content.time = None;
        again[ending].id_derivation = IdDerivation::DigestInHook;
    }
    assert_eq!(
        days_with(&again, Status::Active),
        "-300..0, 1..3",
        "a repeated ending always counts"
    );
}
