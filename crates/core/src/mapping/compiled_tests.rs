//! A mapping applied to people: desired users, match keys and access.

use serde_json::json;

use super::*;
use crate::{
    fold::Status,
    mapping::{
        DesiredGroup, GroupName, WhenEmpty, WhenWritten,
        document_tests::{compiled, document, group, text, with},
        people_tests::{ada, alias, at, bare},
    },
    scim::Profile,
};

fn desired_value(desired: &Desired, path: &str) -> Option<(DesiredValue, WhenWritten)> {
    let path = AttributePath::parse(path).unwrap();
    let mut attributes = desired.attributes.iter();
    let attribute = attributes.find(|known| known.path == path)?;
    Some((attribute.value.clone(), attribute.on))
}

#[test]
fn an_empty_result_keeps_or_clears_the_value() {
    let mapping = compiled(with(&[
        (
            "title",
            json!({ "expr": "worker.title", "empty": "clear", "on": "create" }),
        ),
        (
            "nickName",
            json!({ "expr": "worker.username_hint", "empty": "clear" }),
        ),
        ("timezone", json!("worker.name.middle")),
        ("userType", json!({ "value": "Employee" })),
        ("x509Certificates", json!({ "value": [], "empty": "clear" })),
    ]));

    let desired = mapping.for_person(&ada()).desired().unwrap();
    assert_eq!(
        desired_value(&desired, "title"),
        Some((DesiredValue::Set(json!("Engineer")), WhenWritten::Create))
    );
    assert_eq!(
        desired_value(&desired, "nickName"),
        Some((DesiredValue::Clear, WhenWritten::Always))
    );
    assert_eq!(desired_value(&desired, "timezone"), None);
    assert_eq!(
        desired_value(&desired, "userType"),
        Some((DesiredValue::Set(json!("Employee")), WhenWritten::Always))
    );
    assert_eq!(
        desired_value(&desired, "x509Certificates"),
        Some((DesiredValue::Clear, WhenWritten::Always))
    );
    assert_eq!(WhenEmpty::default(), WhenEmpty::Keep);
}

#[test]
fn a_required_attribute_without_a_value_is_missing() {
    let nobody = bare(Status::Upcoming, Vec::new());
    assert_eq!(
        compiled(document())
            .for_person(&nobody)
            .desired()
            .unwrap()
            .missing,
        ["userName"]
    );

    let workplace = compiled(MappingDocument::of_profile(
        Profile::named("workplace").unwrap(),
    ));

    assert_eq!(
        workplace.for_person(&nobody).desired().unwrap().missing,
        ["name.formatted"]
    );
    assert!(
        workplace
            .for_person(&ada())
            .desired()
            .unwrap()
            .missing
            .is_empty()
    );

    let mut document = document();
    document.external_id = "worker.person_id".into();
    assert_eq!(
        compiled(document)
            .for_person(&nobody)
            .desired()
            .unwrap()
            .external_id,
        None
    );
}

#[test]
fn each_group_is_desired_once_in_the_order_of_the_rules() {
    let mut document = document();
    let per_skill = Some(GroupName::Expression {
        expr: "worker.extensions.skills".into(),
    });
    let unknown = Some(GroupName::Expression {
        expr: "worker.cost_center.name".into(),
    });
    document.groups = vec![
        group(None, Some("g-7"), None),
        group(
            Some(text("rust")),
            None,
            Some("worker.department.name == 'Engineering'"),
        ),
        group(
            Some(text("Sales")),
            None,
            Some("worker.department.name == 'Sales'"),
        ),
        group(per_skill, None, None),
        group(unknown, None, None),
    ];

    let groups = compiled(document.clone())
        .for_person(&ada())
        .desired()
        .unwrap()
        .groups;

    let name = |name: &str| DesiredGroup::Name(name.into());
    assert_eq!(
        groups,
        [DesiredGroup::Id("g-7".into()), name("rust"), name("sql")]
    );

    document.groups.push(group(
        Some(text("Fails")),
        None,
        Some("worker.title + 1 > 2"),
    ));

    let error = compiled(document)
        .for_person(&ada())
        .desired()
        .expect_err("it fails");

    assert_eq!(error.at, "groups[5].when");
}

#[test]
fn match_keys_keep_their_order_and_leave_out_absent_values() {
    let mut document = with(&[("nickName", json!("worker.title | int"))]);
    document.r#match = ["emails.work", "nickName", "userName", "externalId"]
        .map(str::to_owned)
        .to_vec();

    let keys = |person: &Person| -> Vec<(String, String)> {
        let keys = compiled(document.clone())
            .for_person(person)
            .match_keys()
            .into_iter();
        keys.map(|key| (key.path.as_str().to_owned(), key.value))
            .collect()
    };

    let pair = |path: &str, value: &str| (path.to_owned(), value.to_owned());
    let mail = "ada@acme.example";
    let work = r#"emails[type eq "work"].value"#;
    assert_eq!(
        keys(&ada()),
        [
            pair(work, mail),
            pair("userName", mail),
            pair("externalId", "E-1001")
        ]
    );
    assert_eq!(
        keys(&bare(Status::Ended, Vec::new())),
        [pair("externalId", "E-1001")]
    );
}

#[test]
fn scope_applies_only_to_access_and_a_failure_is_never_out_of_scope() {
    let (by, now) = (GivenAccess::ByOthers, at("2027-01-01T00:00:00Z"));
    let access = |when: &str, out_of_scope, person: &Person| {
        let document = MappingDocument {
            when: Some(when.into()),
            out_of_scope,
            ..document()
        };
        compiled(document).access(person, by, now).access
    };

    let contractor = "worker.type == 'contractor'";
    assert_eq!(
        access("worker.type == 'employee'", OutOfScope::Deactivate, &ada()),
        Access::Active
    );
    assert_eq!(
        access(contractor, OutOfScope::Deactivate, &ada()),
        Access::Inactive
    );
    assert_eq!(
        access(contractor, OutOfScope::Keep, &ada()),
        Access::Unmanaged
    );

    let failing = "worker.title + 1 > 2";
    assert_eq!(
        access(failing, OutOfScope::Deactivate, &ada()),
        Access::Active
    );

    let document = MappingDocument {
        when: Some(failing.into()),
        ..document()
    };

    assert_eq!(
        compiled(document)
            .for_person(&ada())
            .desired()
            .expect_err("it fails")
            .at,
        "when"
    );

    let leaver = Person {
        status: Status::Ended,
        employments: Vec::new(),
        ..ada()
    };

    for when in ["true", "false", failing] {
        assert_eq!(
            access(when, OutOfScope::Keep, &leaver),
            Access::Inactive,
            "{when}"
        );
    }
}

#[test]
fn a_protected_user_name_is_compared_without_case() {
    let mapping = compiled(MappingDocument {
        protect: vec!["Ärzte@acme.example".into()],
        ..document()
    });
    assert!(mapping.is_protected("ärzte@ACME.example "));
    assert!(!mapping.is_protected("ada@acme.example"));
}

#[test]
fn worker_id_is_of_the_main_employment_or_of_a_source_of_the_connection() {
    let mut person = ada();
    person.aliases.insert(alias("aaa", "1"));

    let id = |document: MappingDocument, person: &Person| {
        compiled(document)
            .for_person(person)
            .desired()
            .unwrap()
            .external_id
    };

    assert_eq!(id(document(), &person).as_deref(), Some("E-1001"));

    person.employments.clear();
    assert_eq!(id(document(), &person).as_deref(), Some("1"));

    let fed = MappingDocument {
        sources: vec!["acme".into()],
        ..document()
    };

    assert_eq!(id(fed, &person).as_deref(), Some("E-1001"));
}
