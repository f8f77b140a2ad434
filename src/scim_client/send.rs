//! Sends one request within its deadline, and turns the answer into a response or a failure.
//!
//! A request waits for a permit and for the rate limit first. Every request is reported to the
//! observer. Nothing is sent twice: retries are the dispatcher's.

use std::{sync::PoisonError, time::Duration};

use reqwest::{
    Certificate, Identity, Proxy,
    header::{
        ACCEPT, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, RETRY_AFTER,
        USER_AGENT,
    },
    redirect,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{Client, ClientError, Response, Transport, retry_after::retry_after};
use crate::telemetry;
use hirewire_core::{
    json,
    plan::{Failure, FailureKind, Method, Phase, Probe, Request, version_of},
    scim::{ListResponse, Profile, ScimError, percent_encode},
};

/// The memory that the document of an answer may take, in bytes.
const MAX_MEMORY: usize = 4 * MAX_BODY;

/// The longest body of an error, in bytes; only its message is read.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// A longer body is cut off here, in bytes: no user and no page of users is that large.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// How many redirects of one request are followed.
const MAX_REDIRECTS: usize = 3;

pub(super) fn http_client(
    profile: &Profile,
    timeout: Duration,
    transport: &Transport,
) -> Result<reqwest::Client, ClientError> {
    let agent = (USER_AGENT.as_str(), profile.user_agent.as_str());
    let accept = (ACCEPT.as_str(), profile.accept.as_str());
    let own = profile
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));

    let mut headers = HeaderMap::new();
    for (name, value) in [agent, accept].into_iter().chain(own) {
        let header = HeaderName::try_from(name)
            .ok()
            .zip(HeaderValue::from_str(value).ok());
        let (name, value) = header.ok_or_else(|| ClientError::Header(name.to_owned()))?;
        headers.insert(name, value);
    }

    through(transport)?
        .default_headers(headers)
        .redirect(redirect::Policy::custom(follow_within_origin))
        .connect_timeout(timeout.min(Duration::from_secs(10)))
        .build()
        .map_err(ClientError::Http)
}

/// A client builder with the TLS and the proxy of the connection. The environment names no proxy:
/// a variable must not redirect credentials.
fn through(transport: &Transport) -> Result<reqwest::ClientBuilder, ClientError> {
    let unusable = |what| move |error| ClientError::Transport(what, error);
    let mut builder = reqwest::Client::builder().no_proxy();

    if let Some(pem) = &transport.ca_pem {
        let certificates =
            Certificate::from_pem_bundle(pem.as_bytes()).map_err(unusable("`ca_file`"))?;
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(pem) = &transport.client_pem {
        let identity = Identity::from_pem(pem.expose_secret().as_bytes())
            .map_err(unusable("`client_certificate`"))?;
        builder = builder.identity(identity);
    }
    if let Some(url) = &transport.proxy {
        let proxy = Proxy::all(url.expose_secret()).map_err(unusable("`proxy`"))?;
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}

/// Follows 307 and 308, which repeat method and body (RFC 7644 section 3.12), and only within the
/// origin: the credentials are sent again.
fn follow_within_origin(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let same_origin = attempt
        .previous()
        .first()
        .is_some_and(|first| first.origin() == attempt.url().origin());
    let repeats = matches!(attempt.status().as_u16(), 307 | 308);

    if same_origin && repeats && attempt.previous().len() <= MAX_REDIRECTS {
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

    /// Sends a request within `limit` or the connection's deadline, whichever ends first. A request
    /// that gets no permit or no token of the rate limit in that time is not sent
    /// ([`FailureKind::NotSent`]).
    pub async fn send_within(
        &self,
        request: &Request,
        limit: Duration,
    ) -> Result<Response, Failure> {
        let started = Instant::now();
        let result = self
            .attempt(request, started + limit.min(self.timeout))
            .await;
        let took = started.elapsed();
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

    /// Reads a user by its id.
    pub async fn get(&self, id: &str) -> Result<Value, Failure> {
        let path = format!("{}/{}", self.profile.users, percent_encode(id));
        self.read(&Request::get(Phase::Read, path)).await
    }

    /// Whether a user can be read within `limit`.
    pub async fn shows(&self, id: &str, limit: Duration) -> bool {
        let path = format!("{}/{}", self.profile.users, percent_encode(id));
        let request = Request::get(Phase::Read, path);
        self.send_within(&request, limit).await.is_ok()
    }

    /// Lists one user, to learn whether base URL and credentials work. Changes nothing.
    pub async fn probe(&self) -> Result<(), Failure> {
        let request =
            Request::get(Phase::Probe, &self.profile.users).query("startIndex=1&count=1".into());
        let body = self.send(&request).await?.body;
        match body.as_ref().and_then(ListResponse::read) {
            Some(_) => Ok(()),
            None => Err(unusable(Phase::Probe, "the list of users is no list")),
        }
    }

    /// Sends a [`probe`](Self::probe) and reduces its result to what `plan::decide` takes.
    pub async fn probe_target(&self) -> Probe {
        Probe::of(&self.probe().await)
    }

    /// Sends a read. A success whose body is no JSON object is a failure.
    pub(super) async fn read(&self, request: &Request) -> Result<Value, Failure> {
        let Response { body, version, .. } = self.send(request).await?;
        let mut body = body
            .filter(Value::is_object)
            .ok_or_else(|| unusable(request.phase, "the body is no JSON object"))?;

        // Some targets send the version as a header alone.
        if let (Some(version), None) = (version, version_of(&body))
            && let Some(members) = body.as_object_mut()
        {
            let meta = members.entry("meta").or_insert_with(|| json!({}));
            if let Some(meta) = meta.as_object_mut() {
                meta.insert("version".to_owned(), Value::String(version));
            }
        }
        Ok(body)
    }

    async fn attempt(&self, request: &Request, deadline: Instant) -> Result<Response, Failure> {
        let phase = request.phase;
        let fail = |kind| Failure { phase, kind };

        let permit = timeout_at(deadline, self.permits.acquire()).await;
        let _permit = permit
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| fail(FailureKind::NotSent))?;
        // The smaller pace comes first: a request that waits for it takes nothing of the larger one.
        if let Some(own_pace) = &self.own_pace
            && !own_pace.acquire(deadline).await
        {
            return Err(fail(FailureKind::NotSent));
        }
        if !self.rate_limiter.acquire(deadline).await {
            return Err(fail(FailureKind::NotSent));
        }

        let http = self.http_request(request, deadline).map_err(fail)?;
        let answer = self
            .http
            .execute(http)
            .await
            .map_err(|error| fail(kind_of(&error)))?;
        read_answer(phase, answer).await.map_err(fail)
    }

    /// The HTTP request; an error if the deadline has passed or it cannot be built.
    fn http_request(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<reqwest::Request, FailureKind> {
        // A URL resolves such a segment: the request would be about another resource.
        if request
            .path
            .split('/')
            .any(|part| matches!(part, "." | ".."))
        {
            return Err(FailureKind::Unfit(
                "an id is `.` or `..`, which no URL can hold",
            ));
        }
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
        let (name, value) = self
            .credentials
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .header()
            .map_err(|_| FailureKind::Unusable("the credentials cannot be sent in a header"))?;

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
            .filter(|left| !left.is_zero())
            .ok_or(FailureKind::NotSent)?;
        http.timeout(left).build().map_err(|_| UNBUILDABLE)
    }
}

async fn read_answer(phase: Phase, answer: reqwest::Response) -> Result<Response, FailureKind> {
    let status = answer.status().as_u16();
    let retry_after = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| retry_after(text, telemetry::now()));

    let etag = answer
        .headers()
        .get(ETAG)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);

    let is_success = (200..300).contains(&status);
    let limit = if is_success { MAX_BODY } else { MAX_ERROR_BODY };
    let body = match read_body(answer, limit).await {
        Ok(body) => body,
        // A read needs the body. The status alone is the answer to a write.
        Err(error) if is_success && !phase.writes() => return Err(kind_of(&error)),
        Err(_) => Vec::new(),
    };

    match status {
        200..300 => {
            let body: Option<Value> = json::parse_bounded(&body, MAX_MEMORY).ok();
            if let Some(error) = body.as_ref().and_then(ScimError::in_success) {
                return Err(FailureKind::Answered { error, retry_after });
            }
            let in_body = || body.as_ref().and_then(version_of).map(str::to_owned);
            let version = etag.or_else(in_body);
            Ok(Response {
                status,
                body,
                version,
            })
        }
        300..400 => Err(FailureKind::Redirected),
        _ => Err(FailureKind::Answered {
            error: ScimError {
                status,
                ..ScimError::read(status, &body)
            },
            retry_after,
        }),
    }
}

async fn read_body(mut answer: reqwest::Response, limit: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > limit {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(super) fn unusable(phase: Phase, reason: &'static str) -> Failure {
    Failure {
        phase,
        kind: FailureKind::Unusable(reason),
    }
}

/// The values of this person make a request that HTTP cannot carry: too long a URL, for example.
const UNBUILDABLE: FailureKind = FailureKind::Unfit("the request cannot be built");

fn kind_of(error: &reqwest::Error) -> FailureKind {
    if error.is_builder() {
        UNBUILDABLE
    } else if error.is_connect() {
        FailureKind::Unreachable
    } else if error.is_redirect() {
        FailureKind::Redirected
    } else {
        FailureKind::NoAnswer
    }
}
