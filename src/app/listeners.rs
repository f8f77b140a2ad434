//! Binds the listeners of a service: hooks, operators' TCP, operators' socket.
//!
//! Each listener serves health. The TCP listener of operators also serves metrics. The API routers
//! are slots: they are empty until the store is reached.

use std::{io::ErrorKind, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::anyhow;
use axum::{
    Router,
    http::{HeaderMap, header::ACCEPT},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    descriptors::{ConnectionShares, limits},
    lock,
    shared::Shared,
    socket_path,
};
use crate::{
    config::Config,
    http::{self, Detail, Health, ProcessRole},
    queue::QueueHealth,
    telemetry::{Metrics, classic_text},
};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The addresses that were bound.
pub(super) struct Listeners {
    pub(super) intake: Option<SocketAddr>,
    pub(super) ops: SocketAddr,
    pub(super) socket: Option<PathBuf>,
}

/// Binds and serves the listeners of this process's roles until `shutdown`.
pub(super) async fn listen(
    shared: &Shared,
    config: &Config,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> anyhow::Result<Listeners> {
    let health = health(shared);
    let shares = ConnectionShares::of_process();
    let proxies = &config.intake.trusted_proxies;

    let mut intake_address = None;
    if let Some(intake) = &shared.intake {
        let listener = bind(config.intake.listen, "[intake] listen").await?;
        intake_address = Some(listener.local_addr()?);
        let router = health.router(Detail::Names).merge(intake.router());
        let limits = limits(shares.hooks, proxies);
        tasks.spawn(http::serve(listener, router, limits, shutdown.clone()));
    }

    let listener = bind(config.ops.listen, "[ops] listen").await?;
    let ops_address = listener.local_addr()?;
    let router = health
        .router(Detail::Reasons)
        .merge(metrics(shared.metrics.clone()))
        .merge(shared.tcp_api.router());
    let operators = limits(shares.operators, proxies);
    tasks.spawn(http::serve(listener, router, operators, shutdown.clone()));

    let mut socket = None;
    if shared.roles.ops {
        let path = socket_path(&config.data_dir);
        let router = health
            .router(Detail::Reasons)
            .merge(shared.local_api.router());
        let listener = lock::bind_socket(&path)?;
        let limits = limits(shares.local, proxies);
        tasks.spawn(http::serve_unix(listener, router, limits, shutdown.clone()));
        socket = Some(path);
    }

    Ok(Listeners {
        intake: intake_address,
        ops: ops_address,
        socket,
    })
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = if error.kind() == ErrorKind::AddrInUse {
            "; stop the process that listens there, or set another address"
        } else {
            ""
        };
        anyhow!("{key}: cannot listen on {address}: {error}{hint}")
    })
}

fn metrics(metrics: Metrics) -> Router {
    let text = move |headers: HeaderMap| async move {
        if wants_classic_text(&headers) {
            ([("content-type", CLASSIC)], classic_text(&metrics.text()))
        } else {
            ([("content-type", OPENMETRICS)], metrics.text())
        }
    };
    Router::new().route("/metrics", get(text))
}

/// Whether the scraper takes the classic text format and not `OpenMetrics`.
fn wants_classic_text(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| {
        accept.contains("text/plain") && !accept.contains("application/openmetrics-text")
    })
}

/// The readiness checks of the roles that run here.
fn health(shared: &Shared) -> Health {
    let roles = shared.roles;
    let mut health = Health::new();

    if roles.intake {
        let queue = Arc::clone(&shared.queue);
        health = health.check(ProcessRole::Intake, "queue", move || ready(queue.health()));
    }

    for (runs, role) in [
        (roles.worker, ProcessRole::Worker),
        (roles.ops, ProcessRole::Ops),
    ] {
        if runs {
            let store_health = shared.store_health.clone();
            health = health.check(role, "store", move || store_health.check());
        }
    }

    if roles.worker {
        let queue = Arc::clone(&shared.queue);
        health = health.check(ProcessRole::Worker, "queue", move || {
            ready(queue.receive_health())
        });
    }
    health
}

fn ready(health: QueueHealth) -> Result<(), String> {
    match health {
        QueueHealth::Ready => Ok(()),
        QueueHealth::NotReady(reason) => Err(reason),
    }
}
