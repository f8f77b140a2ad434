//! The parser of resource bodies (POST and PUT): JSON in, a resource in its stored form out.
//!
//! The stored form has canonical attribute names and values of the right types. Unknown attributes
//! are an error, so that a typing error in a mapping is noticed. Read-only attributes are ignored
//! (RFC 7644 section 3.3) and unassigned ones are left out (RFC 7643 section 2.5).

use serde_json::{Map, Value, json};

use super::attribute::{Attribute, AttributeType, Mutability, find_attribute, is_assigned};
use super::schema::{ResourceType, Schema};
use super::scim_error::{ScimError, ScimResult};

/// Parses the body of a POST or PUT. It may still lack required attributes; see [`validate`].
pub(crate) fn parse_resource(
    body: &Value,
    resource_type: &'static ResourceType,
) -> ScimResult<Map<String, Value>> {
    let body = body
        .as_object()
        .ok_or_else(|| ScimError::invalid_syntax("the body is not a JSON object"))?;
    check_schemas(body, resource_type)?;

    let mut resource = Map::new();
    for (key, value) in body {
        if let Some(schema) = resource_type.extension(key) {
            let block = parse_extension(key, value, schema)?;
            if !block.is_empty() {
                resource.insert(schema.id.to_owned(), Value::Object(block));
            }
        } else if !key.eq_ignore_ascii_case("schemas") {
            let attribute = resource_type.attribute(key).ok_or_else(|| {
                ScimError::invalid_syntax(format!(
                    "{} has no attribute `{key}`",
                    resource_type.name
                ))
            })?;
            insert_attribute(&mut resource, attribute, value, "")?;
        }
    }

    Ok(resource)
}

fn parse_extension(
    urn: &str,
    value: &Value,
    schema: &'static Schema,
) -> ScimResult<Map<String, Value>> {
    let Some(values) = value.as_object() else {
        return Err(ScimError::invalid_value(format!("{urn} must be an object")));
    };

    let mut block = Map::new();
    for (name, value) in values
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("schemas"))
    {
        let attribute = find_attribute(schema.attributes, name)
            .ok_or_else(|| ScimError::invalid_syntax(format!("{urn} has no attribute `{name}`")))?;
        insert_attribute(&mut block, attribute, value, &format!("{urn}:"))?;
    }

    Ok(block)
}

fn insert_attribute(
    into: &mut Map<String, Value>,
    attribute: &'static Attribute,
    value: &Value,
    path_prefix: &str,
) -> ScimResult<()> {
    if attribute.mutability == Mutability::ReadOnly {
        return Ok(());
    }

    let path = format!("{path_prefix}{}", attribute.name);
    if let Some(value) = parse_attribute(attribute, value, &path)? {
        into.insert(attribute.name.to_owned(), value);
    }
    Ok(())
}

/// Checks `schemas`: it names the schema of the resource and no unknown one (RFC 7643 section 3).
fn check_schemas(body: &Map<String, Value>, resource_type: &ResourceType) -> ScimResult<()> {
    let urns = body
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("schemas"))
        .and_then(|(_, value)| value.as_array())
        .ok_or_else(|| ScimError::invalid_syntax("`schemas` is missing or not a list"))?;

    let mut names_core_schema = false;
    for urn in urns {
        let urn = urn.as_str().ok_or_else(|| {
            ScimError::invalid_syntax("`schemas` contains a value that is not a string")
        })?;
        let is_core_schema = urn.eq_ignore_ascii_case(resource_type.core_schema.id)
            || resource_type
                .accepted_urns
                .iter()
                .any(|accepted| urn.eq_ignore_ascii_case(accepted));

        names_core_schema |= is_core_schema;
        if !is_core_schema && resource_type.extension(urn).is_none() {
            return Err(ScimError::invalid_syntax(format!(
                "`{urn}` is not a schema of {}",
                resource_type.name
            )));
        }
    }

    if names_core_schema {
        Ok(())
    } else {
        Err(ScimError::invalid_syntax(format!(
            "`schemas` lacks {}",
            resource_type.core_schema.id
        )))
    }
}

/// Parses the whole value of an attribute, a list if it is multi-valued; `None` if it is
/// unassigned.
pub(crate) fn parse_attribute(
    attribute: &'static Attribute,
    value: &Value,
    path: &str,
) -> ScimResult<Option<Value>> {
    if !attribute.multi_valued {
        return parse_value(attribute, value, path);
    }

    match value {
        Value::Null => Ok(None),
        Value::Array(values) => {
            let mut parsed = Vec::with_capacity(values.len());
            for value in values {
                parsed.extend(parse_value(attribute, value, path)?);
            }
            Ok((!parsed.is_empty()).then_some(Value::Array(parsed)))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(ScimError::invalid_value(format!("{path} must be a list")))
        }
    }
}

/// Parses one value: the value of a single-valued attribute, or one element of a multi-valued one.
/// `None` if it is unassigned.
pub(crate) fn parse_value(
    attribute: &'static Attribute,
    value: &Value,
    path: &str,
) -> ScimResult<Option<Value>> {
    let value = match (attribute.value_type, value) {
        (_, Value::Null) => return Ok(None),
        (AttributeType::Complex, Value::Object(map)) => parse_complex(attribute, map, path)?,
        (
            AttributeType::String | AttributeType::Reference | AttributeType::Binary,
            Value::String(_),
        )
        | (AttributeType::Boolean, Value::Bool(_)) => value.clone(),
        (AttributeType::String, Value::Number(number)) if attribute.accepts_number => {
            json!(number.to_string())
        }
        (AttributeType::Integer, Value::Number(number)) if number.is_i64() => value.clone(),
        (AttributeType::DateTime, Value::String(text))
            if text.parse::<jiff::Timestamp>().is_ok() =>
        {
            value.clone()
        }
        (value_type, _) => {
            let expected = match value_type {
                AttributeType::Complex => "an object",
                AttributeType::String | AttributeType::Reference | AttributeType::Binary => {
                    "a string"
                }
                AttributeType::Boolean => "true or false",
                AttributeType::Integer => "an integer",
                AttributeType::DateTime => "a date and time",
            };
            return Err(ScimError::invalid_value(format!(
                "{path} must be {expected}"
            )));
        }
    };

    Ok(is_assigned(&value).then_some(value))
}

fn parse_complex(
    attribute: &'static Attribute,
    map: &Map<String, Value>,
    path: &str,
) -> ScimResult<Value> {
    let mut parsed = Map::new();

    for (name, value) in map {
        let sub_attribute = attribute.sub_attribute(name).ok_or_else(|| {
            ScimError::invalid_syntax(format!("{path} has no sub-attribute `{name}`"))
        })?;
        insert_attribute(&mut parsed, sub_attribute, value, &format!("{path}."))?;
    }

    Ok(Value::Object(parsed))
}

/// Checks a complete resource: required attributes are assigned, and each attribute has at most one
/// primary value.
pub(crate) fn validate(
    resource: &Map<String, Value>,
    resource_type: &ResourceType,
) -> ScimResult<()> {
    for attribute in resource_type.core_schema.attributes {
        let value = resource.get(attribute.name);
        if attribute.required && !value.is_some_and(is_assigned) {
            return Err(ScimError::invalid_value(format!(
                "{} is required",
                attribute.name
            )));
        }

        let primaries = value.and_then(Value::as_array).map_or(0, |values| {
            values
                .iter()
                .filter(|value| value.get("primary") == Some(&Value::Bool(true)))
                .count()
        });
        if primaries > 1 {
            return Err(ScimError::invalid_value(format!(
                "{} has more than one primary value",
                attribute.name
            )));
        }
    }

    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{ENTERPRISE, GENERIC, USER};

    #[test]
    fn parsing_canonicalizes_names_and_drops_read_only_and_unassigned_attributes() {
        let body = json!({
            "SCHEMAS": [USER, ENTERPRISE],
            "id": "mine",
            "USERNAME": "ada",
            "title": "",
            "nickName": null,
            "emails": [],
            "groups": [{"value": "1"}],
            "Name": {"GIVENNAME": "Ada"},
            (ENTERPRISE): {"Manager": {"value": "7", "displayName": "Bo"}}
        });

        assert_eq!(
            Value::Object(parse_resource(&body, GENERIC.user).unwrap()),
            json!({
                "userName": "ada",
                "name": {"givenName": "Ada"},
                (ENTERPRISE): {"manager": {"value": "7"}}
            })
        );
    }

    #[test]
    fn wrong_types_are_invalid_values_and_unknown_names_are_invalid_syntax() {
        for (extra, scim_type) in [
            (json!({"active": "False"}), "invalidValue"),
            (json!({"title": 7}), "invalidValue"),
            (json!({"emails": {"value": "a"}}), "invalidValue"),
            (json!({"emails": ["a"]}), "invalidValue"),
            (json!({(ENTERPRISE): {"manager": "7"}}), "invalidValue"),
            (json!({"departement": "x"}), "invalidSyntax"),
            (json!({"name": {"given": "x"}}), "invalidSyntax"),
            (json!({(ENTERPRISE): {"nope": "x"}}), "invalidSyntax"),
            (json!({"schemas": ["urn:nope"]}), "invalidSyntax"),
            (json!({"schemas": [ENTERPRISE]}), "invalidSyntax"),
            (json!({"schemas": null}), "invalidSyntax"),
        ] {
            let mut body = json!({"schemas": [USER], "userName": "ada"});
            body.as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());

            let error = parse_resource(&body, GENERIC.user).unwrap_err();
            assert_eq!(error.scim_type, Some(scim_type), "{extra}");
        }
    }

    #[test]
    fn a_second_primary_value_and_a_missing_user_name_are_rejected() {
        let two_primaries = json!({
            "userName": "a",
            "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]
        });
        assert!(validate(two_primaries.as_object().unwrap(), GENERIC.user).is_err());

        let nameless = json!({"title": "x"});
        assert!(validate(nameless.as_object().unwrap(), GENERIC.user).is_err());
    }
}
