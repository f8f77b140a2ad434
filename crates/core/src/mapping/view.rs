//! A person as expressions read them: `worker`, `person`, `employment` and `employments`.
//!
//! Every name of the vocabulary can be read. A name without a value is absent: none, or an empty
//! list or object whose members are absent in turn. Unknown names are found when the mapping is
//! compiled. There is no clock, so a result changes only with the facts.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use minijinja::value::{Enumerator, Object, ObjectRepr, Serde, Value};
use serde_json::Value as Json;

use super::{
    json_value::present,
    main_employment::{main_employment, shown_employments},
    vocabulary::{EMPLOYMENT, Members, PERSON, Shape, WORKER},
};
use crate::{
    event::{Alias, Attribute, Moment},
    fold::{Employment, Person},
};

/// The values of one person that expressions can read.
#[derive(Debug)]
pub(super) struct View {
    root: Value,
    absence: AbsenceFlag,
}

/// Whether an evaluation read an absent value; shared by all values of a view.
type AbsenceFlag = Arc<AtomicBool>;

/// The tables of the `lookup` function by name, each from key to value.
pub(super) type Tables = BTreeMap<String, BTreeMap<String, Json>>;

impl View {
    /// The view of a person. If no employment decides, `worker.id` is an alias of one of `sources`,
    /// the connection's sources.
    pub(super) fn of(person: &Person, sources: &[String], tables: &Tables) -> Self {
        let main = main_employment(person);
        let worker = worker(person, main.map(|employment| &employment.alias), sources);
        let status = serde_json::to_value(person.status).unwrap_or_default();
        let employments: Vec<Json> = shown_employments(person).map(employment_json).collect();

        let absence = AbsenceFlag::default();
        let show =
            |shape, json| value(shape, json, &absence).unwrap_or_else(|| absent(shape, &absence));
        let root = minijinja::context! {
            worker => show(Shape::Object(WORKER), worker),
            person => show(Shape::Object(PERSON), serde_json::json!({ "status": status })),
            employment => show(Shape::Object(EMPLOYMENT), main.map_or(Json::Null, employment_json)),
            employments => show(Shape::List(EMPLOYMENT), Json::Array(employments)),
            tables => Value::from(Serde(tables)),
        };

        Self { root, absence }
    }

    /// The root value of an evaluation; its members are the names of the vocabulary.
    pub(super) fn root(&self) -> Value {
        self.root.clone()
    }

    /// Forgets the absent values that an earlier evaluation read.
    pub(super) fn reset_absence(&self) {
        self.absence.store(false, Ordering::Relaxed);
    }

    /// Whether an absent value was read since the last reset.
    pub(super) fn absence_was_read(&self) -> bool {
        self.absence.load(Ordering::Relaxed)
    }
}

/// `worker`: the person's attributes, with `id` and `source` of the main employment's alias.
///
/// Without a main employment the first alias from the connection's `sources` is used.
fn worker(person: &Person, main: Option<&Alias>, sources: &[String]) -> Json {
    let is_from_sources = |alias: &&Alias| {
        sources.is_empty() || sources.iter().any(|source| source == alias.source.as_str())
    };
    let alias = main
        .or_else(|| person.aliases.iter().find(is_from_sources))
        .or_else(|| person.aliases.first());

    let mut worker = nested(&person.attributes);
    if let Some(alias) = alias {
        worker.insert("id".into(), alias.worker.as_str().into());
        worker.insert("source".into(), alias.source.as_str().into());
    }

    Json::Object(worker)
}

/// Attributes such as `name.given` as nested objects.
fn nested(attributes: &BTreeMap<Attribute, Json>) -> serde_json::Map<String, Json> {
    let mut members = serde_json::Map::new();
    for (attribute, value) in attributes {
        let Some((group, name)) = attribute.as_str().split_once('.') else {
            members.insert(attribute.as_str().to_owned(), value.clone());
            continue;
        };

        let group = members
            .entry(group)
            .or_insert_with(|| Json::Object(serde_json::Map::new()));
        if let Json::Object(group) = group {
            group.insert(name.to_owned(), value.clone());
        }
    }

    members
}

fn employment_json(employment: &Employment) -> Json {
    let mut members = nested(&employment.attributes);
    let id = employment.id.as_ref().map(|id| Json::from(id.as_str()));
    let last_day = employment.end.and_then(|end| last_day(&end));

    let known = [
        ("id", id),
        ("start", employment.start.map(|start| first_day(&start))),
        ("end", last_day),
    ];

    members.extend(
        known
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))),
    );

    members.insert("primary".into(), employment.primary.into());
    Json::Object(members)
}

/// The civil day of the start. A start without a day has the day of its instant in UTC.
fn first_day(start: &Moment) -> Json {
    let day = start
        .day
        .unwrap_or_else(|| jiff::tz::TimeZone::UTC.to_datetime(start.instant).date());
    day.to_string().into()
}

/// The last civil day of the employment: the day before the stored end, which is exclusive. An end
/// without a day has the UTC day of its last nanosecond.
fn last_day(end: &Moment) -> Option<Json> {
    let day = if let Some(after) = end.day {
        after.yesterday().ok()?
    } else {
        let last = end
            .instant
            .checked_sub(jiff::SignedDuration::from_nanos(1))
            .ok()?;
        jiff::tz::TimeZone::UTC.to_datetime(last).date()
    };
    Some(day.to_string().into())
}

/// The JSON as a value of its shape; `None`: it is absent.
fn value(shape: Shape, json: Json, absence: &AbsenceFlag) -> Option<Value> {
    match (shape, present(json)?) {
        (Shape::Object(members), Json::Object(values)) => {
            let shape_of = |name: &str| {
                members
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map_or(Shape::Free, |(_, shape)| *shape)
            };
            let values = values.into_iter().filter_map(|(name, json)| {
                Some((name.clone(), value(shape_of(&name), json, absence)?))
            });
            Some(Value::from_object(ObjectView {
                members: Some(members),
                values: values.collect(),
                absence: absence.clone(),
            }))
        }
        (Shape::List(members), Json::Array(elements)) => {
            let elements = elements
                .into_iter()
                .filter_map(|element| value(Shape::Object(members), element, absence));
            Some(Value::from_object(ListView {
                members,
                elements: elements.collect(),
                absence: absence.clone(),
            }))
        }
        (Shape::Free, Json::Object(values)) => {
            let values = values
                .into_iter()
                .filter_map(|(name, json)| Some((name, value(Shape::Free, json, absence)?)));
            Some(Value::from_object(ObjectView {
                members: None,
                values: values.collect(),
                absence: absence.clone(),
            }))
        }
        (Shape::Free | Shape::Text | Shape::Boolean | Shape::Object(_) | Shape::List(_), other) => {
            Some(Value::from(Serde(other)))
        }
    }
}

/// The value that stands for an absent value of this shape.
fn absent(shape: Shape, absence: &AbsenceFlag) -> Value {
    match shape {
        Shape::Text | Shape::Boolean => Value::from(()),
        Shape::List(members) => Value::from_object(ListView {
            members,
            elements: Vec::new(),
            absence: absence.clone(),
        }),
        Shape::Object(members) => Value::from_object(ObjectView {
            members: Some(members),
            values: BTreeMap::new(),
            absence: absence.clone(),
        }),
        Shape::Free => Value::from_object(ObjectView {
            members: None,
            values: BTreeMap::new(),
            absence: absence.clone(),
        }),
    }
}

/// An object. Members without a value are absent; `members` are the known names, `None`: any name.
#[derive(Debug)]
struct ObjectView {
    members: Option<Members>,
    values: BTreeMap<String, Value>,
    absence: AbsenceFlag,
}

impl Object for ObjectView {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let Some(value) = self.values.get(name) {
            return Some(value.clone());
        }

        let absent = match self.members {
            None => Value::from(()),
            Some(members) => {
                let (_, shape) = members.iter().find(|(known, _)| *known == name)?;
                absent(*shape, &self.absence)
            }
        };

        self.absence.store(true, Ordering::Relaxed);
        Some(absent)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.values
                .keys()
                .map(|name| Value::from(name.as_str()))
                .collect(),
        )
    }
}

/// A list. An element beyond its end is an object whose members are absent.
#[derive(Debug)]
struct ListView {
    members: Members,
    elements: Vec<Value>,
    absence: AbsenceFlag,
}

impl Object for ListView {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let element = self.elements.get(key.as_usize()?).cloned();
        element.or_else(|| {
            self.absence.store(true, Ordering::Relaxed);
            Some(absent(Shape::Object(self.members), &self.absence))
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.elements.len())
    }
}
