//! Elements of multi-valued attributes in dialects that cannot address one element.
//!
//! A server without filters in paths takes the whole list only (`whole_lists`), and a server whose
//! elements have no type cannot tell them apart (`typeless`). In: desired values by path. Out:
//! values and changes of whole lists.

use serde_json::{Value, json};

use super::{
    change::{Change, Edit, PathValue},
    input::Current,
};
use crate::scim::{AttributePath, NullPolicy, Profile};

/// Joins the mapped elements of each typeless attribute into its whole list, in the order of the
/// mapping and without their types.
pub(super) fn join_typeless(values: Vec<PathValue>, profile: &Profile) -> Vec<PathValue> {
    if profile.typeless.is_empty() {
        return values;
    }

    let mut joined: Vec<PathValue> = Vec::new();
    let mut lists: Vec<(AttributePath, Value)> = Vec::new();
    for (path, value) in values {
        if path.selector().is_none() || !profile.is_typeless(&path) {
            joined.push((path, value));
            continue;
        }

        let whole = path.whole_attribute();
        let known = lists.iter().position(|(list, _)| *list == whole);
        let index = known.unwrap_or(lists.len());
        if known.is_none() {
            lists.push((whole, json!({})));
        }
        if let (Some((_, holder)), Some(value)) = (lists.get_mut(index), value) {
            path.set(holder, value);
        }
    }

    let lists = lists.into_iter().map(|(whole, holder)| {
        let list = whole.get(&holder).map(without_types);
        (whole, list)
    });
    joined.extend(lists);
    joined
}

fn without_types(list: &Value) -> Value {
    let mut list = list.clone();
    for element in list.as_array_mut().into_iter().flatten() {
        if let Some(members) = element.as_object_mut() {
            members.retain(|name, _| !name.eq_ignore_ascii_case("type"));
        }
    }
    list
}

/// Takes the changes of elements out of `changes` that are written as whole lists; returns one change
/// for each list: the list as read, with all changes in it. `is_whole`: whether the list of that
/// element is written as a whole.
pub(super) fn take_whole_lists(
    changes: &mut Vec<PathValue>,
    current: Current<'_>,
    profile: &Profile,
    is_whole: impl Fn(&AttributePath) -> bool,
) -> Vec<Change> {
    let Current::Read(resource) = current else {
        return Vec::new();
    };
    let (elements, others): (Vec<_>, Vec<_>) = std::mem::take(changes)
        .into_iter()
        .partition(|(path, _)| is_whole(path));
    *changes = others;

    let mut after = resource.clone();
    let mut lists: Vec<Change> = Vec::new();
    for (path, value) in elements {
        let whole = path.whole_attribute();
        match &value {
            Some(value) => path.set(&mut after, value.clone()),
            None => path.remove(&mut after),
        }
        let edit = match whole.get(&after) {
            Some(list) => Edit::Replace(list.clone()),
            // A list is no text.
            None if profile.null == NullPolicy::Empty => Edit::Replace(json!([])),
            None => Edit::Clear,
        };

        let applied = (path, value.unwrap_or(Value::Null));
        match lists.iter_mut().find(|list| list.path == whole) {
            Some(list) => {
                list.edit = edit;
                list.applied.push(applied);
            }
            None => lists.push(Change {
                path: whole,
                edit,
                applied: vec![applied],
            }),
        }
    }
    lists
}

/// Whether the path selects an element of an attribute that is written as a whole list.
pub(super) fn is_element_of_whole_list(path: &AttributePath, profile: &Profile) -> bool {
    path.selector().is_some() && profile.whole_lists.contains(&path.whole_attribute())
}
