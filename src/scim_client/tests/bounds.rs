//! Requests that cannot be built, ids that no request can name, and answers that would take too
//! much memory: each is about one person, and never about the target.

use super::*;

#[tokio::test]
async fn an_id_of_dots_is_never_sent_as_another_path() {
    let server = ScriptedServer::default();
    let client = server.client().await;

    for id in [".", ".."] {
        let failure = client.get(id).await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Unfit(_)), "{failure}");
        assert!(!failure.is_target_fault());
    }
    assert!(server.lines().is_empty(), "{:?}", server.lines());
}

#[tokio::test]
async fn a_found_user_with_an_unusable_id_is_unfit() {
    for id in ["..", "a\u{0}b", "a\nb"] {
        let user = json!([{ "id": id, "userName": "ada" }]);
        let client = ScriptedServer::default().then(list(&user)).client().await;
        let failure = client.find(&[key("userName", "ada")]).await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Unfit(_)), "{failure}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_built_is_unfit_and_no_fault_of_the_target() {
    let server = ScriptedServer::default();
    let client = server.client().await;
    let mut with_version = post();
    with_version.if_match = Some("W/\"1\n2\"".to_owned());
    // An URI has at most 65,534 bytes.
    let long = Request::get(Phase::Find, "/Users").query(format!("filter={}", "x".repeat(70_000)));

    for request in [with_version, long] {
        let failure = client.send(&request).await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Unfit(_)), "{failure}");
        assert!(!failure.is_target_fault());
    }
    assert!(server.lines().is_empty());
}

#[tokio::test]
async fn an_answer_is_bounded_after_it_is_parsed() {
    // Two bytes of text for each value: 7 MiB of it would take over 100 MiB.
    let many = format!("{{\"Resources\":[{}0]}}", "0,".repeat(3_500_000));
    let client = ScriptedServer::default().then(many).client().await;
    let failure = client.find(&[key("userName", "ada")]).await.unwrap_err();
    assert!(
        matches!(failure.kind, FailureKind::Unusable(_)),
        "{failure}"
    );
}

#[tokio::test]
async fn people_have_a_small_pace_that_leaves_the_rest_to_accounts() {
    let users = || list(&json!([]));
    let mut server = ScriptedServer::default();
    for _ in 0..40 {
        server = server.then(users());
    }
    let client = server.client_with(|settings| settings.rate = 20.0).await;
    let people = client.for_people();

    let mut sent = 0;
    let started = std::time::Instant::now();
    while started.elapsed() < Duration::from_millis(400) {
        let request = Request::get(Phase::Probe, "/Users");
        if people
            .send_within(&request, Duration::from_millis(50))
            .await
            .is_ok()
        {
            sent += 1;
        }
    }
    // A burst of one second at 5/s, and two more in 400 ms.
    assert!((5..=8).contains(&sent), "{sent}");
    let began = std::time::Instant::now();
    client.probe().await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(200));
}
