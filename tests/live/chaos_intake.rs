//! kill -9 of the intake between receiving a hook and the queue's confirm, on both queues. What was answered with 200 is there
//! afterwards; what was not may be, and the sender's retry is the same event.

use crate::{
    chaos_harness::{Harness, event},
    cluster::{Dependencies, SOON},
    process::Running,
};

/// The intake again, and a worker, in one process or in two.
async fn everything(harness: &Harness) -> Vec<Running> {
    if harness.cluster.database().is_none() {
        return vec![harness.start("intake", &[], &[]).await];
    }
    vec![
        harness.start("intake", &["intake"], &[]).await,
        harness.start("worker", &["worker"], &[]).await,
    ]
}

/// Killed when the message was handed to the queue, and its confirm not yet awaited.
async fn killed_between_publish_and_confirm(dependencies: Dependencies) {
    let harness = Harness::new(dependencies, "", "4s").await;
    let roles: &[&str] = if harness.cluster.database().is_some() {
        &["intake"]
    } else {
        &[]
    };
    let hire = [event("hired", "W-1", 3000)];
    let mut intake = harness.start("intake", roles, &["queue.published"]).await;
    let mut sending = harness.begin_to_send(&hire);
    intake.reached("queue.published", SOON).await;
    intake.kill();
    assert!(
        !sending.exit(SOON).await.success(),
        "answered before the confirm"
    );

    let _processes = everything(&harness).await;
    harness.send(&hire);
    harness.send(&[event("hired", "W-2", 3000)]);
    harness.becomes_active(&["W-1", "W-2"]).await;
    assert_eq!(harness.target.users().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intake_killed_between_publish_and_confirm_has_promised_nothing_on_rabbitmq() {
    killed_between_publish_and_confirm(Dependencies::shared().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intake_killed_between_publish_and_confirm_has_promised_nothing_on_the_embedded_queue() {
    killed_between_publish_and_confirm(Dependencies::Embedded).await;
}

/// What became of a hook whose intake was killed before it reached the queue, after its sender was answered.
#[derive(Debug, PartialEq)]
struct Hook {
    accepted: bool,
    arrived: bool,
}

async fn killed_before_the_publish(dependencies: Dependencies) -> Hook {
    let harness = Harness::new(dependencies, "", "4s").await;
    let roles: &[&str] = if harness.cluster.database().is_some() {
        &["intake"]
    } else {
        &[]
    };
    let mut intake = harness
        .start("intake", roles, &["queue.before_publish"])
        .await;
    let mut sending = harness.begin_to_send(&[event("hired", "W-1", 3000)]);
    intake.reached("queue.before_publish", SOON).await;
    let accepted = sending.exit(SOON).await.success();
    intake.kill();

    let _processes = everything(&harness).await;
    harness.send(&[event("hired", "W-2", 3000)]);
    harness.becomes_active(&["W-2"]).await;
    Hook {
        accepted,
        arrived: harness.target.active().await.contains(&"W-1".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_never_reached_rabbitmq_is_not_accepted() {
    let hook = killed_before_the_publish(Dependencies::shared().await).await;
    assert_eq!(
        hook,
        Hook {
            accepted: false,
            arrived: false
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_never_reached_the_embedded_queue_is_not_accepted() {
    let hook = killed_before_the_publish(Dependencies::Embedded).await;
    assert_eq!(
        hook,
        Hook {
            accepted: false,
            arrived: false
        }
    );
}
