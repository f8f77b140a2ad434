//! The attribute paths of a worker, and the flat list of changes that the fold replays.
//!
//! [`WorkerChanges::flatten`] turns the nested document into one [`Change`] for each [`Attribute`],
//! because the last writer wins for each attribute alone (docs/fold.md, section 6). It neither
//! orders nor merges changes.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Change, WorkerChanges};

/// The path of one attribute: `title`, `name.given`, `dates.end`, `extensions.badge`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attribute(String);

impl Attribute {
    /// Roots of the attributes that belong to an employment, if the event names one
    /// (docs/fold.md, section 6).
    const EMPLOYMENT_ROOTS: [&'static str; 9] = [
        "title",
        "department",
        "division",
        "cost_center",
        "company",
        "location",
        "manager",
        "type",
        "job",
    ];

    /// The attribute with that dotted path; the path is not checked.
    pub fn named(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// The dotted path: `name.given`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot: `name` of `name.given`.
    pub(crate) fn root(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }

    /// Whether it belongs to an employment if the event names one, not to the worker.
    pub(crate) fn is_employment_attribute(&self) -> bool {
        Self::EMPLOYMENT_ROOTS.contains(&self.root())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The members that contain attributes, with the names of these; `extensions` has any names.
const COMPLEX_MEMBERS: [(&str, &[&str]); 4] = [
    (
        "name",
        &[
            "given",
            "middle",
            "family",
            "preferred_given",
            "preferred_family",
            "formatted",
        ],
    ),
    ("job", &["code", "level"]),
    ("dates", &["original_hire", "start", "last_day", "end"]),
    ("extensions", &[]),
];

impl WorkerChanges {
    /// The changes of single attributes; a kept attribute is not in the list.
    ///
    /// `"name": null` clears every attribute below `name`, and an empty list clears its attribute.
    /// `"extensions": null` becomes one change with the path `extensions`: it clears every
    /// extension.
    pub fn flatten(&self) -> Vec<(Attribute, Change<Value>)> {
        let Ok(Value::Object(members)) = serde_json::to_value(self) else {
            return Vec::new(); // a struct always serializes to an object
        };
        members
            .into_iter()
            .flat_map(|(name, value)| flatten_member(name, value))
            .collect()
    }
}

fn flatten_member(name: String, value: Value) -> Vec<(Attribute, Change<Value>)> {
    let complex = COMPLEX_MEMBERS.iter().find(|(root, _)| *root == name);
    let Some((_, leaves)) = complex else {
        return vec![(Attribute(name), change_of(value))];
    };

    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(leaf, value)| (Attribute(format!("{name}.{leaf}")), change_of(value)))
            .collect(),
        Value::Null if leaves.is_empty() => vec![(Attribute(name), Change::Clear)],
        Value::Null => leaves
            .iter()
            .map(|leaf| (Attribute(format!("{name}.{leaf}")), Change::Clear))
            .collect(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Vec::new(),
    }
}

fn change_of(value: Value) -> Change<Value> {
    match value {
        Value::Null => Change::Clear,
        Value::Array(elements) if elements.is_empty() => Change::Clear,
        Value::Object(members) if members.is_empty() => Change::Clear,
        value @ (Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_)) => Change::Set(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flatten(text: &str) -> Vec<(String, Change<Value>)> {
        let changes: WorkerChanges = serde_json::from_str(text).expect("a worker");
        changes
            .flatten()
            .into_iter()
            .map(|(attribute, change)| (attribute.0, change))
            .collect()
    }

    #[test]
    fn an_absent_member_keeps_null_clears_and_a_value_sets() {
        let set = |value: &str| Change::Set(Value::from(value));

        assert_eq!(
            flatten(
                r#"{"name":{"given":"Ada","family":null},"title":null,"phones":[],
                    "employee_number":"7"}"#
            ),
            [
                ("employee_number".into(), set("7")),
                ("name.family".into(), Change::Clear),
                ("name.given".into(), set("Ada")),
                ("phones".into(), Change::Clear),
                ("title".into(), Change::Clear),
            ]
        );
    }

    #[test]
    fn a_null_complex_member_clears_each_of_its_attributes() {
        assert_eq!(
            flatten(r#"{"job":null}"#),
            [
                ("job.code".into(), Change::Clear),
                ("job.level".into(), Change::Clear)
            ]
        );
        assert_eq!(
            flatten(r#"{"extensions":null}"#),
            [("extensions".into(), Change::Clear)]
        );
    }

    #[test]
    fn a_unit_is_one_attribute() {
        let department = serde_json::json!({"id": "d1", "name": "Engineering"});
        assert_eq!(
            flatten(r#"{"department":{"id":"d1","name":"Engineering"}}"#),
            [("department".into(), Change::Set(department))]
        );
    }

    #[test]
    fn worker_changes_read_back_from_their_serialization() {
        let text = r#"{"name":{"given":"Ada","family":null},"title":null,"phones":[],
                       "dates":{"end":"2026-12-01"}}"#;
        let changes: WorkerChanges = serde_json::from_str(text).expect("a worker");
        let again: WorkerChanges =
            serde_json::from_str(&serde_json::to_string(&changes).expect("json"))
                .expect("a worker");
        assert_eq!(again, changes);
    }
}
