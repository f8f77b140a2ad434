//! Leaves out of a plan what the target refused before, with the same value.
//!
//! Sent again with every later change, it would be refused again, and would make the target refuse
//! the whole update. A replay and a new mapping send it once more.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{change::Change, operation::Operation, result::Note};

impl Operation {
    /// The names under which its refusal is remembered, with the values: attribute paths, or the
    /// group that a user is added to. A removal is never left out, because it ends access.
    pub fn refusable(&self) -> Vec<(String, Value)> {
        let group = |name: String| vec![(name, Value::Bool(true))];
        match self {
            Self::AddToGroup {
                group: id,
                name: Some(name),
            } => group(format!("group {name} ({id})")),
            Self::AddToGroup {
                group: id,
                name: None,
            } => group(format!("group {id}")),
            Self::CreateGroup { name } => group(format!("new group {name}")),
            Self::Create { .. }
            | Self::Update(_)
            | Self::Deactivate
            | Self::Reactivate
            | Self::RemoveFromGroup { .. } => {
                let applied = self.applied().into_iter();
                let named = applied.map(|(path, value)| (path.as_str().to_owned(), value));
                named.collect()
            }
        }
    }
}

/// The changes without those that were refused; each of these becomes a note.
pub(super) fn leave_out(
    changes: Vec<Change>,
    refused: &BTreeMap<String, Value>,
    notes: &mut Vec<Note>,
) -> Vec<Change> {
    let was_refused = |change: &Change| {
        let mut values = change.applied.iter();
        !change.applied.is_empty()
            && values.all(|(path, value)| refused.get(path.as_str()) == Some(value))
    };

    let (left_out, rest): (Vec<Change>, Vec<Change>) = changes.into_iter().partition(was_refused);
    let paths = left_out
        .into_iter()
        .flat_map(|change| change.applied)
        .map(|(path, _)| Note::RefusedBefore(path.as_str().to_owned()));
    notes.extend(paths);
    rest
}

/// The changes of groups without those that were refused; each of these becomes a note.
pub(super) fn leave_out_groups(
    added: Vec<Operation>,
    refused: &BTreeMap<String, Value>,
    notes: &mut Vec<Note>,
) -> Vec<Operation> {
    let mut rest = Vec::new();
    for operation in added {
        let mut names = operation.refusable().into_iter().map(|(name, _)| name);
        match names.find(|name| refused.contains_key(name)) {
            Some(name) => notes.push(Note::RefusedBefore(name)),
            None => rest.push(operation),
        }
    }
    rest
}
