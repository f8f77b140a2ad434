//! One observer for everything that happens in a process.
//!
//! Intake, SCIM client and workers report to it; metrics and `tail` implement it. A report holds
//! ids, kinds and durations, never a body, a name or an address. Each call follows the fact that it
//! reports and must not block.

use std::{fmt, time::Duration};

use hirewire_core::{
    event::{Alias, HookId, Kind},
    plan::Method,
};
use http::StatusCode;
use jiff::Timestamp;

use crate::store::{Outcome, PersonKey, StoredBatch};

/// Receives reports. A method that is not implemented does nothing.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Intake answered a request.
    fn hook_answered(&self, hook: &HookReport<'_>) {
        let _ = hook;
    }

    /// The queue confirmed a message, or refused it (`confirmed` is false; the log has the reason).
    fn message_confirmed(&self, hooks: usize, took: Duration, confirmed: bool) {
        let _ = (hooks, took, confirmed);
    }

    /// A worker stored the events of hooks.
    fn events_stored(&self, recorded: &StoredBatch) {
        let _ = recorded;
    }

    /// A worker committed the outcome of a reconcile.
    fn account_reconciled(&self, report: &ReconcileReport) {
        let _ = report;
    }

    /// A SCIM request ended; `status` is `None` if no answer came.
    fn scim_request_finished(
        &self,
        connection: &str,
        method: Method,
        status: Option<u16>,
        took: Duration,
    ) {
        let _ = (connection, method, status, took);
    }
}

/// Ignores every report.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}

/// A hook request and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct HookReport<'a> {
    /// The id that the answer carries in `Hirewire-Hook-Id`.
    pub hook: &'a HookId,
    /// The source's name in the URL; `None`: no configured source has that name.
    pub source: Option<&'a str>,
    /// The status of the answer.
    pub status: StatusCode,
    /// Whether the hook was accepted, and why not.
    pub outcome: &'a HookOutcome,
    /// From the request's headers to the answer.
    pub took: Duration,
}

/// The result of a hook request.
#[derive(Clone, Debug, PartialEq)]
pub enum HookOutcome {
    /// The hook is verified and durable on the queue.
    Accepted {
        /// Id and kind of each event; empty for a ping.
        events: Vec<(String, Kind)>,
        /// Id of the secret that verified the hook, if the secret has one.
        secret: Option<String>,
        /// How many sensitive members (pay, birth date ...) were dropped.
        dropped: usize,
        /// Why the hook, or a part of it, was dead-lettered.
        dead_lettered: Option<String>,
    },
    /// The hook is refused. The reason names what would be accepted, never the expected value or
    /// anything of the body.
    Refused(String),
}

/// The result of one reconcile.
#[derive(Clone, Debug)]
pub struct ReconcileReport {
    /// The connection's name.
    pub connection: String,
    /// The person whose account it is.
    pub person: PersonKey,
    /// An alias of that person, for display.
    pub alias: Alias,
    /// The outcome as committed.
    pub outcome: Outcome,
    /// The requests that were sent: method, path, status.
    pub requests: Vec<String>,
    /// When the person's termination was both known here and effective; `None`: no event ends
    /// access.
    pub terminated_at: Option<Timestamp>,
    /// From the claim to the commit.
    pub took: Duration,
}
