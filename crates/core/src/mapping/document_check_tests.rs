//! The check of a whole document: its faults and its warnings.

use serde_json::json;

use super::*;
use crate::{
    mapping::{
        GroupName,
        document_tests::{compiled, document, group, text, with},
    },
    scim::Profile,
};

fn faults(document: MappingDocument) -> Vec<(String, String)> {
    let faults = Mapping::compile(document).map(|_| ()).expect_err("faults");
    faults
        .into_iter()
        .map(|fault| (fault.at.join("/"), fault.problem))
        .collect()
}

/// A document with a fault of every kind.
fn faulty_document() -> MappingDocument {
    let mut document = with(&[
        ("active", json!("true")),
        ("id", json!("worker.id")),
        ("ExternalID", json!("worker.id")),
        ("no path", json!("worker.title")),
        ("nickName", json!({ "expr": "worker.title", "value": "x" })),
        ("locale", json!({ "on": "create" })),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:title",
            json!("worker.title"),
        ),
        ("name", json!("worker.name")),
        ("timezone", json!("worker.location.timezone")),
    ]);

    document.when = Some("worker.typ == 'x'".into());
    document.external_id = "worker.id &&".into();
    document.r#match = vec![
        "externalId".into(),
        "nickname".into(),
        "userName".into(),
        "USERNAME".into(),
        "a b".into(),
    ];

    document.lifecycle.activate = "soon".into();
    document.groups = vec![
        group(Some(text("A")), Some("1"), Some("nobody")),
        group(None, None, None),
        group(
            Some(GroupName::Expression {
                expr: "worker.dept".into(),
            }),
            None,
            None,
        ),
    ];

    document
}

#[test]
fn every_fault_is_reported_at_its_key() {
    let found = faults(faulty_document());
    let keys: Vec<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
    let expected = [
        "mapping/ExternalID",
        "mapping/active",
        "mapping/id",
        "mapping/locale",
        "mapping/name.familyName",
        "mapping/name.formatted",
        "mapping/name.givenName",
        "mapping/nickName",
        "mapping/no path",
        "mapping/timezone/expr",
        "mapping/urn:ietf:params:scim:schemas:core:2.0:User:title",
        "when",
        "external_id",
        "groups/0/when",
        "groups/0",
        "groups/1",
        "groups/2/name/expr",
        "match/3",
        "match/4",
        "lifecycle/activate",
    ];

    assert_eq!(keys, expected, "{found:#?}");

    let range = |document| {
        Mapping::compile(document).map(|_| ()).expect_err("one")[0]
            .range
            .clone()
    };

    assert_eq!(
        range(with(&[("timezone", json!("worker.location.timezone"))])),
        Some(16..24)
    );
}

#[test]
fn match_needs_at_least_one_path_and_each_needs_a_rule() {
    let mut document = document();
    document.r#match = vec!["nickName".into()];
    assert!(
        faults(document.clone())[0]
            .1
            .contains("no rule sets `nickName`")
    );
    document.r#match.clear();
    assert_eq!(faults(document)[0].0, "match");
}

#[test]
fn a_probable_mistake_is_a_warning() {
    let warned = |document| -> Vec<String> {
        compiled(document)
            .warnings()
            .into_iter()
            .map(|warning| warning.at.join("/"))
            .collect()
    };

    let two = vec!["acme".to_owned(), "beta".to_owned()];
    assert_eq!(
        warned(MappingDocument {
            sources: two.clone(),
            ..document()
        }),
        ["external_id"]
    );

    let named = "worker.source + '/' + worker.id".to_owned();
    assert_eq!(
        warned(MappingDocument {
            sources: two,
            external_id: named,
            ..document()
        }),
        Vec::<String>::new()
    );

    let mut document = MappingDocument::of_profile(Profile::named("workplace").unwrap());
    document.groups = vec![group(Some(text("A")), None, None)];
    document.r#match = vec!["emails.work".into()];
    document.mapping.remove("name.formatted");
    assert_eq!(warned(document), ["match/0", "groups", "mapping"]);
}
