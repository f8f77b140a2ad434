//! A whole mapping: its faults, its warnings, and what it asks of a target for a person.

use serde_json::{Value, json};

use super::*;
use crate::{
    fold::Status,
    mapping::{
        AttributeRule, DesiredGroup, DesiredValue, GroupName, GroupRule, WhenEmpty, WhenWritten,
        people_tests::{ada, at, bare},
    },
    scim::Profile,
};

fn document() -> MappingDocument {
    MappingDocument::of_profile(Profile::named("generic").unwrap())
}

fn with(rules: &[(&str, Value)]) -> MappingDocument {
    let mut document = document();
    for (key, rule) in rules {
        document
            .mapping
            .insert((*key).to_owned(), AttributeRule::read(key, rule).unwrap());
    }
    document
}

fn group(name: Option<GroupName>, id: Option<&str>, when: Option<&str>) -> GroupRule {
    GroupRule {
        name,
        id: id.map(str::to_owned),
        when: when.map(str::to_owned),
    }
}

fn text(name: &str) -> GroupName {
    GroupName::Text(name.into())
}

fn compiled(document: MappingDocument) -> Mapping {
    Mapping::compile(document).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn faults(document: MappingDocument) -> Vec<(String, String)> {
    let faults = Mapping::compile(document).map(|_| ()).expect_err("faults");
    faults
        .into_iter()
        .map(|fault| (fault.at.join("/"), fault.problem))
        .collect()
}

fn wish(desired: &Desired, path: &str) -> Option<(DesiredValue, WhenWritten)> {
    let path = AttributePath::parse(path).unwrap();
    let desired = desired
        .attributes
        .iter()
        .find(|desired| desired.path == path)?;
    Some((desired.wish.clone(), desired.on))
}

#[test]
fn every_fault_is_told_at_once_and_at_its_place() {
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
    let found = faults(document);
    let places: Vec<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
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
    assert_eq!(places, expected, "{found:#?}");
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
fn a_match_key_that_nothing_maps_and_no_match_key_at_all_are_faults() {
    let mut document = document();
    document.r#match = vec!["nickName".into()];
    assert!(
        faults(document.clone())[0]
            .1
            .contains("nothing maps `nickName`")
    );
    document.r#match.clear();
    assert_eq!(faults(document)[0].0, "match");
}

#[test]
fn keep_leaves_out_clear_clears_and_on_is_carried() {
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
        wish(&desired, "title"),
        Some((DesiredValue::Set(json!("Engineer")), WhenWritten::Create))
    );
    assert_eq!(
        wish(&desired, "nickName"),
        Some((DesiredValue::Clear, WhenWritten::Always))
    );
    assert_eq!(wish(&desired, "timezone"), None);
    assert_eq!(
        wish(&desired, "userType"),
        Some((DesiredValue::Set(json!("Employee")), WhenWritten::Always))
    );
    assert_eq!(
        wish(&desired, "x509Certificates"),
        Some((DesiredValue::Clear, WhenWritten::Always))
    );
    assert_eq!(WhenEmpty::default(), WhenEmpty::Keep);
}

#[test]
fn what_the_profile_requires_and_nobody_knows_yet_is_missing() {
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
fn groups_are_wished_once_each_in_the_order_of_the_rules() {
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
fn match_keys_come_in_order_and_only_with_a_value() {
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
fn scope_decides_only_where_there_would_be_access_and_a_failure_is_never_out_of_scope() {
    let now = at("2027-01-01T00:00:00Z");
    let access = |when: &str, out_of_scope, person: &Person| {
        let document = MappingDocument {
            when: Some(when.into()),
            out_of_scope,
            ..document()
        };
        compiled(document).access(person, now).access
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
fn what_is_probably_not_meant_is_a_warning() {
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

#[test]
fn worker_is_the_alias_of_the_main_employment_or_one_of_the_connections_sources() {
    use crate::mapping::people_tests::alias;
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
