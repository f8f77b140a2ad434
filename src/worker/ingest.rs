//! Ingest: takes messages off the queue, stores their events, marks accounts pending, then acks.
//!
//! Many messages are stored in one transaction. If the store refuses it, their hooks are stored one
//! by one, and of a hook that is refused its events, so that one bad event holds up no other; the
//! bad one becomes a dead letter. While the store cannot
//! be reached, nothing is acked: deliveries are requeued at once, and none is taken until the store
//! answers again.

use serde_json::json;

use super::Worker;
use crate::{
    failpoint,
    queue::{Acker, Delivery, Hook, Message, Payload, UnreadableEnvelope},
    store::{DeadLetterCause, DeadLetterSubject, NewDeadLetter, StoreError, StoredBatch},
};

/// The most deliveries that are taken at a time.
pub(super) const MAX_DELIVERIES: usize = 64;

/// A transaction with this many hooks takes no further message: its accounts can be reconciled only
/// after it is committed.
const HOOKS_PER_TRANSACTION: usize = 256;

/// Stores deliveries in order and acks them. From the first store error on they are requeued.
pub(super) async fn ingest(worker: &Worker, deliveries: Vec<Delivery>) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    for batch in batches(deliveries) {
        if outcome.is_ok() {
            outcome = ingest_batch(worker, batch).await;
        } else {
            for delivery in batch {
                delivery.acker.requeue().await;
            }
        }
    }
    outcome
}

/// Splits deliveries, in order, into batches of one transaction each.
fn batches(deliveries: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let mut batches: Vec<Vec<Delivery>> = Vec::new();
    let mut hooks = HOOKS_PER_TRANSACTION;

    for delivery in deliveries {
        if hooks >= HOOKS_PER_TRANSACTION {
            batches.push(Vec::new());
            hooks = 0;
        }

        hooks += delivery
            .message
            .as_ref()
            .map_or(0, |message| message.hooks.len());
        if let Some(batch) = batches.last_mut() {
            batch.push(delivery);
        }
    }
    batches
}

/// Stores a batch in one transaction, then acks it. On an error the batch is requeued.
async fn ingest_batch(worker: &Worker, deliveries: Vec<Delivery>) -> Result<(), StoreError> {
    let mut messages = Vec::new();
    let mut ackers = Vec::new();
    for delivery in deliveries {
        match delivery.message {
            Ok(message) => {
                messages.push(message);
                ackers.push(delivery.acker);
            }
            Err(envelope) => quarantine(worker, &envelope, delivery.acker).await?,
        }
    }

    failpoint::at("worker.before_store").await;
    match store_messages(worker, &messages).await {
        Ok(()) => {
            failpoint::at("worker.stored").await;
            ack(ackers).await;
            Ok(())
        }
        Err(error) => {
            for acker in ackers {
                acker.requeue().await;
            }
            Err(error)
        }
    }
}

async fn ack(ackers: Vec<Box<dyn Acker>>) {
    for acker in ackers {
        if !acker.ack().await {
            tracing::debug!(
                "an ack came too late: the message is delivered again, which changes nothing"
            );
        }
    }
}

async fn quarantine(
    worker: &Worker,
    envelope: &UnreadableEnvelope,
    acker: Box<dyn Acker>,
) -> Result<(), StoreError> {
    tracing::error!(
        version = envelope.version,
        problem = envelope.problem,
        "a message of another version is quarantined until a binary that reads it starts"
    );

    if let Err(error) = worker.shared.store.quarantine(envelope).await {
        acker.requeue().await;
        return Err(error);
    }
    ack(vec![acker]).await;
    Ok(())
}

/// Stores all hooks in one transaction; if the store refuses it, one by one.
async fn store_messages(worker: &Worker, messages: &[Message]) -> Result<(), StoreError> {
    let hooks: Vec<Hook> = messages
        .iter()
        .flat_map(|message| message.hooks.clone())
        .collect();
    if hooks.is_empty() {
        return Ok(());
    }

    let source_routing = &worker.shared.settings.source_routing;
    match worker
        .shared
        .store
        .store_hooks(&hooks, source_routing)
        .await
    {
        Ok(recorded) => {
            report_stored(worker, &recorded);
            Ok(())
        }
        Err(StoreError::Refused(problem)) => {
            tracing::warn!(
                problem,
                hooks = hooks.len(),
                "the store refused a transaction; its hooks are stored one by one"
            );
            for hook in &hooks {
                store_hook(worker, hook).await?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Stores one hook. If the store refuses it, its events are stored one by one; those that are
/// refused again become one dead letter, which keeps their bytes.
async fn store_hook(worker: &Worker, hook: &Hook) -> Result<(), StoreError> {
    let Some(mut problem) = refusal(worker, hook).await? else {
        return Ok(());
    };
    let mut refused = hook.clone();

    if let Payload::Events(events) = &mut refused.payload
        && events.len() > 1
    {
        let mut unstorable = Vec::new();
        for event in std::mem::take(events) {
            let alone = Hook {
                payload: Payload::Events(vec![event.clone()]),
                ..hook.clone()
            };
            if let Some(found) = refusal(worker, &alone).await? {
                problem = found;
                unstorable.push(event);
            }
        }
        if unstorable.is_empty() {
            return Ok(());
        }
        *events = unstorable;
    }
    file_unstorable(worker, &refused, problem).await
}

/// Stores a hook; `Some`: why the store refused it.
async fn refusal(worker: &Worker, hook: &Hook) -> Result<Option<String>, StoreError> {
    let source_routing = &worker.shared.settings.source_routing;
    let stored = worker
        .shared
        .store
        .store_hooks(std::slice::from_ref(hook), source_routing)
        .await;

    match stored {
        Ok(recorded) => {
            report_stored(worker, &recorded);
            Ok(None)
        }
        Err(StoreError::Refused(problem)) => Ok(Some(problem)),
        Err(error) => Err(error),
    }
}

/// Files a dead letter about a hook that cannot be stored. If that is refused as well, the hook is
/// quarantined: its bytes are never lost.
async fn file_unstorable(worker: &Worker, hook: &Hook, problem: String) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(hook).unwrap_or_default();
    let letter = NewDeadLetter {
        subject: DeadLetterSubject::Hook {
            source: hook.source.clone(),
            hook: hook.hook.clone(),
        },
        cause: DeadLetterCause::Unstorable,
        summary: "The store refused events of this hook, so they do not count; the other events \
                  of the hook are stored. Read the reason in the detail, then replay, or state \
                  the facts anew in HR."
            .to_owned(),
        detail: json!({
            "reason": problem, "events": hook.events().len(), "received": hook.received,
        }),
        raw: Some(bytes),
    };

    let store = &worker.shared.store;
    match store.file_dead_letter(&letter).await {
        Ok(dead_letter) => {
            tracing::error!(
                hook = hook.hook.as_str(),
                source = hook.source.as_str(),
                problem,
                %dead_letter,
                "the store refused events of a hook: a dead letter is filed"
            );
            Ok(())
        }
        Err(StoreError::Refused(_)) => {
            tracing::error!(
                hook = hook.hook.as_str(),
                problem,
                "a hook cannot be stored; it is quarantined"
            );
            let message = Message::new(String::new(), vec![hook.clone()]);
            let envelope = UnreadableEnvelope {
                bytes: message.encode().unwrap_or_default(),
                version: Some(message.version),
                instance: None,
                problem,
            };
            store.quarantine(&envelope).await
        }
        Err(error) => Err(error),
    }
}

/// Logs the stored hooks, then reports them.
fn report_stored(worker: &Worker, recorded: &StoredBatch) {
    for hook in &recorded.hooks {
        for event in &hook.events {
            tracing::debug!(
                hook = hook.hook.as_str(),
                kind = event.kind.as_str(),
                new = event.is_new,
                "event stored"
            );
        }

        if let Some(dead_letter) = &hook.dead_letter {
            tracing::warn!(
                hook = hook.hook.as_str(),
                source = hook.source.as_str(),
                %dead_letter,
                "a hook could not be read: a dead letter is filed"
            );
        }
    }
    worker.events_stored(recorded);
}
