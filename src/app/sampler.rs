//! Looks at store and queue every few seconds: for `/readyz`, and for the gauges of `/metrics`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::{
    queue::Lane,
    store::{Priority, Store, StoreError},
};

const EVERY: Duration = Duration::from_secs(5);

/// How the store was when it was last looked at.
#[derive(Clone, Debug)]
pub(super) struct Pulse(Arc<Mutex<Result<(), String>>>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Err("not reached yet".to_owned()))))
    }
}

impl Pulse {
    pub(super) fn well(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Ok(());
    }

    pub(super) fn ill(&self, why: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Err(why.to_owned());
    }

    pub(super) fn store(&self) -> Result<(), String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Samples until it is asked to stop.
pub(super) async fn run(shared: &Shared, shutdown: CancellationToken) {
    loop {
        for (lane, name) in [(Lane::Events, "events"), (Lane::Dead, "dead")] {
            if let Some(messages) = shared.queue.depth(lane).await {
                shared.metrics.queue(name, messages);
            }
        }
        let store = shared
            .store
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(store) = store {
            match sample(shared, &store).await {
                Ok(()) => shared.pulse.well(),
                Err(error) => shared.pulse.ill(&error.to_string()),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

async fn sample(shared: &Shared, store: &Store) -> Result<(), StoreError> {
    let pending = store.pending_counts().await?;
    let priority = |priority| match priority {
        Priority::Leaver => "leaver",
        Priority::Other => "other",
    };
    shared.metrics.pending(
        pending
            .into_iter()
            .map(|one| (one.connection, priority(one.priority), one.accounts, one.oldest)),
    );
    shared
        .metrics
        .dead_letters(store.dead_letter_counts().await?);
    let states = store.connection_states().await?;
    let named = |paused: bool| if paused { "paused" } else { "working" };
    shared.metrics.connection_states(
        states
            .into_iter()
            .map(|one| (one.connection, named(one.paused.is_some()))),
    );
    shared.metrics.quarantined(store.quarantined_count().await?);
    Ok(())
}
