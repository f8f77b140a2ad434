//! Which paths the schemas of a target contradict, and which they leave open.

use serde_json::json;

use super::*;

const EXTENSION: &str = "urn:acme:scim:2.0:User";

fn schemas() -> TargetSchemas {
    let kinds = json!({
        "name": "type", "type": "string", "canonicalValues": ["work", "home"],
    });
    let user = json!({
        "id": CORE_USER,
        "attributes": [
            { "name": "userName", "type": "string", "multiValued": false, "mutability": "immutable" },
            { "name": "displayName", "type": "string", "multiValued": false,
              "mutability": "readWrite" },
            { "name": "active", "type": "boolean", "multiValued": false },
            { "name": "nickName", "type": "string", "mutability": "readOnly" },
            { "name": "name", "type": "complex", "multiValued": false, "subAttributes": [
                { "name": "givenName", "type": "string" },
                { "name": "formatted", "type": "string", "mutability": "readOnly" },
            ] },
            { "name": "emails", "type": "complex", "multiValued": true, "subAttributes": [
                { "name": "value", "type": "string" }, kinds,
            ] },
            { "name": "phoneNumbers", "type": "complex", "multiValued": true, "subAttributes": [
                { "name": "value", "type": "string" },
            ] },
            { "name": "roles", "type": "complex", "multiValued": true },
        ],
    });
    let extension = json!({
        "id": EXTENSION, "attributes": [{ "name": "costCode", "type": "integer" }],
    });
    TargetSchemas::read(&[user, extension], true).unwrap()
}

fn path(text: &str) -> AttributePath {
    AttributePath::parse(text).unwrap()
}

#[test]
fn a_listed_path_and_an_open_one_are_not_contradicted() {
    let schemas = schemas();
    assert!(schemas.describe_users());
    for text in [
        "displayName",
        "DISPLAYNAME",
        "name.givenName",
        "name",
        "emails.work",
        "emails[type eq \"Home\"].value",
        // Canonical values are suggestions.
        "emails[type eq \"billing\"].value",
        // Its sub-attributes are not described.
        "roles.value",
        "urn:acme:scim:2.0:User:costCode",
        "URN:ACME:scim:2.0:User:costcode",
    ] {
        assert_eq!(schemas.contradiction(&path(text), true), None, "{text}");
    }
    assert_eq!(schemas.contradiction(&path("userName"), false), None);
}

#[test]
fn a_contradiction_names_what_was_probably_meant() {
    let schemas = schemas();
    for (text, part) in [
        ("nickNam", "has no `nickNam`; did you mean `nickName`?"),
        ("title", "has no `title`; it has userName displayName"),
        ("name.giveName", "did you mean `name.givenName`?"),
        ("displayName.x", "is one value at the target"),
        (
            "displayName[type eq \"a\"].value",
            "is one value at the target, not a list",
        ),
        ("emails[type eq \"wrok\"].value", "did you mean `work`?"),
        ("phoneNumbers.work", "name `phoneNumbers` in `typeless`"),
        ("nickName", "`nickName` is readOnly"),
        ("name.formatted", "`name.formatted` is readOnly"),
        ("userName", "set `on = \"create\"`"),
        ("urn:acme:scim:2.0:User:costCod", "did you mean `costCode`?"),
        (
            "urn:acme:scim:2.0:Usr:costCode",
            "did you mean `urn:acme:scim:2.0:User`?",
        ),
        ("enterprise.department", "lists no schema `urn:ietf"),
    ] {
        let problem = schemas.contradiction(&path(text), true);
        let problem = problem.unwrap_or_else(|| panic!("{text} is not contradicted"));
        assert!(problem.contains(part), "{text}: {problem}");
    }
}

#[test]
fn a_schema_that_is_not_described_contradicts_nothing() {
    let stub = [json!({ "id": CORE_USER, "attributes": [] })];
    let schemas = TargetSchemas::read(&stub, true).unwrap();
    assert!(!schemas.describe_users());
    assert_eq!(schemas.contradiction(&path("anything"), true), None);

    // A part of the list says nothing about another schema.
    let part = TargetSchemas::read(&stub, false).unwrap();
    assert_eq!(
        part.contradiction(&path("enterprise.department"), true),
        None
    );

    // An extension may be described as an attribute of the core schema.
    let inside = json!({ "id": CORE_USER, "attributes": [
        { "name": EXTENSION, "type": "complex", "subAttributes": [{ "name": "costCode" }] },
    ] });
    let inside = TargetSchemas::read(&[inside], true).unwrap();
    let listed = path("urn:acme:scim:2.0:User:costCode");
    assert_eq!(inside.contradiction(&listed, true), None);
    let other = path("urn:acme:scim:2.0:User:other");
    assert!(inside.contradiction(&other, true).is_some());
}

#[test]
fn what_is_no_schema_is_not_read() {
    for odd in [
        json!({}),
        json!("text"),
        json!({ "id": 7 }),
        json!({ "id": "2819c223", "userName": "ada" }),
        json!({ "id": "a\u{1b}[31m:b", "attributes": [] }),
    ] {
        assert_eq!(
            TargetSchemas::read(std::slice::from_ref(&odd), true),
            None,
            "{odd}"
        );
    }

    let hostile = json!({ "id": CORE_USER, "attributes": [
        { "name": "a\u{1b}[2J" }, { "name": 7 }, null, { "name": "x".repeat(201) }, { "name": "title" },
    ] });
    let schemas = TargetSchemas::read(&[hostile], true).unwrap();
    let problem = schemas.contradiction(&path("nickName"), true).unwrap();
    assert!(problem.ends_with("it has title"), "{problem}");
}

#[test]
fn a_constant_has_the_type_that_the_target_lists() {
    let schemas = schemas();
    for (text, constant, fits) in [
        ("displayName", json!("a"), true),
        ("displayName", json!(7), false),
        ("active", json!("yes"), false),
        ("emails", json!([{ "value": "a" }]), true),
        ("emails", json!("a@b"), false),
        ("emails.work", json!("a@b"), true),
        ("emails.work", json!(["a@b"]), false),
        ("name", json!("a"), false),
        ("urn:acme:scim:2.0:User:costCode", json!(7), true),
        ("urn:acme:scim:2.0:User:costCode", json!("7"), false),
        ("unknown", json!(1), true),
    ] {
        let problem = schemas.wrong_type(&path(text), &constant);
        assert_eq!(problem.is_none(), fits, "{text}: {problem:?}");
    }
}
