//! Takes deliveries off one of the queues, and hands them to `ingest` or to the `collector`.
//!
//! While the store cannot be reached, nothing is taken: each requeue counts towards the broker's
//! delivery limit.

use tokio_util::sync::CancellationToken;

use super::{Worker, back_off, collector, ingest};
use crate::queue::QueueName;
use hirewire_core::backoff::{Backoff, Retry};

/// Receives until `shutdown`.
pub(super) async fn run(worker: &Worker, queue: QueueName, shutdown: CancellationToken) {
    let mut retry = Retry::new(Backoff::DEPENDENCY);
    let most = match queue {
        QueueName::Events => ingest::MAX_DELIVERIES,
        QueueName::Dead => collector::MAX_DELIVERIES,
    };

    loop {
        let received = tokio::select! {
            received = worker.shared.queue.receive(queue, most) => received,
            () = shutdown.cancelled() => return,
        };
        let deliveries = match received {
            Ok(deliveries) => deliveries,
            Err(error) => {
                tracing::warn!(%error, "the queue cannot be read; the worker tries again");
                if !back_off(&mut retry, &shutdown).await {
                    return;
                }
                continue;
            }
        };

        let stored = match queue {
            QueueName::Events => ingest::ingest(worker, deliveries).await,
            QueueName::Dead => collector::collect(worker, deliveries).await,
        };
        match stored {
            Ok(()) => retry.reset(),
            Err(error) => {
                tracing::warn!(
                    %error,
                    "the store cannot be reached; messages wait in the queue"
                );
                if !worker.wait_for_store(&mut retry, &shutdown).await {
                    return;
                }
            }
        }
    }
}
