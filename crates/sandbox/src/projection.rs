//! Projection: the parameters `attributes` and `excludedAttributes` (RFC 7644 section 3.9).
//!
//! An attribute with `returned` always is always in the response, one with `returned` never is not.
//! Unknown names are ignored, so that a client can send the same names to every server.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::attribute::Returned;
use super::schema::{AttributePath, ResolvedName, ResourceType};
use super::scim_error::{ScimError, ScimResult};

/// The attributes that a response contains.
#[derive(Debug, Default)]
pub(crate) enum Projection {
    #[default]
    All,
    Attributes(Vec<String>),
    ExcludedAttributes(Vec<String>),
}

impl Projection {
    /// From the two parameters; an empty list is an absent parameter. Both together are
    /// `invalidValue`.
    pub(crate) fn new(attributes: Vec<String>, excluded: Vec<String>) -> ScimResult<Self> {
        match (attributes.is_empty(), excluded.is_empty()) {
            (true, true) => Ok(Self::All),
            (false, true) => Ok(Self::Attributes(attributes)),
            (true, false) => Ok(Self::ExcludedAttributes(excluded)),
            (false, false) => Err(ScimError::invalid_value(
                "use either `attributes` or `excludedAttributes`, not both",
            )),
        }
    }

    /// Removes what the response must not contain.
    pub(crate) fn apply(
        &self,
        resource: Map<String, Value>,
        resource_type: &'static ResourceType,
    ) -> Map<String, Value> {
        let resource: Map<_, _> = resource
            .into_iter()
            .filter(|(name, _)| returned(resource_type, name) != Some(Returned::Never))
            .collect();

        match self {
            Self::All => resource,
            Self::Attributes(names) => {
                select(&resource, &resolve_all(names, resource_type), resource_type)
            }
            Self::ExcludedAttributes(names) => {
                exclude(resource, &resolve_all(names, resource_type))
            }
        }
    }
}

fn returned(resource_type: &ResourceType, name: &str) -> Option<Returned> {
    resource_type
        .attribute(name)
        .map(|attribute| attribute.returned)
}

fn resolve_all(names: &[String], resource_type: &ResourceType) -> Vec<ResolvedName> {
    names
        .iter()
        .filter_map(|name| resource_type.resolve(name.trim()))
        .collect()
}

/// Extension URN (`None`: core schema) and attribute name (`None`: the whole extension).
type SelectionKey = (Option<&'static str>, Option<&'static str>);

/// The selected sub-attributes of each selected attribute; an empty list selects the whole
/// attribute.
fn selection(names: &[ResolvedName]) -> BTreeMap<SelectionKey, Vec<&'static str>> {
    let mut selection: BTreeMap<SelectionKey, Vec<&'static str>> = BTreeMap::new();

    for name in names {
        let (key, sub_attribute) = match name {
            ResolvedName::Extension(schema) => ((Some(schema.id), None), None),
            ResolvedName::Attribute(path) => (
                (
                    path.extension.map(|schema| schema.id),
                    Some(path.attribute.name),
                ),
                path.sub_attribute.map(|sub_attribute| sub_attribute.name),
            ),
        };

        match (selection.get_mut(&key), sub_attribute) {
            (None, sub_attribute) => {
                selection.insert(key, sub_attribute.into_iter().collect());
            }
            (Some(names), Some(sub_attribute)) if !names.is_empty() => names.push(sub_attribute),
            (Some(names), _) => names.clear(),
        }
    }

    selection
}

fn select(
    resource: &Map<String, Value>,
    names: &[ResolvedName],
    resource_type: &ResourceType,
) -> Map<String, Value> {
    let mut selected: Map<String, Value> = resource
        .iter()
        .filter(|(name, _)| returned(resource_type, name) == Some(Returned::Always))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();

    for ((extension, attribute), sub_attributes) in selection(names) {
        let from = match extension {
            None => Some(resource),
            Some(urn) => resource.get(urn).and_then(Value::as_object),
        };
        let Some(from) = from else { continue };

        let into = match extension {
            None => Some(&mut selected),
            Some(urn) => selected
                .entry(urn)
                .or_insert_with(|| Value::Object(Map::new()))
                .as_object_mut(),
        };
        let Some(into) = into else { continue };

        match attribute {
            None => into.extend(from.clone()),
            Some(name) => {
                if let Some(value) = from.get(name) {
                    into.insert(name.to_owned(), select_within(value, &sub_attributes));
                }
            }
        }
    }

    selected
}

/// Keeps these sub-attributes of a value, or of each value of a list.
fn select_within(value: &Value, sub_attributes: &[&str]) -> Value {
    match value {
        _ if sub_attributes.is_empty() => value.clone(),
        Value::Array(values) => values
            .iter()
            .map(|value| select_within(value, sub_attributes))
            .collect(),
        Value::Object(map) => {
            let kept = map
                .iter()
                .filter(|(name, _)| sub_attributes.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), value.clone()));
            Value::Object(kept.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn exclude(mut resource: Map<String, Value>, names: &[ResolvedName]) -> Map<String, Value> {
    for name in names {
        match name {
            ResolvedName::Extension(schema) => {
                resource.remove(schema.id);
            }
            ResolvedName::Attribute(path) if path.attribute.returned == Returned::Always => {}
            ResolvedName::Attribute(path) => exclude_path(&mut resource, path),
        }
    }

    resource
}

fn exclude_path(resource: &mut Map<String, Value>, path: &AttributePath) {
    let container = match path.extension {
        None => Some(resource),
        Some(schema) => resource.get_mut(schema.id).and_then(Value::as_object_mut),
    };
    let Some(container) = container else { return };

    let Some(sub_attribute) = path.sub_attribute else {
        container.remove(path.attribute.name);
        return;
    };
    match container.get_mut(path.attribute.name) {
        Some(Value::Array(values)) => {
            for value in values.iter_mut().filter_map(Value::as_object_mut) {
                value.remove(sub_attribute.name);
            }
        }
        Some(Value::Object(value)) => {
            value.remove(sub_attribute.name);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::{ENTERPRISE, GENERIC};

    fn project(attributes: &[&str], excluded: &[&str]) -> Value {
        let ada = json!({
            "id": "7",
            "schemas": ["x"],
            "userName": "ada",
            "password": "secret",
            "name": {"givenName": "A", "familyName": "K"},
            "emails": [{"value": "a", "type": "work"}],
            (ENTERPRISE): {"department": "M", "division": "D"}
        });
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();

        let projection = Projection::new(owned(attributes), owned(excluded)).unwrap();
        Value::Object(projection.apply(ada.as_object().unwrap().clone(), GENERIC.user))
    }

    #[test]
    fn attributes_selects_the_named_and_the_always_returned() {
        assert_eq!(
            project(&["USERNAME", "nope"], &[]),
            json!({"id": "7", "schemas": ["x"], "userName": "ada"})
        );

        let division = format!("{ENTERPRISE}:division");
        assert_eq!(
            project(&["name.givenName", "emails.value", &division], &[]),
            json!({
                "id": "7",
                "schemas": ["x"],
                "name": {"givenName": "A"},
                "emails": [{"value": "a"}],
                (ENTERPRISE): {"division": "D"}
            })
        );
    }

    #[test]
    fn excluded_attributes_are_removed_except_the_id() {
        assert_eq!(
            project(&[], &["id", "name", "emails.type", ENTERPRISE]),
            json!({"id": "7", "schemas": ["x"], "userName": "ada", "emails": [{"value": "a"}]})
        );
    }

    #[test]
    fn attributes_and_excluded_attributes_together_are_rejected() {
        assert!(Projection::new(vec!["a".into()], vec!["b".into()]).is_err());
    }
}
