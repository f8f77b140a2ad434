//! The warnings of a check that asks the targets: rules that the schemas of a target contradict.
//!
//! They are warnings, never mistakes: a target may accept more than its schemas list (a custom
//! extension, for example), and a config that works must start.

use std::collections::BTreeMap;

use super::{
    Config, ConnectionConfig,
    diagnostics::{Diagnostic, Diagnostics, SourceSpan},
    mapping,
    section::Section,
};
use hirewire_core::{
    mapping::{MappingDocument, MappingFault},
    scim::TargetSchemas,
};

/// Where the rules of a connection's mapping are in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RuleSpans {
    connection: SourceSpan,
    /// By the key of the rule. A rule of the profile is at `profile`.
    rules: BTreeMap<String, SourceSpan>,
}

impl RuleSpans {
    /// Finds the rules of a document that was read from this section.
    pub(super) fn read(section: &Section<'_>, document: &MappingDocument) -> Self {
        let spans = document.mapping.keys().map(|key| {
            let fault = MappingFault {
                at: vec!["mapping".to_owned(), key.clone()],
                range: None,
                problem: String::new(),
            };
            (key.clone(), mapping::span_of(section, &fault))
        });
        Self {
            connection: section.span.clone(),
            rules: spans.collect(),
        }
    }

    fn of(&self, fault: &MappingFault) -> SourceSpan {
        let rule = fault.at.get(1).and_then(|key| self.rules.get(key));
        rule.unwrap_or(&self.connection).clone()
    }
}

impl Config {
    /// A warning for each rule that the schemas of its target contradict.
    pub(crate) fn contradictions(
        &self,
        found: &[(&ConnectionConfig, TargetSchemas)],
    ) -> Diagnostics {
        let all = found.iter().flat_map(|(connection, schemas)| {
            let faults = connection.document().contradictions(schemas);
            let same = of_one_place(&connection.spans, faults);
            same.into_iter()
                .map(|contradiction| contradiction.warning(&connection.name))
        });
        self.warnings.others(all.collect())
    }
}

/// One problem of one place: a profile can have several rules of an extension that the target does
/// not list.
struct Contradiction {
    span: SourceSpan,
    problem: String,
    /// The keys of the rules; none: it is about the target as a whole.
    keys: Vec<String>,
}

fn of_one_place(spans: &RuleSpans, faults: Vec<MappingFault>) -> Vec<Contradiction> {
    let mut all: Vec<Contradiction> = Vec::new();
    for fault in faults {
        let span = spans.of(&fault);
        let key = fault.at.into_iter().nth(1);
        let mut known = all.iter_mut();
        match known.find(|known| known.span == span && known.problem == fault.problem) {
            Some(known) => known.keys.extend(key),
            None => all.push(Contradiction {
                span,
                problem: fault.problem,
                keys: key.into_iter().collect(),
            }),
        }
    }
    all
}

impl Contradiction {
    fn warning(self, name: &str) -> Diagnostic {
        let keys: Vec<String> = self.keys.iter().map(|key| format!("`{key}`")).collect();
        let title = match keys.as_slice() {
            [] => format!("[connections.{name}] is not as the target lists it"),
            [key] => {
                format!("{key} of [connections.{name}.mapping] is not as the target lists it")
            }
            keys => format!(
                "{} of [connections.{name}.mapping] are not as the target lists them",
                keys.join(", ")
            ),
        };
        warning(self.span, title, self.problem)
    }
}

fn warning(span: SourceSpan, title: String, problem: String) -> Diagnostic {
    Diagnostic::warning(span, title, problem).help(
        "the target's schemas are advice: if the target takes it all the same, leave it as it is",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Environment;
    use hirewire_core::scim::CORE_USER;

    #[test]
    fn a_warning_has_the_place_of_the_rule_or_of_the_profile() {
        let text = "[connections.app]\nbase_url = \"https://a.example\"\ntoken = \"t\"\n\
                    profile = \"generic\"\n[connections.app.mapping]\nnickName = \"worker.id\"\n";
        let environment = Environment::default().with_literal_secrets();
        let config =
            Config::parse(text, "f", &environment).unwrap_or_else(|found| panic!("{found}"));
        let connection = config.connections.get("app").unwrap();
        let document = connection.document();
        let listed = document.mapping.keys().filter(|key| *key != "title");
        let listed = listed.filter(|key| *key != "nickName");
        let paths = listed.map(|key| hirewire_core::scim::AttributePath::parse(key).unwrap());
        let core = paths.filter(|path| path.urn().is_none());
        let mut names: Vec<_> = core
            .map(|path| json!({ "name": path.attribute() }))
            .collect();
        names.push(json!({ "name": "active" }));

        let user = json!({ "id": CORE_USER, "attributes": names });
        let schemas = TargetSchemas::read(&[user], false).unwrap();
        let found = config.contradictions(&[(connection, schemas)]);
        let lines: Vec<_> = found.all().iter().map(|one| found.position(one)).collect();
        assert_eq!(lines, [Some((4, 1)), Some((6, 1))], "{found}");
        assert_eq!(found.mistakes(), 0);

        // Rules of the profile with one problem are one warning.
        let listed = json!({ "id": CORE_USER });
        let complete = TargetSchemas::read(&[listed], true).unwrap();
        let extension = config.contradictions(&[(connection, complete)]);
        assert_eq!(extension.all().len(), 1, "{extension}");
        let title = &extension.all()[0].title;
        assert!(
            title.contains("`enterprise.department`, `enterprise.division`"),
            "{title}"
        );
        assert!(
            title.contains("are not as the target lists them"),
            "{title}"
        );

        let shown = found.to_string();
        for part in [
            "warning: `title` of [connections.app.mapping]",
            "`nickName` of [connections.app.mapping] is not as the target lists it",
            "^^^^^^^^ the target's schema of users has no `nickName`",
            "schemas are advice",
        ] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
    }
}
