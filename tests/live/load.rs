//! Senders under load, each with one hook at a time about a person of its own, signed as Standard Webhooks asks (by no code of
//! ours). What was answered 200 is remembered: that is what may not be lost.

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

use crate::{chaos_harness::event, cluster::SECRET, waiting::until};

/// How many send at a time.
const SENDERS: usize = 4;

/// Between two posts of one sender: the machine is to be killed at work, not drowned.
const PACE: Duration = Duration::from_millis(30);

#[derive(Default)]
struct Tally {
    accepted: Mutex<Vec<String>>,
    refused: AtomicUsize,
    stop: AtomicBool,
}

/// A running load.
pub struct Load {
    tally: Arc<Tally>,
    senders: Vec<JoinHandle<()>>,
}

impl Load {
    /// Hires people at the intake of that address, until it is stopped.
    pub fn start(intake: &str) -> Self {
        let tally = Arc::new(Tally::default());
        let to = format!("http://{intake}/hooks/acme");
        let sender = |number| tokio::spawn(send(number, to.clone(), Arc::clone(&tally)));
        Self {
            senders: (0..SENDERS).map(sender).collect(),
            tally,
        }
    }

    /// Waits until so many more were accepted.
    pub async fn more_accepted(&self, more: usize, within: Duration) {
        let count = || self.tally.accepted.lock().expect("no sender panics").len();
        let wanted = count() + more;
        until(&format!("{wanted} accepted"), within, async || {
            (count() >= wanted).then_some(())
        })
        .await;
    }

    /// Waits until so many more were not.
    pub async fn more_refused(&self, more: usize, within: Duration) {
        let count = || self.tally.refused.load(Ordering::Relaxed);
        let wanted = count() + more;
        until(&format!("{wanted} refused"), within, async || {
            (count() >= wanted).then_some(())
        })
        .await;
    }

    /// Stops; the workers whose hire was answered with 200.
    pub async fn stop(self) -> Vec<String> {
        self.tally.stop.store(true, Ordering::Relaxed);
        for sender in self.senders {
            sender.await.expect("a sender");
        }
        std::mem::take(&mut self.tally.accepted.lock().expect("no sender panics"))
    }
}

async fn send(sender: usize, to: String, tally: Arc<Tally>) {
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .expect("a client");
    let mut number = 0;
    while !tally.stop.load(Ordering::Relaxed) {
        number += 1;
        let worker = format!("L-{sender}-{number}");
        let body = event("hired", &worker, 3000).to_string();
        let (id, time) = (
            hirewire::telemetry::new_id(),
            hirewire::telemetry::now().as_second().to_string(),
        );
        let request = http
            .post(&to)
            .header("content-type", "application/cloudevents+json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", &time)
            .header("webhook-signature", signature(&id, &time, &body));
        match request.body(body).send().await {
            Ok(answer) if answer.status().as_u16() == 200 => {
                tally
                    .accepted
                    .lock()
                    .expect("no sender panics")
                    .push(worker);
            }
            Ok(_) | Err(_) => {
                tally.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Standard Webhooks, version 1: HMAC-SHA-256 over id, time and body.
fn signature(id: &str, time: &str, body: &str) -> String {
    let key = STANDARD
        .decode(SECRET.trim_start_matches("whsec_"))
        .expect("a secret");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    mac.update(format!("{id}.{time}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}
