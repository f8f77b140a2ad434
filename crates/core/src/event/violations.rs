//! The rules that a canonical event must obey beyond its shape.
//!
//! serde and the JSON Schemas check the shape of a document; [`CloudEvent::violations`] checks the
//! members that a kind requires or forbids. `source` runs it on every parsed event. The schemas of
//! `schema.rs` state the same rules for senders.

use super::{CloudEvent, Effective, EventData, EventReference, Kind};

const NAME: &str = "1 to 255 bytes, none of them a control character";
const NAMES: &str = "ids of 1 to 255 bytes, without control characters";

/// One rule that a well-formed document breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// JSON pointer (RFC 6901) to the member.
    pub(crate) pointer: &'static str,
    /// The value that the rule expects there, in words.
    pub(crate) expected: &'static str,
}

impl CloudEvent {
    /// The broken rules, in the order of the document; empty for a valid event.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        let kind = self.kind;
        let data = &self.data;
        let lacks_boundary = matches!(data.effective, Some(Effective::Day { boundary: None, .. }));
        let needs_references = matches!(kind, Kind::Voided | Kind::AccessRestored);
        let is_link = matches!(kind, Kind::Linked | Kind::Unlinked);

        let rules = [
            (self.specversion == "1.0", "/specversion", "`1.0`"),
            (is_valid_name(&self.id), "/id", NAME),
            (is_valid_name(&self.source), "/source", NAME),
            (
                !(kind.ends_access() && lacks_boundary),
                "/data/effective/boundary",
                "`start_of_day` or `end_of_day`: an ending must state the boundary of its date",
            ),
            (
                kind.names_previous_worker() == data.previous_worker_id.is_some(),
                "/data/previous_worker_id",
                if kind.names_previous_worker() {
                    "the worker's earlier id"
                } else {
                    "nothing: this kind has no earlier id"
                },
            ),
            (
                kind == Kind::Snapshot || data.employments.is_none(),
                "/data/employments",
                "nothing: only a snapshot lists employments",
            ),
            (
                !needs_references || !data.refers_to.is_empty(),
                "/data/refers_to",
                "the events that this event refers to",
            ),
            (
                is_link == data.other.is_some(),
                "/data/other",
                if is_link {
                    "the other worker"
                } else {
                    "nothing: only links have another worker"
                },
            ),
        ];

        rules
            .into_iter()
            .chain(reference_rules(data))
            .filter(|(holds, ..)| !holds)
            .map(|(_, pointer, expected)| Violation { pointer, expected })
            .collect()
    }
}

/// Whether the text can be the id of an event or of its origin. A database refuses a NUL, and no
/// operator can read or type a control character.
pub(crate) fn is_valid_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// The rules of the references to other events.
fn reference_rules(data: &EventData) -> [(bool, &'static str, &'static str); 2] {
    let are_valid =
        |mut references: std::slice::Iter<'_, EventReference>| references.all(is_valid_reference);
    [
        (
            are_valid(data.supersedes.as_slice().iter()),
            "/data/supersedes",
            NAMES,
        ),
        (are_valid(data.refers_to.iter()), "/data/refers_to", NAMES),
    ]
}

fn is_valid_reference(reference: &EventReference) -> bool {
    match reference {
        EventReference::Id(id) => is_valid_name(id),
        EventReference::Key { origin, id, .. } => is_valid_name(origin) && is_valid_name(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(kind: &str, data: &str) -> Vec<&'static str> {
        let event = CloudEvent::example(kind, data);
        let violations = event.violations();
        violations
            .iter()
            .map(|violation| violation.pointer)
            .collect()
    }

    #[test]
    fn an_ending_on_a_date_must_state_its_boundary() {
        let date = r#"{"effective":{"date":"2026-12-01"}}"#;
        assert_eq!(
            pointers("terminated", date).first(),
            Some(&"/data/effective/boundary")
        );
        assert!(pointers("hired", date).is_empty());
    }

    #[test]
    fn an_id_is_short_and_has_no_control_character() {
        let refused = |id: &str, source: &str| {
            let mut event = CloudEvent::example("hired", "{}");
            (event.id, event.source) = (id.to_owned(), source.to_owned());
            let violations = event.violations();
            violations
                .iter()
                .map(|violation| violation.pointer)
                .collect::<Vec<_>>()
        };

        for wrong in ["", "a\0b", "a\nb", "\u{7f}", "\u{85}", "\u{1b}[2J"] {
            assert_eq!(refused(wrong, "/hr"), ["/id"], "{wrong:?}");
            assert_eq!(refused("evt-1", wrong), ["/source"], "{wrong:?}");
        }
        assert_eq!(refused(&"é".repeat(127), "/hr é 漢 \u{10ffff}"), [""; 0]);
        assert_eq!(refused(&"é".repeat(128), "/hr"), ["/id"]);

        for data in [
            r#"{"supersedes":"a\u0000"}"#,
            r#"{"supersedes":{"source":"hr","origin":"\u0000","id":"a"}}"#,
        ] {
            assert_eq!(pointers("changed", data), ["/data/supersedes"]);
        }
        assert_eq!(
            pointers("termination_cancelled", r#"{"refers_to":["a","\u0001"]}"#),
            ["/data/refers_to"]
        );
    }

    #[test]
    fn a_member_of_some_kinds_is_required_there_and_refused_elsewhere() {
        assert_eq!(pointers("converted", "{}"), ["/data/previous_worker_id"]);
        assert_eq!(
            pointers("hired", r#"{"previous_worker_id":"E-0"}"#),
            ["/data/previous_worker_id"]
        );
        assert_eq!(pointers("voided", "{}"), ["/data/refers_to"]);
        assert_eq!(pointers("linked", "{}"), ["/data/other"]);
    }
}
