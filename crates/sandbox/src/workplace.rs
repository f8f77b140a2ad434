//! The restrictions of Workplace that go beyond the RFCs, on requests and on users.
//!
//! The product no longer exists; its published samples are the only specification. The sandbox
//! rejects what the samples never do, so that a client that deviates from them is noticed. The rest
//! of the dialect is in [`super::catalogue`], [`super::scim_error`], [`super::write`] and
//! [`super::discovery`].

use axum::http::{HeaderMap, HeaderName, header};
use serde_json::{Map, Value};

use super::catalogue::Endpoint;
use super::filter::Filter;
use super::message::ScimRequest;
use super::scim_error::{ScimError, ScimResult};

/// Checks the headers of a request: a User-Agent, and no media type but `application/json`.
pub(crate) fn check_headers(headers: &HeaderMap, has_body: bool) -> ScimResult<()> {
    if header_text(headers, header::USER_AGENT).trim().is_empty() {
        return Err(ScimError::untyped(400, "the header User-Agent is missing"));
    }
    if has_body && names_scim_json(headers, header::CONTENT_TYPE) {
        return Err(ScimError::untyped(
            415,
            "the Content-Type must be application/json",
        ));
    }
    if names_scim_json(headers, header::ACCEPT) {
        return Err(ScimError::untyped(
            406,
            "Accept must allow application/json, the only media type of the responses",
        ));
    }

    Ok(())
}

fn header_text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn names_scim_json(headers: &HeaderMap, name: HeaderName) -> bool {
    header_text(headers, name)
        .to_ascii_lowercase()
        .contains("application/scim+json")
}

/// Rejects what the samples never do with PATCH: a change of a People Set (group) or of `active`.
pub(crate) fn check_patch(
    endpoint: Endpoint,
    request: &ScimRequest,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> ScimResult<()> {
    if request.method != "PATCH" {
        return Ok(());
    }
    if endpoint == Endpoint::Groups {
        return Err(ScimError::untyped(
            405,
            "PATCH cannot change a People Set; use PUT",
        ));
    }

    if old.get("active") == new.get("active") {
        Ok(())
    } else {
        Err(ScimError::invalid_value(
            "PATCH cannot change active; use PUT",
        ))
    }
}

/// Rejects a filter over users that is not one comparison of `userName` or `externalId`.
pub(crate) fn check_filter(endpoint: Endpoint, filter: &Filter) -> ScimResult<()> {
    match (endpoint, filter) {
        (Endpoint::Users, Filter::Compare(path, ..))
            if matches!(path.leaf().name, "userName" | "externalId") =>
        {
            Ok(())
        }
        (Endpoint::Groups, _) => Ok(()),
        (Endpoint::Users, _) => Err(ScimError::invalid_filter(
            "a filter over users must compare userName or externalId",
        )),
    }
}

/// Checks the attributes that Workplace requires of a user.
pub(crate) fn validate(endpoint: Endpoint, attributes: &Map<String, Value>) -> ScimResult<()> {
    if endpoint == Endpoint::Groups {
        return Ok(());
    }

    match attributes.get("userName").and_then(Value::as_str) {
        Some(user_name) if is_email(user_name) => {}
        Some(_) => {
            return Err(ScimError::invalid_value(
                "userName must be an e-mail address",
            ));
        }
        // A person without an e-mail address.
        None if attributes.contains_key("externalId") => {}
        None => {
            return Err(ScimError::invalid_value(
                "userName or externalId is required",
            ));
        }
    }

    let formatted = attributes
        .get("name")
        .and_then(|name| name.get("formatted"))
        .and_then(Value::as_str);
    if formatted.is_none_or(|name| name.trim().is_empty()) {
        return Err(ScimError::invalid_value("name.formatted is required"));
    }
    Ok(())
}

/// A plausibility check, not RFC 5322.
fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !text.contains(char::is_whitespace)
            && !domain.contains('@')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_e_mail_address_has_one_at_sign_and_a_domain() {
        assert!(is_email("ada@example.com"));

        for invalid in [
            "ada",
            "@example.com",
            "ada@",
            "ada@example",
            "a da@example.com",
            "a@b@c.d",
            "ada@.com",
        ] {
            assert!(!is_email(invalid), "{invalid}");
        }
    }
}
