//! Tail: what this process does, one JSON line for each hook and each account.
//!
//! [`Tail`] passes events from the observer to every follower. It holds no personal data but worker
//! ids. A slow follower misses lines; nothing waits for it.

use std::time::Duration;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header::CONTENT_TYPE},
    response::Response,
};
use futures_util::stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::Ops;

/// How many lines a follower may be behind.
const CAPACITY: usize = 1024;

/// An empty line after this time without an event keeps the HTTP connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TailEvent {
    /// Intake answered a hook.
    Hook {
        /// The time of the answer.
        at: Timestamp,
        /// The id that the answer carries in `Hirewire-Hook-Id`.
        hook: String,
        /// The source, as named in the URL.
        source: String,
        /// The HTTP status of the answer.
        status: u16,
        /// Verified, or the reason of the refusal.
        verdict: String,
        /// Kind and id of each event.
        events: Vec<String>,
        /// From the request's headers to the answer, in milliseconds.
        ms: f64,
    },
    /// A worker reconciled an account, or left it for later.
    Account {
        /// The time of the commit.
        at: Timestamp,
        /// The connection's name.
        connection: String,
        /// An alias of the person: `source/worker`.
        worker: String,
        /// The kind of the outcome.
        outcome: String,
        /// More about it, for people.
        detail: String,
        /// The requests that were sent: method, path, status.
        requests: Vec<String>,
        /// From the claim to the commit, in milliseconds.
        ms: f64,
    },
}

/// The channel from the observer to the followers.
#[derive(Clone, Debug)]
pub struct Tail {
    events: broadcast::Sender<TailEvent>,
}

impl Default for Tail {
    fn default() -> Self {
        Self {
            events: broadcast::channel(CAPACITY).0,
        }
    }
}

impl Tail {
    /// Publishes an event. It is built only if there is a follower.
    pub(crate) fn publish(&self, event: impl FnOnce() -> TailEvent) {
        if self.events.receiver_count() > 0 {
            let _ = self.events.send(event());
        }
    }

    /// Follows from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<TailEvent> {
        self.events.subscribe()
    }
}

/// `GET /api/v1/tail`: JSON lines without end.
pub(super) async fn follow(State(ops): State<Ops>) -> Response {
    let events = ops.parts().tail.subscribe();
    let lines = stream::unfold(events, |mut events| async move {
        let line = next_line(&mut events).await?;
        Some((Ok::<_, std::convert::Infallible>(line), events))
    });

    let mut response = Response::new(Body::from_stream(lines));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    response
}

/// The next line; `None`: the process ends.
async fn next_line(events: &mut broadcast::Receiver<TailEvent>) -> Option<String> {
    loop {
        match tokio::time::timeout(KEEP_ALIVE, events.recv()).await {
            Err(_) => return Some("\n".to_owned()),
            Ok(Ok(event)) => return Some(serde_json::to_string(&event).unwrap_or_default() + "\n"),
            Ok(Err(broadcast::error::RecvError::Lagged(missed))) => {
                tracing::debug!(missed, "a follower of the tail was too slow");
            }
            Ok(Err(broadcast::error::RecvError::Closed)) => return None,
        }
    }
}
