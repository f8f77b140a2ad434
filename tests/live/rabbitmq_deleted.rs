//! Queues and exchanges that somebody deletes under a running service (field case 46).
//!
//! A message that is confirmed after the deletion is never lost, and everything is declared anew without a
//! restart.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use hirewire::queue::{Declare, Queue as _, QueueHealth, QueueName, RabbitQueue};
use lapin::{
    Channel,
    options::{ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};

use crate::{
    chaos_broker::wait_until_each_has_one_account,
    chaos_harness::{Harness as Processes, RECONCILE_TIMEOUT},
    load::LoadGenerator,
    queue_conformance::{Harness as _, TIMEOUT, ack, drain, publish, receive, tagged, tags},
    rabbitmq_conformance::{Rabbit, wait_until_ready},
};

const ALL: [&str; 4] = ["events", "dead", "unrouted", "quarantine"];

async fn delete(channel: &Channel, names: &[String]) {
    for name in names {
        channel
            .queue_delete(name.as_str().into(), QueueDeleteOptions::default())
            .await
            .expect("deleted");
    }
}

/// Whether the queue exists.
async fn exists(rabbit: &Rabbit, name: &str) -> bool {
    let connection = rabbit.connect().await;
    let channel = connection.create_channel().await.expect("a channel");
    let passive = QueueDeclareOptions::default().passive();
    let found = channel
        .queue_declare(rabbit.name(name).into(), passive, FieldTable::default())
        .await
        .is_ok();
    let _ = connection.close(200, "looked".into()).await;
    found
}

/// Receives and acks until each of these tags was delivered, from whichever queue.
async fn receive_all(queue: &RabbitQueue, mut expected: BTreeSet<String>) {
    let receiving = async {
        while !expected.is_empty() {
            let deliveries = receive(queue, QueueName::Events, 1).await;
            for tag in tags(&deliveries) {
                expected.remove(&tag);
            }
            ack(deliveries).await;
        }
    };
    let received = tokio::time::timeout(TIMEOUT, receiving).await;
    assert!(received.is_ok(), "confirmed and lost: {expected:?}");
}

async fn wait_until_all_exist(rabbit: &Rabbit) {
    let all = async {
        for name in ALL {
            while !exists(rabbit, name).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    tokio::time::timeout(TIMEOUT, all)
        .await
        .expect("the queues are declared anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_confirmed_and_lost_after_its_queues_are_deleted() {
    let rabbit = Rabbit::shared();
    let queue = Arc::new(rabbit.open().await);
    let connection = rabbit.connect().await;
    let channel = connection.create_channel().await.expect("a channel");
    publish(&*queue, rabbit.instance(), QueueName::Events, &["before"]).await;
    assert_eq!(
        drain(&*queue, rabbit.instance(), QueueName::Events)
            .await
            .len(),
        1
    );

    for round in 0..3 {
        delete(
            &channel,
            &["events", "unrouted"].map(|name| rabbit.name(name)),
        )
        .await;
        let publishers = (0..16).map(|publisher| {
            let (queue, instance) = (Arc::clone(&queue), rabbit.instance().to_owned());
            tokio::spawn(async move {
                let mut confirmed = Vec::new();
                for number in 0..50 {
                    let tag = format!("{round}/{publisher}/{number}");
                    let message = tagged(&instance, &tag);
                    match queue.publish(QueueName::Events, message).await {
                        Ok(()) => confirmed.push(tag),
                        Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                    }
                }
                confirmed
            })
        });

        let confirmed: BTreeSet<String> = join_all(publishers)
            .await
            .into_iter()
            .flat_map(|tags| tags.expect("a publisher"))
            .collect();
        wait_until_ready(&queue).await;
        receive_all(&queue, confirmed).await;
    }

    queue.close().await;
    rabbit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_queues_are_declared_anew_while_they_are_consumed() {
    let rabbit = Rabbit::shared();
    let queue = rabbit.open().await;
    let connection = rabbit.connect().await;
    let channel = connection.create_channel().await.expect("a channel");

    for names in [&["events"][..], &["unrouted"], &["dead"], &ALL] {
        let names: Vec<String> = names.iter().map(|name| rabbit.name(name)).collect();
        // Both consumers wait for a delivery when the queues vanish.
        let waiting = async {
            tokio::join!(
                receive(&queue, QueueName::Events, 1),
                receive(&queue, QueueName::Dead, 1)
            )
        };
        let deleting = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            delete(&channel, &names).await;
            wait_until_all_exist(&rabbit).await;
            for name in [QueueName::Events, QueueName::Dead] {
                while queue
                    .publish(name, tagged(rabbit.instance(), "after"))
                    .await
                    .is_err()
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        };
        let ((events, dead), ()) = tokio::join!(waiting, deleting);
        assert_eq!(
            (tags(&events), tags(&dead)),
            (vec!["after".to_owned()], vec!["after".to_owned()])
        );
        ack(events).await;
        ack(dead).await;
        assert_eq!(queue.receive_health(), QueueHealth::Ready, "{names:?}");
    }

    queue.close().await;
    rabbit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_alone_declares_anew_what_is_missing() {
    let rabbit = Rabbit::shared();
    let queue = rabbit.open().await;
    let connection = rabbit.connect().await;
    let channel = connection.create_channel().await.expect("a channel");
    let exchange = format!("hirewire.{}", rabbit.instance());

    // The messages go to `unrouted` meanwhile; the sampler of the process counts the queues.
    delete(&channel, &[rabbit.name("events")]).await;
    publish(&queue, rabbit.instance(), QueueName::Events, &["unrouted"]).await;
    assert_eq!(queue.depth(QueueName::Events).await, None);
    wait_until_all_exist(&rabbit).await;
    wait_until_ready(&queue).await;

    channel
        .queue_unbind(
            rabbit.name("events").into(),
            exchange.clone().into(),
            "events".into(),
            FieldTable::default(),
        )
        .await
        .expect("unbound");
    publish(&queue, rabbit.instance(), QueueName::Events, &["unbound"]).await;
    channel
        .exchange_delete(exchange.into(), ExchangeDeleteOptions::default())
        .await
        .expect("deleted");
    let lost = queue
        .publish(QueueName::Events, tagged(rabbit.instance(), "lost"))
        .await;
    assert!(lost.is_err(), "{lost:?}");
    tokio::time::sleep(Duration::from_millis(50)).await;
    wait_until_ready(&queue).await;
    publish(&queue, rabbit.instance(), QueueName::Events, &["after"]).await;

    let expected = ["after", "unbound", "unrouted"].map(str::to_owned);
    receive_all(&queue, BTreeSet::from(expected)).await;
    queue.close().await;
    rabbit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_that_the_site_declares_are_named_until_they_exist_again() {
    let mut rabbit = Rabbit::shared();
    rabbit.open().await.close().await;
    rabbit.settings.declare = Declare::Passive;
    let queue = Arc::new(rabbit.open().await);
    let connection = rabbit.connect().await;
    let channel = connection.create_channel().await.expect("a channel");
    let receiver = Arc::clone(&queue);
    let receiving = tokio::spawn(async move {
        loop {
            let _ = receiver.receive(QueueName::Dead, 1).await;
        }
    });

    let hurt = async |queue: &RabbitQueue| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        match queue.receive_health() {
            QueueHealth::NotReady(reason) => reason.contains("dead"),
            QueueHealth::Ready => false,
        }
    };
    assert!(!hurt(&queue).await);
    delete(&channel, &[rabbit.name("dead")]).await;
    let noticed = async { while !hurt(&queue).await {} };
    tokio::time::timeout(TIMEOUT, noticed)
        .await
        .expect("the health names the queue");

    // The site declares it again.
    rabbit.settings.declare = Declare::Active;
    rabbit.open().await.close().await;
    wait_until_ready(&queue).await;
    let recovered = async { while hurt(&queue).await {} };
    tokio::time::timeout(TIMEOUT, recovered)
        .await
        .expect("the health is good again");
    receiving.abort();
    queue.close().await;
    rabbit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_accepted_hook_is_lost_when_the_queues_are_deleted_under_load() {
    let processes = Processes::shared("", "4s").await;
    let _intake = processes.start("intake", &["intake"], &[]).await;
    let _worker = processes.start("worker", &["worker"], &[]).await;
    let mut rabbit = Rabbit::shared();
    rabbit
        .settings
        .instance
        .clone_from(&processes.deployment.instance);
    wait_until_all_exist(&rabbit).await;
    let connection = rabbit.connect().await;
    let channel = connection.create_channel().await.expect("a channel");
    let names = ["events", "unrouted"].map(|name| rabbit.name(name));

    delete(&channel, &names).await;
    let load = LoadGenerator::start(&processes.deployment.intake);
    load.wait_for_accepted(40, RECONCILE_TIMEOUT).await;
    let accepted = load.stop().await;
    wait_until_each_has_one_account(&processes.target, &accepted).await;
}
