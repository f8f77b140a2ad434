//! Every name an expression may use: the attributes of the event schema, the filters, tests and functions.
//!
//! A tree of shapes, used twice: to check names when a mapping is compiled, and to show a person so that every known
//! name is there even where nothing is known of it.

/// What is behind a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text, a number or a civil date as text.
    Text,
    /// Yes or no.
    Flag,
    /// Elements, each with these members.
    List(Members),
    /// One value with these members.
    Object(Members),
    /// Members of any name.
    Free,
}

/// Named shapes.
pub(super) type Members = &'static [(&'static str, Shape)];

use Shape::{Flag, Free, List, Object, Text};

const UNIT: Members = &[("id", Text), ("name", Text)];
const CONTACT: Members = &[("type", Text), ("value", Text), ("primary", Flag)];
const ADDRESS: Members = &[
    ("type", Text),
    ("formatted", Text),
    ("street", Text),
    ("locality", Text),
    ("region", Text),
    ("postal_code", Text),
    ("country", Text),
    ("primary", Flag),
];
const NAME: Members = &[
    ("given", Text),
    ("middle", Text),
    ("family", Text),
    ("preferred_given", Text),
    ("preferred_family", Text),
    ("formatted", Text),
];
const JOB: Members = &[("code", Text), ("level", Text)];
const LOCATION: Members = &[
    ("id", Text),
    ("name", Text),
    ("country", Text),
    ("time_zone", Text),
];
const MANAGER: Members = &[
    ("id", Text),
    ("source", Text),
    ("employee_number", Text),
    ("email", Text),
];
const DATES: Members = &[
    ("original_hire", Text),
    ("start", Text),
    ("last_day", Text),
    ("end", Text),
];

/// What `worker` has.
pub(super) const WORKER: Members = &[
    ("id", Text),
    ("source", Text),
    ("name", Object(NAME)),
    ("work_email", Text),
    ("personal_email", Text),
    ("other_emails", List(CONTACT)),
    ("username_hint", Text),
    ("phones", List(CONTACT)),
    ("addresses", List(ADDRESS)),
    ("title", Text),
    ("job", Object(JOB)),
    ("department", Object(UNIT)),
    ("division", Object(UNIT)),
    ("cost_center", Object(UNIT)),
    ("company", Object(UNIT)),
    ("location", Object(LOCATION)),
    ("manager", Object(MANAGER)),
    ("employee_number", Text),
    ("person_id", Text),
    ("type", Text),
    ("locale", Text),
    ("dates", Object(DATES)),
    ("extensions", Free),
];

/// What `person` has.
pub(super) const PERSON: Members = &[("status", Text)];

/// What `employment` and each of `employments` have.
pub(super) const EMPLOYMENT: Members = &[
    ("id", Text),
    ("start", Text),
    ("end", Text),
    ("primary", Flag),
    ("title", Text),
    ("department", Object(UNIT)),
    ("division", Object(UNIT)),
    ("cost_center", Object(UNIT)),
    ("company", Object(UNIT)),
    ("location", Object(LOCATION)),
    ("manager", Object(MANAGER)),
    ("type", Text),
    ("job", Object(JOB)),
];

/// What an expression may begin with.
pub(super) const ROOTS: Members = &[
    ("worker", Object(WORKER)),
    ("person", Object(PERSON)),
    ("employment", Object(EMPLOYMENT)),
    ("employments", List(EMPLOYMENT)),
];

/// Functions, called by name: `lower(worker.name.given)`.
pub(super) const FUNCTIONS: [&str; 16] = [
    "ascii",
    "coalesce",
    "concat",
    "date",
    "default",
    "initials",
    "join",
    "left",
    "lookup",
    "lower",
    "replace",
    "right",
    "slug",
    "trim",
    "unix_seconds",
    "upper",
];

/// Filters, after a bar: `worker.name.given | lower`.
pub(super) const FILTERS: [&str; 32] = [
    "abs",
    "ascii",
    "count",
    "d",
    "date",
    "default",
    "first",
    "initials",
    "int",
    "join",
    "last",
    "left",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "right",
    "round",
    "select",
    "selectattr",
    "slug",
    "sort",
    "split",
    "trim",
    "unique",
    "unix_seconds",
    "upper",
];

/// Tests, after `is`: `worker.title is absent`.
pub(super) const TESTS: [&str; 20] = [
    "absent",
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "float",
    "in",
    "integer",
    "iterable",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "undefined",
];

/// Words of the language itself.
pub(super) const KEYWORDS: [&str; 13] = [
    "and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None",
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        event::{Attribute, schemas},
        suggest::nearest,
    };

    fn members_of<'a>(schema: &'a Value, of: &'a Value) -> &'a serde_json::Map<String, Value> {
        let mut node = of;
        loop {
            if let Some(options) = node.get("anyOf").and_then(Value::as_array) {
                node = &options[0];
            } else if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
                node = schema
                    .pointer(reference.trim_start_matches('#'))
                    .expect("a definition");
            } else {
                return node["properties"].as_object().expect("members");
            }
        }
    }

    fn same_names(schema: &Value, of: &Value, ours: Members, beside: &[&str]) {
        let theirs = members_of(schema, of);
        let mut expected: Vec<&str> = theirs
            .keys()
            .map(String::as_str)
            .chain(beside.iter().copied())
            .collect();
        let mut names: Vec<&str> = ours.iter().map(|(name, _)| *name).collect();
        expected.sort_unstable();
        names.sort_unstable();
        assert_eq!(names, expected);
        for (name, shape) in ours.iter().filter(|(name, _)| !beside.contains(name)) {
            let node = &theirs[*name];
            match shape {
                Object(members) => same_names(schema, node, members, &[]),
                List(members) => same_names(schema, &node["items"], members, &[]),
                Text | Flag | Free => assert!(node.get("items").is_none(), "{name}"),
            }
        }
    }

    #[test]
    fn the_worker_has_exactly_the_attributes_of_the_event_schema() {
        let (_, schema) = schemas().into_iter().next().expect("the envelope");
        let data = members_of(&schema, &schema["properties"]["data"]);
        same_names(&schema, &data["worker"], WORKER, &["id", "source"]);
    }

    #[test]
    fn an_employment_has_exactly_the_attributes_of_work() {
        let own = ["id", "start", "end", "primary"];
        for (name, _) in EMPLOYMENT.iter().filter(|(name, _)| !own.contains(name)) {
            assert!(Attribute::named(*name).is_of_work(), "{name}");
        }
        let of_work = WORKER
            .iter()
            .filter(|(name, _)| Attribute::named(*name).is_of_work());
        assert_eq!(of_work.count() + own.len(), EMPLOYMENT.len());
    }

    #[test]
    fn a_slip_of_the_hand_finds_the_word_that_was_meant() {
        let names = || WORKER.iter().map(|(name, _)| *name);
        for (slip, meant) in [
            ("titel", "title"),
            ("work_mail", "work_email"),
            ("departement", "department"),
        ] {
            assert_eq!(nearest(slip, names()), Some(meant));
        }
        assert_eq!(nearest("salary", names()), None);
    }
}
