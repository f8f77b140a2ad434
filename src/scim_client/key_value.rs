//! Compares a resource with a match key on our side: no answer to a filter is believed unseen.

use serde_json::Value;

use hirewire_core::{
    mapping::MatchKey,
    scim::{Selector, member, same_text, same_text_without_case},
};

/// Whether a resource has the key's value: `externalId` compares case-sensitively (RFC 7643
/// section 3.1), every other attribute without case, all of them in NFC. One element of a list is
/// enough; one without the attribute of the selector counts too, because some targets drop the
/// `type` of an address.
pub(super) fn has_value(key: &MatchKey, resource: &Value) -> bool {
    let whole = key.path.whole_attribute().get(resource);

    if let (Some(Value::Array(elements)), Some(selector)) = (whole, key.path.selector()) {
        let sub_attribute = key.path.sub_attribute().unwrap_or("value");
        return elements
            .iter()
            .filter(|element| is_selected(element, selector))
            .filter_map(|element| member(element, sub_attribute))
            .any(|found| equals(key, found));
    }
    if let (Some(Value::Array(elements)), Some(sub_attribute)) = (whole, key.path.sub_attribute()) {
        return elements
            .iter()
            .filter_map(|element| member(element, sub_attribute))
            .any(|found| equals(key, found));
    }
    key.path
        .get(resource)
        .is_some_and(|found| equals(key, found))
}

fn is_selected(element: &Value, selector: &Selector) -> bool {
    let found = member(element, &selector.attribute);
    match (found, selector.value.as_str()) {
        (Some(Value::String(found)), Some(expected)) => found.eq_ignore_ascii_case(expected),
        (None | Some(Value::Null), _) => true,
        (found, _) => found == Some(&selector.value),
    }
}

fn equals(key: &MatchKey, found: &Value) -> bool {
    match found {
        Value::String(found) if key.path.is_core_attribute("externalId") => {
            same_text(found, &key.value)
        }
        Value::String(found) => same_text_without_case(found, &key.value),
        Value::Number(found) => found.to_string() == key.value,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}
