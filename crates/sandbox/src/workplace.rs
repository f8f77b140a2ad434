//! What Workplace asks beyond the RFCs, of requests and of users.
//!
//! The rest of its dialect is where it belongs: attributes in [`super::attributes`], error bodies in
//! [`super::refusal`], the partial PUT in [`super::write`], the plural discovery in [`super::discovery`].
//!
//! The vendor is gone, and its samples are all there is to go by: what they never do is refused here, so that a client which
//! strays from them is noticed.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::filter::Filter;
use super::refusal::{Refusal, Result};
use super::service::Call;
use super::store::Side;

/// What it asks of every request: a User-Agent, and the media type of its samples.
pub(super) fn admit(headers: &HeaderMap, has_body: bool) -> Result<()> {
    let text = |name: header::HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    if text(header::USER_AGENT).trim().is_empty() {
        return Err(Refusal::plain(400, "the header User-Agent is missing"));
    }
    let foreign = |name| {
        text(name)
            .to_ascii_lowercase()
            .contains("application/scim+json")
    };
    if has_body && foreign(header::CONTENT_TYPE) {
        return Err(Refusal::plain(
            415,
            "the Content-Type must be application/json",
        ));
    }
    if foreign(header::ACCEPT) {
        return Err(Refusal::plain(
            406,
            "application/json is all that can be answered",
        ));
    }
    Ok(())
}

/// What its samples never do to a resource that exists: People Sets are never patched, nor is `active`.
pub(super) fn check_patch(
    side: Side,
    call: &Call,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<()> {
    if call.method != "PATCH" {
        return Ok(());
    }
    if side == Side::Groups {
        return Err(Refusal::plain(405, "a People Set is changed by PUT"));
    }
    if old.get("active") == new.get("active") {
        Ok(())
    } else {
        Err(Refusal::invalid_value("active is changed by PUT"))
    }
}

/// Users are found by `userName` or `externalId` alone.
pub(super) fn check_filter(side: Side, filter: &Filter) -> Result<()> {
    match (side, filter) {
        (Side::Users, Filter::Compare(place, ..))
            if matches!(place.leaf().name, "userName" | "externalId") =>
        {
            Ok(())
        }
        (Side::Groups, _) => Ok(()),
        (Side::Users, _) => Err(Refusal::invalid_filter(
            "users are found by userName or externalId",
        )),
    }
}

/// The vendor's own conditions on a resource.
pub(super) fn check(side: Side, map: &Map<String, Value>) -> Result<()> {
    if side == Side::Groups {
        return Ok(());
    }
    match map.get("userName").and_then(Value::as_str) {
        Some(user_name) if is_email(user_name) => {}
        Some(_) => return Err(Refusal::invalid_value("userName must be an e-mail address")),
        // People without an e-mail address.
        None if map.contains_key("externalId") => {}
        None => return Err(Refusal::invalid_value("userName or externalId is required")),
    }
    let formatted = map.get("name").and_then(|name| name.get("formatted"));
    if formatted
        .and_then(Value::as_str)
        .is_none_or(|name| name.trim().is_empty())
    {
        return Err(Refusal::invalid_value("name.formatted is required"));
    }
    Ok(())
}

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
    fn an_e_mail_address_has_one_at_and_a_domain() {
        assert!(is_email("ada@example.com"));
        for wrong in [
            "ada",
            "@example.com",
            "ada@",
            "ada@example",
            "a da@example.com",
            "a@b@c.d",
            "ada@.com",
        ] {
            assert!(!is_email(wrong), "{wrong}");
        }
    }
}
