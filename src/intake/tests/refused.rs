//! Requests that are refused: the status, the document, and the reason in the report.

use futures_util::stream;

use super::*;

#[tokio::test]
async fn every_401_has_the_same_document_and_only_the_log_has_the_reason() {
    let harness = harness(Behaviour::Confirm, settings());
    let body = sample("canonical", "hired", "evt-1");
    let forged = body.replace("Ada", "Eve");
    let mut without_id = signed("canonical", body.as_bytes());
    without_id.remove("webhook-id");
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
        (without_id, &body, "webhook-id is missing"),
        (stale, &body, "seconds old"),
        (HeaderMap::new(), &body, "webhook-signature is missing"),
    ] {
        let (status, mut answer, _) = harness
            .send(request("/hooks/canonical", headers, text.clone()))
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
async fn a_body_is_not_parsed_before_its_signature_matches() {
    let harness = harness(Behaviour::Confirm, settings());
    let mut headers = signed("canonical", b"{}");
    headers.insert("webhook-signature", "v1,AAAA".parse().expect("a value"));
    let status = harness
        .send_status(request("/hooks/canonical", headers, "not json"))
        .await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_wrong_path_media_type_or_method_is_refused() {
    let harness = harness(Behaviour::Confirm, settings());
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
        let (status, answer, response) = harness.send(request(path, headers, body.clone())).await;
        assert_eq!(status, expected, "{path} {answer}");
        let media_type = if status == 200 {
            "application/json"
        } else {
            "application/problem+json"
        };
        assert_eq!(response.headers()["content-type"], media_type);
    }

    let get = Request::get("/hooks/canonical")
        .body(Body::empty())
        .expect("a request");
    let (status, _, response) = harness.send(get).await;
    assert_eq!(
        (status, &response.headers()["allow"]),
        (405, &"POST".parse().expect("a value"))
    );
}

#[tokio::test]
async fn the_name_of_an_unknown_source_never_becomes_a_label() {
    let harness = harness(Behaviour::Confirm, settings());
    harness
        .send(request("/hooks/nobody", HeaderMap::new(), ""))
        .await;
    harness
        .send(request("/hooks/canonical", HeaderMap::new(), ""))
        .await;

    let reports = harness.recorder.0.lock().expect("a lock");
    let sources: Vec<_> = reports
        .iter()
        .map(|report| report.source.as_deref())
        .collect();
    assert_eq!(sources, [None, Some("canonical")]);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_with_or_without_a_content_length() {
    let harness = harness(
        Behaviour::Confirm,
        IntakeSettings {
            body_limit: 600,
            ..settings()
        },
    );
    let body = format!("{:601}", "{}");
    let status = harness
        .send_status(request(
            "/hooks/canonical",
            signed("canonical", b""),
            body.clone(),
        ))
        .await;
    assert_eq!(status, 413);

    let pieces = body
        .as_bytes()
        .chunks(100)
        .map(|piece| Ok::<_, std::convert::Infallible>(piece.to_vec()));
    let chunked = Body::from_stream(stream::iter(pieces.collect::<Vec<_>>()));
    let status = harness
        .send_status(request(
            "/hooks/canonical",
            signed("canonical", b""),
            chunked,
        ))
        .await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_408() {
    let harness = harness(
        Behaviour::Confirm,
        IntakeSettings {
            read_timeout: Duration::from_millis(5),
            ..settings()
        },
    );
    let never = Body::from_stream(stream::pending::<Result<Vec<u8>, std::convert::Infallible>>());
    let status = harness
        .send_status(request("/hooks/canonical", signed("canonical", b""), never))
        .await;
    assert_eq!(status, 408);
}

#[tokio::test]
async fn an_incomplete_body_is_400() {
    let harness = harness(Behaviour::Confirm, settings());
    let broken = Body::from_stream(stream::iter([
        Ok(b"{".to_vec()),
        Err(std::io::Error::other("gone")),
    ]));
    let status = harness
        .send_status(request(
            "/hooks/canonical",
            signed("canonical", b""),
            broken,
        ))
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn trouble_on_our_side_is_503_with_retry_after_and_no_internals() {
    let refusing = harness(Behaviour::Refuse, settings());
    let waiting = harness(
        Behaviour::Wait,
        IntakeSettings {
            confirm_deadline: Duration::from_millis(5),
            ..settings()
        },
    );
    let full = harness(
        Behaviour::Confirm,
        IntakeSettings {
            in_flight: 0,
            ..settings()
        },
    );

    for (harness, path, reason) in [
        (&refusing, "/hooks/canonical", "refused the message"),
        (&waiting, "/hooks/canonical", "within the deadline"),
        (&full, "/hooks/canonical", "too many requests"),
        (&full, "/hooks/disabled", "too many requests"),
        (&refusing, "/hooks/disabled", "disabled"),
    ] {
        let body = sample("canonical", "hired", "evt-1");
        let (status, answer, response) = harness
            .send(request(path, signed("canonical", body.as_bytes()), body))
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
