//! Publishing: frames out, the broker's confirm in, and nothing taken for a confirm that is not one.
//!
//! Each publish is owned by a task of its own from its first byte to its confirm, so that a caller that goes away
//! changes nothing. A confirm that is late ends the session (it may never come), except while the broker has blocked
//! the connection: then it will come, and the permit stays taken until it does.

use std::{
    future::{Future as _, poll_fn},
    sync::{Arc, PoisonError},
    task::Poll,
    time::Duration,
};

use lapin::{
    BasicProperties, Confirmation,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::{
    RabbitSettings,
    session::{Session, State},
    topology::Names,
};
use crate::{failpoint, queue::PublishError, telemetry};

/// Longest wait for one of the outstanding confirms before a publish is turned away.
const PERMIT: Duration = Duration::from_millis(100);

/// Largest body. One that the broker finds too large would cost the connection all its outstanding confirms.
const LARGEST: usize = 8 * 1024 * 1024;

/// A message on its way out.
pub(super) struct Outgoing {
    pub key: &'static str,
    pub body: Vec<u8>,
    pub headers: FieldTable,
}

impl Outgoing {
    /// A message of that envelope version for `key`.
    pub fn new(key: &'static str, body: Vec<u8>, instance: &str, version: u32) -> Self {
        let mut headers = FieldTable::default();
        headers.insert("instance".into(), AMQPValue::LongString(instance.into()));
        headers.insert("envelope".into(), AMQPValue::LongLongInt(version.into()));
        Self { key, body, headers }
    }
}

/// The publishing half of the queue.
pub(super) struct Publisher {
    exchange: ShortString,
    outstanding: Arc<Semaphore>,
    permits: u32,
    deadline: Duration,
    state: watch::Receiver<State>,
}

impl Publisher {
    pub fn new(settings: &RabbitSettings, state: watch::Receiver<State>) -> Self {
        let permits = settings.outstanding.max(1);
        Self {
            exchange: Names::new(&settings.instance).exchange(),
            outstanding: Arc::new(Semaphore::new(
                usize::try_from(permits).unwrap_or(Semaphore::MAX_PERMITS),
            )),
            permits,
            deadline: settings.confirm_deadline,
            state,
        }
    }

    /// The live session, if the broker takes messages now.
    pub fn session(&self) -> Result<Arc<Session>, String> {
        match &*self.state.borrow() {
            State::Up(session) if session.over.is_cancelled() => Err(session.why()),
            State::Up(session) if session.blocked() => {
                Err("the broker has blocked publishing (it is short of memory or disk)".to_owned())
            }
            State::Up(session) => Ok(Arc::clone(session)),
            State::Down(why) => Err(why.clone()),
            State::Closed => Err("the queue is closed".to_owned()),
        }
    }

    /// Resolves once the broker has confirmed.
    pub async fn publish(&self, outgoing: Outgoing) -> Result<(), PublishError> {
        if outgoing.body.len() > LARGEST {
            return Err(PublishError::Refused(format!(
                "it is larger than {LARGEST} bytes"
            )));
        }
        // Asked before the permit: a broker that is away is no overload.
        self.session().map_err(PublishError::Unreachable)?;
        let permit =
            tokio::time::timeout(PERMIT, Arc::clone(&self.outstanding).acquire_owned()).await;
        let permit = permit
            .map_err(|_| PublishError::Overloaded)?
            .map_err(|_| gone())?;
        let session = self.session().map_err(PublishError::Unreachable)?;
        let (answer, confirmed) = oneshot::channel();
        tokio::spawn(carry(
            session,
            self.exchange.clone(),
            outgoing,
            self.deadline,
            answer,
            permit,
        ));
        confirmed.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Waits for the outstanding confirms, no longer than one may take; then nothing more is published.
    pub async fn finish(&self) {
        let all = self.outstanding.acquire_many(self.permits);
        if tokio::time::timeout(self.deadline, all).await.is_err() {
            tracing::warn!("the queue was closed before the broker had confirmed everything");
        }
        self.outstanding.close();
    }
}

fn gone() -> PublishError {
    PublishError::Unreachable("the queue is closed".to_owned())
}

/// Carries one message to its confirm.
async fn carry(
    session: Arc<Session>,
    exchange: ShortString,
    outgoing: Outgoing,
    deadline: Duration,
    answer: oneshot::Sender<Result<(), PublishError>>,
    permit: OwnedSemaphorePermit,
) {
    let sending = send(&session, exchange, outgoing);
    tokio::pin!(sending);
    let outcome = tokio::select! {
        biased;
        outcome = &mut sending => outcome,
        () = session.over.cancelled() => Err(PublishError::Unreachable(session.why())),
        () = tokio::time::sleep(deadline) => Err(PublishError::Unconfirmed),
    };
    let late = matches!(outcome, Err(PublishError::Unconfirmed));
    // The caller may have gone away.
    let _ = answer.send(outcome);
    if late && session.blocked() {
        tokio::select! {
            _ = &mut sending => {}
            () = session.over.cancelled() => {}
        }
    } else if late {
        session.fail("the broker did not confirm in time");
    }
    drop(permit);
}

async fn send(
    session: &Session,
    exchange: ShortString,
    outgoing: Outgoing,
) -> Result<(), PublishError> {
    failpoint::at("queue.before_publish").await;
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/json".into())
        .with_message_id(telemetry::new_id().into())
        .with_headers(outgoing.headers);
    let options = BasicPublishOptions::default();
    let publish = session.channel.basic_publish(
        exchange,
        outgoing.key.into(),
        options,
        &outgoing.body,
        properties,
    );
    tokio::pin!(publish);
    // The tag is drawn and the frames are queued within the first poll, in two steps: without the lock two tasks
    // could swap them, and each would get the other's confirm.
    let first = poll_fn(|context| {
        let _alone = session
            .first_poll
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Poll::Ready(publish.as_mut().poll(context))
    });
    let written = match first.await {
        Poll::Ready(written) => written,
        Poll::Pending => publish.await,
    };
    let broken = |error: lapin::Error| {
        session.fail(error.to_string());
        PublishError::Unreachable(error.to_string())
    };
    let confirm = written.map_err(broken)?;
    failpoint::at("queue.published").await;
    match confirm.await.map_err(broken)? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) => Err(PublishError::Refused(
            "the broker returned it as unroutable".to_owned(),
        )),
        Confirmation::Nack(_) => Err(PublishError::Refused(
            "the broker could not store it".to_owned(),
        )),
        Confirmation::NotRequested => {
            session.fail("the channel does not confirm");
            Err(PublishError::Unreachable(
                "the channel does not confirm".to_owned(),
            ))
        }
    }
}
