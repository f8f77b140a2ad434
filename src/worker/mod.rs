//! The workers: record what the queue brings, reconcile what is pending, sweep for what was missed.
//!
//! `record` takes messages off the queue and stores them; `pump` claims pending accounts of one connection, leavers first,
//! and has them reconciled with bounded concurrency; `reconcile` does one; `collector` reads the dead queue; `sweep` finds
//! what no wake-up told of. All stop in order: nothing new is begun, what runs is finished, within a bounded time.

mod collector;
mod connection;
mod dispatcher;
mod ingest;
mod quarantine;
mod reconcile;
mod sweep;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use connection::{
    Connection, ConnectionError, ConnectionSettings, Live, MakeClient, Mode, ReadCredentials,
};
pub use reconcile::{Binding, Look, Next, ReconcileError, Reconciler, Seen, look, requests_of};

use crate::{
    observer::Observer,
    queue::{Queue, ReceiveError},
    store::{Outcome, PersonKey, StoredBatch, Store, SourceRouting},
};
use hirewire_core::{
    event::{Alias, HookId, Kind, SourceId},
    fold::SourceRules,
};

/// What workers are made from.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// The connections they serve.
    pub connections: Vec<ConnectionSettings>,
    /// Which sources feed which connection.
    pub source_routing: SourceRouting,
    /// What the fold must know of each source.
    pub sources: BTreeMap<SourceId, SourceRules>,
    /// How often what is pending and not marked is looked for.
    pub sweep_every: Duration,
    /// How long what runs may go on after the stop.
    pub drain: Duration,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
}

impl WorkerSettings {
    /// The connections, none of which has sent anything yet.
    pub fn connections(&self) -> BTreeMap<String, Arc<Connection>> {
        let made = |one: &ConnectionSettings| Arc::new(Connection::new(one.clone(), &self.sources));
        self.connections
            .iter()
            .map(|one| (one.name.clone(), made(one)))
            .collect()
    }
}

/// The workers of one process.
#[derive(Clone)]
pub struct Worker {
    shared: Arc<Shared>,
}

struct Shared {
    settings: WorkerSettings,
    store: Store,
    queue: Arc<dyn Queue>,
    connections: BTreeMap<String, Arc<Connection>>,
    pending: Notify,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("connections", &self.shared.connections.keys())
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// Workers that have not begun.
    pub fn new(settings: WorkerSettings, store: Store, queue: Arc<dyn Queue>) -> Self {
        let connections = settings.connections();
        Self {
            shared: Arc::new(Shared {
                settings,
                store,
                queue,
                connections,
                pending: Notify::new(),
            }),
        }
    }

    /// The connections, by name.
    pub fn connections(&self) -> &BTreeMap<String, Arc<Connection>> {
        &self.shared.connections
    }

    /// Something may be pending now: whoever made it so says it, and nobody has to wait for the next look.
    pub fn wake(&self) {
        self.shared.pending.notify_waiters();
    }

    /// Works until `shutdown`, then finishes what runs within the drain time.
    pub async fn run(&self, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        for connection in self.shared.connections.values() {
            let pump = dispatcher::Pump::new(self.clone(), Arc::clone(connection));
            let (stop, drain) = (shutdown.clone(), tasks.clone());
            tasks.spawn(async move { pump.run(stop, drain).await });
        }
        let (worker, stop) = (self.clone(), shutdown.clone());
        tasks.spawn(async move { ingest::run(&worker, stop).await });
        let (worker, stop) = (self.clone(), shutdown.clone());
        tasks.spawn(async move { collector::run(&worker, stop).await });
        let (worker, stop) = (self.clone(), shutdown.clone());
        tasks.spawn(async move { sweep::run(&worker, stop).await });
        shutdown.cancelled().await;
        tasks.close();
        if tokio::time::timeout(self.shared.settings.drain, tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                left = tasks.len(),
                "not everything was finished in time; it stays pending and is done at the next start"
            );
        }
    }

    /// Waits until the store answers again; `false` if it was asked to stop meanwhile. Nothing is taken off the queue until
    /// then: what is taken and given back counts towards the broker's delivery limit.
    async fn store_is_back(&self, patience: &mut Patience, shutdown: &CancellationToken) -> bool {
        loop {
            if !patience.wait(shutdown).await {
                return false;
            }
            if self.shared.store.now().await.is_ok() {
                return true;
            }
        }
    }

    /// Tells what was recorded, and wakes the pumps.
    fn heard(&self, recorded: &StoredBatch) {
        self.shared.settings.observer.events_stored(recorded);
        if !recorded.changed_people.is_empty() {
            self.wake();
        }
    }
}

/// Waits between tries while something is out of reach: 200 ms, doubled, at most 5 s.
pub(crate) struct Patience(Duration);

impl Patience {
    pub(crate) fn new() -> Self {
        Self(Duration::from_millis(200))
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }

    /// Waits; `false` if it was asked to stop meanwhile.
    pub(crate) async fn wait(&mut self, shutdown: &CancellationToken) -> bool {
        let wait = self.0;
        self.0 = (wait * 2).min(Duration::from_secs(5));
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            () = shutdown.cancelled() => false,
        }
    }
}

/// For logs.
pub(crate) fn unreadable_queue(error: &ReceiveError) {
    tracing::warn!(%error, "the queue cannot be read; trying again");
}

/// One line about an event, for logs.
pub(crate) fn note(hook: &HookId, kind: Kind, is_new: bool) {
    tracing::debug!(
        hook = hook.as_str(),
        kind = kind.as_str(),
        new = is_new,
        "event stored"
    );
}
