//! One item of a body, with the headers of its request: it looks field paths up.
//!
//! An absent field keeps the attribute's value, an empty one clears it. The file knows no rules and
//! no events.

use std::collections::BTreeMap;

use http::HeaderMap;
use serde_json::Value;

use super::field_path::{FieldPath, FieldPaths, normalize_name};
use crate::event::Change;

/// One item of a body, and the headers of its request.
pub(super) struct Item<'a> {
    pub(super) value: &'a Value,
    /// The fields by their normalized names.
    fields: BTreeMap<String, &'a Value>,
    headers: &'a HeaderMap,
}

impl<'a> Item<'a> {
    /// An item whose fields are the members at the pointer `fields`, or its own members if there is
    /// nothing at the pointer.
    pub(super) fn new(value: &'a Value, fields: Option<&str>, headers: &'a HeaderMap) -> Self {
        let holder = fields
            .and_then(|pointer| value.pointer(pointer))
            .unwrap_or(value);
        let members = holder.as_object().into_iter().flatten();
        Self {
            value,
            fields: members
                .map(|(name, value)| (normalize_name(name), value))
                .collect(),
            headers,
        }
    }

    /// The text of a field: `Keep` if it is absent, `Clear` if it is empty.
    pub(super) fn text(&self, path: &FieldPath) -> Change<String> {
        match path {
            FieldPath::Pointer(pointer) => {
                self.value.pointer(pointer).map_or(Change::Keep, text_of)
            }
            FieldPath::Field(name) => self
                .fields
                .get(name)
                .map_or(Change::Keep, |value| text_of(value)),
            FieldPath::Header(name) => {
                let value = self.headers.get(name).and_then(|value| value.to_str().ok());
                value.map_or(Change::Keep, change_of)
            }
        }
    }

    /// The text of the first field that has one; `Clear` if none has a text and one is empty.
    pub(super) fn first_text(&self, paths: &FieldPaths) -> Change<String> {
        let mut found = Change::Keep;
        for path in &paths.0 {
            match self.text(path) {
                Change::Set(text) => return Change::Set(text),
                Change::Clear => found = Change::Clear,
                Change::Keep => {}
            }
        }
        found
    }

    /// The first path whose field has a text, and that text.
    pub(super) fn find<'p>(&self, paths: &'p FieldPaths) -> Option<(&'p FieldPath, String)> {
        paths
            .0
            .iter()
            .find_map(|path| self.text(path).set().cloned().map(|text| (path, text)))
    }

    /// Whether the field is a list that has this name, compared as names of fields are.
    pub(super) fn lists(&self, path: &FieldPath, name: &str) -> bool {
        let list = match path {
            FieldPath::Pointer(pointer) => self.value.pointer(pointer),
            FieldPath::Field(field) => self.fields.get(field).copied(),
            FieldPath::Header(_) => None,
        };
        let name = normalize_name(name);
        let mut elements = list.and_then(Value::as_array).into_iter().flatten();
        elements.any(|element| {
            element
                .as_str()
                .is_some_and(|text| normalize_name(text) == name)
        })
    }

    /// The names of the item's fields, as the vendor writes them, if no rule reads any of them.
    /// `fields` is the pointer of [`Item::new`]; an item without that object has no such names.
    pub(super) fn unknown_fields<'k>(
        &self,
        fields: Option<&str>,
        mut known: impl Iterator<Item = &'k str>,
    ) -> Option<Vec<&'a str>> {
        let members = self.value.pointer(fields?)?.as_object()?;
        if members.is_empty() || known.any(|name| self.fields.contains_key(name)) {
            return None;
        }
        Some(members.keys().map(String::as_str).collect())
    }

    /// Whether the field has a value: a text, or a list or object that is not empty.
    pub(super) fn has(&self, path: &FieldPath) -> bool {
        match path {
            FieldPath::Pointer(pointer) => self.value.pointer(pointer).is_some_and(has_content),
            FieldPath::Field(name) => self
                .fields
                .get(name)
                .is_some_and(|value| has_content(value)),
            FieldPath::Header(_) => self.text(path).set().is_some(),
        }
    }
}

fn has_content(value: &Value) -> bool {
    match value {
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text_of(value).set().is_some()
        }
    }
}

/// The text of a scalar, or of the `value` of an object: some vendors write `{"value": "Ada"}`.
pub(super) fn text_of(value: &Value) -> Change<String> {
    match value {
        Value::Null => Change::Clear,
        Value::String(text) => change_of(text),
        Value::Number(number) => Change::Set(number.to_string()),
        Value::Bool(boolean) => Change::Set(boolean.to_string()),
        Value::Object(members) => members
            .get("value")
            .filter(|value| !value.is_object())
            .map_or(Change::Keep, text_of),
        Value::Array(_) => Change::Keep,
    }
}

fn change_of(text: &str) -> Change<String> {
    match text.trim() {
        // MySQL prints an empty date column as `0000-00-00`.
        "" | "0000-00-00" => Change::Clear,
        text => Change::Set(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(text: &str) -> FieldPaths {
        serde_json::from_str(text).expect("paths")
    }

    #[test]
    fn a_field_is_found_by_its_label_or_api_name_as_text_or_object() {
        let headers = HeaderMap::new();
        for item in [
            json!({"fields": {"First Name": "Ada"}}),
            json!({"fields": {"firstName": {"value": "Ada"}}}),
            json!({"First+name": "Ada"}),
        ] {
            let item = Item::new(&item, Some("/fields"), &headers);
            assert_eq!(
                item.first_text(&paths(r#""field:firstName""#)),
                Change::Set("Ada".into())
            );
        }
    }

    #[test]
    fn an_absent_field_keeps_and_an_empty_field_clears() {
        let headers = HeaderMap::new();
        let value = json!({"a": null, "b": " ", "c": "0000-00-00", "d": 7});
        let item = Item::new(&value, None, &headers);
        let first_text = |text| item.first_text(&paths(text));
        assert_eq!(first_text(r#""/x""#), Change::Keep);
        assert_eq!(first_text(r#"["/x", "/a", "/b", "/c"]"#), Change::Clear);
        assert_eq!(first_text(r#"["/a", "/d"]"#), Change::Set("7".into()));
    }
}
