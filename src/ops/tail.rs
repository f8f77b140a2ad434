//! Tail: what is going on in this process, one JSON line each, for whoever follows. Slow followers miss lines.

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
use crate::telemetry;

/// One line: a hook at the door, or an account that was reconciled. No personal data but worker ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Line {
    /// A hook came in.
    Hook {
        /// When it was answered.
        at: Timestamp,
        /// Our id of it.
        hook: String,
        /// The source, as named in the URL.
        source: String,
        /// The status it was answered with.
        status: u16,
        /// Verified, or why not.
        verdict: String,
        /// Its events: kind and worker.
        events: Vec<String>,
        /// How long it took.
        ms: f64,
    },
    /// An account was reconciled, or left for later.
    Account {
        /// When.
        at: Timestamp,
        /// The connection.
        connection: String,
        /// The worker.
        worker: String,
        /// What it came to.
        outcome: String,
        /// More about it.
        detail: String,
        /// What was sent.
        requests: Vec<String>,
        /// How long it took.
        ms: f64,
    },
}

/// Where lines are told, and followed.
#[derive(Clone, Debug)]
pub struct Tail {
    lines: broadcast::Sender<Line>,
}

impl Default for Tail {
    fn default() -> Self {
        Self {
            lines: broadcast::channel(1024).0,
        }
    }
}

impl Tail {
    /// Tells a line to whoever follows; it is made only if somebody does.
    pub fn tell(&self, line: impl FnOnce() -> Line) {
        if self.lines.receiver_count() > 0 {
            let _ = self.lines.send(line());
        }
    }

    /// Follows from now on.
    pub fn follow(&self) -> broadcast::Receiver<Line> {
        self.lines.subscribe()
    }
}

/// `GET /api/v1/tail`: JSON lines without end; an empty line every ten seconds keeps the connection.
pub(super) async fn follow(State(ops): State<Ops>) -> Response {
    let lines = ops.parts().tail.follow();
    let stream = stream::unfold(lines, |mut lines| async move {
        loop {
            let text = match tokio::time::timeout(Duration::from_secs(10), lines.recv()).await {
                Err(_) => "\n".to_owned(),
                Ok(Ok(line)) => serde_json::to_string(&line).unwrap_or_default() + "\n",
                Ok(Err(broadcast::error::RecvError::Lagged(missed))) => {
                    tracing::debug!(missed, at = %telemetry::now(), "a follower of the tail was too slow");
                    continue;
                }
                Ok(Err(broadcast::error::RecvError::Closed)) => return None,
            };
            return Some((Ok::<_, std::convert::Infallible>(text), lines));
        }
    });
    let mut response = Response::new(Body::from_stream(stream));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    response
}
