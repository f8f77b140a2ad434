//! The door: HTTP in, HTTP out, and the faults that are about time and connections.
//!
//! In this order: written down, `down`, token, User-Agent and content type, `slow`, error statuses, then the request
//! itself (perhaps `late`), then `reset`. A closed connection is a response that carries [`HangUp`]: the sandbox's
//! own listener drops the connection; any other server sends a body that breaks off.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::fault::{Effect, RetryAfter};
use super::refusal::{Refusal, Result};
use super::reply;
use super::service::Call;
use super::{Sandbox, SandboxProfile, workplace};

/// The most bytes that a body may have.
const BODY: usize = 4 * 1024 * 1024;

/// What a fault answers in place of the service.
enum Instead {
    Status(u16, Option<RetryAfter>),
    Html,
}

/// Answers a SCIM request that came to this base path.
pub(super) async fn scim(sandbox: Sandbox, base: &'static str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY).await;
    let mut call = call(&parts, base);
    let shown = match parts.uri.query() {
        Some(query) => format!("{}?{query}", call.path),
        None => call.path.clone(),
    };
    let whole = body.is_ok();
    call.body = body.unwrap_or_default();
    let number =
        sandbox
            .lock()
            .log
            .begin(crate::clock::now(), &call.method, shown, call.body.clone());
    let entry = Entry { sandbox, number };
    if !whole {
        return entry.refuse(&Refusal::plain(413, "the body is too large, or broke off"));
    }
    if entry
        .befallen(&call, "down", |effect| {
            (*effect == Effect::Down).then_some(())
        })
        .is_some()
    {
        return reply::hang_up();
    }
    if let Err(refusal) = entry.admit(&parts.headers, &call) {
        return entry.refuse(&refusal);
    }
    entry.serve(call).await
}

/// A request that was written down.
#[derive(Clone)]
struct Entry {
    sandbox: Sandbox,
    number: u64,
}

impl Entry {
    async fn serve(&self, call: Call) -> Response {
        let slow = |effect: &Effect| {
            if let Effect::Slow(ms) = effect {
                Some(*ms)
            } else {
                None
            }
        };
        if let Some(ms) = self.befallen(&call, "slow", slow) {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        let instead = |effect: &Effect| match effect {
            Effect::Status(status, retry_after) => Some(Instead::Status(*status, *retry_after)),
            Effect::HtmlNotFound => Some(Instead::Html),
            Effect::Slow(_)
            | Effect::Down
            | Effect::Reset
            | Effect::Late { .. }
            | Effect::SearchLag(_)
            | Effect::BareConflict
            | Effect::NoUniqueness
            | Effect::IgnoredDeactivation
            | Effect::Refuse { .. } => None,
        };
        match self.befallen(&call, "answered by a fault", instead) {
            Some(Instead::Status(status, retry_after)) => return self.spoil(status, retry_after),
            Some(Instead::Html) => {
                self.end(404, None);
                return reply::html_not_found();
            }
            None => {}
        }
        let late = |effect: &Effect| {
            if let Effect::Late { ms, status } = effect {
                call.writes().then_some((*ms, *status))
            } else {
                None
            }
        };
        if let Some((ms, status)) = self.befallen(&call, "late", late) {
            return self.late(call, ms, status).await;
        }
        let reset = |effect: &Effect| (*effect == Effect::Reset && call.writes()).then_some(());
        let reset = self
            .befallen(&call, "applied, then the connection was closed", reset)
            .is_some();
        let (response, why) = self.apply(&call);
        if reset {
            return reply::hang_up();
        }
        self.end(response.status().as_u16(), why);
        response
    }

    /// Applies the write after a while, in a task of its own: a client that hangs up does not stop it.
    async fn late(&self, call: Call, ms: u64, status: Option<u16>) -> Response {
        let entry = self.clone();
        let write = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let (response, _) = entry.apply(&call);
            entry.sandbox.lock().log.note(
                entry.number,
                &format!("late, applied: {}", response.status().as_u16()),
            );
            response
        });
        if let Some(status) = status {
            return self.spoil(status, None);
        }
        match write.await {
            Ok(response) => {
                self.end(response.status().as_u16(), None);
                response
            }
            Err(_) => reply::hang_up(),
        }
    }

    /// Does what was asked for; with the response, why it was refused, if it was.
    fn apply(&self, call: &Call) -> (Response, Option<String>) {
        let answer = self
            .sandbox
            .lock()
            .service
            .answer(call, crate::clock::now());
        match answer {
            Ok(answer) => (reply::answered(answer, self.sandbox.profile()), None),
            Err(refusal) => {
                let why = match refusal.scim_type {
                    Some(scim_type) => format!("{scim_type}: {}", refusal.detail),
                    None => refusal.detail.clone(),
                };
                (reply::refused(&refusal, self.sandbox.profile()), Some(why))
            }
        }
    }

    /// The token, and what a dialect asks of every request.
    fn admit(&self, headers: &HeaderMap, call: &Call) -> Result<()> {
        let text = |name: header::HeaderName| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        if let Some(token) = self.sandbox.token() {
            let sent = text(header::AUTHORIZATION)
                .split_once(' ')
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            let sent = sent.map(|(_, token)| token.trim()).unwrap_or_default();
            if !bool::from(sent.as_bytes().ct_eq(token.expose_secret().as_bytes())) {
                return Err(Refusal::plain(401, "the bearer token is missing or wrong"));
            }
        }
        if self.sandbox.profile() == SandboxProfile::Workplace {
            workplace::admit(headers, !call.body.is_empty())?;
        }
        let kind = text(header::CONTENT_TYPE)
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let json = kind == "application/scim+json" || kind == "application/json";
        if !call.body.is_empty() && !json {
            return Err(Refusal::plain(
                415,
                "the Content-Type must be application/scim+json or application/json",
            ));
        }
        Ok(())
    }

    /// Meets a fault, and writes down that it did.
    fn befallen<T>(
        &self,
        call: &Call,
        name: &str,
        pick: impl FnMut(&Effect) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.sandbox.lock();
        let met = state.service.faults.take(&call.method, &call.path, pick);
        if met.is_some() {
            state.log.note(self.number, name);
        }
        met
    }

    fn spoil(&self, status: u16, retry_after: Option<RetryAfter>) -> Response {
        self.end(status, None);
        let refusal = Refusal::plain(status, "a fault of the sandbox");
        let mut response = reply::refused(&refusal, self.sandbox.profile());
        if let Some(value) =
            retry_after.and_then(|retry_after| reply::retry_after(retry_after, crate::clock::now()))
        {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }

    fn refuse(&self, refusal: &Refusal) -> Response {
        self.end(refusal.status, Some(refusal.detail.clone()));
        reply::refused(refusal, self.sandbox.profile())
    }

    fn end(&self, status: u16, note: Option<String>) {
        self.sandbox.lock().log.end(self.number, status, note);
    }
}

/// The request, still without its body.
fn call(parts: &Parts, base: &'static str) -> Call {
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let path = decoded(parts.uri.path().strip_prefix(base).unwrap_or_default());
    let query = parts.uri.query().unwrap_or_default();
    Call {
        method: parts.method.as_str().to_owned(),
        path,
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        body: bytes::Bytes::new(),
        base: format!("http://{host}{base}"),
    }
}

/// A path without its percent-encoding: read as the value of a form, in which `+` and `&` mean something else.
fn decoded(path: &str) -> String {
    let form = format!("path={}", path.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, path)| path.into_owned())
        .unwrap_or_default()
}
