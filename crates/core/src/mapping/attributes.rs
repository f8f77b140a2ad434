//! The attribute rules of a mapping: which attribute gets which value.
//!
//! Compiling checks each path (valid, not mapped twice, not reserved) and its expression or
//! constant. For a person each rule gives one [`DesiredAttribute`], or none where the rule has no
//! value and keeps the target's.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    desired::{DesiredAttribute, DesiredValue},
    document::{AttributeRule, WhenEmpty, WhenWritten},
    expression::Expression,
    faults::{EvaluationError, FaultCollector},
    json_value::present,
    view::{Tables, View},
};
use crate::scim::{AttributePath, Profile, unknown_attribute};

/// A rule that can be applied to a person.
#[derive(Debug)]
pub(super) struct CompiledRule {
    pub path: AttributePath,
    source: ValueSource,
    on: WhenWritten,
    empty: WhenEmpty,
}

#[derive(Debug)]
enum ValueSource {
    Expression(Expression),
    Constant(Value),
}

/// Reserved attributes, and what sets them instead of a rule.
const RESERVED: [(&str, &str); 6] = [
    (
        "active",
        "access follows from the person's status and `lifecycle`",
    ),
    ("id", "the target sets it"),
    ("externalId", "it has its own key, `external_id`"),
    ("schemas", "it follows from the attributes"),
    ("meta", "the target sets it"),
    ("groups", "memberships have their own tables, `[[groups]]`"),
];

/// Compiles the rules in the order of their keys.
pub(super) fn compile(
    rules: &BTreeMap<String, AttributeRule>,
    profile: &Profile,
    tables: &Tables,
    faults: &mut FaultCollector,
) -> Vec<CompiledRule> {
    let mut compiled: Vec<CompiledRule> = Vec::new();

    for (key, rule) in rules {
        let path = match AttributePath::parse(key) {
            Ok(path) => path,
            Err(invalid) => {
                faults.add(&["mapping", key], invalid.problem);
                continue;
            }
        };

        let whole = path.whole_attribute();
        let reserved = RESERVED
            .iter()
            .find(|(name, _)| whole.is_core_attribute(name));
        if let Some((_, reason)) = reserved {
            let problem = format!("`{path}` cannot be mapped: {reason}");
            faults.add(&["mapping", key], problem);
        } else if let Some(problem) = unknown_attribute(&path).filter(|_| !profile.mentions(&path))
        {
            faults.add(&["mapping", key], problem);
        } else if let Some(other) = compiled.iter().find(|other| overlap(&other.path, &path)) {
            let problem = format!("`{path}` is mapped already, as `{}`", other.path);
            faults.add(&["mapping", key], problem);
        } else if let Some(source) = compile_source(key, rule, tables, faults) {
            compiled.push(CompiledRule {
                path,
                source,
                on: rule.on,
                empty: rule.empty,
            });
        }
    }

    compiled
}

/// Whether both paths name the same value, or one of them the whole attribute of the other.
pub(super) fn overlap(one: &AttributePath, other: &AttributePath) -> bool {
    let whole = one.whole_attribute();
    one == other || (whole == other.whole_attribute() && (*one == whole || *other == whole))
}

fn compile_source(
    key: &str,
    rule: &AttributeRule,
    tables: &Tables,
    faults: &mut FaultCollector,
) -> Option<ValueSource> {
    match (&rule.expr, &rule.value) {
        (Some(source), None) => {
            let compiled = Expression::compile(&format!("mapping.{key}"), source, tables);
            faults
                .collect(&["mapping", key, "expr"], compiled)
                .map(ValueSource::Expression)
        }
        (None, Some(value)) => Some(ValueSource::Constant(value.clone())),
        (Some(_), Some(_)) => {
            let problem = "give either `expr` or `value`, not both";
            faults.add(&["mapping", key], problem.into());
            None
        }
        (None, None) => {
            faults.add(&["mapping", key], "`expr` or `value` is missing".into());
            None
        }
    }
}

impl CompiledRule {
    /// The desired attribute of this person; `None`: the target's value is left alone.
    pub(super) fn desired(&self, view: &View) -> Result<Option<DesiredAttribute>, EvaluationError> {
        let value = match (self.value(view)?, self.empty) {
            (Some(value), _) => DesiredValue::Set(value),
            (None, WhenEmpty::Clear) => DesiredValue::Clear,
            (None, WhenEmpty::Keep) => return Ok(None),
        };

        Ok(Some(DesiredAttribute {
            path: self.path.clone(),
            value,
            on: self.on,
        }))
    }

    /// The value for this person; `None`: it is absent.
    pub(super) fn value(&self, view: &View) -> Result<Option<Value>, EvaluationError> {
        match &self.source {
            ValueSource::Expression(expression) => expression.value(view),
            ValueSource::Constant(value) => Ok(present(value.clone())),
        }
    }
}

/// The rule that sets the attribute at `path`.
pub(super) fn find_rule<'a>(
    rules: &'a [CompiledRule],
    path: &AttributePath,
) -> Option<&'a CompiledRule> {
    rules.iter().find(|rule| rule.path == *path)
}
