//! The task that owns the queue's file: it collects requests, commits them in one transaction, then
//! replies.
//!
//! In: requests over one channel. Out: a reply to each, never before the commit. The memory holds
//! only which messages are delivered and unacked; the file holds everything else. If a transaction
//! fails, all of its requests fail, and the queue is not ready until one succeeds. Acks are then
//! tried once more without the publishes, because they free space on a full disk.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

use super::{
    file::{InitialCounts, QueueFile, is_full},
    queue_state::{BatchPart, QueueState, ReadRows, select},
    request::{EmbeddedAcker, ReceivedMessage, Request},
    status::QueueStatus,
};
use crate::queue::{PublishError, QueueHealth, QueueName, ReceiveError};

/// How many requests share a transaction at most.
const MAX_BATCH: usize = 128;

/// How often a file that could not be written is tried again while no request arrives.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    file: QueueFile,
    next_seq: i64,
    queues: [QueueState; 2],
    inbox: mpsc::UnboundedReceiver<Request>,
    /// Weak, so that the task ends when the queue and all ackers are dropped.
    requests: mpsc::WeakUnboundedSender<Request>,
    status: Arc<QueueStatus>,
}

impl Writer {
    pub fn new(
        file: QueueFile,
        counts: &InitialCounts,
        inbox: mpsc::UnboundedReceiver<Request>,
        requests: mpsc::WeakUnboundedSender<Request>,
        status: Arc<QueueStatus>,
    ) -> Self {
        let queues = [
            QueueState::new(QueueName::Events, counts.events),
            QueueState::new(QueueName::Dead, counts.dead),
        ];

        Self {
            file,
            next_seq: counts.next_seq,
            queues,
            inbox,
            requests,
            status,
        }
    }

    /// Serves requests until one asks to close, or until no sender is left.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        loop {
            let is_probe = self.status.health() != QueueHealth::Ready;
            let received = if is_probe {
                // After the timeout the transaction is a probe without requests. Zero requests
                // without a timeout mean that no sender is left.
                tokio::time::timeout(PROBE_INTERVAL, self.inbox.recv_many(&mut batch, MAX_BATCH))
                    .await
                    .unwrap_or(usize::MAX)
            } else {
                self.inbox.recv_many(&mut batch, MAX_BATCH).await
            };

            let (parts, closing) = self.sort(&mut batch);
            self.serve(parts, is_probe).await;

            if received == 0 || closing.is_some() {
                self.status
                    .set_problem(Some("the queue is closed".to_owned()));
                self.file.close().await;
                // The caller of `close` may be gone.
                let _ = closing.map(|reply| reply.send(()));
                return;
            }
        }
    }

    /// Sorts requests by queue. Receives and requeues need no write, so they change the state here.
    fn sort(&mut self, batch: &mut Vec<Request>) -> ([BatchPart; 2], Option<oneshot::Sender<()>>) {
        let mut parts = [BatchPart::default(), BatchPart::default()];
        let mut closing = None;

        for request in batch.drain(..) {
            match request {
                Request::Publish {
                    queue,
                    body,
                    reply,
                    permit,
                } => {
                    let part = select(&mut parts, queue);
                    part.bodies.push(body);
                    part.publishers.push((reply, permit));
                }
                Request::Receive { queue, max, reply } => {
                    let receivers = &mut select(&mut self.queues, queue).receivers;
                    receivers.push_back((max, reply));
                }
                Request::Ack { queue, seq, reply } => {
                    let part = select(&mut parts, queue);
                    part.acked.push(seq);
                    part.ackers.push(reply);
                }
                Request::Requeue { queue, seq } => {
                    select(&mut self.queues, queue).requeued.insert(seq);
                }
                Request::Close { reply } => closing = Some(reply),
            }
        }
        (parts, closing)
    }

    /// Commits one batch and replies to it. Without a write, a delivery or a probe there is nothing
    /// to commit.
    async fn serve(&mut self, mut parts: [BatchPart; 2], is_probe: bool) {
        let [events, dead] = &mut self.queues;
        let [events_part, dead_part] = &parts;
        let delivers =
            events.can_deliver(events_part.bodies.len()) | dead.can_deliver(dead_part.bodies.len());
        let writes = parts.iter().any(BatchPart::writes);

        if writes || delivers || is_probe {
            match self.commit(&mut parts).await {
                Ok(rows) => {
                    self.set_health(None);
                    self.apply(&parts, &rows);
                    self.reply(parts, rows);
                }
                Err(error) => {
                    self.file.rollback().await;
                    self.fail(parts, &error).await;
                }
            }
        }

        // Requeues and failed acks change the depths, too.
        self.set_depths();
    }

    fn set_depths(&self) {
        for queue in &self.queues {
            self.status.set_depth(queue.name, queue.ready());
        }
    }

    /// Writes a batch, reads rows for the receivers, and commits.
    async fn commit(&mut self, parts: &mut [BatchPart; 2]) -> Result<[ReadRows; 2], sqlx::Error> {
        self.file.begin().await?;

        let mut rows = [ReadRows::default(), ReadRows::default()];
        for ((queue, part), read) in self.queues.iter_mut().zip(parts).zip(&mut rows) {
            let bodies = std::mem::take(&mut part.bodies);
            let added = bodies.len();
            if added > 0 {
                let first = self.next_seq;
                self.next_seq = first.saturating_add(i64::try_from(added).unwrap_or(i64::MAX));
                self.file.insert(queue.name, first, bodies).await?;
            }
            if !part.acked.is_empty() {
                self.file.delete(queue.name, &part.acked).await?;
            }

            if queue.can_deliver(added) {
                *read = read_for_receivers(&mut self.file, queue).await?;
            }
            // A probe writes the cursor even if it did not move: that write is what it tries.
            let cursor = read.cursor_after(queue.cursor);
            if cursor > queue.cursor || self.status.health() != QueueHealth::Ready {
                self.file.set_delivered(queue.name, cursor).await?;
            }
        }

        self.file.commit().await?;
        Ok(rows)
    }

    /// Applies a committed batch to the state. This precedes the replies, so that a caller that has
    /// its reply sees the new depth.
    fn apply(&mut self, parts: &[BatchPart; 2], rows: &[ReadRows; 2]) {
        for ((queue, part), read) in self.queues.iter_mut().zip(parts).zip(rows) {
            queue.apply(part.publishers.len(), read);
        }
        self.set_depths();
    }

    /// Replies to a committed batch and delivers the rows. A caller that is gone is ignored: its
    /// publish or ack counts, and its deliveries are requeued when their ackers are dropped.
    fn reply(&mut self, parts: [BatchPart; 2], rows: [ReadRows; 2]) {
        // `None` if no sender is left: then no acker can reach the writer.
        let requests = self.requests.upgrade();

        for ((queue, part), read) in self.queues.iter_mut().zip(parts).zip(rows) {
            for (reply, permit) in part.publishers {
                drop(permit);
                let _ = reply.send(Ok(()));
            }
            for reply in part.ackers {
                let _ = reply.send(true);
            }
            deliver(queue, read, requests.as_ref());
        }
    }

    /// Replies to a batch that could not be committed, after one more try for its acks alone.
    async fn fail(&mut self, parts: [BatchPart; 2], error: &sqlx::Error) {
        let problem = error.to_string();
        self.set_health(Some(problem.clone()));
        let publishes = parts.iter().any(|part| !part.publishers.is_empty());
        let acked = publishes && self.commit_acks(&parts).await.is_ok();

        for (queue, part) in self.queues.iter_mut().zip(parts) {
            for (reply, permit) in part.publishers {
                drop(permit);
                let refusal = if is_full(error) {
                    PublishError::Refused("the disk is full".to_owned())
                } else {
                    PublishError::Unreachable(problem.clone())
                };
                let _ = reply.send(Err(refusal));
            }

            if !acked {
                queue.requeued.extend(&part.acked);
            }
            for reply in part.ackers {
                let _ = reply.send(acked);
            }
            for (_, reply) in queue.receivers.drain(..) {
                let _ = reply.send(Err(ReceiveError(problem.clone())));
            }
        }
    }

    /// Deletes the acked messages of a batch in a transaction of their own.
    async fn commit_acks(&mut self, parts: &[BatchPart; 2]) -> Result<(), sqlx::Error> {
        if parts.iter().all(|part| part.acked.is_empty()) {
            return Ok(());
        }

        let deleted = async {
            self.file.begin().await?;
            for (queue, part) in self.queues.iter().zip(parts) {
                self.file.delete(queue.name, &part.acked).await?;
            }
            self.file.commit().await
        };
        let deleted = deleted.await;
        if deleted.is_err() {
            self.file.rollback().await;
        }
        deleted
    }

    /// Sets the health, and logs it if it changed.
    fn set_health(&self, problem: Option<String>) {
        let text = problem.clone().unwrap_or_default();
        if !self.status.set_problem(problem) {
            return;
        }

        if text.is_empty() {
            tracing::info!("the queue's file can be written again");
        } else {
            tracing::error!(
                problem = text,
                "the queue's file cannot be written; hooks are answered 503 until it can"
            );
        }
    }
}

/// Reads as many messages as the receivers of a queue take: requeued ones first.
async fn read_for_receivers(
    file: &mut QueueFile,
    queue: &QueueState,
) -> Result<ReadRows, sqlx::Error> {
    let demand = queue.demand();
    let mut rows = ReadRows::default();

    let requeued: Vec<i64> = queue.requeued.iter().take(demand).copied().collect();
    if !requeued.is_empty() {
        rows.requeued = file.read(queue.name, &requeued).await?;
    }
    let more = demand.saturating_sub(requeued.len());
    if more > 0 {
        rows.fresh = file.read_after(queue.name, queue.cursor, more).await?;
    }
    Ok(rows)
}

/// Hands the rows to the receivers of a queue, in the order of their requests.
fn deliver(
    queue: &mut QueueState,
    rows: ReadRows,
    requests: Option<&mpsc::UnboundedSender<Request>>,
) {
    let name = queue.name;
    let requeued = rows.requeued.into_iter().map(|row| (row, true));
    let fresh = rows.fresh.into_iter().map(|row| (row, false));
    let mut messages = requeued
        .chain(fresh)
        .map(|(row, requeued)| ReceivedMessage {
            acker: EmbeddedAcker::new(name, row.seq, requests.cloned()),
            row,
            requeued,
        })
        .peekable();

    while messages.peek().is_some() {
        let Some((max, reply)) = queue.receivers.pop_front() else {
            break;
        };
        // The messages of a receiver that is gone are requeued as their ackers are dropped.
        let _ = reply.send(Ok(messages.by_ref().take(max).collect()));
    }
}
