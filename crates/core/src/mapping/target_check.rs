//! Holds the rules of a mapping against the schemas that the target publishes.
//!
//! In: a document and the schemas. Out: one fault for each rule that the schemas contradict. A fault
//! here is advice: targets publish less than they accept, and more than they do.

use super::{
    document::{AttributeRule, MappingDocument, WhenWritten},
    faults::MappingFault,
};
use crate::scim::{AttributePath, TargetSchemas};

impl MappingDocument {
    /// The rules that the schemas of the target contradict. A fault without keys (`at` is empty) is
    /// about the target as a whole.
    pub fn contradictions(&self, schemas: &TargetSchemas) -> Vec<MappingFault> {
        let fault = |at: Vec<String>, problem| MappingFault {
            at,
            range: None,
            problem,
        };
        let rules = self.mapping.iter();
        let of_rules = rules.filter_map(|(key, rule)| {
            let problem = self.contradiction(schemas, key, rule)?;
            Some(fault(vec!["mapping".to_owned(), key.clone()], problem))
        });

        let of_access = access_problem(schemas).map(|problem| fault(Vec::new(), problem));
        of_access.into_iter().chain(of_rules).collect()
    }

    fn contradiction(
        &self,
        schemas: &TargetSchemas,
        key: &str,
        rule: &AttributeRule,
    ) -> Option<String> {
        let path = AttributePath::parse(key).ok()?;
        let constant = rule.value.clone().unwrap_or_default();
        let (path, constant) = self.profile.to_dialect(&path, constant);
        let path = self.profile.without_type(&path);

        let updates = rule.on == WhenWritten::Always;
        schemas.contradiction(&path, updates).or_else(|| {
            let given = !constant.is_null();
            given.then(|| schemas.wrong_type(&path, &constant))?
        })
    }
}

/// Why access cannot be ended at this target, as far as its schemas tell.
fn access_problem(schemas: &TargetSchemas) -> Option<String> {
    let active = AttributePath::parse("active").ok()?;
    let problem = schemas.contradiction(&active, true)?;
    Some(format!("{problem}. Nobody's access could be ended here"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::scim::{CORE_USER, Profile};

    fn document(rules: &Value) -> MappingDocument {
        let mut document = MappingDocument::of_profile(Profile::default());
        for (key, rule) in rules.as_object().unwrap() {
            let rule = AttributeRule::read(key, rule).unwrap();
            document.mapping.insert(key.clone(), rule);
        }
        document
    }

    fn schemas(attributes: &Value) -> TargetSchemas {
        let user = json!({ "id": CORE_USER, "attributes": attributes });
        TargetSchemas::read(&[user], true).unwrap()
    }

    #[test]
    fn each_rule_that_the_target_contradicts_is_a_fault_of_its_key() {
        let schemas = schemas(&json!([
            { "name": "active", "type": "boolean" },
            { "name": "userName", "type": "string", "mutability": "immutable" },
            { "name": "displayName", "type": "string" },
            { "name": "nickName", "type": "boolean" },
            { "name": "emails", "type": "complex", "multiValued": true,
              "subAttributes": [{ "name": "value", "type": "string" }] },
        ]));
        let mut document = document(&json!({
            "userName": { "expr": "worker.id", "on": "create" },
            "displayName": "worker.id",
            "dispalyName": "worker.id",
            "nickName": { "value": "yes" },
            "emails.work": "worker.work_email",
        }));
        let at = |document: &MappingDocument| -> Vec<String> {
            let found = document.contradictions(&schemas).into_iter();
            found.map(|fault| fault.at.join(".")).collect()
        };
        assert_eq!(
            at(&document),
            [
                "mapping.dispalyName",
                "mapping.emails.work",
                "mapping.nickName"
            ]
        );

        // The dialect says how the target has it.
        let dialect =
            "typeless = ['emails']\n[attributes.nickName]\nkind = 'text'\npath = 'displayName'\n";
        document.profile = Profile::read(dialect).unwrap();
        assert_eq!(at(&document), ["mapping.dispalyName"]);
    }

    #[test]
    fn a_target_that_lists_no_active_cannot_end_access() {
        let document = document(&json!({}));
        let without = schemas(&json!([{ "name": "userName" }]));
        let found = document.contradictions(&without);
        assert_eq!(found.len(), 1);
        assert!(found[0].at.is_empty() && found[0].problem.contains("`active`"));

        let read_only = schemas(&json!([{ "name": "active", "mutability": "readOnly" }]));
        assert_eq!(document.contradictions(&read_only).len(), 1);
        let known = schemas(&json!([{ "name": "active", "mutability": "readWrite" }]));
        assert_eq!(document.contradictions(&known), []);
    }
}
