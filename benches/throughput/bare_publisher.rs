//! The bare loop that the intake is held against: 64 persistent messages outstanding into one quorum queue, each a
//! kibibyte and a hook, each awaited until its confirm. Nothing is received, read or verified.

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

use crate::{figures::Figures, harness, hooks::BYTES};

/// How many wait for their confirm.
pub const OUTSTANDING: usize = 64;

/// Publishes for so long into a queue of that name, which is removed afterwards.
pub async fn publish(amqp: &str, queue: &str, most: Duration) -> Figures {
    let (_connection, channel) = harness::channel(amqp).await;
    let mut quorum = FieldTable::default();
    quorum.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );
    channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), quorum)
        .await
        .expect("a queue");
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .expect("confirms");
    let (alone, began, mut tasks) = (
        Arc::new(Mutex::new(())),
        Instant::now(),
        tokio::task::JoinSet::new(),
    );
    for _ in 0..OUTSTANDING {
        let (channel, alone, queue) = (channel.clone(), Arc::clone(&alone), queue.to_owned());
        tasks.spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < most {
                let one = Instant::now();
                once(&channel, &alone, &queue).await;
                took.push(one.elapsed());
            }
            took
        });
    }
    let mut took = Vec::new();
    while let Some(task) = tasks.join_next().await {
        took.extend(task.expect("a publisher ends"));
    }
    let figures = Figures::of(took, began.elapsed());
    channel
        .queue_delete(queue.into(), QueueDeleteOptions::default())
        .await
        .expect("it is removed");
    figures
}

async fn once(channel: &Channel, alone: &Mutex<()>, queue: &str) {
    let body = [b'x'; BYTES];
    let properties = BasicProperties::default().with_delivery_mode(2);
    let publish = channel.basic_publish(
        "".into(),
        queue.into(),
        BasicPublishOptions::default(),
        &body,
        properties,
    );
    tokio::pin!(publish);
    // As the product does: without the lock around the first poll two confirms could be swapped.
    let first = poll_fn(|context| {
        let _alone = alone.lock().unwrap_or_else(PoisonError::into_inner);
        Poll::Ready(publish.as_mut().poll(context))
    });
    let written = match first.await {
        Poll::Ready(written) => written,
        Poll::Pending => publish.await,
    };
    let confirmed = written.expect("written").await.expect("a confirm");
    assert!(
        matches!(confirmed, Confirmation::Ack(None)),
        "the broker did not take it"
    );
}
