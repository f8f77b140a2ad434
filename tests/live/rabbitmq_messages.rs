//! Unusual messages and settings on RabbitMQ: messages of another instance, unrouted, unreadable
//! and poison messages; queues that the process may not declare; a wrong password.

use hirewire::queue::{Declare, Queue as _, QueueName, RabbitQueue};
use lapin::{
    BasicProperties,
    options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};

use crate::{
    broker,
    queue_conformance::{self, Harness as _, ack, drain, receive, tag, tagged, tags},
    rabbitmq_conformance::{Rabbit, wait_for_problem, wait_until_ready},
};

/// Publishes bytes with `lapin`, like another program.
async fn publish_bytes(rabbit: &Rabbit, routing_key: &str, body: &[u8], headers: FieldTable) {
    let connection = rabbit.connect().await;
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
    let confirm = channel
        .basic_publish(
            exchange.into(),
            routing_key.into(),
            options,
            body,
            properties,
        )
        .await
        .expect("published")
        .await
        .expect("confirmed");

    assert!(confirm.is_ack());
    connection.close(200, "done".into()).await.expect("closed");
}

fn instance_header(instance: &str) -> FieldTable {
    let mut headers = FieldTable::default();
    headers.insert("instance".into(), AMQPValue::LongString(instance.into()));
    headers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_another_instance_is_quarantined_byte_for_byte() {
    let rabbit = Rabbit::shared();
    let queue = rabbit.open().await;
    let readable = tagged("production", "foreign").encode().expect("JSON");
    publish_bytes(&rabbit, "events", &readable, FieldTable::default()).await;
    let unreadable = b"unreadable";
    publish_bytes(&rabbit, "events", unreadable, instance_header("production")).await;

    queue_conformance::publish(&queue, rabbit.instance(), QueueName::Events, &["own"]).await;
    let deliveries = receive(&queue, QueueName::Events, 1).await;
    assert_eq!(tags(&deliveries), ["own"]);
    ack(deliveries).await;
    assert_eq!(queue.quarantined().await, Some(2));

    let connection = rabbit.connect().await;
    let channel = connection.create_channel().await.expect("a channel");
    for expected in [readable.as_slice(), unreadable] {
        let quarantined = channel
            .basic_get(
                rabbit.name("quarantine").into(),
                BasicGetOptions { no_ack: true },
            )
            .await
            .expect("a response")
            .expect("a message");
        assert_eq!(quarantined.delivery.data, expected);
    }

    connection.close(200, "done".into()).await.expect("closed");
    queue.close().await;
    rabbit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_no_binding_matches_is_received_as_an_event() {
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
async fn an_unreadable_message_is_described_by_its_headers() {
    let rabbit = Rabbit::shared();
    let queue = rabbit.open().await;
    let mut headers = instance_header(rabbit.instance());
    headers.insert("envelope".into(), AMQPValue::LongLongInt(7));
    publish_bytes(&rabbit, "events", b"\xff\x00", headers).await;

    let delivery = receive(&queue, QueueName::Events, 1).await.remove(0);
    let unreadable = delivery.message.as_ref().expect_err("unreadable");
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
async fn a_message_requeued_past_the_delivery_limit_is_poison_on_the_dead_lane() {
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
    assert_eq!(tags(&dead), ["poison"]);
    assert!(dead[0].poison);
    ack(dead).await;
    let events = drain(&queue, rabbit.instance(), QueueName::Events).await;
    assert!(events.is_empty());

    queue.close().await;
    rabbit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passive_process_names_the_missing_queue_and_uses_it_once_it_exists() {
    let rabbit = Rabbit::shared();
    let mut passive = rabbit.settings.clone();
    passive.declare = Declare::Passive;
    let queue = RabbitQueue::start(passive);
    wait_for_problem(&queue, &format!("hirewire.{}", rabbit.instance())).await;

    rabbit.open().await.close().await;
    wait_until_ready(&queue).await;
    let events = drain(&queue, rabbit.instance(), QueueName::Events).await;
    assert!(events.is_empty());

    queue.close().await;
    rabbit.end().await;
}

#[tokio::test]
async fn a_wrong_password_is_reported_without_the_password() {
    let url = broker::shared_url().replacen("guest:guest", "guest:s3cret-word", 1);
    let rabbit = Rabbit::on(&url);
    let queue = RabbitQueue::start(rabbit.settings.clone());

    wait_for_problem(&queue, "ACCESS").await;
    assert!(!format!("{:?} {:?}", queue.health(), rabbit.settings).contains("s3cret-word"));
    queue.close().await;
}
