//! A load generator: senders that each post one signed hire after the other and record the accepted
//! ones.
//!
//! It has its own implementation of Standard Webhooks signatures. No accepted hire may be lost.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::task::JoinHandle;

use crate::{chaos_harness::event, deployment::SECRET, waiting::wait_until};

/// The number of concurrent senders.
const SENDERS: usize = 4;

/// The pause of a sender between two posts: the processes must be killed at work, but not
/// overloaded.
const PAUSE: Duration = Duration::from_millis(30);

#[derive(Default)]
struct Tally {
    accepted: Mutex<Vec<String>>,
    /// Responses other than 200, and requests without a response.
    failed: AtomicUsize,
    stop: AtomicBool,
}

/// A running load.
pub struct LoadGenerator {
    tally: Arc<Tally>,
    senders: Vec<JoinHandle<()>>,
}

impl LoadGenerator {
    /// Posts hires to the intake at this address, until it is stopped.
    pub fn start(intake: &str) -> Self {
        let tally = Arc::new(Tally::default());
        let url = format!("http://{intake}/hooks/acme");
        let senders = (0..SENDERS)
            .map(|sender| tokio::spawn(send_hires(sender, url.clone(), Arc::clone(&tally))))
            .collect();

        Self { tally, senders }
    }

    /// Waits until so many more hires are accepted.
    pub async fn wait_for_accepted(&self, more: usize, timeout: Duration) {
        let count = || self.tally.accepted.lock().expect("no sender panics").len();
        let wanted = count() + more;

        wait_until(&format!("{wanted} accepted hires"), timeout, async || {
            (count() >= wanted).then_some(())
        })
        .await;
    }

    /// Waits until so many more requests have failed.
    pub async fn wait_for_failed(&self, more: usize, timeout: Duration) {
        let count = || self.tally.failed.load(Ordering::Relaxed);
        let wanted = count() + more;

        wait_until(&format!("{wanted} failed requests"), timeout, async || {
            (count() >= wanted).then_some(())
        })
        .await;
    }

    /// Stops the load; returns the workers whose hire was accepted (200).
    pub async fn stop(self) -> Vec<String> {
        self.tally.stop.store(true, Ordering::Relaxed);

        for sender in self.senders {
            sender.await.expect("a sender");
        }

        std::mem::take(&mut self.tally.accepted.lock().expect("no sender panics"))
    }
}

async fn send_hires(sender: usize, url: String, tally: Arc<Tally>) {
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .expect("a client");

    let mut number = 0;
    while !tally.stop.load(Ordering::Relaxed) {
        number += 1;
        let worker = format!("L-{sender}-{number}");
        if send_hire(&http, &url, &worker).await {
            tally
                .accepted
                .lock()
                .expect("no sender panics")
                .push(worker);
        } else {
            tally.failed.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Posts the hire of a worker; returns whether the response is a 200.
async fn send_hire(http: &reqwest::Client, url: &str, worker: &str) -> bool {
    let body = event("hired", worker, 3000).to_string();
    let id = hirewire::telemetry::new_id();
    let time = hirewire::telemetry::now().as_second().to_string();

    let request = http
        .post(url)
        .header("content-type", "application/cloudevents+json")
        .header("webhook-id", &id)
        .header("webhook-timestamp", &time)
        .header("webhook-signature", signature(&id, &time, &body));
    let response = request.body(body).send().await;
    response.is_ok_and(|response| response.status().as_u16() == 200)
}

/// Standard Webhooks, version 1: HMAC-SHA-256 of id, time and body.
fn signature(id: &str, time: &str, body: &str) -> String {
    let key = STANDARD
        .decode(SECRET.trim_start_matches("whsec_"))
        .expect("a secret");

    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    mac.update(format!("{id}.{time}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}
