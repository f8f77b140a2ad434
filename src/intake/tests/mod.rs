//! The intake against a queue in memory: a harness, and the tests of its answers by topic.

mod accepted;
mod batching;
mod fake_queue;
mod privacy;
mod refused;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::{
    observer::{HookOutcome, HookReport},
    queue::{Payload, QueueName},
    telemetry,
};
use fake_queue::{Behaviour, FakeQueue};
use hirewire_core::{
    event::SourceId,
    source::{Preset, SampleWorker, Secret},
};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A report as the observer received it.
#[derive(Debug)]
struct Report {
    status: u16,
    source: Option<String>,
    outcome: HookOutcome,
}

#[derive(Debug, Default)]
struct ReportRecorder(Mutex<Vec<Report>>);

impl Observer for ReportRecorder {
    fn hook_answered(&self, hook: &HookReport<'_>) {
        self.0.lock().expect("a lock").push(Report {
            status: hook.status.as_u16(),
            source: hook.source.map(ToOwned::to_owned),
            outcome: hook.outcome.clone(),
        });
    }
}

struct Harness {
    queue: Arc<FakeQueue>,
    intake: Intake,
    router: Router,
    recorder: Arc<ReportRecorder>,
}

fn endpoint(preset: &str) -> SourceEndpoint {
    let preset = Preset::named(preset).expect("a preset");
    SourceEndpoint {
        id: SourceId::parse(&*preset.name).expect("an id"),
        scheme: preset.scheme().expect("a scheme"),
        preset: Arc::new(preset),
        secrets: vec![Secret {
            id: Some("first".to_owned()),
            ..Secret::new(SECRET)
        }],
        origins: Vec::new(),
        enabled: true,
    }
}

/// A source for each preset, a disabled one, and one with the reserved id of operators.
fn settings() -> IntakeSettings {
    let presets = Preset::names().map(|name| (name.to_owned(), Arc::new(endpoint(name))));
    let disabled = SourceEndpoint {
        enabled: false,
        ..endpoint("canonical")
    };
    let ops = SourceEndpoint {
        id: SourceId::ops(),
        ..endpoint("canonical")
    };
    let special = [
        ("disabled".to_owned(), Arc::new(disabled)),
        ("ops".to_owned(), Arc::new(ops)),
    ];

    IntakeSettings::new("test", presets.chain(special).collect::<BTreeMap<_, _>>())
}

fn harness(behaviour: Behaviour, settings: IntakeSettings) -> Harness {
    let queue = FakeQueue::new(behaviour);
    let recorder = Arc::new(ReportRecorder::default());
    let intake = Intake::new(
        settings,
        Arc::clone(&queue) as _,
        Arc::clone(&recorder) as _,
    );

    Harness {
        router: intake.router(),
        queue,
        intake,
        recorder,
    }
}

/// The headers that the source sends with this body.
fn signed(source: &str, body: &[u8]) -> HeaderMap {
    let endpoint = endpoint(source);
    let mut headers = endpoint
        .scheme
        .sign(body, &endpoint.secrets[0], telemetry::now(), "msg-1")
        .expect("signed");
    headers.insert(
        "content-type",
        endpoint.preset.content_types[0].parse().expect("a value"),
    );
    headers
}

fn request(path: &str, headers: HeaderMap, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post(path).body(body.into()).expect("a request");
    *request.headers_mut() = headers;
    request
}

/// A signed request to the canonical source.
fn signed_request(body: String) -> Request<Body> {
    let headers = signed("canonical", body.as_bytes());
    request("/hooks/canonical", headers, body)
}

fn sample(source: &str, name: &str, event_id: &str) -> String {
    let worker = SampleWorker {
        event_id,
        worker: "E-1001",
        time: telemetry::now(),
    };
    Preset::named(source)
        .expect("a preset")
        .sample(name, &worker)
        .expect("a sample")
}

impl Harness {
    async fn send(&self, request: Request<Body>) -> (u16, Value, Response) {
        let mut response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        assert!(
            response.headers().contains_key("hirewire-hook-id"),
            "an answer without the hook's id"
        );

        let body = std::mem::take(response.body_mut());
        let body = axum::body::to_bytes(body, 100_000).await.expect("a body");
        (
            response.status().as_u16(),
            serde_json::from_slice(&body).expect("json"),
            response,
        )
    }

    async fn send_status(&self, request: Request<Body>) -> u16 {
        self.send(request).await.0
    }

    /// Sends a signed body to the source of that name.
    async fn post(&self, source: &str, body: &str) -> (u16, Value) {
        let request = request(
            &format!("/hooks/{source}"),
            signed(source, body.as_bytes()),
            body.to_owned(),
        );
        let (status, document, _) = self.send(request).await;
        (status, document)
    }

    /// The reason in the last report.
    fn reason(&self) -> String {
        let reports = self.recorder.0.lock().expect("a lock");
        match &reports.last().expect("a report").outcome {
            HookOutcome::Refused(reason) => reason.clone(),
            accepted @ HookOutcome::Accepted { .. } => format!("{accepted:?}"),
        }
    }
}
