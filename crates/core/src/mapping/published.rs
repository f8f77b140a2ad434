//! Builds, changes, writes and reads a mapping document.
//!
//! A profile gives a complete document with the defaults of `docs/mapping.md`; the config then sets
//! the connection's own keys. The store keeps and compares the canonical text. Nothing is compiled
//! here.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    attributes::overlap,
    document::{
        AccountAdoption, AttributeRule, GroupsPolicy, LifecyclePolicy, MappingDocument, OutOfScope,
        WhenEmpty, WhenWritten,
    },
};
use crate::scim::{AttributePath, Profile};

/// The text is not a mapping document of this version.
#[derive(Debug, thiserror::Error)]
#[error("the published mapping cannot be read: {0}")]
pub struct UnreadableMapping(#[from] serde_json::Error);

/// The rule is neither an expression nor a table with `expr` or `value`, `on` and `empty`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {problem}")]
pub struct InvalidRule {
    /// The attribute path, as written.
    pub key: String,
    /// The fault and what was expected.
    pub problem: String,
}

impl AttributeRule {
    /// Reads a rule of the config: text is an expression, a table has `expr` or `value`, `on` and
    /// `empty`.
    pub fn read(key: &str, rule: &Value) -> Result<Self, InvalidRule> {
        match rule {
            Value::String(source) => Ok(Self::expression(source)),
            Value::Object(_) => serde_json::from_value(rule.clone()).map_err(|error| InvalidRule {
                key: key.to_owned(),
                problem: error.to_string(),
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Err(InvalidRule {
                key: key.to_owned(),
                problem: format!(
                    "expected an expression in quotes; a constant is `{{ value = {rule} }}`"
                ),
            }),
        }
    }

    /// A rule with an expression and the defaults of `on` and `empty`.
    pub fn expression(source: &str) -> Self {
        let (on, empty) = (WhenWritten::default(), WhenEmpty::default());
        Self {
            expr: Some(source.to_owned()),
            value: None,
            on,
            empty,
        }
    }
}

impl MappingDocument {
    /// The document of a connection that sets nothing but its profile.
    pub fn of_profile(profile: Profile) -> Self {
        // An unreadable rule becomes one without `expr` and `value`, which `compile` refuses.
        let unreadable = || AttributeRule {
            expr: None,
            value: None,
            on: WhenWritten::Always,
            empty: WhenEmpty::Keep,
        };

        let rules = profile.mapping.iter();
        let mapping = rules.map(|(key, rule)| {
            (
                key.clone(),
                AttributeRule::read(key, rule).unwrap_or_else(|_| unreadable()),
            )
        });

        Self {
            mapping: mapping.collect(),
            when: None,
            out_of_scope: OutOfScope::default(),
            r#match: profile
                .lookup
                .iter()
                .map(|path| path.as_str().to_owned())
                .collect(),
            external_id: "worker.id".into(),
            external_id_on: WhenWritten::Create,
            protect: Vec::new(),
            adopt: AccountAdoption::default(),
            lifecycle: LifecyclePolicy::default(),
            groups: Vec::new(),
            groups_policy: GroupsPolicy::default(),
            sources: Vec::new(),
            tables: BTreeMap::new(),
            profile,
        }
    }

    /// Sets the rule of an attribute. It replaces a rule under another spelling of the same path.
    pub fn set_rule(&mut self, key: &str, rule: AttributeRule) {
        if let Ok(path) = AttributePath::parse(key) {
            self.mapping
                .retain(|known, _| AttributePath::parse(known).ok().as_ref() != Some(&path));
        }
        self.mapping.insert(key.to_owned(), rule);
    }

    /// Takes out every rule for the attribute at the path, for a part of it or for the whole of it.
    /// Returns whether there was one.
    pub fn take_out(&mut self, path: &AttributePath) -> bool {
        let before = self.mapping.len();
        self.mapping.retain(|known, _| {
            !AttributePath::parse(known).is_ok_and(|known| overlap(&known, path))
        });
        self.mapping.len() < before
    }

    /// Whether a rule sets the attribute at exactly this path.
    pub fn has_rule(&self, path: &AttributePath) -> bool {
        self.mapping
            .keys()
            .any(|known| AttributePath::parse(known).is_ok_and(|known| known == *path))
    }

    /// The canonical JSON text. Equal documents have equal text.
    pub fn canonical(&self) -> String {
        // All keys are text and all numbers finite, so this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a canonical text. Unknown keys are an error.
    pub fn parse(text: &str) -> Result<Self, UnreadableMapping> {
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn documents() -> Vec<MappingDocument> {
        let profiles = Profile::names().into_iter().filter_map(Profile::named);
        profiles.map(MappingDocument::of_profile).collect()
    }

    #[test]
    fn the_canonical_text_round_trips() {
        for mut document in documents() {
            document.set_rule(
                "title",
                AttributeRule::read("title", &json!({ "value": "x", "on": "create" })).unwrap(),
            );
            document.tables.insert(
                "sites".into(),
                BTreeMap::from([("L1".into(), json!("Berlin"))]),
            );
            let text = document.canonical();
            let again = MappingDocument::parse(&text).unwrap();
            assert_eq!(again, document);
            assert_eq!(again.canonical(), text);
        }

        assert!(MappingDocument::parse("{}").is_err());
    }

    #[test]
    fn another_spelling_of_an_attribute_replaces_its_rule() {
        for mut document in documents() {
            let rules = document.mapping.len();
            let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
            document.set_rule(urn, AttributeRule::expression("worker.department.id"));
            document.set_rule(
                "EMAILS.work",
                AttributeRule::expression("worker.personal_email"),
            );
            assert_eq!(document.mapping.len(), rules);
            assert_eq!(
                document.mapping[urn].expr.as_deref(),
                Some("worker.department.id")
            );
        }
    }

    #[test]
    fn a_rule_is_an_expression_or_a_table() {
        assert_eq!(
            AttributeRule::read("title", &json!("worker.title")),
            Ok(AttributeRule::expression("worker.title"))
        );

        let table = AttributeRule::read(
            "title",
            &json!({ "expr": "worker.title", "empty": "clear" }),
        )
        .unwrap();

        assert_eq!(table.empty, WhenEmpty::Clear);

        for wrong in [
            json!(7),
            json!({ "exp": "worker.title" }),
            json!({ "expr": "x", "on": "never" }),
        ] {
            assert!(AttributeRule::read("title", &wrong).is_err(), "{wrong}");
        }
    }
}
