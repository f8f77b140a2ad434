//! A queue in memory that confirms, refuses, or waits until a test changes its behaviour.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::queue::{Delivery, Message, PublishError, Queue, QueueHealth, QueueName, ReceiveError};

/// How the queue treats a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// Keeps and confirms it.
    Confirm,
    /// Refuses it, with an error that names an internal host.
    Refuse,
    /// Waits for another behaviour.
    Wait,
}

pub(super) struct FakeQueue {
    behaviour: watch::Sender<Behaviour>,
    published: watch::Sender<usize>,
    durable: Mutex<Vec<(QueueName, Message)>>,
}

impl FakeQueue {
    pub(super) fn new(behaviour: Behaviour) -> Arc<Self> {
        Arc::new(Self {
            behaviour: watch::Sender::new(behaviour),
            published: watch::Sender::new(0),
            durable: Mutex::default(),
        })
    }

    /// Changes the behaviour, also for the messages that wait.
    pub(super) fn set(&self, behaviour: Behaviour) {
        self.behaviour.send_replace(behaviour);
    }

    pub(super) fn durable(&self) -> Vec<(QueueName, Message)> {
        self.durable.lock().expect("a lock").clone()
    }

    /// How many messages were published, confirmed or not.
    pub(super) fn published(&self) -> usize {
        *self.published.borrow()
    }

    /// Waits until that many messages were published, confirmed or not.
    pub(super) async fn wait_for_published(&self, messages: usize) {
        self.published
            .subscribe()
            .wait_for(|published| *published >= messages)
            .await
            .expect("a queue");
    }

    /// Waits until that many messages are durable.
    pub(super) async fn wait_for_durable(&self, messages: usize) {
        let mut published = self.published.subscribe();
        let mut behaviour = self.behaviour.subscribe();
        while self.durable().len() < messages {
            tokio::select! {
                changed = published.changed() => changed.expect("a queue"),
                changed = behaviour.changed() => changed.expect("a queue"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
}

impl Queue for FakeQueue {
    fn publish(
        &self,
        queue: QueueName,
        message: Message,
    ) -> BoxFuture<'_, Result<(), PublishError>> {
        Box::pin(async move {
            self.published.send_modify(|published| *published += 1);
            let mut behaviours = self.behaviour.subscribe();
            let behaviour = *behaviours
                .wait_for(|behaviour| *behaviour != Behaviour::Wait)
                .await
                .expect("a behaviour");

            if behaviour == Behaviour::Refuse {
                return Err(PublishError::Refused(
                    "amqp://guest:guest@broker.internal is full".to_owned(),
                ));
            }
            self.durable.lock().expect("a lock").push((queue, message));
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
