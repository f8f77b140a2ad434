//! Filters applied: does this resource, or this value of an attribute, match?
//!
//! A comparison on a multi-valued attribute is true if it is true of any of its values; `ne` is the negation of `eq`.
//! What is absent, null or empty is unassigned (RFC 7643 section 2.5): it equals `null` only.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::filter::{FieldPath, Filter, Literal, Operator, fold};
use super::schema::Attribute;

/// Whether the filter is true of the resource (or of one value of a complex attribute).
pub(super) fn matches(filter: &Filter, map: &Map<String, Value>) -> bool {
    match filter {
        Filter::And(left, right) => matches(left, map) && matches(right, map),
        Filter::Or(left, right) => matches(left, map) || matches(right, map),
        Filter::Not(inner) => !matches(inner, map),
        Filter::Present(place) => any(*place, map, &mut assigned),
        Filter::Inside(place, inner) => any(*place, map, &mut |value| {
            value.as_object().is_some_and(|value| matches(inner, value))
        }),
        Filter::Compare(place, operator, Literal::Null) => {
            let present = any(*place, map, &mut assigned);
            if *operator == Operator::NotEqual {
                present
            } else {
                !present
            }
        }
        Filter::Compare(place, Operator::NotEqual, literal) => !any(*place, map, &mut |value| {
            compare(place.leaf(), value, Operator::Equal, literal)
        }),
        Filter::Compare(place, operator, literal) => any(*place, map, &mut |value| {
            compare(place.leaf(), value, *operator, literal)
        }),
    }
}

/// The text that this filter demands of one of these attributes, if it does: what an index can answer.
pub(super) fn demanded<'f>(
    filter: &'f Filter,
    attribute: &str,
    sub: Option<&str>,
) -> Option<&'f str> {
    match filter {
        Filter::Compare(place, Operator::Equal, Literal::Text(text)) => {
            let same = place.extension.is_none()
                && place.attribute.name == attribute
                && place.sub.map(|sub| sub.name) == sub;
            same.then_some(text.as_str())
        }
        Filter::And(left, right) => {
            demanded(left, attribute, sub).or_else(|| demanded(right, attribute, sub))
        }
        // Inside the brackets the sub-attribute is the attribute.
        Filter::Inside(place, inner)
            if place.extension.is_none() && place.attribute.name == attribute =>
        {
            demanded(inner, sub?, None)
        }
        Filter::Compare(..)
        | Filter::Inside(..)
        | Filter::Or(..)
        | Filter::Not(_)
        | Filter::Present(_) => None,
    }
}

/// Whether a value says anything (RFC 7643 section 2.5).
pub(super) fn assigned(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Whether `test` is true of some value in this place.
fn any(place: FieldPath, map: &Map<String, Value>, test: &mut dyn FnMut(&Value) -> bool) -> bool {
    let host = match place.extension {
        None => Some(map),
        Some(schema) => map.get(schema.id).and_then(Value::as_object),
    };
    let Some(value) = host.and_then(|host| host.get(place.attribute.name)) else {
        return false;
    };
    let mut reach = |value: &Value| match place.sub {
        None => test(value),
        Some(sub) => value.get(sub.name).is_some_and(&mut *test),
    };
    match value.as_array() {
        Some(values) => values.iter().any(reach),
        None => reach(value),
    }
}

fn compare(attribute: &Attribute, value: &Value, operator: Operator, literal: &Literal) -> bool {
    match (value, literal) {
        (Value::String(have), Literal::Text(want)) => text(&fold(attribute, have), operator, want),
        (Value::String(have), Literal::Time(want)) => have
            .parse::<jiff::Timestamp>()
            .is_ok_and(|have| ordered(have.cmp(want), operator)),
        (Value::Bool(have), Literal::Boolean(want)) => operator == Operator::Equal && have == want,
        (Value::Number(have), Literal::Integer(want)) => have
            .as_i64()
            .is_some_and(|have| ordered(have.cmp(want), operator)),
        _ => false,
    }
}

fn text(have: &str, operator: Operator, want: &str) -> bool {
    match operator {
        Operator::Contains => have.contains(want),
        Operator::StartsWith => have.starts_with(want),
        Operator::EndsWith => have.ends_with(want),
        Operator::Equal
        | Operator::NotEqual
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Less
        | Operator::LessOrEqual => ordered(have.cmp(want), operator),
    }
}

fn ordered(order: Ordering, operator: Operator) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Contains | Operator::StartsWith | Operator::EndsWith => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::attributes::GENERIC;

    fn ada() -> Map<String, Value> {
        let ada = json!({
            "id": "7", "userName": "Ada@Example.com", "externalId": "E-1", "active": true, "title": "",
            "name": {"givenName": "Ada"},
            "meta": {"created": "2026-03-01T10:00:00Z"},
            "emails": [{"type": "work", "value": "ada@example.com", "primary": true}, {"type": "home", "value": "a@home.org"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R \"&\" D"}
        });
        ada.as_object().unwrap().clone()
    }

    fn holds(filter: &str) -> bool {
        matches(&Filter::parse(filter, GENERIC.user).unwrap(), &ada())
    }

    #[test]
    fn every_operator_and_bracket_of_the_grammar_is_understood() {
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
            r#"meta.created ge "2026-03-01T11:00:00+01:00" and meta.created lt "2026-03-02T00:00:00Z""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "R \"&\" D""#,
            r#"userName eq "nobody" or (active eq true and name.givenName eq "ada")"#,
            r#"userName eq "nobody" and active eq true or name.givenName pr"#,
        ] {
            assert!(holds(filter), "{filter}");
        }
    }

    #[test]
    fn case_counts_where_the_schema_says_so_and_brackets_bind_one_value() {
        for filter in [
            r#"externalId eq "e-1""#,
            r#"emails[type eq "work" and value eq "a@home.org"]"#,
            "title pr",
            "active ne true",
            r#"name.givenName gt "ada""#,
        ] {
            assert!(!holds(filter), "{filter}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_filter_is_refused_and_never_an_empty_list() {
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
            let refusal = Filter::parse(filter, GENERIC.user).unwrap_err();
            assert_eq!(refusal.scim_type, Some("invalidFilter"), "{filter}");
        }
    }

    #[test]
    fn an_index_may_answer_what_every_match_must_have() {
        let filter =
            Filter::parse(r#"active eq true and userName eq "ADA""#, GENERIC.user).unwrap();
        assert_eq!(demanded(&filter, "userName", None), Some("ada"));
        let filter =
            Filter::parse(r#"emails[type eq "work" and value eq "A@b"]"#, GENERIC.user).unwrap();
        assert_eq!(demanded(&filter, "emails", Some("value")), Some("a@b"));
        let filter = Filter::parse(r#"userName eq "a" or active eq true"#, GENERIC.user).unwrap();
        assert_eq!(demanded(&filter, "userName", None), None);
    }
}
