//! From the queue to the store: events are stored, accounts marked pending, and only then is the message acked.
//!
//! Many deliveries are stored in one transaction. If that is refused, message by message, then hook by hook: one bad
//! hook holds up no other; it is quarantined. While the store is out of reach nothing is acked and nothing is nacked in a
//! loop: what was taken is given back at once, and the queue is asked again after a while.

use tokio_util::sync::CancellationToken;

use super::{Patience, Worker, note, unreadable_queue};
use crate::{
    failpoint,
    queue::{Acker, Delivery, Hook, Message, QueueName, UnreadableEnvelope},
    store::{StoredBatch, StoreError},
};

/// Deliveries taken at a time.
const MOST: usize = 64;

/// A transaction with that many hooks takes no further message: what it stores can be reconciled only once it is whole.
const ENOUGH_HOOKS: usize = 256;

/// Records until it is asked to stop.
pub(super) async fn run(worker: &Worker, shutdown: CancellationToken) {
    let mut patience = Patience::new();
    loop {
        let received = tokio::select! {
            received = worker.shared.queue.receive(QueueName::Events, MOST) => received,
            () = shutdown.cancelled() => return,
        };
        match received {
            Ok(deliveries) => match record(worker, deliveries).await {
                Ok(()) => patience.reset(),
                Err(error) => {
                    tracing::warn!(%error, "the store is out of reach; events wait in the queue");
                    if !worker.store_is_back(&mut patience, &shutdown).await {
                        return;
                    }
                }
            },
            Err(error) => {
                unreadable_queue(&error);
                if !patience.wait(&shutdown).await {
                    return;
                }
            }
        }
    }
}

/// Stores what was delivered, then acks it. What is not stored because of an error is not acked.
pub(super) async fn record(worker: &Worker, deliveries: Vec<Delivery>) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    for batch in batches(deliveries) {
        if outcome.is_ok() {
            outcome = record_together(worker, batch).await;
        } else {
            for delivery in batch {
                delivery.acker.requeue().await;
            }
        }
    }
    outcome
}

/// What is recorded in one transaction each, in order.
fn batches(deliveries: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let mut batches: Vec<Vec<Delivery>> = Vec::new();
    let mut hooks = ENOUGH_HOOKS;
    for delivery in deliveries {
        if hooks >= ENOUGH_HOOKS {
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

/// In one transaction. On an error nothing is acked.
async fn record_together(worker: &Worker, deliveries: Vec<Delivery>) -> Result<(), StoreError> {
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
    match store(worker, &messages).await {
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
                "an ack came too late: the message is delivered again, and again is harmless"
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

/// All in one transaction; where that is refused, hook by hook.
async fn store(worker: &Worker, messages: &[Message]) -> Result<(), StoreError> {
    let hooks: Vec<Hook> = messages
        .iter()
        .flat_map(|message| message.hooks.clone())
        .collect();
    if hooks.is_empty() {
        return Ok(());
    }
    match worker
        .shared
        .store
        .store_hooks(&hooks, &worker.shared.settings.source_routing)
        .await
    {
        Ok(recorded) => {
            told(worker, &recorded);
            Ok(())
        }
        Err(StoreError::Refused(problem)) => {
            tracing::warn!(
                problem,
                hooks = hooks.len(),
                "a message could not be stored whole; its hooks one by one"
            );
            for hook in &hooks {
                one(worker, hook).await?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

async fn one(worker: &Worker, hook: &Hook) -> Result<(), StoreError> {
    match worker
        .shared
        .store
        .store_hooks(std::slice::from_ref(hook), &worker.shared.settings.source_routing)
        .await
    {
        Ok(recorded) => {
            told(worker, &recorded);
            Ok(())
        }
        Err(StoreError::Refused(problem)) => {
            tracing::error!(
                hook = hook.hook.as_str(),
                problem,
                "a hook cannot be stored; it is quarantined"
            );
            let whole = Message::new(String::new(), vec![hook.clone()]);
            let envelope = UnreadableEnvelope {
                bytes: whole.encode().unwrap_or_default(),
                version: Some(whole.version),
                instance: None,
                problem,
            };
            worker.shared.store.quarantine(&envelope).await
        }
        Err(error) => Err(error),
    }
}

fn told(worker: &Worker, recorded: &StoredBatch) {
    for hook in &recorded.hooks {
        for event in &hook.events {
            note(&hook.hook, event.kind, event.is_new);
        }
        if let Some(letter) = &hook.dead_letter {
            tracing::warn!(hook = hook.hook.as_str(), %letter, source = hook.source.as_str(), "a hook could not be read: a letter");
        }
    }
    worker.heard(recorded);
}
