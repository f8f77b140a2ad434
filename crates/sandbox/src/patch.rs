//! PATCH: RFC 7644 section 3.5.2, one operation after the other on a copy, all or nothing.
//!
//! Read strictly: `remove` needs a path and takes no value, a filter that selects nothing is `noTarget` (but no
//! error for `remove`), what is read-only is `mutability`, types are checked as in a POST. A new primary value
//! clears the old one. A required attribute cannot be unassigned (section 3.5.2.2: `mutability`).

use serde_json::{Map, Value};

use super::filter::Filter;
use super::patch_values::{merge, remove_values, set_values, set_whole};
use super::reading::single;
use super::refusal::{Refusal, Result};
use super::schema::{Attribute, Mutability, ResourceType, Schema, find};

/// The schema of a PATCH body.
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Remove,
    Replace,
}

/// What an operation does it to.
#[derive(Debug)]
struct Target {
    extension: Option<&'static Schema>,
    attribute: Option<&'static Attribute>,
    filter: Option<Filter>,
    sub: Option<&'static Attribute>,
}

/// The resource after the operations of this body.
pub(super) fn apply(
    resource: &Map<String, Value>,
    body: &Value,
    of: &'static ResourceType,
) -> Result<Map<String, Value>> {
    let listed = body.get("schemas").and_then(Value::as_array);
    if !listed.is_some_and(|urns| {
        urns.iter()
            .any(|urn| urn.as_str().is_some_and(|u| u.eq_ignore_ascii_case(PATCH)))
    }) {
        return Err(Refusal::invalid_syntax(format!("`schemas` lacks {PATCH}")));
    }
    let operations = body.as_object().and_then(|body| {
        body.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case("operations"))
    });
    let operations = operations
        .and_then(|(_, value)| value.as_array())
        .filter(|operations| !operations.is_empty());
    let operations = operations
        .ok_or_else(|| Refusal::invalid_syntax("`Operations` is missing, empty, or no list"))?;
    let mut out = resource.clone();
    for (at, operation) in operations.iter().enumerate() {
        perform(&mut out, operation, of).map_err(|mut refusal| {
            refusal.detail = format!("operation {}: {}", at + 1, refusal.detail);
            refusal
        })?;
    }
    Ok(out)
}

fn perform(
    map: &mut Map<String, Value>,
    operation: &Value,
    of: &'static ResourceType,
) -> Result<()> {
    let verb = match operation
        .get("op")
        .and_then(Value::as_str)
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("add") => Verb::Add,
        Some("remove") => Verb::Remove,
        Some("replace") => Verb::Replace,
        _ => {
            return Err(Refusal::invalid_syntax(
                "`op` must be add, remove or replace",
            ));
        }
    };
    let path = match operation.get("path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) if path.trim().is_empty() => None,
        Some(Value::String(path)) => Some(path.trim()),
        Some(_) => return Err(Refusal::invalid_path("`path` must be a string")),
    };
    let value = operation.get("value");
    match (verb, path, value) {
        (Verb::Remove, None, _) => Err(Refusal::no_target("`remove` needs a path")),
        (Verb::Remove, Some(_), Some(_)) => {
            // Some clients name the members to remove here; by the RFC this would empty the group.
            Err(Refusal::invalid_value(
                "`remove` takes no value; select with a filter in the path",
            ))
        }
        (Verb::Remove, Some(path), None) => at_path(map, verb, path, &Value::Null, of),
        (Verb::Add | Verb::Replace, _, None) => Err(Refusal::invalid_value("`value` is missing")),
        (Verb::Add | Verb::Replace, Some(path), Some(value)) => at_path(map, verb, path, value, of),
        (Verb::Add | Verb::Replace, None, Some(Value::Object(values))) => values
            .iter()
            .filter(|(key, _)| !key.eq_ignore_ascii_case("schemas"))
            .try_for_each(|(key, value)| {
                let same_id = key.eq_ignore_ascii_case("id") && map.get("id") == Some(value);
                if same_id {
                    Ok(())
                } else {
                    at_path(map, verb, key, value, of)
                }
            }),
        (Verb::Add | Verb::Replace, None, Some(_)) => Err(Refusal::invalid_value(
            "without a path the value must be an object of attributes",
        )),
    }
}

fn at_path(
    map: &mut Map<String, Value>,
    verb: Verb,
    path: &str,
    value: &Value,
    of: &'static ResourceType,
) -> Result<()> {
    let target = Target::parse(path, of)?;
    let host = match target.extension {
        None => &mut *map,
        Some(schema) => {
            let block = map
                .entry(schema.id)
                .or_insert_with(|| Value::Object(Map::new()));
            block
                .as_object_mut()
                .ok_or_else(|| Refusal::plain(500, "an extension block is no object"))?
        }
    };
    match (target.attribute, target.extension) {
        (Some(attribute), _) => at_attribute(host, verb, &target, attribute, value, path)?,
        (None, Some(schema)) => at_extension(host, verb, schema, value)?,
        (None, None) => return Err(Refusal::invalid_path(format!("`{path}` names nothing"))),
    }
    if let Some(schema) = target.extension
        && map
            .get(schema.id)
            .and_then(Value::as_object)
            .is_some_and(Map::is_empty)
    {
        map.remove(schema.id);
    }
    Ok(())
}

/// The path is an extension's URN: all of its block.
fn at_extension(
    host: &mut Map<String, Value>,
    verb: Verb,
    schema: &'static Schema,
    value: &Value,
) -> Result<()> {
    let values = match value {
        Value::Null => {
            host.clear();
            return Ok(());
        }
        Value::Object(values) => values,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(Refusal::invalid_value(format!(
                "{} must be an object",
                schema.id
            )));
        }
    };
    for (name, value) in values
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("schemas"))
    {
        let attribute = find(schema.attributes, name).ok_or_else(|| {
            Refusal::invalid_path(format!("{} has no attribute `{name}`", schema.id))
        })?;
        writable(attribute, name)?;
        set_whole(host, verb, attribute, value, name)?;
    }
    Ok(())
}

fn at_attribute(
    host: &mut Map<String, Value>,
    verb: Verb,
    target: &Target,
    attribute: &'static Attribute,
    value: &Value,
    path: &str,
) -> Result<()> {
    writable(attribute, path)?;
    if let Some(sub) = target.sub {
        writable(sub, path)?;
    }
    if attribute.name == "schemas" {
        return Ok(()); // kept by the server, from the extensions that are there
    }
    let selecting = target.filter.is_some() || (attribute.multi && target.sub.is_some());
    match (selecting, verb, target.sub) {
        (true, Verb::Remove, _) => {
            remove_values(host, attribute, target.filter.as_ref(), target.sub)?
        }
        (true, Verb::Add | Verb::Replace, _) => {
            set_values(
                host,
                verb,
                (attribute, target.filter.as_ref(), target.sub),
                value,
                path,
            )?;
        }
        (false, _, Some(sub)) => {
            let new = single(sub, value, path)?;
            merge(host, attribute, sub, new);
        }
        (false, Verb::Remove, None) => {
            host.remove(attribute.name);
        }
        (false, Verb::Add | Verb::Replace, None) => set_whole(host, verb, attribute, value, path)?,
    }
    if attribute.required
        && !host
            .get(attribute.name)
            .is_some_and(super::matching::assigned)
    {
        return Err(Refusal::mutability(format!(
            "{} is required",
            attribute.name
        )));
    }
    Ok(())
}

fn writable(attribute: &Attribute, path: &str) -> Result<()> {
    match attribute.mutability {
        Mutability::ReadOnly => Err(Refusal::mutability(format!("`{path}` is read-only"))),
        Mutability::ReadWrite | Mutability::Immutable | Mutability::WriteOnly => Ok(()),
    }
}

impl Target {
    fn parse(path: &str, of: &'static ResourceType) -> Result<Self> {
        let wrong = |why: &str| Refusal::invalid_path(format!("`{path}` {why}"));
        let Some((head, tail)) = path.split_once('[') else {
            let named = of
                .resolve(path)
                .ok_or_else(|| wrong("names no attribute"))?;
            return Ok(Self {
                extension: named.extension,
                attribute: named.attribute,
                filter: None,
                sub: named.sub,
            });
        };
        let (filter, rest) = tail
            .rsplit_once(']')
            .ok_or_else(|| wrong("has a bracket that is not closed"))?;
        let named = of
            .resolve(head)
            .filter(|named| named.sub.is_none())
            .ok_or_else(|| wrong("names no attribute"))?;
        let attribute = named
            .attribute
            .filter(|attribute| attribute.multi && !attribute.subs.is_empty());
        let attribute = attribute
            .ok_or_else(|| wrong("has a filter on an attribute that has no values to select"))?;
        let sub = match rest.strip_prefix('.') {
            None if rest.is_empty() => None,
            None => return Err(wrong("goes on after its filter")),
            Some(name) => Some(
                attribute
                    .sub(name)
                    .ok_or_else(|| wrong("names no sub-attribute"))?,
            ),
        };
        let filter = Some(Filter::parse_inside(filter, attribute)?);
        Ok(Self {
            extension: named.extension,
            attribute: Some(attribute),
            filter,
            sub,
        })
    }
}
