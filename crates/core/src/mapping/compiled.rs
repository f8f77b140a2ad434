//! A published mapping, compiled: what a worker asks of it.

use jiff::Timestamp;

use super::{
    Access, AccessNow, Desired, MappingDocument, MatchKey, OutOfScope, access_evaluator,
    attributes::{self, Rule, rule_of},
    expression::{Expression, plain_text},
    faults::Faults,
    groups::{self, Group},
    lifecycle::Lifecycle,
    names,
    view::View,
};
use crate::{fold::Person, scim::AttributePath};

/// Something wrong with a mapping document, found at start and shown with a caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingFault {
    /// Where in the document: the keys from its root, such as `["mapping", "title", "expr"]`; elements of a list by
    /// their number from 0.
    pub at: Vec<String>,
    /// Bytes of that text which are wrong, where it can be told.
    pub range: Option<std::ops::Range<usize>>,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// An expression that failed for this person. Never delays a deactivation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct EvaluationError {
    /// Which expression: `mapping.title`, `when`, `groups[0].when`.
    pub at: String,
    /// What happened; no personal data.
    pub problem: String,
}

/// A mapping that can be applied to people.
#[derive(Debug)]
pub struct Mapping {
    document: MappingDocument,
    rules: Vec<Rule>,
    when: Option<Expression>,
    external_id: Expression,
    groups: Vec<Group>,
    match_paths: Vec<AttributePath>,
    lifecycle: Lifecycle,
}

/// A mapping, as it sees one person.
#[derive(Debug)]
pub struct ForPerson<'m> {
    mapping: &'m Mapping,
    view: View,
}

impl Mapping {
    /// Compiles every expression and checks every name; gives all faults at once.
    pub fn compile(document: MappingDocument) -> Result<Self, Vec<MappingFault>> {
        let mut faults = Faults::default();
        let tables = &document.tables;
        let rules = attributes::compile(&document.mapping, tables, &mut faults);
        let when = document.when.as_deref().map(|source| {
            let when = Expression::compile("when", source, tables);
            faults.of(&["when"], when)
        });
        let external_id = Expression::compile("external_id", &document.external_id, tables);
        let external_id = faults.of(&["external_id"], external_id);
        let groups = groups::compile(&document.groups, tables, &mut faults);
        let match_paths = match_paths(&document, &mut faults);
        let lifecycle = Lifecycle::read(&document.lifecycle)
            .map_err(|found| faults.extend(found))
            .ok();
        let faults = faults.into_inner();
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

    /// What it was compiled from.
    pub fn document(&self) -> &MappingDocument {
        &self.document
    }

    /// What works and is probably not meant; `check` tells it.
    pub fn warnings(&self) -> Vec<MappingFault> {
        let document = &self.document;
        let mut faults = Faults::default();
        if document.sources.len() > 1 && !names::reads(&document.external_id, "worker", "source") {
            let problem = "with several sources it must name the source, or two workers of one number become one \
                           account: `worker.source + \"/\" + worker.id`";
            faults.add(&["external_id"], problem.into());
        }
        for (index, path) in self.match_paths.iter().enumerate() {
            if !document.profile.is_filterable(path) {
                let problem = format!(
                    "`{path}` cannot be asked for at a {} target",
                    document.profile.name
                );
                faults.add(&["match", &index.to_string()], problem);
            }
        }
        if document.profile.groups.is_none() && !document.groups.is_empty() {
            faults.add(
                &["groups"],
                format!("a {} target has no groups", document.profile.name),
            );
        }
        let known =
            |path: &AttributePath| path.is("externalId") || rule_of(&self.rules, path).is_some();
        for missing in document.profile.missing(known) {
            faults.add(
                &["mapping"],
                format!("nothing maps {missing}, which the target requires"),
            );
        }
        faults.into_inner()
    }

    /// The access that the person should have now, by status, scope and lifecycle policy. A scope that fails never
    /// means out of scope: access then follows the status alone, and [`desired`](ForPerson::desired) tells the failure.
    pub fn access(&self, person: &Person, now: Timestamp) -> AccessNow {
        let by_status = access_evaluator::access_now(person, &self.lifecycle, now);
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
        // Its end will be news only where the account is left as it is.
        let due_ends_access = by_status.due_ends_access && access == Access::Unmanaged;
        AccessNow {
            access,
            due: by_status.due,
            due_ends_access,
        }
    }

    /// The mapping for one person, who is looked at once for all that is asked of it.
    pub fn for_person(&self, person: &Person) -> ForPerson<'_> {
        ForPerson {
            mapping: self,
            view: self.view(person),
        }
    }

    /// Whether that `userName` is protected (compared without case).
    pub fn is_protected(&self, user_name: &str) -> bool {
        let user_name = user_name.trim().to_lowercase();
        self.document
            .protect
            .iter()
            .any(|protected| protected.trim().to_lowercase() == user_name)
    }

    fn view(&self, person: &Person) -> View {
        View::of(person, &self.document.sources, &self.document.tables)
    }
}

impl ForPerson<'_> {
    /// The user as it should be, with groups; fails on the first expression that fails (scope included).
    pub fn desired(&self) -> Result<Desired, EvaluationError> {
        let Self { mapping, view } = self;
        if let Some(when) = &mapping.when {
            when.holds(view)?;
        }
        let mut attributes = Vec::new();
        for rule in &mapping.rules {
            attributes.extend(rule.wish(view)?);
        }
        let external_id = mapping.external_id.text(view)?;
        let groups = groups::desired(&mapping.groups, view)?;
        let mut desired = Desired {
            attributes,
            external_id,
            groups,
            missing: Vec::new(),
        };
        desired.missing = mapping.document.profile.missing(|path| has(&desired, path));
        Ok(desired)
    }

    /// How the account is found, in the order of `match`; keys that cannot be evaluated or are empty are left out.
    pub fn match_keys(&self) -> Vec<MatchKey> {
        let Self { mapping, view } = self;
        let value = |path: &AttributePath| {
            if path.is("externalId") {
                return mapping.external_id.text(view).ok().flatten();
            }
            let value = rule_of(&mapping.rules, path)?.value(view).ok().flatten()?;
            plain_text(&value)
        };
        let keys = mapping.match_paths.iter();
        keys.filter_map(|path| {
            Some(MatchKey {
                path: path.clone(),
                value: value(path)?,
            })
        })
        .collect()
    }
}

/// The paths of `match`: each must be one that gets a value.
fn match_paths(document: &MappingDocument, faults: &mut Faults) -> Vec<AttributePath> {
    if document.r#match.is_empty() {
        faults.add(
            &["match"],
            "at least one attribute by which an account is found".into(),
        );
    }
    let mapped: Vec<AttributePath> = document
        .mapping
        .keys()
        .filter_map(|key| AttributePath::parse(key).ok())
        .collect();
    let mut paths: Vec<AttributePath> = Vec::new();
    for (index, text) in document.r#match.iter().enumerate() {
        let number = index.to_string();
        let at = ["match", number.as_str()];
        match AttributePath::parse(text) {
            Err(invalid) => faults.add(&at, invalid.problem),
            Ok(path) if paths.contains(&path) => faults.add(&at, format!("`{path}` is here twice")),
            Ok(path) if !path.is("externalId") && !mapped.contains(&path) => {
                faults.add(
                    &at,
                    format!("nothing maps `{path}`, so it has no value to look for"),
                );
            }
            Ok(path) => paths.push(path),
        }
    }
    paths
}

fn has(desired: &Desired, path: &AttributePath) -> bool {
    if path.is("externalId") {
        return desired.external_id.is_some();
    }
    desired
        .attributes
        .iter()
        .any(|desired| desired.path == *path && matches!(desired.wish, super::DesiredValue::Set(_)))
}

#[cfg(test)]
#[path = "golden_tests.rs"]
mod golden_tests;
#[cfg(test)]
#[path = "compiled_tests.rs"]
mod tests;
