//! Hooks that are answered 200, and what is durable then.

use super::*;

#[tokio::test]
async fn an_accepted_hook_is_durable_before_its_200() {
    let harness = harness(Behaviour::Confirm, settings());
    let body = sample("canonical", "hired", "evt-1");
    let (status, answer) = harness.post("canonical", &body).await;
    assert_eq!(
        (status, &answer["accepted"], &answer["dead_lettered"]),
        (200, &json!(["evt-1"]), &json!(false))
    );

    let durable = harness.queue.durable();
    let (queue, message) = &durable[0];
    let hook = &message.hooks[0];
    assert_eq!((durable.len(), *queue), (1, QueueName::Events));
    assert_eq!(hook.hook.as_str(), answer["hook"].as_str().expect("id"));
    assert_eq!(
        (message.instance.as_str(), hook.secret.as_deref()),
        ("test", Some("first"))
    );
    assert_eq!(hook.events()[0].content.id, "evt-1");
}

#[tokio::test]
async fn a_repeated_request_is_another_hook_with_the_same_event_key() {
    let harness = harness(Behaviour::Confirm, settings());
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
async fn a_canonical_batch_is_accepted_whole_or_not_at_all() {
    let harness = harness(Behaviour::Confirm, settings());
    let (one, two) = (
        sample("canonical", "hired", "evt-1"),
        sample("canonical", "changed", "evt-2"),
    );
    let (status, answer) = harness.post("canonical", &format!("[{one},{two}]")).await;
    assert_eq!(
        (status, &answer["accepted"]),
        (200, &json!(["evt-1", "evt-2"]))
    );

    let invalid = two.replace("\"title\"", "\"titel\"");
    let (status, answer) = harness
        .post("canonical", &format!("[{one},{invalid}]"))
        .await;
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (422, &json!("/1/data/worker/titel"))
    );
    assert_eq!(harness.queue.durable().len(), 1);
}

#[tokio::test]
async fn a_ping_is_answered_200_and_nothing_is_published() {
    let harness = harness(Behaviour::Wait, settings());
    let (status, answer) = harness
        .post("greenhouse", r#"{"action":"ping","web_hook_id":1}"#)
        .await;
    assert_eq!(
        (status, &answer["accepted"], &answer["dead_lettered"]),
        (200, &json!([]), &json!(false))
    );
}

#[tokio::test]
async fn an_unreadable_authentic_hook_is_dead_lettered_with_its_body() {
    let harness = harness(Behaviour::Confirm, settings());
    for body in ["not json", r#"{"employees":7}"#, "\u{0}"] {
        let (status, answer) = harness.post("bamboohr", body).await;
        assert_eq!(
            (status, &answer["accepted"], &answer["dead_lettered"]),
            (200, &json!([]), &json!(true)),
            "{body}"
        );

        let (queue, message) = harness.queue.durable().pop().expect("a message");
        let Payload::Unreadable {
            body: kept,
            headers,
            reason,
        } = &message.hooks[0].payload
        else {
            panic!("the body was read")
        };
        assert_eq!((queue, kept.as_slice()), (QueueName::Dead, body.as_bytes()));
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-type", "x-bamboohr-timestamp"]);
        assert!(!reason.contains(body), "{reason}");
    }
}

#[tokio::test]
async fn readable_items_of_a_vendor_batch_count_and_the_body_is_dead_lettered() {
    let harness = harness(Behaviour::Confirm, settings());
    let body = r#"{"employees":[
        {"id":"7","action":"Updated","changedFields":["Hire Date"],
         "fields":{"Hire Date":"next week"}},
        {"id":"8","action":"Updated","changedFields":["Status"],"fields":{"Status":"Inactive"}}]}"#;
    let (status, answer) = harness.post("bamboohr", body).await;
    assert_eq!((status, &answer["dead_lettered"]), (200, &json!(true)));

    let durable = harness.queue.durable();
    assert_eq!(
        durable.iter().map(|(queue, _)| *queue).collect::<Vec<_>>(),
        [QueueName::Events, QueueName::Dead]
    );
    assert_eq!(
        durable[0].1.hooks[0].events()[0].content.subject.as_str(),
        "8"
    );
    assert_eq!(durable[0].1.hooks[0].hook, durable[1].1.hooks[0].hook);
}

#[tokio::test]
async fn a_body_that_is_not_utf_8_is_verified_then_dead_lettered_or_refused() {
    let harness = harness(Behaviour::Confirm, settings());
    let body = b"{\"action\":\"\xff\xfe\"}".to_vec();
    let (status, answer, _) = harness
        .send(request(
            "/hooks/greenhouse",
            signed("greenhouse", &body),
            body.clone(),
        ))
        .await;
    assert_eq!((status, &answer["dead_lettered"]), (200, &json!(true)));

    let (status, ..) = harness
        .send(request(
            "/hooks/canonical",
            signed("canonical", &body),
            body,
        ))
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn replaced_settings_apply_from_the_next_request_on() {
    let harness = harness(Behaviour::Confirm, settings());
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
