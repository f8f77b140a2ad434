//! From raw bytes to a JSON value: JSON as it is, or an HTML form whose names are paths (`a[b][0]=c`).

use serde_json::{Map, Value};

/// Why a body is neither.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotRead {
    /// It is no JSON; line and column, never its text.
    #[error("the body is no JSON (line {line}, column {column})")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// It is no form.
    #[error("the body is no form: {0}")]
    Form(&'static str),
}

/// Deepest nesting of a form's names.
const DEEPEST: usize = 16;

/// Reads JSON.
pub(super) fn json(body: &[u8]) -> Result<Value, NotRead> {
    serde_json::from_slice(body).map_err(|error| NotRead::Json {
        line: error.line(),
        column: error.column(),
    })
}

/// Reads `application/x-www-form-urlencoded` with bracketed names. An object whose keys are 0, 1, 2 ... is a list.
pub(super) fn form(body: &[u8]) -> Result<Value, NotRead> {
    if std::str::from_utf8(body).is_err() {
        return Err(NotRead::Form("it is not UTF-8"));
    }
    let mut whole = Value::Object(Map::new());
    for (name, value) in url::form_urlencoded::parse(body) {
        let path = path(&name).ok_or(NotRead::Form("a name is not of the form a[b][c]"))?;
        put(&mut whole, &path, value.into_owned())
            .ok_or(NotRead::Form("a name is both a value and a group"))?;
    }
    Ok(listed(whole))
}

fn path(name: &str) -> Option<Vec<String>> {
    let Some((first, rest)) = name.split_once('[') else {
        return Some(vec![name.to_owned()]);
    };
    let rest = rest.strip_suffix(']')?;
    let path: Vec<_> = std::iter::once(first)
        .chain(rest.split("]["))
        .map(ToOwned::to_owned)
        .collect();
    (path.len() <= DEEPEST && !first.is_empty()).then_some(path)
}

/// Puts the value at the path; `None` where something else is in the way.
fn put(place: &mut Value, path: &[String], value: String) -> Option<()> {
    let Some((name, rest)) = path.split_first() else {
        *place = Value::String(value);
        return Some(());
    };
    let members = place.as_object_mut()?;
    let name = if name.is_empty() {
        members.len().to_string()
    } else {
        name.clone()
    };
    let next = members
        .entry(name)
        .or_insert_with(|| Value::Object(Map::new()));
    put(next, rest, value)
}

fn listed(value: Value) -> Value {
    let Value::Object(members) = value else {
        return value;
    };
    let is_list = !members.is_empty()
        && (0..members.len()).all(|index| members.contains_key(index.to_string().as_str()));
    if !is_list {
        return Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (name, listed(value)))
                .collect(),
        );
    }
    let mut elements: Vec<_> = members
        .into_iter()
        .map(|(name, value)| (name.parse::<usize>().unwrap_or_default(), listed(value)))
        .collect();
    elements.sort_by_key(|(index, _)| *index);
    Value::Array(elements.into_iter().map(|(_, value)| value).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bracketed_names_are_paths_and_counted_ones_a_list() {
        let read = form(
            b"employees[123][changedFields][0]=First+name&employees[123][First+name]=Ren%C3%A9e&tags[]=a&tags[]=b",
        );
        let expected = json!({
            "employees": {"123": {"changedFields": ["First name"], "First name": "Renée"}},
            "tags": ["a", "b"],
        });
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn a_list_of_a_dozen_keeps_its_order() {
        let text: Vec<_> = (0..12).map(|n| format!("a[{n}]={n}")).collect();
        let read = form(text.join("&").as_bytes()).expect("a form");
        let numbers: Vec<_> = read["a"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|v| v.as_str().expect("text"))
            .collect();
        assert_eq!(numbers.join(" "), "0 1 2 3 4 5 6 7 8 9 10 11");
    }

    #[test]
    fn what_is_no_form_is_refused_and_nothing_of_it_is_told() {
        for wrong in [&b"a[b=1"[..], b"a=1&a[b]=2", b"\xff=1"] {
            assert!(form(wrong).is_err());
        }
        let error = json(br#"{"name": secret}"#).expect_err("no JSON");
        assert!(!error.to_string().contains("secret"));
    }
}
