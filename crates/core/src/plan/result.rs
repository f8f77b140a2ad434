//! The result of planning: operations in order, and what an operator should know about them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::operation::Operation;

/// The operations that bring an account to the desired state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// One request each, in the order in which they are sent. Removal of access comes first.
    pub operations: Vec<Operation>,
    /// Attributes that already have the desired value, for
    /// [`LastApplied`](super::LastApplied); `null`: the attribute is absent as desired.
    pub in_sync: BTreeMap<String, Value>,
    /// Notes for an operator, in no particular order.
    pub notes: Vec<Note>,
}

/// A part of the desired state that the plan leaves out, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The profile requires these attributes on create and they have no value yet: nothing is
    /// planned.
    Incomplete(Vec<String>),
    /// The account should be active, but another system deactivated it. Hirewire reports this and
    /// does not undo it.
    DisabledElsewhere,
    /// The account should be active, but it was inactive when it was found, and neither the policy
    /// nor a later employment says that Hirewire may activate it.
    FoundInactive,
    /// The row is held, so a reactivation or the removal of a membership was left out.
    Held,
    /// No group has this name or id, and the policy does not allow to create one.
    GroupNotFound(String),
    /// Several groups have this name: their ids. None is chosen, and none is created.
    GroupAmbiguous(String, Vec<String>),
    /// The lookup of the group with this name or id failed: it is left out.
    GroupUnknown(String),
    /// Groups are desired, but the target's profile has none.
    GroupsUnsupported,
    /// The target refused this value of the attribute before, so it is not sent again.
    RefusedBefore(String),
}

/// [`LastApplied`](super::LastApplied) does not suffice for a plan: read the account, then plan
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the account must be read before it can be planned")]
pub struct ReadRequired;
