//! The desired user of a person on a connection: attributes, `externalId`, groups and match keys.
//!
//! The mapping computes it and `plan` compares it with the current user. Access is decided apart.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::WhenWritten;
use crate::scim::AttributePath;

/// The desired value of one attribute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum DesiredValue {
    /// The attribute has this value.
    Set(Value),
    /// The attribute has no value.
    Clear,
}

/// One attribute that the mapping writes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DesiredAttribute {
    /// The attribute's path in the core schema, before the profile changes it.
    pub path: AttributePath,
    /// The desired value, or that it has none.
    pub value: DesiredValue,
    /// Whether it is written on create only, or kept up to date.
    pub on: WhenWritten,
}

/// An attribute and a value by which an existing account is found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatchKey {
    /// A filterable attribute: `externalId`, `userName`, `emails[type eq "work"].value` ...
    pub path: AttributePath,
    /// The value that it must equal.
    pub value: String,
}

/// A group in which the user should be a member.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredGroup {
    /// The group with this id of the target.
    Id(String),
    /// The group with this `displayName`.
    Name(String),
}

/// The desired user, without its access.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Desired {
    /// Attributes in the order of the mapping; never `active`, `id` or `externalId`.
    pub attributes: Vec<DesiredAttribute>,
    /// `externalId`; `None`: it has no value.
    pub external_id: Option<String>,
    /// Groups in the order of the rules, each once.
    pub groups: Vec<DesiredGroup>,
    /// Attributes that the profile requires and that have no value yet: the account's outcome is
    /// then `incomplete`.
    pub missing: Vec<String>,
}
