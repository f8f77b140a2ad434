//! JSON Schemas (2020-12) of the canonical event, generated from the types that deserialize it.
//!
//! `event.v1.json` is the envelope for every kind. `<kind>.v1.json` narrows it to one kind: its
//! `type`, the members that it requires and the members that it forbids. Each has an example.
//! `schemas/` has the generated files; a test compares them, and writes them if `UPDATE_SCHEMAS` is set.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{CloudEvent, Kind, examples::example};

/// The file name and the document of every schema, the envelope first.
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
    set(&mut document, &["examples"], json!([example(Kind::Hired)]));

    document
}

fn kind_schema(kind: Kind) -> Value {
    let is_link = matches!(kind, Kind::Linked | Kind::Unlinked);
    let needs_references = matches!(kind, Kind::Voided | Kind::AccessRestored);
    let names_previous = kind.names_previous_worker();
    let members = [
        ("previous_worker_id", names_previous, names_previous),
        ("other", is_link, is_link),
        ("refers_to", needs_references, true),
        ("employments", false, kind == Kind::Snapshot),
    ];

    let mut required = Vec::new();
    let mut properties = Map::new();
    for (name, is_required, is_allowed) in members {
        if is_required {
            required.push(name);
        }
        if !is_allowed {
            properties.insert(name.to_owned(), Value::Bool(false));
        }
    }
    if kind.ends_access() {
        let needs_boundary =
            json!({ "if": { "required": ["date"] }, "then": { "required": ["boundary"] } });
        properties.insert("effective".to_owned(), needs_boundary);
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
        "examples": [example(kind)],
    })
}

/// Sets the member at the path, and creates the objects on the way.
fn set(document: &mut Value, path: &[&str], value: Value) {
    let mut target = document;
    for name in path {
        if !target.is_object() {
            *target = Value::Object(Map::new());
        }
        let Value::Object(members) = target else {
            return;
        };
        target = members.entry(*name).or_insert(Value::Null);
    }
    *target = value;
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "the test compares with files of the repository"
    )]
    fn the_files_in_the_repository_are_the_generated_schemas() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
        let generated = schemas();
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            for (name, schema) in &generated {
                let text = serde_json::to_string_pretty(schema).expect("json") + "\n";
                fs::write(folder.join(name), text).expect("written");
            }
        }

        for (name, schema) in &generated {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
            let stored = serde_json::from_str::<Value>(&text).unwrap_or_default();
            assert_eq!(
                stored, *schema,
                "schemas/{name} is out of date: UPDATE_SCHEMAS=1 cargo test schema"
            );
        }
        assert_eq!(
            fs::read_dir(folder).expect("a folder").count(),
            generated.len(),
            "schemas/ has a file that no kind generates: delete it"
        );
    }

    #[test]
    fn the_envelope_has_the_members_and_the_kinds_of_the_types() {
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
