//! The page of the sandbox and its requests: the state that it polls, and the switches of the
//! faults.
//!
//! Page and state need no token: everyone who can reach the sandbox may see them. The faults need the
//! token of the sandbox, if it has one. A page of another site cannot switch faults: the requests
//! need `application/json`, which a browser sends to another site only after a preflight request,
//! and the sandbox answers none; and `super::access` checks the host.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::catalogue::Endpoint;
use super::collection::Collection;
use super::fault::{Fault, InvalidFault};
use super::profile::SandboxProfile;
use super::sandbox::{BASE_PATH, Sandbox};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
/// The largest number of users, of groups and of requests on the page.
const MAX_SHOWN: usize = 200;

/// The query of `/sandbox/state`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StateQuery {
    /// The largest number of requests in the response; 0: [`MAX_SHOWN`].
    requests: usize,
}

/// The page: one document with its style and script, and a content security policy for exactly
/// these.
pub(crate) async fn page() -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        policy_hash(STYLE),
        policy_hash(SCRIPT)
    );
    let mut response = PAGE
        .replace("/*STYLE*/", STYLE)
        .replace("/*SCRIPT*/", SCRIPT)
        .into_response();

    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }

    response
}

fn policy_hash(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text))
}

/// Users, groups, faults and the last requests.
pub(crate) async fn state(
    State(sandbox): State<Sandbox>,
    Query(query): Query<StateQuery>,
) -> Response {
    let max_requests = if query.requests == 0 {
        MAX_SHOWN
    } else {
        query.requests.min(MAX_SHOWN)
    };

    let state = sandbox.lock();
    let users = state.provider.store.collection(Endpoint::Users);
    let active_users = users
        .iter()
        .filter(|user| user.attributes.get("active") == Some(&Value::Bool(true)))
        .count();
    let groups = state.provider.store.collection(Endpoint::Groups);
    let body = json!({
        "profile": sandbox.profile(),
        "base": BASE_PATH,
        "alsoAtRoot": sandbox.profile() == SandboxProfile::Workplace,
        "now": crate::clock::now(),
        "users": summary(users),
        "active": active_users,
        "groups": summary(groups),
        "faults": state.provider.faults.active(),
        "requests": {"total": state.log.count(), "last": state.log.requests(max_requests)},
    });
    drop(state);

    uncached_json(&body)
}

/// The number of resources, and the newest of them, newest first.
fn summary(collection: &Collection) -> Value {
    let skipped = collection.len().saturating_sub(MAX_SHOWN);
    let mut newest: Vec<Value> = collection
        .iter()
        .skip(skipped)
        .map(|resource| displayed_attributes(&resource.attributes))
        .collect();
    newest.reverse();

    json!({"total": collection.len(), "newest": newest})
}

fn displayed_attributes(attributes: &Map<String, Value>) -> Value {
    let displayed = attributes
        .iter()
        .filter(|(name, _)| name.as_str() != "password" && name.as_str() != "schemas")
        .map(|(name, value)| (name.clone(), value.clone()));
    Value::Object(displayed.collect())
}

/// The faults that are on.
pub(crate) async fn faults(State(sandbox): State<Sandbox>) -> Response {
    uncached_json(&json!(sandbox.lock().provider.faults.active()))
}

/// Switches faults on. `{"add": TEXT}` and one fault as JSON are added to those that are on;
/// `{"faults": TEXT}` and a list of faults as JSON replace them.
pub(crate) async fn set_faults(
    State(sandbox): State<Sandbox>,
    Json(body): Json<Value>,
) -> Response {
    let change = match parse_faults(body, sandbox.profile()) {
        Ok(change) => change,
        Err(error) => {
            let body = Json(json!({"detail": error.to_string()}));
            return (StatusCode::BAD_REQUEST, body).into_response();
        }
    };

    let mut state = sandbox.lock();
    let active = &mut state.provider.faults;
    match change {
        FaultChange::Add(faults) => {
            for fault in faults {
                active.add(fault);
            }
        }
        FaultChange::Replace(faults) => active.replace(faults),
    }
    uncached_json(&json!(active.active()))
}

enum FaultChange {
    Add(Vec<Fault>),
    Replace(Vec<Fault>),
}

fn parse_faults(body: Value, profile: SandboxProfile) -> Result<FaultChange, InvalidFault> {
    let change = if let Some(text) = body.get("add").and_then(Value::as_str) {
        FaultChange::Add(Fault::parse_list(text)?)
    } else if let Some(text) = body.get("faults").and_then(Value::as_str) {
        FaultChange::Replace(Fault::parse_list(text)?)
    } else if body.is_array() {
        FaultChange::Replace(from_json(body)?)
    } else {
        FaultChange::Add(vec![from_json(body)?])
    };

    let (FaultChange::Add(faults) | FaultChange::Replace(faults)) = &change;
    for fault in faults {
        profile.check(fault)?;
    }
    Ok(change)
}

fn from_json<T: for<'de> Deserialize<'de>>(body: Value) -> Result<T, InvalidFault> {
    serde_json::from_value(body).map_err(|error| InvalidFault(error.to_string()))
}

/// Switches one fault off; 404 if no fault has this id.
pub(crate) async fn remove_fault(
    State(sandbox): State<Sandbox>,
    Path(id): Path<u64>,
) -> StatusCode {
    if sandbox.lock().provider.faults.remove(id) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}

/// Switches all faults off.
pub(crate) async fn clear_faults(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.set_faults(Vec::new());
    StatusCode::NO_CONTENT
}

fn uncached_json<T: Serialize>(body: &T) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
