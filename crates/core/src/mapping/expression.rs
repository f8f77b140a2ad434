//! One expression of a mapping: compiled once, then evaluated for people.
//!
//! The language is that of minijinja expressions with strict names, a limit of steps and no
//! templates. Compiling finds every fault that does not depend on a person. Evaluating gives JSON,
//! `None` for an absent value, or an error that quotes the source and never the person's data.

use std::{collections::BTreeMap, fmt, ops::Range, sync::LazyLock};

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, value::ValueKind};
use serde_json::Value;

use super::{
    faults::{EvaluationError, ExpressionFault},
    functions::{self, InputError},
    json_value::{plain_text, present},
    names,
    tokens::{TokenKind, tokens},
    view::View,
};

/// The longest source, in characters.
const MAX_SOURCE: usize = 2_000;
/// The most values in a result, including elements and members.
const MAX_VALUES: usize = 1_000;
/// The most steps of one evaluation.
const FUEL: u64 = 10_000;

static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // Errors then state their range in the source.
    environment.set_debug(true);
    functions::add_to(&mut environment);
    environment
});

/// An expression that can be evaluated for a person.
pub(super) struct Expression {
    /// Its name in errors, such as `mapping.title`.
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
    /// Parses and checks the source. `at` names it in errors; `tables` are those that `lookup` may
    /// name.
    pub(super) fn compile<T>(
        at: &str,
        source: &str,
        tables: &BTreeMap<String, T>,
    ) -> Result<Self, Vec<ExpressionFault>> {
        let compiled = parse(source).map_err(|fault| vec![fault])?;
        let faults = names::check(source, tables);
        if !faults.is_empty() {
            return Err(faults);
        }

        Ok(Self {
            at: at.to_owned(),
            source: source.to_owned(),
            compiled,
        })
    }

    /// The value for this person; `None`: it is absent, or it cannot be computed because a part is
    /// absent.
    pub(super) fn value(&self, view: &View) -> Result<Option<Value>, EvaluationError> {
        let value = match self.eval(view) {
            Ok(value) => value,
            Err(error) if is_caused_by_absence(&error, view) => return Ok(None),
            Err(error) => return Err(self.evaluation_error(&error)),
        };

        match json(&value, &mut { MAX_VALUES }) {
            Ok(json) => Ok(present(json)),
            Err(InputError(problem)) => Err(self.failed(problem)),
        }
    }

    /// The value as text, for `externalId`; `None`: it is absent.
    pub(super) fn text(&self, view: &View) -> Result<Option<String>, EvaluationError> {
        let Some(value) = self.value(view)? else {
            return Ok(None);
        };

        plain_text(&value)
            .map(Some)
            .ok_or_else(|| self.failed("the result is a list or an object, not text"))
    }

    /// Whether the condition holds for this person. Unlike [`value`](Self::value) it fails where it
    /// cannot be computed because a part is absent.
    pub(super) fn holds(&self, view: &View) -> Result<bool, EvaluationError> {
        Ok(self
            .eval(view)
            .map_err(|error| self.evaluation_error(&error))?
            .is_true())
    }

    /// An error of this expression.
    pub(super) fn failed(&self, problem: &str) -> EvaluationError {
        EvaluationError {
            at: self.at.clone(),
            problem: problem.to_owned(),
        }
    }

    fn eval(&self, view: &View) -> Result<minijinja::Value, Error> {
        view.reset_absence();
        self.compiled.eval(view.root())
    }

    /// The error without the details of minijinja, which may quote the person's data.
    fn evaluation_error(&self, error: &Error) -> EvaluationError {
        let own =
            std::error::Error::source(error).and_then(|source| source.downcast_ref::<InputError>());
        let problem = own.map_or_else(|| description(error.kind()), |own| own.0);

        let part = error
            .range()
            .and_then(|range| self.source.get(range))
            .unwrap_or(&self.source);
        self.failed(&format!("{problem}, at `{part}`"))
    }
}

/// The value as JSON. `budget` is the number of values that the result may still have: a list may
/// be lazy and huge, as `[1] * 100000000` takes one step.
fn json(value: &minijinja::Value, budget: &mut usize) -> Result<Value, InputError> {
    *budget = budget
        .checked_sub(1)
        .ok_or(InputError("the result has more than 1,000 values"))?;

    let unsupported = || InputError("the result is neither text, number, boolean, list nor object");
    let values = || value.try_iter().map_err(|_| unsupported());
    let kind = value.kind();

    if value.is_undefined() || value.is_none() {
        return Ok(Value::Null);
    }

    if let Some(text) = value.as_str() {
        return Ok(Value::from(text));
    }

    if matches!(kind, ValueKind::Bool | ValueKind::Number) {
        return serde_json::to_value(value).map_err(|_| unsupported());
    }

    if matches!(kind, ValueKind::Seq | ValueKind::Iterable) {
        return values()?.map(|element| json(&element, budget)).collect();
    }

    if kind != ValueKind::Map {
        return Err(unsupported());
    }

    let mut members = serde_json::Map::new();
    for name in values()? {
        let member = value.get_item(&name).map_err(|_| unsupported())?;
        members.insert(name.to_string(), json(&member, budget)?);
    }

    Ok(Value::Object(members))
}

/// Whether the evaluation failed because a value is absent.
///
/// Names were checked at compile time, so an undefined value is an element or member without a
/// value. An invalid operation counts if an absent value was read.
fn is_caused_by_absence(error: &Error, view: &View) -> bool {
    let kind = error.kind();
    kind == ErrorKind::UndefinedError
        || (kind == ErrorKind::InvalidOperation && view.absence_was_read())
}

/// The kind of an error in plain words.
fn description(kind: ErrorKind) -> &'static str {
    const KNOWN: [(ErrorKind, &str); 5] = [
        (
            ErrorKind::InvalidOperation,
            "the operation does not fit its values",
        ),
        (ErrorKind::OutOfFuel, "more than 10,000 steps"),
        (
            ErrorKind::UndefinedError,
            "an element or member does not exist",
        ),
        (ErrorKind::TooManyArguments, "too many arguments"),
        (ErrorKind::MissingArgument, "an argument is missing"),
    ];

    KNOWN
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or("the expression failed", |(_, words)| words)
}

/// Parses the source. A fault of the syntax has the range that minijinja states.
fn parse(source: &str) -> Result<minijinja::Expression<'static, 'static>, ExpressionFault> {
    let fault = |problem: String| ExpressionFault {
        range: Some(0..source.len()),
        problem,
    };

    if source.trim().is_empty() {
        return Err(fault(
            "the expression is empty: leave the key out to have no value".into(),
        ));
    }

    let length = source.chars().count();
    if length > MAX_SOURCE {
        return Err(fault(format!(
            "the expression has {length} characters; at most {MAX_SOURCE} are allowed"
        )));
    }

    if source.trim_start().starts_with("{{") {
        return Err(fault(
            "this is an expression and no template: leave out `{{` and `}}`".into(),
        ));
    }

    let compiled = compiled(source).map_err(|error| syntax_fault(&error, source, 0))?;
    // minijinja takes an unknown character after a quoted text for the end of the expression, so
    // that `'a' && x` would mean `'a'`. In brackets it must find the closing one.
    let bracketed = format!("({source})");

    match compiled_in_brackets(&bracketed) {
        Ok(()) => Ok(compiled),
        Err(error) => {
            let range = unknown_symbol(source).or_else(|| syntax_fault(&error, source, 1).range);
            let problem =
                "unexpected character after a quoted text; use `and`, `or` or `not`".into();
            Err(ExpressionFault { range, problem })
        }
    }
}

/// The range of the first symbol that minijinja does not know.
fn unknown_symbol(source: &str) -> Option<Range<usize>> {
    const KNOWN: &str = "+-*/%()[]{},.:|~=<>!";

    let mut tokens = tokens(source).into_iter();
    let unknown = tokens.find(|token| match token.kind {
        TokenKind::Symbol(symbol) => !symbol.chars().all(|c| KNOWN.contains(c)),
        TokenKind::Name(_) | TokenKind::Text(_) | TokenKind::Number => false,
    });
    unknown.map(|token| token.range)
}

fn compiled(source: &str) -> Result<minijinja::Expression<'static, 'static>, Error> {
    LANGUAGE.compile_expression_owned(source.to_owned())
}

fn compiled_in_brackets(source: &str) -> Result<(), Error> {
    LANGUAGE.compile_expression(source).map(|_| ())
}

/// A syntax error as a fault. `shift` is the number of bytes that were parsed before the source.
fn syntax_fault(error: &Error, source: &str, shift: usize) -> ExpressionFault {
    let shifted = |range: Range<usize>| {
        let end = range.end.saturating_sub(shift).min(source.len());
        range.start.saturating_sub(shift).min(end)..end
    };

    let detail = error.detail().unwrap_or("it cannot be parsed");
    ExpressionFault {
        range: error.range().map(shifted),
        problem: format!("not an expression: {detail}"),
    }
}

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;
