//! The rules that a canonical event must obey beyond its shape.
//!
//! serde and the JSON Schemas check the shape of a document; [`CloudEvent::violations`] checks the
//! members that a kind requires or forbids. `source` runs it on every parsed event. The schemas of
//! `schema.rs` state the same rules for senders.

use super::{CloudEvent, Effective, Kind};

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
            (is_valid_name(&self.id), "/id", "1 to 255 bytes"),
            (is_valid_name(&self.source), "/source", "1 to 255 bytes"),
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
            .filter(|(holds, ..)| !holds)
            .map(|(_, pointer, expected)| Violation { pointer, expected })
            .collect()
    }
}

fn is_valid_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
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
