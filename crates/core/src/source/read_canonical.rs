//! A canonical body: one `CloudEvents` document or a list of them, checked member by member, all or nothing.
//!
//! Pay, birth dates, national ids, gender and the like are dropped wherever they stand under `data`, and counted;
//! any other unknown member there is refused with its JSON pointer.

use serde_json::Value;
use serde_path_to_error::Segment;

use super::{Invalid, Reading, attributes};
use crate::event::{Change, CloudEvent, Contact, Identity, Kind, ReadEvent, SourceId};

/// Most events in one body.
const MOST: usize = 1000;

/// What never is taken, by name without case and punctuation.
const SENSITIVE: [&str; 41] = [
    "salary",
    "basesalary",
    "pay",
    "payrate",
    "paytype",
    "paygroup",
    "payschedule",
    "paygrade",
    "compensation",
    "wage",
    "wages",
    "hourlyrate",
    "bonus",
    "commission",
    "income",
    "iban",
    "bankaccount",
    "birthdate",
    "dateofbirth",
    "dob",
    "birthday",
    "nationalid",
    "nationalidentifier",
    "ssn",
    "sin",
    "socialsecuritynumber",
    "socialinsurancenumber",
    "taxid",
    "taxidentifier",
    "passportnumber",
    "gender",
    "sex",
    "pronouns",
    "ethnicity",
    "race",
    "religion",
    "maritalstatus",
    "disability",
    "veteranstatus",
    "sexualorientation",
    "nationality",
];

/// Reads a body in which nothing is to be dropped or refused, as most are; `None`: [`read`] is to look closer. Every member
/// that is never taken is unknown to the types, and refused by them, but those among `extensions`.
pub(super) fn read_at_once(body: &[u8], origins: &[String]) -> Option<Reading> {
    let is_batch = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let documents: Vec<CloudEvent> = if is_batch {
        serde_json::from_slice(body).ok()?
    } else {
        vec![serde_json::from_slice(body).ok()?]
    };
    if documents.len() > MOST {
        return None;
    }
    let mut reading = Reading::default();
    for mut content in documents {
        if let Change::Set(extensions) = &content.data.worker.extensions
            && extensions
                .iter()
                .any(|(name, value)| is_sensitive(name) || holds_sensitive(value))
        {
            return None;
        }
        if !refused(&content, origins).is_empty() {
            return None;
        }
        reading.odd_phones += straighten_phones(&mut content);
        reading.events.push(ReadEvent {
            identity: Identity::Given,
            content,
        });
    }
    Some(reading)
}

/// Reads the body; `origins`, if any, are the only `source`s it may name.
pub(super) fn read(body: Value, origins: &[String]) -> Reading {
    let (documents, is_batch) = match body {
        Value::Array(documents) => (documents, true),
        document @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => (vec![document], false),
    };
    if documents.len() > MOST {
        let problem = format!(
            "{} events; at most {MOST} go into one body",
            documents.len()
        );
        return Reading::invalid(vec![Invalid {
            pointer: String::new(),
            problem,
        }]);
    }
    let mut reading = Reading::default();
    let mut problems = Vec::new();
    for (index, mut document) in documents.into_iter().enumerate() {
        let place = if is_batch {
            format!("/{index}")
        } else {
            String::new()
        };
        if let Some(data) = document.get_mut("data") {
            reading.dropped += drop_sensitive(data);
        }
        match event(document, origins) {
            Ok(mut content) => {
                reading.odd_phones += straighten_phones(&mut content);
                reading.events.push(ReadEvent {
                    identity: Identity::Given,
                    content,
                });
            }
            Err(found) => problems.extend(found.into_iter().map(|invalid| Invalid {
                pointer: place.clone() + &invalid.pointer,
                ..invalid
            })),
        }
    }
    if problems.is_empty() {
        reading
    } else {
        Reading::invalid(problems)
    }
}

fn event(document: Value, origins: &[String]) -> Result<CloudEvent, Vec<Invalid>> {
    let content: CloudEvent =
        serde_path_to_error::deserialize(document).map_err(|error| vec![misshapen(&error)])?;
    let found = refused(&content, origins);
    if found.is_empty() {
        Ok(content)
    } else {
        Err(found)
    }
}

/// What is wrong with an event whose shape is right.
fn refused(content: &CloudEvent, origins: &[String]) -> Vec<Invalid> {
    let mut found: Vec<_> = content
        .violations()
        .into_iter()
        .map(|violation| {
            invalid(
                violation.pointer,
                format!("expected {}", violation.expected),
            )
        })
        .collect();
    if content.kind.is_operators_only() {
        found.push(invalid(
            "/type",
            format!("only an operator states that something is {}", content.kind),
        ));
    }
    found.extend(operators_members(content));
    if !origins.is_empty() && !origins.contains(&content.source) {
        found.push(invalid(
            "/source",
            "not among the origins of this source".to_owned(),
        ));
    }
    found
}

/// Members by which an operator's event says for whom it speaks.
fn operators_members(content: &CloudEvent) -> Vec<Invalid> {
    let data = &content.data;
    let only = |there: bool, pointer| {
        there.then(|| invalid(pointer, "only in an operator's event".to_owned()))
    };
    [
        only(data.actor.is_some(), "/data/actor"),
        only(data.reason.is_some(), "/data/reason"),
        only(data.on_behalf_of.is_some(), "/data/on_behalf_of"),
        only(
            data.other.is_some() && !matches!(content.kind, Kind::Linked | Kind::Unlinked),
            "/data/other",
        ),
        only(
            data.worker
                .manager
                .set()
                .and_then(|manager| manager.source.as_ref())
                .is_some_and(SourceId::is_ops),
            "/data/worker/manager/source",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn invalid(pointer: &str, problem: String) -> Invalid {
    Invalid {
        pointer: pointer.to_owned(),
        problem,
    }
}

fn misshapen(error: &serde_path_to_error::Error<serde_json::Error>) -> Invalid {
    let mut pointer = String::new();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => pointer.extend(["/", &index.to_string()]),
            Segment::Map { key } => pointer.extend(["/", &escape(key)]),
            Segment::Enum { variant } => pointer.extend(["/", &escape(variant)]),
            Segment::Unknown => {}
        }
    }
    let problem = error.inner().to_string();
    if let Some(name) = quoted_after(&problem, "missing field `") {
        return Invalid {
            pointer: format!("{pointer}/{}", escape(name)),
            problem: "missing".to_owned(),
        };
    }
    Invalid { pointer, problem }
}

fn quoted_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.split('`').next()
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Takes out what is never taken, however deep; how many members that were.
fn drop_sensitive(value: &mut Value) -> usize {
    match value {
        Value::Object(members) => {
            let before = members.len();
            members.retain(|name, _| !is_sensitive(name));
            before - members.len() + members.values_mut().map(drop_sensitive).sum::<usize>()
        }
        Value::Array(elements) => elements.iter_mut().map(drop_sensitive).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Whether anything in it is never taken.
fn holds_sensitive(value: &Value) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| is_sensitive(name) || holds_sensitive(value)),
        Value::Array(elements) => elements.iter().any(holds_sensitive),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_sensitive(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    SENSITIVE.contains(&plain.as_str())
}

/// Numbers with their country become E.164; how many are left as they are.
fn straighten_phones(content: &mut CloudEvent) -> usize {
    let Change::Set(phones) = &mut content.data.worker.phones else {
        return 0;
    };
    let mut odd = 0;
    for Contact { value, .. } in phones {
        match value.as_deref().map(attributes::e164) {
            Some(Some(straight)) => *value = Some(straight),
            Some(None) => odd += 1,
            None => {}
        }
    }
    odd
}
