//! SIGKILL of a worker: before it stores a received message, and between a write at the target and
//! its commit.
//!
//! Another worker takes over. No event is lost, no second account is created, no leaver stays
//! active.

use hirewire::store::Store;
use hirewire_core::mapping::Access;
use serde_json::Value;

use crate::{
    chaos_harness::{
        Harness, RECONCILE_TIMEOUT, event, find_person, wait_until_reconciled, wait_until_stored,
    },
    child::Signal,
    deployment::STEP_TIMEOUT,
    waiting::wait_until,
};

async fn has_bound_account(store: &Store, worker: &str) -> bool {
    let Some(person) = find_person(store, worker).await else {
        return false;
    };
    let views = store.accounts(&person).await.expect("the store");
    views.iter().any(|view| view.account.scim_id.is_some())
}

/// Kills a worker after the response to its create and before the commit, at a target whose search
/// shows a new user late. Returns the users once another worker has bound the account.
async fn kill_after_a_create() -> Vec<Value> {
    let harness = Harness::shared("search-lag:ms=14000,no-uniqueness", "16s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let mut first = harness.start("first", &["worker"], &["worker.sent"]).await;

    harness.send(&[event("hired", "W-1", 3000)]);
    first.wait_for_failpoint("worker.sent", STEP_TIMEOUT).await;
    first.kill();
    assert_eq!(
        harness.target.users().await.len(),
        1,
        "the worker was killed before its write"
    );

    let _second = harness.start("second", &["worker"], &[]).await;
    wait_until("an account is bound", RECONCILE_TIMEOUT, async || {
        has_bound_account(&store, "W-1").await.then_some(())
    })
    .await;
    harness.target.users().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_its_create_and_the_commit_makes_no_second_account() {
    let users = kill_after_a_create().await;

    assert_eq!(users.len(), 1, "{users:#?}");
    assert_eq!(users[0]["active"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_a_deactivation_and_the_commit_leaves_the_leaver_inactive() {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let mut earlier = harness.start("before", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    wait_until_reconciled(&store, "W-1").await;
    earlier.signal(Signal::Terminate);
    earlier.wait_for_exit(STEP_TIMEOUT).await;

    let mut first = harness.start("first", &["worker"], &["worker.sent"]).await;
    harness.send(&[event("terminated", "W-1", 10)]);
    first.wait_for_failpoint("worker.sent", STEP_TIMEOUT).await;
    first.kill();
    let users = harness.target.users().await;
    assert_eq!(
        users[0]["active"], false,
        "the worker was killed before its write"
    );

    let _second = harness.start("second", &["worker"], &[]).await;
    let view = wait_until_reconciled(&store, "W-1").await;
    assert_eq!(view.account.reconciled_access, Some(Access::Inactive));
    let users = harness.target.users().await;
    assert_eq!(users.len(), 1);
    assert_eq!(users[0]["active"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_before_it_stores_a_received_message_loses_nothing() {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let mut first = harness
        .start("first", &["worker"], &["worker.before_store"])
        .await;

    harness.send(&[event("hired", "W-1", 3000)]);
    first
        .wait_for_failpoint("worker.before_store", STEP_TIMEOUT)
        .await;
    assert!(
        find_person(&store, "W-1").await.is_none(),
        "the hire is already stored"
    );
    first.kill();

    let _second = harness.start("second", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-2", 3000)]);
    wait_until_reconciled(&store, "W-2").await;
    // The broker redelivers the message of a killed consumer in no particular order.
    wait_until_stored(&store, "W-1", 1).await;
    harness.wait_until_active(&["W-1", "W-2"]).await;
    assert!(find_person(&store, "W-1").await.is_some());
}
