//! The functions, filters and tests that expressions have beyond minijinja's own.
//!
//! `docs/mapping.md` lists them. Each of them passes an absent value on as absent and never turns
//! it into the text `None`. Inputs and results are limited in length. An error states what was
//! expected and never quotes the value.

#![allow(
    clippy::needless_pass_by_value,
    reason = "minijinja passes arguments by value"
)]

use std::str::FromStr;

use jiff::{civil::Date, tz::TimeZone};
use minijinja::{
    Environment, Error, ErrorKind, State, Value,
    value::{Rest, ValueKind},
};

use super::text;

/// The longest text that a function takes or returns, in bytes.
const MAX_TEXT: usize = 10_000;

const TEXT_TOO_LONG: &str = "a text has more than 10,000 bytes";

/// The most elements that `join` and `concat` take. A lazy list of any length takes only one step.
const MAX_ELEMENTS: usize = 1_000;

/// An input that a function cannot take. The message may be shown: it holds no personal data.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct InputError(pub &'static str);

/// Adds functions, filters and tests to the environment.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    // Adds a function under the same name as a filter.
    macro_rules! both {
        ($($name:literal: $function:expr),+ $(,)?) => {
            $(environment.add_function($name, $function);
            environment.add_filter($name, $function);)+
        };
    }

    both! {
        "lower": |value: &Value| on_text(value, str::to_lowercase),
        "upper": |value: &Value| on_text(value, str::to_uppercase),
        "trim": |value: &Value| on_text(value, |text| text.trim().to_owned()),
        "ascii": |value: &Value| on_text(value, text::ascii),
        "slug": |value: &Value| on_text(value, text::slug),
        "initials": |value: &Value| on_text(value, text::initials),
        "left": |value: &Value, count: usize| on_text(value, |text| text::left(text, count)),
        "right": |value: &Value, count: usize| on_text(value, |text| text::right(text, count)),
        "replace": replace,
        "default": default,
        "join": join,
        "date": date,
        "unix_seconds": unix_seconds,
    }

    environment.add_filter("d", default);
    environment.add_filter("split", split);
    environment.add_filter("int", int);

    environment.add_function("concat", concat);
    environment.add_function("coalesce", coalesce);
    environment.add_function("lookup", lookup);

    environment.add_test("absent", |value: &Value| is_empty(value));
    environment.add_test("defined", |value: &Value| !is_empty(value));
    environment.add_test("undefined", |value: &Value| is_empty(value));
}

/// Whether the value counts as absent: none, blank text, an empty list or object.
pub(super) fn is_empty(value: &Value) -> bool {
    if let Some(text) = value.as_str() {
        return text.trim().is_empty();
    }

    let is_collection = matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable
    );
    is_absent(value) || (is_collection && value.len() == Some(0))
}

fn is_absent(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

fn input_error(problem: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem).with_source(InputError(problem))
}

/// The value as text; `None`: it is absent.
fn text_of(value: &Value) -> Result<Option<String>, Error> {
    if is_absent(value) {
        return Ok(None);
    }

    let text = match (value.as_str(), value.kind()) {
        (Some(text), _) => text.to_owned(),
        (None, ValueKind::Number) => value.to_string(),
        (None, ValueKind::Bool) => value.is_true().to_string(),
        (None, _) => return Err(input_error("expected text, not a list or an object")),
    };

    if text.len() > MAX_TEXT {
        return Err(input_error(TEXT_TOO_LONG));
    }

    Ok(Some(text))
}

fn on_text(value: &Value, change: impl FnOnce(&str) -> String) -> Result<Value, Error> {
    Ok(text_of(value)?.map_or_else(absent, |text| Value::from(change(&text))))
}

fn absent() -> Value {
    Value::from(())
}

fn replace(value: &Value, from: &str, to: &str) -> Result<Value, Error> {
    let Some(text) = text_of(value)? else {
        return Ok(absent());
    };
    if from.is_empty() {
        return Err(input_error("replace expects a text to search for"));
    }

    let added = text.matches(from).count().saturating_mul(to.len());
    if added > MAX_TEXT {
        return Err(input_error(TEXT_TOO_LONG));
    }
    Ok(Value::from(text.replace(from, to)))
}

fn default(value: &Value, fallback: Value) -> Value {
    if is_empty(value) {
        fallback
    } else {
        value.clone()
    }
}

fn coalesce(values: Rest<Value>) -> Value {
    values
        .iter()
        .find(|value| !is_empty(value))
        .cloned()
        .unwrap_or_else(absent)
}

/// The texts one after another, without absent values. If all of them are absent, so is the result.
fn concat(values: Rest<Value>) -> Result<Value, Error> {
    joined(values.iter().cloned(), "")
}

fn join(list: &Value, separator: Option<&str>) -> Result<Value, Error> {
    if is_empty(list) {
        return Ok(absent());
    }
    if list.kind() == ValueKind::String {
        return Err(input_error("join expects a list"));
    }
    joined(list.try_iter()?, separator.unwrap_or_default())
}

fn joined(values: impl Iterator<Item = Value>, separator: &str) -> Result<Value, Error> {
    let mut result = String::new();
    for (index, value) in values.enumerate() {
        if index >= MAX_ELEMENTS {
            return Err(input_error("a list has more than 1,000 elements"));
        }
        let Some(text) = text_of(&value)?.filter(|text| !text.is_empty()) else {
            continue;
        };

        if !result.is_empty() {
            result.push_str(separator);
        }
        result.push_str(&text);
        if result.len() > MAX_TEXT {
            return Err(input_error(TEXT_TOO_LONG));
        }
    }

    Ok(if result.is_empty() {
        absent()
    } else {
        Value::from(result)
    })
}

fn split(value: &Value, separator: &str) -> Result<Value, Error> {
    let Some(text) = text_of(value)? else {
        return Ok(absent());
    };
    if separator.is_empty() {
        return Err(input_error("split expects a separator"));
    }
    Ok(text.split(separator).map(Value::from).collect())
}

fn int(value: &Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::Number {
        return value
            .as_i64()
            .map(Value::from)
            .ok_or_else(|| input_error("expected a whole number"));
    }

    let Some(text) = text_of(value)? else {
        return Ok(absent());
    };
    text.trim()
        .parse::<i64>()
        .map(Value::from)
        .map_err(|_| input_error("expected digits"))
}

fn civil_date(value: &Value) -> Result<Option<Date>, Error> {
    let Some(text) = text_of(value)? else {
        return Ok(None);
    };
    Date::from_str(&text)
        .map(Some)
        .map_err(|_| input_error("expected a date as YYYY-MM-DD"))
}

/// `date(worker.dates.start, "%d.%m.%Y")`: the date in a format of `strftime`.
fn date(value: &Value, format: &str) -> Result<Value, Error> {
    let Some(date) = civil_date(value)? else {
        return Ok(absent());
    };
    if format.len() > 100 {
        return Err(input_error("a date format has at most 100 bytes"));
    }
    let text = jiff::fmt::strtime::format(format, date);
    text.map(Value::from)
        .map_err(|_| input_error("expected a date format such as %d.%m.%Y, without time and zone"))
}

/// `unix_seconds(worker.dates.start)`: the start of the day in UTC, in seconds since 1970.
fn unix_seconds(value: &Value) -> Result<Value, Error> {
    let Some(date) = civil_date(value)? else {
        return Ok(absent());
    };
    let start = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0));
    start
        .map(|start| Value::from(start.as_second()))
        .map_err(|_| input_error("the date is out of range"))
}

/// `lookup(table, key, default)`: the value of a key in a table of the config, named by a text, or
/// in a table that is given as `{"d1": "Sales"}`.
fn lookup(
    state: &State,
    table: Value,
    key: &Value,
    fallback: Option<Value>,
) -> Result<Value, Error> {
    let fallback = fallback.unwrap_or_else(absent);
    let table = match table.as_str() {
        Some(name) => state
            .lookup("tables")
            .and_then(|tables| tables.get_attr(name).ok())
            .filter(|table| !table.is_undefined())
            .ok_or_else(|| input_error("the lookup table does not exist"))?,
        None => table,
    };

    if table.kind() != ValueKind::Map {
        return Err(input_error(
            "expected a table by name or as {\"key\": value}",
        ));
    }

    let Some(key) = text_of(key)? else {
        return Ok(fallback);
    };
    let found = table.get_attr(&key)?;
    Ok(if found.is_undefined() {
        fallback
    } else {
        found
    })
}

#[cfg(test)]
#[path = "functions_tests.rs"]
mod tests;
