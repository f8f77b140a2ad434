//! The workers: ingest what the queue delivers, reconcile pending accounts, sweep for missed ones.
//!
//! `receive` takes messages off the queues: `ingest` stores their events and marks accounts
//! pending, `collector` files what came over the dead-letter queue. `dispatcher` claims the pending
//! accounts of one connection, leavers first, with bounded concurrency; `reconcile` brings one of
//! them to its desired state. `sweep` finds pending accounts without a notification, `quarantine`
//! retries messages that could not be stored. On shutdown nothing new starts, and running work ends
//! within the drain time.

mod collector;
mod connection;
mod dispatcher;
mod ingest;
mod outage;
mod overdue;
mod quarantine;
mod receive;
mod reconcile;
mod sweep;
mod target_memory;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use connection::Mode;
pub(crate) use connection::{
    Connection, ConnectionError, ConnectionSettings, MakeClient, PublishedConnection,
};
pub(crate) use reconcile::{ReadError, ReconcileContext, assess, note_text, requests_of};

use crate::{
    observer::Observer,
    queue::{Queue, QueueName},
    store::{SourceRouting, Store, StoredBatch},
    telemetry,
};
use hirewire_core::{backoff::Retry, event::SourceId, fold::SourceRules};

/// The settings of the workers of a process.
#[derive(Clone, Debug)]
pub(crate) struct WorkerSettings {
    pub(crate) connections: Vec<ConnectionSettings>,
    /// Which sources feed which connection.
    pub(crate) source_routing: SourceRouting,
    /// The facts about each source that the fold needs.
    pub(crate) sources: BTreeMap<SourceId, SourceRules>,
    /// The interval of the sweep.
    pub(crate) sweep_every: Duration,
    /// How long a leaver's account may be active before a dead letter is filed.
    pub(crate) overdue_after: Duration,
    /// How long after a group was not found it is looked for again.
    pub(crate) groups_again_after: Duration,
    /// How long running work may go on after shutdown begins.
    pub(crate) drain: Duration,
    pub(crate) observer: Arc<dyn Observer>,
}

impl WorkerSettings {
    /// The connections by name. None of them has sent a request yet.
    pub(crate) fn connections(&self) -> BTreeMap<String, Arc<Connection>> {
        self.connections
            .iter()
            .map(|settings| {
                let connection = Connection::new(settings.clone(), &self.sources);
                (settings.name.clone(), Arc::new(connection))
            })
            .collect()
    }
}

/// The workers of one process.
#[derive(Clone)]
pub(crate) struct Worker {
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
    pub(crate) fn new(settings: WorkerSettings, store: Store, queue: Arc<dyn Queue>) -> Self {
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

    pub(crate) fn connections(&self) -> &BTreeMap<String, Arc<Connection>> {
        &self.shared.connections
    }

    /// Notifies the dispatchers that accounts may be pending, so that they need not poll for them.
    pub(crate) fn notify_pending(&self) {
        self.shared.pending.notify_waiters();
    }

    /// Works until `shutdown`, then ends running work within the drain time.
    pub(crate) async fn run(&self, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();

        for connection in self.shared.connections.values() {
            let dispatcher = dispatcher::Dispatcher::new(self.clone(), Arc::clone(connection));
            let (stop, reconciles) = (shutdown.clone(), tasks.clone());
            tasks.spawn(async move { dispatcher.run(stop, reconciles).await });
        }
        for queue in [QueueName::Events, QueueName::Dead] {
            let (worker, stop) = (self.clone(), shutdown.clone());
            tasks.spawn(async move { receive::run(&worker, queue, stop).await });
        }
        let (worker, stop) = (self.clone(), shutdown.clone());
        tasks.spawn(async move { sweep::run(&worker, stop).await });

        shutdown.cancelled().await;
        tasks.close();

        let drain = self.shared.settings.drain;
        if tokio::time::timeout(drain, tasks.wait()).await.is_err() {
            tracing::warn!(
                unfinished = tasks.len(),
                "the drain time is over before all work ended; it stays pending and is done after \
                 the next start"
            );
        }
    }

    /// Waits until the store answers again; `false`: shutdown began meanwhile. Nothing is taken off
    /// the queue until then, because each requeue counts towards the broker's delivery limit.
    async fn wait_for_store(&self, retry: &mut Retry, shutdown: &CancellationToken) -> bool {
        loop {
            if !back_off(retry, shutdown).await {
                return false;
            }
            if self.shared.store.now().await.is_ok() {
                return true;
            }
        }
    }

    /// Reports stored events, and notifies the dispatchers if accounts are pending because of them.
    fn events_stored(&self, recorded: &StoredBatch) {
        self.shared.settings.observer.events_stored(recorded);
        if !recorded.changed_people.is_empty() {
            self.notify_pending();
        }
    }
}

/// Waits for the next delay of `retry`; `false`: shutdown began meanwhile.
async fn back_off(retry: &mut Retry, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(retry.next_delay(telemetry::chance())) => true,
        () = shutdown.cancelled() => false,
    }
}
