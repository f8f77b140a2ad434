//! The memory of the writer about each queue: which messages are delivered, which are ready, and
//! which receivers wait; and each queue's share of one transaction.

use std::collections::{BTreeSet, VecDeque};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    file::Row,
    request::{PublishReply, ReceiveReply},
};
use crate::queue::QueueName;

/// The state of one queue.
pub(super) struct QueueState {
    pub name: QueueName,
    /// The highest `seq` that this process has delivered.
    pub cursor: i64,
    /// How many messages have a `seq` above the cursor.
    pub fresh: u64,
    /// Requeued messages, by `seq`. They are delivered before the fresh ones.
    pub requeued: BTreeSet<i64>,
    /// Receivers in the order of their requests, each with its largest number of messages.
    pub receivers: VecDeque<(usize, ReceiveReply)>,
}

impl QueueState {
    pub fn new(name: QueueName, fresh: u64) -> Self {
        Self {
            name,
            cursor: 0,
            fresh,
            requeued: BTreeSet::new(),
            receivers: VecDeque::new(),
        }
    }

    /// How many messages can be delivered.
    pub fn ready(&self) -> u64 {
        self.fresh
            .saturating_add(u64::try_from(self.requeued.len()).unwrap_or(u64::MAX))
    }

    /// Whether a receiver waits and can be served, while `added` messages are being inserted.
    pub fn can_deliver(&mut self, added: usize) -> bool {
        self.receivers.retain(|(_, reply)| !reply.is_closed());
        !self.receivers.is_empty() && (self.ready() > 0 || added > 0)
    }

    /// How many messages the receivers take at most.
    pub fn demand(&self) -> usize {
        self.receivers
            .iter()
            .map(|(max, _)| *max)
            .fold(0, usize::saturating_add)
    }

    /// Applies a committed transaction that inserted `published` messages and read `rows`.
    pub fn apply(&mut self, published: usize, rows: &ReadRows) {
        for row in &rows.requeued {
            self.requeued.remove(&row.seq);
        }

        let count = |messages| u64::try_from(messages).unwrap_or(u64::MAX);
        self.fresh = self
            .fresh
            .saturating_add(count(published))
            .saturating_sub(count(rows.fresh.len()));
        self.cursor = rows.cursor_after(self.cursor);
    }
}

/// One queue's requests of a transaction.
#[derive(Default)]
pub(super) struct BatchPart {
    /// The messages to insert; taken out when they are inserted.
    pub bodies: Vec<Vec<u8>>,
    pub publishers: Vec<(PublishReply, OwnedSemaphorePermit)>,
    /// The messages to delete.
    pub acked: Vec<i64>,
    pub ackers: Vec<oneshot::Sender<bool>>,
}

impl BatchPart {
    pub fn writes(&self) -> bool {
        !self.bodies.is_empty() || !self.acked.is_empty()
    }
}

/// The rows that a transaction read for the receivers of one queue.
#[derive(Default)]
pub(super) struct ReadRows {
    pub requeued: Vec<Row>,
    pub fresh: Vec<Row>,
}

impl ReadRows {
    /// The cursor after these rows are delivered.
    pub fn cursor_after(&self, cursor: i64) -> i64 {
        self.fresh.last().map_or(cursor, |row| row.seq)
    }
}

/// The element of that queue; `both` holds events, then dead.
pub(super) fn select<T>(both: &mut [T; 2], queue: QueueName) -> &mut T {
    let [events, dead] = both;
    match queue {
        QueueName::Events => events,
        QueueName::Dead => dead,
    }
}
