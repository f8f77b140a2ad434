//! The durable queues between intake and workers: `events` and `dead`, with at-least-once delivery.
//!
//! A [`Message`] holds one or more [`Hook`]s. [`Queue::publish`] returns once the message is
//! durable: after the publisher confirm of the broker, or after an fsync. [`Queue::receive`]
//! returns deliveries, which stay unacked until the worker acks or requeues them. A message may be
//! delivered twice; the store deduplicates its events by their keys.

mod embedded;
mod message;
mod rabbitmq;

pub use embedded::{EmbeddedQueue, QueueOpenError};
pub use message::{Hook, Message, Payload, UnreadableEnvelope};
pub use rabbitmq::{BrokerProblem, BrokerTls, Declare, RabbitQueue, RabbitSettings, check_broker};

use futures_util::future::BoxFuture;

/// A log directive that every process adds: the client of the broker writes a message that the
/// broker returns into the log, with all that is in it.
pub(crate) const QUIET_CLIENT: &str = "lapin::returned_messages=off";

/// A queue of the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueName {
    /// Hooks whose events were read: `hirewire.<instance>.events` on a broker.
    Events,
    /// The dead-letter queue, `hirewire.<instance>.dead` on a broker: hooks that cannot be read,
    /// and messages that were delivered too often.
    Dead,
}

/// Why a message is not confirmed. It may still be durable: the sender must publish it again.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The queue is closed, cannot be reached, or accepts no messages now.
    #[error("the queue cannot be reached: {0}")]
    Unreachable(String),
    /// No confirm arrived before the deadline.
    #[error("the queue did not confirm in time")]
    Unconfirmed,
    /// Too many publishes wait for their confirm already.
    #[error("too many messages wait for a confirm of the queue")]
    Overloaded,
    /// The queue will not take this message: it is full, or the message is not acceptable.
    #[error("the queue refused the message: {0}")]
    Refused(String),
}

/// Why nothing can be received now. The caller waits a backoff and calls again.
#[derive(Debug, thiserror::Error)]
#[error("the queue cannot be read: {0}")]
pub struct ReceiveError(pub String);

/// A message from a queue, unacked.
pub struct Delivery {
    /// The message, or its bytes if this version cannot read them.
    pub message: Result<Message, UnreadableEnvelope>,
    /// Whether it may have been delivered before.
    pub redelivered: bool,
    /// Whether the queue moved it from `events` to `dead` because it reached the delivery limit.
    pub poison: bool,
    /// Acks or requeues it.
    pub acker: Box<dyn Acker>,
}

/// Acks or requeues one delivery. A dropped acker requeues its delivery.
pub trait Acker: Send {
    /// Removes the message from the queue. Returns false if the queue did not take the ack: then it
    /// delivers the message again.
    fn ack(self: Box<Self>) -> BoxFuture<'static, bool>;
    /// Returns the message to the queue, which delivers it again. `RabbitMQ` then also requeues
    /// every other unacked delivery of the same channel.
    fn requeue(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Whether messages can be published and confirmed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueHealth {
    /// They can.
    Ready,
    /// They cannot, for this reason.
    NotReady(String),
}

/// The queues of one instance on one broker or in one file.
pub trait Queue: Send + Sync {
    /// Publishes a message and returns once it is durable. A message of another instance is
    /// refused.
    ///
    /// A caller that drops the future after the publish began does not cancel the publish.
    fn publish(
        &self,
        queue: QueueName,
        message: Message,
    ) -> BoxFuture<'_, Result<(), PublishError>>;

    /// Waits for deliveries: at least one, at most `max`.
    fn receive(
        &self,
        queue: QueueName,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, ReceiveError>>;

    /// How many messages are ready to be delivered; `None` if they cannot be counted now.
    fn depth(&self, queue: QueueName) -> BoxFuture<'_, Option<u64>>;

    /// How many messages of other instances the queue keeps aside; `None` if it keeps none, or if
    /// they cannot be counted now.
    fn quarantined(&self) -> BoxFuture<'_, Option<u64>> {
        Box::pin(std::future::ready(None))
    }

    /// The health as last observed, without I/O.
    fn health(&self) -> QueueHealth;

    /// Whether messages can be received now, as last observed, without I/O.
    fn receive_health(&self) -> QueueHealth {
        self.health()
    }

    /// Stops receiving, which requeues unacked deliveries; waits a limited time for outstanding
    /// confirms; closes the queue. Later calls fail.
    fn close(&self) -> BoxFuture<'_, ()>;
}
