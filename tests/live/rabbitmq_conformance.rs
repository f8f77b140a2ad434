//! The conformance tests of a queue on RabbitMQ: the shared broker, with queue names of this run
//! only.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use hirewire::queue::{Queue as _, QueueHealth, RabbitQueue, RabbitSettings};
use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};
use secrecy::ExposeSecret as _;

use crate::{
    broker,
    queue_conformance::{self, Harness, TIMEOUT},
};

/// The queues of one test on a broker.
pub struct Rabbit {
    pub settings: RabbitSettings,
}

impl Rabbit {
    pub fn on(url: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let instance = format!("test-{}-{count}", std::process::id());

        Self {
            settings: RabbitSettings::new(url.to_owned().into(), instance),
        }
    }

    pub fn shared() -> Self {
        Self::on(&broker::shared_url())
    }

    /// A connection of `lapin` to the broker, without our code.
    pub async fn connect(&self) -> Connection {
        let url = self.settings.url.expose_secret();
        Connection::connect(url, ConnectionProperties::default())
            .await
            .expect("a connection")
    }

    /// The full name of a queue.
    pub fn name(&self, queue: &str) -> String {
        format!("hirewire.{}.{queue}", self.settings.instance)
    }
}

impl Harness for Rabbit {
    type Queue = RabbitQueue;

    fn instance(&self) -> &str {
        &self.settings.instance
    }

    async fn open(&self) -> RabbitQueue {
        let queue = RabbitQueue::start(self.settings.clone());
        wait_until_ready(&queue).await;
        queue
    }

    async fn end(self) {
        let connection = self.connect().await;
        let channel = connection.create_channel().await.expect("a channel");

        for queue in ["events", "dead", "unrouted", "quarantine"] {
            let name = self.name(queue);
            channel
                .queue_delete(name.into(), QueueDeleteOptions::default())
                .await
                .expect("a queue to delete");
        }
        for exchange in [
            self.name("unrouted"),
            format!("hirewire.{}", self.settings.instance),
        ] {
            channel
                .exchange_delete(exchange.into(), ExchangeDeleteOptions::default())
                .await
                .expect("an exchange to delete");
        }

        connection.close(200, "done".into()).await.expect("closed");
    }
}

/// Waits until the health of the queue satisfies `condition`.
pub async fn wait_for_health(queue: &RabbitQueue, condition: impl Fn(&QueueHealth) -> bool) {
    let poll = async {
        while !condition(&queue.health()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };

    tokio::time::timeout(TIMEOUT, poll)
        .await
        .unwrap_or_else(|_| panic!("the health stays {:?}", queue.health()));
}

pub async fn wait_until_ready(queue: &RabbitQueue) {
    wait_for_health(queue, |health| *health == QueueHealth::Ready).await;
}

pub async fn wait_until_not_ready(queue: &RabbitQueue) {
    wait_for_health(queue, |health| *health != QueueHealth::Ready).await;
}

/// Waits until the queue is not ready for a reason that contains `text`.
pub async fn wait_for_problem(queue: &RabbitQueue, text: &str) {
    wait_for_health(
        queue,
        |health| matches!(health, QueueHealth::NotReady(reason) if reason.contains(text)),
    )
    .await;
}

queue_conformance::conformance_tests!(Rabbit::shared());
