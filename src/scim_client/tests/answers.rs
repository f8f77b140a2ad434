//! Answers to one request: HTML, no body, late, redirected, with `Retry-After`; and what is sent.

use super::*;

#[tokio::test]
async fn every_2xx_is_a_success_with_or_without_a_body() {
    let server = ScriptedServer::default()
        .then((StatusCode::CREATED, r#"{"id": 7}"#))
        .then(StatusCode::NO_CONTENT)
        .then((StatusCode::ACCEPTED, ""))
        .then((StatusCode::OK, "done"));

    let client = server.client().await;
    let created = client.send(&post()).await.unwrap();
    assert_eq!((created.status, created.id().as_deref()), (201, Some("7")));
    for status in [204, 202, 200] {
        assert_eq!(
            client.send(&post()).await.unwrap(),
            Response::without_body(status)
        );
    }

    let request = server.received().remove(0);
    assert_eq!(
        (request.line.as_str(), request.body.as_str()),
        ("POST /scim/v2/Users", r#"{"userName":"ada"}"#)
    );
    assert_eq!(request.headers["authorization"], "Bearer s3cret");
    assert_eq!(request.headers["content-type"], "application/scim+json");
    assert!(
        request.headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("hirewire/")
    );
}

#[tokio::test]
async fn an_html_404_is_not_a_scim_404() {
    let scim_error =
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}"#;
    let server = ScriptedServer::default()
        .then((
            StatusCode::NOT_FOUND,
            "<html><title>No such page</title></html>",
        ))
        .then((StatusCode::NOT_FOUND, scim_error))
        .then((StatusCode::OK, "<html>"));

    let client = server.client().await;
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
    assert_eq!(server.lines()[0], "GET /scim/v2/Users/u%2F1");
}

#[tokio::test]
async fn a_scim_error_in_a_success_is_a_failure() {
    let error = |rest: &str| {
        format!(r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"]{rest}}}"#)
    };
    let server = ScriptedServer::default()
        .then((StatusCode::OK, error(r#","status":"409","detail":"taken""#)))
        .then((StatusCode::OK, error(r#","status":500"#)))
        .then((StatusCode::CREATED, error(r#","status":"200""#)))
        .then((StatusCode::OK, error("")))
        .then((
            StatusCode::OK,
            r#"{"id":"7","status":"200","detail":"fine"}"#,
        ));

    let client = server.client().await;
    for status in [409, 500, 400, 400] {
        let failure = client.send(&post()).await.unwrap_err();
        assert_eq!(answered(&failure), (status, true, None));
    }
    assert!(client.send(&post()).await.is_ok());
}

#[tokio::test]
async fn a_failure_carries_retry_after_in_both_forms() {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&(crate::telemetry::now() + Duration::from_secs(90)))
        .unwrap();
    let server = ScriptedServer::default()
        .then((StatusCode::TOO_MANY_REQUESTS, [("retry-after", "30")], ""))
        .then((
            StatusCode::SERVICE_UNAVAILABLE,
            [("retry-after", date)],
            "down",
        ));

    let client = server.client().await;
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
async fn a_redirect_to_another_origin_is_not_followed() {
    let other = ScriptedServer::default().then((StatusCode::OK, "{}"));
    let other_base = other.client().await.base;
    let server = ScriptedServer::default()
        .then((
            StatusCode::TEMPORARY_REDIRECT,
            [("location", format!("{other_base}/Users"))],
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

    let client = server.client().await;
    for _ in 0..2 {
        assert_eq!(
            client.send(&post()).await.unwrap_err().kind,
            FailureKind::Redirected
        );
    }
    assert!(other.lines().is_empty(), "the credentials were sent there");

    assert_eq!(
        client.send(&post()).await.unwrap().status,
        201,
        "308 repeats method and body"
    );
    assert_eq!(server.lines()[3], "POST /scim/v2/People");
}

#[tokio::test]
async fn a_request_without_an_answer_ends_at_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = ScriptedServer::default()
        .client_with(|settings| {
            settings.base_url = format!("http://{address}").parse().unwrap();
            settings.timeout = Duration::from_millis(50);
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
async fn a_request_over_the_rate_limit_is_not_sent_after_its_deadline() {
    let server = ScriptedServer::default().then(StatusCode::NO_CONTENT);
    let client = server.client_with(|settings| settings.rate = 0.01).await;
    assert_eq!(client.send(&post()).await.unwrap().status, 204);
    assert_eq!(
        client.send(&post()).await.unwrap_err().kind,
        FailureKind::NotSent
    );
    assert_eq!(server.lines().len(), 1);
}

/// Keeps a line per report.
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
    let client = ScriptedServer::default()
        .client_with(|settings| settings.observer = observer)
        .await;
    assert!(client.send(&post()).await.is_err());
    let reports = recorder.0.lock().unwrap().clone();
    assert_eq!(reports, ["test POST Some(500)"]);
}

#[test]
fn an_invalid_base_url_is_refused() {
    for url in ["ftp://x/", "data:text/plain,x", "https://x/scim?a=b"] {
        assert!(
            matches!(Client::new(settings(url)), Err(ClientError::BaseUrl)),
            "{url}"
        );
    }
}
