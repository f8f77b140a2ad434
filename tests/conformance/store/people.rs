//! People: aliases that belong together, and how they are found.

use std::collections::BTreeSet;

use hirewire::{queue::Payload, store::PersonKey};
use serde_json::json;

use super::harness::*;

pub async fn named_together_is_known_together(place: &Place) {
    let store = place.ready().await;
    let old = person(&store, "E-1").await;
    let new = person(&store, "E-2").await;
    record(
        &store,
        vec![event("changed", "E-2", "c2"), event("changed", "E-2", "c3")],
    )
    .await;
    let (reconciled, before) = (
        reconcile_all(&store).await,
        store
            .facts(&new)
            .await
            .expect("read")
            .expect("known")
            .version,
    );
    assert_eq!((reconciled, before), (2, 2));
    let converted = with(
        "converted",
        "E-2",
        "v",
        json!({"previous_worker_id": "E-1"}),
    );
    let recorded = record(&store, vec![converted]).await;
    assert_eq!(recorded.moved, BTreeSet::from([old.clone(), new.clone()]));
    for person in [&old, &new] {
        let facts = store.facts(person).await.expect("read").expect("known");
        assert_eq!(
            by_id(&facts.events).into_keys().collect::<Vec<_>>(),
            ["c2", "c3", "hired-E-1", "hired-E-2", "v"]
        );
        assert_eq!(facts.version, before + 1, "past both");
    }
    assert_eq!(pending(&store).await, 2);
    // From now on what comes of one moves the other.
    reconcile_all(&store).await;
    record(&store, vec![event("changed", "E-1", "c4")]).await;
    assert_eq!(pending(&store).await, 2);
    assert_eq!(
        store
            .facts(&PersonKey("nobody".to_owned()))
            .await
            .expect("read"),
        None
    );
}

pub async fn people_are_found_by_key_alias_and_worker(place: &Place) {
    let store = place.ready().await;
    let first = person(&store, "E/1").await;
    let ats = hook_of(
        "ats",
        0,
        Payload::Events(vec![
            event("hired", "E/1", "h"),
            event("hired", "A-1", "h1"),
        ]),
    );
    let recorded = store.record(&[ats], &wiring()).await.expect("recorded");
    let second = recorded.hooks[0].events[0].person.clone();
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
