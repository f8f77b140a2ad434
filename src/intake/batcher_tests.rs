//! The batcher under load and with clients that go away, over a real socket.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{
    IntakeSettings,
    batcher::{ENOUGH, MOST_BYTES, MOST_HOOKS},
    fake_queue_tests::{FakeQueue, Mood},
    intake_tests::{harness, request, sample, settings, signed},
};
use crate::http::{Limits, serve};

fn patient() -> IntakeSettings {
    IntakeSettings {
        confirm_deadline: Duration::from_mins(1),
        gather: Duration::from_mins(1),
        ..settings()
    }
}

/// How many hooks each message has, the least first: several that wait are confirmed in any order.
fn sizes(queue: &FakeQueue) -> Vec<usize> {
    let mut sizes: Vec<_> = queue
        .durable()
        .iter()
        .map(|(_, message)| message.hooks.len())
        .collect();
    sizes.sort_unstable();
    sizes
}

/// Until nothing that was begun can go on by itself.
async fn quiet() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn hooks_share_a_message_while_a_confirm_is_outstanding_and_each_learns_of_its_own() {
    let harness = harness(Mood::Silent, patient());
    let mut answers = JoinSet::new();
    let post = |number: usize| {
        let (router, body) = (
            harness.intake.router(),
            sample("canonical", "hired", &format!("evt-{number}")),
        );
        async move {
            let answer = router
                .oneshot(request(
                    "/hooks/canonical",
                    signed("canonical", body.as_bytes()),
                    body,
                ))
                .await;
            answer.expect("an answer").status().as_u16()
        }
    };
    // A hook alone goes at once; the next wait for its confirm, until they are enough.
    answers.spawn(post(0));
    harness.queue.sent(1).await;
    (1..ENOUGH).for_each(|number| drop(answers.spawn(post(number))));
    quiet().await;
    assert_eq!(harness.queue.sent_so_far(), 1);
    answers.spawn(post(ENOUGH));
    harness.queue.sent(2).await;
    (1..3).for_each(|number| drop(answers.spawn(post(ENOUGH + number))));
    quiet().await;
    assert_eq!(harness.queue.sent_so_far(), 2);
    assert!(
        answers.try_join_next().is_none(),
        "answered before the confirm"
    );
    harness.queue.becomes(Mood::Confirms);
    while let Some(status) = answers.join_next().await {
        assert_eq!(status.expect("an answer"), 200);
    }
    assert_eq!(sizes(&harness.queue), [1, 2, ENOUGH]);
}

#[tokio::test]
async fn a_message_is_bounded_in_hooks() {
    let harness = harness(Mood::Silent, patient());
    let mut answers = JoinSet::new();
    let post = |number: usize| {
        let (router, body) = (
            harness.intake.router(),
            sample("canonical", "hired", &format!("evt-{number}")),
        );
        async move {
            router
                .oneshot(request(
                    "/hooks/canonical",
                    signed("canonical", body.as_bytes()),
                    body,
                ))
                .await
        }
    };
    answers.spawn(post(0));
    harness.queue.sent(1).await;
    // All of them come before the batcher looks again.
    (0..MOST_HOOKS + 2).for_each(|number| drop(answers.spawn(post(1 + number))));
    harness.queue.sent(2).await;
    harness.queue.becomes(Mood::Confirms);
    while answers.join_next().await.is_some() {}
    assert_eq!(sizes(&harness.queue), [1, 2, MOST_HOOKS]);
}

#[tokio::test]
async fn a_confirm_that_is_slow_holds_up_the_next_message_only_so_long() {
    let harness = harness(
        Mood::Silent,
        IntakeSettings {
            gather: Duration::from_millis(5),
            ..patient()
        },
    );
    let mut answers = JoinSet::new();
    for number in 0..3 {
        let (router, body) = (
            harness.intake.router(),
            sample("canonical", "hired", &format!("evt-{number}")),
        );
        let post = request(
            "/hooks/canonical",
            signed("canonical", body.as_bytes()),
            body,
        );
        answers.spawn(async move { router.oneshot(post).await });
        harness.queue.sent(number + 1).await;
    }
    harness.queue.becomes(Mood::Confirms);
    while answers.join_next().await.is_some() {}
    assert_eq!(sizes(&harness.queue), [1, 1, 1]);
}

#[tokio::test]
async fn a_message_is_bounded_in_bytes_unless_one_hook_alone_has_more() {
    let harness = harness(Mood::Silent, patient());
    let mut answers = JoinSet::new();
    let post = |bytes: usize| {
        let (router, body) = (
            harness.intake.router(),
            sample("canonical", "hired", "evt-1"),
        );
        let body = body.clone() + &" ".repeat(bytes.saturating_sub(body.len()));
        async move {
            router
                .oneshot(request(
                    "/hooks/canonical",
                    signed("canonical", body.as_bytes()),
                    body,
                ))
                .await
        }
    };
    answers.spawn(post(0));
    harness.queue.sent(1).await;
    for bytes in [
        MOST_BYTES * 2,
        MOST_BYTES / 2,
        MOST_BYTES / 3,
        MOST_BYTES / 2,
    ] {
        answers.spawn(post(bytes));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    harness.queue.becomes(Mood::Confirms);
    while answers.join_next().await.is_some() {}
    assert_eq!(sizes(&harness.queue), [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_nothing() {
    let harness = harness(Mood::Silent, patient());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(
        listener,
        harness.intake.router(),
        Limits::default(),
        CancellationToken::new(),
    ));
    let body = sample("canonical", "hired", "evt-1");
    let mut head = format!(
        "POST /hooks/canonical HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in &signed("canonical", body.as_bytes()) {
        head.extend([name.as_str(), ": ", value.to_str().expect("text"), "\r\n"]);
    }
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .await
        .expect("sent");
    harness.queue.sent(1).await;
    drop(stream);
    harness.queue.becomes(Mood::Confirms);
    harness.queue.kept(1).await;
    assert_eq!(sizes(&harness.queue), [1]);
}

#[tokio::test]
async fn who_was_answered_503_waits_no_longer() {
    let harness = harness(
        Mood::Silent,
        IntakeSettings {
            confirm_deadline: Duration::from_millis(100),
            ..patient()
        },
    );
    let post = |number: usize| {
        let body = sample("canonical", "hired", &format!("evt-{number}"));
        harness.intake.router().oneshot(request(
            "/hooks/canonical",
            signed("canonical", body.as_bytes()),
            body,
        ))
    };
    for number in 0..4 {
        assert_eq!(
            post(number).await.expect("an answer").status().as_u16(),
            503
        );
    }
    harness.queue.becomes(Mood::Confirms);
    assert_eq!(post(99).await.expect("an answer").status().as_u16(), 200);
    // What was sent before the deadline may count; what was never sent does not.
    assert_eq!(sizes(&harness.queue), [1, 1]);
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_413_on_the_wire() {
    let harness = harness(
        Mood::Confirms,
        IntakeSettings {
            body_limit: 1000,
            ..settings()
        },
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(
        listener,
        harness.intake.router(),
        Limits::default(),
        CancellationToken::new(),
    ));
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = "POST /hooks/canonical HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    for _ in 0..3 {
        stream
            .write_all(format!("1f4\r\n{:500}\r\n", "").as_bytes())
            .await
            .expect("sent");
    }
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.expect("an answer");
    assert_eq!(&start, b"HTTP/1.1 413");
    assert!(Arc::strong_count(&harness.queue) > 0 && harness.queue.durable().is_empty());
}
