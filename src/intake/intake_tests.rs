//! Every answer of the intake, against a queue in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use futures_util::stream;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{
    fake_queue_tests::{FakeQueue, Mood},
    *,
};
use crate::{
    observer::{HookOutcome, HookReport, Observer},
    queue::{Payload, QueueName},
    telemetry,
};
use hirewire_core::{
    event::SourceId,
    source::{Preset, SampleWorker, Secret},
};

pub(super) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

#[derive(Default, Debug)]
struct Notes(Mutex<Vec<(u16, Option<String>, HookOutcome)>>);

impl Observer for Notes {
    fn hook_answered(&self, hook: &HookReport<'_>) {
        let note = (
            hook.status.as_u16(),
            hook.source.map(ToOwned::to_owned),
            hook.outcome.clone(),
        );
        self.0.lock().expect("a lock").push(note);
    }
}

pub(super) struct Harness {
    pub(super) queue: Arc<FakeQueue>,
    pub(super) intake: Intake,
    router: Router,
    notes: Arc<Notes>,
}

pub(super) fn endpoint(preset: &str) -> SourceEndpoint {
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

pub(super) fn settings() -> IntakeSettings {
    let endpoints = Preset::names().map(|name| (name.to_owned(), Arc::new(endpoint(name))));
    let closed = (
        "closed".to_owned(),
        Arc::new(SourceEndpoint {
            enabled: false,
            ..endpoint("canonical")
        }),
    );
    let ops = (
        "ops".to_owned(),
        Arc::new(SourceEndpoint {
            id: SourceId::ops(),
            ..endpoint("canonical")
        }),
    );
    IntakeSettings::new(
        "test",
        endpoints.chain([closed, ops]).collect::<BTreeMap<_, _>>(),
    )
}

pub(super) fn harness(mood: Mood, settings: IntakeSettings) -> Harness {
    let (queue, notes) = (FakeQueue::new(mood), Arc::new(Notes::default()));
    let intake = Intake::new(settings, Arc::clone(&queue) as _, Arc::clone(&notes) as _);
    Harness {
        router: intake.router(),
        queue,
        intake,
        notes,
    }
}

/// The headers that the source would send.
pub(super) fn signed(source: &str, body: &[u8]) -> HeaderMap {
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

pub(super) fn request(path: &str, headers: HeaderMap, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post(path).body(body.into()).expect("a request");
    *request.headers_mut() = headers;
    request
}

pub(super) fn sample(source: &str, name: &str, event_id: &str) -> String {
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
    async fn answer(&self, request: Request<Body>) -> (u16, Value, Response) {
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

    async fn post(&self, source: &str, body: &str) -> (u16, Value) {
        let request = request(
            &format!("/hooks/{source}"),
            signed(source, body.as_bytes()),
            body.to_owned(),
        );
        let (status, document, _) = self.answer(request).await;
        (status, document)
    }

    /// Why the last request was refused.
    fn reason(&self) -> String {
        match self.notes.0.lock().expect("a lock").last().expect("a note") {
            (_, _, HookOutcome::Refused(reason)) => reason.clone(),
            (_, _, accepted @ HookOutcome::Accepted { .. }) => format!("{accepted:?}"),
        }
    }
}

#[tokio::test]
async fn an_accepted_hook_is_on_the_queue_before_its_200() {
    let harness = harness(Mood::Confirms, settings());
    let body = sample("canonical", "hired", "evt-1");
    let (status, answer) = harness.post("canonical", &body).await;
    assert_eq!(
        (status, &answer["accepted"], &answer["dead_lettered"]),
        (200, &json!(["evt-1"]), &json!(false))
    );
    let durable = harness.queue.durable();
    let hook = &durable[0].1.hooks[0];
    assert_eq!(
        (durable[0].0, durable.len(), hook.hook.as_str()),
        (QueueName::Events, 1, answer["hook"].as_str().expect("id"))
    );
    assert_eq!(
        (durable[0].1.instance.as_str(), hook.secret.as_deref()),
        ("test", Some("first"))
    );
    assert_eq!(hook.events()[0].content.id, "evt-1");
}

#[tokio::test]
async fn a_retry_is_the_same_event_in_another_hook() {
    let harness = harness(Mood::Confirms, settings());
    let body = sample("canonical", "hired", "evt-1");
    for _ in 0..2 {
        assert_eq!(
            harness.post("canonical", &body).await.1["accepted"],
            json!(["evt-1"])
        );
    }
    let events: Vec<_> = harness
        .queue
        .durable()
        .iter()
        .flat_map(|(_, message)| message.hooks[0].events())
        .collect();
    assert_eq!(events[0].key(), events[1].key());
    assert_ne!(events[0].hook, events[1].hook);
}

#[tokio::test]
async fn a_batch_is_all_or_nothing() {
    let harness = harness(Mood::Confirms, settings());
    let (one, two) = (
        sample("canonical", "hired", "evt-1"),
        sample("canonical", "changed", "evt-2"),
    );
    let (status, answer) = harness.post("canonical", &format!("[{one},{two}]")).await;
    assert_eq!(
        (status, &answer["accepted"]),
        (200, &json!(["evt-1", "evt-2"]))
    );
    let wrong = two.replace("\"title\"", "\"titel\"");
    let (status, answer) = harness.post("canonical", &format!("[{one},{wrong}]")).await;
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (422, &json!("/1/data/worker/titel"))
    );
    assert_eq!(harness.queue.durable().len(), 1);
}

#[tokio::test]
async fn a_ping_is_answered_and_nothing_is_queued() {
    let harness = harness(Mood::Silent, settings());
    let (status, answer) = harness
        .post("greenhouse", r#"{"action":"ping","web_hook_id":1}"#)
        .await;
    assert_eq!(
        (status, &answer["accepted"], &answer["dead_lettered"]),
        (200, &json!([]), &json!(false))
    );
}

#[tokio::test]
async fn an_authentic_hook_that_cannot_be_read_is_parked_whole() {
    let harness = harness(Mood::Confirms, settings());
    for body in ["not json", r#"{"employees":7}"#, "\u{0}"] {
        let (status, answer) = harness.post("bamboohr", body).await;
        assert_eq!(
            (status, &answer["accepted"], &answer["dead_lettered"]),
            (200, &json!([]), &json!(true)),
            "{body}"
        );
        let (lane, message) = harness.queue.durable().pop().expect("a message");
        let Payload::Unreadable {
            body: kept,
            headers,
            reason,
        } = &message.hooks[0].payload
        else {
            panic!("readable")
        };
        assert_eq!((lane, kept.as_slice()), (QueueName::Dead, body.as_bytes()));
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-type", "x-bamboohr-timestamp"]);
        assert!(!reason.contains(body), "{reason}");
    }
}

#[tokio::test]
async fn what_can_be_read_of_a_batch_counts_and_the_rest_is_parked() {
    let harness = harness(Mood::Confirms, settings());
    let body = r#"{"employees":[
        {"id":"7","action":"Updated","changedFields":["Hire Date"],"fields":{"Hire Date":"next week"}},
        {"id":"8","action":"Updated","changedFields":["Status"],"fields":{"Status":"Inactive"}}]}"#;
    let (status, answer) = harness.post("bamboohr", body).await;
    assert_eq!((status, &answer["dead_lettered"]), (200, &json!(true)));
    let durable = harness.queue.durable();
    assert_eq!(
        durable.iter().map(|(lane, _)| *lane).collect::<Vec<_>>(),
        [QueueName::Events, QueueName::Dead]
    );
    assert_eq!(
        durable[0].1.hooks[0].events()[0].content.subject.as_str(),
        "8"
    );
    assert_eq!(durable[0].1.hooks[0].hook, durable[1].1.hooks[0].hook);
}

#[tokio::test]
async fn raw_bytes_that_are_no_text_are_verified_and_then_parked_or_refused() {
    let harness = harness(Mood::Confirms, settings());
    let body = b"{\"action\":\"\xff\xfe\"}".to_vec();
    let (status, answer, _) = harness
        .answer(request(
            "/hooks/greenhouse",
            signed("greenhouse", &body),
            body.clone(),
        ))
        .await;
    assert_eq!((status, &answer["dead_lettered"]), (200, &json!(true)));
    let (status, ..) = harness
        .answer(request(
            "/hooks/canonical",
            signed("canonical", &body),
            body,
        ))
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn every_401_is_alike_and_the_log_knows_more() {
    let harness = harness(Mood::Confirms, settings());
    let body = sample("canonical", "hired", "evt-1");
    let forged = body.replace("Ada", "Eve");
    let mut without = signed("canonical", body.as_bytes());
    without.remove("webhook-id");
    let endpoint = endpoint("canonical");
    let long_ago = telemetry::now() - Duration::from_secs(301);
    let stale = endpoint
        .scheme
        .sign(body.as_bytes(), &endpoint.secrets[0], long_ago, "msg-1")
        .expect("signed");
    let mut answers = Vec::new();
    for (headers, text, reason) in [
        (
            signed("canonical", body.as_bytes()),
            &forged,
            "does not match",
        ),
        (without, &body, "webhook-id is missing"),
        (stale, &body, "seconds old"),
        (HeaderMap::new(), &body, "webhook-signature is missing"),
    ] {
        let (status, mut answer, _) = harness
            .answer(request("/hooks/canonical", headers, text.clone()))
            .await;
        assert_eq!(status, 401);
        assert!(harness.reason().contains(reason), "{}", harness.reason());
        answer["hook"].take();
        answers.push(answer);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert!(harness.queue.durable().is_empty());
}

#[tokio::test]
async fn a_body_is_not_parsed_before_it_is_believed() {
    let harness = harness(Mood::Confirms, settings());
    let mut headers = signed("canonical", b"{}");
    headers.insert("webhook-signature", "v1,AAAA".parse().expect("a value"));
    assert_eq!(
        harness
            .answer(request("/hooks/canonical", headers, "not json"))
            .await
            .0,
        401
    );
}

#[tokio::test]
async fn what_the_wrong_door_or_the_wrong_way_is_answered() {
    let harness = harness(Mood::Confirms, settings());
    let body = sample("canonical", "hired", "evt-1");
    let good = || signed("canonical", body.as_bytes());
    let with = |name: &'static str, value: &str| {
        let mut headers = good();
        headers.insert(name, value.parse().expect("a value"));
        headers
    };
    for (path, headers, expected) in [
        ("/hooks/nobody", good(), 404),
        ("/hooks/ops", good(), 404),
        ("/hooks/canonical/", good(), 404),
        ("/hooks/%ff", good(), 404),
        ("/hooks", good(), 404),
        ("/", good(), 404),
        ("/hooks/canonical", with("content-type", "text/xml"), 415),
        (
            "/hooks/canonical",
            with("content-type", "application/x-www-form-urlencoded"),
            415,
        ),
        (
            "/hooks/canonical",
            with("ce-type", "hr.worker.hired.v1"),
            415,
        ),
        ("/hooks/canonical", with("content-encoding", "gzip"), 415),
        (
            "/hooks/canonical",
            with(
                "content-type",
                "Application/CloudEvents+JSON; charset=utf-8",
            ),
            200,
        ),
    ] {
        let (status, answer, response) = harness.answer(request(path, headers, body.clone())).await;
        assert_eq!(status, expected, "{path} {answer}");
        let kind = if status == 200 {
            "application/json"
        } else {
            "application/problem+json"
        };
        assert_eq!(response.headers()["content-type"], kind);
    }
    let get = Request::get("/hooks/canonical")
        .body(Body::empty())
        .expect("a request");
    let (status, _, response) = harness.answer(get).await;
    assert_eq!(
        (status, &response.headers()["allow"]),
        (405, &"POST".parse().expect("a value"))
    );
}

#[tokio::test]
async fn a_name_that_is_none_of_ours_never_becomes_a_label() {
    let harness = harness(Mood::Confirms, settings());
    harness
        .answer(request("/hooks/nobody", HeaderMap::new(), ""))
        .await;
    harness
        .answer(request("/hooks/canonical", HeaderMap::new(), ""))
        .await;
    let notes = harness.notes.0.lock().expect("a lock");
    assert_eq!(
        notes
            .iter()
            .map(|note| note.1.as_deref())
            .collect::<Vec<_>>(),
        [None, Some("canonical")]
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_however_it_comes() {
    let harness = harness(
        Mood::Confirms,
        IntakeSettings {
            body_limit: 600,
            ..settings()
        },
    );
    let body = format!("{:601}", "{}");
    assert_eq!(
        harness
            .answer(request(
                "/hooks/canonical",
                signed("canonical", b""),
                body.clone()
            ))
            .await
            .0,
        413
    );
    let pieces = body
        .as_bytes()
        .chunks(100)
        .map(|piece| Ok::<_, std::convert::Infallible>(piece.to_vec()));
    let chunked = Body::from_stream(stream::iter(pieces.collect::<Vec<_>>()));
    assert_eq!(
        harness
            .answer(request(
                "/hooks/canonical",
                signed("canonical", b""),
                chunked
            ))
            .await
            .0,
        413
    );
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let harness = harness(
        Mood::Confirms,
        IntakeSettings {
            read_timeout: Duration::from_millis(5),
            ..settings()
        },
    );
    let never = Body::from_stream(stream::pending::<Result<Vec<u8>, std::convert::Infallible>>());
    assert_eq!(
        harness
            .answer(request("/hooks/canonical", signed("canonical", b""), never))
            .await
            .0,
        408
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let harness = harness(Mood::Confirms, settings());
    let broken = Body::from_stream(stream::iter([
        Ok(b"{".to_vec()),
        Err(std::io::Error::other("gone")),
    ]));
    assert_eq!(
        harness
            .answer(request(
                "/hooks/canonical",
                signed("canonical", b""),
                broken
            ))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn our_own_trouble_is_503_with_retry_after_and_tells_nothing_of_it() {
    let refusing = harness(Mood::Refuses, settings());
    let silent = harness(
        Mood::Silent,
        IntakeSettings {
            confirm_deadline: Duration::from_millis(5),
            ..settings()
        },
    );
    let full = harness(
        Mood::Confirms,
        IntakeSettings {
            in_flight: 0,
            ..settings()
        },
    );
    for (harness, path, reason) in [
        (&refusing, "/hooks/canonical", "refused the message"),
        (&silent, "/hooks/canonical", "within the deadline"),
        (&full, "/hooks/canonical", "too many requests"),
        (&full, "/hooks/closed", "too many requests"),
        (&refusing, "/hooks/closed", "disabled"),
    ] {
        let body = sample("canonical", "hired", "evt-1");
        let (status, answer, response) = harness
            .answer(request(path, signed("canonical", body.as_bytes()), body))
            .await;
        assert_eq!(
            (status, answer["detail"].as_str()),
            (503, Some("try again later"))
        );
        assert!(
            response.headers().contains_key("retry-after") && harness.reason().contains(reason),
            "{}",
            harness.reason()
        );
        assert!(!answer.to_string().contains("broker.internal"), "{answer}");
    }
}

#[tokio::test]
async fn other_settings_count_from_the_next_request_on() {
    let harness = harness(Mood::Confirms, settings());
    let body = sample("canonical", "hired", "evt-1");
    let mut other = settings();
    let origins = vec!["/hr/acme".to_owned()];
    other.sources.insert(
        "canonical".to_owned(),
        Arc::new(SourceEndpoint {
            origins,
            ..endpoint("canonical")
        }),
    );
    assert_eq!(harness.post("canonical", &body).await.0, 200);
    harness.intake.replace(other);
    let (status, answer) = harness.post("canonical", &body).await;
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (422, &json!("/source"))
    );
}

#[tokio::test]
async fn what_is_told_of_a_hook_holds_nothing_of_its_person() {
    let harness = harness(Mood::Confirms, settings());
    let body = sample("canonical", "hired", "evt-1");
    let wrong = body.replace("\"title\": \"Engineer\"", "\"title\": 7");
    assert_ne!(wrong, body);
    for text in [&body, &wrong, &format!("{body}]")] {
        harness.post("canonical", text).await;
    }
    harness
        .post(
            "bamboohr",
            r#"{"employees":[{"id":"7","fields":{"Hire Date":"Lovelace"}}]}"#,
        )
        .await;
    let told = format!("{:?}", harness.notes.0.lock().expect("a lock"));
    for personal in ["Ada", "Lovelace", "acme.example", "Engineer"] {
        assert!(!told.contains(personal), "{personal} in {told}");
    }
    assert_eq!(
        StatusCode::OK.as_u16(),
        harness.notes.0.lock().expect("a lock")[0].0
    );
}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("a lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_line_holds_a_person_a_secret_or_what_was_expected() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let harness = harness(Mood::Confirms, settings());
    let body = sample("canonical", "hired", "evt-1");
    let forged = body.replace("Ada", "Eve");
    let everything = async || {
        for text in [
            body.clone(),
            body.replace("\"name\"", "\"naem\""),
            body.replace("\"Engineer\"", "[]"),
        ] {
            harness.post("canonical", &text).await;
        }
        harness
            .post(
                "bamboohr",
                &sample("bamboohr", "hired", "").replace("\"Hire Date\": \"", "\"Hire Date\": \"x"),
            )
            .await;
        harness
            .answer(request(
                "/hooks/canonical",
                signed("canonical", body.as_bytes()),
                forged.clone(),
            ))
            .await;
    };
    let _logs = tracing::subscriber::set_default(subscriber);
    // A place that logs for the first time in another test's thread, which has no listener, counts as never listened to.
    everything().await;
    tracing::callsite::rebuild_interest_cache();
    everything().await;
    let log = String::from_utf8(log.0.lock().expect("a lock").clone()).expect("text");
    let lines = [
        "accepted",
        "refused",
        "/naem",
        "dead letters",
        "does not match",
    ];
    assert!(lines.iter().all(|line| log.contains(line)), "{log}");
    let expected = signed("canonical", forged.as_bytes())["webhook-signature"]
        .to_str()
        .expect("text")
        .to_owned();
    for never in [
        "Ada",
        "Eve",
        "Lovelace",
        "acme.example",
        "Engineer",
        SECRET,
        &SECRET[6..],
        &expected,
        "e-1001",
    ] {
        assert!(!log.contains(never), "{never} in {log}");
    }
}
