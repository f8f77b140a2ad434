//! The dead queue: hooks that could not be read become letters, and the broker's poison is stored all the same.
//!
//! A letter never decides whether an event counts: a poisoned message's events are stored like any other, and its
//! letter tells that the broker gave up on delivering it.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Patience, Worker, ingest, unreadable_queue};
use crate::{
    queue::{Delivery, Hook, QueueName},
    store::{DeadLetterCause, DeadLetterSubject, NewDeadLetter, StoreError},
};

/// Collects until it is asked to stop.
pub(super) async fn run(worker: &Worker, shutdown: CancellationToken) {
    let mut patience = Patience::new();
    loop {
        let received = tokio::select! {
            received = worker.shared.queue.receive(QueueName::Dead, 16) => received,
            () = shutdown.cancelled() => return,
        };
        let outcome = match received {
            Ok(deliveries) => collect(worker, deliveries).await,
            Err(error) => {
                unreadable_queue(&error);
                if !patience.wait(&shutdown).await {
                    return;
                }
                continue;
            }
        };
        match outcome {
            Ok(()) => patience.reset(),
            Err(error) => {
                tracing::warn!(%error, "the store is out of reach; letters wait in the dead queue");
                if !worker.store_is_back(&mut patience, &shutdown).await {
                    return;
                }
            }
        }
    }
}

async fn collect(worker: &Worker, deliveries: Vec<Delivery>) -> Result<(), StoreError> {
    let poison: Vec<Hook> = deliveries
        .iter()
        .filter(|delivery| delivery.poison)
        .filter_map(|delivery| delivery.message.as_ref().ok())
        .flat_map(|message| message.hooks.clone())
        .collect();
    for hook in &poison {
        let letter = NewDeadLetter {
            subject: DeadLetterSubject::Hook {
                source: hook.source.clone(),
                hook: hook.hook.clone(),
            },
            cause: DeadLetterCause::Poison,
            summary: "the broker gave up on delivering this hook; its events are stored and count"
                .to_owned(),
            detail: json!({ "events": hook.events().len(), "received": hook.received }),
            raw: None,
        };
        worker.shared.store.file_dead_letter(&letter).await?;
    }
    ingest::record(worker, deliveries).await
}
