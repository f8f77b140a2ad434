//! One connection to the broker from start to end, and the supervisor that opens the next one.
//!
//! lapin's own recovery stays off: it was seen stuck after restarts of the broker. Any failure ends
//! the whole session (connection, channel, outstanding confirms), and after a backoff a new one is
//! opened. Publishing and consuming have a connection each: a broker short of memory blocks the
//! publishing connection, and acks must still get through.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lapin::{Channel, Connection, options::ConfirmSelectOptions};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    RabbitSettings,
    call::call,
    connect::connect,
    topology::{Declare, Topology},
};
use crate::telemetry;
use hirewire_core::backoff::{Backoff, Retry};

/// How often a session checks whether it is still connected.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long a session waits after it declared new queues, before it confirms anything.
///
/// `RabbitMQ` 3.10 writes a new quorum queue to its directory some time after the declaration. If
/// its only node is killed before that, it restarts with the queue and all confirmed messages, but
/// the queue never gets a leader again.
const NEW_QUEUES_WAIT: Duration = Duration::from_secs(2);

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionPurpose {
    Publish,
    Consume,
}

impl ConnectionPurpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Consume => "consume",
        }
    }
}

/// The state of a connection, as its supervisor last set it.
#[derive(Clone)]
pub(super) enum SessionState {
    /// There is no connection, for this reason.
    Down(String),
    /// Connected. For publishing, all exchanges and queues exist.
    Up(Arc<Session>),
    /// The queue was closed.
    Closed,
}

/// One connection and its channel.
pub(super) struct Session {
    pub connection: Connection,
    /// The channel that declared the exchanges and queues. Publishes and consumers have their own.
    channel: Channel,
    /// Channels in confirm mode that no publish uses now.
    idle: Mutex<Vec<Channel>>,
    /// Cancelled when the session ends.
    pub ended: CancellationToken,
    reason: Mutex<Option<String>>,
}

impl Session {
    async fn open(
        settings: &RabbitSettings,
        topology: &Topology,
        purpose: ConnectionPurpose,
    ) -> Result<Self, String> {
        let name = format!("hirewire {} {}", settings.instance, purpose.as_str());
        let connection = connect(settings, name).await?;
        let channel = call("opening a channel", connection.create_channel()).await?;

        match purpose {
            ConnectionPurpose::Publish => {
                prepare_publishing(settings, topology, &connection, &channel).await?;
            }
            // A consumer that misses its queue fails when it starts to consume.
            ConnectionPurpose::Consume => {}
        }

        Ok(Self {
            connection,
            channel,
            idle: Mutex::default(),
            ended: CancellationToken::new(),
            reason: Mutex::new(None),
        })
    }

    /// Ends the session. Only the first reason is kept.
    pub fn fail(&self, reason: impl Into<String>) {
        self.reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| reason.into());
        self.ended.cancel();
    }

    /// Why the session ended.
    pub fn reason(&self) -> String {
        let reason = self
            .reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        reason.unwrap_or_else(|| "the connection was lost".to_owned())
    }

    /// A channel in confirm mode for one publish. The caller gives it back after the confirm.
    ///
    /// `RabbitMQ` returns an unroutable message right before its confirm, and lapin gives a returned
    /// message to the next confirm of the channel, whichever that is. With one publish at a time on
    /// a channel it can only be the right one. A new channel for each publish costs throughput
    /// (docs/benchmarks.md: 0.29 and 0.75 of the rate in two pairs), so idle channels are used again.
    pub async fn publishing_channel(&self) -> Result<Channel, String> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        if let Some(channel) = idle {
            return Ok(channel);
        }

        let channel = call("opening a channel", self.connection.create_channel()).await?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        call("selecting confirm mode", confirms).await?;
        Ok(channel)
    }

    /// Takes back a channel whose publish was confirmed.
    pub fn give_back(&self, channel: Channel) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(channel);
    }

    /// Ends the session if exchanges or queues are gone: the next one declares them anew.
    pub async fn check_topology(&self, topology: &Topology) {
        if self.ended.is_cancelled() || self.is_blocked() {
            return;
        }
        let Ok(channel) = call("opening a channel", self.connection.create_channel()).await else {
            return;
        };

        match topology.check(&channel).await {
            Ok(()) => {
                let closed = channel.close(200, "checked".into());
                let _ = call("closing a channel", closed).await;
            }
            // The broker closes the channel of a check that finds nothing; a check without an
            // answer leaves it open, and says nothing about the queues.
            Err(problem) if !channel.status().connected() => self.fail(problem),
            Err(problem) => tracing::debug!(problem, "the queues could not be checked"),
        }
    }

    /// Whether the broker has blocked this connection, because it is short of memory or disk.
    pub fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    fn is_connected(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Returns when the session has ended.
    async fn wait_for_end(&self) {
        let mut checks = tokio::time::interval(CHECK_INTERVAL);
        loop {
            tokio::select! {
                () = self.ended.cancelled() => return,
                _ = checks.tick() => if !self.is_connected() {
                    self.fail("the connection was lost");
                },
            }
        }
    }

    async fn close(&self) {
        self.ended.cancel();
        let closing = self.connection.close(200, "closing".into());
        if let Err(problem) = call("closing the connection", closing).await {
            tracing::debug!(problem, "a connection to the broker was not closed cleanly");
        }
    }
}

/// Declares or checks exchanges and queues.
async fn prepare_publishing(
    settings: &RabbitSettings,
    topology: &Topology,
    connection: &Connection,
    channel: &Channel,
) -> Result<(), String> {
    let declares = settings.declare == Declare::Active;
    let are_new = declares && topology.is_missing(connection).await?;

    topology
        .establish(channel, settings.declare, settings.delivery_limit)
        .await?;
    if are_new {
        tokio::time::sleep(NEW_QUEUES_WAIT).await;
    }
    Ok(())
}

/// Keeps a session open until `stop` is cancelled, and publishes its state to `state`. A failed
/// connection is tried again without end.
pub(super) async fn supervise(
    settings: Arc<RabbitSettings>,
    purpose: ConnectionPurpose,
    state: watch::Sender<SessionState>,
    stop: CancellationToken,
) {
    let topology = Topology::new(&settings.instance);
    let mut retry = Retry::new(Backoff::DEPENDENCY);

    while !stop.is_cancelled() {
        // `stop` does not interrupt the opening: that could leave a connection behind, and each of
        // its calls has a time limit.
        match Session::open(&settings, &topology, purpose).await {
            Ok(session) => {
                retry.reset();
                run(Arc::new(session), purpose, &state, &stop).await;
            }
            Err(problem) => {
                let is_known =
                    matches!(&*state.borrow(), SessionState::Down(known) if *known == problem);
                if !is_known {
                    tracing::error!(
                        purpose = purpose.as_str(),
                        problem,
                        "the broker cannot be used; trying again"
                    );
                }
                state.send_replace(SessionState::Down(problem));
            }
        }

        tokio::select! {
            () = tokio::time::sleep(retry.next_delay(telemetry::chance())) => {}
            () = stop.cancelled() => {}
        }
    }
    state.send_replace(SessionState::Closed);
}

/// Runs one session until it ends or `stop` is cancelled.
async fn run(
    session: Arc<Session>,
    purpose: ConnectionPurpose,
    state: &watch::Sender<SessionState>,
    stop: &CancellationToken,
) {
    tracing::info!(purpose = purpose.as_str(), "connected to the broker");
    state.send_replace(SessionState::Up(Arc::clone(&session)));

    tokio::select! {
        () = session.wait_for_end() => {}
        () = stop.cancelled() => session.fail("the queue is closed"),
    }

    let problem = session.reason();
    if !stop.is_cancelled() {
        tracing::error!(
            purpose = purpose.as_str(),
            problem,
            "the connection to the broker ended; connecting again"
        );
    }
    state.send_replace(SessionState::Down(problem));
    session.close().await;
}
