//! The embedded queue: one file, one writer, nothing to install.
//!
//! It keeps the broker's promises: `publish` resolves after the fsync; a delivery stays ours until it is acked, given
//! back or the process dies, and then comes again. All that gathers while one fsync runs goes into the next
//! transaction (`writer`), so the price of durability is paid once for many. The statements are in `file`.

mod file;
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
    file::{Contents, QueueFile},
    writer::{Request, Shared, Ticket, Writer},
};
use super::{Acker, Delivery, QueueName, Message, PublishError, Queue, QueueHealth, ReceiveError};
use crate::failpoint;

/// Most messages that may wait for their fsync.
const OUTSTANDING: usize = 1024;

/// Longest wait for an fsync before the sender is told that it is not known.
const CONFIRM_DEADLINE: Duration = Duration::from_secs(5);

/// Why the queue's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueOpenError {
    /// Another process has it open.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to another instance, or to a newer version.
    #[error("{} belongs to the instance {found}, not to {wanted}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Who asked.
        wanted: String,
    },
    /// It cannot be opened, created or read.
    #[error("{} cannot be used as the queue's file", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
}

/// A durable queue in one file; see the module.
pub struct EmbeddedQueue {
    instance: String,
    requests: mpsc::UnboundedSender<Request>,
    outstanding: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl EmbeddedQueue {
    /// Opens or creates the file (its folder must exist). What earlier processes left unacked will come again.
    pub async fn open(
        path: impl AsRef<Path>,
        instance: impl Into<String>,
    ) -> Result<Self, QueueOpenError> {
        let instance = instance.into();
        let (file, contents) = QueueFile::open(path.as_ref(), &instance).await?;
        Ok(Self::over(file, &contents, instance))
    }

    fn over(file: QueueFile, contents: &Contents, instance: String) -> Self {
        let (requests, inbox) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(contents));
        tokio::spawn(
            Writer::new(
                file,
                contents,
                inbox,
                requests.downgrade(),
                Arc::clone(&shared),
            )
            .run(),
        );
        Self {
            instance,
            requests,
            outstanding: Arc::new(Semaphore::new(OUTSTANDING)),
            shared,
        }
    }

    async fn publish_now(&self, lane: QueueName, message: Message) -> Result<(), PublishError> {
        if message.instance != self.instance {
            return Err(PublishError::Refused(format!(
                "it is of the instance {}",
                message.instance
            )));
        }
        let body = message
            .encode()
            .map_err(|error| PublishError::Refused(error.to_string()))?;
        let permit = Arc::clone(&self.outstanding)
            .try_acquire_owned()
            .map_err(|_| PublishError::Overloaded)?;
        let (done, confirmed) = oneshot::channel();
        failpoint::at("queue.before_publish").await;
        // From here on it is the writer's, whatever becomes of the caller.
        let request = Request::Publish {
            lane,
            body,
            done,
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

    async fn receive_now(&self, lane: QueueName, max: usize) -> Result<Vec<Delivery>, ReceiveError> {
        let (done, taken) = oneshot::channel();
        let gone = || ReceiveError("the queue is closed".to_owned());
        self.requests
            .send(Request::Take {
                lane,
                max: max.max(1),
                done,
            })
            .map_err(|_| gone())?;
        let taken = taken.await.map_err(|_| gone())??;
        Ok(taken
            .into_iter()
            .map(|taken| Delivery {
                message: Message::decode(taken.row.body),
                redelivered: taken.row.deliveries > 0 || taken.again,
                poison: taken.row.poison,
                acker: Box::new(taken.ticket),
            })
            .collect())
    }
}

fn closed() -> PublishError {
    PublishError::Unreachable("the queue is closed".to_owned())
}

impl Queue for EmbeddedQueue {
    fn publish(&self, lane: QueueName, message: Message) -> BoxFuture<'_, Result<(), PublishError>> {
        Box::pin(self.publish_now(lane, message))
    }

    fn receive(
        &self,
        lane: QueueName,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, ReceiveError>> {
        Box::pin(self.receive_now(lane, max))
    }

    /// Those that are ready to be delivered.
    fn depth(&self, lane: QueueName) -> BoxFuture<'_, Option<u64>> {
        Box::pin(std::future::ready(Some(self.shared.depth(lane))))
    }

    fn health(&self) -> QueueHealth {
        self.shared.health()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let (done, closed) = oneshot::channel();
            if self.requests.send(Request::Close { done }).is_ok() {
                // An error says that the writer has ended already.
                let _ = closed.await;
            }
        })
    }
}

impl Acker for Ticket {
    fn ack(self: Box<Self>) -> BoxFuture<'static, bool> {
        // Asked for at once: the ack does not depend on the future being polled.
        let answer = self.acked_by();
        Box::pin(async move { answer.await.unwrap_or(false) })
    }

    fn requeue(self: Box<Self>) -> BoxFuture<'static, ()> {
        // Dropping a ticket gives its message back.
        drop(self);
        Box::pin(std::future::ready(()))
    }
}
