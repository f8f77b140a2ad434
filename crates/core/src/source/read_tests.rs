//! What each preset reads: fixtures as files a person can read (`tests/cases/sources`), and what no fixture shows well.

use std::{fs, path::Path};

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::{ContentDigest, Event, HookId, SourceId};

fn reading(preset: &str, headers: &[(&str, &str)], body: &str) -> Reading {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::try_from(*name).expect("a name"),
                HeaderValue::try_from(*value).expect("a value"),
            )
        })
        .collect();
    let verified = Verified {
        body: body.as_bytes(),
        secret: None,
        event_id: None,
    };
    Preset::named(preset)
        .expect("a preset")
        .read(&verified, &headers, &[])
}

const EVENT: &str = r#"{"specversion":"1.0","id":"evt-1","source":"/hr/acme","type":"hr.worker.changed.v1","subject":"E-1","data":DATA}"#;

fn event(data: &str) -> String {
    EVENT.replace("DATA", data)
}

fn pointers(reading: &Reading) -> Vec<&str> {
    match &reading.trouble {
        Some(Trouble::Invalid(problems)) => problems
            .iter()
            .map(|invalid| invalid.pointer.as_str())
            .collect(),
        Some(Trouble::Malformed(_) | Trouble::Unreadable(_)) | None => Vec::new(),
    }
}

#[test]
fn what_is_wrong_with_a_canonical_event_is_pointed_at() {
    let cases = [
        (
            event(r#"{"worker":{"nick/name":"A"}}"#),
            "/data/worker/nick~1name",
        ),
        (event(r#"{"worker":{"title":3}}"#), "/data/worker/title"),
        (
            event(r#"{"effective":{"date":"2026-12-01","time_zone":"Berlin"}}"#),
            "/data/effective",
        ),
        (event(r#"{"employments":[]}"#), "/data/employments"),
        (event("{}").replace("changed", "promoted"), "/type"),
        (
            event("{}")
                .replace("changed", "voided")
                .replace("{}", r#"{"refers_to":["evt-0"]}"#),
            "/type",
        ),
        (event("{}").replace("\"id\"", "\"no\""), "/id"),
        (event(r#"{"on_behalf_of":"other"}"#), "/data/on_behalf_of"),
        (event(r#"{"actor":"me"}"#), "/data/actor"),
        ("7".to_owned(), ""),
    ];
    for (body, pointer) in cases {
        let reading = reading("canonical", &[], &body);
        assert_eq!(
            (pointers(&reading), reading.events.len()),
            (vec![pointer], 0),
            "{body}"
        );
    }
}

#[test]
fn one_wrong_event_of_a_batch_refuses_all_of_it() {
    let body = format!(
        "[{},{},{}]",
        event("{}"),
        event(r#"{"foo":1}"#),
        event(r#"{"reason":"x"}"#)
    );
    let reading = reading("canonical", &[], &body);
    assert_eq!(
        (pointers(&reading), reading.events.len()),
        (vec!["/1/data/foo", "/2/data/reason"], 0)
    );
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
    assert_eq!(
        kept,
        json!({"worker": {"title": "Engineer", "extensions": {"badge": "7", "list": [{}]}}})
    );
}

#[test]
fn what_is_read_at_once_is_what_a_closer_look_reads() {
    let plain = event(
        r#"{"worker":{"title":"Engineer","extensions":{"badge":{"colour":"red"}},"phones":[{"value":"+49 30 1"}]}}"#,
    );
    let bodies = [
        (plain.clone(), true),
        (format!(" [{plain},{plain}]"), true),
        (event("{}"), true),
        ("[]".to_owned(), true),
        (
            event(r#"{"worker":{"extensions":{"badge":{"dob":"x"}}}}"#),
            false,
        ),
        (event(r#"{"worker":{"salary":1}}"#), false),
        (event(r#"{"worker":{"title":"a","title":"b"}}"#), false),
        (event(r#"{"actor":"me"}"#), false),
        (format!("[{plain},{}]", event(r#"{"foo":1}"#)), false),
        ("{".to_owned(), false),
    ];
    for (body, at_once) in bodies {
        let quick = super::read_canonical::read_at_once(body.as_bytes(), &[]);
        assert_eq!(quick.is_some(), at_once, "{body}");
        if let Some(quick) = quick {
            let value = super::body::json(body.as_bytes()).expect("JSON");
            assert_eq!(quick, super::read_canonical::read(value, &[]), "{body}");
        }
    }
}

/// A reading as the fixtures write it.
fn told(reading: &Reading) -> Value {
    let events: Vec<_> = reading
        .events
        .iter()
        .map(|read| json!({ "identity": read.identity, "content": read.content }))
        .collect();
    let mut told = json!({ "events": events });
    if let Some(Trouble::Unreadable(reason)) = &reading.trouble {
        told["parked"] = json!(reason);
    }
    for (name, count) in [
        ("dropped", reading.dropped),
        ("odd_phones", reading.odd_phones),
    ] {
        if count > 0 {
            told[name] = json!(count);
        }
    }
    told
}

struct Case {
    name: String,
    preset: Preset,
    headers: HeaderMap,
    body: String,
    expected: Value,
}

/// Every `tests/cases/sources/<preset>/<name>`: headers, a blank line, the body; and what it is to be read as.
fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/sources");
    let mut cases = Vec::new();
    for preset in Preset::names() {
        for entry in fs::read_dir(root.join(preset)).expect("fixtures of every preset") {
            let folder = entry.expect("an entry").path();
            let text = |file| fs::read_to_string(folder.join(file)).expect("a fixture");
            let request = text("request.http");
            let (headers, body) = request
                .split_once("\n\n")
                .expect("headers, a blank line, the body");
            let header = |line: &str| {
                let (name, value) = line.split_once(": ").expect("a header");
                (
                    HeaderName::try_from(name).expect("a name"),
                    HeaderValue::try_from(value).expect("a value"),
                )
            };
            cases.push(Case {
                name: folder.display().to_string(),
                preset: Preset::named(preset).expect("a preset"),
                headers: headers.lines().map(header).collect(),
                body: body.to_owned(),
                expected: serde_json::from_str(&text("events.json")).expect("json"),
            });
        }
    }
    cases
}

impl Case {
    fn read(&self) -> Reading {
        let verified = Verified {
            body: self.body.as_bytes(),
            secret: None,
            event_id: None,
        };
        self.preset.read(&verified, &self.headers, &[])
    }
}

#[test]
fn each_fixture_reads_as_its_file_says() {
    let cases = cases();
    assert!(cases.len() > 20);
    for case in cases {
        let told = told(&case.read());
        assert_eq!(told, case.expected, "{}\n{told:#}", case.name);
    }
}

#[test]
fn a_retry_and_a_later_reading_from_what_is_kept_give_the_same_events() {
    for case in cases() {
        let kept: Vec<_> = case
            .preset
            .kept_headers()
            .into_iter()
            .filter_map(|name| {
                Some((
                    name.clone(),
                    case.headers.get(&name)?.to_str().ok()?.to_owned(),
                ))
            })
            .collect();
        assert_eq!(case.read(), case.read(), "{}", case.name);
        assert_eq!(
            case.preset.read_again(case.body.as_bytes(), &kept, &[]),
            case.read(),
            "{}",
            case.name
        );
    }
}

#[test]
fn pay_and_the_like_of_a_vendor_never_leave_the_body() {
    for case in cases() {
        let told = told(&case.read()).to_string();
        for never in ["80000", "078-05-1120", "1990-12-10", "Female", "10000.0"] {
            assert!(!told.contains(never), "{never} in {}", case.name);
        }
    }
}

#[test]
fn the_place_in_a_batch_and_its_other_items_do_not_matter_to_an_event() {
    let item = |id: &str| {
        format!(
            r#"{{"id":"{id}","action":"Updated","changedFields":["Job Title"],"fields":{{"Job Title":"T"}}}}"#
        )
    };
    let batch = |items: &[&str]| {
        let items: Vec<_> = items.iter().map(|id| item(id)).collect();
        reading(
            "bamboohr",
            &[],
            &format!(r#"{{"employees":[{}]}}"#, items.join(",")),
        )
    };
    let key = |reading: &Reading, index: usize| {
        let read = reading.events[index].clone();
        let event = Event {
            source: SourceId::parse("acme").expect("an id"),
            hook: HookId::parse("hook").expect("an id"),
            received: Timestamp::UNIX_EPOCH,
            identity: read.identity,
            content: read.content,
        };
        event.key()
    };
    assert_eq!(key(&batch(&["1", "2"]), 1), key(&batch(&["2"]), 0));
    assert_ne!(key(&batch(&["1", "2"]), 0), key(&batch(&["1", "2"]), 1));
}

#[test]
fn each_sample_is_read_and_says_what_its_name_says() {
    for name in Preset::names() {
        let preset = Preset::named(name).expect("a preset");
        assert!(preset.samples().any(|sample| sample == "hired"));
        for sample in preset.samples() {
            let worker = SampleWorker {
                event_id: "evt-9",
                worker: "E-9",
                time: Timestamp::UNIX_EPOCH,
            };
            let body = preset.sample(sample, &worker).expect("a sample");
            let reading = reading(
                name,
                &[
                    ("content-type", &preset.content_types[0]),
                    ("greenhouse-event-id", "g"),
                ],
                &body,
            );
            assert_eq!(
                (&reading.trouble, reading.events.len()),
                (&None, 1),
                "{name} {sample}"
            );
            let content = &reading.events[0].content;
            assert_eq!(content.subject.as_str(), "E-9");
            assert_eq!(
                content.kind.ends_access(),
                sample == "terminated",
                "{name} {sample}"
            );
        }
    }
    assert_eq!(
        Preset::named("canonical")
            .expect("a preset")
            .samples()
            .collect::<Vec<_>>(),
        ["changed", "hired", "terminated"]
    );
}

proptest! {
    #[test]
    fn no_body_whatever_stops_a_reader(bytes: Vec<u8>, form: bool) {
        let kind = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        let headers: HeaderMap = [(http::header::CONTENT_TYPE, HeaderValue::from_static(kind))].into_iter().collect();
        for name in Preset::names() {
            let verified = Verified { body: &bytes, secret: None, event_id: None };
            Preset::named(name).expect("a preset").read(&verified, &headers, &[]);
        }
    }

    #[test]
    fn whoever_is_inactive_is_ended_whatever_else_the_item_says(
        fields in proptest::collection::btree_map("[A-Za-z #:]{1,12}", "[ -~]{0,12}", 0..6),
        date in "[ -~]{0,12}",
    ) {
        let mut item = json!({"id": "7", "action": "Updated", "fields": fields});
        item["fields"]["Status"] = json!("Inactive");
        item["fields"]["Termination Date"] = json!(date);
        let reading = reading("bamboohr", &[], &json!({"employees": [item]}).to_string());
        prop_assert!(reading.events.len() == 1 && reading.events[0].content.kind.ends_access(), "{reading:?}");
        prop_assert_eq!(reading.events[0].content.violations(), vec![]);
    }
}

#[test]
fn an_id_without_a_vendors_is_the_digest_of_the_item_alone() {
    let item = r#"{"action":"unhire_candidate","payload":{"application":{"candidate":{"id":7}}}}"#;
    let spaced = item.replace(':', " : ");
    let ids: Vec<_> = [item, &spaced]
        .map(|body| {
            reading("greenhouse", &[], body).events[0]
                .content
                .id
                .clone()
        })
        .into();
    assert_eq!(
        ids,
        [
            ContentDigest::of(item.as_bytes()).to_string(),
            ids[0].clone()
        ]
    );
}
