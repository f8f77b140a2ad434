//! The limits of a body: no member twice, no endless text, no character that a database refuses.

use super::{
    ContentError,
    read_tests::{event, pointers, read},
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
