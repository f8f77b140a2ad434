//! The queues on `RabbitMQ` (3.10 and later): durable quorum queues, publisher confirms,
//! at-least-once delivery.
//!
//! The start never fails. While the broker is down the queue is not ready, and two supervisors
//! (`session`) connect again: one for publishing, one for consuming from the first `receive` on.
//! `topology` declares exchanges and queues, `publisher` waits for confirms, `consumer` and
//! `channel` receive and ack, `inbound` tells this instance's messages from others.

mod address;
mod call;
mod channel;
mod check;
mod connect;
mod consumer;
mod inbound;
mod outbound;
mod publisher;
mod session;
#[cfg(test)]
mod tests;
mod topology;

use std::{
    sync::{Arc, Once},
    time::Duration,
};

use futures_util::future::BoxFuture;
use lapin::types::ShortString;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::{
    call::{CALL_TIMEOUT, call},
    consumer::Consumer,
    outbound::OutboundMessage,
    publisher::Publisher,
    session::{ConnectionPurpose, SessionState, supervise},
    topology::{DEAD, EVENTS, Topology},
};
pub use self::{
    check::{BrokerProblem, check_broker},
    connect::BrokerTls,
    topology::Declare,
};
use super::{Delivery, Message, PublishError, Queue, QueueHealth, QueueName, ReceiveError};

/// How to reach the broker, and how to use it.
#[derive(Clone, Debug)]
pub struct RabbitSettings {
    /// `amqp://` or `amqps://`, with user, password and virtual host (`/` is `%2f`).
    pub url: SecretString,
    /// TLS, for `amqps://`.
    pub tls: BrokerTls,
    /// The instance: a part of every name on the broker, and of every message.
    pub instance: String,
    /// How many unacked deliveries the broker sends on one channel (AMQP prefetch count).
    pub prefetch: u16,
    /// How many publishes may wait for their confirm. At least 1.
    pub outstanding: u32,
    /// How long a publish waits for its confirm.
    pub confirm_deadline: Duration,
    /// Whether exchanges and queues are declared or only checked.
    pub declare: Declare,
    /// How many deliveries may end without an ack until the broker dead-letters the message. Each
    /// crash and each requeue counts. A queue keeps the limit that it was declared with.
    pub delivery_limit: u32,
}

impl RabbitSettings {
    /// The defaults: 256 outstanding publishes with a deadline of 5 s, a prefetch of 64, and a
    /// delivery limit of 20. `docs/benchmarks.md` has their measurements.
    pub fn new(url: SecretString, instance: impl Into<String>) -> Self {
        Self {
            url,
            tls: BrokerTls::default(),
            instance: instance.into(),
            prefetch: 64,
            outstanding: 256,
            confirm_deadline: Duration::from_secs(5),
            declare: Declare::Active,
            delivery_limit: 20,
        }
    }
}

/// The queues of one instance on a `RabbitMQ` broker.
pub struct RabbitQueue {
    settings: Arc<RabbitSettings>,
    topology: Topology,
    publisher: Arc<Publisher>,
    publishing: watch::Receiver<SessionState>,
    consuming: watch::Sender<SessionState>,
    consuming_started: Once,
    events: Consumer,
    dead: Consumer,
    /// Ends the receivers; cancelled before `stop`.
    stop_receiving: CancellationToken,
    /// Ends the connections.
    stop: CancellationToken,
}

impl RabbitQueue {
    /// Starts to connect, and returns at once. [`Queue::health`] says whether the connection is
    /// open. Must be called within a Tokio runtime.
    pub fn start(settings: RabbitSettings) -> Self {
        let settings = Arc::new(settings);
        let connecting = SessionState::Down("connecting to the broker".to_owned());
        let (publishing, publishing_state) = watch::channel(connecting.clone());
        let (consuming, consuming_state) = watch::channel(connecting);
        let (stop, stop_receiving) = (CancellationToken::new(), CancellationToken::new());

        tokio::spawn(supervise(
            Arc::clone(&settings),
            ConnectionPurpose::Publish,
            publishing,
            stop.clone(),
        ));
        let publisher = Arc::new(Publisher::new(&settings, publishing_state.clone()));
        let [events, dead] = [QueueName::Events, QueueName::Dead].map(|queue| {
            Consumer::new(
                queue,
                &settings,
                consuming_state.clone(),
                Arc::clone(&publisher),
                stop_receiving.clone(),
            )
        });

        Self {
            topology: Topology::new(&settings.instance),
            settings,
            publisher,
            publishing: publishing_state,
            consuming,
            consuming_started: Once::new(),
            events,
            dead,
            stop_receiving,
            stop,
        }
    }

    fn consumer(&self, queue: QueueName) -> &Consumer {
        match queue {
            QueueName::Events => &self.events,
            QueueName::Dead => &self.dead,
        }
    }

    async fn publish_message(
        &self,
        queue: QueueName,
        message: Message,
    ) -> Result<(), PublishError> {
        let instance = &self.settings.instance;
        if message.instance != *instance {
            return Err(PublishError::Refused(format!(
                "it belongs to the instance {}",
                message.instance
            )));
        }

        let body = message
            .encode()
            .map_err(|error| PublishError::Refused(error.to_string()))?;
        let routing_key = match queue {
            QueueName::Events => EVENTS,
            QueueName::Dead => DEAD,
        };
        let message = OutboundMessage::new(routing_key, body, instance, message.version);
        self.publisher.publish(message).await
    }

    /// Counts on a channel of its own, which the broker closes if a queue is missing.
    async fn count(&self, queues: Vec<ShortString>) -> Result<u64, String> {
        let session = self.publisher.session()?;
        let channel = call("opening a channel", session.connection.create_channel()).await?;

        let mut count = 0_u64;
        for name in queues {
            count = count.saturating_add(self.topology.ready(&channel, &name).await?);
        }

        call("closing a channel", channel.close(200, "counted".into())).await?;
        Ok(count)
    }

    /// Waits until both supervisors have closed their connections.
    async fn connections_closed(&self) {
        let is_closed = |state: &SessionState| matches!(state, SessionState::Closed);
        let (mut publishing, mut consuming) = (self.publishing.clone(), self.consuming.subscribe());

        // An error means that the supervisor has ended.
        let _ = publishing.wait_for(is_closed).await;
        if self.consuming_started.is_completed() {
            let _ = consuming.wait_for(is_closed).await;
        }
    }
}

impl Queue for RabbitQueue {
    fn publish(
        &self,
        queue: QueueName,
        message: Message,
    ) -> BoxFuture<'_, Result<(), PublishError>> {
        Box::pin(self.publish_message(queue, message))
    }

    fn receive(
        &self,
        queue: QueueName,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, ReceiveError>> {
        self.consuming_started.call_once(|| {
            tokio::spawn(supervise(
                Arc::clone(&self.settings),
                ConnectionPurpose::Consume,
                self.consuming.clone(),
                self.stop.clone(),
            ));
        });
        Box::pin(self.consumer(queue).receive(max))
    }

    /// The unrouted messages count as events.
    fn depth(&self, queue: QueueName) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async move {
            let counted = self.count(self.topology.consumed_as(queue)).await;
            if let Err(problem) = &counted {
                tracing::debug!(problem, "the queue could not be counted");
                self.publisher.check_topology().await;
            }
            counted.ok()
        })
    }

    fn quarantined(&self) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async { self.count(vec![self.topology.quarantine()]).await.ok() })
    }

    fn health(&self) -> QueueHealth {
        match self.publisher.session() {
            Ok(_) => QueueHealth::Ready,
            Err(reason) => QueueHealth::NotReady(reason),
        }
    }

    fn receive_health(&self) -> QueueHealth {
        let problem = [&self.events, &self.dead]
            .into_iter()
            .find_map(|consumer| consumer.problem().clone());
        problem.map_or_else(|| self.health(), QueueHealth::NotReady)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.stop_receiving.cancel();
            self.events.close().await;
            self.dead.close().await;
            self.publisher.finish().await;

            self.stop.cancel();
            let limit = CALL_TIMEOUT.saturating_mul(2);
            if tokio::time::timeout(limit, self.connections_closed())
                .await
                .is_err()
            {
                tracing::warn!("the connections to the broker were not closed in time");
            }
        })
    }
}

impl Drop for RabbitQueue {
    fn drop(&mut self) {
        self.stop_receiving.cancel();
        self.stop.cancel();
    }
}
