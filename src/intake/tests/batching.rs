//! The batcher under load, and requests whose client goes away, over a real socket where needed.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    http::{Limits, serve},
    intake::batcher::{HALF_FULL, MAX_BYTES, MAX_HOOKS},
};

/// Limits that no test reaches by itself.
fn long_limits() -> IntakeSettings {
    IntakeSettings {
        confirm_deadline: Duration::from_mins(1),
        max_batch_delay: Duration::from_mins(1),
        ..settings()
    }
}

fn event(number: usize) -> String {
    sample("canonical", "hired", &format!("evt-{number}"))
}

/// An event of that many bytes.
fn padded_event(bytes: usize) -> String {
    let body = event(1);
    let padding = " ".repeat(bytes.saturating_sub(body.len()));
    body + &padding
}

/// The number of hooks of each durable message, in ascending order: messages that wait together are
/// confirmed in any order.
fn sizes(queue: &FakeQueue) -> Vec<usize> {
    let mut sizes: Vec<_> = queue
        .durable()
        .iter()
        .map(|(_, message)| message.hooks.len())
        .collect();
    sizes.sort_unstable();
    sizes
}

/// Lets every task run until none can go on by itself.
async fn until_idle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// Requests that run in the background; each returns its status.
struct Posts<'a> {
    harness: &'a Harness,
    statuses: JoinSet<u16>,
}

impl<'a> Posts<'a> {
    fn new(harness: &'a Harness) -> Self {
        Self {
            harness,
            statuses: JoinSet::new(),
        }
    }

    fn start(&mut self, body: String) {
        let router = self.harness.intake.router();
        self.statuses.spawn(async move {
            let answer = router.oneshot(signed_request(body)).await;
            answer.expect("an answer").status().as_u16()
        });
    }

    /// Confirms all messages, and waits for the answers.
    async fn finish(mut self) -> Vec<u16> {
        self.harness.queue.set(Behaviour::Confirm);
        let mut statuses = Vec::new();
        while let Some(status) = self.statuses.join_next().await {
            statuses.push(status.expect("an answer"));
        }
        statuses
    }
}

async fn listen(harness: &Harness) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(
        listener,
        harness.intake.router(),
        Limits::default(),
        CancellationToken::new(),
    ));
    TcpStream::connect(address).await.expect("a connection")
}

#[tokio::test]
async fn hooks_share_a_message_while_a_confirm_is_outstanding_and_each_gets_its_own_answer() {
    let harness = harness(Behaviour::Wait, long_limits());
    let mut posts = Posts::new(&harness);

    // The first hook is published at once. The next ones wait for its confirm, or until they fill
    // half a message.
    posts.start(event(0));
    harness.queue.wait_for_published(1).await;
    (1..HALF_FULL).for_each(|number| posts.start(event(number)));
    until_idle().await;
    assert_eq!(harness.queue.published(), 1);

    posts.start(event(HALF_FULL));
    harness.queue.wait_for_published(2).await;
    (1..3).for_each(|number| posts.start(event(HALF_FULL + number)));
    until_idle().await;
    assert_eq!(harness.queue.published(), 2);
    assert!(
        posts.statuses.try_join_next().is_none(),
        "answered before the confirm"
    );

    let statuses = posts.finish().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(sizes(&harness.queue), [1, 2, HALF_FULL]);
}

#[tokio::test]
async fn a_message_has_a_maximum_of_hooks() {
    let harness = harness(Behaviour::Wait, long_limits());
    let mut posts = Posts::new(&harness);
    posts.start(event(0));
    harness.queue.wait_for_published(1).await;

    // All of these arrive before the batcher runs again.
    (0..MAX_HOOKS + 2).for_each(|number| posts.start(event(1 + number)));
    harness.queue.wait_for_published(2).await;

    posts.finish().await;
    assert_eq!(sizes(&harness.queue), [1, 2, MAX_HOOKS]);
}

#[tokio::test]
async fn a_slow_confirm_delays_the_next_message_only_by_the_batch_delay() {
    let harness = harness(
        Behaviour::Wait,
        IntakeSettings {
            max_batch_delay: Duration::from_millis(5),
            ..long_limits()
        },
    );
    let mut posts = Posts::new(&harness);
    for number in 0..3 {
        posts.start(event(number));
        harness.queue.wait_for_published(number + 1).await;
    }

    posts.finish().await;
    assert_eq!(sizes(&harness.queue), [1, 1, 1]);
}

#[tokio::test]
async fn a_message_has_a_maximum_of_bytes_unless_one_hook_has_more() {
    let harness = harness(Behaviour::Wait, long_limits());
    let mut posts = Posts::new(&harness);
    posts.start(padded_event(0));
    harness.queue.wait_for_published(1).await;

    for bytes in [MAX_BYTES * 2, MAX_BYTES / 2, MAX_BYTES / 3, MAX_BYTES / 2] {
        posts.start(padded_event(bytes));
        until_idle().await;
        // A large body is examined on another thread.
        let all = u32::try_from(large_bodies()).expect("a number");
        let _all = harness.intake.shared.large_bodies.acquire_many(all).await;
        until_idle().await;
    }

    posts.finish().await;
    assert_eq!(sizes(&harness.queue), [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_cancel_its_hook() {
    let harness = harness(Behaviour::Wait, long_limits());
    let mut stream = listen(&harness).await;
    let body = event(1);
    let mut head = format!(
        "POST /hooks/canonical HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in &signed("canonical", body.as_bytes()) {
        head.extend([name.as_str(), ": ", value.to_str().expect("text"), "\r\n"]);
    }
    stream
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .await
        .expect("sent");

    harness.queue.wait_for_published(1).await;
    drop(stream);
    harness.queue.set(Behaviour::Confirm);
    harness.queue.wait_for_durable(1).await;
    assert_eq!(sizes(&harness.queue), [1]);
}

#[tokio::test]
async fn a_hook_that_was_answered_503_is_not_published_later() {
    let harness = harness(
        Behaviour::Wait,
        IntakeSettings {
            confirm_deadline: Duration::from_millis(100),
            ..long_limits()
        },
    );
    for number in 0..4 {
        let status = harness.send_status(signed_request(event(number))).await;
        assert_eq!(status, 503);
    }

    harness.queue.set(Behaviour::Confirm);
    let status = harness.send_status(signed_request(event(99))).await;
    assert_eq!(status, 200);
    // The first message was in flight before the deadline, so it may count. The others were not.
    assert_eq!(sizes(&harness.queue), [1, 1]);
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_413_on_the_wire() {
    let harness = harness(
        Behaviour::Confirm,
        IntakeSettings {
            body_limit: 1000,
            ..settings()
        },
    );
    let mut stream = listen(&harness).await;
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
    assert!(harness.queue.durable().is_empty());
}
