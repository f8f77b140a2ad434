//! Plans the smallest list of SCIM requests that brings an account to the desired state: pure.
//!
//! [`plan`] compares the desired user with the current one under a profile and a policy.
//! [`plan_deactivation`] needs neither, so that no mapping, scope or group rule can delay a leaver.
//! An [`Operation`] renders to the exact [`Request`] that the client sends and a preview shows.
//! When a request fails, [`decide`] maps the [`Failure`] to a [`Verdict`].

mod absence;
mod attributes;
mod change;
mod deactivation;
mod dead_letter_cause;
mod effect;
mod elements;
mod failure;
mod groups;
mod input;
mod operation;
mod probe;
mod refused;
mod replacement;
mod request;
mod result;
mod verdict;
mod whole_lists;

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::{
    mapping::Access,
    scim::{Profile, member},
};

pub use absence::{Absence, decide_absence};
pub use change::{Change, Edit};
pub use deactivation::{DeactivationPlan, LeaverAccount, plan_deactivation};
pub use dead_letter_cause::DeadLetterCause;
pub use effect::without_effect;
pub use failure::{Failure, FailureKind, Phase, ShownActive};
pub use groups::is_in_effect;
pub use input::{Current, CurrentGroups, Input, LastApplied, Policy};
pub use operation::{Operation, TargetUser, version_of};
pub use probe::Probe;
pub use request::{Method, Request, add_members, remove_members};
pub use result::{Note, Plan, ReadRequired};
pub use verdict::{PauseReason, Situation, Verdict, Wait, decide};

/// Plans the operations that bring the account to the desired state.
///
/// Fails if the account was not read and [`LastApplied`] does not suffice.
pub fn plan(input: &Input<'_>, profile: &Profile, policy: Policy) -> Result<Plan, ReadRequired> {
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

        let active = input.access == Access::Active;
        plan.operations
            .extend(attributes::create(input, active, profile));
    }

    let groups = groups::diff(input, profile, policy, &mut plan.notes);
    plan.operations.extend(groups.removed);

    if input.current != Current::Absent {
        plan.operations
            .extend(reactivation(input, policy, &mut plan.notes)?);

        let (changes, in_sync) = attributes::diff(input, profile, policy)?;
        plan.in_sync = in_sync;
        let changes = refused::leave_out(changes, &input.last_applied.refused, &mut plan.notes);
        plan.operations.extend(operation::updates(changes, profile));
    }

    let refused = &input.last_applied.refused;
    let added = refused::leave_out_groups(groups.added, refused, &mut plan.notes);
    plan.operations.extend(added);
    Ok(plan)
}

/// Plans `active: true` for an inactive account, only on an access transition. Without one, another
/// system deactivated the account.
fn reactivation(
    input: &Input<'_>,
    policy: Policy,
    notes: &mut Vec<Note>,
) -> Result<Option<Operation>, ReadRequired> {
    if input.access != Access::Active {
        return Ok(None);
    }

    let active = match input.current {
        Current::Read(resource) => is_active(resource),
        Current::Unread if input.access_transition => return Err(ReadRequired),
        Current::Unread | Current::Absent => return Ok(None),
    };
    match active {
        Some(true) => return Ok(None),
        // Not stated: it is set at a transition, and without one nothing says that it is wrong.
        None if !input.access_transition => return Ok(None),
        None | Some(false) => {}
    }

    if input.held {
        notes.push(Note::Held);
        return Ok(None);
    }
    if input.access_transition && (!input.adopting || policy.adopt.activate) {
        return Ok(Some(Operation::Reactivate));
    }
    if active == Some(false) {
        notes.push(match input.last_applied.found_inactive {
            Some(_) => Note::FoundInactive,
            None => Note::DisabledElsewhere,
        });
    }
    Ok(None)
}

/// `active` of a SCIM user (RFC 7643 section 4.1.1): a boolean, or its text or number (1, 0) as some
/// targets send it. `None`: the resource does not state it, or states something else.
pub fn is_active(resource: &Value) -> Option<bool> {
    match member(resource, "active")? {
        Value::Bool(active) => Some(*active),
        Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
