//! The operators' API without a running service: in the command's own process, on the store.

use std::sync::Arc;

use anyhow::Context as _;
use axum::{Extension, Router};

use super::{DataLock, Options, build, observer::ProcessObserver};
use crate::{
    config::Config,
    http::Peer,
    ops::{Ops, Tail},
    store::Store,
    telemetry::Metrics,
};

/// The API in this process. It holds the lock on the data directory while it lives.
pub(crate) struct LocalApi {
    pub(crate) router: Router,
    _lock: Option<DataLock>,
}

/// Opens the store and builds the API on it. No worker runs here.
pub(crate) async fn local_api(config: &Config) -> anyhow::Result<LocalApi> {
    let lock = DataLock::take_if_needed(config)?;
    let store = Store::open(config.store_settings().context("[store] url")?).await?;

    let tail = Tail::default();
    let metrics = Metrics::default();
    let observer = Arc::new(ProcessObserver::new(metrics.clone(), tail.clone(), config));
    let connections = build::worker(config, &Options::default(), &observer)?.connections();
    let parts = build::ops(
        config,
        &store,
        &connections,
        Arc::new(|| {}),
        (tail, metrics),
    )?;

    Ok(LocalApi {
        router: Ops::new(parts).local().layer(Extension(Peer::of_process())),
        _lock: lock,
    })
}
