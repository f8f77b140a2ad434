//! A person as expressions see them: `worker`, `person`, `employment`, `employments`; no clock.
//!
//! Every name of the vocabulary is there; what is not known of this person is none (in lists and objects: empty), so
//! only a wrong name is an error, and that one was found when the mapping was compiled.

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
    expression::present,
    main_employment::{main_employment, shown_employments},
    vocabulary::{EMPLOYMENT, Members, PERSON, Shape, WORKER},
};
use crate::{
    event::{Alias, Attribute, Moment},
    fold::{Employment, Person},
};

/// What expressions see of one person.
#[derive(Debug)]
pub(super) struct View {
    root: Value,
    watch: Watch,
}

/// Whether something absent was read since the last start.
type Watch = Arc<AtomicBool>;

/// Lookup tables by name.
pub(super) type Tables = BTreeMap<String, BTreeMap<String, Json>>;

impl View {
    /// Shows the person; `sources` are those of the connection, and an alias of theirs is `worker.id`.
    pub(super) fn of(person: &Person, sources: &[String], tables: &Tables) -> Self {
        let watch = Watch::default();
        let main = main_employment(person);
        let worker = worker(person, main.map(|employment| &employment.alias), sources);
        let status = serde_json::to_value(person.status).unwrap_or_default();
        let employments: Vec<Json> = shown_employments(person).map(employment_json).collect();
        let show =
            |shape, json| shown(shape, json, &watch).unwrap_or_else(|| absent(shape, &watch));
        let root = minijinja::context! {
            worker => show(Shape::Object(WORKER), worker),
            person => show(Shape::Object(PERSON), serde_json::json!({ "status": status })),
            employment => show(Shape::Object(EMPLOYMENT), main.map_or(Json::Null, employment_json)),
            employments => show(Shape::List(EMPLOYMENT), Json::Array(employments)),
            tables => Value::from(Serde(tables)),
        };
        Self { root, watch }
    }

    /// The context of an evaluation.
    pub(super) fn root(&self) -> Value {
        self.root.clone()
    }

    /// Begins to watch for what is absent.
    pub(super) fn start(&self) {
        self.watch.store(false, Ordering::Relaxed);
    }

    /// Whether something absent was read since the start.
    pub(super) fn met_absent(&self) -> bool {
        self.watch.load(Ordering::Relaxed)
    }
}

/// The attributes as nested objects, with `id` and `source` of the alias.
fn worker(person: &Person, main: Option<&Alias>, sources: &[String]) -> Json {
    let fed = |alias: &&Alias| {
        sources.is_empty() || sources.iter().any(|source| source == alias.source.as_str())
    };
    let alias = main
        .or_else(|| person.aliases.iter().find(fed))
        .or_else(|| person.aliases.first());
    let mut worker = nested(&person.attributes);
    if let Some(alias) = alias {
        worker.insert("id".into(), alias.worker.as_str().into());
        worker.insert("source".into(), alias.source.as_str().into());
    }
    Json::Object(worker)
}

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
    let told = [
        ("id", id),
        ("start", employment.start.map(|start| first_day(&start))),
        ("end", last_day),
    ];
    members.extend(
        told.into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))),
    );
    members.insert("primary".into(), employment.primary.into());
    Json::Object(members)
}

/// The civil day it starts; of an instant, its day in UTC.
fn first_day(start: &Moment) -> Json {
    let day = start
        .day
        .unwrap_or_else(|| jiff::tz::TimeZone::UTC.to_datetime(start.instant).date());
    day.to_string().into()
}

/// The last civil day of it: an end is stored as the first day after; of an instant, the last day in UTC it reaches.
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

/// The value as its shape says; `None`: nothing is known.
fn shown(shape: Shape, json: Json, watch: &Watch) -> Option<Value> {
    match (shape, present(json)?) {
        (Shape::Object(members), Json::Object(values)) => {
            let kind = |name: &str| {
                members
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map_or(Shape::Free, |(_, s)| *s)
            };
            let values = values.into_iter().filter_map(|(name, value)| {
                Some((name.clone(), shown(kind(&name), value, watch)?))
            });
            Some(Value::from_object(Known {
                members: Some(members),
                values: values.collect(),
                watch: watch.clone(),
            }))
        }
        (Shape::List(members), Json::Array(elements)) => {
            let elements = elements
                .into_iter()
                .filter_map(|element| shown(Shape::Object(members), element, watch));
            Some(Value::from_object(Elements {
                members,
                there: elements.collect(),
                watch: watch.clone(),
            }))
        }
        (Shape::Free, Json::Object(values)) => {
            let values = values
                .into_iter()
                .filter_map(|(name, value)| Some((name, shown(Shape::Free, value, watch)?)));
            Some(Value::from_object(Known {
                members: None,
                values: values.collect(),
                watch: watch.clone(),
            }))
        }
        (Shape::Free | Shape::Text | Shape::Flag | Shape::Object(_) | Shape::List(_), other) => {
            Some(Value::from(Serde(other)))
        }
    }
}

/// What stands for something of this shape that is not known.
fn absent(shape: Shape, watch: &Watch) -> Value {
    match shape {
        Shape::Text | Shape::Flag => Value::from(()),
        Shape::List(members) => Value::from_object(Elements {
            members,
            there: Vec::new(),
            watch: watch.clone(),
        }),
        Shape::Object(members) => Value::from_object(Known {
            members: Some(members),
            values: BTreeMap::new(),
            watch: watch.clone(),
        }),
        Shape::Free => Value::from_object(Known {
            members: None,
            values: BTreeMap::new(),
            watch: watch.clone(),
        }),
    }
}

/// An object that has every member of the vocabulary, or any at all; those without a value are absent.
#[derive(Debug)]
struct Known {
    members: Option<Members>,
    values: BTreeMap<String, Value>,
    watch: Watch,
}

impl Object for Known {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let Some(value) = self.values.get(name) {
            return Some(value.clone());
        }
        let absent = match self.members {
            None => Value::from(()),
            Some(members) => {
                let (_, shape) = members.iter().find(|(known, _)| *known == name)?;
                absent(*shape, &self.watch)
            }
        };
        self.watch.store(true, Ordering::Relaxed);
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

/// A list; beyond its end are elements of which nothing is known.
#[derive(Debug)]
struct Elements {
    members: Members,
    there: Vec<Value>,
    watch: Watch,
}

impl Object for Elements {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let element = self.there.get(key.as_usize()?).cloned();
        element.or_else(|| {
            self.watch.store(true, Ordering::Relaxed);
            Some(absent(Shape::Object(self.members), &self.watch))
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.there.len())
    }
}
