//! The HTTP handler of SCIM requests, with the faults that concern time, statuses and connections.
//!
//! The order of the steps: log the request, fault `down`, check the headers, read and log the body,
//! fault `slow`, faults
//! with an error response, fault `late` or the request itself, fault `reset`. A closed connection
//! is a response with the extension [`super::http_response::CloseConnection`].

use std::time::Duration;

use axum::body::{HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use bytes::Bytes;

use super::access::{check_token, header_text};
use super::endpoints;
use super::fault::{Effect, RetryAfter};
use super::http_response;
use super::message::ScimRequest;
use super::profile::SandboxProfile;
use super::sandbox::Sandbox;
use super::scim_error::{ScimError, ScimResult};
use super::workplace;

/// The largest request body, in bytes.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The response of a fault, in place of the response of the service provider.
enum FaultResponse {
    Status(u16, Option<RetryAfter>),
    Html,
}

/// Handles a SCIM request whose path begins with `base`.
pub(crate) async fn handle(sandbox: Sandbox, base: &'static str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let has_body = !body.is_end_stream();
    let mut request = scim_request(&parts, base);

    let exchange = Exchange::begin(sandbox, &request);
    if exchange.take_effect(&request, &Effect::Down, "down") {
        return http_response::close_connection();
    }
    // A body is neither read nor logged before the request is authorized.
    if let Err(error) = exchange.check_headers(&parts.headers, has_body) {
        return exchange.reject(&error);
    }
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return exchange.reject(&ScimError::untyped(
            413,
            "the body is incomplete, or larger than 4 MiB",
        ));
    };

    request.body = body;
    exchange.accept(&request, parts.uri.query());
    exchange.process(request).await
}

/// One request and its entry in the log.
#[derive(Clone)]
struct Exchange {
    sandbox: Sandbox,
    log_number: u64,
}

impl Exchange {
    fn begin(sandbox: Sandbox, request: &ScimRequest) -> Self {
        let log_number =
            sandbox
                .lock()
                .log
                .begin(crate::clock::now(), &request.method, request.path.clone());
        Self {
            sandbox,
            log_number,
        }
    }

    /// Adds query and body of an authorized request to the log.
    fn accept(&self, request: &ScimRequest, query: Option<&str>) {
        let mut state = self.sandbox.lock();
        state.log.accept(self.log_number, query, &request.body);
    }

    /// Applies the request with the faults around it.
    async fn process(&self, request: ScimRequest) -> Response {
        if let Some(ms) = self.take_fault(&request, "slow", delay_of_slow) {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }

        match self.take_fault(&request, "response of a fault", fault_response) {
            Some(FaultResponse::Status(status, retry_after)) => {
                return self.respond_with_status(status, retry_after);
            }
            Some(FaultResponse::Html) => {
                self.end(404, None);
                return http_response::html_not_found();
            }
            None => {}
        }

        if request.is_write()
            && let Some((ms, status)) = self.take_fault(&request, "late", delay_of_late)
        {
            return self.apply_late(request, ms, status).await;
        }

        let reset = request.is_write()
            && self.take_effect(
                &request,
                &Effect::Reset,
                "applied, then the connection was closed",
            );
        let (response, error) = self.apply(&request);
        if reset {
            return http_response::close_connection();
        }
        self.end(response.status().as_u16(), error);
        response
    }

    /// Applies a write after a delay, in a task of its own, so that a client that disconnects does
    /// not cancel it.
    async fn apply_late(&self, request: ScimRequest, ms: u64, status: Option<u16>) -> Response {
        let exchange = self.clone();
        let write = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let (response, _) = exchange.apply(&request);
            let note = format!("late, applied: {}", response.status().as_u16());
            exchange
                .sandbox
                .lock()
                .log
                .set_note(exchange.log_number, &note);
            response
        });

        if let Some(status) = status {
            return self.respond_with_status(status, None);
        }
        match write.await {
            Ok(response) => {
                self.end(response.status().as_u16(), None);
                response
            }
            Err(_) => http_response::close_connection(),
        }
    }

    /// Applies the request; with an error response, also returns its reason for the log.
    fn apply(&self, request: &ScimRequest) -> (Response, Option<String>) {
        let profile = self.sandbox.profile();
        let result = endpoints::respond(
            &mut self.sandbox.lock().provider,
            request,
            crate::clock::now(),
        );

        match result {
            Ok(response) => (http_response::success(response, profile), None),
            Err(error) => {
                let reason = match error.scim_type {
                    Some(scim_type) => format!("{scim_type}: {}", error.detail),
                    None => error.detail.clone(),
                };
                (http_response::error(&error, profile), Some(reason))
            }
        }
    }

    /// Checks the bearer token, the headers that the dialect requires, and the media type of the
    /// body.
    fn check_headers(&self, headers: &HeaderMap, has_body: bool) -> ScimResult<()> {
        if let Some(token) = self.sandbox.token() {
            check_token(headers, token)?;
        }

        if self.sandbox.profile() == SandboxProfile::Workplace {
            workplace::check_headers(headers, has_body)?;
        }

        let media_type = header_text(headers, header::CONTENT_TYPE)
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let is_json = media_type == "application/scim+json" || media_type == "application/json";
        if has_body && !is_json {
            return Err(ScimError::untyped(
                415,
                "the Content-Type must be application/scim+json or application/json",
            ));
        }

        Ok(())
    }

    /// Takes a fault that affects this request, and notes it in the log.
    fn take_fault<T>(
        &self,
        request: &ScimRequest,
        note: &str,
        pick: impl FnMut(&Effect) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.sandbox.lock();
        let taken = state.provider.take_fault(request, pick);
        if taken.is_some() {
            state.log.set_note(self.log_number, note);
        }
        taken
    }

    fn take_effect(&self, request: &ScimRequest, wanted: &Effect, note: &str) -> bool {
        self.take_fault(request, note, |effect| (effect == wanted).then_some(()))
            .is_some()
    }

    fn respond_with_status(&self, status: u16, retry_after: Option<RetryAfter>) -> Response {
        self.end(status, None);

        let error = ScimError::untyped(status, "a fault of the sandbox");
        let mut response = http_response::error(&error, self.sandbox.profile());
        let retry_after = retry_after
            .and_then(|retry_after| http_response::retry_after(retry_after, crate::clock::now()));
        if let Some(value) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }

        response
    }

    fn reject(&self, error: &ScimError) -> Response {
        self.end(error.status, Some(error.detail.clone()));
        http_response::error(error, self.sandbox.profile())
    }

    fn end(&self, status: u16, note: Option<String>) {
        self.sandbox.lock().log.end(self.log_number, status, note);
    }
}

fn delay_of_slow(effect: &Effect) -> Option<u64> {
    if let Effect::Slow(ms) = effect {
        Some(*ms)
    } else {
        None
    }
}

fn delay_of_late(effect: &Effect) -> Option<(u64, Option<u16>)> {
    if let Effect::Late { ms, status } = effect {
        Some((*ms, *status))
    } else {
        None
    }
}

fn fault_response(effect: &Effect) -> Option<FaultResponse> {
    match effect {
        Effect::Status(status, retry_after) => Some(FaultResponse::Status(*status, *retry_after)),
        Effect::HtmlNotFound => Some(FaultResponse::Html),
        Effect::Slow(_)
        | Effect::Down
        | Effect::Reset
        | Effect::Late { .. }
        | Effect::SearchLag(_)
        | Effect::BareConflict
        | Effect::NoUniqueness
        | Effect::IgnoredDeactivation
        | Effect::Refuse { .. } => None,
    }
}

/// The request without its body.
fn scim_request(parts: &Parts, base: &'static str) -> ScimRequest {
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let path = parts.uri.path().strip_prefix(base).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();

    ScimRequest {
        method: parts.method.as_str().to_owned(),
        path: percent_decode(path),
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        body: Bytes::new(),
        base: format!("http://{host}{base}"),
    }
}

/// Decodes a path with the decoder of form values; `+` and `&` have no special meaning in a path.
fn percent_decode(path: &str) -> String {
    let form = format!("path={}", path.replace('+', "%2B").replace('&', "%26"));

    url::form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, path)| path.into_owned())
        .unwrap_or_default()
}
