//! The answer to a hook request, and its report to log and observer.

use std::time::Instant;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::{hook_request::HookRequest, refusal::Refusal};
use crate::observer::{HookOutcome, HookReport};
use hirewire_core::event::{HookId, Kind};

/// The header that every answer carries.
const HOOK_ID: &str = "hirewire-hook-id";

/// A hook that is durable on the queue.
pub(super) struct AcceptedHook {
    /// Id and kind of each event.
    pub events: Vec<(String, Kind)>,
    /// Id of the secret that verified the signature.
    pub secret: Option<String>,
    /// How many sensitive members were dropped.
    pub dropped: usize,
    /// Why the hook, or a part of it, is dead-lettered.
    pub dead_lettered: Option<String>,
}

/// The body of a 200.
#[derive(Serialize)]
struct AcceptedBody<'a> {
    hook: &'a str,
    accepted: Vec<&'a str>,
    dead_lettered: bool,
}

impl AcceptedHook {
    fn response(&self, hook: &HookId) -> Response {
        Json(AcceptedBody {
            hook: hook.as_str(),
            accepted: self.events.iter().map(|(id, _)| id.as_str()).collect(),
            dead_lettered: self.dead_lettered.is_some(),
        })
        .into_response()
    }
}

impl From<AcceptedHook> for HookOutcome {
    fn from(accepted: AcceptedHook) -> Self {
        Self::Accepted {
            events: accepted.events,
            secret: accepted.secret,
            dropped: accepted.dropped,
            dead_lettered: accepted.dead_lettered,
        }
    }
}

impl HookRequest {
    /// Answers the request, and reports it to log and observer.
    pub fn respond(self, result: Result<AcceptedHook, Refusal>) -> Response {
        let (response, outcome) = match result {
            Ok(accepted) => (accepted.response(&self.hook), HookOutcome::from(accepted)),
            Err(Refusal { problem, reason }) => {
                let response = problem.member("hook", self.hook.as_str()).into_response();
                (response, HookOutcome::Refused(reason))
            }
        };
        let status = response.status();

        // Any client can post to any path, so only the name of a configured source becomes a label.
        let source = self
            .active
            .settings
            .sources
            .contains_key(&self.source)
            .then_some(self.source.as_str());
        self.log(source, status, &outcome);
        self.intake.shared.observer.hook_answered(&HookReport {
            hook: &self.hook,
            source,
            status,
            outcome: &outcome,
            took: self.started.elapsed(),
        });
        with_hook_id(response, &self.hook)
    }

    fn log(&self, source: Option<&str>, status: StatusCode, outcome: &HookOutcome) {
        let (hook, status) = (self.hook.as_str(), status.as_u16());
        match outcome {
            HookOutcome::Accepted {
                dead_lettered: Some(reason),
                ..
            } => {
                tracing::warn!(
                    hook.id = hook,
                    source,
                    reason,
                    "a hook cannot be read and goes to the dead letters"
                );
            }
            HookOutcome::Accepted {
                events,
                dead_lettered: None,
                ..
            } => {
                let events = events.len();
                tracing::debug!(hook.id = hook, source, events, "a hook is accepted");
            }
            HookOutcome::Refused(reason) => self.log_refused(source, status, reason),
        }
    }

    /// Anybody can cause these lines, so a flood writes few of them. The metrics count all.
    fn log_refused(&self, source: Option<&str>, status: u16, reason: &str) {
        let (hook, shared) = (self.hook.as_str(), &self.intake.shared);
        let limit = source.map_or(&shared.unknown, |_| &shared.refused);
        let Some(suppressed) = limit.admit(Instant::now()) else {
            return;
        };

        let peer = self.client.as_ref().map(tracing::field::display);
        if source.is_some() {
            tracing::warn!(
                hook.id = hook,
                source,
                peer,
                status,
                reason,
                suppressed,
                "a hook is refused"
            );
        } else {
            tracing::info!(
                hook.id = hook,
                peer,
                status,
                reason,
                suppressed,
                "a request that names no configured source is refused"
            );
        }
    }
}

/// The answer with the hook's id in its header.
pub(super) fn with_hook_id(mut response: Response, hook: &HookId) -> Response {
    if let Ok(value) = HeaderValue::try_from(hook.as_str()) {
        response.headers_mut().insert(HOOK_ID, value);
    }
    response
}
