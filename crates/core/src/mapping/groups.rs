//! Groups by rule: who should be in which.
//!
//! A rule names a group by text, by an expression (one rule, a group per department) or by the target's id, and says
//! for whom. A rule that fails fails the mapping of that person: a membership is never taken away by mistake.

use serde_json::Value;

use super::{
    DesiredGroup, EvaluationError, GroupName, GroupRule,
    expression::{Expression, plain_text},
    faults::Faults,
    view::{Tables, View},
};

/// A compiled rule.
#[derive(Debug)]
pub(super) struct Group {
    which: Which,
    when: Option<Expression>,
}

#[derive(Debug)]
enum Which {
    One(DesiredGroup),
    Named(Expression),
}

/// Compiles the rules.
pub(super) fn compile(rules: &[GroupRule], tables: &Tables, faults: &mut Faults) -> Vec<Group> {
    let mut compiled = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let number = index.to_string();
        let at = |part: &str| format!("groups[{index}].{part}");
        let when = rule.when.as_deref().map(|source| {
            let when = Expression::compile(&at("when"), source, tables);
            faults.of(&["groups", &number, "when"], when)
        });
        let which = match (&rule.name, &rule.id) {
            (Some(GroupName::Text(name)), None) if !name.trim().is_empty() => {
                Some(Which::One(DesiredGroup::Name(name.clone())))
            }
            (None, Some(id)) if !id.trim().is_empty() => {
                Some(Which::One(DesiredGroup::Id(id.clone())))
            }
            (Some(GroupName::Expression { expr }), None) => {
                let name = Expression::compile(&at("name"), expr, tables);
                faults
                    .of(&["groups", &number, "name", "expr"], name)
                    .map(Which::Named)
            }
            (Some(_), Some(_)) => {
                faults.add(
                    &["groups", &number],
                    "exactly one of `name` and `id`, not both".into(),
                );
                None
            }
            (Some(_) | None, Some(_) | None) => {
                faults.add(
                    &["groups", &number],
                    "`name` or `id` is missing or empty".into(),
                );
                None
            }
        };
        match (which, when) {
            (Some(which), None) => compiled.push(Group { which, when: None }),
            (Some(which), Some(Some(when))) => compiled.push(Group {
                which,
                when: Some(when),
            }),
            (Some(_), Some(None)) | (None, Some(_) | None) => {} // its faults are told
        }
    }
    compiled
}

/// The groups this person should be in, each once, in the order of the rules.
pub(super) fn desired(groups: &[Group], view: &View) -> Result<Vec<DesiredGroup>, EvaluationError> {
    let mut desired: Vec<DesiredGroup> = Vec::new();
    for group in groups {
        for name in group.desired(view)? {
            if !desired.contains(&name) {
                desired.push(name);
            }
        }
    }
    Ok(desired)
}

impl Group {
    fn desired(&self, view: &View) -> Result<Vec<DesiredGroup>, EvaluationError> {
        if let Some(when) = &self.when
            && !when.holds(view)?
        {
            return Ok(Vec::new());
        }
        let expression = match &self.which {
            Which::One(group) => return Ok(vec![group.clone()]),
            Which::Named(expression) => expression,
        };
        let names = match expression.value(view)? {
            None => Vec::new(),
            Some(Value::Array(names)) => names,
            Some(name) => vec![name],
        };
        let names = names
            .iter()
            .map(|name| plain_text(name).map(DesiredGroup::Name));
        names
            .collect::<Option<_>>()
            .ok_or_else(|| expression.failed("the name of a group is text"))
    }
}
