//! kill -9 of a worker: before it stored what it took, and between a write at the target and the commit. Another one takes
//! over; nothing is lost, no second account is made, no leaver stays active.

use hirewire::store::Store;
use hirewire_core::mapping::Access;
use serde_json::Value;

use crate::{
    chaos_harness::{Harness, LONG, event, person, rests, stores},
    child::Signal,
    cluster::SOON,
    waiting::until,
};

/// Killed when its create was answered and not yet written down, at a target whose search shows a new user late. Gives
/// what the target has once another worker has bound the account.
async fn killed_after_a_create() -> Vec<Value> {
    let harness = Harness::shared("search-lag:ms=14000,no-uniqueness", "16s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let mut first = harness.start("first", &["worker"], &["worker.sent"]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    first.reached("worker.sent", SOON).await;
    first.kill();
    assert_eq!(
        harness.target.users().await.len(),
        1,
        "it was killed before its write"
    );
    let _second = harness.start("second", &["worker"], &[]).await;
    until("an account is bound", LONG, async || {
        bound(&store, "W-1").await.then_some(())
    })
    .await;
    harness.target.users().await
}

async fn bound(store: &Store, worker: &str) -> bool {
    let Some(person) = person(store, worker).await else {
        return false;
    };
    let views = store.accounts(&person).await.expect("the store");
    views.iter().any(|view| view.account.scim_id.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_its_create_and_the_commit_makes_no_second_account() {
    let users = killed_after_a_create().await;
    assert_eq!(users.len(), 1, "{users:#?}");
    assert_eq!(users[0]["active"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_a_deactivation_and_the_commit_leaves_the_leaver_inactive_and_settled()
 {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let mut before = harness.start("before", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    rests(&store, "W-1").await;
    before.signal(Signal::Terminate);
    before.exit(SOON).await;

    let mut first = harness.start("first", &["worker"], &["worker.sent"]).await;
    harness.send(&[event("terminated", "W-1", 10)]);
    first.reached("worker.sent", SOON).await;
    first.kill();
    let user = || async { harness.target.users().await.pop().expect("a user") };
    assert_eq!(
        user().await["active"],
        false,
        "it was killed before its write"
    );

    let _second = harness.start("second", &["worker"], &[]).await;
    let view = rests(&store, "W-1").await;
    assert_eq!(view.account.reconciled_access, Some(Access::Inactive));
    assert_eq!(user().await["active"], false);
    assert_eq!(harness.target.users().await.len(), 1);
}

/// Killed with a hire in its hands that it has not stored. Gives whether the store ever heard of it: everybody sent later
/// has been settled.
async fn killed_before_it_stored() -> bool {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let mut first = harness
        .start("first", &["worker"], &["worker.before_store"])
        .await;
    harness.send(&[event("hired", "W-1", 3000)]);
    first.reached("worker.before_store", SOON).await;
    assert!(
        person(&store, "W-1").await.is_none(),
        "it was stored already"
    );
    first.kill();
    let _second = harness.start("second", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-2", 3000)]);
    rests(&store, "W-2").await;
    // What a killed consumer held comes again, in no promised order.
    stores(&store, "W-1", 1).await;
    harness.becomes_active(&["W-1", "W-2"]).await;
    person(&store, "W-1").await.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_before_it_stored_what_it_took_loses_nothing() {
    assert!(killed_before_it_stored().await);
}
