//! Compares the answer to an update with what was asked: a success is no proof of an effect.
//!
//! In: the changes, the user before and the user in the answer. Out: the changes that the answer
//! shows to be missing. A target may write a value in another form (a phone number without spaces);
//! such a value is neither the old one nor missing, and counts as applied.

use serde_json::Value;

use super::{attributes::matches, change::Change, input::LastApplied, operation::Operation};
use crate::scim::{AttributePath, member};

/// The changes of an update whose old value the answer still shows. `before`: the user as it was
/// read before the update; `None`: it was not read, and `last_applied` has the old values. `answer`:
/// the body of the answer. An attribute that the answer leaves out says nothing.
pub fn without_effect(
    operation: &Operation,
    before: Option<&Value>,
    last_applied: &LastApplied,
    answer: &Value,
) -> Vec<Change> {
    let Operation::Update(changes) = operation else {
        return Vec::new();
    };
    if member(answer, "id").is_none() {
        return Vec::new();
    }

    let old_value = |path: &AttributePath| match before {
        Some(resource) => path.get(resource),
        None => last_applied.attributes.get(path.as_str()),
    };
    let is_unchanged = |change: &&Change| {
        change.applied.iter().any(|(path, desired)| {
            let desired = Some(desired).filter(|value| !value.is_null());
            let shown = path.get(answer);
            let old = old_value(path).filter(|value| !value.is_null());

            shown.is_some() && !matches(path, desired, shown) && matches(path, old, shown)
        })
    };
    changes.iter().filter(is_unchanged).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::Edit;

    fn update(path: &str, value: &Value) -> Operation {
        let path = AttributePath::parse(path).unwrap();
        let edit = if value.is_null() {
            Edit::Clear
        } else {
            Edit::Replace(value.clone())
        };
        Operation::Update(vec![Change {
            path: path.clone(),
            edit,
            applied: vec![(path, value.clone())],
        }])
    }

    fn unchanged(path: &str, desired: &Value, before: &Value, answer: &Value) -> usize {
        let operation = update(path, desired);
        without_effect(&operation, Some(before), &LastApplied::default(), answer).len()
    }

    #[test]
    fn a_value_that_is_still_the_old_one_had_no_effect() {
        let before =
            json!({"id": "7", "title": "Old", "emails": [{"type": "work", "value": "a@x"}]});
        let lead = json!("Lead");

        assert_eq!(unchanged("title", &lead, &before, &before), 1);
        assert_eq!(unchanged("title", &Value::Null, &before, &before), 1);
        assert_eq!(unchanged("emails.work", &json!("b@x"), &before, &before), 1);

        let applied = json!({"id": "7", "title": "Lead"});
        assert_eq!(unchanged("title", &lead, &before, &applied), 0);
        assert_eq!(unchanged("emails.work", &json!("A@X"), &before, &before), 0);
    }

    #[test]
    fn an_answer_that_does_not_show_the_attribute_says_nothing() {
        let before = json!({"id": "7", "title": "Old"});
        for answer in [json!({"id": "7"}), json!({"title": "Old"}), json!(null)] {
            assert_eq!(unchanged("title", &json!("Lead"), &before, &answer), 0);
        }
    }

    #[test]
    fn a_value_in_the_form_of_the_target_counts_as_applied() {
        let before = json!({"id": "7", "title": "Old"});
        let answer = json!({"id": "7", "title": "LEAD (EN)"});
        assert_eq!(unchanged("title", &json!("Lead"), &before, &answer), 0);
    }

    #[test]
    fn without_a_read_the_old_value_is_the_one_last_applied() {
        let last_applied = LastApplied {
            attributes: [("title".to_owned(), json!("Old"))].into(),
            ..LastApplied::default()
        };
        let answer = json!({"id": "7", "title": "Old"});
        let operation = update("title", &json!("Lead"));
        assert_eq!(
            without_effect(&operation, None, &last_applied, &answer).len(),
            1
        );
    }
}
