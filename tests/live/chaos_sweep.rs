//! What no wake-up tells of: a purged queue, an event stored without a propagation_delay, rows that are gone, a connection added while all
//! runs. The sweep finds it within its interval.

use std::time::Duration;

use lapin::options::QueuePurgeOptions;

use crate::{
    chaos_harness::{Harness, event, limits, rests, stored, stores},
    child::Signal,
    cluster::SOON,
    sandbox::Sandbox,
    waiting::until,
};

/// The sweep's interval (30 s), and what is done then, on a busy machine.
const SWEPT: Duration = Duration::from_secs(50);

/// Removes what lies in the events queue, once so many messages do.
async fn purge(harness: &Harness, messages: u32) {
    let (connection, prefix) = harness.cluster.broker().await.expect("a broker");
    let channel = connection.create_channel().await.expect("a channel");
    let mut purged = 0;
    until(&format!("{messages} messages to purge"), SOON, async || {
        let queue = format!("{prefix}.events");
        purged += channel
            .queue_purge(queue.into(), QueuePurgeOptions::default())
            .await
            .expect("purged");
        (purged >= messages).then_some(())
    })
    .await;
    assert_eq!(purged, messages);
    connection
        .close(200, "done".into())
        .await
        .expect("a goodbye");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stored_without_a_settle_converges_though_the_queue_was_purged() {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    store.pause("app", "test", "test").await.expect("paused");
    let mut first = harness
        .start("first", &["worker"], &["worker.stored"])
        .await;
    harness.send(&[event("hired", "W-1", 3000)]);
    first.reached("worker.stored", SOON).await;
    let unstored = [event("hired", "W-2", 3000)];
    harness.send(&unstored);
    first.kill();
    assert_eq!(
        (stored(&store, "W-1").await, stored(&store, "W-2").await),
        (1, 0)
    );
    // One was not acked, one never taken.
    purge(&harness, 2).await;
    harness
        .cluster
        .database()
        .expect("a database")
        .break_with("DELETE FROM accounts")
        .await;
    store.resume("app", "test").await.expect("resumed");
    assert_eq!(harness.target.users().await.len(), 0);

    let _second = harness.start("second", &["worker"], &[]).await;
    harness.becomes_active(&["W-1"]).await;
    // What was purged before anybody stored it comes again with its sender's retry alone.
    harness.send(&unstored);
    harness.becomes_active(&["W-1", "W-2"]).await;
    assert_eq!(stored(&store, "W-1").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_whose_rows_are_gone_are_found_and_made_within_the_sweep_interval() {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let _worker = harness.start("worker", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    rests(&store, "W-1").await;
    store.pause("app", "test", "test").await.expect("paused");
    harness.send(&[event("hired", "W-2", 3000)]);
    stores(&store, "W-2", 1).await;
    harness
        .cluster
        .database()
        .expect("a database")
        .break_with("DELETE FROM accounts")
        .await;
    store.resume("app", "test").await.expect("resumed");
    until("the sweep finds both", SWEPT, async || {
        (harness.target.active().await.len() == 2).then_some(())
    })
    .await;
    rests(&store, "W-1").await;
    assert_eq!(harness.target.users().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_added_while_running_gets_its_accounts_within_the_sweep_interval() {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let worker = harness.start("worker", &["worker"], &[]).await;
    harness.send(&[
        event("hired", "W-1", 3000),
        event("hired", "W-2", 3000),
        event("terminated", "W-2", 10),
    ]);
    rests(&store, "W-1").await;
    rests(&store, "W-2").await;

    let added = Sandbox::start("").await;
    harness
        .cluster
        .add_connection("added", &added.base_url(), &limits("2s"));
    worker.signal(Signal::HangUp);
    until("the added connection has its account", SWEPT, async || {
        (added.active().await == ["W-1"]).then_some(())
    })
    .await;
    assert_eq!(
        added.users().await.len(),
        1,
        "who had left before gets no account"
    );
    // And hears of what comes next.
    harness.send(&[event("terminated", "W-1", 10)]);
    until("the leaver is inactive on both", SWEPT, async || {
        (added.active().await.is_empty() && harness.target.active().await.is_empty()).then_some(())
    })
    .await;
}
