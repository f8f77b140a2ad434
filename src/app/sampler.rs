//! Queries store and queue every five seconds, for `/readyz` and for the gauges of `/metrics`.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::shared::Shared;
use crate::{
    queue::QueueName,
    store::{ConnectionState, Priority, Store, StoreError},
};

const EVERY: Duration = Duration::from_secs(5);

/// Samples until `shutdown`.
pub(super) async fn run(shared: &Shared, shutdown: CancellationToken) {
    loop {
        for (lane, name) in [(QueueName::Events, "events"), (QueueName::Dead, "dead")] {
            if let Some(messages) = shared.queue.depth(lane).await {
                shared.metrics.queue(name, messages);
            }
        }

        if let Some(store) = shared.store() {
            match sample(shared, &store).await {
                Ok(()) => shared.store_health.set_ready(),
                Err(error) => shared.store_health.set_not_ready(error.to_string()),
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
    shared.metrics.pending(pending.into_iter().map(|row| {
        let class = class_label(row.priority);
        (row.connection, class, row.accounts, row.oldest)
    }));

    let dead_letters = store.dead_letter_counts().await?;
    shared.metrics.dead_letters(dead_letters);

    let states = store.connection_states().await?;
    shared.metrics.connection_states(
        states
            .into_iter()
            .map(|row| (row.connection.clone(), state_label(&row))),
    );

    shared.metrics.quarantined(store.quarantined_count().await?);
    Ok(())
}

fn class_label(priority: Priority) -> &'static str {
    match priority {
        Priority::Leaver => "leaver",
        Priority::Other => "other",
    }
}

fn state_label(state: &ConnectionState) -> &'static str {
    match (&state.paused, state.unreachable) {
        (Some(_), _) => "paused",
        (None, Some(_)) => "unreachable",
        (None, None) => "working",
    }
}
