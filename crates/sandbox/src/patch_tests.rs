//! Tests of PATCH by the examples and rules of RFC 7644 section 3.5.2, with results by hand.

use serde_json::{Map, Value, json};

use super::catalogue::{ENTERPRISE, GENERIC};
use super::patch::apply;
use super::scim_error::ScimError;

fn ada() -> Map<String, Value> {
    json!({
        "id": "7",
        "userName": "ada",
        "active": true,
        "name": {"givenName": "Ada", "familyName": "King"},
        "emails": [
            {"type": "work", "value": "a@work", "primary": true},
            {"type": "home", "value": "a@home"}
        ],
        (ENTERPRISE): {"department": "Math", "manager": {"value": "1"}}
    })
    .as_object()
    .unwrap()
    .clone()
}

fn patch_body(operations: &Value) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": operations
    })
}

fn patched(operations: &Value) -> Result<Value, ScimError> {
    apply(&ada(), &patch_body(operations), GENERIC.user).map(Value::Object)
}

fn patched_members(operation: &Value) -> Result<Value, ScimError> {
    let group = json!({"displayName": "G", "members": [{"value": "a", "type": "User"}]});
    let body = patch_body(&json!([operation]));

    apply(group.as_object().unwrap(), &body, GENERIC.group)
        .map(|group| group.get("members").cloned().unwrap_or(Value::Null))
}

/// The value at a JSON pointer after one operation on Ada.
fn after(operation: &Value, pointer: &str) -> Value {
    patched(&json!([operation]))
        .unwrap()
        .pointer(pointer)
        .cloned()
        .unwrap_or(Value::Null)
}

#[test]
fn an_operation_changes_only_the_single_valued_attribute_of_its_path() {
    for (operation, pointer, expected) in [
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
            json!({"op": "add", "value": {"title": "T", "externalId": "E"}}),
            "/externalId",
            json!("E"),
        ),
    ] {
        assert_eq!(after(&operation, pointer), expected, "{operation}");
    }
}

#[test]
fn an_operation_changes_only_the_values_that_its_path_selects() {
    for (operation, pointer, expected) in [
        (
            json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@work"}),
            "/emails/0",
            json!({"type": "work", "value": "b@work", "primary": true}),
        ),
        (
            json!({
                "op": "replace", "path": "emails[type eq \"home\"]",
                "value": {"type": "home", "value": "x"}
            }),
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
    ] {
        assert_eq!(after(&operation, pointer), expected, "{operation}");
    }
}

#[test]
fn an_operation_changes_only_the_extension_attribute_of_its_path() {
    let urn = |attribute: &str| format!("{ENTERPRISE}:{attribute}");
    let department = format!("/{ENTERPRISE}/department");
    let manager = format!("/{ENTERPRISE}/manager/value");

    for (operation, pointer, expected) in [
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
    ] {
        assert_eq!(after(&operation, pointer), expected, "{operation}");
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

/// The `scimType` with which one operation on Ada is rejected.
fn rejection(operation: &Value) -> Option<&'static str> {
    patched(&json!([operation])).unwrap_err().scim_type
}

#[test]
fn a_path_that_selects_nothing_valid_is_rejected() {
    for (operation, scim_type) in [
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
    ] {
        assert_eq!(rejection(&operation), Some(scim_type), "{operation}");
    }
}

#[test]
fn an_operation_with_an_invalid_op_or_value_is_rejected() {
    for (operation, scim_type) in [
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
        assert_eq!(rejection(&operation), Some(scim_type), "{operation}");
    }

    assert!(patched(&json!([])).is_err());
    let without_schemas = json!({"Operations": [{"op": "remove", "path": "title"}]});
    assert!(apply(&ada(), &without_schemas, GENERIC.user).is_err());
}

#[test]
fn a_member_is_added_once_and_its_value_is_immutable() {
    let members = patched_members(
        &json!({"op": "add", "path": "members", "value": [{"value": "a"}, {"value": "b"}]}),
    );
    assert_eq!(
        members.unwrap(),
        json!([{"value": "a", "type": "User"}, {"value": "b"}])
    );

    let members = patched_members(&json!({"op": "remove", "path": "members[value eq \"a\"]"}));
    assert_eq!(members.unwrap(), Value::Null);

    let error = patched_members(
        &json!({"op": "replace", "path": "members[value eq \"a\"].value", "value": "b"}),
    )
    .unwrap_err();
    assert_eq!(error.scim_type, Some("mutability"));
}
