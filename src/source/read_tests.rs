//! What each preset reads: fixtures as files a person can read (`tests/cases/sources`), and what no fixture shows well.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::*;

fn reading(preset: &str, headers: &[(&str, &str)], body: &str) -> Reading {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (HeaderName::try_from(*name).expect("a name"), HeaderValue::try_from(*value).expect("a value"))
        })
        .collect();
    let verified = Verified { body: body.as_bytes(), secret: None, event_id: None };
    Preset::named(preset).expect("a preset").read(&verified, &headers, &[])
}

const EVENT: &str = r#"{"specversion":"1.0","id":"evt-1","source":"/hr/acme","type":"hr.worker.changed.v1","subject":"E-1","data":DATA}"#;

fn event(data: &str) -> String {
    EVENT.replace("DATA", data)
}

fn pointers(reading: &Reading) -> Vec<&str> {
    match &reading.trouble {
        Some(Trouble::Invalid(problems)) => problems.iter().map(|invalid| invalid.pointer.as_str()).collect(),
        Some(Trouble::Malformed(_) | Trouble::Unreadable(_)) | None => Vec::new(),
    }
}

#[test]
fn what_is_wrong_with_a_canonical_event_is_pointed_at() {
    let cases = [
        (event(r#"{"worker":{"nick/name":"A"}}"#), "/data/worker/nick~1name"),
        (event(r#"{"worker":{"title":3}}"#), "/data/worker/title"),
        (event(r#"{"effective":{"date":"2026-12-01","time_zone":"Berlin"}}"#), "/data/effective"),
        (event(r#"{"employments":[]}"#), "/data/employments"),
        (event("{}").replace("changed", "promoted"), "/type"),
        (event("{}").replace("changed", "voided").replace("{}", r#"{"refers_to":["evt-0"]}"#), "/type"),
        (event("{}").replace("\"id\"", "\"no\""), "/id"),
        (event(r#"{"on_behalf_of":"other"}"#), "/data/on_behalf_of"),
        (event(r#"{"actor":"me"}"#), "/data/actor"),
        ("7".to_owned(), ""),
    ];
    for (body, pointer) in cases {
        let reading = reading("canonical", &[], &body);
        assert_eq!((pointers(&reading), reading.events.len()), (vec![pointer], 0), "{body}");
    }
}

#[test]
fn one_wrong_event_of_a_batch_refuses_all_of_it() {
    let body = format!("[{},{},{}]", event("{}"), event(r#"{"foo":1}"#), event(r#"{"reason":"x"}"#));
    let reading = reading("canonical", &[], &body);
    assert_eq!((pointers(&reading), reading.events.len()), (vec!["/1/data/foo", "/2/data/reason"], 0));
}

#[test]
fn pay_and_the_like_are_dropped_wherever_they_stand_and_counted() {
    let data = json!({
        "salary": 1,
        "worker": { "title": "Engineer", "birth_date": "1815-12-10", "Gender": "f",
                    "extensions": { "badge": "7", "pay-rate": { "amount": 9, "ssn": "x" }, "list": [{ "dob": "y" }] } },
    });
    let reading = reading("canonical", &[], &event(&data.to_string()));
    assert_eq!((reading.dropped, &reading.trouble), (5, &None));
    let kept = serde_json::to_value(&reading.events[0].content.data).expect("json");
    assert_eq!(kept, json!({"worker": {"title": "Engineer", "extensions": {"badge": "7", "list": [{}]}}}));
}
