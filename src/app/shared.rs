//! The state that all tasks of a service share, and the steps that change it.
//!
//! It starts workers and the operators' API once the store is reached, and replaces them at a
//! reload.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    Roles,
    build::{self, Options},
    error_text,
    observer::ProcessObserver,
    router_slot::RouterSlot,
    store_health::StoreHealth,
};
use crate::{
    config::{Config, QueueConfig, StoreConfig},
    intake::Intake,
    observer::Observer,
    ops::{Ops, Tail},
    queue::{EmbeddedQueue, Queue, RabbitQueue},
    store::{MappingSubmission, Store},
    telemetry::Metrics,
    worker::Worker,
};
use hirewire_core::fold::FOLD_VERSION;

const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(5);

pub(super) struct Shared {
    pub(super) roles: Roles,
    options: Options,
    config: Mutex<Config>,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) intake: Option<Intake>,
    pub(super) metrics: Metrics,
    pub(super) tail: Tail,
    observer: Arc<ProcessObserver>,
    pub(super) local_api: RouterSlot,
    pub(super) tcp_api: RouterSlot,
    store: Mutex<Option<Store>>,
    pub(super) store_health: StoreHealth,
    workers: tokio::sync::Mutex<Option<WorkerTask>>,
}

/// The workers of one config. A reload stops them and starts others.
struct WorkerTask {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Shared {
    /// Opens the queue and builds the intake. Checks the settings of every connection.
    pub(super) async fn new(
        config: &Config,
        roles: Roles,
        options: Options,
    ) -> anyhow::Result<Self> {
        let queue = open_queue(config).await?;
        let (metrics, tail) = (Metrics::default(), Tail::default());
        let observer = Arc::new(ProcessObserver::new(metrics.clone(), tail.clone(), config));

        let intake = if roles.intake {
            let settings = build::intake(config)?;
            let observer = Arc::clone(&observer) as Arc<dyn Observer>;
            Some(Intake::new(settings, Arc::clone(&queue), observer))
        } else {
            None
        };
        build::connections(config, &options, &observer)?;

        Ok(Self {
            roles,
            options,
            config: Mutex::new(config.clone()),
            queue,
            intake,
            metrics,
            tail,
            observer,
            local_api: RouterSlot::default(),
            tcp_api: RouterSlot::default(),
            store: Mutex::new(None),
            store_health: StoreHealth::default(),
            workers: tokio::sync::Mutex::new(None),
        })
    }

    /// The store, once it has been reached.
    pub(super) fn store(&self) -> Option<Store> {
        self.store
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Starts workers and the operators' API. Tries again until the store can be used.
    pub(super) async fn start_store_roles(&self, shutdown: CancellationToken) {
        if !(self.roles.worker || self.roles.ops) {
            self.store_health.set_ready();
            return;
        }

        let mut wait = FIRST_RETRY;
        while !shutdown.is_cancelled() {
            match self.try_start_store_roles().await {
                Ok(()) => {
                    self.store_health.set_ready();
                    tracing::info!("the store is reached; workers and the operators' API run");
                    return;
                }
                Err(error) => {
                    let error = error_text(&error);
                    tracing::error!(
                        error,
                        retry_in_seconds = wait.as_secs_f64(),
                        "workers and the operators' API cannot start yet; trying again"
                    );
                    self.store_health.set_not_ready(error);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LAST_RETRY),
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn try_start_store_roles(&self) -> anyhow::Result<()> {
        let config = self.config();
        let store = Store::open(config.store_settings().context("[store] url")?).await?;
        self.offer_mappings(&config, &store).await?;
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
        self.start_roles(&config, &store).await
    }

    /// Publishes the mapping of each connection that has none, and stages a mapping that differs.
    async fn offer_mappings(&self, config: &Config, store: &Store) -> anyhow::Result<()> {
        for (name, connection) in &config.connections {
            let text = connection.document().canonical();
            match store.submit_mapping(name, &text, FOLD_VERSION).await? {
                MappingSubmission::Published(version) => {
                    tracing::info!(connection = name, version, "the mapping is published");
                }
                MappingSubmission::Unchanged(version) => {
                    tracing::debug!(connection = name, version, "the mapping is unchanged");
                }
                MappingSubmission::Staged => tracing::warn!(
                    connection = name,
                    "the mapping in the config differs from the published one and is staged; \
                     publish it with `hirewire connections apply {name}`"
                ),
            }
        }

        Ok(())
    }

    async fn start_roles(&self, config: &Config, store: &Store) -> anyhow::Result<()> {
        let settings = build::worker(config, &self.options, &self.observer)?;
        let worker = Worker::new(settings, store.clone(), Arc::clone(&self.queue));

        if self.roles.ops {
            let woken = worker.clone();
            let parts = build::ops(
                config,
                store,
                worker.connections(),
                Arc::new(move || woken.notify_pending()),
                (self.tail.clone(), self.metrics.clone()),
            )?;
            let ops = Ops::new(parts);
            self.local_api.set(ops.local());
            self.tcp_api.set(ops.tcp());
        }

        if self.roles.worker {
            let stop = CancellationToken::new();
            let until = stop.clone();
            let task = tokio::spawn(async move { worker.run(until).await });
            *self.workers.lock().await = Some(WorkerTask { stop, task });
        }
        Ok(())
    }

    /// Stops the workers and waits until they have finished.
    pub(super) async fn stop_workers(&self) {
        let workers = self.workers.lock().await.take();
        if let Some(WorkerTask { stop, task }) = workers {
            stop.cancel();
            let _ = task.await;
        }
    }

    /// Checks the new config, then replaces intake settings, workers and API.
    pub(super) async fn reload(&self, config: Config) -> anyhow::Result<()> {
        if let Some(key) = needs_restart(&self.config(), &config) {
            bail!("a change of `{key}` needs a restart");
        }
        let intake = build::intake(&config)?;
        build::connections(&config, &self.options, &self.observer)?;

        let store = self.store();
        if let Some(store) = &store {
            self.offer_mappings(&config, store).await?;
        }

        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config.clone();
        self.observer.use_config(&config);
        if let Some(running) = &self.intake {
            running.replace(intake);
        }
        if let Some(store) = &store {
            self.stop_workers().await;
            self.start_roles(&config, store).await?;
        }

        tracing::info!("the config is reloaded");
        Ok(())
    }

    fn config(&self) -> Config {
        self.config
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn open_queue(config: &Config) -> anyhow::Result<Arc<dyn Queue>> {
    Ok(match &config.queue {
        QueueConfig::Embedded => {
            let path = config.data_dir.join("queue.db");
            Arc::new(EmbeddedQueue::open(path, &config.instance).await?)
        }
        QueueConfig::Rabbit(address) => {
            let settings = config.broker_settings(address).context("[queue]")?;
            Arc::new(RabbitQueue::start(settings))
        }
    })
}

/// The first changed key that a running process cannot take.
fn needs_restart(before: &Config, after: &Config) -> Option<&'static str> {
    [
        ("instance", before.instance != after.instance),
        ("data_dir", before.data_dir != after.data_dir),
        ("intake.listen", before.intake.listen != after.intake.listen),
        ("ops.listen", before.ops.listen != after.ops.listen),
        ("queue", queue_key(before) != queue_key(after)),
        ("store", store_key(before) != store_key(after)),
    ]
    .into_iter()
    .find_map(|(key, changed)| changed.then_some(key))
}

fn queue_key(config: &Config) -> String {
    match &config.queue {
        QueueConfig::Embedded => String::new(),
        QueueConfig::Rabbit(address) => format!("{address:?}"),
    }
}

fn store_key(config: &Config) -> String {
    match &config.store {
        StoreConfig::Sqlite(path) => path.display().to_string(),
        StoreConfig::Url(address) => format!("{address:?}"),
    }
}
