//! Examples of creates and updates: the requests, their dialects, and when a read is required.

use serde_json::{Value, json};

use super::{Case, desired};
use crate::{
    mapping::{Access, AdoptUpdate, WhenWritten},
    plan::{Note, Plan, ReadRequired, TargetUser},
    scim::{AttributePath, CORE_USER, ENTERPRISE_USER, NullPolicy, PATCH_OP, UpdateMethod},
};

#[test]
fn a_new_user_is_created_in_one_request() {
    let values = [
        ("userName", json!("ada@x")),
        ("emails.work", json!("ada@x")),
        ("enterprise.department", json!("R&D")),
    ];

    let body = |active| {
        json!({
            "schemas": [CORE_USER, ENTERPRISE_USER],
            "externalId": "E-1",
            "userName": "ada@x",
            "active": active,
            "emails": [{"type": "work", "value": "ada@x"}],
            ENTERPRISE_USER: {"department": "R&D"},
        })
    };

    let mut case = Case::new(desired(&values), None);
    assert_eq!(case.requests(), [("POST /Users".to_owned(), body(true))]);

    case.access = Access::Prepared;
    assert_eq!(case.requests(), [("POST /Users".to_owned(), body(false))]);

    case.desired.missing = vec!["userName".into()];

    let plan = case.plan().unwrap();
    assert_eq!(
        (plan.operations, plan.notes),
        (vec![], vec![Note::Incomplete(vec!["userName".into()])])
    );
}

#[test]
fn each_differing_attribute_becomes_one_patch_operation() {
    let current = json!({
        "userName": "Ada@X",
        "title": "Old",
        "nickName": "a",
        "name": {"givenName": "Ada"},
        "active": true,
        "emails": [{"type": "home", "value": "h"}],
    });

    let values = [
        ("userName", json!("ada@x")),
        ("title", json!("New")),
        ("nickName", Value::Null),
        ("locale", Value::Null),
        ("name.givenName", json!("Ada")),
        ("addresses.work.locality", json!("Rome")),
        ("emails.work", json!("w")),
        ("addresses.work.country", json!("IT")),
        ("emails.home", json!("h2")),
        ("active", json!(false)),
    ];

    let body = json!({"schemas": [PATCH_OP], "Operations": [
        {"op": "replace", "path": "title", "value": "New"},
        {"op": "remove", "path": "nickName"},
        {"op": "replace", "path": r#"emails[type eq "home"].value"#, "value": "h2"},
        {"op": "add", "path": "addresses", "value": [
            {"type": "work", "locality": "Rome", "country": "IT"},
        ]},
        {"op": "add", "path": "emails", "value": [{"type": "work", "value": "w"}]},
    ]});

    let mut case = Case::new(desired(&values), Some(current));
    assert_eq!(case.requests(), [("PATCH /Users/u%2F1".to_owned(), body)]);
    assert_eq!(
        case.plan().unwrap().in_sync.len(),
        3,
        "userName, locale, name.givenName"
    );

    case.profile.max_operations = 2;
    assert_eq!(case.requests().len(), 3);
    assert_eq!(case.plan().unwrap().operations[0].split().len(), 2);

    case.profile.single_valued = vec![AttributePath::parse("emails").unwrap()];

    let last = case.requests().pop().unwrap().1;
    assert_eq!(last["Operations"][0]["op"], "replace");
}

#[test]
fn a_dialect_changes_the_request_and_not_the_plan() {
    let current =
        json!({"userName": "a", "name": {"givenName": "A", "familyName": "B"}, "title": "t"});
    let values = [("name.givenName", json!("C")), ("title", Value::Null)];
    let mut case = Case::new(desired(&values), Some(current));
    case.profile.update = UpdateMethod::PutPartial;

    let merged = json!({
        "schemas": [CORE_USER],
        "name": {"givenName": "C", "familyName": "B"},
        "title": null,
    });

    assert_eq!(case.requests(), [("PUT /Users/u%2F1".to_owned(), merged)]);

    case.profile.update = UpdateMethod::PatchPathless;
    case.profile.null = NullPolicy::Empty;

    let value = json!({"name": {"givenName": "C", "familyName": "B"}, "title": ""});
    let body = json!({"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": value}]});
    assert_eq!(case.requests(), [("PATCH /Users/u%2F1".to_owned(), body)]);

    case.profile.update = UpdateMethod::PatchPath;
    assert_eq!(
        case.requests()[0].1["Operations"][1],
        json!({"op": "replace", "path": "title", "value": ""})
    );
}

#[test]
fn last_applied_replaces_a_read_where_it_suffices() {
    let mut case = Case::new(
        desired(&[("title", json!("A")), ("emails.work", json!("w"))]),
        None,
    );
    case.unread = true;
    case.last_applied.attributes = [
        ("title", json!("A")),
        (r#"emails[type eq "work"].value"#, json!("w")),
    ]
    .map(|(path, value)| (path.to_owned(), value))
    .into();

    assert_eq!(case.plan(), Ok(Plan::default()));

    case.desired = desired(&[("title", json!("B")), ("emails.work", json!("v"))]);
    assert_eq!(
        case.requests()[0].1["Operations"].as_array().unwrap().len(),
        2
    );

    for unknown in [("emails.home", json!("h")), ("nickName", Value::Null)] {
        case.desired = desired(&[unknown]);
        assert_eq!(case.plan(), Err(ReadRequired));
    }

    case.desired = desired(&[]);
    case.access_transition = true;
    assert_eq!(
        case.plan(),
        Err(ReadRequired),
        "last_applied never decides `active`"
    );
}

#[test]
fn an_adopted_account_is_changed_by_policy() {
    let current = json!({"externalId": "other", "title": "Current"});
    let mut case = Case::new(
        desired(&[("title", json!("Desired")), ("nickName", json!("n"))]),
        Some(current),
    );
    case.last_applied.created_by_us = false;
    case.adopting = true;
    case.policy.external_id_on = WhenWritten::Always;

    let paths = |case: &Case| -> Vec<String> {
        let all = case
            .requests()
            .into_iter()
            .flat_map(|(_, body)| body["Operations"].as_array().unwrap().clone());
        all.map(|operation| operation["path"].as_str().unwrap().to_owned())
            .collect()
    };

    assert_eq!(paths(&case), ["title", "nickName"]);

    case.policy.adopt.update = AdoptUpdate::UnsetOnly;
    assert_eq!(paths(&case), ["nickName"]);

    case.policy.adopt.update = AdoptUpdate::None;
    assert_eq!(paths(&case), Vec::<String>::new());

    case.policy.adopt.take_external_id = true;
    assert_eq!(paths(&case), ["externalId"]);
}

#[test]
fn if_match_is_sent_only_if_the_profile_uses_etags() {
    let mut case = Case::new(
        desired(&[("title", json!("A"))]),
        Some(json!({"meta": {"version": "W/\"1\""}})),
    );
    let if_match = |case: &Case| {
        let user = TargetUser {
            id: "7",
            resource: case.current.as_ref(),
        };
        case.plan().unwrap().operations[0]
            .request(&case.profile, user)
            .if_match
    };

    assert_eq!(if_match(&case), None);

    case.profile.etag = true;
    assert_eq!(if_match(&case).as_deref(), Some("W/\"1\""));
}

#[test]
fn a_value_that_was_refused_is_not_sent_with_later_changes() {
    let current = json!({"id": "7", "title": "Old", "nickName": "a", "active": true});
    let values = [("title", json!("New")), ("nickName", json!("b"))];
    let mut case = Case::new(desired(&values), Some(current));
    case.last_applied.refused = [("title".to_owned(), json!("New"))].into();

    let plan = case.plan().unwrap();
    assert_eq!(plan.operations.len(), 1);
    assert_eq!(plan.operations[0].split().len(), 1);
    assert_eq!(plan.notes, [Note::RefusedBefore("title".into())]);

    // Another value is sent.
    case.last_applied.refused = [("title".to_owned(), json!("Older"))].into();
    assert_eq!(case.plan().unwrap().operations[0].split().len(), 2);
}

#[test]
fn an_address_that_differs_in_case_only_is_in_sync() {
    let current = json!({"id": "7", "active": true, "emails": [
        {"type": "work", "value": "Ada@Acme.Example", "display": "Ada"},
    ]});
    let values = [("emails.work", json!("ada@acme.example"))];
    assert_eq!(
        Case::new(desired(&values), Some(current))
            .plan()
            .unwrap()
            .operations,
        []
    );
}

fn operations(case: &Case) -> Value {
    let mut requests = case.requests();
    assert!(requests.len() <= 1, "{requests:?}");
    let body = requests.pop().map(|(_, body)| body["Operations"].clone());
    body.unwrap_or_else(|| json!([]))
}

#[test]
fn an_element_that_lost_its_type_is_replaced_and_never_doubled() {
    let values = [
        ("emails.work", json!("new@x")),
        ("emails.home", json!("h@x")),
    ];
    let mut case = Case::new(
        desired(&values[..1]),
        Some(json!({"emails": [{"value": "old@x"}]})),
    );
    let replace = |list: Value| json!([{"op": "replace", "path": "emails", "value": list}]);
    let work = json!({"type": "work", "value": "new@x"});
    assert_eq!(operations(&case), replace(json!([work])));

    // The server drops the type again: the element counts as in sync.
    case.current = Some(json!({"emails": [{"value": "new@x"}]}));
    assert_eq!(operations(&case), json!([]));

    // Of several elements it is the one that was written last.
    case.current = Some(json!({"emails": [{"value": "h@x"}, {"value": "old@x"}, {"value": "w"}]}));
    case.last_applied.attributes =
        [(r#"emails[type eq "work"].value"#.to_owned(), json!("old@x"))].into();
    let list = json!([{"value": "h@x"}, {"value": "new@x", "type": "work"}, {"value": "w"}]);
    assert_eq!(operations(&case), replace(list));

    case.desired = desired(&values);
    let list = json!([{"value": "h@x"}, {"value": "new@x", "type": "work"}, {"value": "w"}]);
    assert_eq!(operations(&case), replace(list));

    // An element of another type is never taken.
    case.desired = desired(&values[..1]);
    case.current = Some(json!({"emails": [{"type": "home", "value": "old@x"}]}));
    assert_eq!(
        operations(&case),
        json!([{"op": "add", "path": "emails", "value": [work]}])
    );
}

#[test]
fn an_element_is_removed_with_its_last_mapped_part() {
    let element =
        |kind: &str| json!({"type": kind, "value": "+49 1", "display": "x", "primary": true});
    let phones = json!({"phoneNumbers": [element("work"), element("mobile")]});
    let mut case = Case::new(
        desired(&[("phoneNumbers.mobile", Value::Null)]),
        Some(phones),
    );
    let remove = json!([{"op": "remove", "path": r#"phoneNumbers[type eq "mobile"]"#}]);
    assert_eq!(operations(&case), remove);

    case.unread = true;
    let path = r#"phoneNumbers[type eq "mobile"].value"#.to_owned();
    case.last_applied.attributes = [(path, json!("+49 1"))].into();
    assert_eq!(operations(&case), remove);

    // As a body without operations: the list without the element.
    case.unread = false;
    case.profile.update = UpdateMethod::PutPartial;
    assert_eq!(
        case.requests()[0].1["phoneNumbers"],
        json!([element("work")])
    );
}

#[test]
fn an_element_stays_while_a_part_of_it_is_mapped() {
    let home = json!({"type": "home", "streetAddress": "1 Way", "locality": "Rome"});
    let mut case = Case::new(
        desired(&[
            ("addresses.home.streetAddress", Value::Null),
            ("addresses.home.locality", json!("Rome")),
        ]),
        Some(json!({"addresses": [home]})),
    );
    let street = json!([{"op": "remove", "path": r#"addresses[type eq "home"].streetAddress"#}]);
    assert_eq!(operations(&case), street);

    // A part that the mapping wrote once and keeps now.
    case.desired = desired(&[("addresses.home.streetAddress", Value::Null)]);
    let path = r#"addresses[type eq "home"].locality"#.to_owned();
    case.last_applied.attributes = [(path, json!("Rome"))].into();
    assert_eq!(operations(&case), street);

    case.last_applied.attributes.clear();
    case.desired = desired(&[
        ("addresses.home.streetAddress", Value::Null),
        ("addresses.home.locality", Value::Null),
    ]);
    let element = json!([{"op": "remove", "path": r#"addresses[type eq "home"]"#}]);
    assert_eq!(operations(&case), element);
    let applied = case.plan().unwrap().operations[0].applied();
    assert_eq!(applied.len(), 2, "{applied:?}");
}

#[test]
fn fresh_elements_of_one_attribute_are_one_operation() {
    let values = [
        ("phoneNumbers.work", json!("1")),
        ("phoneNumbers.mobile", json!("2")),
    ];
    let case = Case::new(desired(&values), Some(json!({"userName": "ada"})));
    assert_eq!(
        operations(&case),
        json!([{"op": "add", "path": "phoneNumbers", "value": [
            {"type": "work", "value": "1"}, {"type": "mobile", "value": "2"},
        ]}])
    );
}
