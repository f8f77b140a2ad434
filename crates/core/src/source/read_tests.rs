//! Reading of bodies: the cases that no fixture of `tests/cases/sources` shows well.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::{ContentDigest, Event, HookId, SourceId};

pub(super) fn read(preset: &str, headers: &[(&str, &str)], body: &str) -> ParsedBody {
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

const EVENT: &str = r#"{"specversion":"1.0","id":"evt-1","source":"/hr/acme",
    "type":"hr.worker.changed.v1","subject":"E-1","data":DATA}"#;

pub(super) fn event(data: &str) -> String {
    EVENT.replace("DATA", data)
}

pub(super) fn pointers(parsed: &ParsedBody) -> Vec<&str> {
    match &parsed.error {
        Some(ContentError::Invalid(problems)) => problems
            .iter()
            .map(|invalid| invalid.pointer.as_str())
            .collect(),
        Some(ContentError::Malformed(_) | ContentError::Unreadable(_)) | None => Vec::new(),
    }
}

#[test]
fn a_problem_of_a_canonical_event_has_a_json_pointer() {
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
        let parsed = read("canonical", &[], &body);
        assert_eq!(
            (pointers(&parsed), parsed.events.len()),
            (vec![pointer], 0),
            "{body}"
        );
    }
}

#[test]
fn one_invalid_event_makes_the_whole_batch_invalid() {
    let body = format!(
        "[{},{},{}]",
        event("{}"),
        event(r#"{"foo":1}"#),
        event(r#"{"reason":"x"}"#)
    );
    let parsed = read("canonical", &[], &body);
    assert_eq!(
        (pointers(&parsed), parsed.events.len()),
        (vec!["/1/data/foo", "/2/data/reason"], 0)
    );
}

#[test]
fn sensitive_members_are_dropped_at_any_depth_and_counted() {
    let data = json!({
        "salary": 1,
        "worker": { "title": "Engineer", "birth_date": "1815-12-10", "Gender": "f",
                    "extensions": { "badge": "7", "pay-rate": { "amount": 9, "ssn": "x" },
                                    "list": [{ "dob": "y" }] } },
    });
    let parsed = read("canonical", &[], &event(&data.to_string()));

    assert_eq!((parsed.dropped, &parsed.error), (5, &None));
    let kept = serde_json::to_value(&parsed.events[0].content.data).expect("json");
    assert_eq!(
        kept,
        json!({"worker": {"title": "Engineer", "extensions": {"badge": "7", "list": [{}]}}})
    );
}

#[test]
fn the_fast_path_reads_a_valid_body_like_the_thorough_path() {
    let plain = event(
        r#"{"worker":{"title":"Engineer","extensions":{"badge":{"colour":"red"}},
            "phones":[{"value":"+49 30 1"}]}}"#,
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

    for (body, is_valid) in bodies {
        let fast = super::read_canonical::read_valid(body.as_bytes(), &[]);
        assert_eq!(fast.is_some(), is_valid, "{body}");
        if let Some(fast) = fast {
            let value = super::body::parse_json(body.as_bytes()).expect("JSON");
            assert_eq!(fast, super::read_canonical::read(value, &[]), "{body}");
        }
    }
}

#[test]
fn the_key_of_an_event_does_not_depend_on_the_rest_of_its_batch() {
    let item = |id: &str| {
        format!(
            r#"{{"id":"{id}","action":"Updated","changedFields":["Job Title"],
                 "fields":{{"Job Title":"T"}}}}"#
        )
    };
    let batch = |items: &[&str]| {
        let items: Vec<_> = items.iter().map(|id| item(id)).collect();
        read(
            "bamboohr",
            &[],
            &format!(r#"{{"employees":[{}]}}"#, items.join(",")),
        )
    };
    let key = |parsed: &ParsedBody, index: usize| {
        let read = parsed.events[index].clone();
        let event = Event {
            source: SourceId::parse("acme").expect("an id"),
            hook: HookId::parse("hook").expect("an id"),
            received: Timestamp::UNIX_EPOCH,
            id_derivation: read.id_derivation,
            content: read.content,
        };
        event.key()
    };

    assert_eq!(key(&batch(&["1", "2"]), 1), key(&batch(&["2"]), 0));
    assert_ne!(key(&batch(&["1", "2"]), 0), key(&batch(&["1", "2"]), 1));
}

#[test]
fn each_sample_reads_as_an_event_of_its_name() {
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
            let parsed = read(
                name,
                &[
                    ("content-type", &preset.content_types[0]),
                    ("greenhouse-event-id", "g"),
                ],
                &body,
            );
            assert_eq!(
                (&parsed.error, parsed.events.len()),
                (&None, 1),
                "{name} {sample}"
            );
            let content = &parsed.events[0].content;
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
    fn no_body_makes_a_reader_panic(bytes: Vec<u8>, form: bool) {
        let media_type = if form {
            "application/x-www-form-urlencoded"
        } else {
            "application/json"
        };
        let content_type = (http::header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        let headers: HeaderMap = [content_type].into_iter().collect();
        for name in Preset::names() {
            let verified = Verified { body: &bytes, secret: None, event_id: None };
            Preset::named(name).expect("a preset").read(&verified, &headers, &[]);
        }
    }

    #[test]
    fn an_inactive_worker_is_terminated_despite_any_other_field(
        fields in proptest::collection::btree_map("[A-Za-z #:]{1,12}", "[ -~]{0,12}", 0..6),
        date in "[ -~]{0,12}",
    ) {
        let mut item = json!({"id": "7", "action": "Updated", "fields": fields});
        item["fields"]["Status"] = json!("Inactive");
        item["fields"]["Termination Date"] = json!(date);
        let parsed = read("bamboohr", &[], &json!({"employees": [item]}).to_string());
        prop_assert_eq!(parsed.events.len(), 1);
        prop_assert!(parsed.events[0].content.kind.ends_access(), "{parsed:?}");
        prop_assert_eq!(parsed.events[0].content.violations(), vec![]);
    }
}

#[test]
fn an_event_without_a_vendor_id_has_the_digest_of_its_item_as_id() {
    let item = r#"{"action":"unhire_candidate","payload":{"application":{"candidate":{"id":7}}}}"#;
    let spaced = item.replace(':', " : ");
    let ids: Vec<_> = [item, &spaced]
        .map(|body| read("greenhouse", &[], body).events[0].content.id.clone())
        .into();
    assert_eq!(
        ids,
        [
            ContentDigest::of(item.as_bytes()).to_string(),
            ids[0].clone()
        ]
    );
}

#[test]
fn every_mistake_of_an_event_is_named_at_once() {
    let body = json!({
        "specversion": "1.0", "id": 7, "source": "/hr/acme", "type": "hr.worker.snapshot.v1",
        "data": {
            "effective": { "date": "soon" },
            "employments": [{ "start": 3 }, { "foo": 1 }, "x", { "end": "never" }],
            "refers_to": [5, "evt-0"],
            "previous_worker_id": "E-0",
            "worker": { "titel": "Engineer", "phones": [{ "value": 1 }, { "typ": "work" }] },
        },
    });
    let parsed = read("canonical", &[], &body.to_string());
    assert_eq!(
        pointers(&parsed),
        [
            "/data/effective/date",
            "/data/employments/0/start",
            "/data/employments/1/foo",
            "/data/employments/2",
            "/data/employments/3/end",
            "/data/refers_to/0",
            "/data/worker/phones/0/value",
            "/data/worker/phones/1/typ",
            "/data/worker/titel",
            "/id",
            "/subject",
            "/data/previous_worker_id",
        ]
    );
}

/// Puts each of these values at each place of a valid event, one at a time.
#[test]
fn a_mistake_has_words_of_the_format() {
    let event = json!({
        "specversion": "1.0", "id": "evt-1", "source": "/hr/acme", "type": "hr.worker.snapshot.v1",
        "subject": "E-1", "time": "2026-11-23T09:00:00Z",
        "data": {
            "effective": { "date": "2026-12-01", "boundary": "start_of_day", "time_zone": "UTC" },
            "employment_id": "1", "supersedes": "evt-0", "refers_to": ["evt-0"],
            "employments": [{ "id": "1", "start": "2026-12-01", "primary": true }],
            "worker": {
                "name": { "given": "Ada" }, "work_email": "ada@acme.example", "type": "employee",
                "department": { "id": "d1", "name": "Engineering" }, "manager": { "id": "E-2" },
                "phones": [{ "type": "work", "value": "+49301" }], "dates": { "hire": "2026-12-01" },
                "addresses": [{ "country": "DE" }], "extensions": { "badge": "7" },
            },
        },
    });
    let mut places = Vec::new();
    collect_places(&event, String::new(), &mut places);
    let values = [
        json!(7),
        json!(1.5),
        json!("no such"),
        json!(true),
        json!([]),
        json!({"a": 1}),
    ];

    for place in &places {
        for value in &values {
            let mut wrong = event.clone();
            *wrong.pointer_mut(place).expect("a place") = value.clone();
            let parsed = read("canonical", &[], &wrong.to_string());
            let Some(ContentError::Invalid(problems)) = &parsed.error else {
                continue;
            };
            for InvalidMember { pointer, problem } in problems {
                for word in [
                    "struct",
                    "variant",
                    "sequence",
                    " map",
                    "u64",
                    "expected a string",
                ] {
                    assert!(
                        !problem.contains(word),
                        "{place} {value}: {pointer} {problem}"
                    );
                }
                assert!(
                    !problem.contains("column"),
                    "{place} {value}: {pointer} {problem}"
                );
            }
        }
    }
}

pub(super) fn collect_places(value: &serde_json::Value, at: String, places: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        collect_places(member, format!("{at}/{name}"), places);
    }
    for (index, element) in value.as_array().into_iter().flatten().enumerate() {
        collect_places(element, format!("{at}/{index}"), places);
    }

    if !at.is_empty() {
        places.push(at);
    }
}
