//! The queue on `RabbitMQ` (3.10 and later): durable quorum queues, publisher confirms, at-least-once.
//!
//! Starting never fails: a broker that is away is a queue that is not ready, and two supervisors (`session`) go on
//! trying, one for publishing, one for consuming from the first `receive` on. `publisher` takes nothing but a plain
//! ack for a confirm; `reader` holds deliveries; `topology` has the names; `incoming` tells whose a message is.

mod incoming;
mod publisher;
mod reader;
mod session;
#[cfg(test)]
mod tests;
mod topology;

use std::{
    sync::{Arc, Once},
    time::Duration,
};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::topology::Declare;
use self::{
    publisher::{Outgoing, Publisher},
    reader::Reader,
    session::{CALL, Purpose, State, supervise, within},
    topology::{DEAD, EVENTS, Names},
};
use super::{Delivery, QueueName, Message, PublishError, Queue, QueueHealth, ReceiveError};

/// Where the broker is and how it is used.
#[derive(Clone, Debug)]
pub struct RabbitSettings {
    /// `amqp://` or `amqps://`, with user, password and virtual host (`/` is `%2f`).
    pub url: SecretString,
    /// The instance: part of every name on the broker and of every message.
    pub instance: String,
    /// Deliveries that the broker sends ahead of their acks, per queue.
    pub prefetch: u16,
    /// Most publishes that may wait for their confirm.
    pub outstanding: u32,
    /// Longest wait for a confirm.
    pub confirm_deadline: Duration,
    /// Whether queues are declared or only looked for.
    pub declare: Declare,
    /// Deliveries after which a message is poison. Fixed when the queue is declared; every crash and every channel
    /// that is given back costs one.
    pub delivery_limit: u32,
}

impl RabbitSettings {
    /// The settings that were measured: 256 outstanding confirms of 5 s, 64 deliveries ahead.
    pub fn new(url: SecretString, instance: impl Into<String>) -> Self {
        Self {
            url,
            instance: instance.into(),
            prefetch: 64,
            outstanding: 256,
            confirm_deadline: Duration::from_secs(5),
            declare: Declare::Active,
            delivery_limit: 20,
        }
    }

    /// Whether the URL can be read; the error does not repeat it.
    pub fn check_url(&self) -> Result<(), String> {
        session::address(&self.url).map(drop)
    }
}

/// A queue on a `RabbitMQ` broker; see the module.
pub struct RabbitQueue {
    settings: Arc<RabbitSettings>,
    names: Names,
    publisher: Arc<Publisher>,
    publishing: watch::Receiver<State>,
    consuming: watch::Sender<State>,
    consuming_started: Once,
    events: Reader,
    dead: Reader,
    /// Ends the receivers first, the connections after them.
    stop_receiving: CancellationToken,
    stop: CancellationToken,
}

impl RabbitQueue {
    /// Starts connecting, from within a Tokio runtime. What goes wrong is told by [`Queue::health`].
    pub fn start(settings: RabbitSettings) -> Self {
        let settings = Arc::new(settings);
        let connecting = || State::Down("connecting to the broker".to_owned());
        let (publishing, publishing_state) = watch::channel(connecting());
        let (consuming, consuming_state) = watch::channel(connecting());
        let (stop, stop_receiving) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(supervise(
            Arc::clone(&settings),
            Purpose::Publish,
            publishing,
            stop.clone(),
        ));
        let publisher = Arc::new(Publisher::new(&settings, publishing_state.clone()));
        let reader = |lane| {
            let (state, publisher) = (consuming_state.clone(), Arc::clone(&publisher));
            Reader::new(
                lane,
                (&settings.instance, settings.prefetch),
                state,
                publisher,
                stop_receiving.clone(),
            )
        };
        let (events, dead) = (reader(QueueName::Events), reader(QueueName::Dead));
        Self {
            names: Names::new(&settings.instance),
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

    fn reader(&self, lane: QueueName) -> &Reader {
        match lane {
            QueueName::Events => &self.events,
            QueueName::Dead => &self.dead,
        }
    }

    async fn publish_now(&self, lane: QueueName, message: Message) -> Result<(), PublishError> {
        let instance = &self.settings.instance;
        if message.instance != *instance {
            return Err(PublishError::Refused(format!(
                "it is of the instance {}",
                message.instance
            )));
        }
        let body = message
            .encode()
            .map_err(|error| PublishError::Refused(error.to_string()))?;
        let key = match lane {
            QueueName::Events => EVENTS,
            QueueName::Dead => DEAD,
        };
        self.publisher
            .publish(Outgoing::new(key, body, instance, message.version))
            .await
    }

    /// Asked over a channel of its own: a queue that is missing closes it.
    async fn count(&self, lane: QueueName) -> Result<u64, String> {
        let session = self.publisher.session()?;
        let channel = within("opening a channel", session.connection.create_channel()).await?;
        let mut count = 0_u64;
        for queue in self.names.read_for(lane) {
            count = count.saturating_add(self.names.ready(&channel, &queue).await?);
        }
        within("closing a channel", channel.close(200, "counted".into())).await?;
        Ok(count)
    }
}

impl Queue for RabbitQueue {
    fn publish(&self, lane: QueueName, message: Message) -> BoxFuture<'_, Result<(), PublishError>> {
        Box::pin(self.publish_now(lane, message))
    }

    fn receive(
        &self,
        lane: QueueName,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, ReceiveError>> {
        self.consuming_started.call_once(|| {
            let (settings, state) = (Arc::clone(&self.settings), self.consuming.clone());
            tokio::spawn(supervise(settings, Purpose::Consume, state, self.stop.clone()));
        });
        Box::pin(self.reader(lane).receive(max))
    }

    /// Those that are ready to be delivered, the unrouted among the events.
    fn depth(&self, lane: QueueName) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async move {
            let counted = self.count(lane).await;
            counted
                .inspect_err(|problem| tracing::debug!(problem, "the queue could not be counted"))
                .ok()
        })
    }

    fn health(&self) -> QueueHealth {
        match self.publisher.session() {
            Ok(_) => QueueHealth::Ready,
            Err(why) => QueueHealth::NotReady(why),
        }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.stop_receiving.cancel();
            self.events.close().await;
            self.dead.close().await;
            self.publisher.finish().await;
            self.stop.cancel();
            let closed = |state: &State| matches!(state, State::Closed);
            let (mut publishing, mut consuming) =
                (self.publishing.clone(), self.consuming.subscribe());
            let all = async {
                // An error says that the supervisor is gone.
                let _ = publishing.wait_for(closed).await;
                if self.consuming_started.is_completed() {
                    let _ = consuming.wait_for(closed).await;
                }
            };
            if tokio::time::timeout(CALL.saturating_mul(2), all)
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
