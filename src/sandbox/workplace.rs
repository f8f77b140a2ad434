//! What Workplace asks beyond the RFCs: an e-mail address as `userName`, and `name.formatted`.
//!
//! The rest of its dialect is where it belongs: attributes in [`super::attributes`], error bodies in
//! [`super::refusal`], the User-Agent in [`super::door`], the partial PUT in [`super::service`], the plural
//! discovery in [`super::discovery`].

use serde_json::{Map, Value};

use super::refusal::{Refusal, Result};
use super::store::Side;

/// The vendor's own conditions on a resource.
pub(super) fn check(side: Side, map: &Map<String, Value>) -> Result<()> {
    if side == Side::Groups {
        return Ok(());
    }
    let user_name = map.get("userName").and_then(Value::as_str).unwrap_or_default();
    if !is_email(user_name) {
        return Err(Refusal::invalid_value("userName must be an e-mail address"));
    }
    let formatted = map.get("name").and_then(|name| name.get("formatted"));
    if formatted.and_then(Value::as_str).is_none_or(|name| name.trim().is_empty()) {
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
        for wrong in ["ada", "@example.com", "ada@", "ada@example", "a da@example.com", "a@b@c.d", "ada@.com"] {
            assert!(!is_email(wrong), "{wrong}");
        }
    }
}
