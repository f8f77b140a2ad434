//! SIGSTOP of a worker between 'request built' and 'sent', for longer than its lease. Meanwhile the person leaves and another
//! worker settles that: whoever was stopped sends nothing when it goes on.

use crate::{
    chaos_harness::{Harness, LONG, event, rests, stores},
    child::Signal,
    cluster::SOON,
    process::Running,
    waiting::until,
};

/// What the one that was stopped did when it went on.
#[derive(Debug, PartialEq)]
struct WentOn {
    /// It sent its request.
    sent: bool,
    /// Who is active at the target then.
    active: Vec<String>,
}

/// Stops `old`, which stands at `worker.request_built` for that worker of whom `events` events are stored, and whose lease
/// `new` then takes over; lets it go on once the account has come to rest.
async fn stopped_past_its_lease(harness: &Harness, mut old: Running, events: usize) -> WentOn {
    let store = harness.store().await;
    // Recorded by the one that stands: only its propagation_delay is held.
    harness.send(&[event("terminated", "W-1", 10)]);
    stores(&store, "W-1", events + 1).await;
    old.signal(Signal::Stop);
    old.release("worker.request_built");
    let _new = harness.start("new", &["worker"], &[]).await;
    rests(&store, "W-1").await;
    assert_eq!(
        harness.target.active().await,
        Vec::<String>::new(),
        "a leaver is active before it goes on"
    );
    let writes = harness.target.writes().await.len();

    old.signal(Signal::Continue);
    until("the one that was stopped goes on", LONG, async || {
        assert!(old.ended().is_none(), "it ended");
        let gave_up = old.stderr().contains("the claim is somebody else's now");
        (gave_up || old.stands_at("worker.sent")).then_some(())
    })
    .await;
    let sent = harness.target.writes().await.len() > writes;
    assert_eq!(
        sent,
        old.stands_at("worker.sent"),
        "what it says it sent is what came"
    );
    WentOn {
        sent,
        active: harness.target.active().await,
    }
}

const HELD: [&str; 2] = ["worker.request_built", "worker.sent"];

/// Stopped before the create of a person who leaves meanwhile.
async fn before_a_create() -> WentOn {
    let harness = Harness::shared("", "2s").await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let mut old = harness.start("old", &["worker"], &HELD).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    old.reached("worker.request_built", SOON).await;
    stopped_past_its_lease(&harness, old, 1).await
}

/// Stopped before the reactivation of a person who leaves again meanwhile.
async fn before_a_reactivation() -> WentOn {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let mut before = harness.start("before", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    harness.becomes_active(&["W-1"]).await;
    harness.send(&[event("terminated", "W-1", 2000)]);
    stores(&store, "W-1", 2).await;
    rests(&store, "W-1").await;
    before.signal(Signal::Terminate);
    before.exit(SOON).await;

    let mut old = harness.start("old", &["worker"], &HELD).await;
    harness.send(&[event("rehired", "W-1", 1000)]);
    old.reached("worker.request_built", SOON).await;
    stopped_past_its_lease(&harness, old, 3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_stopped_before_its_create_for_longer_than_its_lease_creates_no_leaver() {
    assert_eq!(
        before_a_create().await,
        WentOn {
            sent: false,
            active: Vec::new()
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_stopped_before_its_reactivation_for_longer_than_its_lease_revives_no_leaver() {
    assert_eq!(
        before_a_reactivation().await,
        WentOn {
            sent: false,
            active: Vec::new()
        }
    );
}
