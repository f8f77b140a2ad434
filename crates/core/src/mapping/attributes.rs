//! The rules of a mapping: which attribute gets which value.
//!
//! Compiling checks paths (known form, none twice, none that is not the mapping's to set) and the expression or
//! constant of each. Applied to a person, each rule gives one wish, or none where there is nothing to say.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    AttributeRule, DesiredAttribute, DesiredValue, EvaluationError, WhenEmpty, WhenWritten,
    expression::{Expression, present},
    faults::Faults,
    view::{Tables, View},
};
use crate::scim::AttributePath;

/// One attribute and how it gets its value.
#[derive(Debug)]
pub(super) struct Rule {
    /// Where.
    pub path: AttributePath,
    source: Source,
    on: WhenWritten,
    empty: WhenEmpty,
}

#[derive(Debug)]
enum Source {
    Expression(Expression),
    Constant(Value),
}

/// Attributes that are not the mapping's, and whose they are.
const NOT_MAPPED: [(&str, &str); 6] = [
    (
        "active",
        "access follows from the person's status and `lifecycle`",
    ),
    ("id", "the target gives it"),
    ("externalId", "it has a key of its own: `external_id`"),
    ("schemas", "it follows from the attributes"),
    ("meta", "the target gives it"),
    (
        "groups",
        "memberships have tables of their own: `[[groups]]`",
    ),
];

/// Compiles the rules, in the order of their keys.
pub(super) fn compile(
    rules: &BTreeMap<String, AttributeRule>,
    tables: &Tables,
    faults: &mut Faults,
) -> Vec<Rule> {
    let mut compiled: Vec<Rule> = Vec::new();
    for (key, rule) in rules {
        let path = match AttributePath::parse(key) {
            Ok(path) => path,
            Err(invalid) => {
                faults.add(&["mapping", key], invalid.problem);
                continue;
            }
        };
        if let Some((_, whose)) = NOT_MAPPED
            .iter()
            .find(|(name, _)| path.whole_attribute().is(name))
        {
            faults.add(
                &["mapping", key],
                format!("`{path}` cannot be mapped: {whose}"),
            );
        } else if let Some(other) = compiled.iter().find(|other| overlap(&other.path, &path)) {
            faults.add(
                &["mapping", key],
                format!("`{path}` is mapped already, as `{}`", other.path),
            );
        } else if let Some(source) = source(key, rule, tables, faults) {
            compiled.push(Rule {
                path,
                source,
                on: rule.on,
                empty: rule.empty,
            });
        }
    }
    compiled
}

/// Whether both say the same value, or one says the whole of which the other is a part.
fn overlap(one: &AttributePath, other: &AttributePath) -> bool {
    let whole = one.whole_attribute();
    one == other || (whole == other.whole_attribute() && (*one == whole || *other == whole))
}

fn source(key: &str, rule: &AttributeRule, tables: &Tables, faults: &mut Faults) -> Option<Source> {
    match (&rule.expr, &rule.value) {
        (Some(source), None) => {
            let compiled = Expression::compile(&format!("mapping.{key}"), source, tables);
            faults
                .of(&["mapping", key, "expr"], compiled)
                .map(Source::Expression)
        }
        (None, Some(value)) => Some(Source::Constant(value.clone())),
        (Some(_), Some(_)) => {
            faults.add(
                &["mapping", key],
                "exactly one of `expr` and `value`, not both".into(),
            );
            None
        }
        (None, None) => {
            faults.add(&["mapping", key], "`expr` or `value` is missing".into());
            None
        }
    }
}

impl Rule {
    /// What the attribute should be for this person; `None`: left alone.
    pub(super) fn wish(&self, view: &View) -> Result<Option<DesiredAttribute>, EvaluationError> {
        let wish = match (self.value(view)?, self.empty) {
            (Some(value), _) => DesiredValue::Set(value),
            (None, WhenEmpty::Clear) => DesiredValue::Clear,
            (None, WhenEmpty::Keep) => return Ok(None),
        };
        Ok(Some(DesiredAttribute {
            path: self.path.clone(),
            wish,
            on: self.on,
        }))
    }

    /// The value for this person; `None`: empty.
    pub(super) fn value(&self, view: &View) -> Result<Option<Value>, EvaluationError> {
        match &self.source {
            Source::Expression(expression) => expression.value(view),
            Source::Constant(value) => Ok(present(value.clone())),
        }
    }
}

/// The rule of that path among the compiled ones.
pub(super) fn rule_of<'a>(rules: &'a [Rule], path: &AttributePath) -> Option<&'a Rule> {
    rules.iter().find(|rule| rule.path == *path)
}
