//! Handles one hook request, from its headers to its answer.
//!
//! The order of the steps makes it safe: a permit and the endpoint from the headers, the body as
//! raw bytes, the signature over those bytes, then reading, then publishing; the 200 is last. From
//! the signature on, the request runs to its end even if the client goes away.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};

use super::{
    Intake, IntakeState, SourceEndpoint,
    batcher::ConfirmResult,
    detach::DetachOnDrop,
    examine::Examined,
    hook_request::HookRequest,
    refusal::{RETRY_SOON, Refusal},
    response::{AcceptedHook, with_hook_id},
};
use crate::{
    failpoint,
    http::{BodyLimits, Problem, read_body},
    queue::{Hook, Message, Payload, PublishError, QueueName},
};
use hirewire_core::source::{ContentError, Preset};

/// `Retry-After` when the queue did not confirm.
const RETRY_LATER: Duration = Duration::from_secs(5);
/// `Retry-After` for a disabled source.
const RETRY_MUCH_LATER: Duration = Duration::from_mins(1);

/// Handles `POST /hooks/{source}`.
pub(super) async fn post_hook(
    State(intake): IntakeState,
    source: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // A path segment that is not UTF-8 names no source.
    let source = source.map(|Path(name)| name).unwrap_or_default();
    let call = HookRequest::new(intake, source, &request);
    let Ok(permit) = Arc::clone(&call.active.permits).try_acquire_owned() else {
        let refusal = Refusal::unavailable(RETRY_SOON, "too many requests at once");
        return call.respond(Err(refusal));
    };

    let (parts, body) = request.into_parts();
    let endpoint = match call.endpoint(&parts.headers) {
        Ok(endpoint) => endpoint,
        Err(refusal) => return call.respond(Err(refusal)),
    };
    let limits = BodyLimits {
        bytes: call.active.settings.body_limit,
        timeout: call.active.settings.read_timeout,
        budget: &call.intake.shared.body_budget,
    };
    let (body, budget) = match read_body(body, limits).await {
        Ok(read) => read,
        Err(error) => return call.respond(Err(error.into())),
    };

    let hook = call.hook.clone();
    let response = DetachOnDrop::new(async move {
        let _permits = (permit, budget);
        let result = call.process(&endpoint, &Arc::new(parts), body).await;
        call.respond(result)
    })
    .await;
    // After a panic nothing is known to be durable.
    response.unwrap_or_else(|| {
        let problem = Refusal::unavailable(RETRY_SOON, "").problem;
        with_hook_id(problem.into_response(), &hook)
    })
}

/// Answers any other method on the path of a hook.
pub(super) fn method_not_allowed(intake: Intake, request: &Request) -> Response {
    HookRequest::new(intake, String::new(), request).respond(Err(Refusal {
        problem: Problem::new(StatusCode::METHOD_NOT_ALLOWED).allow("POST"),
        reason: "not a POST".to_owned(),
    }))
}

/// Answers any other path.
pub(super) fn unknown_path(intake: Intake, request: &Request) -> Response {
    HookRequest::new(intake, String::new(), request).respond(Err(Refusal {
        problem: Problem::new(StatusCode::NOT_FOUND),
        reason: "no such path".to_owned(),
    }))
}

impl HookRequest {
    /// The endpoint of the source, if it exists, is enabled, and takes such a body.
    fn endpoint(&self, headers: &HeaderMap) -> Result<Arc<SourceEndpoint>, Refusal> {
        let endpoint = self
            .active
            .settings
            .sources
            .get(&self.source)
            .filter(|endpoint| !endpoint.id.is_ops())
            .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "no such source"))?;
        if !endpoint.enabled {
            return Err(Refusal::unavailable(
                RETRY_MUCH_LATER,
                "the source is disabled",
            ));
        }

        check_headers(headers, &endpoint.preset)
            .map_err(|detail| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, &detail))?;
        Ok(Arc::clone(endpoint))
    }

    /// Verifies the request, reads its body, and publishes what it holds.
    async fn process(
        &self,
        endpoint: &Arc<SourceEndpoint>,
        parts: &Arc<Parts>,
        body: Bytes,
    ) -> Result<AcceptedHook, Refusal> {
        let examined = self.intake.examine(endpoint, parts, &body).await?;
        let Examined {
            secret,
            digest,
            parsed,
        } = examined;
        let dead_lettered = unreadable_reason(parsed.error)?;
        self.log_unnormalized_phones(parsed.unnormalized_phones);

        let events = parsed
            .events
            .iter()
            .map(|event| (event.content.id.clone(), event.content.kind))
            .collect();
        let hook = |payload| Hook {
            source: endpoint.id.clone(),
            hook: self.hook.clone(),
            received: self.received,
            secret: secret.clone(),
            digest,
            payload,
        };
        if !parsed.events.is_empty() {
            self.publish(hook(Payload::Events(parsed.events)), body.len())
                .await?;
        }
        if let Some(reason) = &dead_lettered {
            self.dead_letter(hook(Payload::Unreadable {
                reason: reason.clone(),
                body: body.into(),
                headers: select_headers(&endpoint.preset.retained_headers(), &parts.headers),
            }))
            .await?;
        }

        Ok(AcceptedHook {
            events,
            secret,
            dropped: parsed.dropped,
            dead_lettered,
        })
    }

    fn log_unnormalized_phones(&self, count: usize) {
        if count > 0 {
            tracing::debug!(
                hook.id = %self.hook,
                count,
                "telephone numbers that are not E.164 are kept as they are"
            );
        }
    }

    /// Submits the hook to the batcher, and waits for the confirm of its message. `bytes` is the
    /// length of its body.
    async fn publish(&self, hook: Hook, bytes: usize) -> Result<(), Refusal> {
        failpoint::at("intake.before_publish").await;
        let confirm = self
            .intake
            .shared
            .batcher
            .submit(hook, bytes)
            .map_err(|error| Refusal::unavailable(RETRY_SOON, error.to_string()))?;

        self.wait_for_confirm(async {
            // If the batcher has ended, there is no confirm.
            confirm
                .await
                .unwrap_or_else(|_| Err(Arc::new(PublishError::Unconfirmed)))
        })
        .await
    }

    /// Publishes an unreadable hook to the dead-letter queue, in a message of its own.
    async fn dead_letter(&self, hook: Hook) -> Result<(), Refusal> {
        let shared = &self.intake.shared;
        let message = Message::new(shared.instance.clone(), vec![hook]);
        self.wait_for_confirm(async {
            shared
                .queue
                .publish(QueueName::Dead, message)
                .await
                .map_err(Arc::new)
        })
        .await
    }

    /// Waits for a confirm until the deadline.
    async fn wait_for_confirm(
        &self,
        confirm: impl Future<Output = ConfirmResult>,
    ) -> Result<(), Refusal> {
        match tokio::time::timeout(self.active.settings.confirm_deadline, confirm).await {
            Ok(Ok(())) => {
                failpoint::at("intake.confirmed").await;
                Ok(())
            }
            Ok(Err(error)) => Err(Refusal::unavailable(RETRY_LATER, error.to_string())),
            Err(_) => Err(Refusal::unavailable(
                RETRY_LATER,
                "the queue did not confirm within the deadline",
            )),
        }
    }
}

/// Why the body, or a part of it, is dead-lettered; a refusal if nothing of it is accepted.
fn unreadable_reason(error: Option<ContentError>) -> Result<Option<String>, Refusal> {
    match error {
        None => Ok(None),
        Some(ContentError::Unreadable(reason)) => Ok(Some(reason)),
        Some(ContentError::Malformed(detail)) => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, &detail))
        }
        Some(ContentError::Invalid(invalid)) => Err(Refusal::not_canonical(&invalid)),
    }
}

/// Whether the headers announce a body that the preset can read; else the detail of a 415.
fn check_headers(headers: &HeaderMap, preset: &Preset) -> Result<(), String> {
    let is_binary_mode = ["ce-specversion", "ce-type", "ce-id"]
        .iter()
        .any(|name| headers.contains_key(*name));
    if is_binary_mode {
        return Err(
            "CloudEvents in binary mode are not accepted: their headers are not signed".to_owned(),
        );
    }

    let is_identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| !is_identity(value))
    {
        return Err("the body must not be compressed".to_owned());
    }

    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::to_str)
        .transpose()
        .map_err(|_| "the content type cannot be read".to_owned())?;
    if !preset.accepts_content_type(content_type) {
        return Err(format!(
            "expected one of {}",
            preset.content_types.join(", ")
        ));
    }
    Ok(())
}

/// The headers of these names whose value is text.
fn select_headers(names: &[String], headers: &HeaderMap) -> Vec<(String, String)> {
    names
        .iter()
        .filter_map(|name| {
            let value = headers.get(name)?.to_str().ok()?;
            Some((name.clone(), value.to_owned()))
        })
        .collect()
}
