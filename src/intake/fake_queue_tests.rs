//! A queue in memory for tests, with a state: it confirms, refuses, or keeps everybody waiting until told otherwise.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::queue::{Delivery, Message, PublishError, Queue, QueueHealth, QueueName, ReceiveError};

/// What the queue does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Keeps it and confirms.
    Confirms,
    /// Says no.
    Refuses,
    /// Says nothing until the mood changes.
    Silent,
}

pub(super) struct FakeQueue {
    mood: watch::Sender<Mood>,
    sent: watch::Sender<usize>,
    durable: Mutex<Vec<(QueueName, Message)>>,
}

impl FakeQueue {
    pub(super) fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            mood: watch::Sender::new(mood),
            sent: watch::Sender::new(0),
            durable: Mutex::default(),
        })
    }

    pub(super) fn becomes(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// What is durable: lane, and number of hooks of each message.
    pub(super) fn durable(&self) -> Vec<(QueueName, Message)> {
        self.durable.lock().expect("a lock").clone()
    }

    /// How many messages were sent, confirmed or not.
    pub(super) fn sent_so_far(&self) -> usize {
        *self.sent.borrow()
    }

    /// Waits until that many messages were sent, confirmed or not.
    pub(super) async fn sent(&self, messages: usize) {
        self.sent
            .subscribe()
            .wait_for(|sent| *sent >= messages)
            .await
            .expect("a queue");
    }

    /// Waits until that many messages are durable.
    pub(super) async fn kept(&self, messages: usize) {
        let mut sent = self.sent.subscribe();
        let mut mood = self.mood.subscribe();
        while self.durable().len() < messages {
            tokio::select! {
                changed = sent.changed() => changed.expect("a queue"),
                changed = mood.changed() => changed.expect("a queue"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
}

impl Queue for FakeQueue {
    fn publish(
        &self,
        lane: QueueName,
        message: Message,
    ) -> BoxFuture<'_, Result<(), PublishError>> {
        Box::pin(async move {
            self.sent.send_modify(|sent| *sent += 1);
            let mut moods = self.mood.subscribe();
            let mood = *moods
                .wait_for(|mood| *mood != Mood::Silent)
                .await
                .expect("a mood");
            if mood == Mood::Refuses {
                return Err(PublishError::Refused(
                    "amqp://guest:guest@broker.internal is full".to_owned(),
                ));
            }
            self.durable.lock().expect("a lock").push((lane, message));
            Ok(())
        })
    }

    fn receive(
        &self,
        _: QueueName,
        _: usize,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, ReceiveError>> {
        Box::pin(std::future::pending())
    }

    fn depth(&self, _: QueueName) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async { None })
    }

    fn health(&self) -> QueueHealth {
        QueueHealth::Ready
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
