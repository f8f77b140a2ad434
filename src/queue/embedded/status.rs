//! Depth and health of the queues, as the writer last set them: readable without a request to it.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::file::InitialCounts;
use crate::queue::{QueueHealth, QueueName};

pub(super) struct QueueStatus {
    events: AtomicU64,
    dead: AtomicU64,
    /// Why the last transaction failed; `None`: it was committed.
    problem: Mutex<Option<String>>,
}

impl QueueStatus {
    pub fn new(counts: &InitialCounts) -> Self {
        Self {
            events: AtomicU64::new(counts.events),
            dead: AtomicU64::new(counts.dead),
            problem: Mutex::new(None),
        }
    }

    fn ready(&self, queue: QueueName) -> &AtomicU64 {
        match queue {
            QueueName::Events => &self.events,
            QueueName::Dead => &self.dead,
        }
    }

    pub fn depth(&self, queue: QueueName) -> u64 {
        self.ready(queue).load(Ordering::Relaxed)
    }

    pub fn set_depth(&self, queue: QueueName, messages: u64) {
        self.ready(queue).store(messages, Ordering::Relaxed);
    }

    pub fn health(&self) -> QueueHealth {
        let problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        problem
            .clone()
            .map_or(QueueHealth::Ready, QueueHealth::NotReady)
    }

    /// Sets the result of the last transaction. Returns whether the health changed.
    pub fn set_problem(&self, problem: Option<String>) -> bool {
        let mut known = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = known.is_some() != problem.is_some();
        *known = problem;
        changed
    }
}
