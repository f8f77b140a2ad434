//! The faults that the name check finds: which part of the source, and which suggestion.

use std::collections::BTreeMap;

use super::*;

fn problems(source: &str) -> Vec<(String, String)> {
    let tables = BTreeMap::from([("sites".to_owned(), 0)]);
    let found = check(source, &tables).into_iter();
    found
        .map(|found| {
            (
                source[found.range.expect("a range")].to_owned(),
                found.problem,
            )
        })
        .collect()
}

#[test]
fn every_known_name_passes() {
    for source in [
        "worker.name.preferred_given or worker.name.given",
        r#"[worker.title, worker.department.name] | select | join(" ")"#,
        "worker.phones[0].value",
        "worker.phones[:2][0].value",
        r#"worker["title"]"#,
        concat!(
            r#"(worker.phones | selectattr("type", "equalto", "work")"#,
            r#" | map(attribute="value") | first)"#,
        ),
        "worker.extensions.badge.of.any.name",
        "employment.start and employments[0].department.id",
        r#"person.status == "active" and worker.title is not absent"#,
        r#"worker.type in ["employee"] and "x" not in worker.title"#,
        r#"lookup("sites", worker.location.id, "HQ")"#,
        r#"lookup({"d1": "R&D"}, worker.department.id)"#,
        "'a' if worker.title is defined else none",
    ] {
        assert_eq!(problems(source), [], "{source}");
    }
}

#[test]
fn a_wrong_name_is_reported_with_its_range_and_a_suggestion() {
    for (source, wrong, hint) in [
        ("worker.titel", "titel", "did you mean `worker.title`?"),
        (
            "worker.name.givn",
            "givn",
            "did you mean `worker.name.given`?",
        ),
        ("worker.given", "given", "did you mean `worker.name.given`?"),
        (
            r#"worker["titel"]"#,
            "\"titel\"",
            "did you mean `worker.title`?",
        ),
        ("wroker.title", "wroker", "did you mean `worker`?"),
        ("worker.phones.value", "value", "`worker.phones[0]`"),
        (
            "worker.phones[0].valu",
            "valu",
            "did you mean `worker.phones[0].value`?",
        ),
        (
            "worker.title[:3] + worker.tilte[0]",
            "tilte",
            "did you mean `worker.title`?",
        ),
        ("worker.title.name", "name", "has no members"),
        ("worker.title.lower()", "lower", "`worker.title | lower`"),
        ("worker.title | lowr", "lowr", "did you mean `lower`?"),
        ("lowre(worker.title)", "lowre", "did you mean `lower`?"),
        ("worker.title is absnt", "absnt", "did you mean `absent`?"),
        ("lower", "lower", "it is a function"),
        ("employee", "employee", "known are: worker"),
        ("person.key", "key", "not in this version"),
        (
            r#"lookup("site", worker.type)"#,
            "\"site\"",
            "did you mean `sites`?",
        ),
        (
            r#"worker.phones | selectattr("typ")"#,
            "\"typ\"",
            "did you mean `type`?",
        ),
        ("worker.title ~ 'x'", "~", "concat(a, b)"),
        ("worker.title != ''", "!=", "is absent"),
    ] {
        let found = problems(source);
        assert_eq!(found.len(), 1, "{source}: {found:?}");
        assert_eq!(found[0].0, wrong, "{source}");
        assert!(found[0].1.contains(hint), "{source}: {}", found[0].1);
    }
}

#[test]
fn a_name_in_quotes_is_not_read() {
    assert!(reads("worker . source + '/'", "worker", "source"));
    assert!(!reads("'worker.source' + worker.id", "worker", "source"));
}
