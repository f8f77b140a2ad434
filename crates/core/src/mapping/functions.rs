//! The functions and filters that expressions have beyond the language's own (`docs/mapping.md` lists them).
//!
//! What is absent stays absent through every one of them, and never becomes the text `None`. Each is bounded by the
//! length of what it is given; an error says what was wanted, never what was there.

#![allow(
    clippy::needless_pass_by_value,
    reason = "the language hands arguments over by value"
)]

use std::str::FromStr;

use jiff::{civil::Date, tz::TimeZone};
use minijinja::{
    Environment, Error, ErrorKind, State, Value,
    value::{Rest, ValueKind},
};

use super::text;

/// Longest text that a function takes or gives, in bytes.
const LONGEST_TEXT: usize = 10_000;

/// Elements that `join` takes: a list may be lazy and cost nothing.
const LONGEST_LIST: usize = 1_000;

/// What a function of ours says of an input it cannot take: safe to show, there is nobody's data in it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unfit(pub &'static str);

/// Adds them to the language.
pub(super) fn add_to(environment: &mut Environment<'static>) {
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

/// Whether there is nothing: absent, blank text, an empty list or object.
pub(super) fn is_empty(value: &Value) -> bool {
    if let Some(text) = value.as_str() {
        return text.trim().is_empty();
    }
    let holds_others = matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable
    );
    is_absent(value) || (holds_others && value.len() == Some(0))
}

fn is_absent(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

fn unfit(problem: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem).with_source(Unfit(problem))
}

/// The value as text; `None`: absent.
fn text_of(value: &Value) -> Result<Option<String>, Error> {
    if is_absent(value) {
        return Ok(None);
    }
    let text = match (value.as_str(), value.kind()) {
        (Some(text), _) => text.to_owned(),
        (None, ValueKind::Number) => value.to_string(),
        (None, ValueKind::Bool) => value.is_true().to_string(),
        (None, _) => return Err(unfit("text is wanted here, not a list or an object")),
    };
    if text.len() > LONGEST_TEXT {
        return Err(unfit("a text of more than 10,000 bytes"));
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
        return Err(unfit("replace needs something to look for"));
    }
    let grown = text.matches(from).count().saturating_mul(to.len());
    if grown > LONGEST_TEXT {
        return Err(unfit("a text of more than 10,000 bytes"));
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

/// The texts one after another; what is absent is left out, and nothing at all is absent.
fn concat(values: Rest<Value>) -> Result<Value, Error> {
    joined(values.iter().cloned(), "")
}

fn join(list: &Value, separator: Option<&str>) -> Result<Value, Error> {
    if is_empty(list) {
        return Ok(absent());
    }
    if list.kind() == ValueKind::String {
        return Err(unfit("join takes a list"));
    }
    joined(list.try_iter()?, separator.unwrap_or_default())
}

fn joined(values: impl Iterator<Item = Value>, separator: &str) -> Result<Value, Error> {
    let mut whole = String::new();
    for (index, value) in values.enumerate() {
        if index >= LONGEST_LIST {
            return Err(unfit("a list of more than 1,000 elements"));
        }
        let Some(text) = text_of(&value)?.filter(|text| !text.is_empty()) else {
            continue;
        };
        if !whole.is_empty() {
            whole.push_str(separator);
        }
        whole.push_str(&text);
        if whole.len() > LONGEST_TEXT {
            return Err(unfit("a text of more than 10,000 bytes"));
        }
    }
    Ok(if whole.is_empty() {
        absent()
    } else {
        Value::from(whole)
    })
}

fn split(value: &Value, separator: &str) -> Result<Value, Error> {
    let Some(text) = text_of(value)? else {
        return Ok(absent());
    };
    if separator.is_empty() {
        return Err(unfit("split needs a separator"));
    }
    Ok(text.split(separator).map(Value::from).collect())
}

fn int(value: &Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::Number {
        return value
            .as_i64()
            .map(Value::from)
            .ok_or_else(|| unfit("a whole number is wanted here"));
    }
    let Some(text) = text_of(value)? else {
        return Ok(absent());
    };
    text.trim()
        .parse::<i64>()
        .map(Value::from)
        .map_err(|_| unfit("digits are wanted here"))
}

fn civil_date(value: &Value) -> Result<Option<Date>, Error> {
    let Some(text) = text_of(value)? else {
        return Ok(None);
    };
    Date::from_str(&text)
        .map(Some)
        .map_err(|_| unfit("a date YYYY-MM-DD is wanted here"))
}

/// `date(worker.dates.start, "%d.%m.%Y")`.
fn date(value: &Value, format: &str) -> Result<Value, Error> {
    let Some(date) = civil_date(value)? else {
        return Ok(absent());
    };
    if format.len() > 100 {
        return Err(unfit("a date format has at most 100 characters"));
    }
    let text = jiff::fmt::strtime::format(format, date);
    text.map(Value::from)
        .map_err(|_| unfit("a date format such as %d.%m.%Y is wanted, without clock and zone"))
}

/// The start of that day in UTC, in Unix seconds.
fn unix_seconds(value: &Value) -> Result<Value, Error> {
    let Some(date) = civil_date(value)? else {
        return Ok(absent());
    };
    let start = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0));
    start
        .map(|start| Value::from(start.as_second()))
        .map_err(|_| unfit("a date that can be an instant is wanted"))
}

/// `lookup(table, key, default)`: the table by its name in the config, or written out as `{"d1": "Sales"}`.
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
            .ok_or_else(|| unfit("there is no such lookup table"))?,
        None => table,
    };
    if table.kind() != ValueKind::Map {
        return Err(unfit("a lookup table is a name or {\"key\": value}"));
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
mod tests {
    use minijinja::context;

    use super::*;

    fn eval(source: &str) -> Result<Value, Error> {
        let mut environment = Environment::new();
        add_to(&mut environment);
        let expression = environment.compile_expression(source)?;
        let tables = context! { sites => context! { L1 => "Berlin" } };
        expression.eval(context! { given => "Zoë", absent => (), tables })
    }

    #[test]
    fn each_does_what_the_table_in_the_docs_says() {
        for (source, expected) in [
            ("lower('ÄB') + upper('ä')", "äbÄ"),
            ("given | ascii | lower", "zoe"),
            ("left(given, 1) + right(given, 1)", "Zë"),
            ("replace('a.b', '.', '-')", "a-b"),
            ("concat('a', absent, 7, true)", "a7true"),
            ("coalesce(absent, '', ' ', 'x', 'y')", "x"),
            ("default(absent, 'x') + ('' | d('y'))", "xy"),
            ("[absent, 'a', '', 'b'] | join(' ')", "a b"),
            ("date('2026-12-01', '%d.%m.%Y')", "01.12.2026"),
            ("unix_seconds('2026-12-01')", "1796083200"),
            ("'a,b' | split(',') | last", "b"),
            ("('0042' | int) + 1", "43"),
            (
                "lookup('sites', 'L1', 'x') + lookup('sites', 'L2', 'x') + lookup('sites', absent, 'y')",
                "Berlinxy",
            ),
            ("lookup({'a': 'b'}, 'a')", "b"),
            ("slug('R&D Süd') + initials('Anna-Lena')", "r-d-suedAL"),
        ] {
            assert_eq!(eval(source).unwrap().to_string(), expected, "{source}");
        }
    }

    #[test]
    fn what_is_absent_stays_absent() {
        for source in [
            "lower(absent)",
            "upper(absent)",
            "trim(absent)",
            "ascii(absent)",
            "slug(absent)",
            "initials(absent)",
            "left(absent, 1)",
            "right(absent, 1)",
            "replace(absent, 'a', 'b')",
            "concat(absent, absent)",
            "coalesce(absent)",
            "join([absent])",
            "join(absent)",
            "date(absent, '%Y')",
            "unix_seconds(absent)",
            "absent | split(',')",
            "absent | int",
            "lookup('sites', absent)",
        ] {
            assert!(eval(source).unwrap().is_none(), "{source}");
        }
        assert!(
            eval("absent is absent and '' is absent and given is defined")
                .unwrap()
                .is_true()
        );
    }

    #[test]
    fn what_does_not_fit_is_an_error_without_the_value() {
        for source in [
            "lower(['secret'])",
            "date('secret', '%Y')",
            "date('2026-12-01', '%H %Z')",
            "unix_seconds('secret')",
            "replace('secret', '', 'x')",
            "replace('a' * 9000, 'a', 'bb')",
            "'secret' | int",
            "lookup('secret', 'a')",
            "'secret' | join",
        ] {
            let error = eval(source).expect_err(source);
            let said =
                std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Unfit>());
            assert!(
                said.is_some_and(|said| !said.to_string().contains("secret")),
                "{source}: {error:?}"
            );
        }
    }
}
