//! From a person to the user that a connection should have: pure.
//!
//! A connection's [`MappingDocument`] (canonical text in the store, see ARCHITECTURE.md "published") compiles
//! to a [`Mapping`]. It answers three questions, each on its own so that a fault in one never delays a leaver:
//! which access ([`Mapping::access`]), how to find the account ([`Mapping::match_keys`]), and what the user
//! should look like ([`Mapping::desired`]).

mod document;

pub use document::{
    AccountAdoption, AdoptMatch, AdoptUpdate, AttributeRule, GroupName, GroupRule, GroupsPolicy, LifecyclePolicy,
    MappingDocument, OutOfScope, RemoveGroups, WhenEmpty, WhenWritten,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{fold::Person, scim::AttributePath};

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
pub enum Wish {
    /// This value.
    Set(Value),
    /// No value.
    Clear,
}

/// One attribute that the mapping speaks of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WishedAttribute {
    /// Where.
    pub path: AttributePath,
    /// What.
    pub wish: Wish,
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
pub enum WishedGroup {
    /// By the target's own id.
    Id(String),
    /// By `displayName`.
    Name(String),
}

/// The user as it should be; access is decided apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Desired {
    /// Attributes in the order of the mapping; never `active`, `id` or `externalId`.
    pub attributes: Vec<WishedAttribute>,
    /// `externalId`, written on create.
    pub external_id: Option<String>,
    /// Groups it should be in.
    pub groups: Vec<WishedGroup>,
    /// Attributes that the profile requires and that are not known yet: outcome `incomplete`.
    pub missing: Vec<String>,
}

/// A mapping that could not be carried out for this person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct MapError {
    /// Which expression: `mapping.title`, `when`, `groups[2].when`.
    pub place: String,
    /// What went wrong, without any value of the person.
    pub problem: String,
}

/// A compiled mapping.
#[derive(Debug)]
pub struct Mapping {
    document: MappingDocument,
}

/// A mistake in a mapping text, with the place of the fault inside the expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingMistake {
    /// Which expression: `mapping.title`, `when`, `groups[2].when`.
    pub place: String,
    /// What is wrong and what was expected, with did-you-mean where it helps.
    pub problem: String,
    /// Byte range of the fault inside the expression's text.
    pub range: Option<std::ops::Range<usize>>,
}

impl Mapping {
    /// Compiles every expression; all mistakes at once.
    pub fn compile(document: MappingDocument) -> Result<Self, Vec<MappingMistake>> {
        Ok(Self { document })
    }

    /// What it was compiled from.
    pub fn document(&self) -> &MappingDocument {
        &self.document
    }

    /// Which access the person should have now, by lifecycle policy and scope.
    ///
    /// A scope that fails is an error only for somebody who would get access: it never means "out of scope",
    /// and whoever has left is inactive whatever the scope says.
    pub fn access(&self, person: &Person, now: Timestamp) -> Result<AccessNow, MapError> {
        let _ = (person, now);
        todo!()
    }

    /// Every way to find the person's account whose value is known; keys that cannot be computed are left out.
    pub fn match_keys(&self, person: &Person, key: &str) -> Vec<MatchKey> {
        let _ = (person, key);
        todo!()
    }

    /// The user as it should be. `key` is the person's surrogate id (`person.key` in expressions).
    pub fn desired(&self, person: &Person, key: &str) -> Result<Desired, MapError> {
        let _ = (person, key);
        todo!()
    }
}
