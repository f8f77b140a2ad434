//! `attributes` and `excludedAttributes`: what of a resource an answer shows (RFC 7644 section 3.9).
//!
//! `id` and `schemas` always stay, what is never returned never shows. Names that do not exist are ignored,
//! as a client may ask several servers the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::refusal::{Refusal, Result};
use super::schema::{Named, ResourceType, Returned};

/// What to show.
#[derive(Debug, Default)]
pub(super) enum Projection {
    #[default]
    All,
    Only(Vec<String>),
    Except(Vec<String>),
}

impl Projection {
    /// From the two parameters; they exclude each other.
    pub fn new(only: Vec<String>, except: Vec<String>) -> Result<Self> {
        match (only.is_empty(), except.is_empty()) {
            (true, true) => Ok(Self::All),
            (false, true) => Ok(Self::Only(only)),
            (true, false) => Ok(Self::Except(except)),
            (false, false) => Err(Refusal::invalid_value(
                "`attributes` and `excludedAttributes` exclude each other",
            )),
        }
    }

    /// What is shown of a resource.
    pub fn show(&self, map: Map<String, Value>, of: &'static ResourceType) -> Map<String, Value> {
        let hidden = |attribute: &str| {
            of.attribute(attribute)
                .is_some_and(|a| a.returned == Returned::Never)
        };
        let map: Map<_, _> = map.into_iter().filter(|(name, _)| !hidden(name)).collect();
        match self {
            Self::All => map,
            Self::Only(names) => only(&map, &resolved(names, of), of),
            Self::Except(names) => except(map, &resolved(names, of)),
        }
    }
}

fn resolved(names: &[String], of: &'static ResourceType) -> Vec<Named> {
    names
        .iter()
        .filter_map(|name| of.resolve(name.trim()))
        .collect()
}

fn only(
    map: &Map<String, Value>,
    names: &[Named],
    of: &'static ResourceType,
) -> Map<String, Value> {
    // Per host and attribute: the sub-attributes that are wanted; empty means all of it.
    let mut wanted: BTreeMap<(Option<&str>, Option<&str>), Vec<&str>> = BTreeMap::new();
    for named in names {
        let key = (
            named.extension.map(|schema| schema.id),
            named.attribute.map(|attribute| attribute.name),
        );
        match (wanted.get_mut(&key), named.sub) {
            (None, sub) => {
                wanted.insert(key, sub.map(|sub| sub.name).into_iter().collect());
            }
            (Some(subs), Some(sub)) if !subs.is_empty() => subs.push(sub.name),
            (Some(subs), _) => subs.clear(),
        }
    }
    let mut out = Map::new();
    for (name, value) in map {
        if of
            .attribute(name)
            .is_some_and(|attribute| attribute.returned == Returned::Always)
        {
            out.insert(name.clone(), value.clone());
        }
    }
    for ((extension, attribute), subs) in wanted {
        let host = match extension {
            None => Some(map),
            Some(urn) => map.get(urn).and_then(Value::as_object),
        };
        let Some(host) = host else { continue };
        let into = match extension {
            None => &mut out,
            Some(urn) => {
                let block = out.entry(urn).or_insert_with(|| Value::Object(Map::new()));
                let Some(block) = block.as_object_mut() else {
                    continue;
                };
                block
            }
        };
        match attribute {
            None => into.extend(host.clone()),
            Some(name) => {
                if let Some(value) = host.get(name) {
                    into.insert(name.to_owned(), picked(value, &subs));
                }
            }
        }
    }
    out
}

fn picked(value: &Value, subs: &[&str]) -> Value {
    match value {
        _ if subs.is_empty() => value.clone(),
        Value::Array(values) => values.iter().map(|value| picked(value, subs)).collect(),
        Value::Object(map) => {
            let kept = map.iter().filter(|(name, _)| subs.contains(&name.as_str()));
            Value::Object(
                kept.map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            )
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn except(mut map: Map<String, Value>, names: &[Named]) -> Map<String, Value> {
    for named in names {
        if named
            .attribute
            .is_some_and(|attribute| attribute.returned == Returned::Always)
        {
            continue;
        }
        let host = match (named.extension, named.attribute) {
            (Some(schema), None) => {
                map.remove(schema.id);
                continue;
            }
            (Some(schema), Some(_)) => map.get_mut(schema.id).and_then(Value::as_object_mut),
            (None, _) => Some(&mut map),
        };
        let (Some(host), Some(attribute)) = (host, named.attribute) else {
            continue;
        };
        match named.sub {
            None => {
                host.remove(attribute.name);
            }
            Some(sub) => match host.get_mut(attribute.name) {
                Some(Value::Array(values)) => {
                    for value in values.iter_mut().filter_map(Value::as_object_mut) {
                        value.remove(sub.name);
                    }
                }
                Some(Value::Object(value)) => {
                    value.remove(sub.name);
                }
                _ => {}
            },
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::attributes::{ENTERPRISE, GENERIC};

    fn shown(only: &[&str], except: &[&str]) -> Value {
        let ada = json!({
            "id": "7", "schemas": ["x"], "userName": "ada", "password": "secret", "name": {"givenName": "A", "familyName": "K"},
            "emails": [{"value": "a", "type": "work"}], (ENTERPRISE): {"department": "M", "division": "D"}
        });
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let projection = Projection::new(owned(only), owned(except)).unwrap();
        Value::Object(projection.show(ada.as_object().unwrap().clone(), GENERIC.user))
    }

    #[test]
    fn only_what_is_asked_for_and_what_is_always_there() {
        assert_eq!(
            shown(&["USERNAME", "nope"], &[]),
            json!({"id": "7", "schemas": ["x"], "userName": "ada"})
        );
        assert_eq!(
            shown(
                &[
                    "name.givenName",
                    "emails.value",
                    &format!("{ENTERPRISE}:division")
                ],
                &[]
            ),
            json!({"id": "7", "schemas": ["x"], "name": {"givenName": "A"}, "emails": [{"value": "a"}], (ENTERPRISE): {"division": "D"}})
        );
    }

    #[test]
    fn what_is_excluded_goes_but_never_the_id() {
        assert_eq!(
            shown(&[], &["id", "name", "emails.type", ENTERPRISE]),
            json!({"id": "7", "schemas": ["x"], "userName": "ada", "emails": [{"value": "a"}]})
        );
    }

    #[test]
    fn both_together_are_refused() {
        assert!(Projection::new(vec!["a".into()], vec!["b".into()]).is_err());
    }
}
