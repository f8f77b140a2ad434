//! A resource as it is kept, completed with what depends on how it was reached: locations and references.

use serde_json::{Map, Value, json};

use super::schema::ResourceType;

/// The address of a resource.
pub(super) fn location(of: &ResourceType, resource: &Value, base: &str) -> String {
    address(
        of,
        resource
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default(),
        base,
    )
}

fn address(of: &ResourceType, id: &str, base: &str) -> String {
    format!("{base}{}/{id}", of.endpoint)
}

/// The resource with `meta.location`, and `$ref` of members and groups.
pub(super) fn located(
    mut map: Map<String, Value>,
    of: &'static ResourceType,
    base: &str,
) -> Map<String, Value> {
    let id = map.get("id").and_then(Value::as_str).unwrap_or_default();
    let place = address(of, id, base);
    if let Some(meta) = map.get_mut("meta").and_then(Value::as_object_mut) {
        meta.insert("location".to_owned(), json!(place));
    }
    for (list, default) in [("groups", "Groups"), ("members", "Users")] {
        for entry in map
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let folder = if entry.get("type") == Some(&json!("Group")) {
                "Groups"
            } else {
                default
            };
            let reference = format!(
                "{base}/{folder}/{}",
                entry
                    .get("value")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            );
            if let Some(entry) = entry.as_object_mut() {
                entry.insert("$ref".to_owned(), json!(reference));
            }
        }
    }
    map
}
