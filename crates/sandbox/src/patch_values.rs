//! What a PATCH operation does to the values of one attribute (RFC 7644 sections 3.5.2.1 to 3.5.2.3).
//!
//! `set_whole` writes an attribute named without a filter, `set_values` and `remove_values` those of its values
//! that a filter selects (all of them without one), `merge` one sub-attribute of a singular complex attribute.

use serde_json::{Map, Value};

use super::filter::Filter;
use super::matching::{assigned, matches};
use super::patch::Verb;
use super::reading::{single, whole};
use super::refusal::{Refusal, Result};
use super::schema::{Attribute, Kind, Mutability};

/// Adds to an attribute, or replaces it.
pub(super) fn set_whole(
    host: &mut Map<String, Value>,
    verb: Verb,
    attribute: &'static Attribute,
    value: &Value,
    path: &str,
) -> Result<()> {
    if value.is_null() {
        host.remove(attribute.name);
        return Ok(());
    }
    if attribute.multi {
        // A single value stands for a list of one.
        let list = if value.is_object() {
            Value::Array(vec![value.clone()])
        } else {
            value.clone()
        };
        let new = whole(attribute, &list, path)?;
        let new = new
            .and_then(|new| {
                if let Value::Array(new) = new {
                    Some(new)
                } else {
                    None
                }
            })
            .unwrap_or_default();
        return match verb {
            Verb::Add => append(host, attribute, new),
            Verb::Replace | Verb::Remove => {
                put(host, attribute, new);
                Ok(())
            }
        };
    }
    if attribute.kind == Kind::Complex {
        // Sub-attributes that the value does not name stay (RFC 7644 section 3.5.2.3).
        let Value::Object(values) = value else {
            return Err(Refusal::invalid_value(format!("{path} must be an object")));
        };
        let new = single(attribute, value, path)?;
        for name in values.keys() {
            let Some(sub) = attribute
                .sub(name)
                .filter(|sub| sub.mutability != Mutability::ReadOnly)
            else {
                continue;
            };
            merge(
                host,
                attribute,
                sub,
                new.as_ref().and_then(|new| new.get(sub.name)).cloned(),
            );
        }
        return Ok(());
    }
    match single(attribute, value, path)? {
        Some(value) => host.insert(attribute.name.to_owned(), value),
        None => host.remove(attribute.name),
    };
    Ok(())
}

/// Sets or clears one sub-attribute; an attribute without any is unassigned.
pub(super) fn merge(
    host: &mut Map<String, Value>,
    attribute: &'static Attribute,
    sub: &'static Attribute,
    value: Option<Value>,
) {
    let entry = host
        .entry(attribute.name)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(map) = entry.as_object_mut() {
        match value {
            Some(value) => map.insert(sub.name.to_owned(), value),
            None => map.remove(sub.name),
        };
        if map.is_empty() {
            host.remove(attribute.name);
        }
    }
}

fn append(
    host: &mut Map<String, Value>,
    attribute: &'static Attribute,
    new: Vec<Value>,
) -> Result<()> {
    let mut values = take(host, attribute);
    // A member is who it is; its `display` and `type` are the server's.
    let member = attribute
        .subs
        .iter()
        .any(|sub| sub.name == "value" && sub.mutability == Mutability::Immutable);
    let mut fresh = Vec::new();
    for value in new {
        let there = values.iter().any(|old| {
            if member {
                old.get("value") == value.get("value")
            } else {
                *old == value
            }
        });
        if !there {
            fresh.push(values.len());
            values.push(value);
        }
    }
    one_primary(&mut values, &fresh, attribute)?;
    put(host, attribute, values);
    Ok(())
}

/// Writes to the values that the filter selects: `noTarget` if there are none.
pub(super) fn set_values(
    host: &mut Map<String, Value>,
    verb: Verb,
    (attribute, filter, sub): (
        &'static Attribute,
        Option<&Filter>,
        Option<&'static Attribute>,
    ),
    value: &Value,
    path: &str,
) -> Result<()> {
    let new = match sub {
        Some(sub) => whole(sub, value, path)?,
        None => single(attribute, value, path)?,
    };
    let mut values = take(host, attribute);
    let mut touched = Vec::new();
    for (at, old) in values.iter_mut().enumerate() {
        let Some(map) = old
            .as_object_mut()
            .filter(|map| filter.is_none_or(|filter| matches(filter, map)))
        else {
            continue;
        };
        let mut next = if verb == Verb::Replace && sub.is_none() {
            Map::new()
        } else {
            map.clone()
        };
        match (sub, &new) {
            (Some(sub), Some(value)) => {
                next.insert(sub.name.to_owned(), value.clone());
            }
            (Some(sub), None) => {
                next.remove(sub.name);
            }
            (None, Some(Value::Object(values))) => next.extend(values.clone()),
            (None, _) => {}
        }
        for fixed in attribute
            .subs
            .iter()
            .filter(|sub| sub.mutability == Mutability::Immutable)
        {
            if map
                .get(fixed.name)
                .is_some_and(|old| next.get(fixed.name) != Some(old))
            {
                return Err(Refusal::mutability(format!(
                    "`{path}`: {} cannot be changed",
                    fixed.name
                )));
            }
        }
        *map = next;
        touched.push(at);
    }
    if touched.is_empty() {
        return Err(Refusal::no_target(format!("`{path}` selects nothing")));
    }
    one_primary(&mut values, &touched, attribute)?;
    put(host, attribute, values);
    Ok(())
}

/// Removes the values that the filter selects, or one sub-attribute of each; selecting nothing is no error.
pub(super) fn remove_values(
    host: &mut Map<String, Value>,
    attribute: &'static Attribute,
    filter: Option<&Filter>,
    sub: Option<&'static Attribute>,
) -> Result<()> {
    let mut values = take(host, attribute);
    let selected = |value: &Value| {
        value
            .as_object()
            .is_some_and(|map| filter.is_none_or(|filter| matches(filter, map)))
    };
    match sub {
        None => values.retain(|value| !selected(value)),
        Some(sub) => {
            for value in values.iter_mut().filter(|value| selected(value)) {
                let removed = value.as_object_mut().and_then(|map| map.remove(sub.name));
                if removed.is_some() && sub.mutability == Mutability::Immutable {
                    return Err(Refusal::mutability(format!(
                        "{}.{} cannot be changed",
                        attribute.name, sub.name
                    )));
                }
            }
        }
    }
    put(host, attribute, values);
    Ok(())
}

/// A new primary clears the old one (RFC 7644 section 3.5.2); two new ones are a contradiction.
fn one_primary(values: &mut [Value], fresh: &[usize], attribute: &Attribute) -> Result<()> {
    let yes = Some(&Value::Bool(true));
    let new = fresh
        .iter()
        .filter(|at| {
            values
                .get(**at)
                .is_some_and(|value| value.get("primary") == yes)
        })
        .count();
    if new > 1 {
        return Err(Refusal::invalid_value(format!(
            "{} would have more than one primary value",
            attribute.name
        )));
    }
    if new == 1 {
        for (at, value) in values.iter_mut().enumerate() {
            if let Some(map) = value
                .as_object_mut()
                .filter(|map| !fresh.contains(&at) && map.get("primary") == yes)
            {
                map.insert("primary".to_owned(), Value::Bool(false));
            }
        }
    }
    Ok(())
}

fn take(host: &mut Map<String, Value>, attribute: &Attribute) -> Vec<Value> {
    match host.remove(attribute.name) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    }
}

fn put(host: &mut Map<String, Value>, attribute: &Attribute, values: Vec<Value>) {
    let values: Vec<Value> = values.into_iter().filter(assigned).collect();
    if values.is_empty() {
        host.remove(attribute.name);
    } else {
        host.insert(attribute.name.to_owned(), Value::Array(values));
    }
}
