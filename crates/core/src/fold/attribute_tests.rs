//! Attributes as shown, zones of bare dates, and dates that contradict the timeline.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Authority, FindingKind, Person, Rules, SourceRules, fold,
    history::{alias, at, day, events, source},
};
use crate::event::{Attribute, Change, Event, WorkerChanges};

fn shown(person: &Person, name: &str) -> Option<Value> {
    person.attributes.get(&Attribute::named(name)).cloned()
}

/// The history, with what its last event says of the worker.
fn saying(history: &str, worker: Value) -> Vec<Event> {
    let mut told = events(history);
    let said: WorkerChanges = serde_json::from_value(worker).expect("a worker");
    told.last_mut().expect("an event").content.data.worker = said;
    told
}

#[test]
fn the_last_writer_wins_from_its_effective_on() {
    let told = events("hired title A@-300->-300; changed title B@0->10; changed title C@1->5");
    let title = |when| shown(&at(&told, when), "title").expect("a title");
    assert_eq!(
        [title(1.0), title(6.0), title(11.0)],
        [json!("A"), json!("C"), json!("B")]
    );
    assert_eq!(at(&told, 2.0).next_change, Some(day(5.0)));
}

#[test]
fn who_is_to_come_shows_what_holds_when_they_start() {
    let told = events("hired title A@-20->10; changed title B@0->10; changed title C@0->15");
    assert_eq!(shown(&at(&told, 1.0), "title"), Some(json!("B")));
    let employment = at(&told, 1.0).employments.remove(0);
    assert_eq!(
        employment.attributes.get(&Attribute::named("title")),
        Some(&json!("B"))
    );
}

#[test]
fn of_the_live_employments_the_main_one_shows() {
    let latest = events(
        "hired X title A@-300->-300; hired Y title B@-200->-200; changed title Z@-100->-100",
    );
    assert_eq!(shown(&at(&latest, 0.0), "title"), Some(json!("B")));
    let said = "hired X title A@-300->-300; hired Y title B@-200->-200; snapshot[X -300.. primary, Y -200..]@-9";
    assert_eq!(shown(&at(&events(said), 0.0), "title"), Some(json!("A")));
    let again = format!("{said}; snapshot[X -300.., Y -200..]@-8");
    assert_eq!(
        shown(&at(&events(&again), 0.0), "title"),
        Some(json!("A")),
        "a list that names none leaves it"
    );
    let ended =
        events("hired X title A@-300->-300; hired Y title B@-200->-200; terminated Y@-1->-1");
    assert_eq!(shown(&at(&ended, 0.0), "title"), Some(json!("A")));
}

#[test]
fn what_is_cleared_is_not_shown_and_extensions_clear_together() {
    let mut told = saying(
        "hired@-300->-300",
        json!({"title": "A", "extensions": {"badge": 7}}),
    );
    assert_eq!(shown(&at(&told, 0.0), "extensions.badge"), Some(json!(7)));
    told.extend(saying(
        "changed as 2@-10->-10",
        json!({"title": null, "extensions": null}),
    ));
    let person = at(&told, 0.0);
    assert_eq!(
        (shown(&person, "title"), shown(&person, "extensions.badge")),
        (None, None)
    );
    told.extend(saying(
        "changed as 3@-5->-5",
        json!({"extensions": {"badge": 8}, "locale": "de"}),
    ));
    assert_eq!(shown(&at(&told, 0.0), "extensions.badge"), Some(json!(8)));
    let mut one = told.clone();
    one.extend(saying("changed as 4@-4->-4", json!({"locale": null})));
    assert_eq!(
        shown(&at(&one, 0.0), "extensions.badge"),
        Some(json!(8)),
        "only what is cleared"
    );
    told.extend(saying("changed as 4@-4->-4", json!({"extensions": null})));
    assert_eq!(
        shown(&at(&told, 0.0), "locale"),
        Some(json!("de")),
        "only the extensions"
    );
}

#[test]
fn of_rows_without_ids_the_main_one_has_the_last_word() {
    let mut told = events("snapshot[-300.. primary, -200..]@-9");
    let rows = told[0].content.data.employments.as_mut().expect("rows");
    rows[0].title = Change::Set("A".to_owned());
    rows[1].title = Change::Set("B".to_owned());
    assert_eq!(shown(&at(&told, 0.0), "title"), Some(json!("A")));
}

#[test]
fn a_void_says_nothing_of_the_worker() {
    let told = saying(
        "hired@-300->-300; changed@-200; voided names 2@-100",
        json!({"title": "A"}),
    );
    assert_eq!(shown(&at(&told, 0.0), "title"), None);
}

#[test]
fn hr_is_heard_before_an_applicant_system() {
    let mut told = saying(
        "hired in crm of C-1@-9->-9; linked of E-2 isin crm is C-1@-9",
        json!({}),
    );
    told[0].content.data.worker =
        serde_json::from_value(json!({"locale": "en"})).expect("a worker");
    told.extend(saying("changed of E-2 as 3@-8", json!({"locale": "de"})));
    let pre_hire = SourceRules {
        authority: Authority::PreHire,
        ..SourceRules::default()
    };
    let rules = Rules {
        sources: [(source("crm"), pre_hire)].into(),
        ..Rules::default()
    };
    let person = fold(&told, &alias("acme", "E-2"), day(0.0), &rules);
    assert_eq!(shown(&person, "locale"), Some(json!("de")));
}

#[test]
fn other_aliases_fill_in_and_only_those_in_scope() {
    let mut told = saying(
        "hired@-300->-300; linked isin crm is C-1@-9; changed in crm of C-1@-8",
        json!({"title": "C", "locale": "de"}),
    );
    told.extend(saying("changed as 4@-10->-10", json!({"title": "A"})));
    let person = at(&told, 0.0);
    assert_eq!(
        (shown(&person, "title"), shown(&person, "locale")),
        (Some(json!("A")), Some(json!("de")))
    );
    let rules = Rules {
        scope: Some(BTreeSet::from([source("acme")])),
        ..Rules::default()
    };
    assert_eq!(
        shown(
            &fold(&told, &alias("acme", "E-1"), day(0.0), &rules),
            "locale"
        ),
        None
    );
}

#[test]
fn a_bare_date_is_meant_where_the_worker_works() {
    let tokyo = json!({"location": {"time_zone": "Asia/Tokyo"}});
    let mut told = saying("hired date@-20->10", tokyo.clone());
    told.extend(events("terminated date end as 2@0->20"));
    let employment = at(&told, 0.0).employments.remove(0);
    let instants =
        [employment.start, employment.end].map(|moment| moment.map(|moment| moment.instant));
    assert_eq!(instants, [Some(day(10.0 - 0.375)), Some(day(21.0 - 0.375))]);
    let mut moved = events("hired date@-20->10; terminated date end@0->20");
    moved.extend(saying("changed as 3@-1->30", tokyo));
    assert_eq!(
        at(&moved, 0.0).employments[0].end.map(|end| end.instant),
        Some(day(21.0)),
        "moves there later"
    );
}

#[test]
fn a_location_of_one_employment_is_the_zone_of_that_one() {
    let in_tokyo = |first: &str, then: &str| {
        let mut told = saying(first, json!({"location": {"time_zone": "Asia/Tokyo"}}));
        told.extend(events(then));
        let end = at(&told, 0.0)
            .employments
            .iter()
            .find_map(|one| one.end)
            .expect("an end");
        end.instant != day(21.0)
    };
    assert!(
        in_tokyo("hired X@-20->10", "terminated X date end as 2@0->20"),
        "its own"
    );
    assert!(
        in_tokyo("hired X@-20->10", "terminated date end as 2@0->20"),
        "of all"
    );
    assert!(
        in_tokyo("hired@-20->10", "terminated X date end as 2@0->20"),
        "the worker's"
    );
    assert!(
        !in_tokyo(
            "hired X@-20->10",
            "hired Y as 2@-19->10; terminated Y date end as 3@0->20"
        ),
        "another's"
    );
}

#[test]
fn an_end_date_without_an_ending_is_told_until_the_ending_comes() {
    let noticed = |told: &[Event]| {
        at(told, 1.0)
            .findings
            .iter()
            .any(|f| f.kind == FindingKind::EndDateWithoutEnding)
    };
    let mut told = saying(
        "hired@-300->-300; changed@0",
        json!({"dates": {"end": "2026-01-31"}}),
    );
    assert!(noticed(&told));
    told.extend(events("terminated date end as 3@1->30"));
    assert!(!noticed(&told));
    told.truncate(2);
    told.extend(saying("changed as 4@1", json!({"dates": {"end": null}})));
    assert!(!noticed(&told));
    for (history, is_noticed) in [
        ("hired@-300->-300; terminated@-9->-9; changed@0", false),
        ("hired@-300->-300; terminated@-1->50; changed@0", true),
        ("hired@-20->40; changed@0", false),
        (
            "hired X@-300->-300; hired Y@-300->-300; terminated X date end@-1->30; changed@0",
            false,
        ),
        (
            "hired X@-300->-300; hired Y@-300->-300; terminated X@-9->-9; changed@0",
            true,
        ),
    ] {
        assert_eq!(
            noticed(&saying(history, json!({"dates": {"end": "2026-01-31"}}))),
            is_noticed,
            "{history}"
        );
    }
}
