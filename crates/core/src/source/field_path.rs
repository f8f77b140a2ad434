//! Where in a request a fact is found: a place, written as text in a preset, and the item it is looked up in.
//!
//! `/a/b` is a JSON pointer (RFC 6901) into the item, `header:Name` a header of the request, `field:Name` a field of
//! the item by a name compared without case, spaces and punctuation (`First Name` is `firstName`).

use std::collections::BTreeMap;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use crate::event::Change;

/// A place in a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum FieldPath {
    /// A JSON pointer into the item.
    Pointer(String),
    /// A header of the request.
    Header(String),
    /// A field of the item, its name loosened.
    Field(String),
}

impl TryFrom<String> for FieldPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("header", name)) if !name.is_empty() => Ok(Self::Header(name.to_owned())),
            Some(("field", name)) if !loosen(name).is_empty() => Ok(Self::Field(loosen(name))),
            _ if text.starts_with('/') => Ok(Self::Pointer(text)),
            _ => Err(format!(
                "`{text}` is no place (expected a JSON pointer, header:Name or field:Name)"
            )),
        }
    }
}

/// Several places for one fact: the first that says something counts. In a preset: one text, or a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "OneOrMore")]
pub(super) struct FieldPaths(pub(super) Vec<FieldPath>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(FieldPath),
    More(Vec<FieldPath>),
}

impl From<OneOrMore> for FieldPaths {
    fn from(places: OneOrMore) -> Self {
        Self(match places {
            OneOrMore::One(place) => vec![place],
            OneOrMore::More(places) => places,
        })
    }
}

impl FieldPaths {
    /// The headers among them.
    pub(super) fn headers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|place| match place {
            FieldPath::Header(name) => Some(name.as_str()),
            FieldPath::Pointer(_) | FieldPath::Field(_) => None,
        })
    }
}

/// One item of a body, with the headers that came with it.
pub(super) struct Item<'a> {
    /// The item itself.
    pub(super) value: &'a Value,
    fields: BTreeMap<String, &'a Value>,
    headers: &'a HeaderMap,
}

impl<'a> Item<'a> {
    /// An item whose fields are the members at that pointer, or, where nothing is there, its own.
    pub(super) fn new(value: &'a Value, fields: Option<&str>, headers: &'a HeaderMap) -> Self {
        let holder = fields
            .and_then(|pointer| value.pointer(pointer))
            .unwrap_or(value);
        let members = holder.as_object().into_iter().flatten();
        Self {
            value,
            fields: members.map(|(name, value)| (loosen(name), value)).collect(),
            headers,
        }
    }

    /// The text at a place: kept where it is absent, cleared where it is there and empty.
    pub(super) fn text(&self, place: &FieldPath) -> Change<String> {
        match place {
            FieldPath::Pointer(pointer) => {
                self.value.pointer(pointer).map_or(Change::Keep, text_of)
            }
            FieldPath::Field(name) => self
                .fields
                .get(name)
                .map_or(Change::Keep, |value| text_of(value)),
            FieldPath::Header(name) => {
                let value = self.headers.get(name).and_then(|value| value.to_str().ok());
                value.map_or(Change::Keep, stated)
            }
        }
    }

    /// The first of the places that has a text; cleared if none has, but one is there and empty.
    pub(super) fn first(&self, places: &FieldPaths) -> Change<String> {
        let mut found = Change::Keep;
        for place in &places.0 {
            match self.text(place) {
                Change::Set(text) => return Change::Set(text),
                Change::Clear => found = Change::Clear,
                Change::Keep => {}
            }
        }
        found
    }

    /// The first of the places that has a text, and which one it was.
    pub(super) fn found<'p>(&self, places: &'p FieldPaths) -> Option<(&'p FieldPath, String)> {
        places
            .0
            .iter()
            .find_map(|place| self.text(place).set().cloned().map(|text| (place, text)))
    }

    /// Whether there is something at the place: a text, or a list or object that is not empty.
    pub(super) fn has(&self, place: &FieldPath) -> bool {
        let full = |value: &Value| match value {
            Value::Array(elements) => !elements.is_empty(),
            Value::Object(members) => !members.is_empty(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                text_of(value).set().is_some()
            }
        };
        match place {
            FieldPath::Pointer(pointer) => self.value.pointer(pointer).is_some_and(full),
            FieldPath::Field(name) => self.fields.get(name).is_some_and(|value| full(value)),
            FieldPath::Header(_) => self.text(place).set().is_some(),
        }
    }
}

/// The text of a scalar, or of the `value` of an object (`{"value": "Ada"}`, as some vendors write a field).
pub(super) fn text_of(value: &Value) -> Change<String> {
    match value {
        Value::Null => Change::Clear,
        Value::String(text) => stated(text),
        Value::Number(number) => Change::Set(number.to_string()),
        Value::Bool(truth) => Change::Set(truth.to_string()),
        Value::Object(members) => members
            .get("value")
            .filter(|value| !value.is_object())
            .map_or(Change::Keep, text_of),
        Value::Array(_) => Change::Keep,
    }
}

fn stated(text: &str) -> Change<String> {
    match text.trim() {
        // A date column without a date, as MySQL prints it.
        "" | "0000-00-00" => Change::Clear,
        text => Change::Set(text.to_owned()),
    }
}

fn loosen(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(text: &str) -> FieldPaths {
        serde_json::from_str(text).expect("places")
    }

    #[test]
    fn a_field_is_found_by_label_or_alias_bare_or_as_an_object() {
        let headers = HeaderMap::new();
        for item in [
            json!({"fields": {"First Name": "Ada"}}),
            json!({"fields": {"firstName": {"value": "Ada"}}}),
            json!({"First+name": "Ada"}),
        ] {
            let item = Item::new(&item, Some("/fields"), &headers);
            assert_eq!(
                item.first(&places(r#""field:firstName""#)),
                Change::Set("Ada".into())
            );
        }
    }

    #[test]
    fn absent_keeps_and_empty_clears() {
        let (headers, item) = (
            HeaderMap::new(),
            json!({"a": null, "b": " ", "c": "0000-00-00", "d": 7}),
        );
        let item = Item::new(&item, None, &headers);
        let first = |text| item.first(&places(text));
        assert_eq!(first(r#""/x""#), Change::Keep);
        assert_eq!(first(r#"["/x", "/a", "/b", "/c"]"#), Change::Clear);
        assert_eq!(first(r#"["/a", "/d"]"#), Change::Set("7".into()));
    }

    #[test]
    fn a_place_must_say_what_it_is() {
        for wrong in ["a", "", "header:", "field:#", "head:x"] {
            assert!(FieldPath::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
