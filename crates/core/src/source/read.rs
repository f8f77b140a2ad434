//! Reads a verified body by its preset: the events, and the error if it has one.
//!
//! A canonical body is taken as a whole or not at all. The items of a vendor's body are read one by
//! one, so that an unreadable item does not hold up an ending in another. The result depends only
//! on body and headers: a sender's retry gives the same events with the same ids.

use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use serde_json::Value;

use super::{
    Preset, Verified, body,
    item::Item,
    parsed_body::{ContentError, MAX_PROBLEMS, ParsedBody},
    read_canonical, read_item,
    rules::ItemRules,
};

impl Preset {
    /// Reads a verified body. If `origins` is not empty, a canonical event must have one of them as
    /// its `CloudEvents` `source`.
    pub fn read(
        &self,
        verified: &Verified<'_>,
        headers: &HeaderMap,
        origins: &[String],
    ) -> ParsedBody {
        self.read_body(verified.body, headers, origins)
    }

    /// Reads a stored body again, for example a dead letter after a change of the preset. The body
    /// was verified at its receipt; `headers` are those of [`Preset::retained_headers`].
    pub fn read_again(
        &self,
        body: &[u8],
        headers: &[(String, String)],
        origins: &[String],
    ) -> ParsedBody {
        let headers = headers
            .iter()
            .filter_map(|(name, value)| {
                Some((
                    HeaderName::try_from(name.as_str()).ok()?,
                    HeaderValue::try_from(value.as_str()).ok()?,
                ))
            })
            .collect();

        self.read_body(body, &headers, origins)
    }

    fn read_body(&self, body: &[u8], headers: &HeaderMap, origins: &[String]) -> ParsedBody {
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let is_form = self.is_form(content_type);

        if self.read.is_none()
            && !is_form
            && let Some(parsed) = read_canonical::read_valid(body, origins)
        {
            return parsed;
        }

        let value = if is_form {
            body::parse_form(body)
        } else {
            body::parse_json(body)
        };
        match (&self.read, value) {
            (None, Ok(value)) => read_canonical::read(value, origins),
            (None, Err(error)) => ParsedBody::failed(ContentError::Malformed(error.to_string())),
            (Some(rules), Ok(value)) => read_items(rules, &value, headers),
            (Some(_), Err(error)) => {
                ParsedBody::failed(ContentError::Unreadable(error.to_string()))
            }
        }
    }
}

fn read_items(rules: &ItemRules, body: &Value, headers: &HeaderMap) -> ParsedBody {
    let items = match items(rules, body) {
        Ok(items) => items,
        Err(reason) => return ParsedBody::failed(ContentError::Unreadable(reason)),
    };

    let mut parsed = ParsedBody::default();
    let mut reasons: Vec<String> = Vec::new();
    for (index, value) in items.iter().enumerate() {
        let item = Item::new(value, rules.fields.as_deref(), headers);
        match read_item::read(rules, &item, &mut parsed.unnormalized_phones) {
            Ok(event) => parsed.events.extend(event),
            Err(reason) if rules.items.is_none() => reasons.push(reason),
            Err(reason) => reasons.push(format!("item {}: {reason}", index + 1)),
        }
    }

    let more = reasons.len().saturating_sub(MAX_PROBLEMS);
    reasons.truncate(MAX_PROBLEMS);
    if more > 0 {
        reasons.push(format!("and {more} more"));
    }
    parsed.error = (!reasons.is_empty()).then(|| ContentError::Unreadable(reasons.join("; ")));
    parsed
}

/// The items of a body. Where the list is an object, each item gets its key as a member.
fn items(rules: &ItemRules, body: &Value) -> Result<Vec<Value>, String> {
    let Some(pointer) = &rules.items else {
        return Ok(vec![body.clone()]);
    };
    match (body.pointer(pointer), &rules.key) {
        (Some(Value::Array(items)), _) => Ok(items.clone()),
        (Some(Value::Object(items)), Some(key)) => Ok(items
            .iter()
            .map(|(name, item)| with_key(key, name, item))
            .collect()),
        (Some(_) | None, _) => Err(format!("the body has no list at {pointer}")),
    }
}

fn with_key(key: &str, name: &str, item: &Value) -> Value {
    let mut item = item.clone();
    if let Value::Object(members) = &mut item {
        members
            .entry(key)
            .or_insert_with(|| Value::String(name.to_owned()));
    }
    item
}
