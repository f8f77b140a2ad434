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

/// Whether an account gives access that Hirewire gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GivenAccess {
    /// The account gives no access, or another system gave it.
    #[default]
    ByOthers,
    /// Hirewire created the account or made it active, and it may be active. It gives no access
    /// while the facts give none (docs/fold.md, section 3).
    ByHirewire,
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
    /// Whether access is inactive only because Hirewire gave it and the facts give none: for example
    /// after a correction moved the start into the future. Once the account is proven inactive, the
    /// facts alone say what follows.
    pub withdrawn: bool,
}
