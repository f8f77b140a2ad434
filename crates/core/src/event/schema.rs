//! JSON Schemas (2020-12) of the canonical event, generated from the types that read it.
//!
//! `event.v1.json` is the envelope with every kind; `<kind>.v1.json` narrows it to one kind: its `type`, what it must
//! carry and what it must not. `schemas/` holds what is generated; a test compares.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{CloudEvent, Kind};

/// Every schema: file name and document, the envelope first.
pub fn schemas() -> Vec<(String, Value)> {
    let kinds = Kind::ALL
        .into_iter()
        .map(|kind| (format!("{kind}.v1.json"), kind_schema(kind)));
    std::iter::once(("event.v1.json".to_owned(), event_schema()))
        .chain(kinds)
        .collect()
}

fn event_schema() -> Value {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<CloudEvent>();
    let mut document = schema.to_value();
    let names: Vec<_> = Kind::ALL.into_iter().map(Kind::type_name).collect();
    set(&mut document, &["title"], json!("Canonical HR event"));
    set(
        &mut document,
        &["properties", "specversion", "const"],
        json!("1.0"),
    );
    set(&mut document, &["properties", "type", "enum"], json!(names));
    document
}

fn kind_schema(kind: Kind) -> Value {
    let mut required = Vec::new();
    let mut properties = Map::new();
    let mut rule = |name: &str, needed: bool, allowed: bool| {
        if needed {
            required.push(name.to_owned());
        } else if !allowed {
            properties.insert(name.to_owned(), Value::Bool(false));
        }
    };
    let is_link = matches!(kind, Kind::Linked | Kind::Unlinked);
    rule("previous_worker_id", kind.names_previous_worker(), false);
    rule("other", is_link, false);
    rule(
        "refers_to",
        matches!(kind, Kind::Voided | Kind::AccessRestored),
        true,
    );
    rule("employments", false, kind == Kind::Snapshot);
    if kind.ends_access() {
        let says_which_end =
            json!({ "if": { "required": ["date"] }, "then": { "required": ["boundary"] } });
        properties.insert("effective".to_owned(), says_which_end);
    }
    let mut data = json!({ "properties": properties });
    let mut top = vec!["type"];
    if !required.is_empty() {
        set(&mut data, &["required"], json!(required));
        top.push("data");
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Canonical HR event: {kind}"),
        "allOf": [{ "$ref": "event.v1.json" }],
        "properties": { "type": { "const": kind.type_name() }, "data": data },
        "required": top,
    })
}

/// Sets a member, making the objects on the way to it.
fn set(document: &mut Value, path: &[&str], value: Value) {
    let mut place = document;
    for name in path {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(members) = place else {
            return;
        };
        place = members.entry(*name).or_insert(Value::Null);
    }
    *place = value;
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn what_is_checked_in_is_what_is_generated() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
        let generated = schemas();
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::create_dir_all(&folder).expect("a folder");
            for (name, schema) in &generated {
                let text = serde_json::to_string_pretty(schema).expect("json") + "\n";
                fs::write(folder.join(name), text).expect("written");
            }
        }
        for (name, schema) in &generated {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
            let kept = serde_json::from_str::<Value>(&text).unwrap_or_default();
            assert_eq!(
                kept, *schema,
                "schemas/{name} is out of date: UPDATE_SCHEMAS=1 cargo test schema"
            );
        }
        assert_eq!(
            fs::read_dir(folder).expect("a folder").count(),
            generated.len(),
            "a schema of no kind is left over"
        );
    }

    #[test]
    fn the_envelope_names_every_member_that_is_read() {
        let schema = event_schema();
        let data = &schema["$defs"]["EventData"]["properties"];
        for member in [
            "effective",
            "employment_id",
            "employments",
            "supersedes",
            "refers_to",
            "previous_worker_id",
            "worker",
        ] {
            assert!(data.get(member).is_some(), "{member}");
        }
        let worker = &schema["$defs"]["WorkerChanges"]["properties"];
        assert!(worker.get("type").is_some() && worker.get("cost_center").is_some());
        assert_eq!(
            schema["properties"]["type"]["enum"]
                .as_array()
                .map(Vec::len),
            Some(Kind::ALL.len())
        );
    }
}
