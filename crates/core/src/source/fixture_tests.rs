//! The fixtures of the presets: `tests/cases/sources/<preset>/<name>` has a request and its events.
//!
//! `request.http` has headers, a blank line and the body. `events.json` has the expected result.

use std::{fs, path::Path};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{ContentError, ParsedBody, Preset, Verified};

/// The result in the form of `events.json`.
fn to_json(parsed: &ParsedBody) -> Value {
    let events: Vec<_> = parsed
        .events
        .iter()
        .map(|event| json!({ "identity": event.id_derivation, "content": event.content }))
        .collect();
    let mut document = json!({ "events": events });
    if let Some(ContentError::Unreadable(reason)) = &parsed.error {
        document["unreadable"] = json!(reason);
    }

    for (name, count) in [
        ("dropped", parsed.dropped),
        ("unnormalized_phones", parsed.unnormalized_phones),
    ] {
        if count > 0 {
            document[name] = json!(count);
        }
    }
    document
}

struct Case {
    name: String,
    preset: Preset,
    headers: HeaderMap,
    body: String,
    expected: Value,
}

#[allow(
    clippy::disallowed_methods,
    reason = "the fixtures are files of the repository"
)]
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
    fn read(&self) -> ParsedBody {
        let verified = Verified {
            body: self.body.as_bytes(),
            secret: None,
            event_id: None,
        };
        self.preset.read(&verified, &self.headers, &[])
    }
}

#[test]
fn each_fixture_reads_as_its_events_file() {
    let cases = cases();
    assert!(cases.len() > 20);
    for case in cases {
        let actual = to_json(&case.read());
        assert_eq!(actual, case.expected, "{}\n{actual:#}", case.name);
    }
}

#[test]
fn a_retry_and_a_later_reading_with_the_retained_headers_give_the_same_events() {
    for case in cases() {
        let retained: Vec<_> = case
            .preset
            .retained_headers()
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
            case.preset.read_again(case.body.as_bytes(), &retained, &[]),
            case.read(),
            "{}",
            case.name
        );
    }
}

#[test]
fn sensitive_fields_of_a_vendor_never_leave_the_body() {
    for case in cases() {
        let text = to_json(&case.read()).to_string();
        for sensitive in ["80000", "078-05-1120", "1990-12-10", "Female", "10000.0"] {
            assert!(!text.contains(sensitive), "{sensitive} in {}", case.name);
        }
    }
}
