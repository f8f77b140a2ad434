//! Values of a resource at a path: read, written, removed, compared.

use serde_json::json;

use super::*;

fn path(text: &str) -> AttributePath {
    AttributePath::parse(text).unwrap()
}

#[test]
fn names_are_found_without_regard_to_case() {
    let user = json!({
        "UserName": "ada", "name": {"GIVENNAME": "Ada"}, "title": null, "roles": [],
        "emails": [{"type": "home", "value": "h"},
                   {"Type": "Work", "value": "w", "primary": true}],
        "urn:ietf:params:scim:schemas:extension:Enterprise:2.0:user":
            {"Department": "R&D"},
        "urn:x:ext:User:flat": 3, "phoneNumbers": {"type": "work", "value": "+1"},
    });

    assert_eq!(path("username").get(&user), Some(&json!("ada")));
    assert_eq!(path("name.givenName").get(&user), Some(&json!("Ada")));
    assert_eq!(path("emails.work").get(&user), Some(&json!("w")));
    assert_eq!(path("emails.value").get(&user), Some(&json!("w")));
    assert_eq!(path("emails.other").get(&user), None);
    assert_eq!(path("phoneNumbers.work").get(&user), Some(&json!("+1")));
    assert_eq!(
        path("enterprise.department").get(&user),
        Some(&json!("R&D"))
    );
    assert_eq!(path("urn:x:ext:User:flat").get(&user), Some(&json!(3)));
    assert_eq!(path("title").get(&user), None);
    assert_eq!(path("roles").get(&user), None);
    assert!(path("emails.home").has_element(&user) && !path("emails.other").has_element(&user));
}

#[test]
fn set_builds_a_body_attribute_by_attribute() {
    let mut user = Value::Null;

    for (at, value) in [
        ("userName", "ada"),
        ("name.givenName", "Ada"),
        ("name.familyName", "L"),
        ("emails.work", "a@x"),
        ("addresses.work.locality", "Rome"),
        ("addresses.work.country", "IT"),
        ("enterprise.department", "R&D"),
    ] {
        path(at).set(&mut user, json!(value));
    }
    assert_eq!(
        user,
        json!({
            "userName": "ada", "name": {"givenName": "Ada", "familyName": "L"},
            "emails": [{"type": "work", "value": "a@x"}],
            "addresses": [{"type": "work", "locality": "Rome", "country": "IT"}],
            crate::scim::ENTERPRISE_USER: {"department": "R&D"},
        })
    );
}

#[test]
fn a_removed_value_leaves_no_empty_element() {
    let mut user = json!({
        "title": "x", "name": {"givenName": "Ada", "familyName": "L"},
        "phoneNumbers": [{"type": "mobile", "value": "1", "primary": true},
                         {"type": "work", "value": "2"}],
        "addresses": [{"type": "work", "locality": "Rome", "country": "IT"}],
        crate::scim::ENTERPRISE_USER: {"department": "R&D", "division": "D"},
    });
    for at in [
        "TITLE",
        "name.givenName",
        "phoneNumbers.mobile",
        "addresses.work.locality",
        "enterprise.department",
        "nickName",
    ] {
        path(at).remove(&mut user);
    }

    assert_eq!(
        user,
        json!({
            "name": {"familyName": "L"},
            "phoneNumbers": [{"type": "work", "value": "2"}],
            "addresses": [{"type": "work", "country": "IT"}],
            crate::scim::ENTERPRISE_USER: {"division": "D"},
        })
    );
}

#[test]
fn a_current_value_matches_with_more_members_or_in_another_order() {
    assert!(value_matches(
        &json!({"value": "1"}),
        &json!({"Value": "1", "$ref": "x"})
    ));
    assert!(!value_matches(
        &json!({"value": "1"}),
        &json!({"value": "2"})
    ));
    assert!(value_matches(
        &json!([{"v": 1}, {"v": 2}]),
        &json!([{"v": 2.0}, {"v": 1}])
    ));

    assert!(!value_matches(&json!("a"), &json!("A")));
    assert!(value_matches(
        &json!("M\u{fc}ller"),
        &json!("Mu\u{308}ller ")
    ));
}
