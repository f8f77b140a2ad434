//! Mappings and pauses of connections.

use std::time::Duration;

use hirewire::store::{ClaimRequest, GroupCreate, MappingSubmission};

use super::harness::*;

pub async fn the_first_mapping_is_published_and_a_different_one_is_staged(harness: &StoreHarness) {
    let store = harness.open().await;
    let offer = async |text: &str, fold_version| {
        store
            .submit_mapping("app", text, fold_version)
            .await
            .expect("answered")
    };
    assert_eq!(offer("first", 1).await, MappingSubmission::Published(1));
    assert_eq!(offer("first", 1).await, MappingSubmission::Unchanged(1));
    assert_eq!(offer("second", 1).await, MappingSubmission::Staged);

    let mapping = store.mappings().await.expect("read").remove(0);
    assert_eq!(
        (
            mapping.document.as_str(),
            mapping.version,
            mapping.staged_document.as_deref()
        ),
        ("first", 1, Some("second"))
    );

    // The config has the first mapping again.
    assert_eq!(offer("first", 1).await, MappingSubmission::Unchanged(1));
    assert_eq!(
        store.mappings().await.expect("read")[0].staged_document,
        None
    );
    assert_eq!(
        store.apply_mapping("app", "kim").await.expect("answered"),
        None
    );

    // A new version of the fold is staged as well.
    assert_eq!(offer("first", 2).await, MappingSubmission::Staged);
    assert_eq!(
        store.apply_mapping("app", "kim").await.expect("applied"),
        Some(2)
    );

    let mapping = store.mappings().await.expect("read").remove(0);
    assert_eq!(
        (
            mapping.version,
            mapping.fold_version,
            mapping.staged_document
        ),
        (2, 2, None)
    );
    assert_eq!(
        store.apply_mapping("none", "kim").await.expect("answered"),
        None
    );
}

pub async fn applying_a_mapping_makes_its_accounts_pending(harness: &StoreHarness) {
    let store = harness.ready().await;
    submit_mapping(&store, "wiki", "first").await;
    let routing_of = routing_of(&[("app", &["hr"]), ("wiki", &["hr"])]);
    store
        .store_hooks(&[hook(0, vec![event("hired", "E-1", "h")])], &routing_of)
        .await
        .expect("stored");
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

    submit_mapping(&store, "wiki", "second").await;
    assert!(
        store.claim(&request).await.expect("claimed").is_empty(),
        "a staged mapping is not applied"
    );
    assert_eq!(
        store.apply_mapping("wiki", "kim").await.expect("applied"),
        Some(2)
    );

    let claim = store.claim(&request).await.expect("claimed").remove(0);
    assert_eq!((claim.mapping_version, claim.account.not_before), (2, None));
    assert_eq!(
        pending_count(&store).await,
        0,
        "the accounts of another connection are not pending"
    );

    let line = store.history(None, 1).await.expect("read").remove(0);
    assert_eq!(
        (line.outcome.as_str(), line.connection.as_str()),
        ("mapping_applied", "wiki")
    );
}

pub async fn a_connection_is_paused_and_resumed_once(harness: &StoreHarness) {
    let store = harness.ready().await;
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

    let states = harness
        .open()
        .await
        .connection_states()
        .await
        .expect("read");

    let pauses: Vec<_> = states
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
        pauses,
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

pub async fn one_caller_at_a_time_creates_the_group_of_a_name(harness: &StoreHarness) {
    let store = harness.open().await;
    let begin = async |name: &str, within: Duration| {
        let begun = store.begin_group_create("app", name, within).await;
        begun.expect("answered")
    };
    let minute = Duration::from_mins(1);

    let callers = (0..8).map(|_| begin("Sales", minute));
    let answers = futures_util::future::join_all(callers).await;
    let begun = answers
        .iter()
        .filter(|answer| **answer == GroupCreate::Begun);
    assert_eq!(begun.count(), 1, "{answers:?}");
    assert_eq!(begin("Sales", minute).await, GroupCreate::Running);
    assert_eq!(begin("Ops", minute).await, GroupCreate::Begun);

    // The create of an answer that was lost may be repeated later.
    assert_eq!(begin("Late", Duration::ZERO).await, GroupCreate::Begun);
    assert_eq!(begin("Late", minute).await, GroupCreate::Begun);

    let remembered = store.remember_created_group("app", "Sales", "g-1").await;
    remembered.expect("written");
    let created = GroupCreate::Created("g-1".to_owned());
    assert_eq!(begin("Sales", minute).await, created);

    let forgotten = store.forget_created_group("app", "Sales").await;
    forgotten.expect("written");
    assert_eq!(begin("Sales", minute).await, GroupCreate::Begun);
}
