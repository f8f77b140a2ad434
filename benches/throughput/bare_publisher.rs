//! The bare loop beside the intake: 64 persistent messages of 1 KiB outstanding into one quorum
//! queue.
//!
//! Each publish waits for its confirm. The loop receives, reads and verifies nothing.

use std::{
    future::{Future as _, poll_fn},
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::{Duration, Instant},
};

use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::task::JoinSet;

use crate::{figures::Figures, harness, hooks::BODY_BYTES};

/// The number of publishes that wait for their confirm.
pub const OUTSTANDING: usize = 64;

/// Publishes for `duration` into a new queue, and deletes the queue.
pub async fn publish(amqp: &str, queue: &str, duration: Duration) -> Figures {
    let (_connection, channel) = harness::channel(amqp).await;
    declare_quorum_queue(&channel, queue).await;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .expect("confirms");

    let publish_lock = Arc::new(Mutex::new(()));
    let start = Instant::now();
    let mut publishers = JoinSet::new();
    for _ in 0..OUTSTANDING {
        let (channel, publish_lock) = (channel.clone(), Arc::clone(&publish_lock));
        let queue = queue.to_owned();
        publishers.spawn(async move {
            let mut durations = Vec::new();
            while start.elapsed() < duration {
                let begin = Instant::now();
                publish_one(&channel, &publish_lock, &queue).await;
                durations.push(begin.elapsed());
            }
            durations
        });
    }
    let mut durations = Vec::new();
    while let Some(publisher) = publishers.join_next().await {
        durations.extend(publisher.expect("a publisher ends"));
    }
    let figures = Figures::of(durations, start.elapsed());

    channel
        .queue_delete(queue.into(), QueueDeleteOptions::default())
        .await
        .expect("the queue is deleted");
    figures
}

async fn declare_quorum_queue(channel: &Channel, queue: &str) {
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );

    channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments)
        .await
        .expect("a queue");
}

async fn publish_one(channel: &Channel, publish_lock: &Mutex<()>, queue: &str) {
    let body = [b'x'; BODY_BYTES];
    let properties = BasicProperties::default().with_delivery_mode(2);
    let publish = channel.basic_publish(
        "".into(),
        queue.into(),
        BasicPublishOptions::default(),
        &body,
        properties,
    );
    tokio::pin!(publish);

    // Like Hirewire: without the lock around the first poll, two publishers could get each other's
    // confirm.
    let first_poll = poll_fn(|context| {
        let _locked = publish_lock.lock().unwrap_or_else(PoisonError::into_inner);
        Poll::Ready(publish.as_mut().poll(context))
    });
    let written = match first_poll.await {
        Poll::Ready(written) => written,
        Poll::Pending => publish.await,
    };

    let confirm = written.expect("written").await.expect("a confirm");
    assert!(
        matches!(confirm, Confirmation::Ack(None)),
        "the broker rejected the message"
    );
}
