//! The limits of a body: no member twice, no endless text, no character that a database refuses, no
//! list where the format has an object.

use serde_json::json;

use super::{
    ContentError,
    read_tests::{collect_places, event, pointers, read},
};

#[test]
fn a_repeated_member_a_long_text_and_a_nul_are_refused_with_their_pointers() {
    let long = "x".repeat(4097);
    let cases = [
        (
            event("{}").replace("\"id\"", "\"id\":\"evt-0\",\"id\""),
            "/id",
        ),
        (
            event(r#"{"worker":{"title":"a","title":"a"}}"#),
            "/data/worker/title",
        ),
        (
            event(r#"{"worker":{"extensions":{"a":{"b":1,"b":2}}}}"#),
            "/data/worker/extensions/a/b",
        ),
        (
            event(&format!(r#"{{"worker":{{"title":"{long}"}}}}"#)),
            "/data/worker/title",
        ),
        (
            event(&format!(
                r#"{{"worker":{{"extensions":{{"a":["{long}"]}}}}}}"#
            )),
            "/data/worker/extensions/a/0",
        ),
        (
            event(r#"{"worker":{"name":{"given":"A\u0000"}}}"#),
            "/data/worker/name/given",
        ),
        (event("{}").replace("evt-1", "evt\\u0000"), "/id"),
        (event("{}").replace("/hr/acme", "a\\u001b"), "/source"),
        (event(r#"{"supersedes":"evt\u0000"}"#), "/data/supersedes"),
    ];
    for (body, pointer) in cases {
        let parsed = read("canonical", &[], &body);
        assert!(
            pointers(&parsed).contains(&pointer),
            "{pointer}: {parsed:?}"
        );
        assert_eq!(parsed.events, [], "{body}");
    }

    let fits = format!(r#"{{"worker":{{"title":"{}"}}}}"#, "x".repeat(4096));
    assert_eq!(read("canonical", &[], &event(&fits)).error, None);
}

#[test]
fn a_vendors_item_with_a_repeated_member_or_a_long_text_holds_up_no_other_item() {
    let long = "x".repeat(5000);
    let body = format!(
        r#"{{"employees":[
            {{"id":"1","id":"1","fields":{{"Status":"Inactive"}}}},
            {{"id":"2","fields":{{"Status":"Inactive","Job Title":"{long}"}}}},
            {{"id":"3","fields":{{"Hire Date":"2026-01-01","Job Title":"{long}"}}}},
            {{"id":"4","fields":{{"Status":"Inactive","First Name":"A\u0000"}}}},
            {{"id":"5","fields":{{"Status":"Inactive","Notes":"{long}"}}}}]}}"#
    );
    let parsed = read("bamboohr", &[], &body);

    let read: Vec<_> = parsed
        .events
        .iter()
        .map(|event| {
            (
                event.content.subject.as_str(),
                event.content.kind.ends_access(),
            )
        })
        .collect();
    assert_eq!(read, [("2", true), ("4", true), ("5", true)]);
    let expected = "item 1: an object has the same member twice; \
                    item 3: the attribute title is longer than 4096 bytes";
    assert_eq!(
        parsed.error,
        Some(ContentError::Unreadable(expected.to_owned()))
    );

    let outside =
        r#"{"a":1,"a":2,"employees":[{"id":"1","fields":{"Status":"Inactive"}}]}"#.to_owned();
    assert!(read_events(&outside).is_empty());
}

fn read_events(body: &str) -> Vec<crate::event::ParsedEvent> {
    read("bamboohr", &[], body).events
}

#[test]
fn a_list_is_no_object() {
    let event = json!({
        "specversion": "1.0", "id": "evt-1", "source": "/hr/acme", "type": "hr.worker.snapshot.v1",
        "subject": "E-1", "time": "2026-11-23T09:00:00Z", "com_example": ["x"],
        "data": {
            "effective": { "date": "2026-12-01" }, "refers_to": [],
            "employments": [{ "id": "1", "department": { "id": "d1" }, "manager": { "id": "E-2" } }],
            "worker": {
                "name": { "given": "Ada" }, "department": { "id": "d1" }, "dates": {}, "job": {},
                "manager": { "id": "E-2" }, "location": {}, "phones": [], "other_emails": [{}],
                "addresses": [{ "country": "DE" }], "extensions": { "badge": [["7"]], "none": [] },
            },
        },
    });
    let is_read = |event: &serde_json::Value| {
        let (text, batch) = (event.to_string(), format!("[{event}]"));
        [text, batch].map(|body| read("canonical", &[], &body).error.is_none())
    };
    assert_eq!(is_read(&event), [true, true]);

    let mut places = Vec::new();
    collect_places(&event, String::new(), &mut places);
    places.push(String::new());
    let mut objects = 0;
    for place in places {
        if place.contains("extensions/") || !event.pointer(&place).expect("a place").is_object() {
            continue;
        }
        objects += 1;
        for list in [json!([]), json!(["x"]), json!([null])] {
            let mut wrong = event.clone();
            *wrong.pointer_mut(&place).expect("a place") = list.clone();
            // A list in place of the whole document is a batch.
            let found = is_read(&wrong);
            let expected = [place.is_empty() && list == json!([]), false];
            assert_eq!(found, expected, "{place}: {list}");
        }
    }
    assert!(objects >= 14, "only {objects}");
}
