//! The service: everything that a config asks for, put together and started in an order that never loses a hook.
//!
//! Intake needs the queue alone and is up first; workers and the operators' API follow once the store can be reached, and
//! until then are tried again. A reload takes a new config whole or not at all.

mod build;
mod local;
mod lock;
mod observer;
mod sampler;
mod swap;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use axum::{Router, routing::get};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use build::Options;
pub use local::{Reached, local_api};
pub use lock::DataLock;

use crate::{
    config::{Config, QueueConfig, StoreConfig},
    http::{self, Detail, Health, Limits, ProcessRole},
    intake::Intake,
    ops::{Ops, Tail},
    queue::{EmbeddedQueue, Queue, QueueHealth, RabbitQueue, RabbitSettings},
    store::{MappingSubmission, Store, StoreError},
    telemetry::Metrics,
    worker::Worker,
};
use hirewire_core::fold::FOLD_VERSION;
use observer::ProcessObserver;
use sampler::Pulse;
use swap::Swap;

/// Which roles run in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Receives hooks.
    pub intake: bool,
    /// Records and reconciles.
    pub worker: bool,
    /// The operators' API.
    pub ops: bool,
}

impl Roles {
    /// All three.
    pub const ALL: Self = Self {
        intake: true,
        worker: true,
        ops: true,
    };
}

/// A running service.
pub struct Service {
    shared: Arc<Shared>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    _lock: Option<DataLock>,
    /// Where hooks are received, if they are.
    pub intake: Option<SocketAddr>,
    /// Where health and metrics are, and the API if there are tokens.
    pub ops: SocketAddr,
    /// The operators' socket, if that role runs.
    pub socket: Option<PathBuf>,
}

struct Shared {
    roles: Roles,
    options: Options,
    config: Mutex<Config>,
    queue: Arc<dyn Queue>,
    intake: Option<Intake>,
    metrics: Metrics,
    tail: Tail,
    observer: Arc<ProcessObserver>,
    local_api: Swap,
    tcp_api: Swap,
    store: Mutex<Option<Store>>,
    pulse: Pulse,
    workers: tokio::sync::Mutex<Option<Generation>>,
}

/// The workers of one config; a reload ends them in order and begins others.
struct Generation {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Service {
    /// Starts what the config asks for. Fails on what will not mend itself; an unreachable store is waited for.
    pub async fn start(config: Config, roles: Roles, options: Options) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.data_dir).with_context(|| {
            format!(
                "the data directory {} cannot be made",
                config.data_dir.display()
            )
        })?;
        let lock = lock_if_needed(&config)?;
        let queue = open_queue(&config).await?;
        let (metrics, tail) = (Metrics::default(), Tail::default());
        let observer = Arc::new(ProcessObserver::new(metrics.clone(), tail.clone(), &config));
        let intake = if roles.intake {
            let settings = build::intake(&config)?;
            Some(Intake::new(
                settings,
                Arc::clone(&queue),
                Arc::clone(&observer) as Arc<dyn crate::observer::Observer>,
            ))
        } else {
            None
        };
        build::connections(&config, &options, &observer)?;
        let shared = Arc::new(Shared {
            roles,
            options,
            config: Mutex::new(config.clone()),
            queue,
            intake,
            metrics,
            tail,
            observer,
            local_api: Swap::default(),
            tcp_api: Swap::default(),
            store: Mutex::new(None),
            pulse: Pulse::default(),
            workers: tokio::sync::Mutex::new(None),
        });
        let shutdown = CancellationToken::new();
        let tasks = TaskTracker::new();
        let mut service = Self {
            shared,
            shutdown,
            tasks,
            _lock: lock,
            intake: None,
            ops: config.ops.listen,
            socket: None,
        };
        service.listen(&config).await?;
        let (shared, shutdown) = (Arc::clone(&service.shared), service.shutdown.clone());
        service
            .tasks
            .spawn(async move { shared.behind(shutdown).await });
        let (shared, shutdown) = (Arc::clone(&service.shared), service.shutdown.clone());
        service
            .tasks
            .spawn(async move { sampler::run(&shared, shutdown).await });
        Ok(service)
    }

    async fn listen(&mut self, config: &Config) -> anyhow::Result<()> {
        let health = self.health();
        if let Some(intake) = &self.shared.intake {
            let listener = bind(config.intake.listen, "[intake] listen").await?;
            self.intake = Some(listener.local_addr()?);
            let router = health.router(Detail::Names).merge(intake.router());
            self.tasks.spawn(http::serve(
                listener,
                router,
                Limits::default(),
                self.shutdown.clone(),
            ));
        }
        let listener = bind(config.ops.listen, "[ops] listen").await?;
        self.ops = listener.local_addr()?;
        let metrics = self.shared.metrics.clone();
        let content_type = [(
            "content-type",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )];
        let router: Router = health
            .router(Detail::Reasons)
            .route(
                "/metrics",
                get(move || async move { (content_type, metrics.text()) }),
            )
            .merge(self.shared.tcp_api.router());
        self.tasks.spawn(http::serve(
            listener,
            router,
            Limits::default(),
            self.shutdown.clone(),
        ));
        if self.shared.roles.ops {
            let path = config.data_dir.join("ops.sock");
            let listener = lock::bind_socket(&path)?;
            let router = health
                .router(Detail::Reasons)
                .merge(self.shared.local_api.router());
            self.tasks.spawn(http::serve_unix(
                listener,
                router,
                Limits::default(),
                self.shutdown.clone(),
            ));
            self.socket = Some(path);
        }
        Ok(())
    }

    fn health(&self) -> Health {
        let roles = self.shared.roles;
        let mut health = Health::new();
        if roles.intake {
            let queue = Arc::clone(&self.shared.queue);
            health = health.check(ProcessRole::Intake, "queue", move || {
                queue_is_ready(queue.as_ref())
            });
        }
        for (runs, role) in [(roles.worker, ProcessRole::Worker), (roles.ops, ProcessRole::Ops)] {
            if runs {
                let pulse = self.shared.pulse.clone();
                health = health.check(role, "store", move || pulse.store());
            }
        }
        if roles.worker {
            let queue = Arc::clone(&self.shared.queue);
            health = health.check(ProcessRole::Worker, "queue", move || {
                queue_is_ready(queue.as_ref())
            });
        }
        health
    }

    /// Where the embedded things live, and what this process is up to, for whoever watches.
    pub fn tail(&self) -> &Tail {
        &self.shared.tail
    }

    /// Whether the store is reached and what depends on it runs.
    pub fn is_whole(&self) -> bool {
        self.shared.pulse.store().is_ok()
    }

    /// Takes another config, all or nothing.
    pub async fn reload(&self, config: Config) -> anyhow::Result<()> {
        let outcome = self.shared.reload(config).await;
        self.shared.metrics.reloaded(outcome.is_ok());
        outcome
    }

    /// Stops in order: nothing new is begun, what runs is finished, within a bounded time.
    pub async fn stop(self) {
        self.shutdown.cancel();
        let workers = self.shared.workers.lock().await.take();
        if let Some(Generation { stop, task }) = workers {
            stop.cancel();
            let _ = task.await;
        }
        self.tasks.close();
        let drain = Duration::from_secs(30);
        if tokio::time::timeout(drain, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("not everything ended in time");
        }
        self.shared.queue.close().await;
        if let Some(socket) = &self.socket {
            let _ = std::fs::remove_file(socket);
        }
    }
}

impl Shared {
    fn config(&self) -> Config {
        self.config
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What stands behind the store: waits for it, then offers mappings, starts workers and the API.
    async fn behind(&self, shutdown: CancellationToken) {
        if !(self.roles.worker || self.roles.ops) {
            self.pulse.well();
            return;
        }
        let mut wait = Duration::from_millis(200);
        while !shutdown.is_cancelled() {
            match self.try_behind().await {
                Ok(()) => {
                    self.pulse.well();
                    tracing::info!("store, workers and operators' API are up");
                    return;
                }
                Err(error) => {
                    self.pulse.ill(&format!("{error:#}"));
                    tracing::error!(
                        error = format!("{error:#}"),
                        "what stands behind the store cannot start; trying again"
                    );
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(Duration::from_secs(5)),
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn try_behind(&self) -> anyhow::Result<()> {
        let config = self.config();
        let store = Store::open(config.store_settings().context("[store] url")?)
            .await
            .map_err(told)?;
        self.offer(&config, &store).await?;
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
        self.begin(&config, &store).await
    }

    /// Publishes each connection's mapping where there is none; stages it where it differs.
    async fn offer(&self, config: &Config, store: &Store) -> anyhow::Result<()> {
        for (name, connection) in &config.connections {
            let text = connection.document().canonical();
            match store
                .submit_mapping(name, &text, FOLD_VERSION)
                .await
                .map_err(told)?
            {
                MappingSubmission::Published(version) => {
                    tracing::info!(connection = name, version, "mapping published")
                }
                MappingSubmission::Unchanged(version) => {
                    tracing::debug!(connection = name, version, "mapping unchanged")
                }
                MappingSubmission::Staged => tracing::warn!(
                    connection = name,
                    "the config's mapping differs from the published one and is staged: `hirewire connections apply {name}` publishes it"
                ),
            }
        }
        Ok(())
    }

    async fn begin(&self, config: &Config, store: &Store) -> anyhow::Result<()> {
        let settings = build::worker(config, &self.options, &self.observer)?;
        let worker = Worker::new(settings, store.clone(), Arc::clone(&self.queue));
        if self.roles.ops {
            let wake = worker.clone();
            let parts = build::ops(
                config,
                store,
                worker.connections(),
                Arc::new(move || wake.wake()),
                self.tail.clone(),
            )?;
            let ops = Ops::new(parts);
            self.local_api.set(ops.local());
            self.tcp_api.set(ops.tcp());
        }
        if self.roles.worker {
            let stop = CancellationToken::new();
            let until = stop.clone();
            let task = tokio::spawn(async move { worker.run(until).await });
            *self.workers.lock().await = Some(Generation { stop, task });
        }
        Ok(())
    }

    async fn reload(&self, config: Config) -> anyhow::Result<()> {
        let before = self.config();
        if let Some(what) = needs_restart(&before, &config) {
            bail!("`{what}` changed: that takes a restart; nothing was taken over");
        }
        let intake = build::intake(&config)?;
        build::connections(&config, &self.options, &self.observer)?;
        let store = self
            .store
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(store) = &store {
            self.offer(&config, store).await?;
        }
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config.clone();
        self.observer.reloaded(&config);
        if let Some(running) = &self.intake {
            running.replace(intake);
        }
        if let Some(store) = &store {
            let workers = self.workers.lock().await.take();
            if let Some(Generation { stop, task }) = workers {
                stop.cancel();
                let _ = task.await;
            }
            self.begin(&config, store).await?;
        }
        tracing::info!("the config was reloaded");
        Ok(())
    }
}

/// What cannot change while running.
fn needs_restart(before: &Config, after: &Config) -> Option<&'static str> {
    let queue = |config: &Config| match &config.queue {
        QueueConfig::Embedded => String::new(),
        QueueConfig::Rabbit(address) => format!("{address:?}"),
    };
    let store = |config: &Config| match &config.store {
        StoreConfig::Sqlite(path) => path.display().to_string(),
        StoreConfig::Url(address) => format!("{address:?}"),
    };
    [
        ("instance", before.instance != after.instance),
        ("data_dir", before.data_dir != after.data_dir),
        ("intake.listen", before.intake.listen != after.intake.listen),
        ("ops.listen", before.ops.listen != after.ops.listen),
        ("queue", queue(before) != queue(after)),
        ("store", store(before) != store(after)),
    ]
    .into_iter()
    .find_map(|(name, changed)| changed.then_some(name))
}

fn queue_is_ready(queue: &dyn Queue) -> Result<(), String> {
    match queue.health() {
        QueueHealth::Ready => Ok(()),
        QueueHealth::NotReady(why) => Err(why),
    }
}

/// The lock on `data_dir` is taken only where something in it is ours alone.
fn lock_if_needed(config: &Config) -> anyhow::Result<Option<DataLock>> {
    let embedded = matches!(config.queue, QueueConfig::Embedded)
        || matches!(config.store, StoreConfig::Sqlite(_));
    embedded
        .then(|| DataLock::take(&config.data_dir))
        .transpose()
}

async fn open_queue(config: &Config) -> anyhow::Result<Arc<dyn Queue>> {
    Ok(match &config.queue {
        QueueConfig::Embedded => {
            Arc::new(EmbeddedQueue::open(config.data_dir.join("queue.db"), &config.instance).await?)
        }
        QueueConfig::Rabbit(address) => {
            let url = address.url().context("[queue] url")?;
            Arc::new(RabbitQueue::start(RabbitSettings::new(
                url,
                &config.instance,
            )))
        }
    })
}

async fn bind(address: SocketAddr, what: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{what}: cannot listen on {address}"))
}

/// A store's error with what is behind it.
fn told(error: StoreError) -> anyhow::Error {
    anyhow!(error)
}

/// The socket of the service that a config describes.
pub fn socket_of(data_dir: &Path) -> PathBuf {
    data_dir.join("ops.sock")
}
