//! People: the events of a person, and how to find one.

use std::collections::BTreeSet;

use hirewire::{queue::Payload, store::PersonKey};
use hirewire_core::event::{Alias, SourceId, WorkerId};
use serde_json::json;

use super::harness::*;

pub async fn aliases_that_an_event_names_together_share_their_events(harness: &StoreHarness) {
    let store = harness.ready().await;
    let old = person(&store, "E-1").await;
    let new = person(&store, "E-2").await;
    store_events(
        &store,
        vec![event("changed", "E-2", "c2"), event("changed", "E-2", "c3")],
    )
    .await;

    let (reconciled, before) = (
        reconcile_all(&store).await,
        read_facts(&store, &new).await.version,
    );
    assert_eq!((reconciled, before), (2, 2));

    let converted = event_with(
        "converted",
        "E-2",
        "v",
        json!({"previous_worker_id": "E-1"}),
    );
    let stored = store_events(&store, vec![converted]).await;
    assert_eq!(
        stored.changed_people,
        BTreeSet::from([old.clone(), new.clone()])
    );

    for person in [&old, &new] {
        let facts = read_facts(&store, person).await;
        assert_eq!(
            by_id(&facts.events).into_keys().collect::<Vec<_>>(),
            ["c2", "c3", "hired-E-1", "hired-E-2", "v"]
        );
        assert_eq!(facts.version, before + 1, "the version passes both");
    }
    assert_eq!(pending_count(&store).await, 2);

    // From now on an event about one changes the version of the other.
    reconcile_all(&store).await;
    store_events(&store, vec![event("changed", "E-1", "c4")]).await;
    assert_eq!(pending_count(&store).await, 2);
    assert_eq!(
        store
            .facts(&PersonKey("nobody".to_owned()))
            .await
            .expect("read"),
        None
    );
}

pub async fn a_person_is_found_by_key_alias_and_worker_id(harness: &StoreHarness) {
    let store = harness.ready().await;
    let first = person(&store, "E/1").await;

    let ats = hook_of(
        "ats",
        0,
        Payload::Events(vec![
            event("hired", "E/1", "h"),
            event("hired", "A-1", "h1"),
        ]),
    );

    let stored = store.store_hooks(&[ats], &routing()).await.expect("stored");
    let second = stored.hooks[0].events[0].person.clone();
    assert_eq!(
        store.find_person(&first.0).await.expect("found"),
        std::slice::from_ref(&first)
    );
    assert_eq!(
        store.find_person("hr/E/1").await.expect("found"),
        std::slice::from_ref(&first)
    );
    assert_eq!(
        store.find_person("ats/E/1").await.expect("found"),
        std::slice::from_ref(&second)
    );
    assert_eq!(
        store.find_person("E/1").await.expect("found"),
        [first, second]
    );
    assert_eq!(store.find_person("hr/A-1").await.expect("found"), []);
    assert_eq!(store.find_person("A-1").await.expect("found").len(), 1);
}

pub async fn a_worker_id_that_looks_like_an_alias_stands_for_nobody_else(harness: &StoreHarness) {
    let store = harness.ready().await;
    let first = person(&store, "a").await;
    let event = event("hired", "hr/a", "look-alike");
    let ats = hook_of("ats", 0, Payload::Events(vec![event]));
    let stored = store.store_hooks(&[ats], &routing()).await.expect("stored");
    let second = stored.hooks[0].events[0].person.clone();
    let find = async |text: &str| store.find_person(text).await.expect("found");

    assert_eq!(find("hr/a").await, std::slice::from_ref(&first));
    assert_eq!(find("a").await, std::slice::from_ref(&first));
    assert_eq!(find("ats/hr/a").await, std::slice::from_ref(&second));
    assert_eq!(find("hr/hr/a").await, []);
    assert_eq!(find("a\0").await, []);

    for (source, worker, expected) in [
        ("hr", "a", Some(&first)),
        ("ats", "hr/a", Some(&second)),
        ("ats", "a", None),
    ] {
        let alias = Alias {
            source: SourceId::parse(source).expect("an id"),
            worker: WorkerId::parse(worker).expect("an id"),
        };
        let found = store.person_of(&alias).await.expect("read");
        assert_eq!(found.as_ref(), expected, "{alias}");
    }
}
