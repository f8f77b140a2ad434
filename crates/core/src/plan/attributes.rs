//! Which attributes differ, and the body of a create.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Change, Current, Edit, Input, Operation, Policy, ReadFirst, operation::state_schemas};
use crate::{
    mapping::{AdoptUpdate, Desired, DesiredValue, WhenWritten},
    scim::{AttributePath, Profile, UpdateMethod, same_value},
};

/// The create of a user: every attribute that has a value, `externalId`, `active`.
pub(super) fn create(desired: &Desired, active: bool, profile: &Profile) -> Operation {
    let mut user = json!({});
    let mut records = Vec::new();
    for (path, value) in wished(desired, profile) {
        if let Some(value) = value {
            path.set(&mut user, value.clone());
            records.push((path, value));
        }
    }
    if let (Some(id), Some(path)) = (&desired.external_id, external_id()) {
        path.set(&mut user, json!(id));
        records.push((path, json!(id)));
    }
    state_schemas(&mut user);
    if let Some(members) = user.as_object_mut() {
        members.insert("active".into(), Value::Bool(active));
    }
    Operation::Create { user, records }
}

type Differences = (Vec<Change>, BTreeMap<String, Value>);

/// The changes, and what is as it should be already.
pub(super) fn diff(
    input: &Input<'_>,
    profile: &Profile,
    policy: Policy,
) -> Result<Differences, ReadFirst> {
    let mut changes = Vec::new();
    let mut found = BTreeMap::new();
    let existing: Vec<(AttributePath, Option<Value>)> = {
        let always = input
            .desired
            .attributes
            .iter()
            .filter(|wished| wished.on == WhenWritten::Always);
        let attributes = always.cloned().collect();
        wished(
            &Desired {
                attributes,
                ..Desired::default()
            },
            profile,
        )
    };
    for (path, wanted) in existing {
        let differs = match input.current {
            Current::Read(resource) => against(resource, input, policy, &path, wanted.as_ref()),
            Current::Unread => against_memory(input, profile, policy, &path, wanted.as_ref())?,
            Current::Absent => false,
        };
        let record = wanted.clone().unwrap_or(Value::Null);
        if differs {
            changes.push((path, wanted));
        } else if is_as_wanted(input, policy, &path, wanted.as_ref()) {
            found.insert(path.as_str().to_owned(), record);
        }
    }
    if let (Current::Read(resource), Some(id), Some(path)) =
        (input.current, &input.desired.external_id, external_id())
        && path.get(resource).and_then(Value::as_str) == Some(id.as_str())
    {
        found.insert(path.as_str().to_owned(), json!(id));
    }
    changes.extend(external_id_change(input, policy)?);
    Ok((edits(changes, input.current, profile), found))
}

/// The wishes in the dialect's places and types, each path once (the last wins), `None`: no value.
fn wished(desired: &Desired, profile: &Profile) -> Vec<(AttributePath, Option<Value>)> {
    let mut wishes: Vec<(AttributePath, Option<Value>)> = Vec::new();
    for attribute in &desired.attributes {
        if ["active", "id", "externalId", "schemas", "meta"]
            .iter()
            .any(|name| attribute.path.is(name))
        {
            continue;
        }
        let (path, value) = match &attribute.wish {
            DesiredValue::Set(value) => {
                let (path, value) = profile.shaped(&attribute.path, value.clone());
                (path, Some(value))
            }
            DesiredValue::Clear => (profile.shaped(&attribute.path, Value::Null).0, None),
        };
        match wishes.iter_mut().find(|(known, _)| *known == path) {
            Some(wish) => wish.1 = value,
            None => wishes.push((path, value)),
        }
    }
    wishes
}

/// Whether what was read is as wanted, and ours to keep so.
fn is_as_wanted(
    input: &Input<'_>,
    policy: Policy,
    path: &AttributePath,
    wanted: Option<&Value>,
) -> bool {
    match input.current {
        Current::Read(resource) => {
            let has = path.get(resource);
            may_write(input, policy, path, has.is_some()) && matches(path, wanted, has)
        }
        Current::Unread | Current::Absent => false,
    }
}

fn matches(path: &AttributePath, wanted: Option<&Value>, has: Option<&Value>) -> bool {
    match (wanted, has) {
        (None, None) => true,
        // How NullPolicy::Empty clears.
        (None, Some(value)) => value == "",
        (Some(_), None) => false,
        // userName is not case-exact (RFC 7643 section 4.1.1): a target may fold it.
        (Some(Value::String(wanted)), Some(Value::String(has))) if path.is("userName") => {
            wanted.to_lowercase() == has.to_lowercase()
        }
        (Some(wanted), Some(has)) => same_value(wanted, has),
    }
}

fn against(
    resource: &Value,
    input: &Input<'_>,
    policy: Policy,
    path: &AttributePath,
    wanted: Option<&Value>,
) -> bool {
    let has = path.get(resource);
    may_write(input, policy, path, has.is_some()) && !matches(path, wanted, has)
}

/// Whether the attribute of an account that we did not make is ours to write.
fn may_write(input: &Input<'_>, policy: Policy, path: &AttributePath, has_value: bool) -> bool {
    if input.last_applied.created_by_us {
        return true;
    }
    match policy.adopt.update {
        AdoptUpdate::All => true,
        AdoptUpdate::None => false,
        AdoptUpdate::UnsetOnly => !has_value || input.last_applied.attributes.contains_key(path.as_str()),
    }
}

/// Compares with what we wrote last; what memory cannot tell must be read.
fn against_memory(
    input: &Input<'_>,
    profile: &Profile,
    policy: Policy,
    path: &AttributePath,
    wanted: Option<&Value>,
) -> Result<bool, ReadFirst> {
    let remembered = input.last_applied.attributes.get(path.as_str());
    let was = remembered.filter(|value| !value.is_null());
    if remembered.is_some() && matches(path, wanted, was) {
        return Ok(false);
    }
    if !input.last_applied.created_by_us && policy.adopt.update == AdoptUpdate::None {
        return Ok(false);
    }
    let element_known = path.selector().is_none() || {
        let mut ours = input.last_applied
            .attributes
            .iter()
            .filter(|(_, value)| !value.is_null());
        ours.any(|(known, _)| {
            AttributePath::parse(known).is_ok_and(|known| known.same_element(path))
        })
    };
    let removable = wanted.is_some() || was.is_some();
    let ours_to_write =
        input.last_applied.created_by_us || policy.adopt.update == AdoptUpdate::All || remembered.is_some();
    if profile.update == UpdateMethod::PatchPath
        && element_known
        && removable
        && ours_to_write
        && !profile.etag
    {
        return Ok(true);
    }
    Err(ReadFirst)
}

fn external_id() -> Option<AttributePath> {
    AttributePath::parse("externalId").ok()
}

/// `externalId` of an account that exists: kept only by policy, and written over another one only by policy.
fn external_id_change(
    input: &Input<'_>,
    policy: Policy,
) -> Result<Option<(AttributePath, Option<Value>)>, ReadFirst> {
    let (Some(wanted), Some(path)) = (&input.desired.external_id, external_id()) else {
        return Ok(None);
    };
    if policy.external_id_on != WhenWritten::Always {
        return Ok(None);
    }
    let remembered = input.last_applied.attributes.get(path.as_str());
    let has = match input.current {
        Current::Read(resource) => path.get(resource).and_then(Value::as_str),
        Current::Unread => Some(remembered.and_then(Value::as_str).ok_or(ReadFirst)?),
        Current::Absent => return Ok(None),
    };
    let ours = input.last_applied.created_by_us || remembered.is_some() || policy.adopt.take_external_id;
    let free = has.is_none_or(str::is_empty);
    Ok((has != Some(wanted.as_str()) && (ours || free)).then(|| (path, Some(json!(wanted)))))
}

/// An element that is not at the target yet, as part of a resource.
struct FreshElement {
    path: AttributePath,
    body: Value,
    records: Vec<(AttributePath, Value)>,
}

/// Changes as edits: what belongs to an element that is not there yet becomes one element that is added.
fn edits(
    changes: Vec<(AttributePath, Option<Value>)>,
    current: Current<'_>,
    profile: &Profile,
) -> Vec<Change> {
    let mut edits: Vec<Change> = Vec::new();
    let mut fresh: Vec<FreshElement> = Vec::new();
    for (path, value) in changes {
        let is_there = match current {
            Current::Read(resource) => path.has_element(resource),
            Current::Unread | Current::Absent => true,
        };
        match (value, is_there) {
            (Some(value), true) => {
                let records = vec![(path.clone(), value.clone())];
                edits.push(Change {
                    path,
                    edit: Edit::Replace(value),
                    records,
                });
            }
            (None, _) => {
                let records = vec![(path.clone(), Value::Null)];
                edits.push(Change {
                    path,
                    edit: Edit::Clear,
                    records,
                });
            }
            (Some(value), false) => {
                let known = fresh
                    .iter()
                    .position(|element| element.path.same_element(&path));
                let at = known.unwrap_or(fresh.len());
                if known.is_none() {
                    fresh.push(FreshElement {
                        path: path.clone(),
                        body: json!({}),
                        records: Vec::new(),
                    });
                }
                if let Some(element) = fresh.get_mut(at) {
                    path.set(&mut element.body, value.clone());
                    element.records.push((path, value));
                }
            }
        }
    }
    for FreshElement {
        path,
        body,
        records,
    } in fresh
    {
        let whole = path.whole_attribute();
        let Some(elements @ Value::Array(list)) = whole.get(&body) else {
            continue;
        };
        let edit = match list.first() {
            Some(element) if !profile.single_valued.contains(&whole) => {
                Edit::AddElement(element.clone())
            }
            Some(_) | None => Edit::Replace(elements.clone()),
        };
        edits.push(Change {
            path: whole,
            edit,
            records,
        });
    }
    edits
}
