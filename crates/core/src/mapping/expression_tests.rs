//! Expressions on people: their values, absent values, faults of the source and errors.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::{
    fold::{Person, Status},
    mapping::people_tests::{ada, bare},
};

type Tables = BTreeMap<String, BTreeMap<String, Value>>;

fn tables() -> Tables {
    Tables::from([("sites".into(), BTreeMap::from([("L1".into(), json!("HQ"))]))])
}

fn compile(source: &str) -> Result<Expression, Vec<ExpressionFault>> {
    Expression::compile("mapping.title", source, &tables())
}

fn value_of(person: &Person, source: &str) -> Result<Option<Value>, EvaluationError> {
    let expression = compile(source).unwrap_or_else(|problems| panic!("{source}: {problems:?}"));
    expression.value(&View::of(person, &[], &tables()))
}

fn fault(source: &str) -> (Option<String>, String) {
    let problems = compile(source).map(|_| ()).expect_err(source);
    assert_eq!(problems.len(), 1, "{source}: {problems:?}");
    (
        problems[0]
            .range
            .clone()
            .map(|range| source[range].to_owned()),
        problems[0].problem.clone(),
    )
}

#[test]
fn expressions_give_text_numbers_booleans_lists_and_objects() {
    for (source, expected) in [
        (
            "worker.name.preferred_given or worker.name.given",
            json!("Ada"),
        ),
        (
            "lower(ascii(left(worker.name.given, 1) + worker.name.family))",
            json!("zmueller-aangstroem"),
        ),
        ("worker.id + '@' + worker.source", json!("E-1001@acme")),
        ("worker.extensions.badge", json!(42)),
        ("worker.extensions.badge + 1", json!(43)),
        ("worker.extensions.skills", json!(["rust", "sql"])),
        (r#"worker.extensions["garage.lot"]"#, json!("P3")),
        ("worker.type == 'employee'", json!(true)),
        ("worker.phones[0].value", json!("+49301")),
        ("worker.phones[-1].type", json!("mobile")),
        (
            "(worker.phones | selectattr('type', 'equalto', 'mobile') | first).value",
            json!("+49151"),
        ),
        (
            "worker.phones | map(attribute='value') | join(', ')",
            json!("+49301, +49151"),
        ),
        ("worker.phones | length", json!(2)),
        (
            "worker.department",
            json!({ "id": "d1", "name": "Engineering" }),
        ),
        (
            "[worker.title, worker.name.middle, worker.locale]",
            json!(["Engineer", "de-DE"]),
        ),
        ("person.status", json!("active")),
        (
            "employment.id + ' ' + employment.start + ' ' + employment.end",
            json!("main 2026-12-01 2027-11-30"),
        ),
        ("employments[0].department.name", json!("Engineering")),
        ("unix_seconds(worker.dates.start)", json!(1_796_083_200)),
        ("lookup('sites', worker.location.id, 'field')", json!("HQ")),
        ("'yes' if worker.title else 'no'", json!("yes")),
        ("'a' 'b'", json!("ab")),
    ] {
        assert_eq!(value_of(&ada(), source), Ok(Some(expected)), "{source}");
    }
}

#[test]
fn an_unknown_value_is_absent_and_never_the_text_none() {
    let unknown = bare(Status::Unknown, Vec::new());
    for source in [
        "worker.title",
        "worker.name.given or worker.name.family",
        "worker.department.name",
        "worker.department",
        "worker.phones",
        "worker.phones[0].value",
        "(worker.phones | selectattr('type', 'equalto', 'work') | first).value",
        "worker.phones | map(attribute='value') | join(', ')",
        "worker.extensions.badge",
        "worker.extensions.badge + 1",
        "worker.extensions.a",
        "lower(ascii(left(worker.name.given, 1) + worker.name.family))",
        "worker.name.given + 'x'",
        "[worker.name.given, worker.name.family] | select | join(' ')",
        "concat(worker.name.given, worker.name.family)",
        "unix_seconds(worker.dates.start)",
        "employment.start",
        "employments[3].title",
        "lookup('sites', worker.location.id)",
        "worker.title if worker.title",
        "''",
        "none",
    ] {
        assert_eq!(value_of(&unknown, source), Ok(None), "{source}");
    }

    for (source, expected) in [
        ("worker.title or 'x'", json!("x")),
        ("worker.title | default('x')", json!("x")),
        ("worker.phones[0].value or 'x'", json!("x")),
        ("concat('a', worker.title)", json!("a")),
        ("worker.title == none", json!(true)),
        ("worker.title is absent", json!(true)),
        (
            "worker.department is absent and not worker.department",
            json!(true),
        ),
        ("worker.title in 'any text'", json!(false)),
        ("worker.type == 'employee'", json!(false)),
        ("worker.phones | length", json!(0)),
    ] {
        assert_eq!(value_of(&unknown, source), Ok(Some(expected)), "{source}");
    }
}

#[test]
fn an_unknown_character_after_a_quoted_text_is_a_fault() {
    for (source, wrong) in [
        ("'a' && worker.title", "&"),
        ("'a' ; 1", ";"),
        ("worker.title == 'a' && worker.type", "&"),
    ] {
        let (at, message) = fault(source);
        assert_eq!(
            message, "unexpected character after a quoted text; use `and`, `or` or `not`",
            "{source}"
        );
        assert!(at.is_some_and(|at| at.starts_with(wrong)), "{source}");
    }
}

#[test]
fn an_invalid_source_is_reported_with_its_range() {
    for (source, expected) in [
        ("", "is empty"),
        ("   ", "is empty"),
        ("{{ worker.title }}", "leave out `{{`"),
        ("worker.title and", "not an expression"),
        ("(worker.title", "not an expression"),
        ("worker.title) or (worker.type", "not an expression"),
        ("lower(worker.title", "not an expression"),
        ("worker.titel", "did you mean `worker.title`?"),
    ] {
        assert!(
            fault(source).1.contains(expected),
            "{source}: {:?}",
            fault(source)
        );
    }

    assert_eq!(fault("worker.titel").0.as_deref(), Some("titel"));
    assert_eq!(fault("worker.title | nope").0.as_deref(), Some("nope"));
    assert!(fault(&"x".repeat(2_001)).1.contains("2000"));
}

#[test]
fn all_wrong_names_are_reported_at_once() {
    let problems =
        compile("worker.titel or worker.nmae.given or lowre(worker.type)").expect_err("three");
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn an_error_quotes_the_source_and_not_the_person() {
    for source in [
        "worker.name.given | int",
        "worker.name.given - 1",
        "worker.name.given | abs",
        "unix_seconds(worker.name.given)",
        "lower(worker.phones)",
        "worker.extensions.badge // 0",
        "worker.work_email | round",
        "lookup(worker.phones, worker.name.given)",
        "lookup(worker.name.given, 'x')",
        "'a' * 2000000000",
        "join([none] * 100000000)",
    ] {
        let error = value_of(&ada(), source).map(|_| ()).expect_err(source);
        assert_eq!(error.at, "mapping.title");
        for known in ["Zoë", "ada@", "+49", "42"] {
            assert!(!error.problem.contains(known), "{source}: {error}");
        }
        assert!(error.problem.contains(", at `"), "{source}: {error}");
    }
}

#[test]
fn a_result_with_too_many_values_is_refused() {
    for source in ["[1] * 100000000", "[[1] * 1000, [1] * 1000]"] {
        let error = value_of(&ada(), source).map(|_| ()).expect_err(source);
        assert!(
            error.problem.contains("more than 1,000 values"),
            "{source}: {error}"
        );
    }
}

#[test]
fn a_condition_that_needs_an_absent_value_fails_and_is_not_false() {
    let unknown = bare(Status::Active, Vec::new());
    let view = View::of(&unknown, &[], &tables());
    let holds = |source: &str| compile(source).unwrap().holds(&view);
    assert_eq!(holds("worker.type == 'employee'"), Ok(false));
    assert_eq!(holds("worker.type in ['employee']"), Ok(false));
    assert_eq!(holds("worker.title"), Ok(false));
    assert_eq!(holds("worker.phones[0].type == 'work'"), Ok(false));
    assert!(holds("worker.extensions.level + 1 > 3").is_err());
}

#[test]
fn a_source_of_the_greatest_length_neither_overflows_the_stack_nor_takes_long() {
    let longest = 1_990;
    for source in [
        "-".repeat(longest) + "1",
        "not ".repeat(longest / 4) + "1",
        "(".repeat(longest / 2) + "1" + &")".repeat(longest / 2),
        "[".repeat(longest / 2) + &"]".repeat(longest / 2),
        "1+".repeat(longest / 2) + "1",
        "1 if 1 else ".repeat(longest / 12) + "1",
        "1".to_owned() + &"|d(".repeat(longest / 4) + &")".repeat(longest / 4),
        "worker".to_owned() + &"[0]".repeat(longest / 4),
        "worker.extensions".to_owned() + &".a".repeat(longest / 3),
        "1".to_owned() + &"|lower".repeat(longest / 6),
        "range(100)|map('lower')|list".to_owned(),
        "'aaaaaaaaaa'".to_owned() + &"|replace('a','aaaaaaaaaa')".repeat(50),
    ] {
        let start: String = source.chars().take(20).collect();
        if let Ok(expression) = compile(&source) {
            let _ = expression.value(&View::of(&ada(), &[], &tables()));
        }
        assert!(source.chars().count() <= MAX_SOURCE, "{start}");
    }
}
