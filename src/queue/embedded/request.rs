//! The requests to the writer task, and the messages that it hands out.

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::file::Row;
use crate::queue::{PublishError, QueueName, ReceiveError};

/// Replies to a publish after the commit of its transaction.
pub(super) type PublishReply = oneshot::Sender<Result<(), PublishError>>;

/// Replies to a receive once there are messages, after the commit that marks them as delivered.
pub(super) type ReceiveReply = oneshot::Sender<Result<Vec<ReceivedMessage>, ReceiveError>>;

/// A request to the writer.
pub(super) enum Request {
    Publish {
        queue: QueueName,
        body: Vec<u8>,
        reply: PublishReply,
        /// Released with the reply.
        permit: OwnedSemaphorePermit,
    },
    Receive {
        queue: QueueName,
        max: usize,
        reply: ReceiveReply,
    },
    Ack {
        queue: QueueName,
        seq: i64,
        /// Whether the message was removed.
        reply: oneshot::Sender<bool>,
    },
    Requeue {
        queue: QueueName,
        seq: i64,
    },
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// A message that the writer handed out.
pub(super) struct ReceivedMessage {
    pub row: Row,
    /// Whether this process has received and requeued it before.
    pub requeued: bool,
    pub acker: EmbeddedAcker,
}

/// Acks one message. If it is dropped without an ack, it requeues the message.
pub(super) struct EmbeddedAcker {
    queue: QueueName,
    seq: i64,
    /// `None`: the ack was requested, or the writer has no more requesters.
    requests: Option<mpsc::UnboundedSender<Request>>,
}

impl EmbeddedAcker {
    pub fn new(
        queue: QueueName,
        seq: i64,
        requests: Option<mpsc::UnboundedSender<Request>>,
    ) -> Self {
        Self {
            queue,
            seq,
            requests,
        }
    }

    /// Requests that the message be removed; the reply says whether it was.
    pub fn request_ack(mut self) -> oneshot::Receiver<bool> {
        let (reply, acked) = oneshot::channel();
        if let Some(requests) = self.requests.take() {
            // If the writer has ended, the reply's sender is dropped here: not acked.
            let _ = requests.send(Request::Ack {
                queue: self.queue,
                seq: self.seq,
                reply,
            });
        }
        acked
    }
}

impl Drop for EmbeddedAcker {
    fn drop(&mut self) {
        if let Some(requests) = self.requests.take() {
            // If the writer has ended, the next process delivers the message again.
            let _ = requests.send(Request::Requeue {
                queue: self.queue,
                seq: self.seq,
            });
        }
    }
}
