//! The gatherer: hooks that come in while the last confirms are outstanding share a message.
//!
//! The queue's cost is per message, far more than per byte (measured: 19,000 hooks/s instead of 12,000). A hook alone goes
//! at once. What was handed in is published whatever becomes of its caller; each learns of the confirm of its message.

use std::{sync::Arc, time::Instant};

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::Heard;
use crate::queue::{ENVELOPE_VERSION, Hook, Lane, Message, PublishError, Queue};

/// Most hooks in a message.
pub(super) const MOST_HOOKS: usize = 64;
/// Most bytes of bodies in a message, unless one hook alone has more.
pub(super) const MOST_BYTES: usize = 256 * 1024;
/// How many messages may wait for their confirm while more is gathered.
pub(super) const OUTSTANDING: usize = 2;

/// How many hooks may wait to be gathered: what a queue that does not answer may cost in memory.
const WAITING: usize = 2048;

/// Whether a message is durable.
pub(super) type Confirmed = Result<(), Arc<PublishError>>;

/// Gathers hooks into messages.
pub(super) struct Gatherer {
    waiting: mpsc::Sender<Waiting>,
}

struct Waiting {
    hook: Hook,
    bytes: usize,
    confirmed: oneshot::Sender<Confirmed>,
}

impl Gatherer {
    /// Starts gathering; ends when it is dropped and all is published.
    pub(super) fn new(queue: Arc<dyn Queue>, instance: String, heard: Arc<dyn Heard>) -> Self {
        let (waiting, incoming) = mpsc::channel(WAITING);
        tokio::spawn(gather(incoming, queue, instance, heard));
        Self { waiting }
    }

    /// Hands in a hook whose body has that many bytes. What comes back tells when it is durable.
    pub(super) fn hand_in(&self, hook: Hook, bytes: usize) -> Result<oneshot::Receiver<Confirmed>, PublishError> {
        let (confirmed, receiver) = oneshot::channel();
        self.waiting.try_send(Waiting { hook, bytes, confirmed }).map_err(|_| PublishError::Overloaded)?;
        Ok(receiver)
    }
}

async fn gather(mut incoming: mpsc::Receiver<Waiting>, queue: Arc<dyn Queue>, instance: String, heard: Arc<dyn Heard>) {
    let places = Arc::new(Semaphore::new(OUTSTANDING));
    let mut left_over = None;
    loop {
        let first = match left_over.take() {
            Some(waiting) => Some(waiting),
            None => incoming.recv().await,
        };
        let Some(first) = first else { return };
        // Whatever comes in while this waits shares the message.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let mut gathered = fill(first, &mut incoming, &mut left_over);
        // Whoever was answered 503 meanwhile sends again.
        gathered.retain(|waiting| !waiting.confirmed.is_closed());
        if gathered.is_empty() {
            continue;
        }
        let (queue, instance, heard) = (Arc::clone(&queue), instance.clone(), Arc::clone(&heard));
        tokio::spawn(async move {
            publish(queue.as_ref(), instance, gathered, heard.as_ref()).await;
            drop(place);
        });
    }
}

fn fill(first: Waiting, incoming: &mut mpsc::Receiver<Waiting>, left_over: &mut Option<Waiting>) -> Vec<Waiting> {
    let mut bytes = first.bytes;
    let mut gathered = vec![first];
    while gathered.len() < MOST_HOOKS {
        let Ok(next) = incoming.try_recv() else { break };
        bytes += next.bytes;
        if bytes > MOST_BYTES {
            *left_over = Some(next);
            break;
        }
        gathered.push(next);
    }
    gathered
}

async fn publish(queue: &dyn Queue, instance: String, gathered: Vec<Waiting>, heard: &dyn Heard) {
    let began = Instant::now();
    let (hooks, callers): (Vec<_>, Vec<_>) =
        gathered.into_iter().map(|waiting| (waiting.hook, waiting.confirmed)).unzip();
    let message = Message { version: ENVELOPE_VERSION, instance, hooks };
    let confirmed: Confirmed = queue.publish(Lane::Events, message).await.map_err(Arc::new);
    heard.published(callers.len(), began.elapsed(), confirmed.is_ok());
    for caller in callers {
        // A caller that is gone has lost its answer, not its hook.
        let _ = caller.send(confirmed.clone());
    }
}
