//! One request, from its headers to its answer.
//!
//! The order is the safety: place and endpoint from the headers, the body as raw bytes, the signature over those bytes, then
//! reading, then publishing; 200 last. From the signature on it runs to its end: a client that goes away cancels nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::{Path, Request, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Current, Here, Intake, SourceEndpoint, batcher::Confirmed, detach::DetachOnDrop};
use crate::{
    failpoint,
    http::{Problem, ReadBodyError, read_body},
    observer::{HookOutcome, HookReport},
    queue::{Hook, Message, Payload, PublishError, QueueName},
    telemetry,
};
use hirewire_core::{
    event::{ContentDigest, HookId, Kind},
    source::{ContentError, InvalidMember, SignatureError, Unverified},
};

/// The header that every answer carries.
const HOOK_ID: &str = "hirewire-hook-id";
const SOON: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(5);
const MUCH_LATER: Duration = Duration::from_mins(1);

/// A request under way.
struct Call {
    intake: Intake,
    current: Arc<Current>,
    hook: HookId,
    source: String,
    received: Timestamp,
    began: Instant,
}

/// Why a request is not accepted: the answer, and what our log and observers are told.
struct Refusal {
    problem: Problem,
    reason: String,
}

impl Refusal {
    /// Told alike to caller and log.
    fn plain(status: StatusCode, detail: &str) -> Self {
        Self {
            problem: Problem::new(status).detail(detail),
            reason: detail.to_owned(),
        }
    }

    /// Our own trouble: told in the log, to the caller only that it shall try again.
    fn ours(after: Duration, reason: impl Into<String>) -> Self {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE)
            .detail("try again later")
            .retry_after(after);
        Self {
            problem,
            reason: reason.into(),
        }
    }
}

/// `POST /hooks/{source}`.
pub(super) async fn hook(
    State(intake): Here,
    source: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // A name that is no text is no source of ours.
    let source = source.map(|Path(name)| name).unwrap_or_default();
    let current = intake.current();
    let call = Call {
        intake,
        current,
        hook: hook_id(),
        source,
        received: telemetry::now(),
        began: Instant::now(),
    };
    let Ok(place) = Arc::clone(&call.current.places).try_acquire_owned() else {
        return call.answer(Err(Refusal::ours(SOON, "too many requests at once")));
    };
    let (parts, body) = request.into_parts();
    let endpoint = match call.endpoint(&parts.headers) {
        Ok(endpoint) => endpoint,
        Err(refusal) => return call.answer(Err(refusal)),
    };
    let settings = &call.current.settings;
    let body = match read_body(body, settings.body_limit, settings.read_timeout).await {
        Ok(body) => body,
        Err(error) => return call.answer(Err(no_body(error))),
    };
    let fallback_id = call.hook.clone();
    let carried = DetachOnDrop::new(async move {
        let _place = place;
        let outcome = call.carry(&endpoint, &parts, &body).await;
        call.answer(outcome)
    });
    // What panicked has answered nothing, and nothing of it is known to be durable.
    carried.await.unwrap_or_else(|| {
        with_id(
            Refusal::ours(SOON, "").problem.into_response(),
            &fallback_id,
        )
    })
}

/// Any other method.
pub(super) fn wrong_method(intake: Intake) -> Response {
    intake.refuse(
        Problem::new(StatusCode::METHOD_NOT_ALLOWED).allow("POST"),
        "not a POST",
    )
}

/// Any other path.
pub(super) fn unknown_path(intake: Intake) -> Response {
    intake.refuse(Problem::new(StatusCode::NOT_FOUND), "no such path")
}

impl Intake {
    fn refuse(self, problem: Problem, reason: &str) -> Response {
        let current = self.current();
        let call = Call {
            intake: self,
            current,
            hook: hook_id(),
            source: String::new(),
            received: telemetry::now(),
            began: Instant::now(),
        };
        call.answer(Err(Refusal {
            problem,
            reason: reason.to_owned(),
        }))
    }
}

impl Call {
    /// The endpoint of the source, if it is there, open, and takes bodies of this kind.
    fn endpoint(&self, headers: &HeaderMap) -> Result<Arc<SourceEndpoint>, Refusal> {
        let endpoint = self
            .current
            .settings
            .sources
            .get(&self.source)
            .filter(|endpoint| !endpoint.id.is_ops());
        let endpoint =
            endpoint.ok_or_else(|| Refusal::plain(StatusCode::NOT_FOUND, "no such source"))?;
        if !endpoint.enabled {
            return Err(Refusal::ours(MUCH_LATER, "the source is disabled"));
        }
        let unsupported =
            |detail: &str| Err(Refusal::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        if ["ce-specversion", "ce-type", "ce-id"]
            .iter()
            .any(|name| headers.contains_key(*name))
        {
            return unsupported(
                "CloudEvents in binary mode are not taken: their headers are not signed",
            );
        }
        let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|value| !is_plain(value))
        {
            return unsupported("the body must not be compressed");
        }
        let content_type = match headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str) {
            Some(Ok(text)) => Some(text),
            Some(Err(_)) => return unsupported("the content type cannot be read"),
            None => None,
        };
        if !endpoint.preset.accepts_content_type(content_type) {
            return unsupported(&format!(
                "expected one of {}",
                endpoint.preset.content_types.join(", ")
            ));
        }
        Ok(Arc::clone(endpoint))
    }

    /// Verifies, reads, publishes.
    async fn carry(
        &self,
        endpoint: &SourceEndpoint,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<Accepted, Refusal> {
        let request = Unverified {
            method: parts.method.as_str(),
            headers: &parts.headers,
            body,
        };
        let verified = endpoint
            .scheme
            .verify(request, &endpoint.secrets, telemetry::now())
            .map_err(|error| unbelieved(&error))?;
        let reading = endpoint
            .preset
            .read(&verified, &parts.headers, &endpoint.origins);
        let dead_lettered = match reading.error {
            None => None,
            Some(ContentError::Unreadable(reason)) => Some(reason),
            Some(ContentError::Malformed(detail)) => {
                return Err(Refusal::plain(StatusCode::BAD_REQUEST, &detail));
            }
            Some(ContentError::Invalid(problems)) => return Err(not_canonical(&problems)),
        };
        if reading.unnormalized_phones > 0 {
            tracing::debug!(hook.id = %self.hook, count = reading.unnormalized_phones, "telephone numbers that are no E.164 are kept");
        }
        let events = reading
            .events
            .iter()
            .map(|read| (read.content.id.clone(), read.content.kind))
            .collect();
        let hook = |payload| Hook {
            source: endpoint.id.clone(),
            hook: self.hook.clone(),
            received: self.received,
            secret: verified.secret.clone(),
            digest: ContentDigest::of(body),
            payload,
        };
        if !reading.events.is_empty() {
            self.publish(hook(Payload::Events(reading.events)), body.len())
                .await?;
        }
        if let Some(reason) = &dead_lettered {
            let headers = kept(&endpoint.preset.retained_headers(), &parts.headers);
            self.dead_letter(hook(Payload::Unreadable {
                reason: reason.clone(),
                body: body.to_vec(),
                headers,
            }))
            .await?;
        }
        Ok(Accepted {
            events,
            secret: verified.secret,
            dropped: reading.dropped,
            dead_lettered,
        })
    }

    /// Hands the hook to the batcher and waits for the confirm of its message.
    async fn publish(&self, hook: Hook, bytes: usize) -> Result<(), Refusal> {
        failpoint::at("intake.before_publish").await;
        let handed_in = self.intake.inner.batcher.hand_in(hook, bytes);
        let confirmed = handed_in.map_err(|error| Refusal::ours(SOON, error.to_string()))?;
        // A batcher that is gone confirms nothing.
        self.confirmed(async {
            confirmed
                .await
                .unwrap_or_else(|_| Err(Arc::new(PublishError::Unconfirmed)))
        })
        .await
    }

    /// Publishes a hook that could not be read to the dead queue, alone.
    async fn dead_letter(&self, hook: Hook) -> Result<(), Refusal> {
        let inner = &self.intake.inner;
        let message = Message::new(inner.instance.clone(), vec![hook]);
        self.confirmed(async {
            inner
                .queue
                .publish(QueueName::Dead, message)
                .await
                .map_err(Arc::new)
        })
        .await
    }

    /// Waits for a confirm, but no longer than the deadline.
    async fn confirmed(&self, confirm: impl Future<Output = Confirmed>) -> Result<(), Refusal> {
        match tokio::time::timeout(self.current.settings.confirm_deadline, confirm).await {
            Ok(Ok(())) => {
                failpoint::at("intake.confirmed").await;
                Ok(())
            }
            Ok(Err(error)) => Err(Refusal::ours(LATER, error.to_string())),
            Err(_) => Err(Refusal::ours(
                LATER,
                "the queue did not confirm within the deadline",
            )),
        }
    }

    /// The answer; the log and the observer are told of it.
    fn answer(self, came: Result<Accepted, Refusal>) -> Response {
        let (response, outcome) = match came {
            Ok(accepted) => (accepted.response(&self.hook), accepted.outcome()),
            Err(Refusal { problem, reason }) => {
                let response = problem.member("hook", self.hook.as_str()).into_response();
                (response, HookOutcome::Refused(reason))
            }
        };
        let status = response.status();
        // Only a name of ours becomes a label: anybody may post to any path.
        let source = self
            .current
            .settings
            .sources
            .contains_key(&self.source)
            .then_some(self.source.as_str());
        self.log(source, status, &outcome);
        let heard = HookReport {
            hook: &self.hook,
            source,
            status,
            outcome: &outcome,
            took: self.began.elapsed(),
        };
        self.intake.inner.observer.hook_answered(&heard);
        with_id(response, &self.hook)
    }

    fn log(&self, source: Option<&str>, status: StatusCode, outcome: &HookOutcome) {
        let (hook, status) = (self.hook.as_str(), status.as_u16());
        match (outcome, source) {
            (
                HookOutcome::Accepted {
                    dead_lettered: Some(reason),
                    ..
                },
                _,
            ) => {
                tracing::warn!(
                    hook.id = hook,
                    source,
                    reason,
                    "a hook cannot be read and goes to the dead letters"
                );
            }
            (
                HookOutcome::Accepted {
                    events,
                    dead_lettered: None,
                    ..
                },
                _,
            ) => {
                tracing::debug!(
                    hook.id = hook,
                    source,
                    events = events.len(),
                    "a hook is accepted"
                );
            }
            (HookOutcome::Refused(reason), Some(_)) => {
                tracing::warn!(hook.id = hook, source, status, reason, "a hook is refused");
            }
            (HookOutcome::Refused(reason), None) => {
                tracing::debug!(
                    hook.id = hook,
                    status,
                    reason,
                    "a request to no source is refused"
                );
            }
        }
    }
}

/// What was made durable.
struct Accepted {
    events: Vec<(String, Kind)>,
    secret: Option<String>,
    dropped: usize,
    dead_lettered: Option<String>,
}

/// The body of a 200.
#[derive(Serialize)]
struct Answer<'a> {
    hook: &'a str,
    accepted: Vec<&'a str>,
    dead_lettered: bool,
}

impl Accepted {
    fn response(&self, hook: &HookId) -> Response {
        let accepted = self.events.iter().map(|(id, _)| id.as_str()).collect();
        Json(Answer {
            hook: hook.as_str(),
            accepted,
            dead_lettered: self.dead_lettered.is_some(),
        })
        .into_response()
    }

    fn outcome(self) -> HookOutcome {
        let Self {
            events,
            secret,
            dropped,
            dead_lettered,
        } = self;
        HookOutcome::Accepted {
            events,
            secret,
            dropped,
            dead_lettered,
        }
    }
}

fn hook_id() -> HookId {
    HookId::from(
        telemetry::new_id()
            .parse::<uuid::Uuid>()
            .unwrap_or_default(),
    )
}

fn with_id(mut response: Response, hook: &HookId) -> Response {
    if let Ok(value) = HeaderValue::try_from(hook.as_str()) {
        response.headers_mut().insert(HOOK_ID, value);
    }
    response
}

fn no_body(error: ReadBodyError) -> Refusal {
    let status = match error {
        ReadBodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ReadBodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
        ReadBodyError::Incomplete => StatusCode::BAD_REQUEST,
    };
    Refusal::plain(status, &error.to_string())
}

/// Every 401 is answered alike; what would have fitted is for our log.
fn unbelieved(error: &SignatureError) -> Refusal {
    let problem =
        Problem::new(StatusCode::UNAUTHORIZED).detail("the signature or its time is not accepted");
    Refusal {
        problem,
        reason: error.to_string(),
    }
}

fn not_canonical(problems: &[InvalidMember]) -> Refusal {
    let told: Vec<Value> = problems
        .iter()
        .map(|invalid| json!({ "pointer": invalid.pointer, "detail": invalid.problem }))
        .collect();
    let pointers: Vec<_> = problems
        .iter()
        .map(|invalid| invalid.pointer.as_str())
        .collect();
    Refusal {
        problem: Problem::new(StatusCode::UNPROCESSABLE_ENTITY)
            .detail("the body is no canonical event; nothing of it was accepted")
            .member("errors", told),
        reason: format!("no canonical event: {}", pointers.join(", ")),
    }
}

fn kept(names: &[String], headers: &HeaderMap) -> Vec<(String, String)> {
    let header = |name: &String| Some((name.clone(), headers.get(name)?.to_str().ok()?.to_owned()));
    names.iter().filter_map(header).collect()
}
