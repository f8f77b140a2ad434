//! The vocabulary of expressions: attributes of the event schema, functions, filters and tests.
//!
//! The attributes are a tree of shapes with two uses: it checks names when a mapping is compiled,
//! and it lets every known name of a person be read, even without a value.

/// The kind of value that a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text, a number or a civil date as text.
    Text,
    Boolean,
    /// A list of objects with these members.
    List(Members),
    /// An object with these members.
    Object(Members),
    /// An object with members of any name.
    Free,
}

/// Member names and their shapes.
pub(super) type Members = &'static [(&'static str, Shape)];

use Shape::{Boolean, Free, List, Object, Text};

const UNIT: Members = &[("id", Text), ("name", Text)];
const CONTACT: Members = &[("type", Text), ("value", Text), ("primary", Boolean)];
const ADDRESS: Members = &[
    ("type", Text),
    ("formatted", Text),
    ("street", Text),
    ("locality", Text),
    ("region", Text),
    ("postal_code", Text),
    ("country", Text),
    ("primary", Boolean),
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

/// The members of `worker`: the attributes of the event schema, `id` and `source`.
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

/// The members of `person`: those that do not depend on an employment.
pub(super) const PERSON: Members = &[("status", Text)];

/// The members of `employment` and of each element of `employments`.
pub(super) const EMPLOYMENT: Members = &[
    ("id", Text),
    ("start", Text),
    ("end", Text),
    ("primary", Boolean),
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

/// The names with which a path may begin.
pub(super) const ROOTS: Members = &[
    ("worker", Object(WORKER)),
    ("person", Object(PERSON)),
    ("employment", Object(EMPLOYMENT)),
    ("employments", List(EMPLOYMENT)),
];

/// The functions, called by name: `lower(worker.name.given)`.
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

/// The filters, applied with `|`: `worker.name.given | lower`.
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

/// The tests, applied with `is`: `worker.title is absent`.
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

/// The keywords of the language.
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

    /// The properties of a node, behind its references.
    fn members_of<'a>(schema: &'a Value, node: &'a Value) -> &'a serde_json::Map<String, Value> {
        let mut node = node;
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

    /// Checks the members against a node of the schema; `added` are not in the schema.
    fn assert_same_names(schema: &Value, node: &Value, members: Members, added: &[&str]) {
        let properties = members_of(schema, node);
        let mut expected: Vec<&str> = properties
            .keys()
            .map(String::as_str)
            .chain(added.iter().copied())
            .collect();

        let mut names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        expected.sort_unstable();
        names.sort_unstable();
        assert_eq!(names, expected);

        for (name, shape) in members.iter().filter(|(name, _)| !added.contains(name)) {
            let node = &properties[*name];
            match shape {
                Object(members) => assert_same_names(schema, node, members, &[]),
                List(members) => assert_same_names(schema, &node["items"], members, &[]),
                Text | Boolean | Free => assert!(node.get("items").is_none(), "{name}"),
            }
        }
    }

    #[test]
    fn the_worker_has_exactly_the_attributes_of_the_event_schema() {
        let (_, schema) = schemas().into_iter().next().expect("the envelope");
        let data = members_of(&schema, &schema["properties"]["data"]);
        assert_same_names(&schema, &data["worker"], WORKER, &["id", "source"]);
    }

    #[test]
    fn an_employment_has_exactly_the_attributes_of_work() {
        let own = ["id", "start", "end", "primary"];
        for (name, _) in EMPLOYMENT.iter().filter(|(name, _)| !own.contains(name)) {
            assert!(Attribute::named(*name).is_employment_attribute(), "{name}");
        }
        let of_work = WORKER
            .iter()
            .filter(|(name, _)| Attribute::named(*name).is_employment_attribute());
        assert_eq!(of_work.count() + own.len(), EMPLOYMENT.len());
    }

    #[test]
    fn a_misspelled_word_finds_the_nearest_candidate() {
        let names = || WORKER.iter().map(|(name, _)| *name);
        for (misspelled, meant) in [
            ("titel", "title"),
            ("work_mail", "work_email"),
            ("departement", "department"),
        ] {
            assert_eq!(nearest(misspelled, names()), Some(meant));
        }
        assert_eq!(nearest("salary", names()), None);
    }
}
