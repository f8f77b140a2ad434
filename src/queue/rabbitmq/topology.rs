//! The exchanges and queues of one instance: their names, how they are declared, how they are checked.
//!
//! What correctness depends on is in the queues' arguments, where it cannot be changed by accident; sizes and ages
//! are left to the site's policies. Nothing that is published can be unroutable: what matches no binding goes to
//! `.unrouted`, which is read like the events.

use lapin::{
    Channel, Connection, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};

use super::session::within;
use crate::queue::QueueName;

/// Whether the service declares its queues or finds them declared by the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declare {
    /// Exchanges, queues and bindings are made where they are missing (needs `configure` on the broker).
    Active,
    /// They are only checked for; what is missing is named in the health.
    Passive,
}

/// Routing keys on the instance's exchange.
pub(super) const EVENTS: &str = "events";
pub(super) const DEAD: &str = "dead";
pub(super) const QUARANTINE: &str = "quarantine";

/// The names of one instance.
#[derive(Clone, Debug)]
pub(super) struct Names {
    instance: String,
}

impl Names {
    pub fn new(instance: &str) -> Self {
        Self {
            instance: instance.to_owned(),
        }
    }

    pub fn exchange(&self) -> ShortString {
        format!("hirewire.{}", self.instance).into()
    }

    pub fn queue(&self, name: &str) -> ShortString {
        format!("hirewire.{}.{name}", self.instance).into()
    }

    /// Where what no binding matches goes: the exchange and the queue have this name.
    pub fn unrouted(&self) -> ShortString {
        self.queue("unrouted")
    }

    /// The queues that are read for a lane.
    pub fn read_for(&self, lane: QueueName) -> Vec<ShortString> {
        match lane {
            QueueName::Events => vec![self.queue(EVENTS), self.unrouted()],
            QueueName::Dead => vec![self.queue(DEAD)],
        }
    }

    /// Whether the events queue, the last to be declared, is not there yet.
    pub async fn are_new(&self, connection: &Connection) -> Result<bool, String> {
        // A channel of its own: the broker closes it over a queue that is missing.
        let channel = within("opening a channel", connection.create_channel()).await?;
        let missing = self.ready(&channel, &self.queue(EVENTS)).await.is_err();
        if !missing {
            within("closing a channel", channel.close(200, "looked".into())).await?;
        }
        Ok(missing)
    }

    /// Declares or checks everything, targets before what points at them.
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
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let (exchange, unrouted) = (self.exchange(), self.unrouted());
        let catch_all = channel.exchange_declare(
            unrouted.clone(),
            ExchangeKind::Fanout,
            durable,
            FieldTable::default(),
        );
        within("declaring the catch-all exchange", catch_all).await?;
        let mut alternate = FieldTable::default();
        alternate.insert("alternate-exchange".into(), text(unrouted.as_str()));
        let main =
            channel.exchange_declare(exchange.clone(), ExchangeKind::Direct, durable, alternate);
        within("declaring the exchange", main).await?;

        // Dead letters must find their queue there: made later it would wait minutes for them.
        for name in [DEAD, QUARANTINE] {
            self.queue_with(channel, name, ending_here()).await?;
            self.bind(channel, name, &exchange, name).await?;
        }
        for (name, source) in [("unrouted", &unrouted), (EVENTS, &exchange)] {
            self.queue_with(channel, name, with_dead_letters(&exchange, delivery_limit))
                .await?;
            self.bind(channel, name, source, name).await?;
        }
        Ok(())
    }

    async fn queue_with(
        &self,
        channel: &Channel,
        name: &str,
        arguments: FieldTable,
    ) -> Result<(), String> {
        let declared =
            channel.queue_declare(self.queue(name), QueueDeclareOptions::durable(), arguments);
        within(&format!("declaring the queue {name}"), declared)
            .await
            .map(drop)
    }

    async fn bind(
        &self,
        channel: &Channel,
        name: &str,
        to: &ShortString,
        key: &str,
    ) -> Result<(), String> {
        let (queue, options) = (self.queue(name), QueueBindOptions::default());
        let bound = channel.queue_bind(
            queue,
            to.clone(),
            key.into(),
            options,
            FieldTable::default(),
        );
        within(&format!("binding the queue {name}"), bound).await
    }

    async fn check(&self, channel: &Channel) -> Result<(), String> {
        let passive = ExchangeDeclareOptions {
            passive: true,
            ..ExchangeDeclareOptions::default()
        };
        for (name, kind) in [
            (self.exchange(), ExchangeKind::Direct),
            (self.unrouted(), ExchangeKind::Fanout),
        ] {
            let found =
                channel.exchange_declare(name.clone(), kind, passive, FieldTable::default());
            within(&format!("looking for the exchange {name}"), found).await?;
        }
        for name in [EVENTS, DEAD, "unrouted", QUARANTINE] {
            self.ready(channel, &self.queue(name)).await?;
        }
        Ok(())
    }

    /// How many messages a queue has ready; an error if it is not there (the channel is closed by it).
    pub async fn ready(&self, channel: &Channel, queue: &ShortString) -> Result<u64, String> {
        let passive = QueueDeclareOptions::default().passive();
        let found = channel.queue_declare(queue.clone(), passive, FieldTable::default());
        within(&format!("looking for the queue {queue}"), found)
            .await
            .map(|queue| queue.message_count().into())
    }
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// A queue that nothing leaves by itself. Without `-1` a 4.x broker would drop after 20 deliveries.
fn ending_here() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(-1));
    arguments
}

/// A queue whose poison goes to the dead queue, and leaves only once it has arrived there. That takes
/// `reject-publish`: with any other overflow the broker silently falls back to at-most-once.
fn with_dead_letters(exchange: &ShortString, delivery_limit: u32) -> FieldTable {
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
