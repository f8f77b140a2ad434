//! Sending one request within its deadline, and telling what came of it.

use std::time::Duration;

use reqwest::{
    header::{
        ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH, RETRY_AFTER, USER_AGENT,
    },
    redirect,
};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{Client, ClientError, retry_after::retry_after};
use crate::telemetry;
use hirewire_core::{
    plan::{Failure, FailureKind, Method, Phase, Probe, Request},
    scim::{ListResponse, Profile, ScimError, percent_encode},
};

/// A success. Any status from 200 to 299 is one, with or without a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The status; 202: accepted, to be verified later.
    pub status: u16,
    /// The body, if there is one and it is JSON.
    pub body: Option<Value>,
}

/// An answer larger than this is cut off: no user, no group page is as large.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

pub(super) fn http_client(
    profile: &Profile,
    timeout: Duration,
) -> Result<reqwest::Client, ClientError> {
    let mut headers = HeaderMap::new();
    let agent = (USER_AGENT.as_str(), profile.user_agent.as_str());
    let accept = (ACCEPT.as_str(), profile.accept.as_str());
    let own = profile
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in [agent, accept].into_iter().chain(own) {
        let header = HeaderName::try_from(name)
            .ok()
            .zip(HeaderValue::from_str(value).ok());
        let (name, value) = header.ok_or_else(|| ClientError::Header(name.to_owned()))?;
        headers.insert(name, value);
    }
    reqwest::Client::builder()
        .default_headers(headers)
        .redirect(redirect::Policy::custom(stay_home))
        .connect_timeout(timeout.min(Duration::from_secs(10)))
        .build()
        .map_err(ClientError::Http)
}

/// RFC 7644 section 3.12: 307 and 308 repeat method and body. Never to another origin: the credentials go along.
fn stay_home(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let home = attempt
        .previous()
        .first()
        .is_some_and(|first| first.origin() == attempt.url().origin());
    let repeats = matches!(attempt.status().as_u16(), 307 | 308);
    if home && repeats && attempt.previous().len() <= 3 {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

impl Client {
    /// Sends a request within the connection's deadline.
    pub async fn send(&self, request: &Request) -> Result<Response, Failure> {
        self.send_within(request, self.timeout).await
    }

    /// Sends a request; no longer than `within` in all, nor than the connection's deadline. It is not begun if
    /// its turn does not come in that time.
    pub async fn send_within(
        &self,
        request: &Request,
        within: Duration,
    ) -> Result<Response, Failure> {
        let begun = Instant::now();
        let result = self
            .attempt(request, begun + within.min(self.timeout))
            .await;
        let took = begun.elapsed();
        let status = match &result {
            Ok(response) => Some(response.status),
            Err(failure) => failure.status(),
        };
        self.observer
            .scim_request_finished(&self.connection, request.method, status, took);
        tracing::debug!(
            connection = self.connection,
            method = request.method.as_str(),
            path = request.path,
            status,
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            failure = result
                .as_ref()
                .err()
                .map(|failure| failure.kind.to_string()),
            "SCIM request",
        );
        result
    }

    /// A user by id.
    pub async fn get(&self, id: &str) -> Result<Value, Failure> {
        let path = format!("{}/{}", self.profile.users, percent_encode(id));
        self.read(&Request::get(Phase::Read, path)).await
    }

    /// Asks for one user, to learn whether base URL and credentials are good. Writes nothing.
    pub async fn probe(&self) -> Result<(), Failure> {
        let request =
            Request::get(Phase::Probe, &self.profile.users).query("startIndex=1&count=1".into());
        let body = self.read(&request).await?;
        match ListResponse::read(&body) {
            Some(_) => Ok(()),
            None => Err(unusable(Phase::Probe, "the list of users is no list")),
        }
    }

    /// [`probe`](Self::probe), as the verdict table wants it.
    pub async fn probe_credentials(&self) -> Probe {
        Probe::of(&self.probe().await)
    }

    /// What the target says it can do; `None` where it does not say. Never a reason to fail.
    pub async fn service_provider_config(&self) -> Result<Option<Value>, Failure> {
        if self.profile.service_provider_config.is_empty() {
            return Ok(None);
        }
        match self
            .send(&Request::get(
                Phase::Probe,
                &self.profile.service_provider_config,
            ))
            .await
        {
            Ok(response) => Ok(response.body),
            Err(failure) if matches!(failure.status(), Some(404 | 405 | 501)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sends a read; a success without a JSON object is of no use.
    pub(super) async fn read(&self, request: &Request) -> Result<Value, Failure> {
        let body = self.send(request).await?.body;
        body.filter(Value::is_object)
            .ok_or_else(|| unusable(request.phase, "the body is no JSON object"))
    }

    async fn attempt(&self, request: &Request, deadline: Instant) -> Result<Response, Failure> {
        let phase = request.phase;
        let fail = |kind| Failure { phase, kind };
        let turn = timeout_at(deadline, self.turns.acquire()).await;
        let _turn = turn
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| fail(FailureKind::NotSent))?;
        if !self.pace.turn(deadline).await {
            return Err(fail(FailureKind::NotSent));
        }
        let http = self
            .http_request(request, deadline)
            .ok_or_else(|| fail(FailureKind::NotSent))?;
        let answer = self
            .http
            .execute(http)
            .await
            .map_err(|error| fail(kind_of(&error)))?;
        let status = answer.status().as_u16();
        let wait = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|text| retry_after(text, telemetry::now()));
        let success = (200..300).contains(&status);
        let body = match body_of(answer).await {
            Ok(body) => body,
            // The answer of a write is its status; of a read it is the body.
            Err(error) if success && !phase.writes() => return Err(fail(kind_of(&error))),
            Err(_) => Vec::new(),
        };
        match status {
            200..300 => Ok(Response {
                status,
                body: serde_json::from_slice(&body).ok(),
            }),
            300..400 => Err(fail(FailureKind::Redirected)),
            _ => {
                let error = ScimError {
                    status,
                    ..ScimError::read(status, &body)
                };
                Err(fail(FailureKind::Answered {
                    error,
                    retry_after: wait,
                }))
            }
        }
    }

    fn http_request(&self, request: &Request, deadline: Instant) -> Option<reqwest::Request> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
        };
        let query = request
            .query
            .as_ref()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let url = format!("{}{}{query}", self.base, request.path);
        let (name, value) = {
            let credentials = self
                .credentials
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            credentials.header().ok()?
        };
        let mut http = self.http.request(method, url).header(name, value);
        if let Some(version) = &request.if_match {
            http = http.header(IF_MATCH, version);
        }
        if let Some(body) = &request.body {
            http = http
                .header(CONTENT_TYPE, &self.profile.content_type)
                .body(body.to_string());
        }
        let left = deadline
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())?;
        http.timeout(left).build().ok()
    }
}

pub(super) fn unusable(phase: Phase, what: &'static str) -> Failure {
    Failure {
        phase,
        kind: FailureKind::Unusable(what),
    }
}

async fn body_of(mut answer: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > LARGEST_BODY {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn kind_of(error: &reqwest::Error) -> FailureKind {
    if error.is_connect() {
        FailureKind::Unreachable
    } else if error.is_redirect() {
        FailureKind::Redirected
    } else {
        FailureKind::NoAnswer
    }
}
