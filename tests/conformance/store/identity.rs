//! Identity: the fold decides who is one person; merges, splits and bindings follow.

use std::time::Duration;

use hirewire::{
    queue::Payload,
    store::{PersonKey, Store},
};
use hirewire_core::mapping::Access;
use serde_json::json;

use super::harness::*;

async fn convert(store: &Store) {
    let converted = event_with(
        "converted",
        "E-2",
        "v",
        json!({"previous_worker_id": "E-1"}),
    );
    store_events(store, vec![converted]).await;
}

async fn store_operator_event(store: &Store, kind: &str, id: &str, at: i64) {
    let mut link = event_with(
        kind,
        "E-1",
        id,
        json!({
            "on_behalf_of": "hr",
            "actor": "kim",
            "reason": "same person",
            "other": {"source": "hr", "worker_id": "E-2"},
        }),
    );
    link.content.time = Some(second(at));

    store
        .store_hooks(
            &[hook_of("ops", at, Payload::Events(vec![link]))],
            &routing(),
        )
        .await
        .expect("stored");
}

pub async fn a_conversion_merges_two_workers_into_one_person(harness: &StoreHarness) {
    let store = harness.ready().await;
    let (old, new) = (person(&store, "E-1").await, person(&store, "E-2").await);
    convert(&store).await;

    assert_eq!(
        read_facts(&store, &new).await.person,
        old,
        "the older person represents both"
    );
    assert_eq!(
        store.find_person("E-2").await.expect("found"),
        std::slice::from_ref(&old)
    );

    let stored = store_events(&store, vec![event("changed", "E-2", "c")]).await;
    assert_eq!(stored.hooks[0].events[0].person, old);

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
        "a merged account is listed with the first"
    );
}

/// Binds E-2 to u-2 and leaves E-1 unbound, then links them as one person.
async fn merged(store: &Store) -> (PersonKey, PersonKey) {
    let (old, new) = (person(store, "E-1").await, person(store, "E-2").await);
    let claim = claim_of(store, &new).await.expect("pending");
    store
        .commit(&claim, &reconciled(&claim, Some("u-2")))
        .await
        .expect("committed");
    reconcile_all(store).await;
    store_operator_event(store, "linked", "l", 10).await;
    (old, new)
}

pub async fn a_binding_moves_to_the_remaining_person_after_a_merge(harness: &StoreHarness) {
    let store = harness.ready().await;
    let (old, new) = merged(&store).await;
    let claim = claim_of(&store, &new).await.expect("pending");

    assert_eq!(claim.merged_into.as_ref(), Some(&old));

    let holder = claim_of(&store, &old).await.expect("pending");
    assert!(
        !store.move_binding(&claim, &old).await.expect("answered"),
        "the receiving account is claimed"
    );

    store
        .release(&holder, Duration::ZERO)
        .await
        .expect("released");
    assert!(store.move_binding(&claim, &old).await.expect("answered"));

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

    // The giving account is unbound and still claimed.
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

    // No binding is left to move, and a bound account keeps its own.
    store_events(&store, vec![event("changed", "E-1", "c")]).await;
    let claim = claim_of(&store, &new).await.expect("pending");
    assert!(!store.move_binding(&claim, &old).await.expect("answered"));
}

pub async fn a_binding_returns_to_its_alias_after_a_split(harness: &StoreHarness) {
    let store = harness.ready().await;
    let (old, new) = merged(&store).await;
    let claim = claim_of(&store, &new).await.expect("pending");

    assert!(store.move_binding(&claim, &old).await.expect("answered"));

    reconcile_all(&store).await;
    store
        .commit(&claim, &reconciled(&claim, None))
        .await
        .expect("committed");
    store_events(&store, vec![event("changed", "E-1", "c")]).await;
    let held = claim_of(&store, &old).await.expect("pending");
    store_operator_event(&store, "unlinked", "u", 20).await;

    assert_eq!(read_facts(&store, &new).await.person, new);
    assert!(
        store
            .commit(&held, &reconciled(&held, Some("u-2")))
            .await
            .is_err(),
        "the split revokes the claim"
    );

    let home = claim_of(&store, &new).await.expect("pending");
    assert_eq!(
        (home.merged_into.as_ref(), home.account.scim_id.as_deref()),
        (None, Some("u-2"))
    );

    let old = claim_of(&store, &old).await.expect("pending");
    assert_eq!(
        (old.account.scim_id.as_deref(), old.lease_taken_over),
        (None, true)
    );
    assert_eq!(old.account.alias.worker.as_str(), "E-1");
}
