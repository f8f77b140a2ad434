//! Compares the desired group memberships with the current ones.
//!
//! Only a membership that Hirewire granted is removed. A membership that another system granted
//! stays, and an existing membership is not counted as granted by Hirewire. A group about which
//! nothing is known now holds back only itself.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    failure::Failure,
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
    /// By id; the name by which the rule names the group, if it does.
    ids: BTreeMap<&'a String, Option<&'a String>>,
    not_found: BTreeSet<&'a String>,
    /// Names and ids of which nothing is known now, or of which several groups exist.
    unknown: BTreeSet<&'a String>,
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

    let desired = DesiredGroups::of(input.desired, input.groups, notes);
    let added = desired
        .ids
        .iter()
        .filter(|(id, _)| !input.groups.member_of.contains(**id));
    changes
        .added
        .extend(added.map(|(id, name)| Operation::AddToGroup {
            group: (*id).clone(),
            name: name.cloned(),
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

    if policy.groups.remove == RemoveGroups::GrantedByUs {
        let removed = removals(&input.last_applied.groups, &desired, policy);
        if input.held && !removed.is_empty() {
            notes.push(Note::Held);
        } else {
            changes.removed = removed;
        }
    }
    changes
}

/// Granted memberships that no rule gives any more. A name without a group may be that of a granted
/// group which the target renamed: that group is kept, unless this plan creates the missing one.
fn removals(
    granted: &BTreeMap<String, String>,
    desired: &DesiredGroups<'_>,
    policy: Policy,
) -> Vec<Operation> {
    let is_kept = |id: &String, name: &String| {
        desired.ids.contains_key(id)
            || desired.unknown.contains(id)
            || desired.unknown.contains(name)
            || (desired.not_found.contains(name) && !policy.groups.create_missing)
    };

    granted
        .iter()
        .filter(|(id, name)| !is_kept(id, name))
        .map(|(id, name)| Operation::RemoveFromGroup {
            group: id.clone(),
            name: Some(name.clone()).filter(|name| !name.is_empty()),
        })
        .collect()
}

impl<'a> DesiredGroups<'a> {
    fn of(desired: &'a Desired, current: &'a CurrentGroups, notes: &mut Vec<Note>) -> Self {
        let mut groups = Self::default();
        for group in &desired.groups {
            let (DesiredGroup::Id(text) | DesiredGroup::Name(text)) = group;
            if let Some(ids) = current.ambiguous.get(text) {
                notes.push(Note::GroupAmbiguous(text.clone(), ids.clone()));
                groups.unknown.insert(text);
            } else if current.unknown.contains(text) {
                notes.push(Note::GroupUnknown(text.clone()));
                groups.unknown.insert(text);
            } else if current.missing.contains(text) {
                notes.push(Note::GroupNotFound(text.clone()));
                groups.unknown.insert(text);
            } else {
                groups.add(group, current);
            }
        }
        groups
    }

    fn add(&mut self, group: &'a DesiredGroup, current: &'a CurrentGroups) {
        match group {
            DesiredGroup::Id(id) => {
                self.ids.entry(id).or_default();
            }
            DesiredGroup::Name(name) => match current.ids.get(name) {
                Some(id) => {
                    self.ids.insert(id, Some(name));
                }
                None => {
                    self.not_found.insert(name);
                }
            },
        }
    }
}

/// Whether a refused change of a group says that its effect is there already: 409 to an added
/// member, a removal from a group that is gone or does not have the member.
pub fn is_in_effect(operation: &Operation, failure: &Failure) -> bool {
    let status = failure.status();
    match operation {
        Operation::AddToGroup { .. } => status == Some(409),
        Operation::RemoveFromGroup { .. } => {
            matches!(status, Some(404 | 410)) || failure.has_scim_type("noTarget")
        }
        Operation::Create { .. }
        | Operation::Update(_)
        | Operation::Deactivate
        | Operation::Reactivate
        | Operation::CreateGroup { .. } => false,
    }
}
