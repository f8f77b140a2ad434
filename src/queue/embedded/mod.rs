//! The embedded queue: one file, one writer task, nothing to install.
//!
//! It gives the guarantees of the broker: `publish` returns after the fsync, and a delivery that is
//! not acked when its process ends is delivered again. Requests that arrive during one fsync share
//! the next transaction (`writer`), so many messages pay for one fsync. `file` has the SQL.

mod file;
mod queue_state;
mod request;
mod status;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::{
    file::{InitialCounts, QueueFile},
    request::{EmbeddedAcker, Request},
    status::QueueStatus,
    writer::Writer,
};
use super::{Acker, Delivery, Message, PublishError, Queue, QueueHealth, QueueName, ReceiveError};
use crate::failpoint;

/// How many publishes may wait for their fsync.
const MAX_OUTSTANDING: usize = 1024;

/// How long a publish waits for its fsync. After that its result is unknown.
const CONFIRM_DEADLINE: Duration = Duration::from_secs(5);

/// Why the queue's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueOpenError {
    /// Another process has the file open.
    #[error(
        "{} is in use by another process: stop it, or set another data_dir",
        path.display()
    )]
    InUse {
        /// The queue's file.
        path: PathBuf,
    },
    /// The file belongs to another instance, or has the tables of another version.
    #[error(
        "{} belongs to the instance {found}, not to {expected}: set another data_dir",
        path.display()
    )]
    Foreign {
        /// The queue's file.
        path: PathBuf,
        /// The instance in the file, with the version of its tables if that is the difference.
        found: String,
        /// The instance of this process.
        expected: String,
    },
    /// The file cannot be opened, created or read.
    #[error("{} cannot be used as the file of the queue", path.display())]
    File {
        /// The queue's file.
        path: PathBuf,
        /// The error of `SQLite`.
        #[source]
        source: sqlx::Error,
    },
}

/// A durable queue in one file.
pub struct EmbeddedQueue {
    instance: String,
    requests: mpsc::UnboundedSender<Request>,
    outstanding: Arc<Semaphore>,
    status: Arc<QueueStatus>,
}

impl EmbeddedQueue {
    /// Opens or creates the file; its folder must exist. Messages that earlier processes left
    /// unacked are delivered again. Must be called within a Tokio runtime.
    pub async fn open(
        path: impl AsRef<Path>,
        instance: impl Into<String>,
    ) -> Result<Self, QueueOpenError> {
        let instance = instance.into();
        let (file, counts) = QueueFile::open(path.as_ref(), &instance).await?;
        Ok(Self::start(file, &counts, instance))
    }

    fn start(file: QueueFile, counts: &InitialCounts, instance: String) -> Self {
        let (requests, inbox) = mpsc::unbounded_channel();
        let status = Arc::new(QueueStatus::new(counts));
        let writer = Writer::new(
            file,
            counts,
            inbox,
            requests.downgrade(),
            Arc::clone(&status),
        );
        tokio::spawn(writer.run());

        Self {
            instance,
            requests,
            outstanding: Arc::new(Semaphore::new(MAX_OUTSTANDING)),
            status,
        }
    }

    async fn publish_message(
        &self,
        queue: QueueName,
        message: Message,
    ) -> Result<(), PublishError> {
        if message.instance != self.instance {
            return Err(PublishError::Refused(format!(
                "it belongs to the instance {}",
                message.instance
            )));
        }

        let body = message
            .encode()
            .map_err(|error| PublishError::Refused(error.to_string()))?;
        let permit = Arc::clone(&self.outstanding)
            .try_acquire_owned()
            .map_err(|_| PublishError::Overloaded)?;
        let (reply, confirmed) = oneshot::channel();
        failpoint::at("queue.before_publish").await;

        // From here on the writer owns the message: a caller that goes away does not cancel it.
        let request = Request::Publish {
            queue,
            body,
            reply,
            permit,
        };
        self.requests.send(request).map_err(|_| closed())?;
        failpoint::at("queue.published").await;

        match tokio::time::timeout(CONFIRM_DEADLINE, confirmed).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(closed()),
            Err(_) => Err(PublishError::Unconfirmed),
        }
    }

    async fn receive_deliveries(
        &self,
        queue: QueueName,
        max: usize,
    ) -> Result<Vec<Delivery>, ReceiveError> {
        let (reply, received) = oneshot::channel();
        let request = Request::Receive {
            queue,
            max: max.max(1),
            reply,
        };
        self.requests.send(request).map_err(|_| closed_receive())?;
        let received = received.await.map_err(|_| closed_receive())??;

        Ok(received
            .into_iter()
            .map(|received| Delivery {
                message: Message::decode(received.row.body),
                redelivered: received.row.deliveries > 0 || received.requeued,
                poison: received.row.poison,
                acker: Box::new(received.acker),
            })
            .collect())
    }
}

fn closed() -> PublishError {
    PublishError::Unreachable("the queue is closed".to_owned())
}

fn closed_receive() -> ReceiveError {
    ReceiveError("the queue is closed".to_owned())
}

impl Queue for EmbeddedQueue {
    fn publish(
        &self,
        queue: QueueName,
        message: Message,
    ) -> BoxFuture<'_, Result<(), PublishError>> {
        Box::pin(self.publish_message(queue, message))
    }

    fn receive(
        &self,
        queue: QueueName,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, ReceiveError>> {
        Box::pin(self.receive_deliveries(queue, max))
    }

    fn depth(&self, queue: QueueName) -> BoxFuture<'_, Option<u64>> {
        Box::pin(std::future::ready(Some(self.status.depth(queue))))
    }

    fn health(&self) -> QueueHealth {
        self.status.health()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let (reply, closed) = oneshot::channel();
            if self.requests.send(Request::Close { reply }).is_ok() {
                // An error means that the writer has already ended.
                let _ = closed.await;
            }
        })
    }
}

impl Acker for EmbeddedAcker {
    fn ack(self: Box<Self>) -> BoxFuture<'static, bool> {
        // The request is sent now, so the ack does not depend on the future being polled.
        let acked = self.request_ack();
        Box::pin(async move { acked.await.unwrap_or(false) })
    }

    fn requeue(self: Box<Self>) -> BoxFuture<'static, ()> {
        // A dropped acker requeues its message.
        drop(self);
        Box::pin(std::future::ready(()))
    }
}
