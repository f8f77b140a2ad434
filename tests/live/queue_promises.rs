//! The conformance of the queue on `RabbitMQ`: on the shared broker, under names of this run.

use std::sync::atomic::{AtomicU32, Ordering};

use hirewire::queue::{Queue as _, QueueHealth, RabbitQueue, RabbitSettings};
use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};

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
        let instance = format!(
            "test-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        Self {
            settings: RabbitSettings::new(url.to_owned().into(), instance),
        }
    }

    pub fn shared() -> Self {
        Self::on(&broker::shared_url())
    }

    /// A connection of lapin's own, beside those of the queue.
    pub async fn plain(&self) -> Connection {
        use secrecy::ExposeSecret as _;
        let url = self.settings.url.expose_secret();
        Connection::connect(url, ConnectionProperties::default())
            .await
            .expect("a connection")
    }

    /// The full name of a queue on the broker.
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
        until_ready(&queue).await;
        queue
    }

    async fn end(self) {
        let connection = self.plain().await;
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
            let deleted =
                channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default());
            deleted.await.expect("an exchange to delete");
        }

        connection
            .close(200, "done".into())
            .await
            .expect("a clean close");
    }
}

/// Waits until the health is as expected.
pub async fn until(queue: &RabbitQueue, is_expected: impl Fn(&QueueHealth) -> bool) {
    let wait = async {
        while !is_expected(&queue.health()) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };

    tokio::time::timeout(TIMEOUT, wait)
        .await
        .unwrap_or_else(|_| panic!("health stays {:?}", queue.health()));
}

pub async fn until_ready(queue: &RabbitQueue) {
    until(queue, |health| *health == QueueHealth::Ready).await;
}

queue_conformance::conformance_tests!(Rabbit::shared());
