//! Behind the page: the page itself, the state it polls, and the switches of the faults.
//!
//! No token is asked for: who can reach the sandbox may look at it. A page of another site cannot press the switches,
//! because they take `application/json` only, which a browser does not send across sites unasked.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fault::{Fault, InvalidFault};
use super::store::Side;
use super::{BASE_PATH, Sandbox, SandboxProfile};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
/// How many of each the page shows.
const SHOWN: usize = 200;

/// What the page has seen already.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    requests: usize,
}

/// The page: one document, its style and script inside, and a policy that allows just these.
pub(super) async fn page() -> Response {
    let hash = |text: &str| base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    let mut response = PAGE
        .replace("/*STYLE*/", STYLE)
        .replace("/*SCRIPT*/", SCRIPT)
        .into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Users, groups, faults and the last requests.
pub(super) async fn state(State(sandbox): State<Sandbox>, Query(seen): Query<Seen>) -> Response {
    let wanted = if seen.requests == 0 {
        SHOWN
    } else {
        seen.requests.min(SHOWN)
    };
    let state = sandbox.lock();
    let shelf = |side: Side| {
        let shelf = state.service.store.shelf(side);
        let skipped = shelf.len().saturating_sub(SHOWN);
        let mut newest: Vec<Value> = shelf
            .rows()
            .skip(skipped)
            .map(|row| summary(&row.map))
            .collect();
        newest.reverse();
        json!({"total": shelf.len(), "newest": newest})
    };
    let body = json!({
        "profile": sandbox.profile(),
        "base": BASE_PATH,
        "alsoAtRoot": sandbox.profile() == SandboxProfile::Workplace,
        "now": crate::clock::now(),
        "users": shelf(Side::Users),
        "active": state.service.store.shelf(Side::Users).rows().filter(|row| row.map.get("active") == Some(&Value::Bool(true))).count(),
        "groups": shelf(Side::Groups),
        "faults": state.service.faults.active(),
        "requests": {"total": state.log.count(), "last": state.log.requests(wanted)},
    });
    drop(state);
    fresh(&body)
}

/// A resource without what the page never shows.
fn summary(map: &serde_json::Map<String, Value>) -> Value {
    let shown = map
        .iter()
        .filter(|(name, _)| name.as_str() != "password" && name.as_str() != "schemas");
    Value::Object(
        shown
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

/// The faults that are on.
pub(super) async fn faults(State(sandbox): State<Sandbox>) -> Response {
    fresh(&json!(sandbox.lock().service.faults.active()))
}

/// Switches faults on. `{"add": TEXT}` and a single fault as JSON are added; `{"faults": TEXT}` and a list replace all.
pub(super) async fn set_faults(
    State(sandbox): State<Sandbox>,
    Json(body): Json<Value>,
) -> Response {
    let read = read_faults(body).and_then(|(faults, all)| {
        faults
            .iter()
            .try_for_each(|fault| sandbox.profile().check(fault))?;
        Ok((faults, all))
    });
    match read {
        Ok((new, all)) => {
            let mut state = sandbox.lock();
            let faults = &mut state.service.faults;
            if all {
                faults.replace(new);
            } else {
                for fault in new {
                    faults.add(fault);
                }
            }
            fresh(&json!(faults.active()))
        }
        Err(problem) => (
            StatusCode::BAD_REQUEST,
            Json(json!({"detail": problem.to_string()})),
        )
            .into_response(),
    }
}

/// The faults that were posted, and whether they replace those that are on.
fn read_faults(body: Value) -> Result<(Vec<Fault>, bool), InvalidFault> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if let Some(text) = text("add") {
        return Ok((Fault::parse_list(text)?, false));
    }
    if let Some(text) = text("faults") {
        return Ok((Fault::parse_list(text)?, true));
    }
    let invalid = |error: serde_json::Error| InvalidFault(error.to_string());
    if body.is_array() {
        return Ok((serde_json::from_value(body).map_err(invalid)?, true));
    }
    Ok((vec![serde_json::from_value(body).map_err(invalid)?], false))
}

/// Switches one off.
pub(super) async fn remove_fault(
    State(sandbox): State<Sandbox>,
    Path(id): Path<u64>,
) -> StatusCode {
    if sandbox.lock().service.faults.remove(id) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}

/// Switches all off.
pub(super) async fn clear_faults(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.set_faults(Vec::new());
    StatusCode::NO_CONTENT
}

fn fresh<T: Serialize>(body: &T) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
