//! The HR system of the demo: builds canonical events, signs them and posts them.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::telemetry;
use hirewire_core::source::{Scheme, Secret};

/// Posts to one hook URL with one secret.
pub(super) struct HrSystem {
    url: String,
    secret: String,
    http: reqwest::Client,
    event_count: AtomicU32,
}

/// An event that was posted.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    pub(super) event: Value,
    /// The status of the intake's answer.
    pub(super) status: u16,
}

impl HrSystem {
    pub(super) fn new(url: &str, secret: &str) -> Self {
        Self {
            url: url.to_owned(),
            secret: secret.to_owned(),
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .unwrap_or_default(),
            event_count: AtomicU32::new(0),
        }
    }

    /// Builds an event with a new id. It occurred `ago` before now.
    pub(super) fn event(
        &self,
        kind: &str,
        worker: &str,
        ago: SignedDuration,
        data: &Value,
    ) -> Value {
        let number = self.event_count.fetch_add(1, Ordering::Relaxed) + 1;
        let time = telemetry::now()
            .checked_sub(ago)
            .unwrap_or(Timestamp::UNIX_EPOCH);
        json!({
            "specversion": "1.0",
            "id": format!("evt-{number}"),
            "source": "/hr/acme",
            "type": format!("hr.worker.{kind}.v1"),
            "subject": worker,
            "time": time.to_string(),
            "data": data,
        })
    }

    /// Posts the event, signed with the secret of the source.
    pub(super) async fn post(&self, event: Value) -> anyhow::Result<Posted> {
        let status = self.send(&event, &self.secret).await?;
        Ok(Posted { event, status })
    }

    /// Posts the event, signed with another secret. Returns the status of the answer.
    pub(super) async fn post_forged(&self, event: &Value) -> anyhow::Result<u16> {
        self.send(event, "whsec_Zm9yZ2VkLWZvcmdlZC1mb3JnZWQtZm9yZ2Vk")
            .await
    }

    async fn send(&self, event: &Value, secret: &str) -> anyhow::Result<u16> {
        let body = event.to_string();
        let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
        let headers = Scheme::standard_webhooks().sign(
            body.as_bytes(),
            &Secret::new(secret.to_owned()),
            telemetry::now(),
            id,
        )?;

        let response = self
            .http
            .post(&self.url)
            .headers(headers)
            .header("content-type", "application/cloudevents+json")
            .body(body)
            .send()
            .await
            .context("the intake cannot be reached")?;
        Ok(response.status().as_u16())
    }
}
