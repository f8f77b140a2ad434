//! The collector: empties the dead-letter queue into the store.
//!
//! Hooks that no preset could read become dead letters. Messages that the broker stopped delivering
//! are stored like any other, so that their events count, and each of their hooks gets a dead
//! letter of cause `poison`.

use serde_json::json;

use super::{Worker, ingest};
use crate::{
    queue::{Delivery, Hook},
    store::{DeadLetterCause, DeadLetterSubject, NewDeadLetter, StoreError},
};

/// The most deliveries that are taken at a time.
pub(super) const MAX_DELIVERIES: usize = 16;

/// Stores deliveries of the dead-letter queue, and files a dead letter for each poisoned hook.
pub(super) async fn collect(worker: &Worker, deliveries: Vec<Delivery>) -> Result<(), StoreError> {
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
