//! Conformance of publishing, of the two queues beside each other, of depth and of close.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use hirewire::queue::{Message, PublishError, Queue as _, QueueHealth, QueueName};

use super::{Harness, TIMEOUT, ack, drain, publish, receive, tagged, tags};

pub async fn the_queues_are_independent(harness: &impl Harness) {
    let queue = harness.open().await;
    publish(&queue, harness.instance(), QueueName::Dead, &["dead"]).await;
    publish(&queue, harness.instance(), QueueName::Events, &["event"]).await;

    let events = receive(&queue, QueueName::Events, 1).await;
    let dead = receive(&queue, QueueName::Dead, 1).await;
    assert_eq!(
        (tags(&events), tags(&dead)),
        (vec!["event".to_owned()], vec!["dead".to_owned()])
    );
    assert!(
        !dead[0].poison,
        "a publisher put it there, not the delivery limit"
    );
    ack(events).await;
    ack(dead).await;
    queue.close().await;
}

pub async fn a_cancelled_publish_is_still_published(harness: &impl Harness) {
    let queue = harness.open().await;
    let cancelled = queue
        .publish(QueueName::Events, tagged(harness.instance(), "cancelled"))
        .now_or_never();
    assert!(cancelled.is_none_or(|outcome| outcome.is_ok()));

    let deliveries = receive(&queue, QueueName::Events, 1).await;
    assert_eq!(tags(&deliveries), ["cancelled"]);
    ack(deliveries).await;
    queue.close().await;
}

pub async fn a_message_of_a_newer_version_arrives_as_bytes(harness: &impl Harness) {
    let queue = harness.open().await;
    let newer = Message {
        version: 99,
        ..tagged(harness.instance(), "newer")
    };
    let bytes = newer.encode().expect("JSON");
    queue
        .publish(QueueName::Events, newer)
        .await
        .expect("a confirm");

    let delivery = receive(&queue, QueueName::Events, 1).await.remove(0);
    let unreadable = delivery
        .message
        .as_ref()
        .expect_err("an unreadable envelope");
    assert_eq!(
        (unreadable.version, unreadable.instance.as_deref()),
        (Some(99), Some(harness.instance()))
    );
    assert_eq!(unreadable.bytes, bytes);
    assert!(delivery.acker.ack().await);
    queue.close().await;
}

pub async fn a_message_of_another_instance_is_refused(harness: &impl Harness) {
    let queue = harness.open().await;
    let outcome = queue
        .publish(QueueName::Events, tagged("another", "foreign"))
        .await;

    assert!(
        matches!(outcome, Err(PublishError::Refused(_))),
        "{outcome:?}"
    );
    assert_eq!(
        drain(&queue, harness.instance(), QueueName::Events).await,
        BTreeMap::new()
    );
    queue.close().await;
}

pub async fn the_depth_counts_the_messages_that_are_ready(harness: &impl Harness) {
    let queue = harness.open().await;
    assert_eq!(queue.depth(QueueName::Events).await, Some(0));
    publish(
        &queue,
        harness.instance(),
        QueueName::Events,
        &["1", "2", "3"],
    )
    .await;
    publish(&queue, harness.instance(), QueueName::Dead, &["4"]).await;
    assert_eq!(
        (
            queue.depth(QueueName::Events).await,
            queue.depth(QueueName::Dead).await
        ),
        (Some(3), Some(1))
    );

    ack(receive(&queue, QueueName::Events, 3).await).await;
    assert_eq!(queue.depth(QueueName::Events).await, Some(0));
    queue.close().await;
}

pub async fn a_closed_queue_reports_errors(harness: &impl Harness) {
    let queue = harness.open().await;
    queue.close().await;
    let outcome = queue
        .publish(QueueName::Events, tagged(harness.instance(), "late"))
        .await;
    assert!(
        matches!(outcome, Err(PublishError::Unreachable(_))),
        "{outcome:?}"
    );

    let received = tokio::time::timeout(TIMEOUT, queue.receive(QueueName::Events, 1))
        .await
        .expect("an answer");
    assert!(received.is_err(), "a closed queue delivers nothing");
    assert_ne!(queue.health(), QueueHealth::Ready);
}
