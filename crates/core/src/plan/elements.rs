//! Turns changes of attributes into edits: elements of multi-valued attributes are added, changed,
//! removed, and found again when the target dropped their type.
//!
//! In: paths with their desired values, an [`Input`], the profile. Out: [`Change`]s, one for each
//! attribute or element that is touched. It does not decide what differs; `attributes` does.

use serde_json::{Value, json};

use super::{
    change::{Change, Edit, PathValue},
    input::{Current, Input},
    whole_lists::{is_element_of_whole_list, take_whole_lists},
};
use crate::{
    mapping::DesiredValue,
    scim::{AttributePath, NullPolicy, Profile, UpdateMethod, member, value_matches},
};

/// The value at the path. If no element has the type that the path selects, it is that of the
/// element which was written for it and lost its type.
pub(super) fn current_value<'a>(
    resource: &'a Value,
    path: &AttributePath,
    desired: Option<&Value>,
    input: &Input<'_>,
) -> Option<&'a Value> {
    path.get(resource).or_else(|| {
        let index = untyped_element(resource, path, desired, input)?;
        let element = elements(resource, path).get(index)?;
        member(element, sub_attribute(path)).filter(|value| !value.is_null())
    })
}

/// The index of the element that was written for the path and lost its type: it has the desired or
/// the last applied value, or it is the only element.
fn untyped_element(
    resource: &Value,
    path: &AttributePath,
    desired: Option<&Value>,
    input: &Input<'_>,
) -> Option<usize> {
    let selector = path.selector()?;
    if !selector.attribute.eq_ignore_ascii_case("type") || path.has_element(resource) {
        return None;
    }

    let elements = elements(resource, path);
    let is_untyped = |element: &Value| member(element, "type").is_none_or(Value::is_null);
    let last_applied = input.last_applied.attributes.get(path.as_str());
    let is_written = |element: &Value| {
        let value = member(element, sub_attribute(path));
        let known = [desired, last_applied].into_iter().flatten();
        let mut known = known.filter(|known| !known.is_null());
        known.any(|known| value.is_some_and(|value| value_matches(known, value)))
    };

    match elements {
        [only] if is_untyped(only) => Some(0),
        elements => elements
            .iter()
            .position(|element| is_untyped(element) && is_written(element)),
    }
}

fn elements<'a>(resource: &'a Value, path: &AttributePath) -> &'a [Value] {
    let whole = path.whole_attribute().get(resource);
    whole.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn sub_attribute(path: &AttributePath) -> &str {
    path.sub_attribute().unwrap_or("value")
}

/// Turns changes into edits. Changes of new elements of one attribute become one edit that adds
/// them; an element whose mapped parts are all cleared is removed as a whole; a list in which an
/// element lost its type is replaced as a whole.
pub(super) fn edits(
    mut changes: Vec<PathValue>,
    input: &Input<'_>,
    profile: &Profile,
) -> Vec<Change> {
    let shortened = shortened_lists(&changes, input, profile);
    let is_whole = |path: &AttributePath| {
        is_element_of_whole_list(path, profile)
            || (path.selector().is_some() && shortened.contains(&path.whole_attribute()))
    };
    let mut edits = take_whole_lists(&mut changes, input.current, profile, is_whole);
    let rewritten = rewritten_lists(&changes, input);
    let mut lists: Vec<NewList> = Vec::new();

    for (path, value) in changes {
        let whole = path.whole_attribute();
        let element_exists = match input.current {
            Current::Read(resource) => path.has_element(resource),
            Current::Unread | Current::Absent => true,
        };

        if rewritten.contains(&whole) {
            if let Some(list) = list_of(&mut lists, whole, input, true) {
                list.set(path, value, input);
            }
        } else if let Some(value) = value {
            if element_exists {
                edits.push(Change {
                    applied: vec![(path.clone(), value.clone())],
                    edit: Edit::Replace(value),
                    path,
                });
            } else if let Some(list) = list_of(&mut lists, whole, input, false) {
                list.set(path, Some(value), input);
            }
        } else {
            clear(&mut edits, path, input);
        }
    }

    let lists = lists.into_iter();
    edits.extend(lists.filter_map(|list| list.into_change(profile)));
    edits
}

/// The multi-valued attributes that lose an element, in a dialect that has no operation for that: a
/// replaced value would leave an element without one.
fn shortened_lists(
    changes: &[PathValue],
    input: &Input<'_>,
    profile: &Profile,
) -> Vec<AttributePath> {
    let cleared = changes.iter().filter(|(path, value)| {
        value.is_none() && is_cleared_by_list(path, profile) && !has_other_parts(path, input)
    });
    cleared.map(|(path, _)| path.whole_attribute()).collect()
}

/// Whether an element goes away only by writing the list without it.
pub(super) fn is_cleared_by_list(path: &AttributePath, profile: &Profile) -> bool {
    path.selector().is_some()
        && profile.null != NullPolicy::Remove
        && profile.update == UpdateMethod::PatchPath
}

/// The multi-valued attributes of which a changed element lost its type.
fn rewritten_lists(changes: &[PathValue], input: &Input<'_>) -> Vec<AttributePath> {
    let Current::Read(resource) = input.current else {
        return Vec::new();
    };

    let lost = changes
        .iter()
        .filter(|(path, value)| untyped_element(resource, path, value.as_ref(), input).is_some());
    lost.map(|(path, _)| path.whole_attribute()).collect()
}

/// Clears one value, or the whole element if it is the last of its mapped parts.
fn clear(edits: &mut Vec<Change>, path: AttributePath, input: &Input<'_>) {
    let applied = (path.clone(), Value::Null);
    if path.selector().is_none() || has_other_parts(&path, input) {
        edits.push(Change {
            path,
            edit: Edit::Clear,
            applied: vec![applied],
        });
        return;
    }

    let element = path.whole_element();
    match edits.iter_mut().find(|known| known.path == element) {
        Some(known) => known.applied.push(applied),
        None => edits.push(Change {
            path: element,
            edit: Edit::Clear,
            applied: vec![applied],
        }),
    }
}

/// Whether the mapping gives or gave another part of the element a value, which must stay.
fn has_other_parts(path: &AttributePath, input: &Input<'_>) -> bool {
    let same_element = |other: &AttributePath| other.same_element(path);
    let mut desired = input.desired.attributes.iter();
    let is_set = desired.any(|attribute| {
        same_element(&attribute.path) && matches!(attribute.value, DesiredValue::Set(_))
    });

    let is_cleared = |other: &AttributePath| {
        let mut desired = input.desired.attributes.iter();
        desired.any(|attribute| attribute.path == *other && attribute.value == DesiredValue::Clear)
    };
    let last_applied = input.last_applied.attributes.iter();
    let mut kept = last_applied
        .filter(|(_, value)| !value.is_null())
        .filter_map(|(known, _)| AttributePath::parse(known).ok())
        .filter(|known| same_element(known) && !is_cleared(known));
    is_set || kept.next().is_some()
}

/// The new elements of a multi-valued attribute, or its whole list.
struct NewList {
    path: AttributePath,
    /// A resource that holds nothing but the list.
    body: Value,
    /// Whether the list replaces that of the target.
    replaces: bool,
    applied: Vec<(AttributePath, Value)>,
}

fn list_of<'a>(
    lists: &'a mut Vec<NewList>,
    path: AttributePath,
    input: &Input<'_>,
    replaces: bool,
) -> Option<&'a mut NewList> {
    let known = lists.iter().position(|list| list.path == path);
    let index = known.unwrap_or(lists.len());
    if known.is_none() {
        let mut body = json!({});
        if let (true, Current::Read(resource)) = (replaces, input.current)
            && let Some(list) = path.get(resource)
        {
            path.set(&mut body, list.clone());
        }
        lists.push(NewList {
            path,
            body,
            replaces,
            applied: Vec::new(),
        });
    }
    lists.get_mut(index)
}

impl NewList {
    /// Sets a value in the element that `path` selects: the one that lost its type gets it back.
    fn set(&mut self, path: AttributePath, value: Option<Value>, input: &Input<'_>) {
        let untyped = untyped_element(&self.body, &path, value.as_ref(), input);
        if let (Some(index), Some(selector)) = (untyped, path.selector())
            && let Some(elements) = self.path.get_mut(&mut self.body)
            && let Some(Value::Object(element)) = elements.get_mut(index)
        {
            element.insert(selector.attribute.clone(), selector.value.clone());
        }

        match &value {
            Some(value) => path.set(&mut self.body, value.clone()),
            None if has_other_parts(&path, input) => path.set(&mut self.body, Value::Null),
            None => path.remove_element(&mut self.body),
        }
        self.applied.push((path, value.unwrap_or(Value::Null)));
    }

    /// The edit that adds the elements. In a single-valued dialect it replaces the attribute.
    fn into_change(self, profile: &Profile) -> Option<Change> {
        let elements = match self.path.get(&self.body) {
            Some(Value::Array(elements)) => elements.clone(),
            _ => Vec::new(),
        };

        let replaces = self.replaces || profile.single_valued.contains(&self.path);
        let edit = match (elements.is_empty(), replaces) {
            (true, true) => Edit::Clear,
            (true, false) => return None,
            (false, true) => Edit::Replace(Value::Array(elements)),
            (false, false) => Edit::AddElements(elements),
        };
        Some(Change {
            path: self.path,
            edit,
            applied: self.applied,
        })
    }
}
