//! Many publishers on RabbitMQ: in a process that is killed, and as a measurement of the
//! throughput.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use hirewire::queue::{Message, Queue as _, QueueName, RabbitQueue};

use crate::{
    queue_conformance::{
        Harness as _,
        children::{child, lines_until_killed, with_prefix},
        drain, tagged,
    },
    rabbitmq_conformance::Rabbit,
};

/// The environment variable with the instance of the child's queue.
const INSTANCE: &str = "HIREWIRE_TEST_INSTANCE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_confirmed_message_of_a_killed_publisher_is_delivered() {
    let rabbit = Rabbit::shared();
    let publisher = child(
        "rabbitmq_publishers::child_that_publishes",
        INSTANCE,
        rabbit.instance(),
    );
    let output = lines_until_killed(publisher, 1000);
    let confirmed = with_prefix(&output, "confirmed ");
    let count = confirmed.len();
    assert!(count > 900, "only {count} were confirmed");

    let queue = rabbit.open().await;
    let found = drain(&queue, rabbit.instance(), QueueName::Events).await;
    let missing: Vec<&String> = confirmed
        .iter()
        .filter(|tag| !found.contains_key(*tag))
        .collect();
    assert!(missing.is_empty(), "lost after a confirm: {missing:?}");

    queue.close().await;
    rabbit.end().await;
}

#[allow(
    clippy::disallowed_methods,
    reason = "the parent passes the instance in the environment"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of another test"]
async fn child_that_publishes() {
    let mut rabbit = Rabbit::shared();
    rabbit.settings.instance = std::env::var(INSTANCE).expect("started by another test");
    let queue = Arc::new(rabbit.open().await);

    let publishers = (0..16).map(|publisher| {
        let (queue, instance) = (Arc::clone(&queue), rabbit.settings.instance.clone());
        tokio::spawn(async move {
            for number in 0.. {
                let tag = format!("{publisher}/{number}");
                queue
                    .publish(QueueName::Events, tagged(&instance, &tag))
                    .await
                    .expect("a confirm");
                println!("confirmed {tag}");
            }
        })
    });
    join_all(publishers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it with --ignored --nocapture"]
async fn throughput() {
    let body = "x".repeat(700); // with base64 and the envelope: about 1 KiB
    let rabbit = Rabbit::shared();
    let queue = Arc::new(rabbit.open().await);
    let message = tagged(rabbit.instance(), &body);

    for publishers in [1_u32, 16, 64, 256] {
        let messages_each = if publishers == 1 {
            1000
        } else {
            20_000 / publishers
        };
        let total = messages_each * publishers;
        let published = measure_publishes(&queue, &message, publishers, messages_each).await;
        let received = measure_receives(&queue, total).await;

        let rate = |elapsed: Duration| f64::from(total) / elapsed.as_secs_f64();
        println!(
            "{publishers} publishers: {:.0}/s in, {:.0}/s out",
            rate(published),
            rate(received)
        );
    }

    queue.close().await;
    rabbit.end().await;
}

async fn measure_publishes(
    queue: &Arc<RabbitQueue>,
    message: &Message,
    publishers: u32,
    messages_each: u32,
) -> Duration {
    let start = Instant::now();

    let tasks = (0..publishers).map(|_| {
        let (queue, message) = (Arc::clone(queue), message.clone());
        tokio::spawn(async move {
            for _ in 0..messages_each {
                queue
                    .publish(QueueName::Events, message.clone())
                    .await
                    .expect("a confirm");
            }
        })
    });
    join_all(tasks).await;

    start.elapsed()
}

async fn measure_receives(queue: &RabbitQueue, total: u32) -> Duration {
    let start = Instant::now();

    let mut received = 0;
    while received < total {
        let deliveries = queue
            .receive(QueueName::Events, 64)
            .await
            .expect("deliveries");
        received += u32::try_from(deliveries.len()).expect("at most 64");
        join_all(deliveries.into_iter().map(|delivery| delivery.acker.ack())).await;
    }

    start.elapsed()
}
