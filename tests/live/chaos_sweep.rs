//! Changes without a notification: a purged queue, an event stored without its account, deleted
//! account rows, and a connection added at run time. The sweep finds each within its interval.

use std::time::Duration;

use lapin::options::QueuePurgeOptions;

use crate::{
    chaos_harness::{
        Harness, count_stored_events, event, limits, wait_until_reconciled, wait_until_stored,
    },
    child::Signal,
    deployment::STEP_TIMEOUT,
    sandbox::Sandbox,
    waiting::wait_until,
};

/// The sweep interval (30 s) and the work that follows, on a busy machine.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(50);

/// Purges the events queue once it has so many messages.
async fn purge(harness: &Harness, messages: u32) {
    let (connection, prefix) = harness.deployment.broker().await.expect("a broker");
    let channel = connection.create_channel().await.expect("a channel");

    let mut purged = 0;
    let condition = format!("{messages} messages to purge");
    wait_until(&condition, STEP_TIMEOUT, async || {
        let queue = format!("{prefix}.events");
        purged += channel
            .queue_purge(queue.into(), QueuePurgeOptions::default())
            .await
            .expect("purged");
        (purged >= messages).then_some(())
    })
    .await;
    assert_eq!(purged, messages);

    connection.close(200, "done".into()).await.expect("closed");
}

async fn delete_accounts(harness: &Harness) {
    let database = harness.deployment.database().expect("a database");
    database.corrupt("DELETE FROM accounts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_reconciles_an_event_stored_without_its_account_after_the_queue_was_purged() {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    store.pause("app", "test", "test").await.expect("paused");
    let mut first = harness
        .start("first", &["worker"], &["worker.stored"])
        .await;

    harness.send(&[event("hired", "W-1", 3000)]);
    first
        .wait_for_failpoint("worker.stored", STEP_TIMEOUT)
        .await;
    let unstored = [event("hired", "W-2", 3000)];
    harness.send(&unstored);
    first.kill();
    assert_eq!(count_stored_events(&store, "W-1").await, 1);
    assert_eq!(count_stored_events(&store, "W-2").await, 0);

    // One message was not acked, the other not delivered.
    purge(&harness, 2).await;
    delete_accounts(&harness).await;
    store.resume("app", "test").await.expect("resumed");
    assert_eq!(harness.target.users().await.len(), 0);

    let _second = harness.start("second", &["worker"], &[]).await;
    harness.wait_until_active(&["W-1"]).await;
    // Only the retry of its sender brings back a message that was purged before it was stored.
    harness.send(&unstored);
    harness.wait_until_active(&["W-1", "W-2"]).await;
    assert_eq!(count_stored_events(&store, "W-1").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_creates_missing_account_rows_within_its_interval() {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let _worker = harness.start("worker", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    wait_until_reconciled(&store, "W-1").await;

    store.pause("app", "test", "test").await.expect("paused");
    harness.send(&[event("hired", "W-2", 3000)]);
    wait_until_stored(&store, "W-2", 1).await;
    delete_accounts(&harness).await;
    store.resume("app", "test").await.expect("resumed");

    wait_until("both users are active", SWEEP_TIMEOUT, async || {
        (harness.target.active_external_ids().await.len() == 2).then_some(())
    })
    .await;
    wait_until_reconciled(&store, "W-1").await;
    assert_eq!(harness.target.users().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_creates_the_accounts_of_a_connection_added_at_run_time_within_its_interval() {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let worker = harness.start("worker", &["worker"], &[]).await;
    harness.send(&[
        event("hired", "W-1", 3000),
        event("hired", "W-2", 3000),
        event("terminated", "W-2", 10),
    ]);
    wait_until_reconciled(&store, "W-1").await;
    wait_until_reconciled(&store, "W-2").await;

    let added = Sandbox::start("").await;
    harness
        .deployment
        .add_connection("added", &added.base_url(), &limits("2s"));
    worker.signal(Signal::HangUp);
    wait_until(
        "W-1 is active on the added connection",
        SWEEP_TIMEOUT,
        async || (added.active_external_ids().await == ["W-1"]).then_some(()),
    )
    .await;
    assert_eq!(
        added.users().await.len(),
        1,
        "a person who had left before has no account"
    );

    // Later events reach both connections.
    harness.send(&[event("terminated", "W-1", 10)]);
    wait_until("W-1 is inactive on both", SWEEP_TIMEOUT, async || {
        let added = added.active_external_ids().await;
        let target = harness.target.active_external_ids().await;
        (added.is_empty() && target.is_empty()).then_some(())
    })
    .await;
}
