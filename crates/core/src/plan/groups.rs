//! Which group memberships to grant and to take back.
//!
//! What somebody granted by hand stays: only a membership that we granted is taken back, and one that was
//! there already is not remembered as ours.

use std::collections::BTreeSet;

use super::{GroupsNow, Input, Note, Operation, Policy};
use crate::{
    mapping::{DesiredGroup, RemoveGroups},
    scim::Profile,
};

/// Memberships to take back (first) and to grant (last).
#[derive(Debug, Default)]
pub(super) struct GroupChanges {
    pub(super) removed: Vec<Operation>,
    pub(super) added: Vec<Operation>,
}

pub(super) fn diff(
    input: &Input<'_>,
    profile: &Profile,
    policy: Policy,
    notes: &mut Vec<Note>,
) -> GroupChanges {
    let mut changes = GroupChanges::default();
    if profile.groups.is_none() {
        if !input.desired.groups.is_empty() {
            notes.push(Note::NoGroups);
        }
        return changes;
    }
    let granted = &input.last_applied.groups;
    let GroupsNow { ids, member_of } = input.groups;
    let mut wanted = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for group in &input.desired.groups {
        match group {
            DesiredGroup::Id(id) => wanted.insert(id),
            DesiredGroup::Name(name) => match ids.get(name) {
                Some(id) => wanted.insert(id),
                None => unknown.insert(name),
            },
        };
    }
    let added = wanted
        .iter()
        .filter(|id| !granted.contains(**id) && !member_of.contains(**id));
    changes.added.extend(added.map(|id| Operation::AddToGroup {
        group: (*id).clone(),
    }));
    for name in &unknown {
        if policy.groups.create_missing {
            changes.added.push(Operation::CreateGroup {
                name: (*name).clone(),
            });
        } else {
            notes.push(Note::NoSuchGroup((*name).clone()));
        }
    }
    // A wished group that is not found may be one of ours under another name: nothing is taken back meanwhile,
    // unless it is made now.
    let settled = unknown.is_empty() || policy.groups.create_missing;
    if policy.groups.remove == RemoveGroups::GrantedByUs && settled {
        let unwanted: Vec<&String> = granted.iter().filter(|id| !wanted.contains(id)).collect();
        if input.held && !unwanted.is_empty() {
            notes.push(Note::Held);
        } else {
            changes.removed.extend(
                unwanted
                    .into_iter()
                    .map(|id| Operation::RemoveFromGroup { group: id.clone() }),
            );
        }
    }
    changes
}
