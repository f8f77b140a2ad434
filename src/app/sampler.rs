//! Queries store and queue every five seconds, for `/readyz` and for the gauges of `/metrics`.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::shared::Shared;
use crate::{
    queue::QueueName,
    store::{ConnectionState, PendingCount, Priority, Store, StoreError},
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

        if let Some(messages) = shared.queue.quarantined().await {
            shared.metrics.queue("quarantine", messages);
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
    let states = store.connection_states().await?;
    let pending = store.pending_counts().await?;
    shared.metrics.pending(with_zeros(&states, &pending));

    let dead_letters = store.dead_letter_counts().await?;
    shared.metrics.dead_letters(dead_letters);

    shared.metrics.connection_states(
        states
            .into_iter()
            .map(|row| (row.connection.clone(), state_label(&row))),
    );

    shared.metrics.quarantined(store.quarantined_count().await?);
    Ok(())
}

/// The pending accounts of each connection and class, also where there are none: an alarm on a series
/// that does not exist never rings.
fn with_zeros<'a>(
    states: &'a [ConnectionState],
    pending: &'a [PendingCount],
) -> impl Iterator<Item = (String, &'static str, u64, Option<Timestamp>)> + use<'a> {
    let classes = [Priority::Leaver, Priority::Other];
    let series = states
        .iter()
        .flat_map(move |state| classes.map(|class| (&state.connection, class)));

    series.map(|(connection, class)| {
        let mut counts = pending.iter();
        let count = counts.find(|row| row.connection == *connection && row.priority == class);
        let accounts = count.map_or(0, |row| row.accounts);
        let oldest = count.and_then(|row| row.oldest);
        (connection.clone(), class_label(class), accounts, oldest)
    })
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
