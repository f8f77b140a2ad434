//! Reads and writes the value of a SCIM resource at an attribute path.
//!
//! Attribute names compare without case (RFC 7643 section 2.1). The attributes of an extension are
//! members of an object under its URN; some servers send flat keys `URN:attr` instead. An absent
//! member, `null` and `[]` all mean unassigned (RFC 7643 section 2.5).

use serde_json::{Map, Value};

use super::{AttributePath, Selector, same_text};

/// The member of an object with that name; an exact match wins over one without case.
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
    /// The value at the path; `None` if it is unassigned. A path into a multi-valued attribute
    /// without a selector reads the primary element, else the first.
    pub fn get<'a>(&self, resource: &'a Value) -> Option<&'a Value> {
        let attribute = self.get_attribute(resource)?;
        let element = match self.selector() {
            Some(_) => self.element(attribute)?,
            None => attribute,
        };
        let value = match (self.sub_attribute(), element) {
            (None, element) => element,
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

    /// Whether the element that the selector selects exists; true for a path without a selector.
    pub(crate) fn has_element(&self, resource: &Value) -> bool {
        self.selector().is_none()
            || self
                .get_attribute(resource)
                .and_then(|a| self.element(a))
                .is_some()
    }

    /// Writes a value at the path, and creates the objects and elements on the way: for the body of
    /// a POST or PUT.
    pub fn set(&self, resource: &mut Value, value: Value) {
        let Some(mut members) = as_object(resource) else {
            return;
        };
        if let Some(urn) = self.urn() {
            let Some(extension) = as_object(member_mut(members, urn)) else {
                return;
            };
            members = extension;
        }

        let attribute = member_mut(members, self.attribute());
        let target = match self.selector() {
            None => attribute,
            Some(selector) => {
                let Some(element) = element_mut(attribute, selector) else {
                    return;
                };
                element
            }
        };

        match self.sub_attribute() {
            None => *target = value,
            Some(sub) => {
                let Some(members) = as_object(target) else {
                    return;
                };
                *member_mut(members, sub) = value;
            }
        }
    }

    /// The value at a path without selector and sub-attribute, to change it.
    pub(crate) fn get_mut<'a>(&self, resource: &'a mut Value) -> Option<&'a mut Value> {
        let mut members = resource.as_object_mut()?;
        if let Some(urn) = self.urn() {
            members = existing(members, urn)?.as_object_mut()?;
        }
        existing(members, self.attribute())
    }

    /// Removes the element that the selector selects; a list without elements stays.
    pub(crate) fn remove_element(&self, resource: &mut Value) {
        let Some(selector) = self.selector() else {
            return;
        };
        if let Some(Value::Array(elements)) = self.whole_attribute().get_mut(resource) {
            elements.retain(|element| !selects(selector, element));
        }
    }

    /// Removes the value at the path, and an element that only its selector is left of: for the
    /// body of a PUT or of a whole list.
    pub(crate) fn remove(&self, resource: &mut Value) {
        let holder = match self.urn() {
            Some(urn) => existing_mut(resource, urn),
            None => Some(resource),
        };
        let Some(holder) = holder else {
            return;
        };

        let Some(sub) = self.sub_attribute().filter(|_| self.selector().is_none()) else {
            if self.selector().is_none() {
                remove_member(holder, self.attribute());
            } else if let Some(Value::Array(elements)) = existing_mut(holder, self.attribute()) {
                self.remove_in_elements(elements);
            }
            return;
        };
        if let Some(complex) = existing_mut(holder, self.attribute()) {
            remove_member(complex, sub);
        }
    }

    fn remove_in_elements(&self, elements: &mut Vec<Value>) {
        let Some(selector) = self.selector() else {
            return;
        };
        elements.retain_mut(|element| {
            if !selects(selector, element) {
                return true;
            }
            let Some(sub) = self.sub_attribute() else {
                return false;
            };
            remove_member(element, sub);
            has_content(element, selector)
        });
    }

    /// The whole attribute, without regard to selector and sub-attribute.
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
        // A server with a single value per attribute may send the element without a list.
        selects(selector, attribute).then_some(attribute)
    }
}

/// The element that the selector selects; it is appended if it does not exist.
fn element_mut<'a>(attribute: &'a mut Value, selector: &Selector) -> Option<&'a mut Value> {
    if !attribute.is_array() {
        *attribute = Value::Array(Vec::new());
    }
    let elements = attribute.as_array_mut()?;

    let position = elements
        .iter()
        .position(|element| selects(selector, element));
    let index = position.unwrap_or(elements.len());
    if position.is_none() {
        let mut element = Map::new();
        element.insert(selector.attribute.clone(), selector.value.clone());
        elements.push(Value::Object(element));
    }
    elements.get_mut(index)
}

fn selects(selector: &Selector, element: &Value) -> bool {
    match (member(element, &selector.attribute), &selector.value) {
        // `type` is not case-exact (RFC 7643 section 4.1.2).
        (Some(Value::String(current)), Value::String(expected)) => {
            current.eq_ignore_ascii_case(expected)
        }
        (Some(current), expected) => current == expected,
        // An absent "primary" means false (RFC 7643 section 2.4).
        (None, expected) => *expected == Value::Bool(false),
    }
}

/// The members of the value, which becomes an empty object if it is none.
fn as_object(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// The member with that name, compared without case.
fn existing<'a>(members: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Value> {
    members
        .iter_mut()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The member with that name, compared without case; it is created as `null` if it is absent.
fn member_mut<'a>(members: &'a mut Map<String, Value>, name: &str) -> &'a mut Value {
    let key = members
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .cloned()
        .unwrap_or_else(|| name.to_owned());
    members.entry(key).or_insert(Value::Null)
}

fn existing_mut<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let members = object.as_object_mut()?;
    let key = members
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .cloned()?;
    members.get_mut(&key)
}

fn remove_member(object: &mut Value, name: &str) {
    if let Some(members) = object.as_object_mut() {
        members.retain(|key, _| !key.eq_ignore_ascii_case(name));
    }
}

/// Whether an element has a value besides its selector and the marks that describe it.
fn has_content(element: &Value, selector: &Selector) -> bool {
    let marks = ["primary", "display", "$ref"];
    element.as_object().is_none_or(|members| {
        members.iter().any(|(name, value)| {
            !name.eq_ignore_ascii_case(&selector.attribute)
                && !marks.iter().any(|mark| name.eq_ignore_ascii_case(mark))
                && assigned(value).is_some()
        })
    })
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

/// Whether the current value of an account equals the desired one.
///
/// The current complex value may have more members (`$ref`, `displayName`), and a list may be in
/// another order. Numbers compare by value, text in NFC and without spaces around it.
pub(crate) fn value_matches(desired: &Value, current: &Value) -> bool {
    match (desired, current) {
        (Value::Object(desired), Value::Object(_)) => {
            desired
                .iter()
                .all(|(name, value)| match member(current, name) {
                    Some(current) => value_matches(value, current),
                    None => value.is_null(),
                })
        }
        (Value::Array(desired), Value::Array(current)) => {
            desired.len() == current.len()
                && desired.iter().all(|element| {
                    current
                        .iter()
                        .any(|candidate| value_matches(element, candidate))
                })
        }
        (Value::Number(desired), Value::Number(current)) => {
            desired == current || desired.as_f64() == current.as_f64()
        }
        (Value::String(desired), Value::String(current)) => same_text(desired, current),
        (desired, current) => desired == current,
    }
}

#[cfg(test)]
#[path = "resource_tests.rs"]
mod tests;
