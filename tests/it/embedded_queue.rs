//! The embedded queue: its conformance, its file, and the death of its process.

use hirewire::queue::{EmbeddedQueue, PublishError, Queue as _, QueueName, QueueOpenError};
use tempfile::TempDir;

use crate::queue_conformance::{
    self, Harness, TIMEOUT, ack,
    children::{child, lines_until_killed, with_prefix},
    drain, receive, tag, tagged, tags,
};

/// How many processes may end with a delivery unacked, as in the queue itself.
const DELIVERY_LIMIT: usize = 20;

/// The environment variable that names the queue's file to a child process.
const QUEUE_FILE: &str = "HIREWIRE_TEST_QUEUE_FILE";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join("queue.db")
    }
}

impl Harness for Folder {
    type Queue = EmbeddedQueue;

    fn instance(&self) -> &'static str {
        "test"
    }

    async fn open(&self) -> EmbeddedQueue {
        EmbeddedQueue::open(self.file(), "test")
            .await
            .expect("a queue")
    }

    async fn end(self) {
        self.0.close().expect("the folder can be removed");
    }
}

queue_conformance::conformance_tests!(Folder::new());

#[tokio::test]
async fn the_file_of_another_instance_is_not_opened() {
    let folder = Folder::new();
    folder.open().await.close().await;
    let refused = EmbeddedQueue::open(folder.file(), "staging")
        .await
        .err()
        .expect("a refusal");
    assert!(
        matches!(&refused, QueueOpenError::Foreign { found, .. } if found == "test"),
        "{refused}"
    );
    folder.open().await.close().await;
}

#[tokio::test]
async fn a_file_in_use_is_not_opened_twice() {
    let folder = Folder::new();
    let queue = folder.open().await;
    let refused = EmbeddedQueue::open(folder.file(), "test")
        .await
        .err()
        .expect("a refusal");
    assert!(matches!(refused, QueueOpenError::InUse { .. }), "{refused}");
    queue.close().await;
    folder.open().await.close().await;
}

#[tokio::test]
async fn a_dropped_queue_releases_its_file() {
    let folder = Folder::new();
    drop(folder.open().await);
    let reopened = async {
        while EmbeddedQueue::open(folder.file(), "test").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, reopened)
        .await
        .expect("the file is free again");
}

#[tokio::test]
async fn a_message_over_the_delivery_limit_is_poison_in_the_dead_queue() {
    let folder = Folder::new();
    let queue = folder.open().await;
    queue_conformance::publish(&queue, "test", QueueName::Events, &["poison"]).await;
    queue.close().await;

    for attempt in 0..=DELIVERY_LIMIT {
        let queue = folder.open().await;
        let delivery = receive(&queue, QueueName::Events, 1).await.remove(0);
        assert_eq!(
            (tag(&delivery).as_str(), delivery.redelivered),
            ("poison", attempt > 0)
        );
        queue.close().await;
    }

    let queue = folder.open().await;
    queue_conformance::publish(&queue, "test", QueueName::Events, &["good"]).await;
    let dead = receive(&queue, QueueName::Dead, 1).await;
    assert!(tags(&dead) == ["poison"] && dead[0].poison);
    ack(dead).await;
    assert_eq!(tags(&receive(&queue, QueueName::Events, 1).await), ["good"]);
    queue.close().await;
}

/// On one thread the writer cannot run before every publish has been requested, so the numbers are
/// exact.
#[tokio::test(flavor = "current_thread")]
async fn publishes_over_the_outstanding_limit_are_refused_as_overload() {
    let folder = Folder::new();
    let queue = folder.open().await;
    let publishes = (0..1030)
        .map(|number| queue.publish(QueueName::Events, tagged("test", &number.to_string())));
    let outcomes = futures_util::future::join_all(publishes).await;

    let overloaded = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(PublishError::Overloaded)))
        .count();
    let confirmed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!((confirmed, overloaded), (1024, 6));
    assert_eq!(drain(&queue, "test", QueueName::Events).await.len(), 1024);
    queue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_confirmed_message_survives_a_kill() {
    let folder = Folder::new();
    for round in 1..=3_usize {
        let lines = lines_until_killed(
            child(
                "embedded_queue::child_that_publishes",
                QUEUE_FILE,
                folder.file(),
            ),
            round * 300,
        );
        let confirmed = with_prefix(&lines, "confirmed ");
        assert!(
            confirmed.len() >= round * 200,
            "only {} were confirmed",
            confirmed.len()
        );

        let queue = folder.open().await;
        let found = drain(&queue, "test", QueueName::Events).await;
        let lost: Vec<&String> = confirmed
            .iter()
            .filter(|tag| !found.contains_key(*tag))
            .collect();
        assert!(lost.is_empty(), "lost after a confirm: {lost:?}");
        queue.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_loses_no_message_and_no_ack() {
    let folder = Folder::new();
    let lines = lines_until_killed(
        child(
            "embedded_queue::child_that_publishes_and_acks",
            QUEUE_FILE,
            folder.file(),
        ),
        600,
    );
    let (confirmed, acked) = (
        with_prefix(&lines, "confirmed "),
        with_prefix(&lines, "acked "),
    );
    assert!(!acked.is_empty(), "the child acked nothing");

    let queue = folder.open().await;
    let found = drain(&queue, "test", QueueName::Events).await;
    assert!(
        acked.iter().all(|tag| !found.contains_key(tag)),
        "acked and delivered again"
    );

    let lost: Vec<_> = confirmed
        .iter()
        .filter(|tag| !acked.contains(*tag) && !found.contains_key(*tag))
        .collect();
    // An ack may be on the disk before the child has printed it: at most one batch of receives.
    assert!(lost.len() <= 16, "neither acked nor kept: {lost:?}");
    queue.close().await;
}

#[allow(
    clippy::disallowed_methods,
    reason = "a test names the file to its child"
)]
async fn queue_of_child() -> std::sync::Arc<EmbeddedQueue> {
    let file = std::env::var(QUEUE_FILE).expect("started by another test");
    std::sync::Arc::new(EmbeddedQueue::open(file, "test").await.expect("a queue"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of another test"]
async fn child_that_publishes() {
    let queue = queue_of_child().await;

    let publishers = (0..16).map(|publisher| {
        let queue = std::sync::Arc::clone(&queue);
        tokio::spawn(async move {
            for number in 0.. {
                let tag = format!("{}/{publisher}/{number}", std::process::id());
                queue
                    .publish(QueueName::Events, tagged("test", &tag))
                    .await
                    .expect("a confirm");
                println!("confirmed {tag}");
            }
        })
    });

    futures_util::future::join_all(publishers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of another test"]
async fn child_that_publishes_and_acks() {
    let queue = queue_of_child().await;

    let publishing = {
        let queue = std::sync::Arc::clone(&queue);
        async move {
            for number in 0.. {
                let tag = number.to_string();
                queue
                    .publish(QueueName::Events, tagged("test", &tag))
                    .await
                    .expect("a confirm");
                println!("confirmed {tag}");
            }
        }
    };

    let working = async move {
        loop {
            for delivery in queue
                .receive(QueueName::Events, 16)
                .await
                .expect("deliveries")
            {
                let tag = tag(&delivery);
                assert!(delivery.acker.ack().await);
                println!("acked {tag}");
            }
        }
    };

    tokio::join!(tokio::spawn(publishing), tokio::spawn(working))
        .0
        .expect("never ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it with --ignored --nocapture"]
async fn throughput() {
    let body = "x".repeat(700); // with base64 and the envelope: about 1 KiB
    for publishers in [1, 16, 64, 256] {
        let folder = Folder::new();
        let queue = std::sync::Arc::new(folder.open().await);
        let each = 20_000 / publishers;
        let started = std::time::Instant::now();
        let tasks = (0..publishers).map(|_| {
            let (queue, message) = (std::sync::Arc::clone(&queue), tagged("test", &body));
            tokio::spawn(async move {
                for _ in 0..each {
                    queue
                        .publish(QueueName::Events, message.clone())
                        .await
                        .expect("a confirm");
                }
            })
        });
        futures_util::future::join_all(tasks).await;
        let published = started.elapsed();

        let started = std::time::Instant::now();
        let mut received = 0;
        while received < each * publishers {
            let deliveries = queue
                .receive(QueueName::Events, 64)
                .await
                .expect("deliveries");
            received += deliveries.len();
            futures_util::future::join_all(
                deliveries.into_iter().map(|delivery| delivery.acker.ack()),
            )
            .await;
        }

        let rate = |elapsed: std::time::Duration| {
            f64::from(u32::try_from(received).expect("few")) / elapsed.as_secs_f64()
        };
        println!(
            "{publishers} publishers: {:.0}/s in, {:.0}/s out",
            rate(published),
            rate(started.elapsed())
        );
        queue.close().await;
    }
}
