//! Publishes messages with publisher confirms; only a plain ack of the broker counts as a confirm.
//!
//! A task owns each publish until its confirm, so a caller that goes away changes nothing. A late
//! confirm ends the session, because it may never arrive; so does a message that the broker returns,
//! because the next session declares the missing queues anew. The exception is a connection that the
//! broker has blocked: there it will arrive, and the publish keeps its permit until then.

use std::{sync::Arc, time::Duration};

use lapin::{Confirmation, options::BasicPublishOptions, types::ShortString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::{
    RabbitSettings,
    outbound::OutboundMessage,
    session::{Session, SessionState},
    topology::Topology,
};
use crate::{failpoint, queue::PublishError};

/// How long a publish waits for a permit before it is refused as overload.
const PERMIT_WAIT: Duration = Duration::from_millis(100);

/// The largest body, in bytes. The broker closes the whole connection over one that it finds too
/// large, and all outstanding confirms with it.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// The broker returns a message that no queue takes, before it confirms it. Without this it would
/// confirm and drop it.
const MANDATORY: BasicPublishOptions = BasicPublishOptions {
    mandatory: true,
    immediate: false,
};

/// The publishing half of the queue.
pub(super) struct Publisher {
    topology: Topology,
    exchange: ShortString,
    outstanding: Arc<Semaphore>,
    permits: u32,
    deadline: Duration,
    state: watch::Receiver<SessionState>,
}

impl Publisher {
    pub fn new(settings: &RabbitSettings, state: watch::Receiver<SessionState>) -> Self {
        let permits = settings.outstanding.max(1);
        let semaphore = Semaphore::new(usize::try_from(permits).unwrap_or(Semaphore::MAX_PERMITS));
        let topology = Topology::new(&settings.instance);
        Self {
            exchange: topology.exchange(),
            topology,
            outstanding: Arc::new(semaphore),
            permits,
            deadline: settings.confirm_deadline,
            state,
        }
    }

    /// The current session, or the reason why the broker takes no messages now.
    pub fn session(&self) -> Result<Arc<Session>, String> {
        match &*self.state.borrow() {
            SessionState::Up(session) if session.ended.is_cancelled() => Err(session.reason()),
            SessionState::Up(session) if session.is_blocked() => Err(
                "the broker has blocked publishing, because it is short of memory or disk"
                    .to_owned(),
            ),
            SessionState::Up(session) => Ok(Arc::clone(session)),
            SessionState::Down(reason) => Err(reason.clone()),
            SessionState::Closed => Err("the queue is closed".to_owned()),
        }
    }

    /// Looks whether exchanges and queues exist, after a call failed that needs them.
    pub async fn check_topology(&self) {
        if let Ok(session) = self.session() {
            session.check_topology(&self.topology).await;
        }
    }

    /// Publishes a message and returns once the broker has confirmed it.
    pub async fn publish(&self, message: OutboundMessage) -> Result<(), PublishError> {
        if message.body.len() > MAX_BODY {
            return Err(PublishError::Refused(format!(
                "it is larger than {MAX_BODY} bytes"
            )));
        }

        // Checked before the permit as well: a broker that is down is no overload.
        self.session().map_err(PublishError::Unreachable)?;
        let acquiring = Arc::clone(&self.outstanding).acquire_owned();
        let permit = tokio::time::timeout(PERMIT_WAIT, acquiring)
            .await
            .map_err(|_| PublishError::Overloaded)?
            .map_err(|_| closed())?;
        let session = self.session().map_err(PublishError::Unreachable)?;

        let (reply, confirmed) = oneshot::channel();
        tokio::spawn(publish_until_confirmed(
            session,
            self.exchange.clone(),
            message,
            self.deadline,
            reply,
            permit,
        ));
        confirmed.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Waits for the outstanding confirms, at most as long as one may take. After that no message
    /// is published.
    pub async fn finish(&self) {
        let all = self.outstanding.acquire_many(self.permits);
        if tokio::time::timeout(self.deadline, all).await.is_err() {
            tracing::warn!(
                "the queue was closed before the broker confirmed every message; the senders \
                 repeat the unconfirmed ones"
            );
        }
        self.outstanding.close();
    }
}

fn closed() -> PublishError {
    PublishError::Unreachable("the queue is closed".to_owned())
}

/// Publishes one message, replies to its caller, and holds the permit until the confirm.
async fn publish_until_confirmed(
    session: Arc<Session>,
    exchange: ShortString,
    message: OutboundMessage,
    deadline: Duration,
    reply: oneshot::Sender<Result<(), PublishError>>,
    permit: OwnedSemaphorePermit,
) {
    let sending = send(&session, exchange, message);
    tokio::pin!(sending);
    let outcome = tokio::select! {
        biased;
        outcome = &mut sending => outcome,
        () = session.ended.cancelled() => Err(PublishError::Unreachable(session.reason())),
        () = tokio::time::sleep(deadline) => Err(PublishError::Unconfirmed),
    };
    let is_late = matches!(outcome, Err(PublishError::Unconfirmed));
    // The caller may be gone.
    let _ = reply.send(outcome);

    if is_late && session.is_blocked() {
        tokio::select! {
            _ = &mut sending => {}
            () = session.ended.cancelled() => {}
        }
    } else if is_late {
        session.fail("the broker did not confirm in time");
    }
    drop(permit);
}

async fn send(
    session: &Session,
    exchange: ShortString,
    message: OutboundMessage,
) -> Result<(), PublishError> {
    failpoint::at("queue.before_publish").await;
    let broken = |problem: String| {
        session.fail(&*problem);
        PublishError::Unreachable(problem)
    };
    let channel = session.publishing_channel().await.map_err(broken)?;

    let (routing_key, body, properties) = message.into_parts();
    let published = channel
        .basic_publish(exchange, routing_key.into(), MANDATORY, &body, properties)
        .await;
    let confirm = published.map_err(|error| broken(error.to_string()))?;
    failpoint::at("queue.published").await;

    match confirm.await.map_err(|error| broken(error.to_string()))? {
        Confirmation::Ack(None) => {
            session.give_back(channel);
            Ok(())
        }
        Confirmation::Ack(Some(_)) => Err(broken(
            "the broker returned a message as unroutable: queues are missing".to_owned(),
        )),
        Confirmation::Nack(_) => {
            session.give_back(channel);
            Err(PublishError::Refused(
                "the broker could not store it".to_owned(),
            ))
        }
        Confirmation::NotRequested => Err(broken("the channel is not in confirm mode".to_owned())),
    }
}
