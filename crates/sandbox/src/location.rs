//! The URIs in a resource, which depend on the base URL of the request: `meta.location` and `$ref`.
//!
//! The store keeps resources without them; a response adds them.

use serde_json::{Map, Value, json};

use super::schema::ResourceType;

/// The URI of a resource (RFC 7644 section 3.2).
pub(crate) fn location(resource_type: &ResourceType, id: &str, base: &str) -> String {
    format!("{base}{}/{id}", resource_type.endpoint)
}

/// Adds `meta.location`, and `$ref` to each of `groups` and `members`.
pub(crate) fn add_locations(
    mut resource: Map<String, Value>,
    resource_type: &'static ResourceType,
    base: &str,
) -> Map<String, Value> {
    let id = resource
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let uri = location(resource_type, id, base);
    if let Some(meta) = resource.get_mut("meta").and_then(Value::as_object_mut) {
        meta.insert("location".to_owned(), json!(uri));
    }

    for (attribute, default_endpoint) in [("groups", "Groups"), ("members", "Users")] {
        let values = resource.get_mut(attribute).and_then(Value::as_array_mut);
        for value in values.into_iter().flatten() {
            add_reference(value, default_endpoint, base);
        }
    }

    resource
}

fn add_reference(value: &mut Value, default_endpoint: &str, base: &str) {
    let endpoint = if value.get("type") == Some(&json!("Group")) {
        "Groups"
    } else {
        default_endpoint
    };
    let id = value
        .get("value")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let reference = format!("{base}/{endpoint}/{id}");

    if let Some(value) = value.as_object_mut() {
        value.insert("$ref".to_owned(), json!(reference));
    }
}
