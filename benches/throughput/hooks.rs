//! Signed hooks: canonical hires of distinct people with distinct ids, 1 KiB each.

use bytes::Bytes;
use hirewire::telemetry;
use hirewire_core::source::{Scheme, Secret};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde_json::json;

/// The webhook secret of the source.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// The size of a body.
pub const BODY_BYTES: usize = 1024;

/// The headers and the body of a signed request.
#[derive(Clone)]
pub struct SignedHook {
    /// Signature, id, time and content type.
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Signs so many hooks. Their signatures are valid for five minutes, the tolerance of the scheme.
pub fn signed(count: usize) -> Vec<SignedHook> {
    let scheme = Scheme::standard_webhooks();
    let secret = Secret::new(SECRET.to_owned());
    let now = telemetry::now();

    (0..count)
        .map(|number| {
            let id = format!("bench-{number}");
            let body = hire(number, &id, now);
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

/// The event of a hire, with a long title that pads it to [`BODY_BYTES`].
fn hire(number: usize, id: &str, now: Timestamp) -> String {
    let unpadded = hire_with_title(number, id, now, "").len();
    let title: String = "Engineer "
        .chars()
        .cycle()
        .take(BODY_BYTES.saturating_sub(unpadded))
        .collect();

    hire_with_title(number, id, now, &title)
}

fn hire_with_title(number: usize, id: &str, now: Timestamp, title: &str) -> String {
    let effective = json!({
        "date": "2026-01-01",
        "boundary": "start_of_day",
        "time_zone": "Europe/Berlin",
    });
    let worker = json!({
        "name": { "given": "Ada", "family": format!("Lovelace {number}") },
        "work_email": format!("ada.{number}@bench.example"),
        "employee_number": number.to_string(),
        "title": title,
        "department": { "id": "d1", "name": "Engineering" },
        "manager": { "id": "E-0" },
        "type": "employee",
    });

    json!({
        "specversion": "1.0",
        "id": id,
        "source": "/hr/bench",
        "type": "hr.worker.hired.v1",
        "subject": format!("E-{number}"),
        "time": now.to_string(),
        "data": { "effective": effective, "worker": worker },
    })
    .to_string()
}
