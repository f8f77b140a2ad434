//! Whom the intake tells of every request: metrics, `tail`, the last refused ones. By ids and kinds, never by content.

use std::time::Duration;

use http::StatusCode;

use hirewire_core::event::{HookId, Kind};

/// An observer of the intake. Called once for each request, after its answer is known; must not block.
pub trait Heard: Send + Sync {
    /// A request was answered.
    fn heard(&self, hook: &HeardHook<'_>);

    /// The queue confirmed a message of that many hooks, after that long (or did not, and why is in the log).
    fn published(&self, hooks: usize, took: Duration, confirmed: bool) {
        let _ = (hooks, took, confirmed);
    }
}

/// A request, as it was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct HeardHook<'a> {
    /// Our id of it.
    pub hook: &'a HookId,
    /// The source's name in the URL, where it is one of ours.
    pub source: Option<&'a str>,
    /// The answer.
    pub status: StatusCode,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// From the request's headers to the answer.
    pub took: Duration,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Verified, read and durable.
    Accepted {
        /// Id and kind of each event; none for a ping.
        events: Vec<(String, Kind)>,
        /// Id of the secret that verified it, where it has one.
        secret: Option<String>,
        /// Members with pay, birth dates and the like that were dropped.
        dropped: usize,
        /// Why it, or a part of it, went to the dead letters.
        dead_lettered: Option<String>,
    },
    /// Not accepted, and why: with what would have fitted, never with what was expected or what the body held.
    Refused(String),
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unheard;

impl Heard for Unheard {
    fn heard(&self, _: &HeardHook<'_>) {}
}
