//! Conformance of delivery: order, acks, redelivery, several receivers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::FutureExt as _;
use hirewire::queue::{Queue as _, QueueHealth, QueueName};

use super::{Harness, TIMEOUT, ack, drain, publish, receive, tag, tagged, tags};

pub async fn messages_are_delivered_in_the_order_of_their_publishing(harness: &impl Harness) {
    let queue = harness.open().await;
    assert_eq!(queue.health(), QueueHealth::Ready);
    publish(
        &queue,
        harness.instance(),
        QueueName::Events,
        &["1", "2", "3", "4", "5"],
    )
    .await;

    let first = receive(&queue, QueueName::Events, 2).await;
    let rest = receive(&queue, QueueName::Events, 3).await;
    assert_eq!(
        [tags(&first), tags(&rest)].concat(),
        ["1", "2", "3", "4", "5"]
    );
    assert!(
        first
            .iter()
            .chain(&rest)
            .all(|delivery| !delivery.redelivered && !delivery.poison)
    );

    ack(first).await;
    ack(rest).await;
    queue.close().await;
}

pub async fn a_waiting_receiver_gets_a_message_that_is_published_later(harness: &impl Harness) {
    let queue = Arc::new(harness.open().await);
    let waiting = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { tags(&receive(&*queue, QueueName::Events, 1).await) }
    });

    publish(&*queue, harness.instance(), QueueName::Events, &["late"]).await;
    assert_eq!(waiting.await.expect("a receiver"), ["late"]);
    queue.close().await;
}

pub async fn an_acked_message_is_not_delivered_again(harness: &impl Harness) {
    let queue = harness.open().await;
    publish(
        &queue,
        harness.instance(),
        QueueName::Events,
        &["unacked", "acked", "also acked"],
    )
    .await;

    let mut deliveries = receive(&queue, QueueName::Events, 3).await;
    let unacked = deliveries.remove(0);
    ack(deliveries).await;
    queue.close().await;
    drop(unacked);

    let queue = harness.open().await;
    let found = drain(&queue, harness.instance(), QueueName::Events).await;
    assert_eq!(found, BTreeMap::from([("unacked".to_owned(), 1)]));
    queue.close().await;
}

pub async fn an_unacked_message_is_redelivered_after_a_reopen(harness: &impl Harness) {
    let queue = harness.open().await;
    publish(&queue, harness.instance(), QueueName::Events, &["1", "2"]).await;
    let unacked = receive(&queue, QueueName::Events, 2).await;
    queue.close().await;
    for delivery in unacked {
        assert!(
            !delivery.acker.ack().await,
            "a closed queue accepted an ack"
        );
    }

    let queue = harness.open().await;
    let again = receive(&queue, QueueName::Events, 2).await;
    assert_eq!(tags(&again), ["1", "2"]);
    assert!(again.iter().all(|delivery| delivery.redelivered));
    ack(again).await;
    queue.close().await;
}

pub async fn a_requeued_message_is_redelivered(harness: &impl Harness) {
    let queue = harness.open().await;
    publish(
        &queue,
        harness.instance(),
        QueueName::Events,
        &["1", "2", "3"],
    )
    .await;
    for delivery in receive(&queue, QueueName::Events, 3).await {
        delivery.acker.requeue().await;
    }

    let again = receive(&queue, QueueName::Events, 3).await;
    assert_eq!(tags(&again), ["1", "2", "3"]);
    assert!(again.iter().all(|delivery| delivery.redelivered));
    ack(again).await;
    assert_eq!(
        drain(&queue, harness.instance(), QueueName::Events).await,
        BTreeMap::new()
    );
    queue.close().await;
}

pub async fn a_dropped_delivery_is_redelivered(harness: &impl Harness) {
    let queue = harness.open().await;
    publish(&queue, harness.instance(), QueueName::Events, &["1"]).await;
    drop(receive(&queue, QueueName::Events, 1).await);

    let again = receive(&queue, QueueName::Events, 1).await;
    assert_eq!(tags(&again), ["1"]);
    ack(again).await;
    queue.close().await;
}

pub async fn each_message_goes_to_one_of_several_receivers(harness: &impl Harness) {
    const PUBLISHERS: usize = 16;
    const EACH: usize = 40;
    let queue = Arc::new(harness.open().await);
    let mut publishers = Vec::new();
    for publisher in 0..PUBLISHERS {
        let (queue, instance) = (Arc::clone(&queue), harness.instance().to_owned());
        publishers.push(tokio::spawn(async move {
            for number in 0..EACH {
                let message = tagged(&instance, &format!("{publisher}/{number}"));
                queue
                    .publish(QueueName::Events, message)
                    .await
                    .expect("a confirm");
            }
        }));
    }

    let (sender, mut received) = tokio::sync::mpsc::unbounded_channel();
    let mut receivers = Vec::new();
    for _ in 0..3 {
        let (queue, sender) = (Arc::clone(&queue), sender.clone());
        receivers.push(tokio::spawn(async move {
            while let Ok(deliveries) = queue.receive(QueueName::Events, 32).await {
                for delivery in deliveries {
                    let tag = tag(&delivery);
                    assert!(delivery.acker.ack().await, "the ack was accepted");
                    sender.send(tag).expect("the test is there");
                }
            }
        }));
    }

    let mut tags = Vec::new();
    for _ in 0..PUBLISHERS * EACH {
        tags.push(
            tokio::time::timeout(TIMEOUT, received.recv())
                .await
                .expect("all of them")
                .expect("a tag"),
        );
    }
    let distinct: BTreeSet<&String> = tags.iter().collect();
    assert_eq!(
        distinct.len(),
        PUBLISHERS * EACH,
        "one was delivered twice, so another is missing"
    );

    for publisher in publishers {
        publisher.await.expect("a publisher");
    }
    queue.close().await;
    for receiver in receivers {
        receiver
            .await
            .expect("a receiver ends when its queue is closed");
    }
}

pub async fn a_cancelled_receive_loses_no_message(harness: &impl Harness) {
    let queue = harness.open().await;
    for _ in 0..3 {
        assert!(
            queue.receive(QueueName::Events, 8).now_or_never().is_none(),
            "nothing was published yet"
        );
    }

    publish(&queue, harness.instance(), QueueName::Events, &["1", "2"]).await;
    let deliveries = receive(&queue, QueueName::Events, 2).await;
    assert_eq!(tags(&deliveries), ["1", "2"]);
    ack(deliveries).await;
    queue.close().await;
}
