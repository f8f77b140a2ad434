//! A body read into the form that is kept: known attributes under their canonical names, values of their types.
//!
//! Unknown attributes are refused (a typing error in a mapping should be seen), read-only ones are ignored as
//! RFC 7644 section 3.3 asks, and what is null or empty is left out (RFC 7643 section 2.5).

use serde_json::{Map, Value, json};

use super::matching::assigned;
use super::refusal::{Refusal, Result};
use super::schema::{Attribute, Kind, Mutability, ResourceType, find};

/// Reads the body of a POST or PUT.
pub(super) fn resource(body: &Value, of: &'static ResourceType) -> Result<Map<String, Value>> {
    let body = body
        .as_object()
        .ok_or_else(|| Refusal::invalid_syntax("the body is no JSON object"))?;
    schemas(body, of)?;
    let mut out = Map::new();
    for (key, value) in body {
        if let Some(schema) = of.extension(key) {
            let Some(values) = value.as_object() else {
                return Err(Refusal::invalid_value(format!("{key} must be an object")));
            };
            let mut block = Map::new();
            for (name, value) in values
                .iter()
                .filter(|(name, _)| !name.eq_ignore_ascii_case("schemas"))
            {
                let attribute = find(schema.attributes, name).ok_or_else(|| {
                    Refusal::invalid_syntax(format!("{key} has no attribute `{name}`"))
                })?;
                insert(&mut block, attribute, value, &format!("{key}:"))?;
            }
            if !block.is_empty() {
                out.insert(schema.id.to_owned(), Value::Object(block));
            }
        } else if !key.eq_ignore_ascii_case("schemas") {
            let attribute = of.attribute(key).ok_or_else(|| {
                Refusal::invalid_syntax(format!("{} has no attribute `{key}`", of.name))
            })?;
            insert(&mut out, attribute, value, "")?;
        }
    }
    Ok(out)
}

fn insert(
    into: &mut Map<String, Value>,
    attribute: &'static Attribute,
    value: &Value,
    at: &str,
) -> Result<()> {
    if attribute.mutability == Mutability::ReadOnly {
        return Ok(());
    }
    if let Some(value) = whole(attribute, value, &format!("{at}{}", attribute.name))? {
        into.insert(attribute.name.to_owned(), value);
    }
    Ok(())
}

/// `schemas` must be there, name the resource's own schema, and nothing unknown (RFC 7643 section 3).
fn schemas(body: &Map<String, Value>, of: &'static ResourceType) -> Result<()> {
    let listed = body
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("schemas"))
        .map(|(_, value)| value);
    let listed = listed
        .and_then(Value::as_array)
        .ok_or_else(|| Refusal::invalid_syntax("`schemas` is missing, or no list"))?;
    let mut own = false;
    for urn in listed {
        let urn = urn
            .as_str()
            .ok_or_else(|| Refusal::invalid_syntax("`schemas` holds something that is no URN"))?;
        let base = urn.eq_ignore_ascii_case(of.core.id)
            || of.tolerated.iter().any(|t| urn.eq_ignore_ascii_case(t));
        own |= base;
        if !base && of.extension(urn).is_none() {
            return Err(Refusal::invalid_syntax(format!(
                "`{urn}` is no schema of {}",
                of.name
            )));
        }
    }
    if own {
        Ok(())
    } else {
        Err(Refusal::invalid_syntax(format!(
            "`schemas` lacks {}",
            of.core.id
        )))
    }
}

/// The value of an attribute, all of it; `None` if it is unassigned.
pub(super) fn whole(
    attribute: &'static Attribute,
    value: &Value,
    at: &str,
) -> Result<Option<Value>> {
    if !attribute.multi {
        return single(attribute, value, at);
    }
    match value {
        Value::Null => Ok(None),
        Value::Array(values) => {
            let mut out = Vec::with_capacity(values.len());
            for value in values {
                out.extend(single(attribute, value, at)?);
            }
            Ok((!out.is_empty()).then_some(Value::Array(out)))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(Refusal::invalid_value(format!("{at} must be a list")))
        }
    }
}

/// One value: all of a singular attribute, or one of a multi-valued one; `None` if it is unassigned.
pub(super) fn single(
    attribute: &'static Attribute,
    value: &Value,
    at: &str,
) -> Result<Option<Value>> {
    let wrong = |what: &str| Err(Refusal::invalid_value(format!("{at} must be {what}")));
    let value = match (attribute.kind, value) {
        (_, Value::Null) => return Ok(None),
        (Kind::Complex, Value::Object(map)) => complex(attribute, map, at)?,
        (Kind::Text | Kind::Reference | Kind::Binary, Value::String(_))
        | (Kind::Boolean, Value::Bool(_)) => value.clone(),
        (Kind::Text, Value::Number(number)) if attribute.or_number => json!(number.to_string()),
        (Kind::Integer, Value::Number(number)) if number.is_i64() => value.clone(),
        (Kind::DateTime, Value::String(text)) if text.parse::<jiff::Timestamp>().is_ok() => {
            value.clone()
        }
        (Kind::Complex, _) => return wrong("an object"),
        (Kind::Text | Kind::Reference | Kind::Binary, _) => return wrong("a string"),
        (Kind::Boolean, _) => return wrong("true or false"),
        (Kind::Integer, _) => return wrong("an integer"),
        (Kind::DateTime, _) => return wrong("a date and time"),
    };
    Ok(assigned(&value).then_some(value))
}

fn complex(attribute: &'static Attribute, map: &Map<String, Value>, at: &str) -> Result<Value> {
    let mut out = Map::new();
    for (name, value) in map {
        let sub = attribute.sub(name).ok_or_else(|| {
            Refusal::invalid_syntax(format!("{at} has no sub-attribute `{name}`"))
        })?;
        if sub.mutability == Mutability::ReadOnly {
            continue;
        }
        if let Some(value) = whole(sub, value, &format!("{at}.{}", sub.name))? {
            out.insert(sub.name.to_owned(), value);
        }
    }
    Ok(Value::Object(out))
}

/// What must be true of a resource before it is kept: required attributes are there, one primary each at most.
pub(super) fn check(resource: &Map<String, Value>, of: &'static ResourceType) -> Result<()> {
    for attribute in of.core.attributes {
        let value = resource.get(attribute.name);
        if attribute.required && !value.is_some_and(assigned) {
            return Err(Refusal::invalid_value(format!(
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
            return Err(Refusal::invalid_value(format!(
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
    use crate::attributes::{ENTERPRISE, GENERIC, USER};

    #[test]
    fn names_become_canonical_read_only_is_ignored_and_empty_is_left_out() {
        let body = json!({
            "SCHEMAS": [USER, ENTERPRISE], "id": "mine", "USERNAME": "ada", "title": "", "nickName": null, "emails": [],
            "groups": [{"value": "1"}], "Name": {"GIVENNAME": "Ada"},
            (ENTERPRISE): {"Manager": {"value": "7", "displayName": "Bo"}}
        });
        let got = resource(&body, GENERIC.user).unwrap();
        assert_eq!(
            Value::Object(got),
            json!({"userName": "ada", "name": {"givenName": "Ada"}, (ENTERPRISE): {"manager": {"value": "7"}}})
        );
    }

    #[test]
    fn wrong_types_unknown_names_and_wrong_schemas_are_refused_by_kind() {
        for (extra, want) in [
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
            assert_eq!(
                resource(&body, GENERIC.user).unwrap_err().scim_type,
                Some(want),
                "{extra}"
            );
        }
    }

    #[test]
    fn a_second_primary_and_a_missing_user_name_are_refused() {
        let twice = json!({"userName": "a", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]});
        assert!(check(twice.as_object().unwrap(), GENERIC.user).is_err());
        assert!(check(json!({"title": "x"}).as_object().unwrap(), GENERIC.user).is_err());
    }
}
