//! The four writes, POST, PUT, PATCH and DELETE (RFC 7644 sections 3.3, 3.5 and 3.6), with their
//! faults.
//!
//! PUT replaces the writable attributes. It keeps `active` if the body lacks it, so that a client
//! that forgets it neither locks a person out nor lets one in. The PUT of Workplace is partial: it
//! keeps every attribute that the body lacks.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::attribute::Mutability;
use super::catalogue::Endpoint;
use super::fault::Effect;
use super::filter::Filter;
use super::matching::matches;
use super::message::ScimRequest;
use super::patch;
use super::profile::SandboxProfile;
use super::resource_parser::{parse_resource, validate};
use super::schema::ResourceType;
use super::scim_error::{ScimError, ScimResult};
use super::service_provider::ServiceProvider;
use super::workplace;

/// The result of a write, with the resource that the response shows.
pub(crate) enum WriteOutcome {
    Created(Map<String, Value>),
    Updated(Map<String, Value>),
    Deleted,
}

/// Processes a POST.
pub(crate) fn create(
    provider: &mut ServiceProvider,
    endpoint: Endpoint,
    request: &ScimRequest,
    now: Timestamp,
) -> ScimResult<WriteOutcome> {
    let resource_type = provider.resource_type(endpoint);
    let attributes = parse_resource(&request.json()?, resource_type)?;
    validate(&attributes, resource_type)?;
    check_allowed(provider, endpoint, None, &attributes, request)?;

    let id = provider.store.create(endpoint, attributes, now)?;
    let created = provider.store.get(endpoint, &id)?;
    Ok(WriteOutcome::Created(created.attributes.clone()))
}

/// Processes a PUT, PATCH or DELETE.
pub(crate) fn modify(
    provider: &mut ServiceProvider,
    endpoint: Endpoint,
    id: &str,
    request: &ScimRequest,
    now: Timestamp,
) -> ScimResult<WriteOutcome> {
    let old = provider.store.get(endpoint, id)?.attributes.clone();
    if request.method == "DELETE" {
        provider.store.delete(endpoint, id, now)?;
        return Ok(WriteOutcome::Deleted);
    }

    let resource_type = provider.resource_type(endpoint);
    let body = request.json()?;
    let new = if request.method == "PATCH" {
        patch::apply(&old, &body, resource_type)?
    } else {
        replace(provider.profile, &old, &body, resource_type)?
    };
    if provider.profile == SandboxProfile::Workplace {
        workplace::check_patch(endpoint, request, &old, &new)?;
    }
    check_allowed(provider, endpoint, Some(&old), &new, request)?;

    if deactivates(&old, &new) && provider.take_effect(request, &Effect::IgnoredDeactivation) {
        return ignore_deactivation(provider, endpoint, id, new, now);
    }
    provider.store.update(endpoint, id, new, now)?;
    let updated = provider.store.get(endpoint, id)?;
    Ok(WriteOutcome::Updated(updated.attributes.clone()))
}

/// The response shows the deactivated user; the store keeps an active one.
fn ignore_deactivation(
    provider: &mut ServiceProvider,
    endpoint: Endpoint,
    id: &str,
    requested: Map<String, Value>,
    now: Timestamp,
) -> ScimResult<WriteOutcome> {
    let mut stored = requested.clone();
    stored.insert("active".to_owned(), Value::Bool(true));
    provider.store.update(endpoint, id, stored, now)?;

    let mut response = requested;
    for (name, value) in &provider.store.get(endpoint, id)?.attributes {
        response
            .entry(name.clone())
            .or_insert_with(|| value.clone());
    }
    Ok(WriteOutcome::Updated(response))
}

/// The resource after a PUT.
fn replace(
    profile: SandboxProfile,
    old: &Map<String, Value>,
    body: &Value,
    resource_type: &'static ResourceType,
) -> ScimResult<Map<String, Value>> {
    let mut new = parse_resource(body, resource_type)?;
    new.insert("id".to_owned(), old.get("id").cloned().unwrap_or_default());

    for attribute in resource_type.core_schema.attributes {
        let old_value = old.get(attribute.name);
        if attribute.mutability == Mutability::Immutable
            && old_value.is_some()
            && old_value != new.get(attribute.name)
        {
            return Err(ScimError::mutability(format!(
                "{} is immutable",
                attribute.name
            )));
        }
    }

    match profile {
        SandboxProfile::Workplace => {
            for (name, value) in old.iter().filter(|(name, _)| !has_key(body, name)) {
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

/// Whether a body has an attribute, in any case, even if it is null.
fn has_key(body: &Value, name: &str) -> bool {
    body.as_object()
        .is_some_and(|body| body.keys().any(|key| key.eq_ignore_ascii_case(name)))
}

/// Checks the fault `refuse` and the uniqueness of `userName`.
fn check_allowed(
    provider: &mut ServiceProvider,
    endpoint: Endpoint,
    old: Option<&Map<String, Value>>,
    new: &Map<String, Value>,
    request: &ScimRequest,
) -> ScimResult<()> {
    check_refuse_faults(provider, endpoint, old, new, request)?;

    if endpoint == Endpoint::Groups || !provider.store.user_name_is_taken(new) {
        return Ok(());
    }
    if provider.take_effect(request, &Effect::NoUniqueness) {
        return Ok(());
    }
    if provider.take_effect(request, &Effect::BareConflict) {
        return Err(ScimError::untyped(409, "Conflict"));
    }
    Err(ScimError::uniqueness("another user has this userName"))
}

fn check_refuse_faults(
    provider: &mut ServiceProvider,
    endpoint: Endpoint,
    old: Option<&Map<String, Value>>,
    new: &Map<String, Value>,
    request: &ScimRequest,
) -> ScimResult<()> {
    let resource_type = provider.resource_type(endpoint);

    let refused = provider.take_fault(request, |effect| {
        let Effect::Refuse { attribute, filter } = effect else {
            return None;
        };
        let new_value = value_at(resource_type, new, attribute)?;
        let old_value = old.and_then(|old| value_at(resource_type, old, attribute));
        let matching = filter.as_deref().is_none_or(|filter| {
            Filter::parse(filter, resource_type).is_ok_and(|filter| matches(&filter, new))
        });
        (old_value != Some(new_value) && matching).then(|| attribute.clone())
    });

    match refused {
        Some(attribute) => Err(ScimError::invalid_value(format!(
            "{attribute}: a fault of the sandbox rejects this value"
        ))),
        None => Ok(()),
    }
}

/// The value at an attribute path. A path to a sub-attribute of a list gives the whole list.
fn value_at<'m>(
    resource_type: &'static ResourceType,
    resource: &'m Map<String, Value>,
    path: &str,
) -> Option<&'m Value> {
    let path = resource_type.attribute_path(path)?;
    let value = path.attribute_value(resource)?;

    match path.sub_attribute {
        Some(sub_attribute) if value.is_object() => value.get(sub_attribute.name),
        _ => Some(value),
    }
}

fn deactivates(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    is_active(old) && !is_active(new)
}

fn is_active(user: &Map<String, Value>) -> bool {
    user.get("active") == Some(&Value::Bool(true))
}
