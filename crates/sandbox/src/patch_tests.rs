//! PATCH, by the examples and rules of RFC 7644 section 3.5.2: expected results are written out by hand.

use serde_json::{Map, Value, json};

use super::attributes::{ENTERPRISE, GENERIC};
use super::patch::apply;
use super::refusal::Refusal;

fn ada() -> Map<String, Value> {
    json!({
        "id": "7", "userName": "ada", "active": true, "name": {"givenName": "Ada", "familyName": "King"},
        "emails": [{"type": "work", "value": "a@work", "primary": true}, {"type": "home", "value": "a@home"}],
        (ENTERPRISE): {"department": "Math", "manager": {"value": "1"}}
    })
    .as_object()
    .unwrap()
    .clone()
}

fn patched(operations: &Value) -> Result<Value, Refusal> {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    apply(&ada(), &body, GENERIC.user).map(Value::Object)
}

/// The user after one operation, at a JSON pointer.
fn after(operation: &Value, pointer: &str) -> Value {
    patched(&json!([operation]))
        .unwrap()
        .pointer(pointer)
        .cloned()
        .unwrap_or(Value::Null)
}

#[test]
fn one_operation_changes_what_its_path_names_and_nothing_else() {
    let urn = |attribute: &str| format!("{ENTERPRISE}:{attribute}");
    let department = format!("/{ENTERPRISE}/department");
    let manager = format!("/{ENTERPRISE}/manager/value");
    for (operation, pointer, want) in [
        (
            json!({"op": "replace", "path": "active", "value": false}),
            "/active",
            json!(false),
        ),
        (
            json!({"op": "Replace", "value": {"active": false}}),
            "/active",
            json!(false),
        ),
        (
            json!({"op": "replace", "path": "NAME.givenname", "value": "A."}),
            "/name",
            json!({"givenName": "A.", "familyName": "King"}),
        ),
        (
            json!({"op": "replace", "path": "name", "value": {"givenName": "A."}}),
            "/name",
            json!({"givenName": "A.", "familyName": "King"}),
        ),
        (
            json!({"op": "remove", "path": "name.givenName"}),
            "/name",
            json!({"familyName": "King"}),
        ),
        (
            json!({"op": "remove", "path": "name"}),
            "/name",
            Value::Null,
        ),
        (
            json!({"op": "replace", "path": "name", "value": null}),
            "/name",
            Value::Null,
        ),
        (
            json!({"op": "add", "path": "title", "value": "Countess"}),
            "/title",
            json!("Countess"),
        ),
        (
            json!({"op": "replace", "path": "title", "value": "Countess"}),
            "/title",
            json!("Countess"),
        ),
        (
            json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@work"}),
            "/emails/0",
            json!({"type": "work", "value": "b@work", "primary": true}),
        ),
        (
            json!({"op": "replace", "path": "emails[type eq \"home\"]", "value": {"type": "home", "value": "x"}}),
            "/emails/1",
            json!({"type": "home", "value": "x"}),
        ),
        (
            json!({"op": "add", "path": "emails[type eq \"home\"]", "value": {"display": "x"}}),
            "/emails/1",
            json!({"type": "home", "value": "a@home", "display": "x"}),
        ),
        (
            json!({"op": "remove", "path": "emails[type eq \"home\"]"}),
            "/emails/1",
            Value::Null,
        ),
        (
            json!({"op": "remove", "path": "emails[type eq \"none\"]"}),
            "/emails/1/value",
            json!("a@home"),
        ),
        (
            json!({"op": "remove", "path": "emails"}),
            "/emails",
            Value::Null,
        ),
        (
            json!({"op": "replace", "path": "emails", "value": [{"value": "z"}]}),
            "/emails",
            json!([{"value": "z"}]),
        ),
        (
            json!({"op": "add", "path": "emails", "value": [{"type": "home", "value": "a@home"}]}),
            "/emails/2",
            Value::Null,
        ),
        (
            json!({"op": "add", "path": "emails", "value": {"value": "z"}}),
            "/emails/2",
            json!({"value": "z"}),
        ),
        (
            json!({"op": "replace", "path": urn("department"), "value": "CS"}),
            &department,
            json!("CS"),
        ),
        (
            json!({"op": "replace", "value": {(ENTERPRISE): {"department": "CS"}}}),
            &manager,
            json!("1"),
        ),
        (
            json!({"op": "replace", "path": ENTERPRISE, "value": {"department": "CS"}}),
            &department,
            json!("CS"),
        ),
        (
            json!({"op": "replace", "path": urn("manager.value"), "value": "2"}),
            &manager,
            json!("2"),
        ),
        (
            json!({"op": "remove", "path": ENTERPRISE}),
            &format!("/{ENTERPRISE}"),
            Value::Null,
        ),
        (
            json!({"op": "add", "value": {"title": "T", "externalId": "E"}}),
            "/externalId",
            json!("E"),
        ),
    ] {
        assert_eq!(after(&operation, pointer), want, "{operation}");
    }
}

#[test]
fn a_new_primary_clears_the_old_one() {
    let want = json!([
        {"type": "work", "value": "a@work", "primary": false},
        {"type": "home", "value": "a@home", "primary": true}
    ]);
    let got = after(
        &json!({"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}),
        "/emails",
    );
    assert_eq!(got, want);
    let got = after(
        &json!({"op": "add", "path": "emails", "value": [{"value": "n", "primary": true}]}),
        "/emails/0/primary",
    );
    assert_eq!(got, json!(false));
}

#[test]
fn a_wrong_operation_is_refused_by_the_type_that_the_rfc_gives_it() {
    for (operation, want) in [
        (json!({"op": "remove"}), "noTarget"),
        (
            json!({"op": "replace", "path": "emails[type eq \"none\"].value", "value": "x"}),
            "noTarget",
        ),
        (
            json!({"op": "add", "path": "emails[type eq \"none\"].value", "value": "x"}),
            "noTarget",
        ),
        (
            json!({"op": "replace", "path": "nope", "value": "x"}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": "name.nope", "value": "x"}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": "emails[type eq \"work\"", "value": "x"}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": "emails[type eq \"work\"]value", "value": "x"}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": "title[value eq \"x\"]", "value": "x"}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": "emails[kind eq \"work\"].value", "value": "x"}),
            "invalidFilter",
        ),
        (
            json!({"op": "replace", "path": "id", "value": "8"}),
            "mutability",
        ),
        (
            json!({"op": "add", "value": {"groups": [{"value": "1"}]}}),
            "mutability",
        ),
        (json!({"op": "remove", "path": "userName"}), "mutability"),
        (
            json!({"op": "replace", "path": "active", "value": "False"}),
            "invalidValue",
        ),
        (
            json!({"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": "2"}),
            "invalidValue",
        ),
        (
            json!({"op": "remove", "path": "emails", "value": [{"value": "a@home"}]}),
            "invalidValue",
        ),
        (json!({"op": "replace", "value": "x"}), "invalidValue"),
        (json!({"op": "replace", "path": "title"}), "invalidValue"),
        (json!({"op": "delete", "path": "title"}), "invalidSyntax"),
    ] {
        let refusal = patched(&json!([operation])).unwrap_err();
        assert_eq!(
            refusal.scim_type,
            Some(want),
            "{operation}: {}",
            refusal.detail
        );
    }
    assert!(patched(&json!([])).is_err());
    assert!(
        apply(
            &ada(),
            &json!({"Operations": [{"op": "remove", "path": "title"}]}),
            GENERIC.user
        )
        .is_err()
    );
}

#[test]
fn members_are_added_once_and_their_value_is_immutable() {
    let group = json!({"id": "1", "displayName": "G", "members": [{"value": "a", "type": "User"}]});
    let group = group.as_object().unwrap();
    let run = |operation: Value| {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
        apply(group, &body, GENERIC.group)
            .map(|group| group.get("members").cloned().unwrap_or(Value::Null))
    };
    let got =
        run(json!({"op": "add", "path": "members", "value": [{"value": "a"}, {"value": "b"}]}))
            .unwrap();
    assert_eq!(got, json!([{"value": "a", "type": "User"}, {"value": "b"}]));
    assert_eq!(
        run(json!({"op": "remove", "path": "members[value eq \"a\"]"})).unwrap(),
        Value::Null
    );
    let refusal =
        run(json!({"op": "replace", "path": "members[value eq \"a\"].value", "value": "b"}))
            .unwrap_err();
    assert_eq!(refusal.scim_type, Some("mutability"));
}
