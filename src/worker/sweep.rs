//! The sweep: finds pending accounts that no notification announced, once per interval.
//!
//! The rows of the store are the truth. So a purged queue, a crash between storing and reconciling,
//! a connection added at run time or a lost row is found here. The sweep also retries quarantined
//! messages, files overdue leavers and looks again for groups that were not found. It reconciles nothing
//! itself.

use tokio_util::sync::CancellationToken;

use super::{Mode, Worker, overdue::file_overdue, quarantine};
use crate::store::{StoreError, SweepResult};

/// Sweeps at once, then at every interval, until `shutdown`.
pub(super) async fn run(worker: &Worker, shutdown: CancellationToken) {
    loop {
        match quarantine::retry_quarantined(worker).await {
            Ok(0) => {}
            Ok(messages) => tracing::info!(messages, "quarantined messages were read and stored"),
            Err(error) => tracing::warn!(
                %error,
                "quarantined messages could not be retried; the next sweep tries again"
            ),
        }

        if let Err(error) = file_overdue(worker).await {
            tracing::warn!(
                %error,
                "leavers could not be checked; the next sweep tries again"
            );
        }

        match sweep(worker).await {
            Ok(swept) if swept.added + swept.marked > 0 => {
                tracing::info!(
                    added = swept.added,
                    marked = swept.marked,
                    "the sweep found pending accounts"
                );
                worker.notify_pending();
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the sweep failed; the next one tries again"),
        }

        tokio::select! {
            () = tokio::time::sleep(worker.shared.settings.sweep_every) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

async fn sweep(worker: &Worker) -> Result<SweepResult, StoreError> {
    let store = &worker.shared.store;
    let settings = &worker.shared.settings;
    let mut swept = store.sweep(&settings.source_routing).await?;

    for (name, connection) in worker.connections() {
        match connection.settings.mode {
            Mode::Apply => {
                // Outcomes that were only observed are to be applied now.
                swept.marked += store.mark_observed_pending(name).await?;
                let again_after = settings.groups_again_after;
                swept.marked += store.look_for_groups_again(name, again_after).await?;
            }
            Mode::Observe => {}
        }
    }
    Ok(swept)
}
