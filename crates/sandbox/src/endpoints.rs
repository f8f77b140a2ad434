//! The endpoints of the service provider (RFC 7644 section 3.2): finds the operation by path and
//! method.
//!
//! Input: an authorized request and the time. Output: a status and a body, or a SCIM error. Faults
//! that change the result of an operation take effect here and in [`super::write`], all others in
//! [`super::handler`].

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::catalogue::Endpoint;
use super::collection::StoredResource;
use super::discovery;
use super::fault::Effect;
use super::filter::Filter;
use super::location::location;
use super::matching::matches;
use super::message::{ScimRequest, ScimResponse};
use super::profile::SandboxProfile;
use super::schema::ResourceType;
use super::scim_error::{ScimError, ScimResult};
use super::search_request::SearchRequest;
use super::service_provider::{ServiceProvider, represent};
use super::workplace;
use super::write::{self, WriteOutcome};

/// Processes one request.
pub(crate) fn respond(
    provider: &mut ServiceProvider,
    request: &ScimRequest,
    now: Timestamp,
) -> ScimResult<ScimResponse> {
    let path: Vec<&str> = request
        .path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let endpoint = match path.first().copied() {
        Some("Users") => Some(Endpoint::Users),
        Some("Groups") => Some(Endpoint::Groups),
        _ => None,
    };
    let method = request.method.as_str();

    match (endpoint, path.as_slice()) {
        (None, [".search"]) if method == "POST" => {
            let search = SearchRequest::from_body(&request.json()?)?;
            let endpoints = [Endpoint::Users, Endpoint::Groups];
            list(provider, &endpoints, &search, request, now)
        }
        (Some(endpoint), [_, ".search"]) if method == "POST" => {
            let search = SearchRequest::from_body(&request.json()?)?;
            list(provider, &[endpoint], &search, request, now)
        }
        (Some(endpoint), [_]) => match method {
            "GET" => {
                let search = SearchRequest::from_query(&request.query)?;
                list(provider, &[endpoint], &search, request, now)
            }
            "POST" => write(provider, endpoint, None, request, now),
            _ => Err(method_not_allowed(request)),
        },
        (Some(endpoint), [_, id]) => match method {
            "GET" => get(provider, endpoint, id, request),
            "PUT" | "PATCH" | "DELETE" => write(provider, endpoint, Some(id), request, now),
            _ => Err(method_not_allowed(request)),
        },
        (_, path) => discover(provider, path, request),
    }
}

fn get(
    provider: &ServiceProvider,
    endpoint: Endpoint,
    id: &str,
    request: &ScimRequest,
) -> ScimResult<ScimResponse> {
    let resource = provider.store.get(endpoint, id)?;
    let search = SearchRequest::from_query(&request.query)?;

    Ok(ScimResponse::ok(represent(
        &resource.attributes,
        provider.resource_type(endpoint),
        &search.projection,
        &request.base,
    )))
}

fn discover(
    provider: &ServiceProvider,
    path: &[&str],
    request: &ScimRequest,
) -> ScimResult<ScimResponse> {
    match discovery::document(path, provider.profile, &request.base) {
        None if matches!(path, ["Bulk" | "Me", ..]) => Err(ScimError::untyped(
            501,
            format!("the sandbox does not support {}", request.path),
        )),
        None => Err(ScimError::untyped(
            404,
            format!("there is no endpoint {}", request.path),
        )),
        Some(_) if request.method != "GET" => Err(method_not_allowed(request)),
        Some(_) if request.query.iter().any(|(key, _)| key == "filter") => Err(ScimError::untyped(
            403,
            "a discovery endpoint takes no filter (RFC 7644 section 4)",
        )),
        Some(document) => document.map(ScimResponse::ok),
    }
}

fn write(
    provider: &mut ServiceProvider,
    endpoint: Endpoint,
    id: Option<&str>,
    request: &ScimRequest,
    now: Timestamp,
) -> ScimResult<ScimResponse> {
    // The response honours `attributes`; an error in them must prevent the write.
    let projection = SearchRequest::from_query(&request.query)?.projection;
    let outcome = match id {
        None => write::create(provider, endpoint, request, now)?,
        Some(id) => write::modify(provider, endpoint, id, request, now)?,
    };

    let resource_type = provider.resource_type(endpoint);
    let represented = |attributes: &Map<String, Value>| {
        represent(attributes, resource_type, &projection, &request.base)
    };
    Ok(match outcome {
        WriteOutcome::Created(attributes) => {
            let id = attributes
                .get("id")
                .and_then(Value::as_str)
                .unwrap_or_default();
            ScimResponse {
                status: 201,
                body: Some(represented(&attributes)),
                location: Some(location(resource_type, id, &request.base)),
            }
        }
        WriteOutcome::Updated(attributes) => ScimResponse::ok(represented(&attributes)),
        WriteOutcome::Deleted => ScimResponse {
            status: 204,
            body: None,
            location: None,
        },
    })
}

/// A resource that matches, with its type.
type Match<'s> = (&'static ResourceType, &'s Map<String, Value>);

fn list(
    provider: &mut ServiceProvider,
    endpoints: &[Endpoint],
    search: &SearchRequest,
    request: &ScimRequest,
    now: Timestamp,
) -> ScimResult<ScimResponse> {
    let lag = search_lag(provider, endpoints, request, now);

    let mut found = find_matches(provider, endpoints, search, lag, now)?;
    search.sort(&mut found)?;

    let page: Vec<Value> = found
        .iter()
        .skip(search.start_index - 1)
        .take(search.count)
        .map(|(resource_type, attributes)| {
            represent(attributes, resource_type, &search.projection, &request.base)
        })
        .collect();
    Ok(ScimResponse::ok(search.list_response(found.len(), &page)))
}

/// All matches of all endpoints, without the users that the search lag (milliseconds) hides.
fn find_matches<'s>(
    provider: &'s ServiceProvider,
    endpoints: &[Endpoint],
    search: &SearchRequest,
    lag: Option<u64>,
    now: Timestamp,
) -> ScimResult<Vec<Match<'s>>> {
    let mut found: Vec<Match<'s>> = Vec::new();
    let mut last_error = None;
    let mut has_valid_filter = false;

    for endpoint in endpoints {
        let filter = match parse_filter(provider, *endpoint, search) {
            Ok(filter) => filter,
            // A query over several resource types may filter by an attribute of only one of them.
            Err(error) => {
                last_error = Some(error);
                continue;
            }
        };
        has_valid_filter = true;

        let is_hidden = |resource: &StoredResource| {
            *endpoint == Endpoint::Users
                && lag.is_some_and(|lag| !has_elapsed(resource.created, lag, now))
        };
        let matching = provider
            .store
            .collection(*endpoint)
            .candidates(filter.as_ref())
            .into_iter()
            .filter(|resource| !is_hidden(resource))
            .filter(|resource| {
                filter
                    .as_ref()
                    .is_none_or(|filter| matches(filter, &resource.attributes))
            });
        let resource_type = provider.resource_type(*endpoint);
        found.extend(matching.map(|resource| (resource_type, &resource.attributes)));
    }

    match last_error {
        Some(error) if !has_valid_filter => Err(error),
        _ => Ok(found),
    }
}

fn parse_filter(
    provider: &ServiceProvider,
    endpoint: Endpoint,
    search: &SearchRequest,
) -> ScimResult<Option<Filter>> {
    let Some(text) = &search.filter else {
        return Ok(None);
    };

    let filter = Filter::parse(text, provider.resource_type(endpoint))?;
    if provider.profile == SandboxProfile::Workplace {
        workplace::check_filter(endpoint, &filter)?;
    }
    Ok(Some(filter))
}

/// The milliseconds for which new users are hidden, if a fault `search-lag` hides at least one.
fn search_lag(
    provider: &mut ServiceProvider,
    endpoints: &[Endpoint],
    request: &ScimRequest,
    now: Timestamp,
) -> Option<u64> {
    let newest = provider.store.collection(Endpoint::Users).newest()?;
    if !endpoints.contains(&Endpoint::Users) {
        return None;
    }

    provider.take_fault(request, |effect| {
        let Effect::SearchLag(ms) = effect else {
            return None;
        };
        (!has_elapsed(newest, *ms, now)).then_some(*ms)
    })
}

/// Whether so many milliseconds have passed since `start`.
fn has_elapsed(start: Timestamp, ms: u64, now: Timestamp) -> bool {
    now.duration_since(start) >= SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

fn method_not_allowed(request: &ScimRequest) -> ScimError {
    ScimError::untyped(
        405,
        format!("{} is not allowed at {}", request.method, request.path),
    )
}
