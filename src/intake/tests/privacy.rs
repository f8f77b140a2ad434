//! Reports and log lines hold nothing personal and no secret.

use super::*;

#[tokio::test]
async fn a_hook_report_holds_nothing_of_the_person() {
    let harness = harness(Behaviour::Confirm, settings());
    let body = sample("canonical", "hired", "evt-1");
    let invalid = body.replace("\"title\": \"Engineer\"", "\"title\": 7");
    assert_ne!(invalid, body);
    for text in [&body, &invalid, &format!("{body}]")] {
        harness.post("canonical", text).await;
    }
    harness
        .post(
            "bamboohr",
            r#"{"employees":[{"id":"7","fields":{"Hire Date":"Lovelace"}}]}"#,
        )
        .await;

    let reports = harness.recorder.0.lock().expect("a lock");
    assert_eq!(reports[0].status, StatusCode::OK.as_u16());
    let text = format!("{reports:?}");
    for personal in ["Ada", "Lovelace", "acme.example", "Engineer"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
}

/// Keeps the log as text.
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

/// Sends hooks that are accepted, refused and dead-lettered, and one with a forged body.
async fn send_hooks(harness: &Harness, body: &str, forged: &str) {
    for text in [
        body,
        &body.replace("\"name\"", "\"naem\""),
        &body.replace("\"Engineer\"", "[]"),
    ] {
        harness.post("canonical", text).await;
    }

    let unreadable =
        sample("bamboohr", "hired", "").replace("\"Hire Date\": \"", "\"Hire Date\": \"x");
    harness.post("bamboohr", &unreadable).await;

    let headers = signed("canonical", body.as_bytes());
    harness
        .send(request("/hooks/canonical", headers, forged.to_owned()))
        .await;
}

#[tokio::test]
async fn no_log_line_holds_a_person_a_secret_or_an_expected_signature() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();

    let harness = harness(Behaviour::Confirm, settings());
    let body = sample("canonical", "hired", "evt-1");
    let forged = body.replace("Ada", "Eve");

    let _guard = tracing::subscriber::set_default(subscriber);
    // tracing caches for each log line whether a subscriber wants it. Another test may have reached
    // a line first, in a thread without a subscriber, so the cache is rebuilt.
    send_hooks(&harness, &body, &forged).await;
    tracing::callsite::rebuild_interest_cache();
    send_hooks(&harness, &body, &forged).await;

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
