//! Compares the desired group memberships with the current ones.
//!
//! Only a membership that Hirewire granted is removed. A membership that another system granted
//! stays, and an existing membership is not counted as granted by Hirewire.

use std::collections::BTreeSet;

use super::{
    input::{CurrentGroups, Input, Policy},
    operation::Operation,
    result::Note,
};
use crate::{
    mapping::{Desired, DesiredGroup, RemoveGroups},
    scim::Profile,
};

/// Memberships to remove and to add. A plan removes before it adds.
#[derive(Debug, Default)]
pub(super) struct GroupChanges {
    pub(super) removed: Vec<Operation>,
    pub(super) added: Vec<Operation>,
}

/// The desired groups of a person: ids of existing groups, and names without a group.
#[derive(Default)]
struct DesiredGroups<'a> {
    ids: BTreeSet<&'a String>,
    not_found: BTreeSet<&'a String>,
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
            notes.push(Note::GroupsUnsupported);
        }
        return changes;
    }

    let granted = &input.last_applied.groups;
    let desired = DesiredGroups::of(input.desired, input.groups);
    let added = desired
        .ids
        .iter()
        .filter(|id| !granted.contains(**id) && !input.groups.member_of.contains(**id));
    changes.added.extend(added.map(|id| Operation::AddToGroup {
        group: (*id).clone(),
    }));

    for name in &desired.not_found {
        if policy.groups.create_missing {
            changes.added.push(Operation::CreateGroup {
                name: (*name).clone(),
            });
        } else {
            notes.push(Note::GroupNotFound((*name).clone()));
        }
    }

    // A group that is not found may be a granted one under a new name. Then nothing is removed,
    // unless this plan creates the missing group.
    let names_resolved = desired.not_found.is_empty() || policy.groups.create_missing;
    if policy.groups.remove == RemoveGroups::GrantedByUs && names_resolved {
        let undesired = granted.iter().filter(|id| !desired.ids.contains(id));
        let removed: Vec<Operation> = undesired
            .map(|id| Operation::RemoveFromGroup { group: id.clone() })
            .collect();

        if input.held && !removed.is_empty() {
            notes.push(Note::Held);
        } else {
            changes.removed = removed;
        }
    }
    changes
}

impl<'a> DesiredGroups<'a> {
    fn of(desired: &'a Desired, current: &'a CurrentGroups) -> Self {
        let mut groups = Self::default();
        for group in &desired.groups {
            match group {
                DesiredGroup::Id(id) => groups.ids.insert(id),
                DesiredGroup::Name(name) => match current.ids.get(name) {
                    Some(id) => groups.ids.insert(id),
                    None => groups.not_found.insert(name),
                },
            };
        }
        groups
    }
}
