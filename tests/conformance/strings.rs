//! Hooks with arbitrary strings, as intake accepts them: for the conformance of queues and stores.
//!
//! A body is built from any strings and read by the canonical preset, as intake reads it. What the
//! preset refuses is skipped; every queue and every store must keep each body that it accepts. `HIREWIRE_CASES` sets how many hooks a test makes.

use hirewire::queue::{Hook, Payload};
use hirewire_core::{
    event::{ContentDigest, HookId, SourceId},
    source::{Preset, Verified},
};
use proptest::{
    prelude::*,
    sample::select,
    strategy::{BoxedStrategy, ValueTree as _},
    test_runner::TestRunner,
};
use serde_json::{Value, json};

/// How many hooks a test makes by default.
const CASES: usize = 200;

/// Strings that databases, brokers, URLs and our own statements could take for something else.
const SPECIAL: [&str; 24] = [
    "\0",
    "a\0b",
    "\u{1}",
    "\u{1b}[2J",
    "\n",
    "\u{7f}",
    "\u{85}",
    "\u{202e}",
    "\u{feff}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{10ffff}",
    "'; DROP TABLE events; --",
    "\"\\\"",
    "$1 :id ? {now} {rows} {values}",
    "%00%2e%2e",
    "..",
    ".",
    " ",
    "a/b",
    "\u{130}\u{131}ß",
    "e\u{301}",
    "NULL",
    "\\u0000",
];

/// Any string, often a special one, and some of them at the limits of length.
fn text() -> BoxedStrategy<String> {
    let special = select(&SPECIAL[..]).prop_map(str::to_owned);
    let joined = (special.clone(), any::<String>()).prop_map(|(one, other)| one + &other);
    let long = (any::<char>(), 1_usize..=255).prop_map(|(c, n)| c.to_string().repeat(n));
    let longest = any::<char>().prop_map(|c| c.to_string().repeat(4096 / c.len_utf8()));
    prop_oneof![4 => "[a-zA-Z0-9-]{1,12}", 3 => any::<String>(), 2 => special, 1 => joined,
        1 => long, 1 => longest]
    .boxed()
}

/// Any JSON value of an extension.
fn extension() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        text().prop_map(Value::String),
        any::<f64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            proptest::collection::btree_map(text(), inner, 0..3).prop_map(|members| json!(members)),
        ]
    })
    .boxed()
}

fn event() -> impl Strategy<Value = Value> {
    let names = (text(), text(), text());
    let attributes = (text(), text(), text(), text(), extension());
    let kind = select(&["hired", "changed", "terminated", "snapshot"][..]);
    (names, attributes, kind).prop_map(|((id, source, subject), attributes, kind)| {
        let (given, title, department, employment, extension) = attributes;
        let mut data = json!({
            "worker": {
                "name": { "given": given }, "title": title,
                "department": { "id": department, "name": title },
                "phones": [{ "value": given }],
                "extensions": { department: extension },
            },
            "supersedes": title,
        });
        if kind != "snapshot" && !employment.is_empty() {
            data["employment_id"] = json!(employment);
        }
        json!({
            "specversion": "1.0", "id": id, "source": source, "subject": subject,
            "type": format!("hr.worker.{kind}.v1"), "time": "2026-11-25T03:00:00Z",
            "data": data,
        })
    })
}

#[allow(
    clippy::disallowed_methods,
    reason = "the test reads its environment for the number of cases"
)]
fn cases() -> usize {
    let cases = std::env::var("HIREWIRE_CASES").ok();
    cases.and_then(|text| text.parse().ok()).unwrap_or(CASES)
}

/// Hooks whose bodies intake accepts, each with one or two events.
pub fn accepted_hooks() -> impl Iterator<Item = Hook> {
    let cases = cases();
    let preset = Preset::named("canonical").expect("a preset");
    let bodies = proptest::collection::vec(event(), 1..3);
    let mut runner = TestRunner::default();

    let mut number = 0;
    std::iter::from_fn(move || {
        loop {
            let body = bodies.new_tree(&mut runner).expect("a body").current();
            let body = Value::from(body).to_string().into_bytes();
            let verified = Verified {
                body: &body,
                secret: None,
                event_id: None,
            };
            let parsed = preset.read(&verified, &http::HeaderMap::new(), &[]);
            if parsed.error.is_some() {
                continue;
            }

            number += 1;
            return Some(Hook {
                source: SourceId::parse("hr").expect("a source"),
                hook: HookId::parse(format!("h-{number}")).expect("a hook"),
                received: "2026-11-25T03:00:00Z".parse().expect("a time"),
                secret: None,
                digest: ContentDigest::of(&body),
                payload: Payload::Events(parsed.events),
            });
        }
    })
    .take(cases)
}
