//! The sweep: whatever is pending and no wake-up told of is found within its interval.
//!
//! A purged queue, a crash between storing and settling, a connection added while running, a row that was lost: the
//! rows are the truth, and the sweep reads them. Messages that were quarantined are tried again, too.

use tokio_util::sync::CancellationToken;

use super::{Mode, Worker, quarantine};
use crate::store::{StoreError, SweepResult};

/// Sweeps at once, then at every interval.
pub(super) async fn run(worker: &Worker, shutdown: CancellationToken) {
    loop {
        match quarantine::read_again(worker).await {
            Ok(0) => {}
            Ok(read) => tracing::info!(
                messages = read,
                "messages that were quarantined are read and stored now"
            ),
            Err(error) => {
                tracing::warn!(%error, "quarantined messages could not be read again; the sweep comes again")
            }
        }
        match swept(worker).await {
            Ok(swept) if swept.added + swept.marked > 0 => {
                tracing::info!(
                    added = swept.added,
                    marked = swept.marked,
                    "the sweep found accounts that are pending"
                );
                worker.wake();
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the sweep failed; it comes again"),
        }
        tokio::select! {
            () = tokio::time::sleep(worker.shared.settings.sweep_every) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

async fn swept(worker: &Worker) -> Result<SweepResult, StoreError> {
    let store = &worker.shared.store;
    let mut swept = store.sweep(&worker.shared.settings.source_routing).await?;
    for (name, connection) in worker.connections() {
        match connection.settings.mode {
            // What was observed while nothing was sent is to be done now.
            Mode::Apply => swept.marked += store.mark_observed_pending(name).await?,
            Mode::Observe => {}
        }
    }
    Ok(swept)
}
