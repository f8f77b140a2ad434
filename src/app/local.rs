//! The operators' API without a running service: over the store itself, under its lock, in the command's own process.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;

use super::{DataLock, Options, build, lock_if_needed, observer::ProcessObserver, told};
use crate::{
    config::Config,
    ops::{Ops, Tail},
    store::Store,
    telemetry::Metrics,
};

/// The API in this process; the lock is held as long as it is.
pub struct Reached {
    /// The routes.
    pub router: Router,
    _lock: Option<DataLock>,
}

/// Opens the store and makes the API over it. Nothing is recorded or reconciled here.
pub async fn local_api(config: &Config) -> anyhow::Result<Reached> {
    let lock = lock_if_needed(config)?;
    let store = Store::open(config.store_settings().context("[store] url")?)
        .await
        .map_err(told)?;
    let tail = Tail::default();
    let observer = Arc::new(ProcessObserver::new(
        Metrics::default(),
        tail.clone(),
        config,
    ));
    let connections = build::worker(config, &Options::default(), &observer)?.connections();
    let parts = build::ops(config, &store, &connections, Arc::new(|| {}), tail)?;
    Ok(Reached {
        router: Ops::new(parts).local(),
        _lock: lock,
    })
}
