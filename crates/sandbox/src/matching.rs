//! The evaluation of filters: does a resource, or one value of an attribute, match?
//!
//! A comparison with a multi-valued attribute holds if it holds for one of the values; `ne` is the
//! negation of `eq`. An unassigned attribute (RFC 7643 section 2.5) equals `null` only.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::attribute::{Attribute, is_assigned};
use super::filter::{CompareOperator, CompareValue, Filter};
use super::schema::AttributePath;

/// Whether a resource, or one value of a complex attribute, matches the filter.
pub(crate) fn matches(filter: &Filter, resource: &Map<String, Value>) -> bool {
    match filter {
        Filter::And(left, right) => matches(left, resource) && matches(right, resource),
        Filter::Or(left, right) => matches(left, resource) || matches(right, resource),
        Filter::Not(inner) => !matches(inner, resource),
        Filter::Present(path) => any_value(*path, resource, &mut is_assigned),
        Filter::ValuePath(path, inner) => any_value(*path, resource, &mut |value| {
            value.as_object().is_some_and(|value| matches(inner, value))
        }),
        Filter::Compare(path, operator, CompareValue::Null) => {
            let present = any_value(*path, resource, &mut is_assigned);
            present == (*operator == CompareOperator::NotEqual)
        }
        Filter::Compare(path, CompareOperator::NotEqual, wanted) => {
            !any_value(*path, resource, &mut |value| {
                compare(path.leaf(), value, CompareOperator::Equal, wanted)
            })
        }
        Filter::Compare(path, operator, wanted) => any_value(*path, resource, &mut |value| {
            compare(path.leaf(), value, *operator, wanted)
        }),
    }
}

/// The string that every match has in this attribute, if the filter implies one: an index can use
/// it.
pub(crate) fn required_string<'f>(
    filter: &'f Filter,
    attribute: &str,
    sub_attribute: Option<&str>,
) -> Option<&'f str> {
    match filter {
        Filter::Compare(path, CompareOperator::Equal, CompareValue::String(text)) => {
            let same = path.extension.is_none()
                && path.attribute.name == attribute
                && path.sub_attribute.map(|sub_attribute| sub_attribute.name) == sub_attribute;
            same.then_some(text.as_str())
        }
        Filter::And(left, right) => required_string(left, attribute, sub_attribute)
            .or_else(|| required_string(right, attribute, sub_attribute)),
        // The inner filter names the sub-attribute as an attribute.
        Filter::ValuePath(path, inner)
            if path.extension.is_none() && path.attribute.name == attribute =>
        {
            required_string(inner, sub_attribute?, None)
        }
        Filter::Compare(..)
        | Filter::ValuePath(..)
        | Filter::Or(..)
        | Filter::Not(_)
        | Filter::Present(_) => None,
    }
}

/// Whether `test` holds for one of the values at this path.
fn any_value(
    path: AttributePath,
    resource: &Map<String, Value>,
    test: &mut dyn FnMut(&Value) -> bool,
) -> bool {
    let Some(value) = path.attribute_value(resource) else {
        return false;
    };

    let mut test_leaf = |value: &Value| match path.sub_attribute {
        None => test(value),
        Some(sub_attribute) => value.get(sub_attribute.name).is_some_and(&mut *test),
    };
    match value.as_array() {
        Some(values) => values.iter().any(test_leaf),
        None => test_leaf(value),
    }
}

fn compare(
    attribute: &Attribute,
    actual: &Value,
    operator: CompareOperator,
    wanted: &CompareValue,
) -> bool {
    match (actual, wanted) {
        (Value::String(actual), CompareValue::String(wanted)) => {
            compare_strings(&attribute.fold_case(actual), operator, wanted)
        }
        (Value::String(actual), CompareValue::DateTime(wanted)) => actual
            .parse::<Timestamp>()
            .is_ok_and(|actual| satisfies(actual.cmp(wanted), operator)),
        (Value::Bool(actual), CompareValue::Boolean(wanted)) => {
            operator == CompareOperator::Equal && actual == wanted
        }
        (Value::Number(actual), CompareValue::Integer(wanted)) => actual
            .as_i64()
            .is_some_and(|actual| satisfies(actual.cmp(wanted), operator)),
        _ => false,
    }
}

fn compare_strings(actual: &str, operator: CompareOperator, wanted: &str) -> bool {
    match operator {
        CompareOperator::Contains => actual.contains(wanted),
        CompareOperator::StartsWith => actual.starts_with(wanted),
        CompareOperator::EndsWith => actual.ends_with(wanted),
        CompareOperator::Equal
        | CompareOperator::NotEqual
        | CompareOperator::Greater
        | CompareOperator::GreaterOrEqual
        | CompareOperator::Less
        | CompareOperator::LessOrEqual => satisfies(actual.cmp(wanted), operator),
    }
}

fn satisfies(order: Ordering, operator: CompareOperator) -> bool {
    match operator {
        CompareOperator::Equal => order.is_eq(),
        CompareOperator::NotEqual => order.is_ne(),
        CompareOperator::Greater => order.is_gt(),
        CompareOperator::GreaterOrEqual => order.is_ge(),
        CompareOperator::Less => order.is_lt(),
        CompareOperator::LessOrEqual => order.is_le(),
        CompareOperator::Contains | CompareOperator::StartsWith | CompareOperator::EndsWith => {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::{ENTERPRISE, GENERIC};

    fn ada() -> Map<String, Value> {
        let ada = json!({
            "id": "7",
            "userName": "Ada@Example.com",
            "externalId": "E-1",
            "active": true,
            "title": "",
            "name": {"givenName": "Ada"},
            "meta": {"created": "2026-03-01T10:00:00Z"},
            "emails": [
                {"type": "work", "value": "ada@example.com", "primary": true},
                {"type": "home", "value": "a@home.org"}
            ],
            (ENTERPRISE): {
                "department": "R \"&\" D"
            }
        });
        ada.as_object().unwrap().clone()
    }

    fn ada_matches(filter: &str) -> bool {
        matches(&Filter::parse(filter, GENERIC.user).unwrap(), &ada())
    }

    #[test]
    fn the_grammar_supports_every_operator_and_grouping() {
        let department = format!(r#"{ENTERPRISE}:department eq "R \"&\" D""#);

        for filter in [
            r#"userName eq "ada@EXAMPLE.com""#,
            r#"username EQ "ada@example.com""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ada""#,
            r#"externalId eq "E-1""#,
            r#"userName ew ".COM" and userName co "@""#,
            r#"title ne "x""#,
            "title eq null",
            "not (title pr)",
            r#"emails co "home.org""#,
            r#"emails.type eq "work""#,
            r#"emails[type eq "work" and value co "@example.com"]"#,
            r#"emails[type eq "home" and not (primary eq true)] and active eq true"#,
            r#"meta.created ge "2026-03-01T11:00:00+01:00""#,
            r#"meta.created ge "2026-03-01T10:00:00Z" and meta.created lt "2026-03-02T00:00:00Z""#,
            &department,
            r#"userName eq "nobody" or (active eq true and name.givenName eq "ada")"#,
            r#"userName eq "nobody" and active eq true or name.givenName pr"#,
        ] {
            assert!(ada_matches(filter), "{filter}");
        }
    }

    #[test]
    fn case_exact_is_respected_and_a_value_path_matches_within_one_value() {
        for filter in [
            r#"externalId eq "e-1""#,
            r#"emails[type eq "work" and value eq "a@home.org"]"#,
            "title pr",
            "active ne true",
            r#"name.givenName gt "ada""#,
        ] {
            assert!(!ada_matches(filter), "{filter}");
        }
    }

    #[test]
    fn an_invalid_filter_is_rejected_instead_of_matching_nothing() {
        let deep = format!("{}active pr{}", "(".repeat(60), ")".repeat(60));

        for filter in [
            "",
            "userName",
            "userName eq",
            r#"userName is "a""#,
            r#"nope eq "a""#,
            r#"active eq "true""#,
            "active gt true",
            r#"userName eq "a" and"#,
            r#"(userName eq "a""#,
            r#"userName eq "a")"#,
            r#"emails[type eq "a""#,
            "userName eq a",
            r#"not userName eq "a""#,
            r#"name eq "a""#,
            r#"password eq "a""#,
            r#"userName eq "a" "b""#,
            r#"title[value eq "a"]"#,
            &deep,
        ] {
            let error = Filter::parse(filter, GENERIC.user).unwrap_err();
            assert_eq!(error.scim_type, Some("invalidFilter"), "{filter}");
        }
    }

    #[test]
    fn a_string_that_every_match_has_is_found_for_the_index() {
        let filter =
            Filter::parse(r#"active eq true and userName eq "ADA""#, GENERIC.user).unwrap();
        assert_eq!(required_string(&filter, "userName", None), Some("ada"));

        let filter =
            Filter::parse(r#"emails[type eq "work" and value eq "A@b"]"#, GENERIC.user).unwrap();
        assert_eq!(
            required_string(&filter, "emails", Some("value")),
            Some("a@b")
        );

        let filter = Filter::parse(r#"userName eq "a" or active eq true"#, GENERIC.user).unwrap();
        assert_eq!(required_string(&filter, "userName", None), None);
    }
}
