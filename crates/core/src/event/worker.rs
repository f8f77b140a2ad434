//! The attributes of a worker, as a partial document (RFC 7396) and as a flat list of changes.
//!
//! [`WorkerChanges`] is the wire form. [`WorkerChanges::flatten`] turns it into one [`Change`] for each
//! [`Attribute`], which is what the fold replays: last writer wins per attribute (fold.md 6).

use std::{collections::BTreeMap, fmt};

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Change, SourceId, WorkerId};

macro_rules! wire {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])*
            #[serde(default, skip_serializing_if = "Change::is_keep")]
            pub $field: Change<$type>,)+
        }
    };
}

wire! {
    /// What an event says of its worker: an absent member keeps, `null` clears, arrays replace whole.
    WorkerChanges {
        /// The worker's names.
        name: Name,
        /// The address at work.
        work_email: String,
        /// A private address; mapped only where a mapping asks for it.
        personal_email: String,
        /// Further addresses; `[]` clears.
        other_emails: Vec<Contact>,
        /// What HR would like the user name to be.
        username_hint: String,
        /// Telephone numbers, E.164 where possible; `[]` clears.
        phones: Vec<Contact>,
        /// Postal addresses; `[]` clears.
        addresses: Vec<Address>,
        /// Job title.
        title: String,
        /// The job in HR's catalogue.
        job: Job,
        /// Department, one value.
        department: Unit,
        /// Division, one value.
        division: Unit,
        /// Cost centre, one value.
        cost_center: Unit,
        /// Employing company, one value.
        company: Unit,
        /// Place of work, one value.
        location: Location,
        /// Manager, one value.
        manager: Manager,
        /// The number HR prints on things.
        employee_number: String,
        /// An id of the human being, across employments.
        person_id: String,
        /// Kind of worker: `employee`, `contractor`, `intern` ...; the source's own word.
        r#type: String,
        /// BCP 47 language tag.
        locale: String,
        /// Dates for mapping only: no date here moves a status.
        dates: Dates,
        /// Further attributes by name, for mapping.
        extensions: BTreeMap<String, Value>,
    }
}

wire! {
    /// The worker's names.
    Name {
        /// Given name.
        given: String,
        /// Middle name or initial.
        middle: String,
        /// Family name.
        family: String,
        /// Preferred given name.
        preferred_given: String,
        /// Preferred family name.
        preferred_family: String,
        /// The whole name as it is to be shown.
        formatted: String,
    }
}

wire! {
    /// The job in HR's catalogue.
    Job {
        /// Job code.
        code: String,
        /// Level or grade.
        level: String,
    }
}

wire! {
    /// Civil dates of the worker, for mapping only.
    Dates {
        /// First hire ever.
        original_hire: CivilDate,
        /// Start of the present employment.
        start: CivilDate,
        /// Last day worked.
        last_day: CivilDate,
        /// End of the employment.
        end: CivilDate,
    }
}

/// A civil date, `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CivilDate(#[schemars(with = "String", extend("format" = "date"))] pub Date);

macro_rules! value {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,)+
        }
    };
}

value! {
    /// A unit of the organisation.
    Unit {
        /// HR's id of it.
        id: String,
        /// Its name.
        name: String,
    }
}

value! {
    /// A place of work.
    Location {
        /// HR's id of it.
        id: String,
        /// Its name.
        name: String,
        /// ISO 3166-1 alpha-2 code.
        country: String,
        /// IANA time zone.
        time_zone: String,
    }
}

value! {
    /// A manager, by whatever HR knows of them.
    Manager {
        /// Their worker id.
        id: WorkerId,
        /// The source of that id; left out: the event's own.
        source: SourceId,
        /// Their employee number.
        employee_number: String,
        /// Their address at work.
        email: String,
    }
}

value! {
    /// A telephone number or e-mail address among several.
    Contact {
        /// `work`, `mobile`, `home` ...
        r#type: String,
        /// The number or address.
        value: String,
        /// Whether it is the one to use first.
        primary: bool,
    }
}

value! {
    /// A postal address among several.
    Address {
        /// `work`, `home` ...
        r#type: String,
        /// The whole address as printed.
        formatted: String,
        /// Street and number.
        street: String,
        /// Town.
        locality: String,
        /// State or province.
        region: String,
        /// Postal code.
        postal_code: String,
        /// ISO 3166-1 alpha-2 code.
        country: String,
        /// Whether it is the one to use first.
        primary: bool,
    }
}

/// The path of one attribute: `title`, `name.given`, `dates.end`, `extensions.badge`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attribute(String);

impl Attribute {
    /// Attributes of work: they belong to an employment where the event names one (fold.md 6).
    const OF_WORK: [&'static str; 9] = [
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

    /// An attribute by its path.
    pub fn named(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// The dotted path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot.
    pub fn group(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }

    /// Whether it belongs to an employment rather than to the worker.
    pub fn is_of_work(&self) -> bool {
        Self::OF_WORK.contains(&self.group())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Members that hold attributes rather than being one.
const GROUPS: [(&str, &[&str]); 4] = [
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
    /// One change for each attribute that is spoken of; what is kept does not appear.
    ///
    /// `"name": null` clears every attribute of the group. An empty list clears. `extensions` as a whole can
    /// be cleared (path `extensions`): that clears each extension set before.
    pub fn flatten(&self) -> Vec<(Attribute, Change<Value>)> {
        let Ok(Value::Object(members)) = serde_json::to_value(self) else {
            return Vec::new(); // a struct of strings, numbers and lists always is an object
        };
        members
            .into_iter()
            .flat_map(|(name, value)| flatten_member(name, value))
            .collect()
    }
}

fn flatten_member(name: String, value: Value) -> Vec<(Attribute, Change<Value>)> {
    let Some((_, leaves)) = GROUPS.iter().find(|(group, _)| *group == name) else {
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

    fn flat(text: &str) -> Vec<(String, Change<Value>)> {
        let changes: WorkerChanges = serde_json::from_str(text).expect("a worker");
        changes
            .flatten()
            .into_iter()
            .map(|(attribute, change)| (attribute.0, change))
            .collect()
    }

    #[test]
    fn absent_keeps_null_clears_and_a_value_sets() {
        let set = |value: &str| Change::Set(Value::from(value));
        assert_eq!(
            flat(
                r#"{"name":{"given":"Ada","family":null},"title":null,"phones":[],"employee_number":"7"}"#
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
    fn a_cleared_group_clears_each_of_its_attributes() {
        assert_eq!(
            flat(r#"{"job":null}"#),
            [
                ("job.code".into(), Change::Clear),
                ("job.level".into(), Change::Clear)
            ]
        );
        assert_eq!(
            flat(r#"{"extensions":null}"#),
            [("extensions".into(), Change::Clear)]
        );
    }

    #[test]
    fn a_unit_is_one_value() {
        let department = serde_json::json!({"id": "d1", "name": "Engineering"});
        assert_eq!(
            flat(r#"{"department":{"id":"d1","name":"Engineering"}}"#),
            [("department".into(), Change::Set(department))]
        );
    }

    #[test]
    fn the_wire_form_reads_back_what_it_writes() {
        let text = r#"{"name":{"given":"Ada","family":null},"title":null,"phones":[],"dates":{"end":"2026-12-01"}}"#;
        let changes: WorkerChanges = serde_json::from_str(text).expect("a worker");
        let again: WorkerChanges =
            serde_json::from_str(&serde_json::to_string(&changes).expect("json"))
                .expect("a worker");
        assert_eq!(again, changes);
    }
}
