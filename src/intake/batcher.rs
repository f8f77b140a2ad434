//! The batcher: hooks that come in while the last confirm is outstanding share a message.
//!
//! The queue's cost is per message, far more than per byte (docs/benchmarks.md): few messages, each with all that came in
//! meanwhile, take a third more hooks than several small ones. A hook alone goes at once; so does a message that is half full;
//! one that is neither waits for a slow confirm only so long. What was handed in is published whatever becomes of its
//! caller; each learns of the confirm of its message.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, mpsc, oneshot};

use crate::observer::Observer;
use crate::queue::{Hook, Message, PublishError, Queue, QueueName};

/// Most hooks in a message.
pub(super) const MOST_HOOKS: usize = 64;
/// A message with so many does not wait for the confirm of the one before: two take turns, one made while one is made durable.
pub(super) const ENOUGH: usize = MOST_HOOKS / 2;
/// Most bytes of bodies in a message, unless one hook alone has more.
pub(super) const MOST_BYTES: usize = 256 * 1024;
/// How many messages may wait for their confirm.
const OUTSTANDING: usize = 16;

/// How many hooks may wait to be gathered: what a queue that does not answer may cost in memory.
const WAITING: usize = 2048;

/// Whether a message is durable.
pub(super) type Confirmed = Result<(), Arc<PublishError>>;

/// Gathers hooks into messages.
pub(super) struct Batcher {
    waiting: mpsc::Sender<Waiting>,
    out: Arc<Out>,
}

/// The messages that wait for their confirm.
struct Out {
    /// How long one of a few hooks waits for the others.
    longest: Duration,
    messages: AtomicUsize,
    /// One of them was answered, or there are hooks enough for the next.
    stir: Notify,
}

/// One of them; answered when it is dropped.
struct InFlightPermit(Arc<Out>);

impl Out {
    /// Waits until the next message may go. `is_enough`: whether there are hooks enough for it not to wait.
    async fn turn(self: &Arc<Self>, is_enough: impl Fn() -> bool) -> InFlightPermit {
        let patience = tokio::time::sleep(self.longest);
        tokio::pin!(patience);
        let mut waited = false;
        loop {
            let out = self.messages.load(Ordering::Acquire);
            if out == 0 || (out < OUTSTANDING && (waited || is_enough())) {
                self.messages.fetch_add(1, Ordering::AcqRel);
                return InFlightPermit(Arc::clone(self));
            }
            tokio::select! {
                () = self.stir.notified() => {}
                () = &mut patience, if !waited => waited = true,
            }
        }
    }
}

impl Drop for InFlightPermit {
    fn drop(&mut self) {
        self.0.messages.fetch_sub(1, Ordering::AcqRel);
        self.0.stir.notify_one();
    }
}

struct Waiting {
    hook: Hook,
    bytes: usize,
    confirmed: oneshot::Sender<Confirmed>,
}

impl Batcher {
    /// Starts gathering; ends when it is dropped and all is published. `longest`: how long a message of a few hooks waits
    /// for the confirm of the one before.
    pub(super) fn new(
        queue: Arc<dyn Queue>,
        instance: String,
        observer: Arc<dyn Observer>,
        longest: Duration,
    ) -> Self {
        let (waiting, incoming) = mpsc::channel(WAITING);
        let out = Arc::new(Out {
            longest,
            messages: AtomicUsize::new(0),
            stir: Notify::new(),
        });
        tokio::spawn(gather(
            incoming,
            Arc::clone(&out),
            queue,
            instance,
            observer,
        ));
        Self { waiting, out }
    }

    /// Hands in a hook whose body has that many bytes. What comes back tells when it is durable.
    pub(super) fn hand_in(
        &self,
        hook: Hook,
        bytes: usize,
    ) -> Result<oneshot::Receiver<Confirmed>, PublishError> {
        let (confirmed, receiver) = oneshot::channel();
        self.waiting
            .try_send(Waiting {
                hook,
                bytes,
                confirmed,
            })
            .map_err(|_| PublishError::Overloaded)?;
        // The first of a message is in the batcher's hands already.
        if self.waiting.max_capacity() - self.waiting.capacity() >= ENOUGH - 1 {
            self.out.stir.notify_one();
        }
        Ok(receiver)
    }
}

async fn gather(
    mut incoming: mpsc::Receiver<Waiting>,
    out: Arc<Out>,
    queue: Arc<dyn Queue>,
    instance: String,
    observer: Arc<dyn Observer>,
) {
    let mut left_over = None;
    loop {
        let first = match left_over.take() {
            Some(waiting) => Some(waiting),
            None => incoming.recv().await,
        };
        let Some(first) = first else { return };
        // Whatever comes in while this waits shares the message.
        let place = out.turn(|| incoming.len() >= ENOUGH - 1).await;
        let mut gathered = fill(first, &mut incoming, &mut left_over);
        // Whoever was answered 503 meanwhile sends again.
        gathered.retain(|waiting| !waiting.confirmed.is_closed());
        if gathered.is_empty() {
            continue;
        }
        let (queue, instance, observer) =
            (Arc::clone(&queue), instance.clone(), Arc::clone(&observer));
        tokio::spawn(async move {
            publish(queue.as_ref(), instance, gathered, observer.as_ref()).await;
            drop(place);
        });
    }
}

fn fill(
    first: Waiting,
    incoming: &mut mpsc::Receiver<Waiting>,
    left_over: &mut Option<Waiting>,
) -> Vec<Waiting> {
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

async fn publish(
    queue: &dyn Queue,
    instance: String,
    gathered: Vec<Waiting>,
    observer: &dyn Observer,
) {
    let began = Instant::now();
    let (hooks, callers): (Vec<_>, Vec<_>) = gathered
        .into_iter()
        .map(|waiting| (waiting.hook, waiting.confirmed))
        .unzip();
    let message = Message::new(instance, hooks);
    let confirmed: Confirmed = queue
        .publish(QueueName::Events, message)
        .await
        .map_err(Arc::new);
    observer.message_confirmed(callers.len(), began.elapsed(), confirmed.is_ok());
    for caller in callers {
        // A caller that is gone has lost its answer, not its hook.
        let _ = caller.send(confirmed.clone());
    }
}
