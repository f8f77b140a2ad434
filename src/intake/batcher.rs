//! The batcher: hooks that arrive while the last message is unconfirmed share the next one.
//!
//! The cost of a publish is mostly per message, not per byte: a few large messages carry a third
//! more hooks per second than several small ones (docs/benchmarks.md). A message is published at
//! once if no other is in flight or if it is half full; otherwise it waits for a confirm, at most
//! [`max_batch_delay`](super::IntakeSettings::max_batch_delay). A submitted hook is published even
//! if its request has ended, unless the request was answered before its message went out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, mpsc, oneshot};

use crate::{
    observer::Observer,
    queue::{Hook, Message, PublishError, Queue, QueueName},
};

/// How many hooks a message holds at most.
pub(super) const MAX_HOOKS: usize = 64;

/// A message with this many hooks does not wait for a confirm: the queue then stores one message
/// while the next one is filled.
pub(super) const HALF_FULL: usize = MAX_HOOKS / 2;

/// How many bytes of bodies a message holds at most, unless a single hook has more.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// How many messages may wait for their confirm.
const MAX_IN_FLIGHT: usize = 16;

/// How many hooks may wait for a message. This bounds the memory while the queue does not answer.
const MAX_BUFFERED: usize = 2048;

/// Whether a message is durable. The hooks of a message share an error.
pub(super) type ConfirmResult = Result<(), Arc<PublishError>>;

/// Collects hooks into messages and publishes them.
pub(super) struct Batcher {
    buffer: mpsc::Sender<BufferedHook>,
    in_flight: Arc<InFlight>,
}

/// A hook that waits for its message.
struct BufferedHook {
    hook: Hook,
    /// The length of its body.
    bytes: usize,
    reply: oneshot::Sender<ConfirmResult>,
}

/// Counts the messages that wait for their confirm.
struct InFlight {
    max_delay: Duration,
    messages: AtomicUsize,
    /// Notified when a message leaves, and when the buffer holds half a message.
    changed: Notify,
}

/// Counts one message in flight until it is dropped.
struct InFlightPermit(Arc<InFlight>);

impl InFlight {
    /// Waits until the next message may be published. `is_half_full` says whether the buffer holds
    /// enough hooks to publish without a wait.
    async fn acquire(self: &Arc<Self>, is_half_full: impl Fn() -> bool) -> InFlightPermit {
        let delay = tokio::time::sleep(self.max_delay);
        tokio::pin!(delay);
        let mut delay_ended = false;

        loop {
            let messages = self.messages.load(Ordering::Acquire);
            let may_share = messages < MAX_IN_FLIGHT && (delay_ended || is_half_full());
            if messages == 0 || may_share {
                self.messages.fetch_add(1, Ordering::AcqRel);
                return InFlightPermit(Arc::clone(self));
            }
            tokio::select! {
                () = self.changed.notified() => {}
                () = &mut delay, if !delay_ended => delay_ended = true,
            }
        }
    }
}

impl Drop for InFlightPermit {
    fn drop(&mut self) {
        self.0.messages.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_one();
    }
}

impl Batcher {
    /// Starts the batcher's task, which ends after the batcher is dropped and all hooks are
    /// published.
    pub(super) fn new(
        queue: Arc<dyn Queue>,
        instance: String,
        observer: Arc<dyn Observer>,
        max_delay: Duration,
    ) -> Self {
        let (buffer, buffered) = mpsc::channel(MAX_BUFFERED);
        let in_flight = Arc::new(InFlight {
            max_delay,
            messages: AtomicUsize::new(0),
            changed: Notify::new(),
        });

        tokio::spawn(run(
            buffered,
            Arc::clone(&in_flight),
            queue,
            instance,
            observer,
        ));

        Self { buffer, in_flight }
    }

    /// Submits a hook whose body has `bytes` bytes. The receiver gets the confirm of its message.
    pub(super) fn submit(
        &self,
        hook: Hook,
        bytes: usize,
    ) -> Result<oneshot::Receiver<ConfirmResult>, PublishError> {
        let (reply, confirm) = oneshot::channel();
        self.buffer
            .try_send(BufferedHook { hook, bytes, reply })
            .map_err(|_| PublishError::Overloaded)?;

        // The task has already taken the first hook of the message out of the buffer.
        if self.buffer.max_capacity() - self.buffer.capacity() >= HALF_FULL - 1 {
            self.in_flight.changed.notify_one();
        }
        Ok(confirm)
    }
}

async fn run(
    mut buffered: mpsc::Receiver<BufferedHook>,
    in_flight: Arc<InFlight>,
    queue: Arc<dyn Queue>,
    instance: String,
    observer: Arc<dyn Observer>,
) {
    let mut left_over = None;
    loop {
        let first = match left_over.take() {
            Some(hook) => Some(hook),
            None => buffered.recv().await,
        };
        let Some(first) = first else { return };

        // Hooks that arrive during this wait share the message.
        let permit = in_flight.acquire(|| buffered.len() >= HALF_FULL - 1).await;
        let mut batch = fill(first, &mut buffered, &mut left_over);
        // A request that was answered 503 in the meantime is sent again by its source.
        batch.retain(|hook| !hook.reply.is_closed());
        if batch.is_empty() {
            continue;
        }

        let (queue, observer) = (Arc::clone(&queue), Arc::clone(&observer));
        let instance = instance.clone();
        tokio::spawn(async move {
            publish(queue.as_ref(), instance, batch, observer.as_ref()).await;
            drop(permit);
        });
    }
}

/// Takes hooks out of the buffer until the message is full. A hook that does not fit any more
/// becomes `left_over`, the first of the next message.
fn fill(
    first: BufferedHook,
    buffered: &mut mpsc::Receiver<BufferedHook>,
    left_over: &mut Option<BufferedHook>,
) -> Vec<BufferedHook> {
    let mut bytes = first.bytes;
    let mut batch = vec![first];

    while batch.len() < MAX_HOOKS {
        let Ok(next) = buffered.try_recv() else { break };
        bytes += next.bytes;
        if bytes > MAX_BYTES {
            *left_over = Some(next);
            break;
        }
        batch.push(next);
    }

    batch
}

async fn publish(
    queue: &dyn Queue,
    instance: String,
    batch: Vec<BufferedHook>,
    observer: &dyn Observer,
) {
    let started = Instant::now();
    let (hooks, replies): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .map(|buffered| (buffered.hook, buffered.reply))
        .unzip();

    let message = Message::new(instance, hooks);
    let confirm: ConfirmResult = queue
        .publish(QueueName::Events, message)
        .await
        .map_err(Arc::new);
    observer.message_confirmed(replies.len(), started.elapsed(), confirm.is_ok());

    for reply in replies {
        // The request may have ended; its hook is published all the same.
        let _ = reply.send(confirm.clone());
    }
}
