//! From what should be and what is to the smallest list of SCIM requests: pure.
//!
//! [`plan`] takes the desired user, what the target has, the dialect and the policy; [`plan_deactivation`] takes
//! none of these, so that no mapping, scope or group rule can ever delay a leaver. An [`Operation`] renders to the
//! exact [`Request`], for the client and for a preview alike. What failed and what then: [`Failure`], [`Verdict`].

mod attributes;
mod backoff;
mod dead_letter_cause;
mod ending;
mod failure;
mod groups;
mod operation;
mod request;
mod verdict;

#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod property_tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    mapping::{Access, AccountAdoption, Desired, GroupsPolicy, WhenWritten},
    scim::{Profile, member},
};

pub use backoff::Backoff;
pub use dead_letter_cause::DeadLetterCause;
pub use ending::{Ending, LeaverAccount, plan_deactivation};
pub use failure::{Failure, FailureKind, Phase};
pub use operation::{Change, Edit, Operation, TargetUser};
pub use request::{Method, Request, add_members, remove_members};
pub use verdict::{
    Absence, PauseReason, Probe, Situation, Verdict, Wait, absent, decide,
    not_effective,
};

/// What the target has of the person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Current<'a> {
    /// No account.
    Absent,
    /// A bound account, not read: what we wrote last is taken for what is there.
    Unread,
    /// An account, as just read.
    Read(&'a Value),
}

/// The state that Hirewire last wrote to the account, or read and found as desired. The store keeps
/// it in the account's row; it decides which attributes and memberships a plan may change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LastApplied {
    /// Values by full attribute path; `null`: the attribute was cleared.
    pub attributes: BTreeMap<String, Value>,
    /// Ids of the groups whose membership Hirewire granted.
    pub groups: BTreeSet<String>,
    /// Whether Hirewire created the user. If not, the user was adopted and the adopt policy applies.
    pub created_by_us: bool,
    /// `active` as last written or read; `None`: not known.
    pub active: Option<bool>,
}

/// What is known of groups at the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupsNow {
    /// Ids of the wished groups that were asked for by name; a name that is missing here does not exist.
    pub ids: BTreeMap<String, String>,
    /// Ids of wished groups that the user is in already.
    pub member_of: BTreeSet<String>,
}

/// What an operator decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// What may be done with an account that was there before us.
    pub adopt: AccountAdoption,
    /// Whether `externalId` is kept on accounts that exist.
    pub external_id_on: WhenWritten,
    /// How group memberships are handled.
    pub groups: GroupsPolicy,
}

/// Everything a plan follows from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// `Active` or `Prepared`. `Inactive` is [`plan_deactivation`]'s; for it and `Unmanaged` the plan is empty.
    pub access: Access,
    /// The fold became active since the last propagation_delay, or an operator says so: only then is `active: true` sent.
    pub edge: bool,
    /// The row is held: nothing about `active`, and no access is taken away.
    pub held: bool,
    /// The account was found by a match key just now, and is not ours yet.
    pub adopting: bool,
    /// The user as it should be.
    pub desired: &'a Desired,
    /// What the target has.
    pub current: Current<'a>,
    /// The state that Hirewire last applied to it.
    pub last_applied: &'a LastApplied,
    /// What is known of groups.
    pub groups: &'a GroupsNow,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// One request each. Access that is taken away comes first.
    pub operations: Vec<Operation>,
    /// Attributes that are as they should be already, for the row's memory.
    pub found: BTreeMap<String, Value>,
    /// What an operator should know of it.
    pub notes: Vec<Note>,
}

/// What an operator should know of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// What a create still lacks; nothing is planned until it is known.
    Incomplete(Vec<String>),
    /// Should be active, was made inactive elsewhere: told, not repaired.
    DisabledElsewhere,
    /// Something was left out because the row is held.
    Held,
    /// The group does not exist, and policy does not make it.
    NoSuchGroup(String),
    /// Groups are wished, and the target has none.
    NoGroups,
}

/// The plan cannot be made from memory: read the account, then plan again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the account must be read to plan")]
pub struct ReadFirst;

/// The smallest list of operations that brings the account to what is desired.
pub fn plan(input: &Input<'_>, profile: &Profile, policy: Policy) -> Result<Plan, ReadFirst> {
    let mut plan = Plan::default();
    match input.access {
        Access::Inactive | Access::Unmanaged => return Ok(plan),
        Access::Active | Access::Prepared => {}
    }
    if input.current == Current::Absent {
        if !input.desired.missing.is_empty() {
            plan.notes
                .push(Note::Incomplete(input.desired.missing.clone()));
            return Ok(plan);
        }
        plan.operations.push(attributes::create(
            input.desired,
            input.access == Access::Active,
            profile,
        ));
    }
    let groups = groups::diff(input, profile, policy, &mut plan.notes);
    plan.operations.extend(groups.removed);
    if input.current != Current::Absent {
        plan.operations
            .extend(reactivation(input, policy, &mut plan.notes)?);
        let (changes, found) = attributes::diff(input, profile, policy)?;
        plan.found = found;
        plan.operations.extend(operation::updates(changes, profile));
    }
    plan.operations.extend(groups.added);
    Ok(plan)
}

/// `active: true` is sent only on an edge; someone inactive without one was made so elsewhere.
fn reactivation(
    input: &Input<'_>,
    policy: Policy,
    notes: &mut Vec<Note>,
) -> Result<Option<Operation>, ReadFirst> {
    if input.access != Access::Active {
        return Ok(None);
    }
    let active = match input.current {
        Current::Read(resource) => is_active(resource),
        Current::Unread if input.edge => return Err(ReadFirst),
        Current::Unread | Current::Absent => return Ok(None),
    };
    if active != Some(false) {
        return Ok(None);
    }
    if input.held {
        notes.push(Note::Held);
        return Ok(None);
    }
    if input.edge && (!input.adopting || policy.adopt.activate) {
        return Ok(Some(Operation::Reactivate));
    }
    notes.push(Note::DisabledElsewhere);
    Ok(None)
}

/// `active` of a user as read: a boolean, or the text of one; `None` where the target does not say.
pub fn is_active(resource: &Value) -> Option<bool> {
    match member(resource, "active")? {
        Value::Bool(active) => Some(*active),
        Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
