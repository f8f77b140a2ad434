//! From a person to the user that a connection should have: pure.
//!
//! A connection publishes a [`MappingDocument`]; applied to a person it answers which [`Access`], by which
//! [`MatchKey`]s the account is found, and what the user should look like ([`Desired`]).

mod access_evaluator;
mod attributes;
mod compiled;
mod document;
mod expression;
mod faults;
mod functions;
mod groups;
mod lifecycle;
mod main_employment;
mod names;
mod published;
mod text;
mod tokens;
mod view;
mod vocabulary;

#[cfg(test)]
mod people_tests;

pub use compiled::{EvaluationError, ForPerson, Mapping, MappingFault};
pub use document::{
    AccountAdoption, AdoptMatch, AdoptUpdate, AttributeRule, GroupName, GroupRule, GroupsPolicy,
    LifecyclePolicy, MappingDocument, OutOfScope, RemoveGroups, WhenEmpty, WhenWritten,
};
pub use published::{InvalidRule, UnreadableMapping};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scim::AttributePath;

/// The access an account should give (fold.md 3, end of "Status").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// The user exists and is active.
    Active,
    /// The user exists; created inactive, the `active` of an account found is left alone.
    Prepared,
    /// The user, if there is one, is inactive.
    Inactive,
    /// Not ours to touch.
    Unmanaged,
}

/// The access now, and when it may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessNow {
    /// What should be.
    pub access: Access,
    /// The first instant after now at which the answer (or anything mapped) may differ.
    pub due: Option<Timestamp>,
    /// Whether what comes at `due` ends access: such an account is claimed before others.
    pub due_ends_access: bool,
}

/// What one attribute should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum DesiredValue {
    /// This value.
    Set(Value),
    /// No value.
    Clear,
}

/// One attribute that the mapping speaks of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DesiredAttribute {
    /// Where.
    pub path: AttributePath,
    /// What.
    pub wish: DesiredValue,
    /// Only when creating, or always.
    pub on: WhenWritten,
}

/// A way to find an account that is already there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatchKey {
    /// `externalId`, `userName`, `emails[type eq "work"].value` ...
    pub path: AttributePath,
    /// What it must equal.
    pub value: String,
}

/// A group the user should be in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredGroup {
    /// By the target's own id.
    Id(String),
    /// By `displayName`.
    Name(String),
}

/// The user as it should be; access is decided apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Desired {
    /// Attributes in the order of the mapping; never `active`, `id` or `externalId`.
    pub attributes: Vec<DesiredAttribute>,
    /// `externalId`, written on create.
    pub external_id: Option<String>,
    /// Groups it should be in.
    pub groups: Vec<DesiredGroup>,
    /// Attributes that the profile requires and that are not known yet: outcome `incomplete`.
    pub missing: Vec<String>,
}
