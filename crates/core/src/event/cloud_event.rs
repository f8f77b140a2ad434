//! The wire form of the canonical event: a `CloudEvents` 1.0 structured JSON document.
//!
//! These types are its only definition: serde reads and writes them, and `schemas/` is generated
//! from them. The shape is checked here; the members that a kind requires or forbids are checked in
//! `violations.rs`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ContentDigest, Effective, EmploymentId, EmploymentRow, Kind, SourceId, WorkerChanges, WorkerId,
};

/// A canonical event on the wire. Other `CloudEvents` attributes are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloudEvent {
    /// The `CloudEvents` version: always `1.0`.
    pub specversion: String,
    /// The sender's id of the event, 1 to 255 bytes without control characters; a retry has the
    /// same id.
    pub id: String,
    /// The sender's URI of the event's origin, 1 to 255 bytes without control characters. With
    /// `id` it is unique.
    pub source: String,
    /// The kind of the fact: `hr.worker.<kind>.v1`.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub kind: Kind,
    /// The worker's id at the source.
    pub subject: WorkerId,
    /// The time at which HR learned the fact; the default is the time of receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub time: Option<Timestamp>,
    /// The content of the fact.
    #[serde(default)]
    pub data: EventData,
}

/// The content of a fact. `docs/fold.md` defines its effect for each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventData {
    /// The time at which the fact takes effect; the default is `time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Effective>,
    /// The employment that the fact is about, where the source has ids of employments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employment_id: Option<EmploymentId>,
    /// `snapshot`: the complete list of employments in the HR system; the default is a snapshot of
    /// attributes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employments: Option<Vec<EmploymentRow>>,
    /// The earlier event that this event replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<EventReference>,
    /// The events that this event refers to: the ending that it cancels, the revocation that it
    /// lifts, the events that it voids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refers_to: Vec<EventReference>,
    /// `converted`, `identifier_changed`: the worker's earlier id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_worker_id: Option<WorkerId>,
    /// The changes of the worker's attributes.
    #[serde(default, skip_serializing_if = "is_empty_worker")]
    pub worker: WorkerChanges,
    /// Operators' events: the operator who stated the fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Operators' events: the reason for the audit trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Operators' events: the source that assigned the worker id in `subject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<SourceId>,
    /// `linked`, `unlinked`: the other worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<OtherWorker>,
}

fn is_empty_worker(worker: &WorkerChanges) -> bool {
    *worker == WorkerChanges::default()
}

/// The other worker of a link; it may belong to another source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OtherWorker {
    /// The source that assigned the worker id.
    pub source: SourceId,
    /// The worker's id at that source.
    pub worker_id: WorkerId,
}

/// A reference to another event: by its id alone, or by its whole key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EventReference {
    /// An id of the same source and origin. In an operator's event: an id of the `on_behalf_of`
    /// source and of any origin.
    Id(String),
    /// The whole key of the event.
    Key {
        /// The configured source of the event.
        source: SourceId,
        /// The `CloudEvents` `source` of the event.
        origin: String,
        /// The id of the event.
        id: String,
    },
}

impl CloudEvent {
    /// The digest of the serialized content, with its members in declaration order.
    pub fn digest(&self) -> ContentDigest {
        // The type has only text, numbers and lists: its serialization cannot fail.
        ContentDigest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// An event of that kind with that JSON text as its data.
    #[cfg(test)]
    pub(crate) fn example(kind: &str, data: &str) -> Self {
        let mut event = serde_json::json!({
            "specversion": "1.0", "id": "evt-1", "source": "/hr/acme",
            "type": format!("hr.worker.{kind}.v1"), "subject": "E-1",
            "time": "2026-11-23T09:00:00Z",
        });
        event["data"] = serde_json::from_str(data).expect("JSON");
        serde_json::from_value(event).expect("an event")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_reads_back_from_its_serialization() {
        let event = CloudEvent::example(
            "hired",
            r#"{"effective":{"date":"2026-12-01","boundary":"start_of_day",
                             "time_zone":"Europe/Berlin"},
                "worker":{"name":{"given":"Ada","family":"Lovelace"},
                          "work_email":"ada@acme.example",
                          "department":{"id":"d1","name":"Engineering"},
                          "manager":{"id":"E-1000"},"type":"employee"}}"#,
        );
        assert_eq!(event.violations(), []);

        let text = serde_json::to_string(&event).expect("json");
        let again: CloudEvent = serde_json::from_str(&text).expect("an event");
        assert_eq!((again.digest(), &again), (event.digest(), &event));
    }
}
