//! The embedded queue on a full disk, which the conformance tests cannot produce.

use super::*;
use crate::queue::Hook;

fn message(size: usize) -> Message {
    let hook: Hook = serde_json::from_value(serde_json::json!({
        "source": "hr",
        "hook": "h-1",
        "received": "2026-11-25T03:00:00Z",
        "digest": "0".repeat(64),
        "payload": { "unreadable": { "reason": "x".repeat(size), "body": "", "headers": [] } },
    }))
    .unwrap();
    Message::new("test", vec![hook])
}

#[tokio::test]
async fn a_full_disk_refuses_publishes_and_still_takes_acks() {
    let folder = tempfile::TempDir::new().unwrap();
    let (mut file, counts) = QueueFile::open(&folder.path().join("queue.db"), "test")
        .await
        .unwrap();
    file.limit_growth(64).await;
    let queue = EmbeddedQueue::start(file, &counts, "test".to_owned());

    let mut confirmed = 0;
    let refusal = loop {
        match queue.publish(QueueName::Events, message(8000)).await {
            Ok(()) => confirmed += 1,
            Err(refusal) => break refusal,
        }
    };
    assert!(
        matches!(&refusal, PublishError::Refused(why) if why == "the disk is full"),
        "{refusal}"
    );
    assert!(confirmed > 3, "{confirmed}");
    assert!(matches!(queue.health(), QueueHealth::NotReady(_)));
    assert_eq!(queue.depth(QueueName::Events).await, Some(confirmed));

    // An ack in the same transaction as a refused publish is committed alone, and frees space.
    let mut deliveries = queue.receive(QueueName::Events, 100).await.unwrap();
    assert_eq!(deliveries.len() as u64, confirmed);
    let oldest = deliveries.remove(0);
    let (refused, acked) = tokio::join!(
        queue.publish(QueueName::Events, message(60_000)),
        oldest.acker.ack()
    );
    assert!(refused.is_err() && acked);

    queue
        .publish(QueueName::Events, message(4000))
        .await
        .unwrap();
    assert_eq!(queue.health(), QueueHealth::Ready);

    drop(deliveries);
    assert_eq!(
        queue.receive(QueueName::Events, 100).await.unwrap().len() as u64,
        confirmed
    );
}
