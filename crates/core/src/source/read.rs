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
use crate::json::{Parsed, escape_token};

const REPEATED: &str = "an object has the same member twice";

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

        let parsed = if is_form {
            body::parse_form(body).map(|value| Parsed {
                value,
                repeated: Vec::new(),
            })
        } else {
            body::parse_json(body)
        };
        match (&self.read, parsed) {
            (None, Ok(parsed)) => read_canonical::read(parsed, origins),
            (None, Err(error)) => ParsedBody::failed(ContentError::Malformed(error.to_string())),
            (Some(rules), Ok(parsed)) => read_items(rules, &parsed, headers),
            (Some(_), Err(error)) => {
                ParsedBody::failed(ContentError::Unreadable(error.to_string()))
            }
        }
    }
}

fn read_items(rules: &ItemRules, body: &Parsed, headers: &HeaderMap) -> ParsedBody {
    let unreadable = |reason: String| ParsedBody::failed(ContentError::Unreadable(reason));
    let items = match items(rules, &body.value) {
        Ok(items) => items,
        Err(reason) => {
            return unreadable(other_body(rules, &body.value, headers).unwrap_or(reason));
        }
    };
    // A repeated member makes its item unreadable, and no other one.
    let in_item = |member: &String| {
        items
            .iter()
            .position(|(pointer, _)| member.starts_with(&format!("{pointer}/")))
    };
    let repeated: Vec<_> = body.repeated.iter().map(in_item).collect();
    if repeated.contains(&None) {
        return unreadable(REPEATED.to_owned());
    }

    let mut parsed = ParsedBody::default();
    let mut reasons: Vec<String> = Vec::new();
    for (index, (_, value)) in items.iter().enumerate() {
        let item = Item::new(value, rules.fields.as_deref(), headers);
        let result = if repeated.contains(&Some(index)) {
            Err(REPEATED.to_owned())
        } else {
            read_item::read(rules, &item, &mut parsed.unnormalized_phones)
        };
        match result {
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

/// The reason of the preset, if it knows the other kind of body.
fn other_body(rules: &ItemRules, body: &Value, headers: &HeaderMap) -> Option<String> {
    let item = Item::new(body, None, headers);
    let other = rules.other_bodies.iter().find(|other| {
        other
            .when
            .iter()
            .all(|(path, condition)| read_item::holds(&item, path, condition))
    });
    other.map(|other| other.reason.clone())
}

/// The items of a body, each with its JSON pointer. Where the list is an object, each item gets its
/// key as a member.
fn items(rules: &ItemRules, body: &Value) -> Result<Vec<(String, Value)>, String> {
    let Some(pointer) = &rules.items else {
        return Ok(vec![(String::new(), body.clone())]);
    };
    match (body.pointer(pointer), &rules.key) {
        (Some(Value::Array(items)), _) => Ok(items
            .iter()
            .enumerate()
            .map(|(index, item)| (format!("{pointer}/{index}"), item.clone()))
            .collect()),
        (Some(Value::Object(items)), Some(key)) => Ok(items
            .iter()
            .map(|(name, item)| {
                let pointer = format!("{pointer}/{}", escape_token(name));
                (pointer, with_key(key, name, item))
            })
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
