//! Knobs of a dialect: the requests that each of them makes of the same account.

use serde_json::json;

use super::*;
use crate::{
    mapping::{Desired, DesiredGroup},
    scim::{CORE_USER, ENTERPRISE_USER, MemberRemoval, NullPolicy, UpdateMethod},
};

fn paths(texts: &[&str]) -> Vec<AttributePath> {
    texts
        .iter()
        .map(|text| AttributePath::parse(text).unwrap())
        .collect()
}

fn user() -> Value {
    json!({
        "schemas": [CORE_USER, "urn:x:ext:User"], "id": "u/1", "userName": "ada", "active": true,
        "title": "Old", "nickName": "A",
        "emails": [{"type": "work", "value": "w", "primary": true}, {"type": "home", "value": "h"}],
        "urn:x:ext:User": {"badge": 7},
        "groups": [{"value": "g"}], "meta": {"version": "W/\"3\""},
    })
}

fn put_case(values: &[(&str, Value)]) -> Case {
    let mut case = Case::new(desired(values), Some(user()));
    case.profile.update = UpdateMethod::Put;
    case.profile.deactivate = UpdateMethod::Put;
    case
}

#[test]
fn a_put_sends_the_whole_user_as_read_with_the_changes_and_its_version() {
    let case = put_case(&[
        ("title", json!("New")),
        ("nickName", Value::Null),
        ("emails.home", Value::Null),
        ("enterprise.department", json!("R&D")),
    ]);
    let operations = case.plan().unwrap().operations;
    let current = user();
    let target = TargetUser {
        id: "u/1",
        resource: Some(&current),
    };
    assert_eq!(operations.len(), 1);
    assert!(operations[0].replaces_user(&case.profile));

    let request = operations[0].request(&case.profile, target);
    assert_eq!(
        (request.method, request.path.as_str()),
        (Method::Put, "/Users/u%2F1")
    );
    assert_eq!(request.if_match.as_deref(), Some("W/\"3\""));
    assert_eq!(
        request.body.unwrap(),
        json!({
            "schemas": [CORE_USER, "urn:x:ext:User", ENTERPRISE_USER],
            "id": "u/1", "userName": "ada", "active": true, "title": "New",
            "emails": [{"type": "work", "value": "w", "primary": true}],
            "urn:x:ext:User": {"badge": 7},
            ENTERPRISE_USER: {"department": "R&D"},
        })
    );
}

#[test]
fn a_put_clears_in_the_form_of_the_dialect() {
    for (null, expected) in [
        (NullPolicy::Remove, None),
        (NullPolicy::Null, Some(Value::Null)),
        (NullPolicy::Empty, Some(json!(""))),
    ] {
        let mut case = put_case(&[("nickName", Value::Null)]);
        case.profile.null = null;
        let body = case.requests().remove(0).1;
        assert_eq!(body.get("nickName"), expected.as_ref(), "{null:?}");
    }
}

/// In each form of clearing.
#[test]
fn a_cleared_element_leaves_no_shell() {
    let phones = |numbers: &[(&str, &str)]| {
        let numbers = numbers.iter();
        let numbers = numbers.map(|(kind, value)| json!({ "type": kind, "value": value }));
        Value::Array(numbers.collect())
    };
    let work = ("work", "+49 30 0");
    let mobile = ("mobile", "+49 30 1");

    for (null, none) in [
        (NullPolicy::Null, Value::Null),
        (NullPolicy::Empty, json!([])),
    ] {
        for (before, after) in [
            (phones(&[work, mobile]), phones(&[work])),
            (phones(&[mobile]), none),
        ] {
            let clear = desired(&[("phoneNumbers.mobile", Value::Null)]);
            let user = json!({ "id": "u/1", "userName": "ada", "active": true, "externalId": "E-1",
                               "phoneNumbers": before });
            let mut case = Case::new(clear, Some(user));
            case.profile.null = null;
            assert_eq!(
                case.requests()[0].1["Operations"],
                json!([{ "op": "replace", "path": "phoneNumbers", "value": after }]),
                "{null:?}"
            );

            // Memory does not have the list.
            case.unread = true;
            let path = AttributePath::parse("phoneNumbers.mobile").unwrap();
            let known = &mut case.last_applied.attributes;
            known.insert(path.as_str().to_owned(), json!(mobile.1));
            assert_eq!(case.plan(), Err(ReadRequired));

            case.unread = false;
            case.profile.update = UpdateMethod::Put;
            let body = case.requests().remove(0).1;
            let left = body["phoneNumbers"].as_array().cloned().unwrap_or_default();
            let expected = after.as_array().cloned().unwrap_or_default();
            assert_eq!(left, expected, "{null:?}");
        }
    }
}

/// An element keeps the parts that are not cleared.
#[test]
fn a_cleared_part_of_an_element_leaves_the_others() {
    let address = json!([{ "type": "work", "locality": "Berlin", "country": "DE" }]);
    let user = json!({ "id": "u/1", "userName": "ada", "active": true, "externalId": "E-1",
                       "addresses": address });
    let clear = desired(&[
        ("addresses.work.locality", Value::Null),
        ("addresses.work.country", json!("DE")),
    ]);
    let mut case = Case::new(clear, Some(user));
    case.profile.null = NullPolicy::Null;
    assert_eq!(
        case.requests()[0].1["Operations"],
        json!([{ "op": "replace", "path": "addresses[type eq \"work\"].locality", "value": null }])
    );
}

#[test]
fn a_put_changes_access_and_keeps_all_else() {
    let case = put_case(&[]);
    let current = user();
    let target = TargetUser {
        id: "u1",
        resource: Some(&current),
    };
    for (operation, active) in [
        (Operation::Deactivate, false),
        (Operation::Reactivate, true),
    ] {
        let request = operation.request(&case.profile, target);
        let body = request.body.unwrap();
        assert_eq!(
            (
                request.method,
                &body["active"],
                &body["title"],
                body.get("meta")
            ),
            (Method::Put, &json!(active), &json!("Old"), None)
        );
        assert_eq!(request.if_match.as_deref(), Some("W/\"3\""));
    }
}

#[test]
fn a_put_never_changes_an_account_that_was_not_read() {
    let mut case = put_case(&[("title", json!("New"))]);
    case.unread = true;
    assert_eq!(case.plan(), Err(ReadRequired));
}

#[test]
fn a_create_leaves_out_what_the_dialect_says_and_later_requests_set_it() {
    let values = [
        ("userName", json!("ada")),
        ("title", json!("Engineer")),
        ("emails.work", json!("w")),
    ];
    let mut case = Case::new(desired(&values), None);
    case.profile.leave_out_of_create = paths(&["active", "emails", "externalId"]);
    let requests = case.requests();
    assert_eq!(
        requests[0],
        (
            "POST /Users".to_owned(),
            json!({"schemas": [CORE_USER], "userName": "ada", "title": "Engineer"})
        )
    );
    assert_eq!(
        requests.len(),
        2,
        "an active user needs no request for `active`"
    );
    assert_eq!(
        requests[1].1["Operations"],
        json!([
            {"op": "replace", "path": "externalId", "value": "E-1"},
            {"op": "add", "path": "emails", "value": [{"type": "work", "value": "w"}]},
        ])
    );

    case.access = Access::Prepared;
    case.profile.leave_out_of_create = paths(&["active"]);
    let prepared = case.plan().unwrap().operations;
    assert!(
        matches!(
            prepared[..],
            [Operation::Create { .. }, Operation::Deactivate]
        ),
        "a target makes such a user active: {prepared:?}"
    );
}

#[test]
fn a_whole_list_is_replaced_with_all_elements_as_read() {
    let values = [
        ("emails.work", json!("new")),
        ("emails.home", Value::Null),
        ("emails.other", json!("o")),
        ("title", json!("New")),
    ];
    let mut case = Case::new(desired(&values), Some(user()));
    case.profile.whole_lists = paths(&["emails"]);

    let plan = case.plan().unwrap();
    let [Operation::Update(changes)] = &plan.operations[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(changes[0].applied.len(), 3, "each element is remembered");
    assert_eq!(
        case.requests()[0].1["Operations"],
        json!([
            {"op": "replace", "path": "emails", "value": [
                {"type": "work", "value": "new", "primary": true}, {"type": "other", "value": "o"}]},
            {"op": "replace", "path": "title", "value": "New"},
        ])
    );

    case.unread = true;
    case.last_applied.attributes = BTreeMap::from([
        ("emails[type eq \"work\"].value".to_owned(), json!("w")),
        ("title".to_owned(), json!("New")),
    ]);
    assert_eq!(
        case.plan(),
        Err(ReadRequired),
        "the list must be read first"
    );
}

#[test]
fn typeless_elements_are_the_whole_list_without_their_types() {
    let values = [("emails.work", json!("w")), ("emails.home", json!("h"))];
    let mut case = Case::new(desired(&values), None);
    case.profile.typeless = paths(&["emails"]);
    assert_eq!(
        case.requests()[0].1["emails"],
        json!([{"value": "w"}, {"value": "h"}])
    );

    let stored = json!({"id": "u/1", "active": true, "externalId": "E-1",
        "emails": [{"value": "h", "primary": false}, {"value": "w", "primary": true}]});
    case.current = Some(stored);
    assert_eq!(
        case.requests(),
        [],
        "the same elements in another order are in sync"
    );

    case.desired = desired(&[("emails.work", json!("new")), ("emails.home", json!("h"))]);
    assert_eq!(
        case.requests()[0].1["Operations"],
        json!([{"op": "replace", "path": "emails", "value": [{"value": "new"}, {"value": "h"}]}])
    );
    case.desired = desired(&[("emails.work", Value::Null)]);
    assert_eq!(
        case.requests()[0].1["Operations"],
        json!([{"op": "remove", "path": "emails"}])
    );
}

#[test]
fn a_member_is_removed_in_the_form_of_the_dialect() {
    let mut case = Case::new(Desired::default(), Some(user()));
    case.last_applied
        .groups
        .insert("g".to_owned(), "G".to_owned());
    for (remove, operation) in [
        (
            MemberRemoval::Path,
            json!({"op": "remove", "path": "members[value eq \"u/1\"]"}),
        ),
        (
            MemberRemoval::Value,
            json!({"op": "remove", "path": "members", "value": [{"value": "u/1"}]}),
        ),
    ] {
        case.profile.groups.as_mut().unwrap().remove = remove;
        assert_eq!(case.requests()[0].1["Operations"], json!([operation]));
    }
}

#[test]
fn groups_that_are_off_send_nothing() {
    let mut case = Case::new(Desired::default(), Some(user()));
    case.desired.groups = vec![DesiredGroup::Id("x".to_owned())];
    case.profile.groups = None;
    let plan = case.plan().unwrap();
    assert_eq!(
        (plan.operations, plan.notes),
        (vec![], vec![Note::GroupsUnsupported])
    );
}
