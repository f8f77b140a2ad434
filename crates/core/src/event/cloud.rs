//! The wire form: a `CloudEvents` 1.0 structured JSON document (interface.md, "Canonical event").
//!
//! These types are the one definition of it: serde reads and writes them, the JSON Schemas in `schemas/`
//! are generated from them. What a kind requires beyond its shape is [`CloudEvent::violations`].

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Boundary, Change, ContentDigest, Effective, EmploymentId, Job, Kind, Location, Manager,
    SourceId, Unit, WorkerChanges, WorkerId,
};

/// A canonical event on the wire. Further `CloudEvents` attributes are read over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloudEvent {
    /// Always `1.0`.
    pub specversion: String,
    /// The sender's id of the event; the same for a retry.
    pub id: String,
    /// Where in the sender's world it comes from; with `id` it is unique.
    pub source: String,
    /// `hr.worker.<kind>.v1`.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub kind: Kind,
    /// The worker's id at the source.
    pub subject: WorkerId,
    /// When the fact became known to HR; left out: when it was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub time: Option<Timestamp>,
    /// The fact.
    #[serde(default)]
    pub data: EventData,
}

/// What an event states.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventData {
    /// When it takes effect; left out: at `time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Effective>,
    /// The employment it is about, where the source tells employments apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employment_id: Option<EmploymentId>,
    /// Snapshots: the whole list of employments as HR has it; left out: attributes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employments: Option<Vec<EmploymentRow>>,
    /// The event that this one corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<Reference>,
    /// The events that this one is about: an ending it cancels, a revocation it lifts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refers_to: Vec<Reference>,
    /// `converted`, `identifier_changed`: the id that the worker had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_worker_id: Option<WorkerId>,
    /// What is known of the worker.
    #[serde(default, skip_serializing_if = "is_empty_worker")]
    pub worker: WorkerChanges,
    /// Operators' events: who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Operators' events: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Operators' events: the source whose worker `subject` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<SourceId>,
    /// `linked`, `unlinked`: the other worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<OtherWorker>,
}

fn is_empty_worker(worker: &WorkerChanges) -> bool {
    *worker == WorkerChanges::default()
}

/// Another worker, possibly of another source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OtherWorker {
    /// The source.
    pub source: SourceId,
    /// The worker's id there.
    pub worker_id: WorkerId,
}

/// Another event: by its id alone (same source and origin), or in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Reference {
    /// An id of the same source and origin; for an operator's event, of `on_behalf_of` and any origin.
    Id(String),
    /// The whole key.
    Key {
        /// The configured source.
        source: SourceId,
        /// The `CloudEvents` `source`.
        origin: String,
        /// The event's id.
        id: String,
    },
}

/// One row of a snapshot's list of employments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmploymentRow {
    /// The employment, where the source tells them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EmploymentId>,
    /// When it starts; a bare date means the start of that day.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "start_or_date"
    )]
    #[schemars(with = "Option<EffectiveOrDate>")]
    pub start: Option<Effective>,
    /// When it ends; a bare date means the end of that day.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "end_or_date"
    )]
    #[schemars(with = "Option<EffectiveOrDate>")]
    pub end: Option<Effective>,
    /// Whether it is the worker's main one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
    /// Kind of worker in this employment.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub r#type: Change<String>,
    /// Job title.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub title: Change<String>,
    /// The job in HR's catalogue.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub job: Change<Job>,
    /// Department.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub department: Change<Unit>,
    /// Division.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub division: Change<Unit>,
    /// Cost centre.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub cost_center: Change<Unit>,
    /// Employing company.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub company: Change<Unit>,
    /// Place of work.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub location: Change<Location>,
    /// Manager.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub manager: Change<Manager>,
}

impl EmploymentRow {
    /// The attributes of work that the row states, as a partial worker document.
    pub fn worker(&self) -> WorkerChanges {
        WorkerChanges {
            r#type: self.r#type.clone(),
            title: self.title.clone(),
            job: self.job.clone(),
            department: self.department.clone(),
            division: self.division.clone(),
            cost_center: self.cost_center.clone(),
            company: self.company.clone(),
            location: self.location.clone(),
            manager: self.manager.clone(),
            ..WorkerChanges::default()
        }
    }
}

/// An `effective`, or a bare date.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum EffectiveOrDate {
    Date(#[schemars(with = "String", extend("format" = "date"))] jiff::civil::Date),
    Effective(Effective),
}

fn start_or_date<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Effective>, D::Error> {
    effective_or_date(deserializer, Boundary::StartOfDay)
}

fn end_or_date<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Effective>, D::Error> {
    effective_or_date(deserializer, Boundary::EndOfDay)
}

fn effective_or_date<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
    boundary: Boundary,
) -> Result<Option<Effective>, D::Error> {
    Ok(
        Option::<EffectiveOrDate>::deserialize(deserializer)?.map(|stated| match stated {
            EffectiveOrDate::Date(date) => Effective::Day {
                date,
                boundary: Some(boundary),
                time_zone: None,
            },
            EffectiveOrDate::Effective(effective) => effective,
        }),
    )
}

/// One thing that a well-formed document lacks or must not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer (RFC 6901) to the member.
    pub pointer: &'static str,
    /// What is expected there.
    pub expected: String,
}

impl CloudEvent {
    /// Digest of the canonical content (its serialised form, members in their declared order).
    pub fn digest(&self) -> ContentDigest {
        // The type holds text, numbers and lists only: it always serialises.
        ContentDigest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// What its kind requires beyond the shape; empty if it is whole.
    pub fn violations(&self) -> Vec<Violation> {
        let kind = self.kind;
        let data = &self.data;
        let mut found = Vec::new();
        let mut require = |holds: bool, pointer, expected: &str| {
            if !holds {
                found.push(Violation {
                    pointer,
                    expected: expected.to_owned(),
                });
            }
        };
        require(self.specversion == "1.0", "/specversion", "`1.0`");
        require(
            !self.id.is_empty() && self.id.len() <= 255,
            "/id",
            "1 to 255 bytes",
        );
        require(
            !self.source.is_empty() && self.source.len() <= 255,
            "/source",
            "1 to 255 bytes",
        );
        require(
            !(kind.ends_access()
                && matches!(data.effective, Some(Effective::Day { boundary: None, .. }))),
            "/data/effective/boundary",
            "`start_of_day` or `end_of_day`: an ending must say which end of its date it means",
        );
        require(
            kind.names_previous_worker() == data.previous_worker_id.is_some(),
            "/data/previous_worker_id",
            if kind.names_previous_worker() {
                "the worker's earlier id"
            } else {
                "nothing: this kind has no earlier id"
            },
        );
        require(
            kind == Kind::Snapshot || data.employments.is_none(),
            "/data/employments",
            "nothing: only a snapshot lists employments",
        );
        require(
            !matches!(kind, Kind::Voided | Kind::AccessRestored) || !data.refers_to.is_empty(),
            "/data/refers_to",
            "the events that this one is about",
        );
        require(
            matches!(kind, Kind::Linked | Kind::Unlinked) == data.other.is_some(),
            "/data/other",
            if data.other.is_some() {
                "nothing: only links name another worker"
            } else {
                "the other worker"
            },
        );
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, data: &str) -> CloudEvent {
        let text = format!(
            r#"{{"specversion":"1.0","id":"evt-1","source":"/hr/acme","type":"hr.worker.{kind}.v1","subject":"E-1","time":"2026-11-23T09:00:00Z","data":{data}}}"#
        );
        serde_json::from_str(&text).expect("an event")
    }

    #[test]
    fn the_document_of_the_interface_reads_and_writes_back() {
        let read = event(
            "hired",
            r#"{"effective":{"date":"2026-12-01","boundary":"start_of_day","time_zone":"Europe/Berlin"},
                "worker":{"name":{"given":"Ada","family":"Lovelace"},"work_email":"ada@acme.example",
                          "department":{"id":"d1","name":"Engineering"},"manager":{"id":"E-1000"},"type":"employee"}}"#,
        );
        assert_eq!(read.violations(), []);
        let again: CloudEvent =
            serde_json::from_str(&serde_json::to_string(&read).expect("json")).expect("an event");
        assert_eq!((again.digest(), &again), (read.digest(), &read));
    }

    #[test]
    fn an_ending_on_a_date_must_say_which_end_of_it() {
        let ending = event("terminated", r#"{"effective":{"date":"2026-12-01"}}"#);
        assert_eq!(
            ending
                .violations()
                .first()
                .map(|violation| violation.pointer),
            Some("/data/effective/boundary")
        );
        assert_eq!(
            event("hired", r#"{"effective":{"date":"2026-12-01"}}"#).violations(),
            []
        );
    }

    #[test]
    fn a_bare_end_date_of_a_row_is_its_last_day() {
        let snapshot = event(
            "snapshot",
            r#"{"employments":[{"start":"2026-01-01","end":"2026-11-30"}]}"#,
        );
        let row = &snapshot.data.employments.expect("rows")[0];
        assert!(matches!(
            row.end,
            Some(Effective::Day {
                boundary: Some(Boundary::EndOfDay),
                ..
            })
        ));
    }

    #[test]
    fn what_only_some_kinds_carry_is_refused_on_others() {
        let pointers = |kind, data| {
            event(kind, data)
                .violations()
                .iter()
                .map(|v| v.pointer)
                .collect::<Vec<_>>()
        };
        assert_eq!(pointers("converted", "{}"), ["/data/previous_worker_id"]);
        assert_eq!(
            pointers("hired", r#"{"previous_worker_id":"E-0"}"#),
            ["/data/previous_worker_id"]
        );
        assert_eq!(pointers("voided", "{}"), ["/data/refers_to"]);
        assert_eq!(pointers("linked", "{}"), ["/data/other"]);
    }
}
