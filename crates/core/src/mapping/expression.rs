//! One expression: read and checked at start, then evaluated on people.
//!
//! The language is minijinja's expressions with strict names, a budget of steps and no templates. Compiling finds all
//! that can be wrong without a person; evaluating gives JSON, nothing for what is absent, or an error that says where
//! in the source, never what was in the person.

use std::{collections::BTreeMap, fmt, ops::Range, sync::LazyLock};

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, value::ValueKind};
use serde_json::Value;

use super::{
    EvaluationError,
    functions::{self, Unfit},
    names::{self, Problem},
    tokens::{Kind, tokens},
    view::View,
};

/// Longest source, in characters.
const LONGEST_SOURCE: usize = 2_000;
/// Parts (elements, members) that a result may have.
const LARGEST_RESULT: usize = 1_000;
/// Steps that one evaluation may take.
const FUEL: u64 = 10_000;

static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true); // gives errors their place
    functions::add_to(&mut environment);
    environment
});

/// A compiled expression.
pub(super) struct Expression {
    at: String,
    source: String,
    compiled: minijinja::Expression<'static, 'static>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expression")
            .field("at", &self.at)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Expression {
    /// Reads and checks the source; `at` names it in errors, `tables` are those `lookup` may name.
    pub(super) fn compile<T>(
        at: &str,
        source: &str,
        tables: &BTreeMap<String, T>,
    ) -> Result<Self, Vec<Problem>> {
        let compiled = parse(source).map_err(|problem| vec![problem])?;
        let wrong = names::check(source, tables);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Self {
            at: at.to_owned(),
            source: source.to_owned(),
            compiled,
        })
    }

    /// The value for this person; `None`: absent, also where it cannot be computed because a part is absent.
    pub(super) fn value(&self, view: &View) -> Result<Option<Value>, EvaluationError> {
        let value = match self.eval(view) {
            Ok(value) => value,
            Err(error) if says_absent(&error, view) => return Ok(None),
            Err(error) => return Err(self.error(&error)),
        };
        match json(&value, &mut { LARGEST_RESULT }) {
            Ok(json) => Ok(present(json)),
            Err(Unfit(problem)) => Err(self.failed(problem)),
        }
    }

    /// The value as text, for `externalId`, names of groups and match keys.
    pub(super) fn text(&self, view: &View) -> Result<Option<String>, EvaluationError> {
        let Some(value) = self.value(view)? else {
            return Ok(None);
        };
        plain_text(&value)
            .map(Some)
            .ok_or_else(|| self.failed("the result is a list or an object, not text"))
    }

    /// Whether the condition holds for this person.
    pub(super) fn holds(&self, view: &View) -> Result<bool, EvaluationError> {
        Ok(self
            .eval(view)
            .map_err(|error| self.error(&error))?
            .is_true())
    }

    /// Fails as this expression.
    pub(super) fn failed(&self, problem: &str) -> EvaluationError {
        EvaluationError {
            at: self.at.clone(),
            problem: problem.to_owned(),
        }
    }

    fn eval(&self, view: &View) -> Result<minijinja::Value, Error> {
        view.start();
        self.compiled.eval(view.root())
    }

    /// The language's own details may quote the person's data: only the kind, our own words and the source are shown.
    fn error(&self, error: &Error) -> EvaluationError {
        let own =
            std::error::Error::source(error).and_then(|source| source.downcast_ref::<Unfit>());
        let what = own.map_or_else(|| described(error.kind()), |own| own.0);
        let place = error
            .range()
            .and_then(|range| self.source.get(range))
            .unwrap_or(&self.source);
        self.failed(&format!("{what}, at `{place}`"))
    }
}

/// The value as JSON. A list may be lazy and endless (`[1] * 100000000` costs one step): what is left of the budget
/// bounds it.
fn json(value: &minijinja::Value, budget: &mut usize) -> Result<Value, Unfit> {
    *budget = budget
        .checked_sub(1)
        .ok_or(Unfit("the result has more than 1,000 parts"))?;
    let strange = || Unfit("the result is neither text, number, boolean, list nor object");
    let parts = || value.try_iter().map_err(|_| strange());
    let kind = value.kind();
    if value.is_undefined() || value.is_none() {
        return Ok(Value::Null);
    }
    if let Some(text) = value.as_str() {
        return Ok(Value::from(text));
    }
    if matches!(kind, ValueKind::Bool | ValueKind::Number) {
        return serde_json::to_value(value).map_err(|_| strange());
    }
    if matches!(kind, ValueKind::Seq | ValueKind::Iterable) {
        return parts()?.map(|element| json(&element, budget)).collect();
    }
    if kind != ValueKind::Map {
        return Err(strange());
    }
    let mut members = serde_json::Map::new();
    for name in parts()? {
        let member = value.get_item(&name).map_err(|_| strange())?;
        members.insert(name.to_string(), json(&member, budget)?);
    }
    Ok(Value::Object(members))
}

/// A number, boolean or text as text.
pub(super) fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The value without what is absent in it; `None`: nothing is left.
pub(super) fn present(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::Array(elements) => {
            let elements: Vec<Value> = elements.into_iter().filter_map(present).collect();
            (!elements.is_empty()).then_some(Value::Array(elements))
        }
        Value::Object(members) => {
            let members: serde_json::Map<String, Value> = members
                .into_iter()
                .filter_map(|(name, value)| Some((name, present(value)?)))
                .collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        value @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => Some(value),
    }
}

/// Names are checked beforehand, so what is undefined now is an element that is not there; and an operation that does
/// not fit its values does not because one of them is absent, if one was.
fn says_absent(error: &Error, view: &View) -> bool {
    let kind = error.kind();
    kind == ErrorKind::UndefinedError || (kind == ErrorKind::InvalidOperation && view.met_absent())
}

fn described(kind: ErrorKind) -> &'static str {
    const KNOWN: [(ErrorKind, &str); 5] = [
        (
            ErrorKind::InvalidOperation,
            "an operation that does not fit its values",
        ),
        (ErrorKind::OutOfFuel, "more than 10,000 steps"),
        (
            ErrorKind::UndefinedError,
            "an element or member that is not there",
        ),
        (ErrorKind::TooManyArguments, "too many arguments"),
        (ErrorKind::MissingArgument, "an argument is missing"),
    ];
    KNOWN
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or("the expression fails", |(_, words)| words)
}

fn parse(source: &str) -> Result<minijinja::Expression<'static, 'static>, Problem> {
    let whole = |problem: String| Problem {
        range: Some(0..source.len()),
        problem,
    };
    if source.trim().is_empty() {
        return Err(whole(
            "an expression is missing: leave the key out to have no value".into(),
        ));
    }
    let length = source.chars().count();
    if length > LONGEST_SOURCE {
        return Err(whole(format!(
            "{length} characters; an expression has at most {LONGEST_SOURCE}"
        )));
    }
    if source.trim_start().starts_with("{{") {
        return Err(whole(
            "this is an expression already: leave out `{{` and `}}`".into(),
        ));
    }
    let compiled = compiled(source).map_err(|error| syntax(&error, source, 0))?;
    // The language's parser takes a lexer's error right after a quoted text for the end of the expression: without
    // this, `'a' && x` would mean `'a'`. In brackets it must find the closing one.
    let bracketed = format!("({source})");
    match compiled_in_brackets(&bracketed) {
        Ok(()) => Ok(compiled),
        Err(error) => {
            let range = strange_sign(source).or_else(|| syntax(&error, source, 1).range);
            let problem =
                "unexpected character after the text in quotes; use and / or / not".into();
            Err(Problem { range, problem })
        }
    }
}

/// The first sign that the language does not have.
fn strange_sign(source: &str) -> Option<Range<usize>> {
    const SIGNS: &str = "+-*/%()[]{},.:|~=<>!";
    let mut tokens = tokens(source).into_iter();
    let strange = tokens.find(
        |token| matches!(token.kind, Kind::Sign(sign) if !sign.chars().all(|c| SIGNS.contains(c))),
    );
    strange.map(|token| token.range)
}

fn compiled(source: &str) -> Result<minijinja::Expression<'static, 'static>, Error> {
    LANGUAGE.compile_expression_owned(source.to_owned())
}

fn compiled_in_brackets(source: &str) -> Result<(), Error> {
    LANGUAGE.compile_expression(source).map(|_| ())
}

fn syntax(error: &Error, source: &str, shift: usize) -> Problem {
    let place = |range: Range<usize>| {
        let end = range.end.saturating_sub(shift).min(source.len());
        range.start.saturating_sub(shift).min(end)..end
    };
    let detail = error.detail().unwrap_or("it cannot be read");
    Problem {
        range: error.range().map(place),
        problem: format!("not an expression: {detail}"),
    }
}

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;
