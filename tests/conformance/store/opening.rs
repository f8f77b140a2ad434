//! Opening a store: its owner, the state of its schema, and its rows after it is opened again.

use hirewire::store::{Store, StoreError};

use super::harness::*;

pub async fn a_store_of_another_instance_is_refused(harness: &StoreHarness) {
    let store = harness.ready().await;

    match Store::open(harness.settings("staging")).await {
        Err(StoreError::Incompatible(message)) => {
            assert!(
                message.contains("`test`")
                    && message.contains("`staging`")
                    && message.contains("instance accept")
            );
        }
        other => panic!("{other:?}"),
    }

    person(&store, "E-1").await;
    assert_eq!(pending_count(&harness.open().await).await, 1);
}

pub async fn a_store_of_a_newer_version_is_refused(harness: &StoreHarness) {
    harness.open().await.close().await;
    harness
        .corrupt(
            "INSERT INTO _sqlx_migrations
               (version, description, installed_on, success, checksum, execution_time)
             SELECT 9999, 'a later one', installed_on, success, checksum, 0
             FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    match Store::open(harness.settings("test")).await {
        Err(StoreError::Incompatible(message)) => assert!(message.contains("newer"), "{message}"),
        other => panic!("{other:?}"),
    }
}

pub async fn the_migration_status_names_pending_migrations(harness: &StoreHarness) {
    let before = Store::migration_status(&harness.settings("test"))
        .await
        .expect("answered");
    assert_eq!(
        (before.current, before.pending.len()),
        (0, usize::try_from(before.latest).expect("few"))
    );
    assert_eq!(before.pending[0], "0001_store");

    harness.open().await;
    let after = Store::migration_status(&harness.settings("test"))
        .await
        .expect("answered");
    assert_eq!(
        (after.current, after.latest),
        (before.latest, before.latest)
    );
    assert!(after.pending.is_empty());
}

pub async fn a_reopened_store_has_its_rows(harness: &StoreHarness) {
    let store = harness.ready().await;
    let person = person(&store, "E-1").await;
    let facts = store.facts(&person).await.expect("read");
    store.close().await;

    assert!(
        matches!(store.facts(&person).await, Err(StoreError::Unreachable(_))),
        "the store is closed"
    );
    assert!(
        matches!(
            store.pause("app", "late", "kim").await,
            Err(StoreError::Unreachable(_))
        ),
        "a write fails, too"
    );

    let store = harness.open().await;
    assert_eq!(store.facts(&person).await.expect("read"), facts);
    assert_eq!(store.mappings().await.expect("read").len(), 1);
}

pub async fn the_views_show_times_as_timestamps(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;

    for (view, time) in [
        ("accounts_view", "pending_since"),
        ("events_view", "received_at"),
        ("mappings_view", "published_at"),
    ] {
        let query =
            format!("SELECT COUNT(*) AS n FROM {view} WHERE CAST({time} AS TEXT) LIKE '20%'");
        assert_eq!(harness.query_number(&query).await, Some(1), "{view}");
    }

    for view in [
        "connections_view",
        "dead_letters_view",
        "history_view",
        "quarantined_messages_view",
    ] {
        let query = format!("SELECT COUNT(*) AS n FROM {view}");
        assert_eq!(harness.query_number(&query).await, Some(0), "{view}");
    }
}
