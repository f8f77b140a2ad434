//! Sensitive members of a canonical body: pay, birth dates, national ids, gender and the like.
//!
//! No connection needs them, so they are dropped before an event exists. They are recognized by
//! their name, without case and punctuation.

use serde_json::Value;

/// The names, in lower case and without punctuation.
const NAMES: [&str; 41] = [
    "salary",
    "basesalary",
    "pay",
    "payrate",
    "paytype",
    "paygroup",
    "payschedule",
    "paygrade",
    "compensation",
    "wage",
    "wages",
    "hourlyrate",
    "bonus",
    "commission",
    "income",
    "iban",
    "bankaccount",
    "birthdate",
    "dateofbirth",
    "dob",
    "birthday",
    "nationalid",
    "nationalidentifier",
    "ssn",
    "sin",
    "socialsecuritynumber",
    "socialinsurancenumber",
    "taxid",
    "taxidentifier",
    "passportnumber",
    "gender",
    "sex",
    "pronouns",
    "ethnicity",
    "race",
    "religion",
    "maritalstatus",
    "disability",
    "veteranstatus",
    "sexualorientation",
    "nationality",
];

/// Drops every sensitive member at any depth, and returns their number.
pub(super) fn drop_members(value: &mut Value) -> usize {
    match value {
        Value::Object(members) => {
            let before = members.len();
            members.retain(|name, _| !is_sensitive(name));
            before - members.len() + members.values_mut().map(drop_members).sum::<usize>()
        }
        Value::Array(elements) => elements.iter_mut().map(drop_members).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Whether the value has a sensitive member at any depth.
pub(super) fn has_members(value: &Value) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| is_sensitive(name) || has_members(value)),
        Value::Array(elements) => elements.iter().any(has_members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

pub(super) fn is_sensitive(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    NAMES.contains(&plain.as_str())
}
