//! Merging and parting: the fold says who is one person; forwarders and bindings follow.

use hirewire::{
    queue::Payload,
    store::{PersonKey, Store},
};
use hirewire_core::mapping::Access;
use serde_json::json;

use super::harness::*;

async fn convert(store: &Store) {
    let converted = with(
        "converted",
        "E-2",
        "v",
        json!({"previous_worker_id": "E-1"}),
    );
    record(store, vec![converted]).await;
}

async fn operators(store: &Store, kind: &str, id: &str, at: i64) {
    let mut link = with(
        kind,
        "E-1",
        id,
        json!({"on_behalf_of": "hr", "actor": "kim", "reason": "same person", "other": {"source": "hr", "worker_id": "E-2"}}),
    );
    link.content.time = Some(second(at));
    store
        .record(
            &[hook_of("ops", at, Payload::Events(vec![link]))],
            &wiring(),
        )
        .await
        .expect("recorded");
}

pub async fn converted_workers_are_one_person(place: &Place) {
    let store = place.ready().await;
    let (old, new) = (person(&store, "E-1").await, person(&store, "E-2").await);
    convert(&store).await;
    assert_eq!(
        store
            .facts(&new)
            .await
            .expect("read")
            .expect("known")
            .person,
        old,
        "the older one represents both"
    );
    assert_eq!(
        store.find_person("E-2").await.expect("found"),
        std::slice::from_ref(&old)
    );
    let recorded = record(&store, vec![event("changed", "E-2", "c")]).await;
    assert_eq!(recorded.hooks[0].events[0].person, old);
    let claims = claim(&store, 5).await;
    let merged: Vec<_> = claims
        .iter()
        .map(|claim| (&claim.account.person, claim.merged_into.as_ref()))
        .collect();
    assert_eq!(merged.len(), 2);
    assert!(merged.contains(&(&old, None)) && merged.contains(&(&new, Some(&old))));
    assert_eq!(
        store.accounts(&old).await.expect("read").len(),
        2,
        "a second account is shown with the first"
    );
}

/// E-1 unbound, E-2 bound to u-2, then one person.
async fn merged(store: &Store) -> (PersonKey, PersonKey) {
    let (old, new) = (person(store, "E-1").await, person(store, "E-2").await);
    let claim = claim_of(store, &new).await.expect("pending");
    store
        .commit(&claim, &reconciled(&claim, Some("u-2")))
        .await
        .expect("committed");
    reconcile_all(store).await;
    operators(store, "linked", "l", 10).await;
    (old, new)
}

pub async fn a_binding_moves_to_the_person_that_is_left(place: &Place) {
    let store = place.ready().await;
    let (old, new) = merged(&store).await;
    let claim = claim_of(&store, &new).await.expect("pending");
    assert_eq!(claim.merged_into.as_ref(), Some(&old));
    let holder = claim_of(&store, &old).await.expect("pending");
    assert!(
        !store.move_binding(&claim, &old).await.expect("asked"),
        "it is held"
    );
    store.release(&holder, None).await.expect("released");
    assert!(store.move_binding(&claim, &old).await.expect("asked"));
    let heir = claim_of(&store, &old).await.expect("pending");
    assert_eq!(
        (
            heir.account.scim_id.as_deref(),
            heir.account.alias.worker.as_str()
        ),
        (Some("u-2"), "E-2")
    );
    assert_eq!(heir.account.reconciled_access, Some(Access::Active));
    assert!(heir.account.verify_at.is_some());
    // The other row is unbound and still held.
    store
        .commit(&claim, &reconciled(&claim, None))
        .await
        .expect("committed");
    assert!(
        !store
            .commit(&heir, &reconciled(&heir, Some("u-2")))
            .await
            .expect("committed")
            .pending_again
    );
    assert_eq!(reconcile_all(&store).await, 0);
    // There is nothing more to move, and what is bound is not overwritten.
    record(&store, vec![event("changed", "E-1", "c")]).await;
    let claim = claim_of(&store, &new).await.expect("pending");
    assert!(!store.move_binding(&claim, &old).await.expect("asked"));
}

pub async fn parted_again_a_binding_goes_home(place: &Place) {
    let store = place.ready().await;
    let (old, new) = merged(&store).await;
    let claim = claim_of(&store, &new).await.expect("pending");
    assert!(store.move_binding(&claim, &old).await.expect("asked"));
    reconcile_all(&store).await;
    store
        .commit(&claim, &reconciled(&claim, None))
        .await
        .expect("committed");
    record(&store, vec![event("changed", "E-1", "c")]).await;
    let held = claim_of(&store, &old).await.expect("pending");
    operators(&store, "unlinked", "u", 20).await;
    assert_eq!(
        store
            .facts(&new)
            .await
            .expect("read")
            .expect("known")
            .person,
        new
    );
    assert!(
        store
            .commit(&held, &reconciled(&held, Some("u-2")))
            .await
            .is_err(),
        "what it read is no longer so"
    );
    let home = claim_of(&store, &new).await.expect("pending");
    assert_eq!(
        (home.merged_into.as_ref(), home.account.scim_id.as_deref()),
        (None, Some("u-2"))
    );
    let old = claim_of(&store, &old).await.expect("pending");
    assert_eq!(
        (old.account.scim_id.as_deref(), old.taken_over),
        (None, true)
    );
    assert_eq!(old.account.alias.worker.as_str(), "E-1");
}
