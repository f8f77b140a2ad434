//! Consumes one queue of the instance: opens a channel, receives deliveries, and after an error
//! opens the next channel.
//!
//! While no delivery is acked, each further channel is opened after a longer backoff. Messages of
//! other instances are published to the quarantine queue here; the caller gets only its own.

use std::{
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use lapin::message::Delivery as BrokerDelivery;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::{
    RabbitSettings,
    channel::{ConsumerChannel, RabbitAcker},
    inbound::{self, Inbound},
    publisher::Publisher,
    session::{Session, SessionState},
    topology::Topology,
};
use crate::{
    queue::{Acker as _, Delivery, QueueName, ReceiveError},
    telemetry,
};
use hirewire_core::backoff::Backoff;

/// How long a receive waits for the connection before it fails.
const CONNECTION_WAIT: Duration = Duration::from_secs(2);

/// The consuming half of one queue.
pub(super) struct Consumer {
    queue: QueueName,
    topology: Topology,
    instance: String,
    prefetch: u16,
    state: watch::Receiver<SessionState>,
    publisher: Arc<Publisher>,
    stop: CancellationToken,
    /// Channels opened since the last ack.
    opened_since_ack: Arc<AtomicU32>,
    channel: Mutex<Option<ConsumerChannel>>,
    problem: std::sync::Mutex<Option<String>>,
}

impl Consumer {
    pub fn new(
        queue: QueueName,
        settings: &RabbitSettings,
        state: watch::Receiver<SessionState>,
        publisher: Arc<Publisher>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            queue,
            topology: Topology::new(&settings.instance),
            instance: settings.instance.clone(),
            prefetch: settings.prefetch,
            state,
            publisher,
            stop,
            opened_since_ack: Arc::new(AtomicU32::new(0)),
            channel: Mutex::new(None),
            problem: std::sync::Mutex::default(),
        }
    }

    /// Waits for deliveries: at least one, at most `max`. A dropped future loses none.
    pub async fn receive(&self, max: usize) -> Result<Vec<Delivery>, ReceiveError> {
        let mut slot = self.channel.lock().await;
        loop {
            if self.stop.is_cancelled() {
                return Err(ReceiveError("the queue is closed".to_owned()));
            }

            let channel = match &mut *slot {
                Some(channel) if channel.is_usable() => channel,
                unusable => {
                    if let Some(channel) = &*unusable {
                        channel.closing.close().await;
                    }
                    unusable.insert(self.open().await?)
                }
            };

            let (closing, session) = (Arc::clone(&channel.closing), Arc::clone(&channel.session));
            let taken = tokio::select! {
                biased;
                () = self.stop.cancelled() => continue,
                () = closing.requested.cancelled() => continue,
                () = session.ended.cancelled() => return Err(ReceiveError(session.reason())),
                taken = channel.next(max.max(1)) => taken?,
            };

            let deliveries = self.keep_own(taken).await?;
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
        }
    }

    /// Opens a channel after the backoff.
    async fn open(&self) -> Result<ConsumerChannel, ReceiveError> {
        match self.opened_since_ack.load(Ordering::Relaxed) {
            0 => {}
            opened => {
                let delay = Backoff::DEPENDENCY.delay(opened, telemetry::chance());
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = self.stop.cancelled() => {}
                }
            }
        }

        let opened = match self.session().await {
            Ok(session) => self.open_on(session).await,
            Err(problem) => Err(problem),
        };
        *self.problem() = opened.as_ref().err().cloned();
        opened.map_err(ReceiveError)
    }

    async fn open_on(&self, session: Arc<Session>) -> Result<ConsumerChannel, String> {
        self.opened_since_ack.fetch_add(1, Ordering::Relaxed);
        let opened = ConsumerChannel::open(
            session,
            self.topology.consumed_as(self.queue),
            self.prefetch,
            Arc::clone(&self.opened_since_ack),
        )
        .await;

        // Only the publishing session declares queues.
        if opened.is_err() {
            self.publisher.check_topology().await;
        }
        opened
    }

    /// Why the queue cannot be consumed; `None`: it can, as far as is known.
    pub fn problem(&self) -> MutexGuard<'_, Option<String>> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the session; the error says why there is none.
    async fn session(&self) -> Result<Arc<Session>, String> {
        let mut state = self.state.clone();
        let connected = state.wait_for(|state| match state {
            SessionState::Up(session) => !session.ended.is_cancelled(),
            SessionState::Closed => true,
            SessionState::Down(_) => false,
        });

        match tokio::time::timeout(CONNECTION_WAIT, connected).await {
            Ok(Ok(state)) => match &*state {
                SessionState::Up(session) => return Ok(Arc::clone(session)),
                SessionState::Down(_) | SessionState::Closed => return Err(closed()),
            },
            Ok(Err(_)) => return Err(closed()),
            Err(_) => {}
        }
        match &*self.state.borrow() {
            SessionState::Down(reason) => Err(reason.clone()),
            SessionState::Up(session) => Err(session.reason()),
            SessionState::Closed => Err(closed()),
        }
    }

    /// Keeps the messages of this instance, and quarantines those of others.
    async fn keep_own(
        &self,
        taken: Vec<(BrokerDelivery, RabbitAcker)>,
    ) -> Result<Vec<Delivery>, ReceiveError> {
        let mut deliveries = Vec::with_capacity(taken.len());

        for (delivery, acker) in taken {
            match inbound::classify(delivery, &self.instance) {
                Inbound::Own {
                    message,
                    redelivered,
                    poison,
                } => deliveries.push(Delivery {
                    message,
                    redelivered,
                    poison,
                    acker: Box::new(acker),
                }),
                Inbound::Foreign { instance, message } => {
                    tracing::error!(
                        instance,
                        "a queue of this instance held a message of another; it moves to the \
                         quarantine queue on the broker"
                    );
                    self.publisher.publish(message).await.map_err(|error| {
                        ReceiveError(format!("quarantining a message: {error}"))
                    })?;
                    Box::new(acker).ack().await;
                }
            }
        }

        Ok(deliveries)
    }

    /// Requeues every unacked delivery. The caller cancels `stop` first, so that a waiting receiver
    /// releases the lock.
    pub async fn close(&self) {
        if let Some(channel) = self.channel.lock().await.take() {
            channel.closing.close().await;
        }
    }
}

fn closed() -> String {
    "the queue is closed".to_owned()
}
