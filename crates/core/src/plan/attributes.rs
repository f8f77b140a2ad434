//! Compares the desired attributes with the current ones and renders the body of a create.
//!
//! In: an [`Input`], the profile and the policy. Out: a create operation, or the changes of an
//! update and the attributes that are in sync. `active` and group memberships are not compared
//! here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    change::{Change, PathValue},
    elements::{current_value, edits, is_cleared_by_list},
    input::{Current, Input, Policy},
    operation::{Operation, state_schemas, updates},
    result::ReadRequired,
    whole_lists::{is_element_of_whole_list, join_typeless},
};
use crate::{
    mapping::{AdoptUpdate, DesiredAttribute, DesiredValue, WhenWritten},
    scim::{
        AttributePath, Profile, UpdateMethod, same_text, same_text_without_case, value_matches,
    },
};

/// Changes of an update, and values by path of the attributes that are in sync.
type Differences = (Vec<Change>, BTreeMap<String, Value>);

/// Attributes that no mapping rule writes: access, the target and the profile decide about them.
const NOT_MAPPED: [&str; 5] = ["active", "id", "externalId", "schemas", "meta"];

/// The create of a user: every attribute with a value, `externalId` and `active`. Further
/// operations set what the dialect leaves out of a create.
pub(super) fn create(input: &Input<'_>, active: bool, profile: &Profile) -> Vec<Operation> {
    let desired = input.desired;
    let mut user = json!({});
    let mut applied = Vec::new();
    let mut later = Vec::new();

    let external_id = external_id().zip(desired.external_id.as_ref());
    let external_id = external_id.map(|(path, id)| (path, Some(json!(id))));
    for (path, value) in dialect_values(&desired.attributes, profile)
        .into_iter()
        .chain(external_id)
    {
        let Some(value) = value else {
            continue;
        };
        if is_left_out(&path, profile) {
            later.push((path, Some(value)));
        } else {
            path.set(&mut user, value.clone());
            applied.push((path, value));
        }
    }

    state_schemas(&mut user);
    let created = Input {
        current: Current::Read(&user),
        ..*input
    };
    let later = edits(later, &created, profile);
    let mut further = updates(later, profile);

    let active_is_left_out =
        AttributePath::parse("active").is_ok_and(|path| is_left_out(&path, profile));
    if let Some(members) = user.as_object_mut().filter(|_| !active_is_left_out) {
        members.insert("active".into(), Value::Bool(active));
    }
    if active_is_left_out && !active {
        // Targets make a user active who comes without `active`.
        further.insert(0, Operation::Deactivate);
    }
    further.insert(0, Operation::Create { user, applied });
    further
}

/// Whether a create leaves the attribute out, as a whole or at this path.
fn is_left_out(path: &AttributePath, profile: &Profile) -> bool {
    let left_out = &profile.leave_out_of_create;
    left_out.contains(path) || left_out.contains(&path.whole_attribute())
}

/// The changes that an existing user needs, and the attributes that are in sync.
pub(super) fn diff(
    input: &Input<'_>,
    profile: &Profile,
    policy: Policy,
) -> Result<Differences, ReadRequired> {
    let mut changes = Vec::new();
    let mut in_sync = BTreeMap::new();

    let attributes = input.desired.attributes.iter();
    let always: Vec<DesiredAttribute> = attributes
        .filter(|attribute| attribute.on == WhenWritten::Always)
        .cloned()
        .collect();
    for (path, desired) in dialect_values(&always, profile) {
        let differs = match input.current {
            Current::Read(resource) => {
                differs_from_read(resource, input, policy, &path, desired.as_ref())
            }
            Current::Unread => {
                differs_from_last_applied(input, profile, policy, &path, desired.as_ref())?
            }
            Current::Absent => false,
        };

        if differs {
            changes.push((path, desired));
        } else if is_in_sync(input, policy, &path, desired.as_ref()) {
            in_sync.insert(path.as_str().to_owned(), desired.unwrap_or(Value::Null));
        }
    }

    if let (Current::Read(resource), Some(id), Some(path)) =
        (input.current, &input.desired.external_id, external_id())
        && let Some(current) = path.get(resource).and_then(Value::as_str)
        && same_text(current, id)
    {
        in_sync.insert(path.as_str().to_owned(), json!(id));
    }
    changes.extend(external_id_change(input, policy)?);

    Ok((edits(changes, input, profile), in_sync))
}

/// The attributes with the paths and types of the dialect. Each path occurs once: the last value
/// wins.
fn dialect_values(attributes: &[DesiredAttribute], profile: &Profile) -> Vec<PathValue> {
    let mut values: Vec<PathValue> = Vec::new();

    for attribute in attributes {
        let mut not_mapped = NOT_MAPPED.iter();
        if not_mapped.any(|name| attribute.path.is_core_attribute(name)) {
            continue;
        }

        let (path, value) = match &attribute.value {
            DesiredValue::Set(value) => {
                let (path, value) = profile.to_dialect(&attribute.path, value.clone());
                (path, Some(value))
            }
            DesiredValue::Clear => (profile.to_dialect(&attribute.path, Value::Null).0, None),
        };
        match values.iter_mut().find(|(known, _)| *known == path) {
            Some(known) => known.1 = value,
            None => values.push((path, value)),
        }
    }
    join_typeless(values, profile)
}

/// Whether the attribute as read has the desired value and Hirewire may keep it so.
fn is_in_sync(
    input: &Input<'_>,
    policy: Policy,
    path: &AttributePath,
    desired: Option<&Value>,
) -> bool {
    match input.current {
        Current::Read(resource) => {
            let current = current_value(resource, path, desired, input);
            may_write(input, policy, path, current.is_some()) && matches(path, desired, current)
        }
        Current::Unread | Current::Absent => false,
    }
}

/// Whether the attribute has the desired value; `None`: no value.
pub(super) fn matches(
    path: &AttributePath,
    desired: Option<&Value>,
    current: Option<&Value>,
) -> bool {
    match (desired, current) {
        (None, None) => true,
        // NullPolicy::Empty clears an attribute with an empty text.
        (None, Some(value)) => value == "",
        (Some(_), None) => false,
        (Some(Value::String(desired)), Some(Value::String(current))) if ignores_case(path) => {
            same_text_without_case(desired, current)
        }
        (Some(desired), Some(current)) => value_matches(desired, current),
    }
}

/// `userName` and `emails.value` are not case-exact (RFC 7643 section 4.1): a target may change
/// their case.
fn ignores_case(path: &AttributePath) -> bool {
    let is_email = path.urn().is_none()
        && path.attribute().eq_ignore_ascii_case("emails")
        && path
            .sub_attribute()
            .is_none_or(|sub| sub.eq_ignore_ascii_case("value"));
    path.is_core_attribute("userName") || is_email
}

fn differs_from_read(
    resource: &Value,
    input: &Input<'_>,
    policy: Policy,
    path: &AttributePath,
    desired: Option<&Value>,
) -> bool {
    let current = current_value(resource, path, desired, input);
    may_write(input, policy, path, current.is_some()) && !matches(path, desired, current)
}

/// Whether Hirewire may write the attribute: always if it created the user, else by adopt policy.
fn may_write(input: &Input<'_>, policy: Policy, path: &AttributePath, has_value: bool) -> bool {
    if input.last_applied.created_by_us {
        return true;
    }

    match policy.adopt.update {
        AdoptUpdate::All => true,
        AdoptUpdate::None => false,
        AdoptUpdate::UnsetOnly => {
            let attributes = &input.last_applied.attributes;
            !has_value || attributes.contains_key(path.as_str())
        }
    }
}

/// Whether an account that was not read needs a change. Fails where only a read can tell.
fn differs_from_last_applied(
    input: &Input<'_>,
    profile: &Profile,
    policy: Policy,
    path: &AttributePath,
    desired: Option<&Value>,
) -> Result<bool, ReadRequired> {
    let last_applied = input.last_applied.attributes.get(path.as_str());
    let last_value = last_applied.filter(|value| !value.is_null());
    if last_applied.is_some() && matches(path, desired, last_value) {
        return Ok(false);
    }
    let created_by_us = input.last_applied.created_by_us;
    if !created_by_us && policy.adopt.update == AdoptUpdate::None {
        return Ok(false);
    }

    let element_exists = path.selector().is_none() || element_was_applied(input, path);
    // Strict servers refuse to remove an attribute that has no value.
    let removable = desired.is_some() || last_value.is_some();
    let writable =
        created_by_us || policy.adopt.update == AdoptUpdate::All || last_applied.is_some();
    // Other update methods and If-Match need the resource as it is now.
    let patches_blindly = profile.update == UpdateMethod::PatchPath
        && !profile.etag
        && !is_element_of_whole_list(path, profile)
        && (desired.is_some() || !is_cleared_by_list(path, profile));
    if patches_blindly && element_exists && removable && writable {
        return Ok(true);
    }

    Err(ReadRequired)
}

/// Whether Hirewire last applied a value to the element that `path` selects.
fn element_was_applied(input: &Input<'_>, path: &AttributePath) -> bool {
    let attributes = input.last_applied.attributes.iter();
    attributes
        .filter(|(_, value)| !value.is_null())
        .any(|(known, _)| AttributePath::parse(known).is_ok_and(|known| known.same_element(path)))
}

fn external_id() -> Option<AttributePath> {
    AttributePath::parse("externalId").ok()
}

/// The change of `externalId` on an existing account. The policy says whether it is kept up to date
/// and whether it replaces the value of another system.
fn external_id_change(
    input: &Input<'_>,
    policy: Policy,
) -> Result<Option<PathValue>, ReadRequired> {
    let (Some(desired), Some(path)) = (&input.desired.external_id, external_id()) else {
        return Ok(None);
    };
    if policy.external_id_on != WhenWritten::Always {
        return Ok(None);
    }

    let last_applied = input.last_applied.attributes.get(path.as_str());
    let current = match input.current {
        Current::Read(resource) => path.get(resource).and_then(Value::as_str),
        Current::Unread => Some(last_applied.and_then(Value::as_str).ok_or(ReadRequired)?),
        Current::Absent => return Ok(None),
    };
    let may_replace =
        input.last_applied.created_by_us || last_applied.is_some() || policy.adopt.take_external_id;
    let is_empty = current.is_none_or(str::is_empty);

    let differs = !current.is_some_and(|current| same_text(current, desired));
    Ok((differs && (may_replace || is_empty)).then(|| (path, Some(json!(desired)))))
}
