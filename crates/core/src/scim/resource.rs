//! Reading and writing a SCIM resource at an attribute path.
//!
//! Attribute names are looked up without case; an extension's attributes are in a container named by its URN,
//! or (some servers) under flattened keys `URN:attr`. Absent, `null` and `[]` are one: unassigned (RFC 7643 2.5).

use serde_json::{Map, Value};

use super::AttributePath;

/// The member of an object by its name without case.
pub fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let members = object.as_object()?;
    members.get(name).or_else(|| {
        members
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

impl AttributePath {
    /// The value at the path; `None` if it is unassigned. Of a multi-valued attribute without a selector the
    /// primary element counts, else the first.
    pub fn get<'a>(&self, resource: &'a Value) -> Option<&'a Value> {
        let attribute = self.get_attribute(resource)?;
        let element = match self.selector() {
            Some(_) => self.element(attribute)?,
            None => attribute,
        };
        let value = match (self.sub(), element) {
            (None, whole) => whole,
            (Some(sub), Value::Array(elements)) => {
                let primary = elements
                    .iter()
                    .find(|e| member(e, "primary") == Some(&Value::Bool(true)));
                member(primary.or(elements.first())?, sub)?
            }
            (Some(sub), element) => member(element, sub)?,
        };
        assigned(value)
    }

    /// Whether the element that the selector names is there (true without a selector).
    pub fn has_element(&self, resource: &Value) -> bool {
        self.selector().is_none()
            || self
                .get_attribute(resource)
                .and_then(|a| self.element(a))
                .is_some()
    }

    /// Writes a value at the path, making containers and elements as needed: for the body of a create.
    pub fn set(&self, resource: &mut Value, value: Value) {
        let Some(mut members) = object(resource) else {
            return;
        };
        if let Some(urn) = self.urn() {
            let Some(container) = object(slot(members, urn)) else {
                return;
            };
            members = container;
        }
        let attribute = slot(members, self.attribute());
        let place = match self.selector() {
            None => attribute,
            Some(selector) => {
                let known = attribute
                    .as_array()
                    .and_then(|all| all.iter().position(|e| selects(selector, e)));
                if !attribute.is_array() {
                    *attribute = Value::Array(Vec::new());
                }
                let Some(elements) = attribute.as_array_mut() else {
                    return;
                };
                let at = known.unwrap_or(elements.len());
                if at == elements.len() {
                    let mut fresh = Map::new();
                    fresh.insert(selector.attribute.clone(), selector.value.clone());
                    elements.push(Value::Object(fresh));
                }
                let Some(element) = elements.get_mut(at) else {
                    return;
                };
                element
            }
        };
        match self.sub() {
            None => *place = value,
            Some(sub) => {
                let Some(members) = object(place) else { return };
                *slot(members, sub) = value;
            }
        }
    }

    /// The whole attribute, whatever selector and sub-attribute say.
    fn get_attribute<'a>(&self, resource: &'a Value) -> Option<&'a Value> {
        let Some(urn) = self.urn() else {
            return member(resource, self.attribute());
        };
        member(resource, urn)
            .and_then(|container| member(container, self.attribute()))
            .or_else(|| member(resource, &format!("{urn}:{}", self.attribute())))
    }

    fn element<'a>(&self, attribute: &'a Value) -> Option<&'a Value> {
        let selector = self.selector()?;
        if let Value::Array(elements) = attribute {
            return elements.iter().find(|element| selects(selector, element));
        }
        // A server with one value per attribute may answer the element itself.
        selects(selector, attribute).then_some(attribute)
    }
}

fn selects(selector: &super::Selector, element: &Value) -> bool {
    match (member(element, &selector.attribute), &selector.value) {
        // `type` is not case-exact (RFC 7643 section 4.1.2).
        (Some(Value::String(found)), Value::String(wanted)) => found.eq_ignore_ascii_case(wanted),
        (Some(found), wanted) => found == wanted,
        // "primary" is false where it is not stated (RFC 7643 section 2.4).
        (None, wanted) => *wanted == Value::Bool(false),
    }
}

fn object(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

fn slot<'a>(members: &'a mut Map<String, Value>, name: &str) -> &'a mut Value {
    let key = members
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .cloned()
        .unwrap_or_else(|| name.to_owned());
    members.entry(key).or_insert(Value::Null)
}

fn assigned(value: &Value) -> Option<&Value> {
    match value {
        Value::Null => None,
        Value::Array(elements) if elements.is_empty() => None,
        Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => Some(value),
    }
}

/// Whether a target's value is what we want: a complex value may have more members there (`$ref`,
/// `displayName`), a list may be in another order; numbers compare by value, text exactly.
pub fn same_value(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(_)) => {
            wanted
                .iter()
                .all(|(name, value)| match member(found, name) {
                    Some(found) => same_value(value, found),
                    None => value.is_null(),
                })
        }
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted
                    .iter()
                    .all(|w| found.iter().any(|f| same_value(w, f)))
        }
        (Value::Number(wanted), Value::Number(found)) => {
            wanted == found || wanted.as_f64() == found.as_f64()
        }
        (wanted, found) => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    #[test]
    fn a_value_is_found_whatever_the_case_of_names() {
        let user = json!({
            "UserName": "ada", "name": {"GIVENNAME": "Ada"}, "title": null, "roles": [],
            "emails": [{"type": "home", "value": "h"}, {"Type": "Work", "value": "w", "primary": true}],
            "urn:ietf:params:scim:schemas:extension:Enterprise:2.0:user": {"Department": "R&D"},
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
    fn a_body_is_built_attribute_by_attribute() {
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
                super::super::ENTERPRISE_USER: {"department": "R&D"},
            })
        );
    }

    #[test]
    fn a_target_may_say_more_than_we_asked_for() {
        assert!(same_value(
            &json!({"value": "1"}),
            &json!({"Value": "1", "$ref": "x"})
        ));
        assert!(!same_value(&json!({"value": "1"}), &json!({"value": "2"})));
        assert!(same_value(
            &json!([{"v": 1}, {"v": 2}]),
            &json!([{"v": 2.0}, {"v": 1}])
        ));
        assert!(!same_value(&json!("a"), &json!("A")));
    }
}
