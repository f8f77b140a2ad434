//! The effect of one PATCH operation on the values of one attribute (RFC 7644 sections 3.5.2.1 to
//! 3.5.2.3).
//!
//! [`set_attribute`] writes an attribute that the path names without a filter. [`set_values`] and
//! [`remove_values`] change the values that a filter selects, or all values without a filter.
//! [`set_sub_attribute`] writes one sub-attribute of a single-valued complex attribute.

use serde_json::{Map, Value};

use super::attribute::{Attribute, AttributeType, Mutability, is_assigned};
use super::filter::Filter;
use super::matching::matches;
use super::patch_operation::{AttributeTarget, PatchOp};
use super::resource_parser::{parse_attribute, parse_value};
use super::scim_error::{ScimError, ScimResult};

/// Adds to an attribute, or replaces it. Null unassigns it.
pub(crate) fn set_attribute(
    container: &mut Map<String, Value>,
    op: PatchOp,
    attribute: &'static Attribute,
    value: &Value,
    path: &str,
) -> ScimResult<()> {
    if value.is_null() {
        container.remove(attribute.name);
        return Ok(());
    }
    if attribute.multi_valued {
        return set_multi_valued(container, op, attribute, value, path);
    }
    if attribute.value_type == AttributeType::Complex {
        return set_complex(container, attribute, value, path);
    }

    match parse_value(attribute, value, path)? {
        Some(value) => container.insert(attribute.name.to_owned(), value),
        None => container.remove(attribute.name),
    };
    Ok(())
}

fn set_multi_valued(
    container: &mut Map<String, Value>,
    op: PatchOp,
    attribute: &'static Attribute,
    value: &Value,
    path: &str,
) -> ScimResult<()> {
    // An object is accepted as a list of one value.
    let parsed = if value.is_object() {
        parse_attribute(attribute, &Value::Array(vec![value.clone()]), path)?
    } else {
        parse_attribute(attribute, value, path)?
    };
    let new_values = match parsed {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    };

    match op {
        PatchOp::Add => add_values(container, attribute, new_values),
        PatchOp::Replace | PatchOp::Remove => {
            store_values(container, attribute, new_values);
            Ok(())
        }
    }
}

/// Sets the sub-attributes that the value names; the others stay (RFC 7644 section 3.5.2.3).
fn set_complex(
    container: &mut Map<String, Value>,
    attribute: &'static Attribute,
    value: &Value,
    path: &str,
) -> ScimResult<()> {
    let Value::Object(values) = value else {
        return Err(ScimError::invalid_value(format!(
            "{path} must be an object"
        )));
    };
    let parsed = parse_value(attribute, value, path)?;

    for name in values.keys() {
        let Some(sub_attribute) = attribute
            .sub_attribute(name)
            .filter(|sub_attribute| sub_attribute.mutability != Mutability::ReadOnly)
        else {
            continue;
        };
        let value = parsed
            .as_ref()
            .and_then(|parsed| parsed.get(sub_attribute.name))
            .cloned();
        set_sub_attribute(container, attribute, sub_attribute, value);
    }

    Ok(())
}

/// Sets one sub-attribute, or unassigns it. Removes the attribute with its last sub-attribute.
pub(crate) fn set_sub_attribute(
    container: &mut Map<String, Value>,
    attribute: &'static Attribute,
    sub_attribute: &'static Attribute,
    value: Option<Value>,
) {
    let entry = container
        .entry(attribute.name)
        .or_insert_with(|| Value::Object(Map::new()));
    let Some(map) = entry.as_object_mut() else {
        return;
    };

    match value {
        Some(value) => map.insert(sub_attribute.name.to_owned(), value),
        None => map.remove(sub_attribute.name),
    };
    if map.is_empty() {
        container.remove(attribute.name);
    }
}

/// Adds the values that the attribute does not have yet.
fn add_values(
    container: &mut Map<String, Value>,
    attribute: &'static Attribute,
    new_values: Vec<Value>,
) -> ScimResult<()> {
    let mut values = take_values(container, attribute);

    // `value` identifies a member; the server sets its `display` and `type`.
    let identified_by_value = attribute.sub_attributes.iter().any(|sub_attribute| {
        sub_attribute.name == "value" && sub_attribute.mutability == Mutability::Immutable
    });
    let mut added = Vec::new();
    for new_value in new_values {
        let exists = values.iter().any(|value| {
            if identified_by_value {
                value.get("value") == new_value.get("value")
            } else {
                *value == new_value
            }
        });
        if !exists {
            added.push(values.len());
            values.push(new_value);
        }
    }

    keep_one_primary(&mut values, &added, attribute)?;
    store_values(container, attribute, values);
    Ok(())
}

/// Changes the values that the filter selects; `noTarget` if it selects none.
pub(crate) fn set_values(
    container: &mut Map<String, Value>,
    op: PatchOp,
    target: &AttributeTarget,
    value: &Value,
    path: &str,
) -> ScimResult<()> {
    let attribute = target.attribute;
    let parsed = match target.sub_attribute {
        Some(sub_attribute) => parse_attribute(sub_attribute, value, path)?,
        None => parse_value(attribute, value, path)?,
    };

    let mut values = take_values(container, attribute);
    let mut changed = Vec::new();
    for (at, value) in values.iter_mut().enumerate() {
        let Some(old) = value.as_object_mut() else {
            continue;
        };
        if !selects(target.filter.as_ref(), old) {
            continue;
        }
        let new = changed_value(old, op, target.sub_attribute, parsed.as_ref());
        check_immutable(attribute, old, &new, path)?;
        *old = new;
        changed.push(at);
    }

    if changed.is_empty() {
        return Err(ScimError::no_target(format!("`{path}` selects no value")));
    }
    keep_one_primary(&mut values, &changed, attribute)?;
    store_values(container, attribute, values);
    Ok(())
}

/// `replace` without a sub-attribute replaces the whole value; everything else merges into it.
fn changed_value(
    old: &Map<String, Value>,
    op: PatchOp,
    sub_attribute: Option<&'static Attribute>,
    parsed: Option<&Value>,
) -> Map<String, Value> {
    let mut new = if op == PatchOp::Replace && sub_attribute.is_none() {
        Map::new()
    } else {
        old.clone()
    };

    match (sub_attribute, parsed) {
        (Some(sub_attribute), Some(value)) => {
            new.insert(sub_attribute.name.to_owned(), value.clone());
        }
        (Some(sub_attribute), None) => {
            new.remove(sub_attribute.name);
        }
        (None, Some(Value::Object(values))) => new.extend(values.clone()),
        (None, _) => {}
    }

    new
}

fn check_immutable(
    attribute: &Attribute,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    path: &str,
) -> ScimResult<()> {
    for sub_attribute in attribute
        .sub_attributes
        .iter()
        .filter(|sub_attribute| sub_attribute.mutability == Mutability::Immutable)
    {
        let old_value = old.get(sub_attribute.name);
        if old_value.is_some() && old_value != new.get(sub_attribute.name) {
            return Err(ScimError::mutability(format!(
                "`{path}`: {} is immutable",
                sub_attribute.name
            )));
        }
    }

    Ok(())
}

/// Removes the values that the filter selects, or one sub-attribute of each. No selected value is
/// no error.
pub(crate) fn remove_values(
    container: &mut Map<String, Value>,
    target: &AttributeTarget,
) -> ScimResult<()> {
    let attribute = target.attribute;
    let selected = |value: &Value| {
        value
            .as_object()
            .is_some_and(|map| selects(target.filter.as_ref(), map))
    };

    let mut values = take_values(container, attribute);
    match target.sub_attribute {
        None => values.retain(|value| !selected(value)),
        Some(sub_attribute) => {
            for value in values.iter_mut().filter(|value| selected(value)) {
                let removed = value
                    .as_object_mut()
                    .and_then(|map| map.remove(sub_attribute.name));
                if removed.is_some() && sub_attribute.mutability == Mutability::Immutable {
                    return Err(ScimError::mutability(format!(
                        "{}.{} is immutable",
                        attribute.name, sub_attribute.name
                    )));
                }
            }
        }
    }

    store_values(container, attribute, values);
    Ok(())
}

fn selects(filter: Option<&Filter>, value: &Map<String, Value>) -> bool {
    filter.is_none_or(|filter| matches(filter, value))
}

/// A new primary value clears the old one (RFC 7644 section 3.5.2). Two new ones are an error.
fn keep_one_primary(
    values: &mut [Value],
    changed: &[usize],
    attribute: &Attribute,
) -> ScimResult<()> {
    let primary = Some(&Value::Bool(true));
    let new_primaries = changed
        .iter()
        .filter(|at| {
            values
                .get(**at)
                .is_some_and(|value| value.get("primary") == primary)
        })
        .count();

    if new_primaries > 1 {
        return Err(ScimError::invalid_value(format!(
            "{} would have more than one primary value",
            attribute.name
        )));
    }
    if new_primaries == 1 {
        for (at, value) in values.iter_mut().enumerate() {
            if let Some(map) = value
                .as_object_mut()
                .filter(|map| !changed.contains(&at) && map.get("primary") == primary)
            {
                map.insert("primary".to_owned(), Value::Bool(false));
            }
        }
    }

    Ok(())
}

fn take_values(container: &mut Map<String, Value>, attribute: &Attribute) -> Vec<Value> {
    match container.remove(attribute.name) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    }
}

fn store_values(container: &mut Map<String, Value>, attribute: &Attribute, values: Vec<Value>) {
    let values: Vec<Value> = values.into_iter().filter(is_assigned).collect();

    if values.is_empty() {
        container.remove(attribute.name);
    } else {
        container.insert(attribute.name.to_owned(), Value::Array(values));
    }
}
