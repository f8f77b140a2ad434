//! The service: starts what a config asks for, in an order that loses no hook.
//!
//! The intake needs the queue alone and listens first. Workers and the operators' API start once
//! the store can be reached; until then the service tries again. A reload takes the new config as a
//! whole or keeps the old one.

mod at_rest;
mod build;
mod descriptors;
mod error_text;
mod listeners;
mod local;
mod lock;
mod observer;
mod router_slot;
mod sampler;
mod shared;
mod store_health;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use at_rest::keep_files_private;
pub use build::Options;
pub(crate) use error_text::error_text;
pub(crate) use local::{LocalApi, local_api};
pub(crate) use lock::DataLock;

use crate::{config::Config, ops::Tail};
use listeners::Listeners;
use shared::Shared;

/// The time that running requests and tasks get to finish at a stop.
const DRAIN: Duration = Duration::from_secs(30);

/// The roles that run in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Receives hooks.
    pub intake: bool,
    /// Stores events and reconciles accounts.
    pub worker: bool,
    /// Serves the operators' API.
    pub ops: bool,
}

impl Roles {
    /// Intake, worker and ops.
    pub const ALL: Self = Self {
        intake: true,
        worker: true,
        ops: true,
    };
}

/// A running service. [`Service::stop`] ends it in order.
pub struct Service {
    shared: Arc<Shared>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    _lock: Option<DataLock>,
    /// The bound address of `[intake] listen`; `None` without the intake role.
    pub intake: Option<SocketAddr>,
    /// The bound address of `[ops] listen`: health and metrics, and the API if tokens are
    /// configured.
    pub ops: SocketAddr,
    /// The operators' socket; `None` without the ops role.
    pub socket: Option<PathBuf>,
}

impl Service {
    /// Starts the roles. An unreachable store or broker delays the roles that need it; any other
    /// trouble (an address in use, a locked directory, a missing secret) is an error.
    pub async fn start(config: Config, roles: Roles, options: Options) -> anyhow::Result<Self> {
        at_rest::prepare_data_dir(&config.data_dir)?;
        let lock = DataLock::take_if_needed(&config)?;
        let shared = Arc::new(Shared::new(&config, roles, options).await?);

        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let Listeners {
            intake,
            ops,
            socket,
        } = listeners::listen(&shared, &config, &tasks, &shutdown).await?;

        let (state, stop) = (Arc::clone(&shared), shutdown.clone());
        tasks.spawn(async move { state.start_store_roles(stop).await });
        let (state, stop) = (Arc::clone(&shared), shutdown.clone());
        tasks.spawn(async move { sampler::run(&state, stop).await });

        Ok(Self {
            shared,
            shutdown,
            tasks,
            _lock: lock,
            intake,
            ops,
            socket,
        })
    }

    /// The live lines about hooks and accounts of this process.
    pub fn tail(&self) -> &Tail {
        &self.shared.tail
    }

    /// True once the store is reached and the roles that need it run.
    pub fn is_ready(&self) -> bool {
        self.shared.store_health.check().is_ok()
    }

    /// Takes another config as a whole. On an error the service keeps the old one.
    pub(crate) async fn reload(&self, config: Config) -> anyhow::Result<()> {
        let outcome = self.shared.reload(config).await;
        self.shared.metrics.reloaded(outcome.is_ok());
        outcome
    }

    /// Stops in order: accepts nothing new, finishes what runs, closes the queue. Takes 30 s at
    /// most.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.shared.stop_workers().await;

        self.tasks.close();
        if tokio::time::timeout(DRAIN, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                seconds = DRAIN.as_secs(),
                "some requests or tasks did not finish in time; stopping without them"
            );
        }

        self.shared.queue.close().await;
        if let Some(socket) = &self.socket {
            let _ = std::fs::remove_file(socket);
        }
    }
}

/// The operators' socket of the service with this data directory.
pub(crate) fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("ops.sock")
}
