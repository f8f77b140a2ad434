//! `RabbitMQ` in trouble: killed, frozen, short of memory, full; and messages that are not ours.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use hirewire::queue::{
    Declare, Message, PublishError, Queue as _, QueueHealth, QueueName, RabbitQueue,
};
use lapin::{
    BasicProperties,
    options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};

use crate::{
    broker::Broker,
    queue_conformance::{
        self, Harness as _, TIMEOUT, ack,
        children::{child, lines_until_killed, with_prefix},
        drain, receive, tag, tagged, tags,
    },
    queue_promises::{Rabbit, until, until_ready},
};

/// Publishes until told to stop; gives the tags that were confirmed.
async fn publish_on(
    queue: Arc<RabbitQueue>,
    instance: String,
    name: String,
    stop: Arc<Mutex<bool>>,
) -> Vec<String> {
    let mut confirmed = Vec::new();
    for number in 0.. {
        if *stop.lock().expect("a flag") {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_comes_late_and_is_killed_loses_nothing_that_it_confirmed() {
    let mut broker = Broker::prepare();
    let rabbit = Rabbit::on(&broker.url());
    let queue = Arc::new(RabbitQueue::start(rabbit.settings.clone()));
    until(
        &queue,
        |health| matches!(health, QueueHealth::NotReady(why) if why.contains("onnect")),
    )
    .await;
    let outcome = queue
        .publish(QueueName::Events, tagged(rabbit.instance(), "early"))
        .await;
    assert!(
        matches!(outcome, Err(PublishError::Unreachable(_))),
        "{outcome:?}"
    );
    assert!(queue.receive(QueueName::Events, 1).await.is_err());

    broker.restart();
    until_ready(&queue).await;
    let (mut confirmed, mut acked) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..2 {
        let stop = Arc::new(Mutex::new(false));
        let publishers: Vec<_> = (0..16)
            .map(|publisher| {
                let (queue, stop) = (Arc::clone(&queue), Arc::clone(&stop));
                let name = format!("{round}/{publisher}");
                tokio::spawn(publish_on(queue, rabbit.instance().to_owned(), name, stop))
            })
            .collect();
        // Killed with publishes under way: once some messages have come through.
        for _ in 0..10 {
            let deliveries = receive(&*queue, QueueName::Events, 30).await;
            acked.extend(tags(&deliveries));
            ack(deliveries).await;
        }
        broker.kill();
        until(&queue, |health| *health != QueueHealth::Ready).await;
        *stop.lock().expect("a flag") = true;
        for publisher in publishers {
            confirmed.extend(publisher.await.expect("a publisher"));
        }
        broker.restart();
        until_ready(&queue).await;
    }
    let found = drain(&*queue, rabbit.instance(), QueueName::Events).await;
    assert!(
        confirmed.len() > 100,
        "only {} were confirmed",
        confirmed.len()
    );
    let missing: Vec<_> = confirmed
        .difference(&acked)
        .filter(|tag| !found.contains_key(*tag))
        .collect();
    assert!(missing.is_empty(), "lost after a confirm: {missing:?}");
    queue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_broker_is_not_waited_for() {
    let broker = Broker::start();
    let mut rabbit = Rabbit::on(&broker.url());
    rabbit.settings.outstanding = 1;
    rabbit.settings.confirm_deadline = Duration::from_secs(1);
    let queue = rabbit.open().await;
    queue_conformance::publish(&queue, rabbit.instance(), QueueName::Events, &["before"]).await;
    broker.freeze();
    let (first, second) = tokio::join!(
        queue.publish(QueueName::Events, tagged(rabbit.instance(), "first")),
        queue.publish(QueueName::Events, tagged(rabbit.instance(), "second")),
    );
    assert!(matches!(first, Err(PublishError::Unconfirmed)), "{first:?}");
    assert!(
        matches!(second, Err(PublishError::Overloaded)),
        "{second:?}"
    );
    until(&queue, |health| *health != QueueHealth::Ready).await;
    broker.thaw();
    until_ready(&queue).await;
    let found = drain(&queue, rabbit.instance(), QueueName::Events).await;
    assert!(
        found.contains_key("before") && !found.contains_key("second"),
        "{found:?}"
    );
    queue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_short_of_memory_is_not_ready_and_still_takes_acks() {
    let broker = Broker::start();
    let mut rabbit = Rabbit::on(&broker.url());
    rabbit.settings.confirm_deadline = Duration::from_secs(2);
    let queue = rabbit.open().await;
    queue_conformance::publish(&queue, rabbit.instance(), QueueName::Events, &["1", "2"]).await;
    let deliveries = receive(&queue, QueueName::Events, 2).await;

    broker.ctl(&["set_vm_memory_high_watermark", "absolute", "1"]);
    // The broker says so only when something is published.
    let outcome = queue
        .publish(QueueName::Events, tagged(rabbit.instance(), "3"))
        .await;
    assert!(
        matches!(outcome, Err(PublishError::Unconfirmed)),
        "{outcome:?}"
    );
    assert!(matches!(queue.health(), QueueHealth::NotReady(why) if why.contains("blocked")));
    let outcome = queue
        .publish(QueueName::Events, tagged(rabbit.instance(), "4"))
        .await;
    assert!(
        matches!(outcome, Err(PublishError::Unreachable(_))),
        "{outcome:?}"
    );
    ack(deliveries).await;

    broker.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    until_ready(&queue).await;
    let found = drain(&queue, rabbit.instance(), QueueName::Events).await;
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        ["3"],
        "published late, and neither 1 nor 2 again"
    );
    queue.close().await;
}

/// The race in the client that the lock around the first poll is there for: without it some of the refused are told
/// that they were confirmed.
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
    let full = async {
        while queue
            .publish(QueueName::Dead, tagged(rabbit.instance(), "filling"))
            .await
            .is_ok()
        {}
    };
    tokio::time::timeout(TIMEOUT, full)
        .await
        .expect("the dead lane is full at some time");
    let publishers = (0..64).map(|publisher| {
        let (queue, instance) = (Arc::clone(&queue), rabbit.instance().to_owned());
        tokio::spawn(async move {
            let (mut misled, mut confirmed) = (0, 0);
            for number in 0..100 {
                let lane = if (publisher + number) % 2 == 0 {
                    QueueName::Dead
                } else {
                    QueueName::Events
                };
                match (lane, queue.publish(lane, tagged(&instance, "a tag")).await) {
                    (QueueName::Dead, Ok(())) => misled += 1,
                    (QueueName::Events, Ok(())) => confirmed += 1,
                    (QueueName::Dead, Err(PublishError::Refused(_))) => {}
                    (lane, Err(error)) => panic!("{lane:?}: {error}"),
                }
            }
            (misled, confirmed)
        })
    });
    let outcomes: Vec<(u32, u32)> = join_all(publishers)
        .await
        .into_iter()
        .map(|done| done.expect("done"))
        .collect();
    let (misled, confirmed) = outcomes
        .iter()
        .fold((0, 0), |sum, done| (sum.0 + done.0, sum.1 + done.1));
    assert_eq!((misled, confirmed), (0, 3200));
    queue.close().await;
}

/// Publishes bytes as another program would.
async fn publish_bytes(rabbit: &Rabbit, key: &str, body: &[u8], headers: FieldTable) {
    let connection = rabbit.plain().await;
    let channel = connection.create_channel().await.expect("a channel");
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .expect("confirms");
    let exchange = format!("hirewire.{}", rabbit.instance());
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_headers(headers);
    let options = BasicPublishOptions::default();
    let published = channel
        .basic_publish(exchange.into(), key.into(), options, body, properties)
        .await;
    assert!(
        published
            .expect("published")
            .await
            .expect("confirmed")
            .is_ack()
    );
    connection
        .close(200, "done".into())
        .await
        .expect("a goodbye");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instances_message_is_quarantined_byte_for_byte() {
    let rabbit = Rabbit::shared();
    let queue = rabbit.open().await;
    let astray = tagged("production", "astray").encode().expect("JSON");
    publish_bytes(&rabbit, "events", &astray, FieldTable::default()).await;
    let mut headers = FieldTable::default();
    headers.insert(
        "instance".into(),
        AMQPValue::LongString("production".into()),
    );
    publish_bytes(&rabbit, "events", b"rubbish", headers).await;
    queue_conformance::publish(&queue, rabbit.instance(), QueueName::Events, &["ours"]).await;
    let deliveries = receive(&queue, QueueName::Events, 1).await;
    assert_eq!(tags(&deliveries), ["ours"]);
    ack(deliveries).await;

    let connection = rabbit.plain().await;
    let channel = connection.create_channel().await.expect("a channel");
    for expected in [astray.as_slice(), b"rubbish"] {
        let got = channel
            .basic_get(
                rabbit.name("quarantine").into(),
                BasicGetOptions { no_ack: true },
            )
            .await;
        assert_eq!(
            got.expect("an answer").expect("a message").delivery.data,
            expected
        );
    }
    connection
        .close(200, "done".into())
        .await
        .expect("a goodbye");
    queue.close().await;
    rabbit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_binding_matches_is_read_all_the_same() {
    let rabbit = Rabbit::shared();
    let queue = rabbit.open().await;
    let body = tagged(rabbit.instance(), "unrouted")
        .encode()
        .expect("JSON");
    publish_bytes(&rabbit, "no such key", &body, FieldTable::default()).await;
    assert_eq!(queue.depth(QueueName::Events).await, Some(1));
    let deliveries = receive(&queue, QueueName::Events, 1).await;
    assert_eq!(tags(&deliveries), ["unrouted"]);
    ack(deliveries).await;
    queue.close().await;
    rabbit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_is_described_by_its_headers() {
    let rabbit = Rabbit::shared();
    let queue = rabbit.open().await;
    let mut headers = FieldTable::default();
    headers.insert(
        "instance".into(),
        AMQPValue::LongString(rabbit.instance().into()),
    );
    headers.insert("envelope".into(), AMQPValue::LongLongInt(7));
    publish_bytes(&rabbit, "events", b"\xff\x00", headers).await;
    let delivery = receive(&queue, QueueName::Events, 1).await.remove(0);
    let unreadable = delivery.message.as_ref().expect_err("rubbish");
    assert_eq!(
        (unreadable.version, unreadable.instance.as_deref()),
        (Some(7), Some(rabbit.instance()))
    );
    assert_eq!(unreadable.bytes, b"\xff\x00");
    assert!(delivery.acker.ack().await);
    queue.close().await;
    rabbit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_back_too_often_is_poison_on_the_dead_lane() {
    let mut rabbit = Rabbit::shared();
    rabbit.settings.delivery_limit = 2;
    let queue = rabbit.open().await;
    queue_conformance::publish(&queue, rabbit.instance(), QueueName::Events, &["poison"]).await;
    for attempt in 0..3 {
        let delivery = receive(&queue, QueueName::Events, 1).await.remove(0);
        assert_eq!(
            (tag(&delivery).as_str(), delivery.redelivered),
            ("poison", attempt > 0)
        );
        delivery.acker.requeue().await;
    }
    let dead = receive(&queue, QueueName::Dead, 1).await;
    assert!(tags(&dead) == ["poison"] && dead[0].poison);
    ack(dead).await;
    assert!(
        drain(&queue, rabbit.instance(), QueueName::Events)
            .await
            .is_empty()
    );
    queue.close().await;
    rabbit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_declare_what_is_missing_is_named() {
    let rabbit = Rabbit::shared();
    let mut passive = rabbit.settings.clone();
    passive.declare = Declare::Passive;
    let queue = RabbitQueue::start(passive);
    let missing = format!("hirewire.{}", rabbit.instance());
    until(
        &queue,
        |health| matches!(health, QueueHealth::NotReady(why) if why.contains(&missing)),
    )
    .await;
    rabbit.open().await.close().await;
    until_ready(&queue).await;
    assert!(
        drain(&queue, rabbit.instance(), QueueName::Events)
            .await
            .is_empty()
    );
    queue.close().await;
    rabbit.end().await;
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let url = crate::broker::shared_url();
    let wrong = url.replacen("guest:guest", "guest:s3cret-word", 1);
    let rabbit = Rabbit::on(&wrong);
    let queue = RabbitQueue::start(rabbit.settings.clone());
    until(
        &queue,
        |health| matches!(health, QueueHealth::NotReady(why) if why.contains("ACCESS")),
    )
    .await;
    assert!(!format!("{:?} {:?}", queue.health(), rabbit.settings).contains("s3cret-word"));
    queue.close().await;
}

/// How a test tells its child whose queue it is.
const INSTANCE: &str = "HIREWIRE_TEST_INSTANCE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_was_confirmed_is_there_after_the_publisher_was_killed() {
    let rabbit = Rabbit::shared();
    let told = lines_until_killed(
        child(
            "queue_trouble::child_that_publishes",
            INSTANCE,
            rabbit.instance(),
        ),
        1000,
    );
    let confirmed = with_prefix(&told, "confirmed ");
    assert!(
        confirmed.len() > 900,
        "only {} were confirmed",
        confirmed.len()
    );
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
    reason = "how a test tells its child whose queue it is"
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
#[ignore = "a measurement: cargo test --test live queue_trouble::throughput -- --ignored --nocapture"]
async fn throughput() {
    let body = "x".repeat(700); // with base64 and the envelope: about 1 KiB
    let rabbit = Rabbit::shared();
    let queue = Arc::new(rabbit.open().await);
    for publishers in [1_u32, 16, 64, 256] {
        let each = if publishers == 1 {
            1000
        } else {
            20_000 / publishers
        };
        let message = tagged(rabbit.instance(), &body);
        let started = std::time::Instant::now();
        let tasks = (0..publishers).map(|_| {
            let (queue, message): (_, Message) = (Arc::clone(&queue), message.clone());
            tokio::spawn(async move {
                for _ in 0..each {
                    queue
                        .publish(QueueName::Events, message.clone())
                        .await
                        .expect("a confirm");
                }
            })
        });
        join_all(tasks).await;
        let published = started.elapsed();
        let started = std::time::Instant::now();
        let mut taken = 0;
        while taken < each * publishers {
            let deliveries = queue
                .receive(QueueName::Events, 64)
                .await
                .expect("deliveries");
            taken += u32::try_from(deliveries.len()).expect("few");
            join_all(deliveries.into_iter().map(|delivery| delivery.acker.ack())).await;
        }
        let rate = |elapsed: Duration| f64::from(taken) / elapsed.as_secs_f64();
        println!(
            "{publishers} publishers: {:.0}/s in, {:.0}/s out",
            rate(published),
            rate(started.elapsed())
        );
    }
    queue.close().await;
    rabbit.end().await;
}
