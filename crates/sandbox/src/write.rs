//! The four writes: POST, PUT, PATCH, DELETE (RFC 7644 sections 3.3, 3.5, 3.6), with the faults that spoil them.
//!
//! PUT replaces what is writable; `active`, if it is not sent, stays as it is, so that a client which forgets it
//! neither locks out nor readmits anybody. Workplace's PUT is partial: what is not sent stays.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::SandboxProfile;
use super::fault::Effect;
use super::filter::Filter;
use super::matching::matches;
use super::patch;
use super::reading;
use super::refusal::{Refusal, Result};
use super::schema::{Mutability, ResourceType};
use super::service::{Call, Service};
use super::store::Side;
use super::workplace;

/// What a write left behind; for an answer, not for the store.
pub(super) enum Written {
    Made(Map<String, Value>),
    Kept(Map<String, Value>),
    Gone,
}

/// Carries out one write.
pub(super) fn write(
    service: &mut Service,
    side: Side,
    id: Option<&str>,
    call: &Call,
    now: Timestamp,
) -> Result<Written> {
    let of = side.resource_type(service.profile);
    let Some(id) = id else {
        let map = reading::resource(&call.json()?, of)?;
        reading::check(&map, of)?;
        allow(service, side, None, &map, call)?;
        let id = service.store.create(side, map, now)?;
        return Ok(Written::Made(service.store.get(side, &id)?.map.clone()));
    };
    let old = service.store.get(side, id)?.map.clone();
    if call.method == "DELETE" {
        service.store.delete(side, id, now)?;
        return Ok(Written::Gone);
    }
    let body = call.json()?;
    let mut new = if call.method == "PATCH" {
        patch::apply(&old, &body, of)?
    } else {
        put(service.profile, &old, &body, of)?
    };
    if service.profile == SandboxProfile::Workplace {
        workplace::check_patch(side, call, &old, &new)?;
    }
    allow(service, side, Some(&old), &new, call)?;
    if deactivates(&old, &new) && ignored(service, call) {
        // What is answered is what was asked for; what is kept is not.
        let mut kept = new.clone();
        kept.insert("active".to_owned(), Value::Bool(true));
        service.store.update(side, id, kept, now)?;
        for (name, value) in &service.store.get(side, id)?.map {
            new.entry(name.clone()).or_insert_with(|| value.clone());
        }
        return Ok(Written::Kept(new));
    }
    service.store.update(side, id, new, now)?;
    Ok(Written::Kept(service.store.get(side, id)?.map.clone()))
}

fn put(
    profile: SandboxProfile,
    old: &Map<String, Value>,
    body: &Value,
    of: &'static ResourceType,
) -> Result<Map<String, Value>> {
    let mut new = reading::resource(body, of)?;
    new.insert("id".to_owned(), old.get("id").cloned().unwrap_or_default());
    for attribute in of
        .core
        .attributes
        .iter()
        .filter(|attribute| attribute.mutability == Mutability::Immutable)
    {
        if old
            .get(attribute.name)
            .is_some_and(|value| new.get(attribute.name) != Some(value))
        {
            return Err(Refusal::mutability(format!(
                "{} cannot be changed",
                attribute.name
            )));
        }
    }
    match profile {
        SandboxProfile::Workplace => {
            let named = |name: &str| {
                body.as_object()
                    .is_some_and(|b| b.keys().any(|key| key.eq_ignore_ascii_case(name)))
            };
            for (name, value) in old.iter().filter(|(name, _)| !named(name)) {
                new.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        SandboxProfile::Generic => {
            if let Some(active) = old.get("active") {
                new.entry("active").or_insert_with(|| active.clone());
            }
        }
    }
    Ok(new)
}

/// Uniqueness, and the fault that refuses a value.
fn allow(
    service: &mut Service,
    side: Side,
    old: Option<&Map<String, Value>>,
    new: &Map<String, Value>,
    call: &Call,
) -> Result<()> {
    let of = side.resource_type(service.profile);
    refused(service, of, old, new, call)?;
    if side == Side::Groups || !service.store.taken(new) {
        return Ok(());
    }
    let mut fault = |wanted: &Effect| {
        service
            .faults
            .take(&call.method, &call.path, |effect| {
                (effect == wanted).then_some(())
            })
            .is_some()
    };
    if fault(&Effect::NoUniqueness) {
        return Ok(());
    }
    if fault(&Effect::BareConflict) {
        return Err(Refusal::plain(409, "Conflict"));
    }
    Err(Refusal::uniqueness("another user has this userName"))
}

fn refused(
    service: &mut Service,
    of: &'static ResourceType,
    old: Option<&Map<String, Value>>,
    new: &Map<String, Value>,
    call: &Call,
) -> Result<()> {
    let spoils = |effect: &Effect| {
        let Effect::Refuse { attribute, filter } = effect else {
            return None;
        };
        let value = value_at(of, new, attribute)?;
        let changed = old.and_then(|old| value_at(of, old, attribute)) != Some(value);
        let matching = match filter {
            None => true,
            Some(filter) => Filter::parse(filter, of).is_ok_and(|filter| matches(&filter, new)),
        };
        (changed && matching).then(|| attribute.clone())
    };
    match service.faults.take(&call.method, &call.path, spoils) {
        Some(attribute) => Err(Refusal::invalid_value(format!(
            "{attribute}: this value is not accepted here"
        ))),
        None => Ok(()),
    }
}

fn value_at<'m>(
    of: &'static ResourceType,
    map: &'m Map<String, Value>,
    path: &str,
) -> Option<&'m Value> {
    let named = of.resolve(path)?;
    let host = match named.extension {
        None => map,
        Some(schema) => map.get(schema.id)?.as_object()?,
    };
    let value = host.get(named.attribute?.name)?;
    match named.sub {
        Some(sub) if value.is_object() => value.get(sub.name),
        _ => Some(value),
    }
}

fn deactivates(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    let active = |map: &Map<String, Value>| map.get("active") == Some(&Value::Bool(true));
    active(old) && !active(new)
}

fn ignored(service: &mut Service, call: &Call) -> bool {
    let wanted = |effect: &Effect| (*effect == Effect::IgnoredDeactivation).then_some(());
    service
        .faults
        .take(&call.method, &call.path, wanted)
        .is_some()
}
