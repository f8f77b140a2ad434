//! The conformance tests of a queue, written once and run against each kind of queue.
//!
//! A [`Harness`] opens a queue, and opens it again over the messages that it kept. The macro
//! [`conformance_tests!`] makes a test of each function in `delivery` and `publishing`. Each
//! message carries a tag, and the tests count the tags.

pub mod children;
pub mod delivery;
pub mod publishing;
pub mod strings;

use std::{collections::BTreeMap, time::Duration};

use hirewire::queue::{Delivery, Hook, Message, Payload, Queue, QueueName};
use hirewire_core::event::{ContentDigest, HookId, SourceId};

/// How long a wait may last. After that the test fails instead of hanging.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Opens the queues of one test.
pub trait Harness {
    type Queue: Queue + 'static;

    fn instance(&self) -> &str;

    /// Opens the queue over the messages that an earlier one kept, and waits until it is ready.
    async fn open(&self) -> Self::Queue;

    /// Removes the queue and its messages.
    async fn end(self);
}

/// A message with one hook, whose body is the tag.
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

/// Publishes messages with these tags, one after the other.
pub async fn publish(queue: &impl Queue, instance: &str, name: QueueName, tags: &[&str]) {
    for tag in tags {
        queue
            .publish(name, tagged(instance, tag))
            .await
            .expect("a confirm");
    }
}

/// Receives until there are `count` deliveries. After an error it tries again, as a worker does.
pub async fn receive(queue: &impl Queue, name: QueueName, count: usize) -> Vec<Delivery> {
    let receiving = async {
        let mut deliveries = Vec::new();
        while deliveries.len() < count {
            match queue.receive(name, count - deliveries.len()).await {
                Ok(more) => deliveries.extend(more),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        deliveries
    };

    tokio::time::timeout(TIMEOUT, receiving)
        .await
        .expect("as many deliveries as were published")
}

pub async fn ack(deliveries: Vec<Delivery>) {
    for delivery in deliveries {
        assert!(delivery.acker.ack().await, "the ack was accepted");
    }
}

/// Receives and acks every message of the queue; how often each tag was delivered. A last message
/// marks the end.
pub async fn drain(queue: &impl Queue, instance: &str, name: QueueName) -> BTreeMap<String, usize> {
    publish(queue, instance, name, &["last"]).await;

    let mut found = BTreeMap::new();
    loop {
        for delivery in receive(queue, name, 1).await {
            let tag = tag(&delivery);
            assert!(delivery.acker.ack().await, "the ack was accepted");
            if tag == "last" {
                return found;
            }
            *found.entry(tag).or_default() += 1;
        }
    }
}

/// Makes a test of every conformance function for one kind of queue.
macro_rules! conformance_tests {
    ($harness:expr) => {
        $crate::queue_conformance::conformance_tests!(@ $harness;
            delivery::messages_are_delivered_in_the_order_of_their_publishing,
            delivery::a_waiting_receiver_gets_a_message_that_is_published_later,
            delivery::an_acked_message_is_not_delivered_again,
            delivery::an_unacked_message_is_redelivered_after_a_reopen,
            delivery::a_requeued_message_is_redelivered,
            delivery::a_dropped_delivery_is_redelivered,
            delivery::each_message_goes_to_one_of_several_receivers,
            delivery::a_cancelled_receive_loses_no_message,
            publishing::the_queues_are_independent,
            publishing::a_cancelled_publish_is_still_published,
            publishing::a_message_of_a_newer_version_arrives_as_bytes,
            publishing::a_message_of_another_instance_is_refused,
            publishing::the_depth_counts_the_messages_that_are_ready,
            publishing::a_closed_queue_reports_errors,
            strings::every_string_that_intake_accepts_is_delivered
        );
    };
    (@ $harness:expr; $($topic:ident::$test:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let harness = $harness;
                $crate::queue_conformance::$topic::$test(&harness).await;
                $crate::queue_conformance::Harness::end(harness).await;
            }
        )+
    };
}
pub(crate) use conformance_tests;
