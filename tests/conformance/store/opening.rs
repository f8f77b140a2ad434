//! Opening: whose store it is, how far its schema is; mappings and pauses, which outlive the process.

use hirewire::store::{ClaimRequest, Offered, Store, StoreError};

use super::harness::*;

pub async fn another_instances_store_is_refused(place: &Place) {
    let store = place.ready().await;
    match Store::open(place.settings("staging")).await {
        Err(StoreError::NotOurs(sentence)) => {
            assert!(
                sentence.contains("`test`")
                    && sentence.contains("`staging`")
                    && sentence.contains("instance accept")
            );
        }
        other => panic!("{other:?}"),
    }
    person(&store, "E-1").await;
    assert_eq!(pending(&place.open().await).await, 1);
}

pub async fn a_newer_binarys_store_is_refused(place: &Place) {
    place.open().await.close().await;
    place
        .break_with(
            "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
             SELECT 9999, 'from the future', installed_on, success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    match Store::open(place.settings("test")).await {
        Err(StoreError::NotOurs(sentence)) => assert!(sentence.contains("newer"), "{sentence}"),
        other => panic!("{other:?}"),
    }
}

pub async fn the_schema_can_be_asked_about(place: &Place) {
    let before = Store::migration_status(&place.settings("test"))
        .await
        .expect("asked");
    assert_eq!(
        (before.current, before.pending.len()),
        (0, usize::try_from(before.latest).expect("few"))
    );
    assert_eq!(before.pending[0], "0001_store");
    place.open().await;
    let after = Store::migration_status(&place.settings("test"))
        .await
        .expect("asked");
    assert_eq!(
        (after.current, after.latest),
        (before.latest, before.latest)
    );
    assert!(after.pending.is_empty());
}

pub async fn what_is_stored_is_there_after_reopening(place: &Place) {
    let store = place.ready().await;
    let person = person(&store, "E-1").await;
    let facts = store.facts(&person).await.expect("read");
    store.close().await;
    assert!(
        matches!(store.facts(&person).await, Err(StoreError::Unreachable(_))),
        "it is closed"
    );
    assert!(
        matches!(
            store.pause("app", "late", "kim").await,
            Err(StoreError::Unreachable(_))
        ),
        "for writes too"
    );
    let store = place.open().await;
    assert_eq!(store.facts(&person).await.expect("read"), facts);
    assert_eq!(store.mappings().await.expect("read").len(), 1);
}

pub async fn the_first_mapping_is_published_and_another_is_staged(place: &Place) {
    let store = place.open().await;
    let offer = async |text: &str, fold_version| {
        store
            .offer_mapping("app", text, fold_version)
            .await
            .expect("offered")
    };
    assert_eq!(offer("first", 1).await, Offered::Published(1));
    assert_eq!(offer("first", 1).await, Offered::Unchanged(1));
    assert_eq!(offer("second", 1).await, Offered::Staged);
    let mapping = store.mappings().await.expect("read").remove(0);
    assert_eq!(
        (
            mapping.text.as_str(),
            mapping.version,
            mapping.staged.as_deref()
        ),
        ("first", 1, Some("second"))
    );
    // The file was changed back.
    assert_eq!(offer("first", 1).await, Offered::Unchanged(1));
    assert_eq!(store.mappings().await.expect("read")[0].staged, None);
    assert_eq!(
        store.apply_mapping("app", "kim").await.expect("asked"),
        None
    );
    // New rules of the fold are staged as well.
    assert_eq!(offer("first", 2).await, Offered::Staged);
    assert_eq!(
        store
            .apply_mapping("app", "kim")
            .await
            .expect("last_applied"),
        Some(2)
    );
    let mapping = store.mappings().await.expect("read").remove(0);
    assert_eq!(
        (mapping.version, mapping.fold_version, mapping.staged),
        (2, 2, None)
    );
    assert_eq!(
        store.apply_mapping("none", "kim").await.expect("asked"),
        None
    );
}

pub async fn applying_a_mapping_makes_its_accounts_pending(place: &Place) {
    let store = place.ready().await;
    store
        .offer_mapping("wiki", "first", 1)
        .await
        .expect("offered");
    let wired = wired(&[("app", &["hr"]), ("wiki", &["hr"])]);
    store
        .record(&[hook(0, vec![event("hired", "E-1", "h")])], &wired)
        .await
        .expect("recorded");
    reconcile_all(&store).await;
    let request = ClaimRequest {
        connection: "wiki",
        ..request(1)
    };
    let claim = store.claim(&request).await.expect("claimed").remove(0);
    store
        .commit(
            &claim,
            &failed(&claim, claim.now + jiff::SignedDuration::from_hours(1)),
        )
        .await
        .expect("committed");
    store
        .offer_mapping("wiki", "second", 1)
        .await
        .expect("offered");
    assert!(
        store.claim(&request).await.expect("claimed").is_empty(),
        "staged is not last_applied"
    );
    assert_eq!(
        store
            .apply_mapping("wiki", "kim")
            .await
            .expect("last_applied"),
        Some(2)
    );
    let claim = store.claim(&request).await.expect("claimed").remove(0);
    assert_eq!((claim.mapping_version, claim.account.not_before), (2, None));
    assert_eq!(pending(&store).await, 0, "another connection's rest");
    let line = store.history(None, 1).await.expect("read").remove(0);
    assert_eq!(
        (line.outcome.as_str(), line.connection.as_str()),
        ("mapping_applied", "wiki")
    );
}

pub async fn a_connection_is_paused_and_resumed_once(place: &Place) {
    let store = place.ready().await;
    assert!(
        store
            .pause("app", "credentials", "hirewire")
            .await
            .expect("paused")
    );
    assert!(
        !store
            .pause("app", "something else", "kim")
            .await
            .expect("paused")
    );
    assert!(store.pause("wiki", "not yet", "kim").await.expect("paused"));
    let states = place.open().await.connection_states().await.expect("read");
    let told: Vec<_> = states
        .iter()
        .map(|state| {
            (
                state.connection.as_str(),
                state
                    .paused
                    .as_ref()
                    .map(|paused| (paused.reason.as_str(), paused.by.as_str())),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("app", Some(("credentials", "hirewire"))),
            ("wiki", Some(("not yet", "kim")))
        ]
    );
    assert!(store.resume("app", "kim").await.expect("resumed"));
    assert!(!store.resume("app", "kim").await.expect("resumed"));
    assert!(
        store.connection_states().await.expect("read")[0]
            .paused
            .is_none()
    );
    let words: Vec<_> = store
        .history(None, 10)
        .await
        .expect("read")
        .into_iter()
        .map(|line| line.outcome)
        .collect();
    assert_eq!(words, ["resumed", "paused", "paused"]);
}
