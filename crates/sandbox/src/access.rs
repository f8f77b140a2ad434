//! The access to the sandbox: the `Host` of a request, and its bearer token.
//!
//! A page of another site can point a name of its own at the sandbox (DNS rebinding), and a browser
//! then takes both for one site. Such a page cannot choose an address, `localhost`, or a name
//! without a dot, so the requests that need no token must have one of these as their host.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use subtle::ConstantTimeEq;

use super::sandbox::Sandbox;
use super::scim_error::{ScimError, ScimResult};

/// Refuses a request for another host.
pub(crate) async fn check_host(request: Request, next: Next) -> Response {
    if is_local_host(header_text(request.headers(), header::HOST)) {
        next.run(request).await
    } else {
        refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "the Host must be an address, localhost, or a name without a dot",
        )
    }
}

/// As [`check_host`], but only if no token protects the sandbox.
pub(crate) async fn check_host_without_token(
    State(sandbox): State<Sandbox>,
    request: Request,
    next: Next,
) -> Response {
    if sandbox.token().is_some() {
        next.run(request).await
    } else {
        check_host(request, next).await
    }
}

/// Refuses a request without the token of the sandbox, if it has one.
pub(crate) async fn check_bearer(
    State(sandbox): State<Sandbox>,
    request: Request,
    next: Next,
) -> Response {
    match sandbox.token() {
        Some(token) if check_token(request.headers(), token).is_err() => refuse(
            StatusCode::UNAUTHORIZED,
            "the bearer token of the sandbox is missing or wrong",
        ),
        Some(_) | None => next.run(request).await,
    }
}

fn refuse(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({ "detail": detail }))).into_response()
}

/// Whether the text of a `Host` names this machine or its own network, not a site.
fn is_local_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || name.to_ascii_lowercase().ends_with(".localhost")
}

/// Checks the bearer token in constant time (RFC 6750 section 2.1).
pub(crate) fn check_token(headers: &HeaderMap, token: &SecretString) -> ScimResult<()> {
    let sent = header_text(headers, header::AUTHORIZATION)
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .unwrap_or_default();

    if bool::from(sent.as_bytes().ct_eq(token.expose_secret().as_bytes())) {
        Ok(())
    } else {
        Err(ScimError::untyped(
            401,
            "the bearer token is missing or wrong",
        ))
    }
}

pub(crate) fn header_text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_or_a_name_that_no_site_can_have() {
        for host in [
            "127.0.0.1:8090",
            "[::1]:8090",
            "192.168.1.7",
            "localhost:8090",
            "app.localhost",
            "sandbox:8090",
            "",
        ] {
            assert!(is_local_host(host), "{host}");
        }
        for host in [
            "evil.example:8090",
            "evil.example",
            "127.0.0.1.evil.example",
            "a.b:x",
        ] {
            assert!(!is_local_host(host), "{host}");
        }
    }
}
