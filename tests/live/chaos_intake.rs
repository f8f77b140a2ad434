//! SIGKILL of the intake between the receipt of a hook and the confirm of the queue, on both
//! queues.
//!
//! A hook with a 200 is processed after the restart. A hook without one may be; the retry of its
//! sender is the same event.

use crate::{
    chaos_harness::{Harness, event},
    deployment::{Dependencies, STEP_TIMEOUT},
    process::HirewireProcess,
};

/// The roles of the intake process: with embedded dependencies, all roles run in one process.
fn intake_roles(harness: &Harness) -> &'static [&'static str] {
    if harness.deployment.database().is_some() {
        &["intake"]
    } else {
        &[]
    }
}

/// Starts the intake again, and a worker.
async fn restart(harness: &Harness) -> Vec<HirewireProcess> {
    let mut processes = vec![harness.start("intake", intake_roles(harness), &[]).await];
    if harness.deployment.database().is_some() {
        processes.push(harness.start("worker", &["worker"], &[]).await);
    }
    processes
}

/// Kills the intake after the publish and before the confirm, then sends the same hook again.
async fn kill_between_publish_and_confirm(dependencies: Dependencies) {
    let harness = Harness::new(dependencies, "", "4s").await;
    let hire = [event("hired", "W-1", 3000)];
    let mut intake = harness
        .start("intake", intake_roles(&harness), &["queue.published"])
        .await;

    let mut sender = harness.start_sending(&hire);
    intake
        .wait_for_failpoint("queue.published", STEP_TIMEOUT)
        .await;
    intake.kill();
    assert!(
        !sender.wait_for_exit(STEP_TIMEOUT).await.success(),
        "accepted before the confirm"
    );

    let _processes = restart(&harness).await;
    harness.send(&hire);
    harness.send(&[event("hired", "W-2", 3000)]);
    harness.wait_until_active(&["W-1", "W-2"]).await;
    assert_eq!(harness.target.users().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intake_killed_between_publish_and_confirm_accepts_nothing_on_rabbitmq() {
    kill_between_publish_and_confirm(Dependencies::shared().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intake_killed_between_publish_and_confirm_accepts_nothing_on_the_embedded_queue() {
    kill_between_publish_and_confirm(Dependencies::Embedded).await;
}

/// The fate of a hook whose intake was killed before the publish.
#[derive(Debug, PartialEq)]
struct HookResult {
    /// The sender got a 200.
    accepted: bool,
    /// The target has the user.
    processed: bool,
}

const LOST: HookResult = HookResult {
    accepted: false,
    processed: false,
};

async fn kill_before_publish(dependencies: Dependencies) -> HookResult {
    let harness = Harness::new(dependencies, "", "4s").await;
    let mut intake = harness
        .start("intake", intake_roles(&harness), &["queue.before_publish"])
        .await;

    let mut sender = harness.start_sending(&[event("hired", "W-1", 3000)]);
    intake
        .wait_for_failpoint("queue.before_publish", STEP_TIMEOUT)
        .await;
    let accepted = sender.wait_for_exit(STEP_TIMEOUT).await.success();
    intake.kill();

    let _processes = restart(&harness).await;
    harness.send(&[event("hired", "W-2", 3000)]);
    harness.wait_until_active(&["W-2"]).await;
    let active = harness.target.active_external_ids().await;
    HookResult {
        accepted,
        processed: active.contains(&"W-1".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_never_reached_rabbitmq_is_not_accepted() {
    assert_eq!(
        kill_before_publish(Dependencies::shared().await).await,
        LOST
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_never_reached_the_embedded_queue_is_not_accepted() {
    assert_eq!(kill_before_publish(Dependencies::Embedded).await, LOST);
}
