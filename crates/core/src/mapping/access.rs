//! The access that an account should give: the answer of lifecycle and scope.
//!
//! `access_evaluator.rs` computes it from a person and a policy; `compiled.rs` applies the scope.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The access that an account should give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// The user exists and is active.
    Active,
    /// The user exists. A create makes it inactive; `active` of an existing user is left alone.
    Prepared,
    /// The user is inactive, if there is one.
    Inactive,
    /// Hirewire does not touch the user.
    Unmanaged,
}

/// The access at one instant, and the next instant at which it may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessDecision {
    /// The access that the account should give now.
    pub access: Access,
    /// The first later instant at which the access or a mapped value may differ; `None`: never
    /// without a new event.
    pub due: Option<Timestamp>,
    /// Whether access ends at `due`. Such an account is claimed before others.
    pub due_ends_access: bool,
}
