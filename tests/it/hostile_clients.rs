//! Strangers at the listeners: idle connections, large bodies, many signatures, looping viewers.
//!
//! None of them may hold up a leaver, and none of their requests may cost the process its memory.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hirewire_core::event::ContentDigest;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    installation::{Installation, TIMEOUT, event},
    waiting::wait_until,
};

/// The time in which a leaver must be done, with any number of strangers. Alone on two cores it is
/// under 2 s (docs/proofs.md); here other tests run beside it.
const SOON: Duration = Duration::from_secs(10);

fn hired() -> Value {
    json!({ "worker": { "name": { "given": "Ada", "family": "Lovelace" },
                        "work_email": "ada@acme.example" } })
}

/// Whether the only user of the sandbox is active.
async fn is_active(installation: &Installation) -> bool {
    installation.sandbox_state().await["active"] == 1
}

async fn hire(installation: &Installation) {
    assert_eq!(installation.post("1", "hired", "E-1", &hired()).await, 200);
    installation.wait_for_outcome("E-1", "created").await;
}

/// Posts a termination; the time from then until the account is inactive.
async fn terminate(installation: &Installation) -> Duration {
    let started = Instant::now();
    let status = installation
        .post("2", "terminated", "E-1", &json!({}))
        .await;
    assert_eq!(status, 200);
    wait_until("the leaver is inactive", TIMEOUT, async || {
        (!is_active(installation).await).then_some(())
    })
    .await;
    started.elapsed()
}

fn authority(url: &str) -> &str {
    let rest = url.trim_start_matches("http://");
    rest.split('/').next().unwrap_or(rest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_idle_connections_at_1024_descriptors_hold_up_no_leaver() {
    let installation = Installation::start_with_descriptors(1024).await;
    hire(&installation).await;

    let mut idle = Vec::new();
    for address in [
        authority(&installation.hook_url),
        authority(&installation.ops_url),
    ] {
        for number in 0..1000 {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            if number % 2 == 0 {
                let _ = stream.write_all(b"POST /hooks/acme HTTP/1.1\r\n").await;
            }
            idle.push(stream);
        }
    }

    let took = terminate(&installation).await;
    assert!(took < SOON, "the leaver took {took:?}");
    drop(idle);
}

/// The most memory that the service had so far, in MiB.
fn peak_memory(installation: &Installation) -> u64 {
    let pid = installation.service.as_ref().expect("it runs").pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("a number") / 1024
}

/// Posts a body without a valid signature over a connection of its own; the status, if there is an
/// answer before the connection ends.
async fn post_unsigned(address: String, headers: String, body: Bytes) -> Option<u16> {
    let mut stream = TcpStream::connect(&address).await.ok()?;
    let head = format!(
        "POST /hooks/acme HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/cloudevents+json\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    // The answer may come before all is sent.
    let _ = stream.write_all(&body).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.ok()?;
    String::from_utf8_lossy(&answer)
        .split(' ')
        .nth(1)?
        .parse()
        .ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_unsigned_bodies_of_1_mib_stay_under_200_mib() {
    let installation = Installation::start("apply", "").await;
    hire(&installation).await;
    let address = authority(&installation.hook_url).to_owned();
    let body = Bytes::from(vec![b' '; 1024 * 1024]);

    let headers = "webhook-id: a\r\nwebhook-timestamp: 1\r\nwebhook-signature: \
                   v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n";
    let posts: Vec<_> = (0..1000)
        .map(|_| {
            let headers = headers.to_owned();
            tokio::spawn(post_unsigned(address.clone(), headers, body.clone()))
        })
        .collect();
    let took = terminate(&installation).await;
    let mut statuses = Vec::new();
    for post in posts {
        statuses.extend(post.await.expect("it ends"));
    }

    assert!(
        statuses.iter().all(|status| matches!(status, 401 | 503)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&401));
    assert!(took < SOON, "the leaver took {took:?}");
    let peak = peak_memory(&installation);
    assert!(peak < 200, "the service had {peak} MiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_full_of_signatures_costs_one_mac_or_is_refused() {
    let installation = Installation::start("apply", "").await;
    let address = authority(&installation.hook_url).to_owned();
    let body = Bytes::from(vec![b' '; 1024 * 1024]);
    let headers = |signatures: &str| {
        format!("webhook-id: a\r\nwebhook-timestamp: 1\r\nwebhook-signature: {signatures}\r\n")
    };
    let signature = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= ";

    // 69,000 short signatures: 400 KB.
    let many = headers(&"v1,A= ".repeat(69_000));
    assert_eq!(
        post_unsigned(address.clone(), many, Bytes::new()).await,
        Some(431)
    );

    let one = headers(signature);
    let three_hundred = headers(&signature.repeat(300));
    let mut times = Vec::new();
    for headers in [one, three_hundred] {
        let started = Instant::now();
        for _ in 0..5 {
            let status = post_unsigned(address.clone(), headers.clone(), body.clone()).await;
            assert_eq!(status, Some(401));
        }
        times.push(started.elapsed());
    }
    assert!(times[1] < 3 * times[0] + SOON / 4, "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_with_1500_looping_previews_holds_up_no_leaver() {
    let hash = ContentDigest::of(b"token-of-a-viewer");
    let tokens = format!("[[ops.tokens]]\nname = \"v\"\nrole = \"viewer\"\nhash = \"{hash}\"\n");
    let installation = Installation::start("apply", &tokens).await;
    hire(&installation).await;
    installation.set_faults("slow:ms=50:method=GET").await;

    let url = Arc::new(format!("{}/api/v1/preview/acme", installation.ops_url));
    let body = event("3", "changed", "E-1", &hired()).to_string();
    let client = reqwest::Client::new();
    let loops: Vec<_> = (0..1500)
        .map(|_| {
            let (client, url, body) = (client.clone(), Arc::clone(&url), body.clone());
            tokio::spawn(async move {
                loop {
                    let post = client.post(&*url).bearer_auth("token-of-a-viewer");
                    if post.body(body.clone()).send().await.is_err() {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            })
        })
        .collect();
    let looks = wait_until("previews read the target", TIMEOUT, async || {
        let state = installation.sandbox_state().await;
        let requests = state["requests"]["total"].as_u64().unwrap_or_default();
        (requests > 4).then_some(requests)
    });
    looks.await;

    let took = terminate(&installation).await;
    loops.iter().for_each(tokio::task::JoinHandle::abort);
    assert!(took < SOON, "the leaver took {took:?}");
}
