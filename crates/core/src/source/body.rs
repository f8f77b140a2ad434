//! Parses a raw body to a JSON value: JSON itself, or an HTML form with bracketed names.
//!
//! In a form the name `a[b][0]` is a path, so that a vendor's form and its JSON have one structure.
//! Errors never quote the body.

use serde_json::{Map, Value};

use crate::json::{self, Parsed};

/// A body with a syntax error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SyntaxError {
    /// The position of the error, never the text around it.
    #[error("the body is not valid JSON (line {line}, column {column})")]
    Json {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    #[error("the body is not a valid form: {0}")]
    Form(&'static str),
}

/// The maximum number of parts in the name of a form field.
const MAX_DEPTH: usize = 16;

/// The memory that the document of a body may take, in bytes. A body of 1 MiB with a thousand events
/// takes a quarter of it.
const MAX_MEMORY: usize = 16 * 1024 * 1024;

/// Parses JSON, and notes the members that stand twice in an object.
pub(super) fn parse_json(body: &[u8]) -> Result<Parsed, SyntaxError> {
    json::parse(body, MAX_MEMORY).map_err(|error| SyntaxError::Json {
        line: error.line(),
        column: error.column(),
    })
}

/// Parses `application/x-www-form-urlencoded` with bracketed names. An object with the keys 0, 1,
/// 2 ... becomes a list.
pub(super) fn parse_form(body: &[u8]) -> Result<Value, SyntaxError> {
    if std::str::from_utf8(body).is_err() {
        return Err(SyntaxError::Form("it is not UTF-8"));
    }

    let mut document = Value::Object(Map::new());
    for (name, value) in url::form_urlencoded::parse(body) {
        let path =
            parse_name(&name).ok_or(SyntaxError::Form("a name does not have the form a[b][c]"))?;
        insert(&mut document, &path, value.into_owned()).ok_or(SyntaxError::Form(
            "a name stands twice, or is both a value and a group",
        ))?;
    }
    Ok(with_lists(document))
}

fn parse_name(name: &str) -> Option<Vec<String>> {
    let Some((first, rest)) = name.split_once('[') else {
        return Some(vec![name.to_owned()]);
    };
    let rest = rest.strip_suffix(']')?;
    let path: Vec<_> = std::iter::once(first)
        .chain(rest.split("]["))
        .map(ToOwned::to_owned)
        .collect();
    (path.len() <= MAX_DEPTH && !first.is_empty()).then_some(path)
}

/// Inserts the value at the path; `None` if the path, or a part of it, has a value already. An empty
/// part (`a[]`) appends to a list.
fn insert(target: &mut Value, path: &[String], value: String) -> Option<()> {
    let members = target.as_object_mut()?;
    let Some((name, rest)) = path.split_first() else {
        let is_new = members.is_empty();
        *target = Value::String(value);
        return is_new.then_some(());
    };
    let name = if name.is_empty() {
        members.len().to_string()
    } else {
        name.clone()
    };
    let member = members
        .entry(name)
        .or_insert_with(|| Value::Object(Map::new()));

    insert(member, rest, value)
}

/// Turns each object with the keys 0, 1, 2 ... into a list.
fn with_lists(value: Value) -> Value {
    let Value::Object(members) = value else {
        return value;
    };
    let is_list = !members.is_empty()
        && (0..members.len()).all(|index| members.contains_key(index.to_string().as_str()));
    if !is_list {
        return Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (name, with_lists(value)))
                .collect(),
        );
    }

    let mut elements: Vec<_> = members
        .into_iter()
        .map(|(name, value)| (name.parse::<usize>().unwrap_or_default(), with_lists(value)))
        .collect();
    elements.sort_by_key(|(index, _)| *index);
    Value::Array(elements.into_iter().map(|(_, value)| value).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bracketed_names_are_paths_and_numbered_names_a_list() {
        let parsed = parse_form(
            b"employees[123][changedFields][0]=First+name\
              &employees[123][First+name]=Ren%C3%A9e&tags[]=a&tags[]=b",
        );
        let expected = json!({
            "employees": {"123": {"changedFields": ["First name"], "First name": "Renée"}},
            "tags": ["a", "b"],
        });
        assert_eq!(parsed, Ok(expected));
    }

    #[test]
    fn a_list_of_twelve_elements_keeps_its_order() {
        let text: Vec<_> = (0..12).map(|n| format!("a[{n}]={n}")).collect();
        let parsed = parse_form(text.join("&").as_bytes()).expect("a form");
        let numbers: Vec<_> = parsed["a"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|v| v.as_str().expect("text"))
            .collect();
        assert_eq!(numbers.join(" "), "0 1 2 3 4 5 6 7 8 9 10 11");
    }

    #[test]
    fn an_invalid_form_is_rejected_and_no_error_quotes_the_body() {
        for wrong in [
            &b"a[b=1"[..],
            b"a=1&a[b]=2",
            b"a[b]=2&a=1",
            b"a=1&a=2",
            b"a[b]=1&a[b]=1",
            b"\xff=1",
        ] {
            assert!(parse_form(wrong).is_err());
        }
        let error = parse_json(br#"{"name": secret}"#).expect_err("invalid JSON");
        assert!(!error.to_string().contains("secret"));
    }
}
