//! SIGSTOP of a worker between "request built" and "sent", for longer than its lease.
//!
//! Meanwhile the person leaves and another worker reconciles that. The suspended worker sends
//! nothing after it is resumed.

use crate::{
    chaos_harness::{Harness, RECONCILE_TIMEOUT, event, wait_until_reconciled, wait_until_stored},
    child::Signal,
    deployment::STEP_TIMEOUT,
    process::HirewireProcess,
    waiting::wait_until,
};

/// The log message of a worker whose lease has passed to another worker.
const LOST_CLAIM: &str = "another worker has the claim now";

/// The behaviour of a worker that was resumed after its lease had expired.
#[derive(Debug, PartialEq)]
struct AfterResume {
    /// It sent its request.
    sent: bool,
    /// The external ids that are active at the target afterwards.
    active: Vec<String>,
}

const NO_EFFECT: AfterResume = AfterResume {
    sent: false,
    active: Vec::new(),
};

const FAILPOINTS: [&str; 2] = ["worker.request_built", "worker.sent"];

/// Suspends `old`, which is held at `worker.request_built` for the worker W-1 with so many stored
/// events. Starts another worker, which takes over the lease, and resumes `old` once the account is
/// reconciled.
async fn suspend_past_its_lease(
    harness: &Harness,
    mut old: HirewireProcess,
    stored_events: usize,
) -> AfterResume {
    let store = harness.store().await;
    // `old` still stores events: only its reconcile is held.
    harness.send(&[event("terminated", "W-1", 10)]);
    wait_until_stored(&store, "W-1", stored_events + 1).await;
    old.signal(Signal::Stop);
    old.release("worker.request_built");

    let _new = harness.start("new", &["worker"], &[]).await;
    wait_until_reconciled(&store, "W-1").await;
    assert_eq!(
        harness.target.active_external_ids().await,
        Vec::<String>::new(),
        "the leaver is active before the old worker is resumed"
    );
    let writes = harness.target.writes().await.len();

    old.signal(Signal::Continue);
    wait_until("the old worker decides", RECONCILE_TIMEOUT, async || {
        assert!(old.exit_status().is_none(), "it ended");
        let gave_up = old.stderr().contains(LOST_CLAIM);
        (gave_up || old.is_held_at("worker.sent")).then_some(())
    })
    .await;

    let sent = harness.target.writes().await.len() > writes;
    assert_eq!(
        sent,
        old.is_held_at("worker.sent"),
        "the failpoint and the log of the target disagree"
    );
    AfterResume {
        sent,
        active: harness.target.active_external_ids().await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_suspended_before_its_create_past_its_lease_creates_no_leaver() {
    let harness = Harness::shared("", "2s").await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let mut old = harness.start("old", &["worker"], &FAILPOINTS).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    old.wait_for_failpoint("worker.request_built", STEP_TIMEOUT)
        .await;

    assert_eq!(suspend_past_its_lease(&harness, old, 1).await, NO_EFFECT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_suspended_before_its_reactivation_past_its_lease_reactivates_no_leaver() {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let mut earlier = harness.start("before", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    harness.wait_until_active(&["W-1"]).await;
    harness.send(&[event("terminated", "W-1", 2000)]);
    wait_until_stored(&store, "W-1", 2).await;
    wait_until_reconciled(&store, "W-1").await;
    earlier.signal(Signal::Terminate);
    earlier.wait_for_exit(STEP_TIMEOUT).await;

    let mut old = harness.start("old", &["worker"], &FAILPOINTS).await;
    harness.send(&[event("rehired", "W-1", 1000)]);
    old.wait_for_failpoint("worker.request_built", STEP_TIMEOUT)
        .await;

    assert_eq!(suspend_past_its_lease(&harness, old, 3).await, NO_EFFECT);
}
