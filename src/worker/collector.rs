//! The collector: empties the dead-letter queue into the store.
//!
//! Hooks that no preset could read become dead letters. Messages that the broker stopped delivering
//! are stored like any other, so that their events count, and each of their hooks gets a dead
//! letter of cause `poison`.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Worker, back_off, ingest, log_receive_error};
use crate::{
    queue::{Delivery, Hook, QueueName},
    store::{DeadLetterCause, DeadLetterSubject, NewDeadLetter, StoreError},
};
use hirewire_core::backoff::{Backoff, Retry};

/// The most deliveries that are taken at a time.
const MAX_DELIVERIES: usize = 16;

/// Collects until `shutdown`.
pub(super) async fn run(worker: &Worker, shutdown: CancellationToken) {
    let mut retry = Retry::new(Backoff::DEPENDENCY);
    loop {
        let received = tokio::select! {
            received = worker.shared.queue.receive(QueueName::Dead, MAX_DELIVERIES) => received,
            () = shutdown.cancelled() => return,
        };

        match received {
            Ok(deliveries) => match collect(worker, deliveries).await {
                Ok(()) => retry.reset(),
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "the store cannot be reached; dead letters wait in the queue"
                    );
                    if !worker.wait_for_store(&mut retry, &shutdown).await {
                        return;
                    }
                }
            },
            Err(error) => {
                log_receive_error(&error);
                if !back_off(&mut retry, &shutdown).await {
                    return;
                }
            }
        }
    }
}

async fn collect(worker: &Worker, deliveries: Vec<Delivery>) -> Result<(), StoreError> {
    let poisoned: Vec<NewDeadLetter> = deliveries
        .iter()
        .filter(|delivery| delivery.poison)
        .filter_map(|delivery| delivery.message.as_ref().ok())
        .flat_map(|message| &message.hooks)
        .map(poison)
        .collect();

    for dead_letter in &poisoned {
        worker.shared.store.file_dead_letter(dead_letter).await?;
    }
    ingest::ingest(worker, deliveries).await
}

fn poison(hook: &Hook) -> NewDeadLetter {
    NewDeadLetter {
        subject: DeadLetterSubject::Hook {
            source: hook.source.clone(),
            hook: hook.hook.clone(),
        },
        cause: DeadLetterCause::Poison,
        summary: "The broker stopped delivering this hook because no worker acked it. Its events \
                  are stored and count. Look in the workers' logs for the reason."
            .to_owned(),
        detail: json!({ "events": hook.events().len(), "received": hook.received }),
        raw: None,
    }
}
