//! Maps a person to the desired user of a connection: pure.
//!
//! A connection publishes a [`MappingDocument`], and a worker compiles it to a [`Mapping`]. For a
//! person it answers which [`Access`] the account should give, by which [`MatchKey`]s the account
//! is found, and which attributes and groups the user should have ([`Desired`]). Nothing here knows
//! the current user: `plan` compares.

mod access;
mod access_evaluator;
mod attributes;
mod compiled;
mod desired;
mod document;
mod expression;
mod faults;
mod functions;
mod groups;
mod json_value;
mod lifecycle;
mod main_employment;
mod names;
mod published;
mod target_check;
mod text;
mod tokens;
mod view;
mod vocabulary;

#[cfg(test)]
mod document_tests;
#[cfg(test)]
mod people_tests;

pub use access::{Access, AccessDecision, GivenAccess};
pub use compiled::{Mapping, PersonMapping};
pub use desired::{Desired, DesiredAttribute, DesiredGroup, DesiredValue, MatchKey};
pub use document::{
    AccountAdoption, AdoptMatch, AdoptUpdate, AttributeRule, GroupName, GroupRule, GroupsPolicy,
    LifecyclePolicy, MappingDocument, OutOfScope, RemoveGroups, WhenEmpty, WhenWritten,
};
pub use faults::{EvaluationError, MappingFault};
pub use published::{InvalidRule, UnreadableMapping};
