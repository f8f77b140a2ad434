//! Attributes and dates: each test folds a history and compares what the person shows.
//!
//! They cover the attributes (`docs/fold.md` 6), the zones of bare dates (5), and the end dates
//! that contradict a timeline (3, "Change").

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    FindingKind, Person, Rules, SourceRules, fold,
    notation::{alias, day, events, person_at, source},
};
use crate::event::{Attribute, Authority, Change, Event, WorkerChanges};

fn shown(person: &Person, name: &str) -> Option<Value> {
    person.attributes.get(&Attribute::named(name)).cloned()
}

/// The history; its last event also states these attributes.
fn stating(history: &str, worker: Value) -> Vec<Event> {
    let mut facts = events(history);
    let stated: WorkerChanges = serde_json::from_value(worker).expect("a worker");
    facts.last_mut().expect("an event").content.data.worker = stated;
    facts
}

#[test]
fn the_last_writer_wins_from_its_effective_time_on() {
    let facts = events("hired title A@-300->-300; changed title B@0->10; changed title C@1->5");
    let title = |when| shown(&person_at(&facts, when), "title").expect("a title");
    assert_eq!(
        [title(1.0), title(6.0), title(11.0)],
        [json!("A"), json!("C"), json!("B")]
    );
    assert_eq!(person_at(&facts, 2.0).next_change, Some(day(5.0)));
}

#[test]
fn an_upcoming_person_shows_the_attributes_at_the_start() {
    let facts = events("hired title A@-20->10; changed title B@0->10; changed title C@0->15");
    assert_eq!(shown(&person_at(&facts, 1.0), "title"), Some(json!("B")));
    let employment = person_at(&facts, 1.0).employments.remove(0);
    assert_eq!(
        employment.attributes.get(&Attribute::named("title")),
        Some(&json!("B"))
    );
}

#[test]
fn the_person_shows_the_main_live_employment() {
    let latest = events(
        "hired X title A@-300->-300; hired Y title B@-200->-200; changed title Z@-100->-100",
    );
    assert_eq!(shown(&person_at(&latest, 0.0), "title"), Some(json!("B")));

    let stated = "hired X title A@-300->-300; hired Y title B@-200->-200; \
        snapshot[X -300.. primary, Y -200..]@-9";
    assert_eq!(
        shown(&person_at(&events(stated), 0.0), "title"),
        Some(json!("A"))
    );

    let again = format!("{stated}; snapshot[X -300.., Y -200..]@-8");
    assert_eq!(
        shown(&person_at(&events(&again), 0.0), "title"),
        Some(json!("A")),
        "a list without a primary row keeps the primary"
    );

    let ended =
        events("hired X title A@-300->-300; hired Y title B@-200->-200; terminated Y@-1->-1");
    assert_eq!(shown(&person_at(&ended, 0.0), "title"), Some(json!("A")));
}

#[test]
fn a_cleared_attribute_is_not_shown_and_extensions_clear_together() {
    let mut facts = stating(
        "hired@-300->-300",
        json!({"title": "A", "extensions": {"badge": 7}}),
    );
    assert_eq!(
        shown(&person_at(&facts, 0.0), "extensions.badge"),
        Some(json!(7))
    );

    facts.extend(stating(
        "changed as 2@-10->-10",
        json!({"title": null, "extensions": null}),
    ));
    let person = person_at(&facts, 0.0);
    assert_eq!(
        (shown(&person, "title"), shown(&person, "extensions.badge")),
        (None, None)
    );

    facts.extend(stating(
        "changed as 3@-5->-5",
        json!({"extensions": {"badge": 8}, "locale": "de"}),
    ));
    assert_eq!(
        shown(&person_at(&facts, 0.0), "extensions.badge"),
        Some(json!(8))
    );

    let mut one = facts.clone();
    one.extend(stating("changed as 4@-4->-4", json!({"locale": null})));
    assert_eq!(
        shown(&person_at(&one, 0.0), "extensions.badge"),
        Some(json!(8)),
        "clearing one attribute keeps the extensions"
    );

    facts.extend(stating("changed as 4@-4->-4", json!({"extensions": null})));
    assert_eq!(
        shown(&person_at(&facts, 0.0), "locale"),
        Some(json!("de")),
        "clearing the extensions keeps other attributes"
    );
}

#[test]
fn the_primary_row_of_rows_without_ids_wins() {
    let mut facts = events("snapshot[-300.. primary, -200..]@-9");
    let rows = facts[0].content.data.employments.as_mut().expect("rows");
    rows[0].title = Change::Set("A".to_owned());
    rows[1].title = Change::Set("B".to_owned());
    assert_eq!(shown(&person_at(&facts, 0.0), "title"), Some(json!("A")));
}

#[test]
fn a_void_states_no_attributes() {
    let facts = stating(
        "hired@-300->-300; changed@-200; voided names 2@-100",
        json!({"title": "A"}),
    );
    assert_eq!(shown(&person_at(&facts, 0.0), "title"), None);
}

#[test]
fn an_hr_source_wins_over_an_applicant_system() {
    let mut facts = stating(
        "hired in crm of C-1@-9->-9; linked of E-2 isin crm is C-1@-9",
        json!({}),
    );

    facts[0].content.data.worker =
        serde_json::from_value(json!({"locale": "en"})).expect("a worker");
    facts.extend(stating("changed of E-2 as 3@-8", json!({"locale": "de"})));
    let pre_hire = SourceRules {
        authority: Authority::PreHire,
        ..SourceRules::default()
    };
    let rules = Rules {
        sources: [(source("crm"), pre_hire)].into(),
        ..Rules::default()
    };
    let person = fold(&facts, &alias("acme", "E-2"), day(0.0), &rules);
    assert_eq!(shown(&person, "locale"), Some(json!("de")));
}

#[test]
fn other_aliases_in_scope_fill_missing_attributes() {
    let mut facts = stating(
        "hired@-300->-300; linked isin crm is C-1@-9; changed in crm of C-1@-8",
        json!({"title": "C", "locale": "de"}),
    );
    facts.extend(stating("changed as 4@-10->-10", json!({"title": "A"})));
    let person = person_at(&facts, 0.0);
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
            &fold(&facts, &alias("acme", "E-1"), day(0.0), &rules),
            "locale"
        ),
        None
    );
}

#[test]
fn a_bare_date_is_in_the_zone_of_the_workers_location() {
    let tokyo = json!({"location": {"time_zone": "Asia/Tokyo"}});
    let mut facts = stating("hired date@-20->10", tokyo.clone());
    facts.extend(events("terminated date end as 2@0->20"));
    let employment = person_at(&facts, 0.0).employments.remove(0);
    let instants =
        [employment.start, employment.end].map(|moment| moment.map(|moment| moment.instant));
    assert_eq!(instants, [Some(day(10.0 - 0.375)), Some(day(21.0 - 0.375))]);

    let mut moved = events("hired date@-20->10; terminated date end@0->20");
    moved.extend(stating("changed as 3@-1->30", tokyo));
    assert_eq!(
        person_at(&moved, 0.0).employments[0]
            .end
            .map(|end| end.instant),
        Some(day(21.0)),
        "a move after that day"
    );
}

#[test]
fn the_location_of_an_employment_gives_only_its_zone() {
    let in_tokyo = |first: &str, then: &str| {
        let mut facts = stating(first, json!({"location": {"time_zone": "Asia/Tokyo"}}));
        facts.extend(events(then));
        let end = person_at(&facts, 0.0)
            .employments
            .iter()
            .find_map(|one| one.end)
            .expect("an end");
        end.instant != day(21.0)
    };

    assert!(
        in_tokyo("hired X@-20->10", "terminated X date end as 2@0->20"),
        "the location of the same employment"
    );
    assert!(
        in_tokyo("hired X@-20->10", "terminated date end as 2@0->20"),
        "an ending of every employment"
    );
    assert!(
        in_tokyo("hired@-20->10", "terminated X date end as 2@0->20"),
        "the location of the worker"
    );
    assert!(
        !in_tokyo(
            "hired X@-20->10",
            "hired Y as 2@-19->10; terminated Y date end as 3@0->20"
        ),
        "the location of another employment"
    );
}

#[test]
fn an_end_date_without_an_ending_is_a_finding_until_the_ending_is_known() {
    let has_finding = |facts: &[Event]| {
        person_at(facts, 1.0)
            .findings
            .iter()
            .any(|f| f.kind == FindingKind::EndDateWithoutEnding)
    };
    let mut facts = stating(
        "hired@-300->-300; changed@0",
        json!({"dates": {"end": "2026-01-31"}}),
    );
    assert!(has_finding(&facts));

    facts.extend(events("terminated date end as 3@1->30"));
    assert!(!has_finding(&facts));

    facts.truncate(2);
    facts.extend(stating("changed as 4@1", json!({"dates": {"end": null}})));
    assert!(!has_finding(&facts));

    for (history, expected) in [
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
            has_finding(&stating(history, json!({"dates": {"end": "2026-01-31"}}))),
            expected,
            "{history}"
        );
    }
}
