//! One life of one connection, and the supervisor that starts the next when it ends.
//!
//! lapin's own recovery stays off: it was seen stuck after broker restarts. Here any trouble ends the whole session
//! (connection, channel, outstanding confirms), and after a backoff a new one is built from nothing. Every call to
//! the broker is under a time limit. Publishing and consuming have a connection each: a broker that is short of
//! memory blocks the publishing one, and acks must still get through.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lapin::{
    Channel, Connection, ConnectionProperties, options::ConfirmSelectOptions, uri::AMQPUri,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    RabbitSettings,
    topology::{Declare, Names},
};
use crate::telemetry;

/// Longest wait for the broker's answer to one call.
pub(super) const CALL: Duration = Duration::from_secs(5);

/// How often a session looks whether it is still connected.
const WATCH: Duration = Duration::from_secs(1);

/// Seconds between heartbeats where the URL does not say: a vanished broker is noticed after twice that.
const HEARTBEAT: u16 = 10;

/// How long new queues are left alone before they are trusted. `RabbitMQ` 3.10 notes a quorum queue in its directory
/// some time after it has declared it; killed before that, the only node comes back with the queue (and all that it
/// confirmed) but without a leader for it, for ever.
const SETTLING: Duration = Duration::from_secs(2);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Publish,
    Consume,
}

/// What became of the connection, for whoever needs it.
#[derive(Clone)]
pub(super) enum State {
    /// Not connected, and why.
    Down(String),
    /// Connected; for publishing: everything that is needed has been found or declared.
    Up(Arc<Session>),
    /// Closed by us, for good.
    Closed,
}

/// One connection with its channel, from its start to its end.
pub(super) struct Session {
    pub connection: Connection,
    /// Publishing: the channel in confirm mode. Consuming: unused beyond the start.
    pub channel: Channel,
    /// Held while a publish is polled for the first time: lapin pairs confirms with publishes by that order.
    pub first_poll: Mutex<()>,
    /// Ends the session when cancelled.
    pub over: CancellationToken,
    why: Mutex<Option<String>>,
}

impl Session {
    async fn open(settings: &RabbitSettings, names: &Names, role: Purpose) -> Result<Self, String> {
        let connection_name = match role {
            Purpose::Publish => format!("hirewire {} publish", settings.instance),
            Purpose::Consume => format!("hirewire {} consume", settings.instance),
        };
        let properties =
            ConnectionProperties::default().with_connection_name(connection_name.into());
        let connection = within(
            "connecting",
            Connection::connect_uri(address(&settings.url)?, properties),
        )
        .await?;
        let channel = within("opening a channel", connection.create_channel()).await?;
        if role == Purpose::Publish {
            // The readers need nothing of this: a queue that is missing is told by the attempt to consume.
            let fresh = settings.declare == Declare::Active && names.are_new(&connection).await?;
            names
                .establish(&channel, settings.declare, settings.delivery_limit)
                .await?;
            if fresh {
                tokio::time::sleep(SETTLING).await;
            }
            within(
                "asking for confirms",
                channel.confirm_select(ConfirmSelectOptions::default()),
            )
            .await?;
        }
        let (first_poll, over, why) = (Mutex::new(()), CancellationToken::new(), Mutex::new(None));
        Ok(Self {
            connection,
            channel,
            first_poll,
            over,
            why,
        })
    }

    /// Ends it. Only the first reason is kept.
    pub fn fail(&self, why: impl Into<String>) {
        self.why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| why.into());
        self.over.cancel();
    }

    /// Why it ended.
    pub fn why(&self) -> String {
        let why = self
            .why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        why.unwrap_or_else(|| "the connection was lost".to_owned())
    }

    /// Whether the broker reads nothing from this connection now (short of memory or disk).
    pub fn blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    fn connected(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Resolves when it is over.
    async fn end(&self) {
        let mut watch = tokio::time::interval(WATCH);
        loop {
            tokio::select! {
                () = self.over.cancelled() => return,
                _ = watch.tick() => if !self.connected() {
                    self.fail("the connection was lost");
                },
            }
        }
    }

    /// Says goodbye where there still is somebody to say it to.
    async fn close(&self) {
        self.over.cancel();
        if let Err(problem) = within(
            "closing the connection",
            self.connection.close(200, "closing".into()),
        )
        .await
        {
            tracing::debug!(
                problem,
                "a connection to the broker was not closed in good order"
            );
        }
    }
}

/// Keeps a session up until `stop`; tells through `state`. Never gives up.
pub(super) async fn supervise(
    settings: Arc<RabbitSettings>,
    role: Purpose,
    state: watch::Sender<State>,
    stop: CancellationToken,
) {
    let names = Names::new(&settings.instance);
    let mut failures = 0_u32;
    while !stop.is_cancelled() {
        // Not raced with `stop`: its calls are short, and half a connection would be left over.
        match Session::open(&settings, &names, role).await {
            Ok(session) => {
                failures = 0;
                tracing::info!(?role, "connected to the broker");
                let session = Arc::new(session);
                state.send_replace(State::Up(Arc::clone(&session)));
                tokio::select! {
                    () = session.end() => {}
                    () = stop.cancelled() => session.fail("the queue is closed"),
                }
                let problem = session.why();
                if !stop.is_cancelled() {
                    tracing::error!(
                        ?role,
                        problem,
                        "the connection to the broker ended; connecting again"
                    );
                }
                state.send_replace(State::Down(problem));
                session.close().await;
            }
            Err(problem) => {
                if !matches!(&*state.borrow(), State::Down(known) if *known == problem) {
                    tracing::error!(?role, problem, "the broker cannot be used; trying on");
                }
                state.send_replace(State::Down(problem));
            }
        }
        failures = failures.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(backoff(failures)) => {}
            () = stop.cancelled() => {}
        }
    }
    state.send_replace(State::Closed);
}

/// How long to wait after so many failures in a row: 200 ms doubling to 5 s, of which a random half.
pub(super) fn backoff(failures: u32) -> Duration {
    let doubled = Duration::from_millis(200).saturating_mul(1 << failures.saturating_sub(1).min(5));
    doubled
        .min(Duration::from_secs(5))
        .mul_f64(0.5 + telemetry::chance() / 2.0)
}

/// A call to the broker under the time limit, its trouble as a text.
pub(super) async fn within<T>(
    what: &str,
    call: impl Future<Output = lapin::Result<T>>,
) -> Result<T, String> {
    match tokio::time::timeout(CALL, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("{what}: {error}")),
        Err(_) => Err(format!("{what}: no answer within {} s", CALL.as_secs())),
    }
}

/// Reads the address; the error does not repeat it (it has a password).
pub(super) fn address(url: &SecretString) -> Result<AMQPUri, String> {
    let unreadable = || {
        "the broker's URL cannot be read; it looks like amqp://user:password@host:5672/%2f"
            .to_owned()
    };
    let mut address: AMQPUri = url.expose_secret().parse().map_err(|_| unreadable())?;
    let parsed = url::Url::parse(url.expose_secret()).map_err(|_| unreadable())?;
    match parsed.host() {
        // lapin takes an address in brackets for none, and would go to localhost instead.
        Some(url::Host::Ipv6(host)) => address.authority.host = host.to_string(),
        Some(url::Host::Domain(_) | url::Host::Ipv4(_)) => {}
        None => return Err(unreadable()),
    }
    address.query.heartbeat.get_or_insert(HEARTBEAT);
    Ok(address)
}
