//! Hooks, signed beforehand: canonical hires of distinct people under distinct ids, a kibibyte each.

use bytes::Bytes;
use hirewire::telemetry;
use hirewire_core::source::{Scheme, Secret};
use http::{HeaderMap, HeaderValue};
use serde_json::json;

/// What the source signs with.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// How large a body is.
pub const BYTES: usize = 1024;

/// A signed request, but for its address.
#[derive(Clone)]
pub struct SignedHook {
    /// Signature, id, time, content type.
    pub headers: HeaderMap,
    /// The event.
    pub body: Bytes,
}

/// So many of them, signed now: they stay valid for the five minutes of the scheme's tolerance.
pub fn signed(count: usize) -> Vec<SignedHook> {
    let (scheme, secret) = (Scheme::standard_webhooks(), Secret::new(SECRET.to_owned()));
    let now = telemetry::now();
    (0..count)
        .map(|number| {
            let id = format!("bench-{number}");
            let body = hired(number, &id, now);
            let mut headers = scheme
                .sign(body.as_bytes(), &secret, now, &id)
                .expect("signed");
            headers.insert(
                "content-type",
                HeaderValue::from_static("application/cloudevents+json"),
            );
            SignedHook {
                headers,
                body: body.into(),
            }
        })
        .collect()
}

/// A hire. What pads it to its size is a title, as a long one would.
fn hired(number: usize, id: &str, now: jiff::Timestamp) -> String {
    let event = |title: &str| {
        json!({
            "specversion": "1.0", "id": id, "source": "/hr/bench", "type": "hr.worker.hired.v1",
            "subject": format!("E-{number}"), "time": now.to_string(),
            "data": {
                "effective": { "date": "2026-01-01", "boundary": "start_of_day", "time_zone": "Europe/Berlin" },
                "worker": {
                    "name": { "given": "Ada", "family": format!("Lovelace {number}") },
                    "work_email": format!("ada.{number}@bench.example"), "employee_number": number.to_string(),
                    "title": title, "department": { "id": "d1", "name": "Engineering" },
                    "manager": { "id": "E-0" }, "type": "employee",
                },
            },
        })
        .to_string()
    };
    let short = event("").len();
    event(
        &"Engineer "
            .repeat(BYTES / 9 + 1)
            .chars()
            .take(BYTES.saturating_sub(short))
            .collect::<String>(),
    )
}
