//! The exchanges and queues of one instance: their names, their declaration and their check.
//!
//! The queue arguments hold everything that correctness depends on, because a policy of the site
//! cannot change them; lengths and ages are left to such policies. A message that matches no
//! binding goes through the alternate exchange to `.unrouted`, which is consumed like the events.

use lapin::{
    Channel, Connection, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};

use super::call::call;
use crate::queue::QueueName;

/// Whether the service declares its exchanges and queues, or the site does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declare {
    /// The service declares exchanges, queues and bindings where they are missing. It needs the
    /// `configure` permission on the broker.
    Active,
    /// The service only checks that they exist (AMQP passive declare). The health names what is
    /// missing.
    Passive,
}

/// Routing keys on the instance's exchange, and the last part of the names of their queues.
pub(super) const EVENTS: &str = "events";
pub(super) const DEAD: &str = "dead";
pub(super) const QUARANTINE: &str = "quarantine";

/// The last part of the names of the alternate exchange and of its queue.
const UNROUTED: &str = "unrouted";

/// The exchanges and queues of one instance.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    instance: String,
}

impl Topology {
    pub fn new(instance: &str) -> Self {
        Self {
            instance: instance.to_owned(),
        }
    }

    /// The exchange that every message is published to.
    pub fn exchange(&self) -> ShortString {
        format!("hirewire.{}", self.instance).into()
    }

    fn queue(&self, name: &str) -> ShortString {
        format!("hirewire.{}.{name}", self.instance).into()
    }

    /// A name of this instance that no exchange and no queue of the service has.
    pub fn temporary(&self, unique: &str) -> ShortString {
        self.queue(&format!("check.{unique}"))
    }

    fn alternate_exchange(&self) -> ShortString {
        self.queue(UNROUTED)
    }

    /// The broker's queues that are consumed as `queue`.
    pub fn consumed_as(&self, queue: QueueName) -> Vec<ShortString> {
        match queue {
            QueueName::Events => vec![self.queue(EVENTS), self.queue(UNROUTED)],
            QueueName::Dead => vec![self.queue(DEAD)],
        }
    }

    /// The queue of messages of other instances. Nothing consumes it.
    pub fn quarantine(&self) -> ShortString {
        self.queue(QUARANTINE)
    }

    /// Whether the events queue does not exist yet. It is the last one to be declared.
    pub async fn is_missing(&self, connection: &Connection) -> Result<bool, String> {
        // The broker closes the channel of a check that fails, so the check has its own.
        let channel = call("opening a channel", connection.create_channel()).await?;
        let is_missing = self.ready(&channel, &self.queue(EVENTS)).await.is_err();
        if !is_missing {
            call("closing a channel", channel.close(200, "checked".into())).await?;
        }
        Ok(is_missing)
    }

    /// Declares or checks all exchanges, queues and bindings.
    pub async fn establish(
        &self,
        channel: &Channel,
        declare: Declare,
        delivery_limit: u32,
    ) -> Result<(), String> {
        match declare {
            Declare::Active => self.declare(channel, delivery_limit).await,
            Declare::Passive => self.check(channel).await,
        }
    }

    async fn declare(&self, channel: &Channel, delivery_limit: u32) -> Result<(), String> {
        self.declare_exchanges(channel).await?;

        // The dead-letter queue comes before the queues that dead-letter into it. The other way
        // round, a message that is dead-lettered in between would wait there for minutes.
        let exchange = self.exchange();
        for name in [DEAD, QUARANTINE] {
            self.declare_queue(channel, name, terminal_queue()).await?;
            self.bind(channel, name, &exchange).await?;
        }

        for (name, source) in [(UNROUTED, &self.alternate_exchange()), (EVENTS, &exchange)] {
            let arguments = dead_lettering_queue(&exchange, delivery_limit);
            self.declare_queue(channel, name, arguments).await?;
            self.bind(channel, name, source).await?;
        }
        Ok(())
    }

    async fn declare_exchanges(&self, channel: &Channel) -> Result<(), String> {
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let alternate = self.alternate_exchange();
        let declared = channel.exchange_declare(
            alternate.clone(),
            ExchangeKind::Fanout,
            durable,
            FieldTable::default(),
        );
        call("declaring the alternate exchange", declared).await?;

        let mut arguments = FieldTable::default();
        arguments.insert("alternate-exchange".into(), text(alternate.as_str()));
        let declared =
            channel.exchange_declare(self.exchange(), ExchangeKind::Direct, durable, arguments);
        call("declaring the exchange", declared).await
    }

    async fn declare_queue(
        &self,
        channel: &Channel,
        name: &str,
        arguments: FieldTable,
    ) -> Result<(), String> {
        let declared =
            channel.queue_declare(self.queue(name), QueueDeclareOptions::durable(), arguments);
        call(&format!("declaring the queue {name}"), declared)
            .await
            .map(drop)
    }

    /// Binds a queue with its own name as the routing key.
    async fn bind(
        &self,
        channel: &Channel,
        name: &str,
        exchange: &ShortString,
    ) -> Result<(), String> {
        let bound = channel.queue_bind(
            self.queue(name),
            exchange.clone(),
            name.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        call(&format!("binding the queue {name}"), bound).await
    }

    /// Checks that all exchanges and queues exist. If one does not, the broker closes the channel.
    pub async fn check(&self, channel: &Channel) -> Result<(), String> {
        let passive = ExchangeDeclareOptions {
            passive: true,
            ..ExchangeDeclareOptions::default()
        };
        for (name, kind) in [
            (self.exchange(), ExchangeKind::Direct),
            (self.alternate_exchange(), ExchangeKind::Fanout),
        ] {
            let found =
                channel.exchange_declare(name.clone(), kind, passive, FieldTable::default());
            call(&format!("checking the exchange {name}"), found).await?;
        }

        for name in [EVENTS, DEAD, UNROUTED, QUARANTINE] {
            self.ready(channel, &self.queue(name)).await?;
        }
        Ok(())
    }

    /// How many messages of a queue are ready to be delivered. If the queue does not exist, the
    /// broker closes the channel.
    pub async fn ready(&self, channel: &Channel, queue: &ShortString) -> Result<u64, String> {
        let passive = QueueDeclareOptions::default().passive();
        let found = channel.queue_declare(queue.clone(), passive, FieldTable::default());
        call(&format!("checking the queue {queue}"), found)
            .await
            .map(|queue| queue.message_count().into())
    }
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// Arguments of a queue that no message leaves without an ack. `-1` switches the delivery limit
/// off: by default `RabbitMQ` 4 drops a message after 20 deliveries.
fn terminal_queue() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(-1));
    arguments
}

/// Arguments of a queue that dead-letters a message over the delivery limit, and keeps it until the
/// dead-letter queue has confirmed it. `at-least-once` needs the overflow behaviour
/// `reject-publish`: with any other the broker falls back to at-most-once without an error.
fn dead_lettering_queue(exchange: &ShortString, delivery_limit: u32) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments.insert(
        "x-delivery-limit".into(),
        AMQPValue::LongLongInt(delivery_limit.into()),
    );
    arguments.insert("x-overflow".into(), text("reject-publish"));
    arguments.insert("x-dead-letter-exchange".into(), text(exchange.as_str()));
    arguments.insert("x-dead-letter-routing-key".into(), text(DEAD));
    arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    arguments
}
