//! PATCH (RFC 7644 section 3.5.2): applies the operations of a body in order to a copy, all or
//! none.
//!
//! Strict: `remove` needs a path and takes no value; a filter that selects no value is `noTarget`,
//! except for `remove`; a write to a read-only attribute is `mutability`; values are typed as in a
//! POST. A new primary value clears the old one. An operation cannot unassign a required attribute
//! (section 3.5.2.2).

use serde_json::{Map, Value};

use super::attribute::{Attribute, Mutability, find_attribute, is_assigned};
use super::patch_operation::{AttributeTarget, PatchOp, PatchTarget};
use super::patch_values::{remove_values, set_attribute, set_sub_attribute, set_values};
use super::resource_parser::parse_value;
use super::schema::{ResourceType, Schema};
use super::scim_error::{ScimError, ScimResult};

const PATCH_OP_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Returns the resource after all operations of the body. An error names the failed operation, from
/// 1.
pub(crate) fn apply(
    resource: &Map<String, Value>,
    body: &Value,
    resource_type: &'static ResourceType,
) -> ScimResult<Map<String, Value>> {
    let operations = operations(body)?;

    let mut patched = resource.clone();
    for (at, operation) in operations.iter().enumerate() {
        apply_operation(&mut patched, operation, resource_type).map_err(|mut error| {
            error.detail = format!("operation {}: {}", at + 1, error.detail);
            error
        })?;
    }

    Ok(patched)
}

fn operations(body: &Value) -> ScimResult<&Vec<Value>> {
    let names_patch_op = body
        .get("schemas")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|urn| urn.eq_ignore_ascii_case(PATCH_OP_SCHEMA));
    if !names_patch_op {
        return Err(ScimError::invalid_syntax(format!(
            "`schemas` lacks {PATCH_OP_SCHEMA}"
        )));
    }

    body.as_object()
        .and_then(|body| {
            body.iter()
                .find(|(key, _)| key.eq_ignore_ascii_case("operations"))
        })
        .and_then(|(_, operations)| operations.as_array())
        .filter(|operations| !operations.is_empty())
        .ok_or_else(|| ScimError::invalid_syntax("`Operations` is missing, empty or not a list"))
}

fn apply_operation(
    resource: &mut Map<String, Value>,
    operation: &Value,
    resource_type: &'static ResourceType,
) -> ScimResult<()> {
    let op = operation
        .get("op")
        .and_then(Value::as_str)
        .and_then(PatchOp::parse)
        .ok_or_else(|| ScimError::invalid_syntax("`op` must be add, remove or replace"))?;
    let path = match operation.get("path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) if path.trim().is_empty() => None,
        Some(Value::String(path)) => Some(path.trim()),
        Some(_) => return Err(ScimError::invalid_path("`path` must be a string")),
    };

    match (op, path, operation.get("value")) {
        (PatchOp::Remove, None, _) => Err(ScimError::no_target("`remove` needs a path")),
        (PatchOp::Remove, Some(_), Some(_)) => {
            // Some clients list here the members to remove. The RFC would remove all of them.
            Err(ScimError::invalid_value(
                "`remove` takes no value; select values with a filter in the path",
            ))
        }
        (PatchOp::Remove, Some(path), None) => {
            apply_at(resource, op, path, &Value::Null, resource_type)
        }
        (PatchOp::Add | PatchOp::Replace, _, None) => {
            Err(ScimError::invalid_value("`value` is missing"))
        }
        (PatchOp::Add | PatchOp::Replace, Some(path), Some(value)) => {
            apply_at(resource, op, path, value, resource_type)
        }
        (PatchOp::Add | PatchOp::Replace, None, Some(Value::Object(values))) => {
            apply_without_path(resource, op, values, resource_type)
        }
        (PatchOp::Add | PatchOp::Replace, None, Some(_)) => Err(ScimError::invalid_value(
            "without a path, `value` must be an object of attributes",
        )),
    }
}

/// Each key of the value is a path. An `id` that repeats the id of the resource is accepted.
fn apply_without_path(
    resource: &mut Map<String, Value>,
    op: PatchOp,
    values: &Map<String, Value>,
    resource_type: &'static ResourceType,
) -> ScimResult<()> {
    for (key, value) in values {
        let is_same_id = key.eq_ignore_ascii_case("id") && resource.get("id") == Some(value);
        if key.eq_ignore_ascii_case("schemas") || is_same_id {
            continue;
        }
        apply_at(resource, op, key, value, resource_type)?;
    }

    Ok(())
}

fn apply_at(
    resource: &mut Map<String, Value>,
    op: PatchOp,
    path: &str,
    value: &Value,
    resource_type: &'static ResourceType,
) -> ScimResult<()> {
    match PatchTarget::parse(path, resource_type)? {
        PatchTarget::Extension(schema) => {
            apply_to_extension(extension_block(resource, schema)?, op, schema, value)?;
            remove_empty_block(resource, schema);
        }
        PatchTarget::Attribute(target) => match target.extension {
            None => apply_to_attribute(resource, op, &target, value, path)?,
            Some(schema) => {
                let block = extension_block(resource, schema)?;
                apply_to_attribute(block, op, &target, value, path)?;
                remove_empty_block(resource, schema);
            }
        },
    }

    Ok(())
}

fn extension_block<'r>(
    resource: &'r mut Map<String, Value>,
    schema: &'static Schema,
) -> ScimResult<&'r mut Map<String, Value>> {
    resource
        .entry(schema.id)
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
        .ok_or_else(|| ScimError::untyped(500, format!("{} is not an object", schema.id)))
}

fn remove_empty_block(resource: &mut Map<String, Value>, schema: &'static Schema) {
    if resource
        .get(schema.id)
        .and_then(Value::as_object)
        .is_some_and(Map::is_empty)
    {
        resource.remove(schema.id);
    }
}

fn apply_to_extension(
    block: &mut Map<String, Value>,
    op: PatchOp,
    schema: &'static Schema,
    value: &Value,
) -> ScimResult<()> {
    let values = match value {
        Value::Null => {
            block.clear();
            return Ok(());
        }
        Value::Object(values) => values,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(ScimError::invalid_value(format!(
                "{} must be an object",
                schema.id
            )));
        }
    };

    for (name, value) in values
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("schemas"))
    {
        let attribute = find_attribute(schema.attributes, name).ok_or_else(|| {
            ScimError::invalid_path(format!("{} has no attribute `{name}`", schema.id))
        })?;
        check_writable(attribute, name)?;
        set_attribute(block, op, attribute, value, name)?;
    }

    Ok(())
}

fn apply_to_attribute(
    container: &mut Map<String, Value>,
    op: PatchOp,
    target: &AttributeTarget,
    value: &Value,
    path: &str,
) -> ScimResult<()> {
    let attribute = target.attribute;
    check_writable(attribute, path)?;
    if let Some(sub_attribute) = target.sub_attribute {
        check_writable(sub_attribute, path)?;
    }
    if attribute.name == "schemas" {
        return Ok(()); // the server derives it from the extensions of the resource
    }

    let selects_values =
        target.filter.is_some() || (attribute.multi_valued && target.sub_attribute.is_some());
    match (selects_values, op, target.sub_attribute) {
        (true, PatchOp::Remove, _) => remove_values(container, target)?,
        (true, PatchOp::Add | PatchOp::Replace, _) => {
            set_values(container, op, target, value, path)?;
        }
        (false, _, Some(sub_attribute)) => {
            let parsed = parse_value(sub_attribute, value, path)?;
            set_sub_attribute(container, attribute, sub_attribute, parsed);
        }
        (false, PatchOp::Remove, None) => {
            container.remove(attribute.name);
        }
        (false, PatchOp::Add | PatchOp::Replace, None) => {
            set_attribute(container, op, attribute, value, path)?;
        }
    }

    if attribute.required && !container.get(attribute.name).is_some_and(is_assigned) {
        return Err(ScimError::mutability(format!(
            "{} is required",
            attribute.name
        )));
    }
    Ok(())
}

fn check_writable(attribute: &Attribute, path: &str) -> ScimResult<()> {
    match attribute.mutability {
        Mutability::ReadOnly => Err(ScimError::mutability(format!("`{path}` is read-only"))),
        Mutability::ReadWrite | Mutability::Immutable | Mutability::WriteOnly => Ok(()),
    }
}
