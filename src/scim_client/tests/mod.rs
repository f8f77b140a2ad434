//! The client against a scripted HTTP server, which gives the answers that real targets give.

mod answers;
mod bounds;
mod lookups;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request as HttpRequest, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response as HttpResponse},
};
use serde_json::{Value, json};

use super::*;
use crate::observer::NoObserver;
use hirewire_core::{
    mapping::MatchKey,
    plan::{Failure, FailureKind, Method, Phase, Probe, Request},
    scim::AttributePath,
};

type Answer = Box<dyn FnOnce() -> HttpResponse + Send>;

/// A request that the server received.
#[derive(Clone)]
struct ReceivedRequest {
    /// Method and URI.
    line: String,
    headers: HeaderMap,
    body: String,
}

/// A server that gives its answers in order, then 500, and keeps every request.
#[derive(Clone, Default)]
struct ScriptedServer {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
}

impl ScriptedServer {
    fn then<R: IntoResponse + Send + 'static>(self, answer: R) -> Self {
        self.answers
            .lock()
            .unwrap()
            .push_back(Box::new(move || answer.into_response()));
        self
    }

    fn received(&self) -> Vec<ReceivedRequest> {
        self.received.lock().unwrap().clone()
    }

    /// Method and URI of each request.
    fn lines(&self) -> Vec<String> {
        self.received()
            .into_iter()
            .map(|request| request.line)
            .collect()
    }

    async fn client(&self) -> Client {
        self.client_with(|_| {}).await
    }

    async fn client_with(&self, change: impl FnOnce(&mut ClientSettings)) -> Client {
        let app = Router::new().fallback(answer).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });

        let mut settings = ClientSettings {
            rate: 0.0,
            ..settings(&format!("http://{address}/scim/v2/"))
        };
        change(&mut settings);
        Client::new(settings).unwrap()
    }
}

fn settings(base_url: &str) -> ClientSettings {
    ClientSettings {
        connection: "test".into(),
        base_url: base_url.parse().unwrap(),
        credentials: Credentials::Token("s3cret".into()),
        profile: Profile::named("generic").unwrap(),
        timeout: Duration::from_secs(20),
        rate: 1.0,
        concurrency: 4,
        breaker: BreakerSettings::default(),
        transport: Transport::default(),
        observer: Arc::new(NoObserver),
    }
}

async fn answer(State(server): State<ScriptedServer>, request: HttpRequest) -> HttpResponse {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    server.received.lock().unwrap().push(ReceivedRequest {
        line: format!("{} {}", parts.method, parts.uri),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });

    let next = server.answers.lock().unwrap().pop_front();
    match next {
        Some(answer) => answer(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A SCIM list response (RFC 7644 section 3.4.2) of these users.
fn list(users: &Value) -> String {
    let total = users.as_array().unwrap().len();
    json!({"totalResults": total, "Resources": users}).to_string()
}

fn key(path: &str, value: &str) -> MatchKey {
    MatchKey {
        path: AttributePath::parse(path).unwrap(),
        value: value.into(),
    }
}

fn post() -> Request {
    Request::with_body(
        Phase::Create,
        Method::Post,
        "/Users",
        json!({"userName": "ada"}),
    )
}

/// Status, whether the body is a SCIM error, and `Retry-After` of an error answer.
fn answered(failure: &Failure) -> (u16, bool, Option<Duration>) {
    let FailureKind::Answered { error, retry_after } = &failure.kind else {
        panic!("{failure:?}")
    };
    (error.status, error.is_scim, *retry_after)
}
