//! Reads a canonical body: one `CloudEvents` document or a list of them, as a whole or not at all.
//!
//! Sensitive members below `data` are dropped and counted. Any other unknown member there makes the
//! body invalid, with its JSON pointer. [`read_valid`] is the fast path for a body without either;
//! [`read`] finds each problem.

use serde_json::Value;

use super::{
    canonical_shape, misplaced,
    parsed_body::{InvalidMember, ParsedBody},
    phone::e164,
    sensitive,
};
use crate::{
    event::{Change, CloudEvent, Contact, IdDerivation, Kind, MAX_TEXT, ParsedEvent, SourceId},
    json::{self, Parsed, PlainForm, escape_token},
};

/// The maximum number of events in one body.
const MAX_EVENTS: usize = 1000;

/// A body of which serde can tell whether it is valid. serde also takes a list for an object, so
/// lists may stand only where the format has them; `extensions` may hold anything.
const PLAIN: PlainForm = PlainForm {
    max_text: MAX_TEXT,
    lists: canonical_shape::LISTS,
    free: "extensions",
};

/// Reads a body in which nothing is to be dropped or rejected; `None` for any other body, which
/// [`read`] examines.
///
/// serde rejects every sensitive member, because the types do not have it. Only `extensions` has
/// any names, so only these are searched.
pub(super) fn read_valid(body: &[u8], origins: &[String]) -> Option<ParsedBody> {
    if !json::is_plain(body, &PLAIN) {
        return None;
    }
    let is_batch = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let documents: Vec<CloudEvent> = if is_batch {
        serde_json::from_slice(body).ok()?
    } else {
        vec![serde_json::from_slice(body).ok()?]
    };
    if documents.len() > MAX_EVENTS || misplaced::is_in(body, is_batch) {
        return None;
    }

    let mut parsed = ParsedBody::default();
    for content in documents {
        if has_sensitive_extension(&content) || !problems(&content, origins).is_empty() {
            return None;
        }
        add_event(&mut parsed, content);
    }
    Some(parsed)
}

fn has_sensitive_extension(content: &CloudEvent) -> bool {
    content
        .data
        .worker
        .extensions
        .set()
        .into_iter()
        .flatten()
        .any(|(name, value)| sensitive::is_sensitive(name) || sensitive::has_members(value))
}

/// Reads a body. If `origins` is not empty, an event's `source` must be one of them.
pub(super) fn read(body: Parsed, origins: &[String]) -> ParsedBody {
    let repeated = body.repeated.into_iter();
    let mut invalid_members: Vec<InvalidMember> = repeated
        .map(|pointer| invalid(&pointer, "the member stands twice in its object".to_owned()))
        .collect();
    let (documents, is_batch) = match body.value {
        Value::Array(documents) => (documents, true),
        document @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => (vec![document], false),
    };
    if documents.len() > MAX_EVENTS {
        let count = documents.len();
        let problem = format!("the body has {count} events; the maximum is {MAX_EVENTS}");
        return ParsedBody::invalid(vec![invalid("", problem)]);
    }

    let mut parsed = ParsedBody::default();
    for (index, mut document) in documents.into_iter().enumerate() {
        let prefix = if is_batch {
            format!("/{index}")
        } else {
            String::new()
        };
        if let Some(data) = document.get_mut("data") {
            parsed.dropped += sensitive::drop_members(data);
            unusable_texts(data, &format!("{prefix}/data"), &mut invalid_members);
        }
        match parse_event(document, origins) {
            Ok(content) => add_event(&mut parsed, content),
            Err(found) => invalid_members.extend(found.into_iter().map(|member| InvalidMember {
                pointer: prefix.clone() + &member.pointer,
                ..member
            })),
        }
    }

    if invalid_members.is_empty() {
        parsed
    } else {
        ParsedBody::invalid(invalid_members)
    }
}

/// Adds each text that no attribute may have: too long, or with a NUL, which databases refuse.
fn unusable_texts(value: &Value, pointer: &str, found: &mut Vec<InvalidMember>) {
    let check = |text: &str, pointer: &str, found: &mut Vec<InvalidMember>| {
        if text.len() > MAX_TEXT {
            let problem = format!("the text is longer than {MAX_TEXT} bytes");
            found.push(invalid(pointer, problem));
        }
        if text.contains('\0') {
            found.push(invalid(pointer, "the text has a NUL character".to_owned()));
        }
    };

    match value {
        Value::String(text) => check(text, pointer, found),
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                unusable_texts(element, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                check(name, pointer, found);
                let inner = format!("{pointer}/{}", escape_token(name));
                unusable_texts(member, &inner, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn add_event(parsed: &mut ParsedBody, mut content: CloudEvent) {
    parsed.unnormalized_phones += normalize_phones(&mut content);
    parsed.events.push(ParsedEvent {
        id_derivation: IdDerivation::Given,
        content,
    });
}

fn parse_event(document: Value, origins: &[String]) -> Result<CloudEvent, Vec<InvalidMember>> {
    let misplaced = misplaced::beside_data(&document);
    let mut shape = canonical_shape::read(document);
    shape.mistakes.extend(misplaced);

    // Without its type it is not known what an event requires.
    if let Some(content) = &shape.content
        && !shape.is_noted("/type")
    {
        let more: Vec<_> = problems(content, origins)
            .into_iter()
            .filter(|problem| !shape.is_noted(&problem.pointer))
            .collect();
        shape.mistakes.extend(more);
    }

    match shape.content {
        Some(content) if shape.mistakes.is_empty() => Ok(content),
        Some(_) | None => Err(shape.mistakes),
    }
}

/// The problems of an event whose shape is valid.
fn problems(content: &CloudEvent, origins: &[String]) -> Vec<InvalidMember> {
    let mut problems: Vec<_> = content
        .violations()
        .into_iter()
        .map(|violation| {
            invalid(
                violation.pointer,
                format!("expected {}", violation.expected),
            )
        })
        .collect();

    if content.kind.is_operator_only() {
        problems.push(invalid(
            "/type",
            format!("only an operator may send {}", content.kind),
        ));
    }
    problems.extend(operator_members(content));
    problems.extend(misplaced::date_without_effect(content));
    if !origins.is_empty() && !origins.contains(&content.source) {
        problems.push(invalid(
            "/source",
            "it is not one of the `origins` of this source".to_owned(),
        ));
    }
    problems
}

/// The members that only an operator's event may have.
fn operator_members(content: &CloudEvent) -> Vec<InvalidMember> {
    let data = &content.data;
    let is_link = matches!(content.kind, Kind::Linked | Kind::Unlinked);
    let manager_source = data
        .worker
        .manager
        .set()
        .and_then(|manager| manager.source.as_ref());

    [
        (data.actor.is_some(), "/data/actor"),
        (data.reason.is_some(), "/data/reason"),
        (data.on_behalf_of.is_some(), "/data/on_behalf_of"),
        (data.other.is_some() && !is_link, "/data/other"),
        (
            manager_source.is_some_and(SourceId::is_ops),
            "/data/worker/manager/source",
        ),
    ]
    .into_iter()
    .filter(|(is_stated, _)| *is_stated)
    .map(|(_, pointer)| {
        invalid(
            pointer,
            "only an operator's event may have this member".to_owned(),
        )
    })
    .collect()
}

fn invalid(pointer: &str, problem: String) -> InvalidMember {
    InvalidMember {
        pointer: pointer.to_owned(),
        problem,
    }
}

/// Writes each telephone number in E.164 form, and returns the count of those without one.
fn normalize_phones(content: &mut CloudEvent) -> usize {
    let Change::Set(phones) = &mut content.data.worker.phones else {
        return 0;
    };
    let mut unnormalized = 0;
    for Contact { value, .. } in phones {
        match value.as_deref().map(e164) {
            Some(Some(normalized)) => *value = Some(normalized),
            Some(None) => unnormalized += 1,
            None => {}
        }
    }
    unnormalized
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names of the members that a JSON Schema gives the type of a list.
    fn lists_in(schema: &Value, found: &mut BTreeSet<String>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let is_list = |kind: &Value| kind == "array";
            let kinds = property["type"].as_array();
            if is_list(&property["type"]) || kinds.is_some_and(|kinds| kinds.iter().any(is_list)) {
                found.insert(name.clone());
            }
        }
        let members = schema.as_object().into_iter().flatten();
        members.for_each(|(_, member)| lists_in(member, found));
        let elements = schema.as_array().into_iter().flatten();
        elements.for_each(|element| lists_in(element, found));
    }

    #[test]
    fn the_lists_of_the_fast_path_are_those_of_the_format() {
        let mut found = BTreeSet::new();
        for (_, schema) in crate::event::schemas() {
            lists_in(&serde_json::to_value(schema).unwrap(), &mut found);
        }
        let listed: BTreeSet<String> = PLAIN.lists.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(found, listed);
    }
}
