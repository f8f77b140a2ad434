//! The durable queue between intake and workers.
//!
//! A [`Message`] carries one or more [`Hook`]s. [`Queue::publish`] resolves once the message is durable (a
//! broker's confirm, or an fsync); [`Queue::receive`] gives deliveries that stay ours until they are acked or
//! the process dies. What is delivered twice is recorded once: the worker's store dedupes by event key.

mod embedded;
mod message;
mod rabbitmq;

pub use embedded::{EmbeddedQueue, QueueOpenError};
pub use message::{ENVELOPE_VERSION, Hook, Message, Reading, UnreadableEnvelope};
pub use rabbitmq::{Declare, RabbitQueue, RabbitSettings};

use futures_util::future::BoxFuture;

/// Which queue of the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueName {
    /// `hirewire.<instance>.events`
    Events,
    /// `hirewire.<instance>.dead`: the unreadable, and the broker's poison.
    Dead,
}

/// A message that is not known to be durable. It may be all the same: the sender is to try again.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The queue cannot be reached or is blocked.
    #[error("the queue cannot be reached: {0}")]
    Unreachable(String),
    /// No confirm within the deadline.
    #[error("the queue did not confirm in time")]
    Unconfirmed,
    /// More waits for its confirm than may; try again later.
    #[error("too much waits for the queue's confirms")]
    Overloaded,
    /// The queue said no (full, refused).
    #[error("the queue refused the message: {0}")]
    Refused(String),
}

/// Why nothing can be received now. The caller backs off and asks again.
#[derive(Debug, thiserror::Error)]
#[error("the queue cannot be read: {0}")]
pub struct ReceiveError(pub String);

/// Something taken from the queue, ours until settled.
pub struct Delivery {
    /// What it carries, or bytes that this version cannot read.
    pub message: Result<Message, UnreadableEnvelope>,
    /// Whether the broker has delivered it before.
    pub redelivered: bool,
    /// Whether the broker put it here as poison (delivery limit), from the events queue.
    pub poison: bool,
    /// Settles it.
    pub acker: Box<dyn Acker>,
}

/// How a delivery is settled. Dropping it without settling leaves it to be delivered again.
pub trait Acker: Send {
    /// It is stored: the queue may forget it. `false`: the queue did not take the ack and will deliver again.
    fn ack(self: Box<Self>) -> BoxFuture<'static, bool>;
    /// It could not be stored now: give it back.
    fn requeue(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Whether the queue works, for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueHealth {
    /// Messages can be published and confirmed.
    Ready,
    /// They cannot, and why.
    NotReady(String),
}

/// A durable queue.
pub trait Queue: Send + Sync {
    /// Makes the message durable on that lane; resolves then and not before.
    ///
    /// Never cancelled half-way: the publish goes on in a task of its own if the caller goes away.
    fn publish(&self, lane: QueueName, message: Message) -> BoxFuture<'_, Result<(), PublishError>>;

    /// Waits for deliveries of that lane: at least one, at most `max`.
    fn receive(&self, lane: QueueName, max: usize)
    -> BoxFuture<'_, Result<Vec<Delivery>, ReceiveError>>;

    /// How many messages lie on that lane, where it can be told cheaply.
    fn depth(&self, lane: QueueName) -> BoxFuture<'_, Option<u64>>;

    /// Whether it works now.
    fn health(&self) -> QueueHealth;

    /// Stops consuming (unacked deliveries go back), waits for outstanding confirms for a bounded time, closes.
    fn close(&self) -> BoxFuture<'_, ()>;
}
