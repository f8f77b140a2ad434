//! The group rules of a mapping: in which groups a person should be.
//!
//! A rule names a group by text, by an expression (one rule, one group per department) or by the
//! target's id, and may have a condition. A rule that fails makes the mapping of that person fail,
//! so that no membership is removed by mistake.

use serde_json::Value;

use super::{
    desired::DesiredGroup,
    document::{GroupName, GroupRule},
    expression::Expression,
    faults::{EvaluationError, FaultCollector},
    json_value::plain_text,
    view::{Tables, View},
};

/// A rule that can be applied to a person.
#[derive(Debug)]
pub(super) struct CompiledGroupRule {
    selector: GroupSelector,
    /// `None`: the rule applies to every person.
    when: Option<Expression>,
}

#[derive(Debug)]
enum GroupSelector {
    /// The same group for every person.
    Fixed(DesiredGroup),
    /// The groups with the names that the expression gives.
    Computed(Expression),
}

/// Compiles the rules in their order.
pub(super) fn compile(
    rules: &[GroupRule],
    tables: &Tables,
    faults: &mut FaultCollector,
) -> Vec<CompiledGroupRule> {
    let mut compiled = Vec::new();

    for (index, rule) in rules.iter().enumerate() {
        let number = index.to_string();
        let when = rule.when.as_deref().map(|source| {
            let when = Expression::compile(&format!("groups[{index}].when"), source, tables);
            faults.collect(&["groups", &number, "when"], when)
        });
        let selector = compile_selector(rule, index, tables, faults);

        match (selector, when) {
            (Some(selector), None) => compiled.push(CompiledGroupRule {
                selector,
                when: None,
            }),
            (Some(selector), Some(Some(when))) => compiled.push(CompiledGroupRule {
                selector,
                when: Some(when),
            }),
            // The faults of this rule are collected already.
            (Some(_), Some(None)) | (None, Some(_) | None) => {}
        }
    }

    compiled
}

fn compile_selector(
    rule: &GroupRule,
    index: usize,
    tables: &Tables,
    faults: &mut FaultCollector,
) -> Option<GroupSelector> {
    let number = index.to_string();

    match (&rule.name, &rule.id) {
        (Some(GroupName::Text(name)), None) if !name.trim().is_empty() => {
            Some(GroupSelector::Fixed(DesiredGroup::Name(name.clone())))
        }
        (None, Some(id)) if !id.trim().is_empty() => {
            Some(GroupSelector::Fixed(DesiredGroup::Id(id.clone())))
        }
        (Some(GroupName::Expression { expr }), None) => {
            let name = Expression::compile(&format!("groups[{index}].name"), expr, tables);
            faults
                .collect(&["groups", &number, "name", "expr"], name)
                .map(GroupSelector::Computed)
        }
        (Some(_), Some(_)) => {
            let problem = "give either `name` or `id`, not both";
            faults.add(&["groups", &number], problem.into());
            None
        }
        (Some(_) | None, Some(_) | None) => {
            let problem = "`name` or `id` is missing or empty";
            faults.add(&["groups", &number], problem.into());
            None
        }
    }
}

/// The groups in which this person should be, each once, in the order of the rules.
pub(super) fn desired(
    rules: &[CompiledGroupRule],
    view: &View,
) -> Result<Vec<DesiredGroup>, EvaluationError> {
    let mut desired: Vec<DesiredGroup> = Vec::new();
    for rule in rules {
        for group in rule.desired(view)? {
            if !desired.contains(&group) {
                desired.push(group);
            }
        }
    }
    Ok(desired)
}

impl CompiledGroupRule {
    fn desired(&self, view: &View) -> Result<Vec<DesiredGroup>, EvaluationError> {
        if let Some(when) = &self.when
            && !when.holds(view)?
        {
            return Ok(Vec::new());
        }

        let expression = match &self.selector {
            GroupSelector::Fixed(group) => return Ok(vec![group.clone()]),
            GroupSelector::Computed(expression) => expression,
        };
        let names = match expression.value(view)? {
            None => Vec::new(),
            Some(Value::Array(names)) => names,
            Some(name) => vec![name],
        };

        let groups = names
            .iter()
            .map(|name| plain_text(name).map(DesiredGroup::Name));
        groups
            .collect::<Option<_>>()
            .ok_or_else(|| expression.failed("the name of a group must be text"))
    }
}
