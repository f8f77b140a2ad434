//! An open channel of a consumer: the deliveries that the broker has sent on it, and their acks.
//!
//! The deliveries of a channel share its end: one requeue closes the channel, and the broker then
//! requeues every unacked delivery in order. So no message is rejected in a loop while the store is
//! down. A delivery of a closed channel can no longer be acked.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream, SelectAll},
};
use lapin::{
    Acker as DeliveryTag, Channel,
    message::Delivery as BrokerDelivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use tokio_util::sync::CancellationToken;

use super::{
    call::{CALL_TIMEOUT, call},
    session::Session,
};
use crate::queue::{Acker, ReceiveError};

/// The deliveries of one consumer; `None` at its end.
type Deliveries = BoxStream<'static, Option<lapin::Result<BrokerDelivery>>>;

/// A channel that consumes one or more queues.
pub(super) struct ConsumerChannel {
    pub session: Arc<Session>,
    pub closing: Arc<ChannelClosing>,
    deliveries: SelectAll<Deliveries>,
}

/// Closes one channel, at most once. Shared by the channel and the ackers of its deliveries.
pub(super) struct ChannelClosing {
    /// Cancelled to close the channel.
    pub requested: CancellationToken,
    /// Cancelled once the channel is closed.
    done: CancellationToken,
    /// Shared with the consumer: channels that it opened since the last ack.
    opened_since_ack: Arc<AtomicU32>,
}

impl ConsumerChannel {
    /// Opens a channel with that prefetch, and a consumer for each of the queues.
    pub async fn open(
        session: Arc<Session>,
        queues: Vec<ShortString>,
        prefetch: u16,
        opened_since_ack: Arc<AtomicU32>,
    ) -> Result<Self, String> {
        let channel = call("opening a channel", session.connection.create_channel()).await?;
        let qos = channel.basic_qos(prefetch, BasicQosOptions::default());
        call("setting the prefetch", qos).await?;

        let mut deliveries = SelectAll::new();
        for queue in queues {
            let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
            let consumer = channel.basic_consume(queue, "".into(), options, arguments);
            let consumer = call("starting a consumer", consumer).await?;
            // `SelectAll` drops a stream that ends; the `None` makes the end visible while another
            // consumer goes on.
            let end = stream::once(std::future::ready(None));
            deliveries.push(consumer.map(Some).chain(end).boxed());
        }

        let closing = ChannelClosing::watch(channel, Arc::clone(&session), opened_since_ack);
        Ok(Self {
            session,
            closing,
            deliveries,
        })
    }

    pub fn is_usable(&self) -> bool {
        !self.closing.requested.is_cancelled() && !self.session.ended.is_cancelled()
    }

    /// Waits for one delivery, then takes the further ones that are already here, at most `max`. A
    /// dropped future loses none.
    pub async fn next(
        &mut self,
        max: usize,
    ) -> Result<Vec<(BrokerDelivery, RabbitAcker)>, ReceiveError> {
        let mut next = self.deliveries.next().await;
        let mut taken = Vec::new();
        loop {
            match next {
                Some(Some(Ok(delivery))) => {
                    let acker = RabbitAcker {
                        tag: delivery.acker.clone(),
                        closing: Some(Arc::clone(&self.closing)),
                    };
                    taken.push((delivery, acker));
                }
                Some(Some(Err(error))) => return Err(self.fail(error.to_string())),
                Some(None) | None => {
                    return Err(self.fail("the broker ended the consumer".to_owned()));
                }
            }

            if taken.len() >= max {
                return Ok(taken);
            }
            match self.deliveries.next().now_or_never() {
                Some(more) => next = more,
                None => return Ok(taken),
            }
        }
    }

    fn fail(&self, reason: String) -> ReceiveError {
        self.closing.requested.cancel();
        ReceiveError(reason)
    }
}

impl ChannelClosing {
    /// Spawns the task that closes the channel on request or at the end of its session.
    fn watch(
        channel: Channel,
        session: Arc<Session>,
        opened_since_ack: Arc<AtomicU32>,
    ) -> Arc<Self> {
        let (requested, done) = (CancellationToken::new(), CancellationToken::new());
        let closing = Arc::new(Self {
            requested: requested.clone(),
            done: done.clone(),
            opened_since_ack,
        });

        tokio::spawn(async move {
            tokio::select! {
                () = requested.cancelled() => {}
                () = session.ended.cancelled() => requested.cancel(),
            }
            let closed = channel.close(200, "requeue".into());
            if let Err(problem) = call("closing a channel", closed).await {
                tracing::debug!(problem, "a channel was not closed cleanly");
            }
            done.cancel();
        });
        closing
    }

    /// Closes the channel, and returns once the broker has requeued the unacked deliveries.
    pub async fn close(&self) {
        self.requested.cancel();
        self.done.cancelled().await;
    }
}

/// Acks one delivery. If it is dropped without an ack, it closes the channel, which requeues every
/// unacked delivery of it.
pub(super) struct RabbitAcker {
    tag: DeliveryTag,
    /// `None`: the delivery was acked or requeued.
    closing: Option<Arc<ChannelClosing>>,
}

impl Drop for RabbitAcker {
    fn drop(&mut self) {
        if let Some(closing) = self.closing.take() {
            closing.requested.cancel();
        }
    }
}

impl Acker for RabbitAcker {
    fn ack(mut self: Box<Self>) -> BoxFuture<'static, bool> {
        let (tag, closing) = (self.tag.clone(), self.closing.take());
        let Some(closing) = closing else {
            return Box::pin(std::future::ready(false));
        };

        // A task sends the ack, so that a caller that goes away does not lose it.
        let acked = tokio::spawn(async move {
            if closing.requested.is_cancelled() {
                return false;
            }
            let sent = tokio::time::timeout(CALL_TIMEOUT, tag.ack(BasicAckOptions::default()));
            let acked = matches!(sent.await, Ok(Ok(true)));
            if acked {
                closing.opened_since_ack.store(0, Ordering::Relaxed);
            } else {
                closing.requested.cancel();
            }
            acked
        });
        Box::pin(async move { acked.await.unwrap_or(false) })
    }

    fn requeue(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        let closing = self.closing.take();
        Box::pin(async move {
            if let Some(closing) = closing {
                closing.close().await;
            }
        })
    }
}
