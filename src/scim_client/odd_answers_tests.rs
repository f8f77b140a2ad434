//! The client against a target that answers oddly: HTML, nothing at all, late, elsewhere, too much.

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
use hirewire_core::{
    mapping::MatchKey,
    plan::{FailureKind, Method, Phase, Probe, Request},
    scim::AttributePath,
};

type Answer = Box<dyn FnOnce() -> HttpResponse + Send>;

/// Answers in the order given, then 500; remembers what it was asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<(String, HeaderMap, String)>>>,
}

impl Script {
    fn then<R: IntoResponse + Send + 'static>(self, answer: R) -> Self {
        self.answers
            .lock()
            .unwrap()
            .push_back(Box::new(move || answer.into_response()));
        self
    }

    fn asked(&self) -> Vec<String> {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .map(|(line, ..)| line.clone())
            .collect()
    }

    async fn client(&self) -> Client {
        self.client_with(|_| {}).await
    }

    async fn client_with(&self, change: impl FnOnce(&mut ClientSettings)) -> Client {
        let app = Router::new().fallback(answer).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let mut settings = ClientSettings {
            connection: "test".into(),
            base_url: format!("http://{at}/scim/v2/").parse().unwrap(),
            credentials: Credentials::Token("s3cret".into()),
            profile: Profile::named("generic").unwrap(),
            timeout: Duration::from_secs(20),
            rate: 0.0,
            concurrency: 4,
            breaker: BreakerSettings::default(),
            observer: Arc::new(NoObserver),
        };
        change(&mut settings);
        Client::new(settings).unwrap()
    }
}

async fn answer(State(script): State<Script>, request: HttpRequest) -> HttpResponse {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let line = format!("{} {}", parts.method, parts.uri);
    script.asked.lock().unwrap().push((
        line,
        parts.headers,
        String::from_utf8(body.to_vec()).unwrap(),
    ));
    let next = script.answers.lock().unwrap().pop_front();
    match next {
        Some(answer) => answer(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn json_of(value: &Value) -> String {
    value.to_string()
}

fn list(users: &Value) -> String {
    json_of(&json!({"totalResults": users.as_array().unwrap().len(), "Resources": users}))
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

fn answered(failure: &hirewire_core::plan::Failure) -> (u16, bool, Option<Duration>) {
    let FailureKind::Answered { error, retry_after } = &failure.kind else {
        panic!("{failure:?}")
    };
    (error.status, error.is_scim, *retry_after)
}

#[tokio::test]
async fn every_success_is_one_with_or_without_a_body() {
    let script = Script::default()
        .then((StatusCode::CREATED, r#"{"id": 7}"#))
        .then(StatusCode::NO_CONTENT)
        .then((StatusCode::ACCEPTED, ""))
        .then((StatusCode::OK, "done"));
    let client = script.client().await;
    let made = client.send(&post()).await.unwrap();
    assert_eq!((made.status, made.id().as_deref()), (201, Some("7")));
    for status in [204, 202, 200] {
        assert_eq!(
            client.send(&post()).await.unwrap(),
            Response { status, body: None }
        );
    }
    let (line, headers, body) = script.asked.lock().unwrap()[0].clone();
    assert_eq!(
        (line.as_str(), body.as_str()),
        ("POST /scim/v2/Users", r#"{"userName":"ada"}"#)
    );
    assert_eq!(headers["authorization"], "Bearer s3cret");
    assert_eq!(headers["content-type"], "application/scim+json");
    assert!(
        headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("hirewire/")
    );
}

#[tokio::test]
async fn an_html_404_is_no_proof_of_absence() {
    let scim = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}"#;
    let script = Script::default()
        .then((
            StatusCode::NOT_FOUND,
            "<html><title>No such page</title></html>",
        ))
        .then((StatusCode::NOT_FOUND, scim))
        .then((StatusCode::OK, "<html>"));
    let client = script.client().await;
    assert_eq!(
        answered(&client.get("u/1").await.unwrap_err()),
        (404, false, None)
    );
    assert_eq!(
        answered(&client.get("u/1").await.unwrap_err()),
        (404, true, None)
    );
    assert!(matches!(
        client.get("u/1").await.unwrap_err().kind,
        FailureKind::Unusable(_)
    ));
    assert_eq!(script.asked()[0], "GET /scim/v2/Users/u%2F1");
}

#[tokio::test]
async fn retry_after_is_told_in_both_forms() {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&(crate::telemetry::now() + Duration::from_secs(90)))
        .unwrap();
    let script = Script::default()
        .then((StatusCode::TOO_MANY_REQUESTS, [("retry-after", "30")], ""))
        .then((
            StatusCode::SERVICE_UNAVAILABLE,
            [("retry-after", date)],
            "down",
        ));
    let client = script.client().await;
    assert_eq!(
        answered(&client.send(&post()).await.unwrap_err()),
        (429, false, Some(Duration::from_secs(30)))
    );
    let (status, _, wait) = answered(&client.send(&post()).await.unwrap_err());
    assert!(
        status == 503 && wait.unwrap().as_secs().abs_diff(90) <= 5,
        "{wait:?}"
    );
}

#[tokio::test]
async fn a_redirect_to_another_host_never_sees_the_credentials() {
    let elsewhere = Script::default().then((StatusCode::OK, "{}"));
    let thief = elsewhere.client().await;
    let script = Script::default()
        .then((
            StatusCode::TEMPORARY_REDIRECT,
            [("location", format!("{}/Users", thief.base))],
            "",
        ))
        .then((
            StatusCode::FOUND,
            [("location", "/scim/v2/Users/2".to_owned())],
            "",
        ))
        .then((
            StatusCode::PERMANENT_REDIRECT,
            [("location", "/scim/v2/People".to_owned())],
            "",
        ))
        .then((StatusCode::CREATED, r#"{"id": "1"}"#));
    let client = script.client().await;
    for _ in 0..2 {
        assert_eq!(
            client.send(&post()).await.unwrap_err().kind,
            FailureKind::Redirected
        );
    }
    assert!(elsewhere.asked().is_empty());
    assert_eq!(
        client.send(&post()).await.unwrap().status,
        201,
        "308 repeats method and body"
    );
    assert_eq!(script.asked()[3], "POST /scim/v2/People");
}

#[tokio::test]
async fn a_target_that_never_answers_is_left_at_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let silent = Script::default()
        .client_with(|s| {
            s.base_url = format!("http://{at}").parse().unwrap();
            s.timeout = Duration::from_millis(50);
        })
        .await;
    assert_eq!(
        silent.send(&post()).await.unwrap_err().kind,
        FailureKind::NoAnswer
    );
    drop(listener);
    assert_eq!(
        silent.send(&post()).await.unwrap_err().kind,
        FailureKind::Unreachable
    );
}

#[tokio::test]
async fn what_has_no_turn_in_time_is_not_sent() {
    let script = Script::default().then(StatusCode::NO_CONTENT);
    let client = script.client_with(|s| s.rate = 0.01).await;
    assert_eq!(client.send(&post()).await.unwrap().status, 204);
    assert_eq!(
        client.send(&post()).await.unwrap_err().kind,
        FailureKind::NotSent
    );
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn a_hit_counts_only_if_the_value_is_really_there() {
    let ada = json!({"id": "1", "userName": "ADA@x", "externalId": "e-1"});
    let script = Script::default()
        .then(list(&json!([ada])))
        .then(list(&json!([ada, {"id": "2", "userName": "bob@x"}])));
    let client = script.client().await;
    let found = client
        .find(&[
            key("externalId", "E-1"),
            key("userName", "ada@X"),
            key("nickName", "a"),
        ])
        .await
        .unwrap();
    let Found::One(hit) = found else {
        panic!("{found:?}")
    };
    assert_eq!(
        (hit.id.as_str(), hit.by),
        ("1", vec![AttributePath::parse("userName").unwrap()])
    );
    assert_eq!(
        script.asked()[0],
        "GET /scim/v2/Users?filter=externalId%20eq%20%22E-1%22"
    );
}

#[tokio::test]
async fn different_accounts_by_different_keys_are_ambiguous() {
    let script = Script::default()
        .then(list(&json!([{"id": "1", "externalId": "E-1"}])))
        .then(list(
            &json!([{"id": "2", "emails": [{"type": "work", "value": "Ada@x"}]}]),
        ));
    let found = script
        .client()
        .await
        .find(&[key("externalId", "E-1"), key("emails.work", "ada@x")])
        .await
        .unwrap();
    assert!(
        matches!(&found, Found::Several(hits) if hits.len() == 2),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_key_that_the_target_cannot_filter_by_is_told_and_others_are_tried() {
    let script = Script::default()
        .then((StatusCode::BAD_REQUEST, "invalidFilter"))
        .then(list(&json!([])));
    let found = script
        .client()
        .await
        .find(&[key("externalId", "E-1"), key("userName", "ada")])
        .await
        .unwrap();
    assert_eq!(
        found,
        Found::Nobody {
            unasked: vec![AttributePath::parse("externalId").unwrap()]
        }
    );
}

#[tokio::test]
async fn a_target_that_ignores_filters_is_read_page_by_page() {
    let page = |id: u64| {
        json_of(
            &json!({"totalResults": 3, "Resources": [{"id": id.to_string(), "userName": format!("u{id}")}]}),
        )
    };
    let script = Script::default().then(page(1)).then(page(2)).then(page(3));
    let found = script
        .client()
        .await
        .find(&[key("userName", "u3")])
        .await
        .unwrap();
    assert!(
        matches!(&found, Found::One(hit) if hit.id == "3"),
        "{found:?}"
    );
    assert_eq!(
        script.asked()[2],
        "GET /scim/v2/Users?filter=userName%20eq%20%22u3%22&startIndex=3"
    );
}

#[tokio::test]
async fn credentials_are_probed_by_reading_and_can_be_changed() {
    let script = Script::default()
        .then(StatusCode::UNAUTHORIZED)
        .then(list(&json!([])))
        .then(StatusCode::BAD_GATEWAY)
        .then((StatusCode::OK, "<html>login"))
        .then(StatusCode::NOT_FOUND);
    let client = script.client().await;
    assert_eq!(client.probe_credentials().await, Probe::Refused);
    assert!(!client.set_credentials(Credentials::Token("s3cret".into())));
    assert!(client.set_credentials(Credentials::Basic {
        user: "u".into(),
        password: "p".into()
    }));
    assert_eq!(client.probe_credentials().await, Probe::Accepted);
    assert_eq!(
        script.asked.lock().unwrap()[1].1["authorization"],
        "Basic dTpw"
    );
    assert_eq!(client.probe_credentials().await, Probe::Unclear);
    assert_eq!(client.probe_credentials().await, Probe::Unclear);
    assert_eq!(client.service_provider_config().await, Ok(None));
    assert!(script.asked().iter().all(|line| line.starts_with("GET ")));
    assert!(!format!("{client:?}").contains("s3cret"));
}

#[tokio::test]
async fn groups_are_found_exactly_and_members_told_from_the_group() {
    let script = Script::default()
        .then(list(
            &json!([{"id": "g1", "displayName": "Ops"}, {"id": "g2", "displayName": "ops"}]),
        ))
        .then(json_of(&json!({"id": "g1", "members": [{"value": "u1"}]})))
        .then(json_of(&json!({"id": "g1"})))
        .then(StatusCode::NO_CONTENT)
        .then(StatusCode::NO_CONTENT);
    let client = script.client().await;
    assert_eq!(client.find_group("Ops").await.unwrap(), ["g1"]);
    assert!(client.is_member("g1", "u1").await.unwrap());
    assert!(!client.is_member("g1", "u1").await.unwrap());
    client.change_members("g1", &["u2"], &["u1"]).await.unwrap();
    let bodies: Vec<String> = script
        .asked
        .lock()
        .unwrap()
        .iter()
        .map(|(.., body)| body.clone())
        .collect();
    assert!(
        bodies[3].contains(r#""path":"members[value eq \"u1\"]""#),
        "{}",
        bodies[3]
    );
    assert!(bodies[4].contains(r#"[{"value":"u2"}]"#), "{}", bodies[4]);
}

#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<String>>);

impl Observer for Recorder {
    fn scim_request_finished(
        &self,
        connection: &str,
        method: Method,
        status: Option<u16>,
        _: Duration,
    ) {
        self.0
            .lock()
            .unwrap()
            .push(format!("{connection} {method} {status:?}"));
    }
}

#[tokio::test]
async fn the_observer_receives_every_request() {
    let recorder = Arc::new(Recorder::default());
    let observer = Arc::clone(&recorder);
    let client = Script::default()
        .client_with(|s| s.observer = observer)
        .await;
    assert!(client.send(&post()).await.is_err());
    let reports = recorder.0.lock().unwrap().clone();
    assert_eq!(reports, ["test POST Some(500)"]);
}

#[test]
fn a_base_url_that_is_none_is_refused() {
    for url in ["ftp://x/", "data:text/plain,x", "https://x/scim?a=b"] {
        let settings = ClientSettings {
            connection: "test".into(),
            base_url: url.parse().unwrap(),
            credentials: Credentials::Token("t".into()),
            profile: Profile::named("generic").unwrap(),
            timeout: Duration::from_secs(1),
            rate: 1.0,
            concurrency: 1,
            breaker: BreakerSettings::default(),
            observer: Arc::new(NoObserver),
        };
        assert!(
            matches!(Client::new(settings), Err(ClientError::BaseUrl)),
            "{url}"
        );
    }
}
