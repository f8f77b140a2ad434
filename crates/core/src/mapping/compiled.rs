//! A compiled mapping: what a worker asks about a person.
//!
//! In: a [`MappingDocument`], then a folded person and an instant. Out: every fault of the
//! document, or the access, the desired user and the match keys of that person.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    access::{Access, AccessDecision, GivenAccess},
    access_evaluator,
    attributes::{self, CompiledRule, find_rule},
    desired::{Desired, DesiredValue, MatchKey},
    document::{MappingDocument, OutOfScope},
    expression::Expression,
    faults::{EvaluationError, FaultCollector, MappingFault},
    groups::{self, CompiledGroupRule},
    json_value::plain_text,
    lifecycle::Lifecycle,
    names,
    view::View,
};
use crate::{
    fold::Person,
    scim::{AttributePath, same_text_without_case},
};

/// A mapping that can be applied to people.
#[derive(Debug)]
pub struct Mapping {
    document: MappingDocument,
    rules: Vec<CompiledRule>,
    when: Option<Expression>,
    external_id: Expression,
    groups: Vec<CompiledGroupRule>,
    match_paths: Vec<AttributePath>,
    lifecycle: Lifecycle,
}

/// A mapping together with one person, from [`Mapping::for_person`].
#[derive(Debug)]
pub struct PersonMapping<'m> {
    mapping: &'m Mapping,
    view: View,
}

impl Mapping {
    /// Compiles every expression and checks every name; returns all faults at once.
    pub fn compile(document: MappingDocument) -> Result<Self, Vec<MappingFault>> {
        let mut faults = FaultCollector::default();
        let tables = &document.tables;

        let rules = attributes::compile(&document.mapping, &document.profile, tables, &mut faults);
        let when = document.when.as_deref().map(|source| {
            let when = Expression::compile("when", source, tables);
            faults.collect(&["when"], when)
        });
        let external_id = Expression::compile("external_id", &document.external_id, tables);
        let external_id = faults.collect(&["external_id"], external_id);
        let groups = groups::compile(&document.groups, tables, &mut faults);
        let match_paths = match_paths(&document, &mut faults);
        let lifecycle = Lifecycle::read(&document.lifecycle)
            .map_err(|found| faults.extend(found))
            .ok();

        let faults = faults.into_faults();
        match (external_id, lifecycle) {
            (Some(external_id), Some(lifecycle)) if faults.is_empty() => {
                let when = when.flatten();
                Ok(Self {
                    document,
                    rules,
                    when,
                    external_id,
                    groups,
                    match_paths,
                    lifecycle,
                })
            }
            (Some(_) | None, Some(_) | None) => Err(faults),
        }
    }

    /// The document from which it was compiled.
    pub fn document(&self) -> &MappingDocument {
        &self.document
    }

    /// Settings that work and are probably a mistake, for the config check.
    pub fn warnings(&self) -> Vec<MappingFault> {
        let document = &self.document;
        let profile = &document.profile;
        let mut faults = FaultCollector::default();

        if document.sources.len() > 1 && !names::reads(&document.external_id, "worker", "source") {
            let problem = "with several sources, include the source: `worker.source + \"/\" + \
                           worker.id`. Otherwise two workers with the same id share one account";
            faults.add(&["external_id"], problem.into());
        }

        for (index, path) in self.match_paths.iter().enumerate() {
            if !profile.is_filterable(path) {
                let problem = format!("a {} target cannot filter by `{path}`", profile.name);
                faults.add(&["match", &index.to_string()], problem);
            }
        }

        if profile.groups.is_none() && !document.groups.is_empty() {
            let problem = format!("a {} target has no groups", profile.name);
            faults.add(&["groups"], problem);
        }

        let is_set = |path: &AttributePath| {
            path.is_core_attribute("externalId")
                || self
                    .rules
                    .iter()
                    .any(|rule| rule.path == *path || rule.path == path.whole_attribute())
        };

        for missing in profile.missing_required(is_set) {
            let problem = format!("no rule sets {missing}, which the target requires");
            faults.add(&["mapping"], problem);
        }

        faults.into_faults()
    }

    /// The access that the person's account should give at `now`, by status, lifecycle and scope.
    ///
    /// A scope whose expression fails never means out of scope: the access then follows the status
    /// alone, and [`PersonMapping::desired`] returns the error.
    ///
    /// `given`: whether the account gives access that Hirewire gave. It ends while the facts give
    /// none, in scope or not.
    pub fn access(&self, person: &Person, given: GivenAccess, now: Timestamp) -> AccessDecision {
        let by_status = access_evaluator::evaluate(person, &self.lifecycle, given, now);

        let in_scope = match (by_status.access, &self.when) {
            (Access::Active | Access::Prepared, Some(when)) => {
                when.holds(&self.view(person)).unwrap_or(true)
            }
            (Access::Active | Access::Prepared, None)
            | (Access::Inactive | Access::Unmanaged, _) => true,
        };

        if in_scope {
            return by_status;
        }

        let access = match self.document.out_of_scope {
            OutOfScope::Deactivate => Access::Inactive,
            OutOfScope::Keep => Access::Unmanaged,
        };
        // An account that is inactive already has no access that could end.
        let due_ends_access = by_status.due_ends_access && access == Access::Unmanaged;
        AccessDecision {
            access,
            due: by_status.due,
            due_ends_access,
            withdrawn: false,
        }
    }

    /// The mapping for one person. It prepares the person for expressions once.
    pub fn for_person(&self, person: &Person) -> PersonMapping<'_> {
        PersonMapping {
            mapping: self,
            view: self.view(person),
        }
    }

    /// Whether `protect` lists this `userName`, compared without case.
    pub fn is_protected(&self, user_name: &str) -> bool {
        let mut protected = self.document.protect.iter();
        protected.any(|protected| same_text_without_case(protected, user_name))
    }

    fn view(&self, person: &Person) -> View {
        View::of(person, &self.document.sources, &self.document.tables)
    }
}

impl PersonMapping<'_> {
    /// The desired user. Returns the error of the first expression that fails, scope included.
    pub fn desired(&self) -> Result<Desired, EvaluationError> {
        let Self { mapping, view } = self;
        if let Some(when) = &mapping.when {
            when.holds(view)?;
        }

        let mut attributes = Vec::new();
        for rule in &mapping.rules {
            attributes.extend(rule.desired(view)?);
        }

        let external_id = mapping.external_id.text(view)?;
        let groups = groups::desired(&mapping.groups, view)?;

        let mut desired = Desired {
            attributes,
            external_id,
            groups,
            missing: Vec::new(),
        };

        let profile = &mapping.document.profile;
        desired.missing = profile.missing_required(|path| has_value(&desired, path));
        Ok(desired)
    }

    /// The keys by which the account is found, in the order of `match`. A key whose expression
    /// fails or has no value is left out.
    pub fn match_keys(&self) -> Vec<MatchKey> {
        let paths = self.mapping.match_paths.iter();
        paths
            .filter_map(|path| {
                let value = self.match_value(path)?;
                let path = self.mapping.document.profile.without_type(path);
                Some(MatchKey { path, value })
            })
            .collect()
    }

    fn match_value(&self, path: &AttributePath) -> Option<String> {
        let Self { mapping, view } = self;
        if path.is_core_attribute("externalId") {
            return mapping.external_id.text(view).ok().flatten();
        }

        let rule = find_rule(&mapping.rules, path)?;
        plain_text(&rule.value(view).ok().flatten()?)
    }
}

/// The paths of `match`. Each must have a rule, except `externalId`.
fn match_paths(document: &MappingDocument, faults: &mut FaultCollector) -> Vec<AttributePath> {
    if document.r#match.is_empty() {
        let problem = "name at least one attribute by which an account is found";
        faults.add(&["match"], problem.into());
    }

    let mapped: Vec<AttributePath> = document
        .mapping
        .keys()
        .filter_map(|key| AttributePath::parse(key).ok())
        .collect();

    let has_rule =
        |path: &AttributePath| path.is_core_attribute("externalId") || mapped.contains(path);

    let mut paths: Vec<AttributePath> = Vec::new();
    for (index, text) in document.r#match.iter().enumerate() {
        let number = index.to_string();
        let at = ["match", number.as_str()];
        match AttributePath::parse(text) {
            Err(invalid) => faults.add(&at, invalid.problem),
            Ok(path) if paths.contains(&path) => {
                faults.add(&at, format!("`{path}` is listed twice"));
            }
            Ok(path) if !has_rule(&path) => {
                let problem = format!("no rule sets `{path}`, so there is no value to search for");
                faults.add(&at, problem);
            }
            Ok(path) => paths.push(path),
        }
    }

    paths
}

fn has_value(desired: &Desired, path: &AttributePath) -> bool {
    if path.is_core_attribute("externalId") {
        return desired.external_id.is_some();
    }

    let mut attributes = desired.attributes.iter();
    attributes.any(|known| match &known.value {
        DesiredValue::Clear => false,
        DesiredValue::Set(_) if known.path == *path => true,
        // A rule for the whole attribute may have the value in it.
        DesiredValue::Set(value) if known.path == path.whole_attribute() => {
            let mut user = Value::Null;
            known.path.set(&mut user, value.clone());
            path.get(&user).is_some()
        }
        DesiredValue::Set(_) => false,
    })
}

#[cfg(test)]
#[path = "document_check_tests.rs"]
mod document_check_tests;
#[cfg(test)]
#[path = "golden_tests.rs"]
mod golden_tests;
#[cfg(test)]
#[path = "compiled_tests.rs"]
mod tests;
