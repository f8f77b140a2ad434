//! What a verified body says: events, or what is wrong with it.
//!
//! One reader for all presets. A canonical body is checked member by member and is all or nothing; of a vendor's body each
//! item is read alone, so that one that cannot be read does not hold up the others (an ending may be among them).
//! Reading is a function of body and headers alone: a sender's retry gives the same events under the same ids.

use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use serde_json::Value;

use super::{
    Preset, Verified, body, field_path::Item, read_canonical, read_item, rules::ItemRules,
};
use crate::event::ReadEvent;

/// What a body says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The events, in the order of the body; none for a ping.
    pub events: Vec<ReadEvent>,
    /// What is wrong, if anything is. With `Malformed` and `Invalid` there are no events.
    pub trouble: Option<Trouble>,
    /// How many members with pay, birth dates and the like were dropped.
    pub dropped: usize,
    /// How many telephone numbers are kept as they are, being no E.164.
    pub odd_phones: usize,
}

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A canonical body that is no JSON (400).
    Malformed(String),
    /// A canonical body that is no event (422); nothing of it counts.
    Invalid(Vec<Invalid>),
    /// A vendor's body that, or of which a part, is not understood: for the dead letters. The rest is read.
    Unreadable(String),
}

/// One thing that is wrong with a canonical event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What is wrong there. May quote the sender's own words: for the sender, not for a log.
    pub problem: String,
}

/// How many problems are told at once.
const TOLD: usize = 20;

impl Preset {
    /// Reads a verified body. `origins`, if any are given, are the `CloudEvents` `source`s that a canonical event may have.
    pub fn read(
        &self,
        verified: &Verified<'_>,
        headers: &HeaderMap,
        origins: &[String],
    ) -> Reading {
        self.read_body(verified.body, headers, origins)
    }

    /// Reads a body again that was verified when it came, with the headers that were kept of it (see
    /// [`Preset::kept_headers`]): a dead letter, once the preset is mended.
    pub fn read_again(
        &self,
        body: &[u8],
        kept: &[(String, String)],
        origins: &[String],
    ) -> Reading {
        let header = |(name, value): &(String, String)| {
            Some((
                HeaderName::try_from(name.as_str()).ok()?,
                HeaderValue::try_from(value.as_str()).ok()?,
            ))
        };
        self.read_body(body, &kept.iter().filter_map(header).collect(), origins)
    }

    fn read_body(&self, body: &[u8], headers: &HeaderMap, origins: &[String]) -> Reading {
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let form = self.is_form(content_type);
        if self.read.is_none()
            && !form
            && let Some(reading) = read_canonical::read_at_once(body, origins)
        {
            return reading;
        }
        let value = if form {
            body::form(body)
        } else {
            body::json(body)
        };
        match (&self.read, value) {
            (None, Ok(value)) => read_canonical::read(value, origins),
            (None, Err(error)) => trouble(Trouble::Malformed(error.to_string())),
            (Some(rules), Ok(value)) => read_items(rules, &value, headers),
            (Some(_), Err(error)) => trouble(Trouble::Unreadable(error.to_string())),
        }
    }
}

impl Reading {
    /// The reading of a body in which only what is wrong was found.
    pub(super) fn invalid(mut problems: Vec<Invalid>) -> Self {
        problems.truncate(TOLD);
        trouble(Trouble::Invalid(problems))
    }
}

fn trouble(trouble: Trouble) -> Reading {
    Reading {
        trouble: Some(trouble),
        ..Reading::default()
    }
}

fn read_items(rules: &ItemRules, body: &Value, headers: &HeaderMap) -> Reading {
    let items = match items(rules, body) {
        Ok(items) => items,
        Err(reason) => return trouble(Trouble::Unreadable(reason)),
    };
    let mut reading = Reading::default();
    let mut reasons: Vec<String> = Vec::new();
    for (index, value) in items.iter().enumerate() {
        let item = Item::new(value, rules.fields.as_deref(), headers);
        match read_item::read(rules, &item, &mut reading.odd_phones) {
            Ok(event) => reading.events.extend(event),
            Err(reason) if rules.items.is_none() => reasons.push(reason),
            Err(reason) => reasons.push(format!("item {}: {reason}", index + 1)),
        }
    }
    let more = reasons.len().saturating_sub(TOLD);
    reasons.truncate(TOLD);
    if more > 0 {
        reasons.push(format!("and {more} more"));
    }
    reading.trouble = (!reasons.is_empty()).then(|| Trouble::Unreadable(reasons.join("; ")));
    reading
}

/// The items of a body; those of a keyed list get their key.
fn items(rules: &ItemRules, body: &Value) -> Result<Vec<Value>, String> {
    let Some(pointer) = &rules.items else {
        return Ok(vec![body.clone()]);
    };
    match (body.pointer(pointer), &rules.key) {
        (Some(Value::Array(items)), _) => Ok(items.clone()),
        (Some(Value::Object(items)), Some(key)) => Ok(items
            .iter()
            .map(|(name, item)| keyed(key, name, item))
            .collect()),
        (Some(_) | None, _) => Err(format!("there is no list at {pointer}")),
    }
}

fn keyed(key: &str, name: &str, item: &Value) -> Value {
    let mut item = item.clone();
    if let Value::Object(members) = &mut item {
        members
            .entry(key)
            .or_insert_with(|| Value::String(name.to_owned()));
    }
    item
}
