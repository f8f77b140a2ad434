//! Failures of RabbitMQ: a broker that starts late, is killed, suspended, short of memory or full.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use hirewire::queue::{PublishError, Queue as _, QueueHealth, QueueName, RabbitQueue};

use crate::{
    broker::Broker,
    queue_conformance::{self, Harness as _, TIMEOUT, ack, drain, receive, tagged, tags},
    rabbitmq_conformance::{Rabbit, wait_for_problem, wait_until_not_ready, wait_until_ready},
};

/// Publishes until `stop` is set; returns the tags of the confirmed messages.
async fn publish_until_stopped(
    queue: Arc<RabbitQueue>,
    instance: String,
    name: String,
    stop: Arc<AtomicBool>,
) -> Vec<String> {
    let mut confirmed = Vec::new();

    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let tag = format!("{name}/{number}");
        match queue
            .publish(QueueName::Events, tagged(&instance, &tag))
            .await
        {
            Ok(()) => confirmed.push(tag),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }

    confirmed
}

/// Kills the broker while 16 publishers publish; adds the tags that were confirmed and those that
/// were acked.
async fn kill_under_load(
    broker: &mut Broker,
    (queue, instance): (&Arc<RabbitQueue>, &str),
    round: usize,
    (confirmed, acked): (&mut BTreeSet<String>, &mut BTreeSet<String>),
) {
    let stop = Arc::new(AtomicBool::new(false));
    let publishers: Vec<_> = (0..16)
        .map(|publisher| {
            tokio::spawn(publish_until_stopped(
                Arc::clone(queue),
                instance.to_owned(),
                format!("{round}/{publisher}"),
                Arc::clone(&stop),
            ))
        })
        .collect();

    // The publishers still publish after these messages, so the broker is killed during publishes.
    for _ in 0..10 {
        let deliveries = receive(&**queue, QueueName::Events, 30).await;
        acked.extend(tags(&deliveries));
        ack(deliveries).await;
    }
    broker.kill();
    wait_until_not_ready(queue).await;

    stop.store(true, Ordering::Relaxed);
    for publisher in publishers {
        confirmed.extend(publisher.await.expect("a publisher"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_starts_late_and_is_killed_loses_no_confirmed_message() {
    let mut broker = Broker::prepare();
    let rabbit = Rabbit::on(&broker.url());
    let queue = Arc::new(RabbitQueue::start(rabbit.settings.clone()));
    wait_for_problem(&queue, "onnect").await;
    let early = queue
        .publish(QueueName::Events, tagged(rabbit.instance(), "early"))
        .await;
    assert!(
        matches!(early, Err(PublishError::Unreachable(_))),
        "{early:?}"
    );
    assert!(queue.receive(QueueName::Events, 1).await.is_err());

    broker.restart();
    wait_until_ready(&queue).await;
    let (mut confirmed, mut acked) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..2 {
        let tags = (&mut confirmed, &mut acked);
        kill_under_load(&mut broker, (&queue, rabbit.instance()), round, tags).await;
        broker.restart();
        wait_until_ready(&queue).await;
    }

    let found = drain(&*queue, rabbit.instance(), QueueName::Events).await;
    let count = confirmed.len();
    assert!(count > 100, "only {count} were confirmed");
    let missing: Vec<_> = confirmed
        .difference(&acked)
        .filter(|tag| !found.contains_key(*tag))
        .collect();
    assert!(missing.is_empty(), "lost after a confirm: {missing:?}");
    queue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_to_a_suspended_broker_fails_at_its_deadline() {
    let broker = Broker::start();
    let mut rabbit = Rabbit::on(&broker.url());
    rabbit.settings.outstanding = 1;
    rabbit.settings.confirm_deadline = Duration::from_secs(1);
    let queue = rabbit.open().await;
    queue_conformance::publish(&queue, rabbit.instance(), QueueName::Events, &["before"]).await;

    broker.suspend();
    let (first, second) = tokio::join!(
        queue.publish(QueueName::Events, tagged(rabbit.instance(), "first")),
        queue.publish(QueueName::Events, tagged(rabbit.instance(), "second")),
    );
    assert!(matches!(first, Err(PublishError::Unconfirmed)), "{first:?}");
    assert!(
        matches!(second, Err(PublishError::Overloaded)),
        "{second:?}"
    );
    wait_until_not_ready(&queue).await;

    broker.resume();
    wait_until_ready(&queue).await;
    let found = drain(&queue, rabbit.instance(), QueueName::Events).await;
    assert!(
        found.contains_key("before") && !found.contains_key("second"),
        "{found:?}"
    );
    queue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_short_of_memory_is_not_ready_but_accepts_acks() {
    let broker = Broker::start();
    let mut rabbit = Rabbit::on(&broker.url());
    rabbit.settings.confirm_deadline = Duration::from_secs(2);
    let queue = rabbit.open().await;
    queue_conformance::publish(&queue, rabbit.instance(), QueueName::Events, &["1", "2"]).await;
    let deliveries = receive(&queue, QueueName::Events, 2).await;

    // The broker reports that it blocks only after a publish.
    broker.ctl(&["set_vm_memory_high_watermark", "absolute", "1"]);
    let third = queue
        .publish(QueueName::Events, tagged(rabbit.instance(), "3"))
        .await;
    assert!(matches!(third, Err(PublishError::Unconfirmed)), "{third:?}");
    let health = queue.health();
    assert!(
        matches!(&health, QueueHealth::NotReady(reason) if reason.contains("blocked")),
        "{health:?}"
    );
    let fourth = queue
        .publish(QueueName::Events, tagged(rabbit.instance(), "4"))
        .await;
    assert!(
        matches!(fourth, Err(PublishError::Unreachable(_))),
        "{fourth:?}"
    );
    ack(deliveries).await;

    broker.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    wait_until_ready(&queue).await;
    let found = drain(&queue, rabbit.instance(), QueueName::Events).await;
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        ["3"],
        "3 was published late; 1 and 2 were acked"
    );
    queue.close().await;
}

/// Publishes alternately to the full dead lane and to the events lane. Returns the number of wrong
/// confirms of the full lane, and the number of confirms of the events lane.
async fn publish_alternately(queue: Arc<RabbitQueue>, instance: String, first: u32) -> (u32, u32) {
    let (mut wrong, mut confirmed) = (0, 0);

    for number in 0..100 {
        let lane = if (first + number).is_multiple_of(2) {
            QueueName::Dead
        } else {
            QueueName::Events
        };
        match (lane, queue.publish(lane, tagged(&instance, "a tag")).await) {
            (QueueName::Dead, Ok(())) => wrong += 1,
            (QueueName::Events, Ok(())) => confirmed += 1,
            (QueueName::Dead, Err(PublishError::Refused(_))) => {}
            (lane, Err(error)) => panic!("{lane:?}: {error}"),
        }
    }

    (wrong, confirmed)
}

/// A race in `lapin`: without the lock around the first poll of a publish, two publishers can get
/// each other's confirm.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_publisher_gets_its_own_confirm() {
    let broker = Broker::start();
    let rabbit = Rabbit::on(&broker.url());
    let queue = Arc::new(rabbit.open().await);
    let policy = r#"{"max-length":1,"overflow":"reject-publish"}"#;
    broker.ctl(&[
        "set_policy",
        "full",
        r".*\.dead",
        policy,
        "--apply-to",
        "queues",
    ]);
    let fill = async {
        while queue
            .publish(QueueName::Dead, tagged(rabbit.instance(), "filling"))
            .await
            .is_ok()
        {}
    };
    tokio::time::timeout(TIMEOUT, fill)
        .await
        .expect("the dead lane becomes full");

    let publishers = (0..64).map(|publisher| {
        let instance = rabbit.instance().to_owned();
        tokio::spawn(publish_alternately(Arc::clone(&queue), instance, publisher))
    });
    let (mut wrong, mut confirmed) = (0, 0);
    for publisher in join_all(publishers).await {
        let counts = publisher.expect("a publisher");
        wrong += counts.0;
        confirmed += counts.1;
    }

    assert_eq!((wrong, confirmed), (0, 3200));
    queue.close().await;
}
