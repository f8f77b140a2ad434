//! The promises of a queue, written once and held against each kind of it.
//!
//! A [`Harness`] opens a queue and opens it again over what it left behind; [`keeps_the_promises!`] makes one test of
//! each promise. The messages are their own oracle: each carries a tag, and tags are counted.

pub mod children;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use hirewire::queue::{
    Delivery, Hook, Message, Payload, PublishError, Queue, QueueHealth, QueueName,
};
use hirewire_core::event::{ContentDigest, HookId, SourceId};

/// Longest any wait here may last; then the test fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Where queues come from.
pub trait Harness {
    /// The kind of queue.
    type Queue: Queue + 'static;

    /// The instance whose queue it is.
    fn instance(&self) -> &str;

    /// Opens the queue, over what was left behind; ready to publish.
    async fn open(&self) -> Self::Queue;

    /// Removes what it left behind.
    async fn end(self);
}

/// A message of one hook, whose body is the tag.
pub fn tagged(instance: &str, tag: &str) -> Message {
    let hook = Hook {
        source: SourceId::parse("hr").expect("a source"),
        hook: HookId::parse("h-1").expect("a hook"),
        received: "2026-11-25T03:00:00Z".parse().expect("a time"),
        secret: None,
        digest: ContentDigest::of(tag.as_bytes()),
        payload: Payload::Unreadable {
            reason: "a test".to_owned(),
            body: tag.as_bytes().to_vec(),
            headers: Vec::new(),
        },
    };
    Message::new(instance, vec![hook])
}

/// The tag of a delivery.
pub fn tag(delivery: &Delivery) -> String {
    let message = delivery.message.as_ref().expect("a readable message");
    match &message.hooks[0].payload {
        Payload::Unreadable { body, .. } => String::from_utf8(body.clone()).expect("a tag"),
        Payload::Events(_) => panic!("a message without a tag"),
    }
}

pub fn tags(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(tag).collect()
}

/// Publishes these tags one after the other.
pub async fn publish(queue: &impl Queue, instance: &str, lane: QueueName, tags: &[&str]) {
    for tag in tags {
        queue
            .publish(lane, tagged(instance, tag))
            .await
            .expect("a confirm");
    }
}

/// Receives until there are so many, asking again as a worker does.
pub async fn receive(queue: &impl Queue, lane: QueueName, count: usize) -> Vec<Delivery> {
    let gather = async {
        let mut deliveries = Vec::new();
        while deliveries.len() < count {
            match queue.receive(lane, count - deliveries.len()).await {
                Ok(more) => deliveries.extend(more),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        deliveries
    };
    tokio::time::timeout(PATIENCE, gather)
        .await
        .expect("as many deliveries as were published")
}

pub async fn ack(deliveries: Vec<Delivery>) {
    for delivery in deliveries {
        assert!(delivery.acker.ack().await, "the ack was taken");
    }
}

/// Everything up to a last message that is published now: how often each tag came. All is acked.
pub async fn drain(queue: &impl Queue, instance: &str, lane: QueueName) -> BTreeMap<String, usize> {
    publish(queue, instance, lane, &["the last"]).await;
    let mut seen = BTreeMap::new();
    loop {
        for delivery in receive(queue, lane, 1).await {
            let tag = tag(&delivery);
            assert!(delivery.acker.ack().await, "the ack was taken");
            if tag == "the last" {
                return seen;
            }
            *seen.entry(tag).or_default() += 1;
        }
    }
}

/// Makes a test of every promise for one kind of queue.
macro_rules! keeps_the_promises {
    ($harness:expr) => {
        $crate::queue_conformance::keeps_the_promises!(@ $harness;
            messages_come_in_the_order_in_which_they_were_published,
            a_waiting_receiver_gets_what_is_published_later,
            what_is_acked_is_forgotten,
            what_is_not_settled_comes_again_marked_as_such,
            what_is_given_back_comes_again,
            what_is_dropped_comes_again,
            each_message_goes_to_one_of_many_receivers,
            lanes_are_apart,
            a_receiver_that_gives_up_takes_nothing_with_it,
            a_publisher_that_goes_away_has_published,
            a_newer_versions_message_arrives_as_bytes,
            another_instances_message_is_not_published,
            depth_counts_what_is_ready,
            a_closed_queue_says_so
        );
    };
    (@ $harness:expr; $($promise:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let harness = $harness;
                $crate::queue_conformance::$promise(&harness).await;
                $crate::queue_conformance::Harness::end(harness).await;
            }
        )+
    };
}
pub(crate) use keeps_the_promises;

pub async fn messages_come_in_the_order_in_which_they_were_published(harness: &impl Harness) {
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

pub async fn a_waiting_receiver_gets_what_is_published_later(harness: &impl Harness) {
    let queue = Arc::new(harness.open().await);
    let waiting = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { tags(&receive(&*queue, QueueName::Events, 1).await) }
    });
    publish(&*queue, harness.instance(), QueueName::Events, &["late"]).await;
    assert_eq!(waiting.await.expect("a receiver"), ["late"]);
    queue.close().await;
}

pub async fn what_is_acked_is_forgotten(harness: &impl Harness) {
    let queue = harness.open().await;
    publish(
        &queue,
        harness.instance(),
        QueueName::Events,
        &["kept", "acked", "acked too"],
    )
    .await;
    let mut deliveries = receive(&queue, QueueName::Events, 3).await;
    let kept = deliveries.remove(0);
    ack(deliveries).await;
    queue.close().await;
    drop(kept);

    let queue = harness.open().await;
    let seen = drain(&queue, harness.instance(), QueueName::Events).await;
    assert_eq!(seen, BTreeMap::from([("kept".to_owned(), 1)]));
    queue.close().await;
}

pub async fn what_is_not_settled_comes_again_marked_as_such(harness: &impl Harness) {
    let queue = harness.open().await;
    publish(&queue, harness.instance(), QueueName::Events, &["1", "2"]).await;
    let unsettled = receive(&queue, QueueName::Events, 2).await;
    queue.close().await;
    for delivery in unsettled {
        assert!(!delivery.acker.ack().await, "a closed queue took an ack");
    }

    let queue = harness.open().await;
    let again = receive(&queue, QueueName::Events, 2).await;
    assert_eq!(tags(&again), ["1", "2"]);
    assert!(again.iter().all(|delivery| delivery.redelivered));
    ack(again).await;
    queue.close().await;
}

pub async fn what_is_given_back_comes_again(harness: &impl Harness) {
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

pub async fn what_is_dropped_comes_again(harness: &impl Harness) {
    let queue = harness.open().await;
    publish(&queue, harness.instance(), QueueName::Events, &["1"]).await;
    drop(receive(&queue, QueueName::Events, 1).await);
    let again = receive(&queue, QueueName::Events, 1).await;
    assert_eq!(tags(&again), ["1"]);
    ack(again).await;
    queue.close().await;
}

pub async fn each_message_goes_to_one_of_many_receivers(harness: &impl Harness) {
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
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let mut receivers = Vec::new();
    for _ in 0..3 {
        let (queue, sender) = (Arc::clone(&queue), sender.clone());
        receivers.push(tokio::spawn(async move {
            while let Ok(deliveries) = queue.receive(QueueName::Events, 32).await {
                for delivery in deliveries {
                    let tag = tag(&delivery);
                    assert!(delivery.acker.ack().await, "the ack was taken");
                    sender.send(tag).expect("the test is there");
                }
            }
        }));
    }
    let mut tags = Vec::new();
    for _ in 0..PUBLISHERS * EACH {
        tags.push(
            tokio::time::timeout(PATIENCE, seen.recv())
                .await
                .expect("all of them")
                .expect("a tag"),
        );
    }
    let distinct: BTreeSet<&String> = tags.iter().collect();
    assert_eq!(
        distinct.len(),
        PUBLISHERS * EACH,
        "one came twice, so another is missing"
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

pub async fn lanes_are_apart(harness: &impl Harness) {
    let queue = harness.open().await;
    publish(&queue, harness.instance(), QueueName::Dead, &["dead"]).await;
    publish(&queue, harness.instance(), QueueName::Events, &["event"]).await;
    let events = receive(&queue, QueueName::Events, 1).await;
    let dead = receive(&queue, QueueName::Dead, 1).await;
    assert_eq!(
        (tags(&events), tags(&dead)),
        (vec!["event".to_owned()], vec!["dead".to_owned()])
    );
    assert!(!dead[0].poison, "put there by us, not by the queue");
    ack(events).await;
    ack(dead).await;
    queue.close().await;
}

pub async fn a_receiver_that_gives_up_takes_nothing_with_it(harness: &impl Harness) {
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

pub async fn a_publisher_that_goes_away_has_published(harness: &impl Harness) {
    let queue = harness.open().await;
    let gone = queue
        .publish(QueueName::Events, tagged(harness.instance(), "orphan"))
        .now_or_never();
    assert!(gone.is_none_or(|outcome| outcome.is_ok()));
    let deliveries = receive(&queue, QueueName::Events, 1).await;
    assert_eq!(tags(&deliveries), ["orphan"]);
    ack(deliveries).await;
    queue.close().await;
}

pub async fn a_newer_versions_message_arrives_as_bytes(harness: &impl Harness) {
    let queue = harness.open().await;
    let newer = Message {
        version: 99,
        ..tagged(harness.instance(), "from the future")
    };
    let bytes = newer.encode().expect("JSON");
    queue
        .publish(QueueName::Events, newer)
        .await
        .expect("a confirm");
    let delivery = receive(&queue, QueueName::Events, 1).await.remove(0);
    let unreadable = delivery.message.as_ref().expect_err("not readable here");
    assert_eq!(
        (unreadable.version, unreadable.instance.as_deref()),
        (Some(99), Some(harness.instance()))
    );
    assert_eq!(unreadable.bytes, bytes);
    assert!(delivery.acker.ack().await);
    queue.close().await;
}

pub async fn another_instances_message_is_not_published(harness: &impl Harness) {
    let queue = harness.open().await;
    let outcome = queue
        .publish(QueueName::Events, tagged("another", "astray"))
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

pub async fn depth_counts_what_is_ready(harness: &impl Harness) {
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

pub async fn a_closed_queue_says_so(harness: &impl Harness) {
    let queue = harness.open().await;
    queue.close().await;
    let outcome = queue
        .publish(QueueName::Events, tagged(harness.instance(), "late"))
        .await;
    assert!(
        matches!(outcome, Err(PublishError::Unreachable(_))),
        "{outcome:?}"
    );
    let received = tokio::time::timeout(PATIENCE, queue.receive(QueueName::Events, 1))
        .await
        .expect("an answer");
    assert!(received.is_err(), "a closed queue delivers nothing");
    assert_ne!(queue.health(), QueueHealth::Ready);
}
