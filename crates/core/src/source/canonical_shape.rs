//! Finds every mistake in the shape of a canonical event, in words of the format.
//!
//! serde stops at the first mistake. Here that mistake is noted, its member is taken out of a copy
//! of the document, and serde reads on. So a sender can fix all of them at once.

use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::parsed_body::{InvalidMember, MAX_PROBLEMS};
use crate::{event::CloudEvent, suggest};

/// How often a document is read: each time takes a mistake out, or what follows from one.
const MAX_READINGS: usize = 5 * MAX_PROBLEMS;

/// The members of `data` that are lists; below `extensions` anything may be one.
pub(super) const LISTS: &[&str] = &[
    "addresses",
    "employments",
    "other_emails",
    "phones",
    "refers_to",
];

/// A document that was read, with its mistakes.
pub(super) struct Shape {
    /// The event without its mistakes; `None`: they cannot be taken out. If there are mistakes, it
    /// only serves to find more of them.
    pub(super) content: Option<CloudEvent>,
    pub(super) mistakes: Vec<InvalidMember>,
}

/// Reads a document.
pub(super) fn read(document: Value) -> Shape {
    let mut shape = Shape {
        content: None,
        mistakes: Vec::new(),
    };
    let mut rest = document;

    for _ in 0..MAX_READINGS {
        match serde_path_to_error::deserialize(rest.clone()) {
            Ok(content) => {
                shape.note_lists(&rest, &content);
                shape.content = Some(content);
                break;
            }
            Err(error) => {
                let removed = shape.note(&mut rest, &error);
                if !removed || shape.mistakes.len() >= MAX_PROBLEMS {
                    break;
                }
            }
        }
    }
    shape
}

impl Shape {
    /// Whether this member, one above it or one below it has a mistake already.
    pub(super) fn is_noted(&self, pointer: &str) -> bool {
        self.mistakes.iter().any(|mistake| {
            is_at_or_below(pointer, &mistake.pointer) || is_at_or_below(&mistake.pointer, pointer)
        })
    }

    /// Notes each list that serde took for an object: its elements would be the members in the order
    /// of the type.
    fn note_lists(&mut self, document: &Value, content: &CloudEvent) {
        let written = serde_json::to_value(content).unwrap_or_default();
        let mut found = Vec::new();
        lists_for_objects(document, &written, &mut Vec::new(), &mut found);

        let mistakes = found.into_iter().map(|pointer| InvalidMember {
            pointer,
            problem: "expected an object, found a list".to_owned(),
        });
        self.mistakes.extend(mistakes.take(MAX_PROBLEMS));
    }

    /// Notes a mistake and takes it out; `false`: it cannot be taken out.
    fn note(
        &mut self,
        document: &mut Value,
        error: &serde_path_to_error::Error<serde_json::Error>,
    ) -> bool {
        let parent: Vec<String> = error.path().iter().filter_map(key).collect();
        let problem = error.inner().to_string();
        let missing = missing_member(&problem);

        let mut path = parent.clone();
        path.extend(missing.map(ToOwned::to_owned));
        let pointer = pointer(&path);
        let is_new = !self.is_noted(&pointer);
        if is_new {
            self.mistakes.push(InvalidMember {
                problem: in_words(&problem),
                pointer,
            });
        }

        match missing {
            Some(name) if parent.is_empty() => stand_in(document, name),
            Some(_) => remove(document, &parent, is_new),
            None => remove(document, &path, is_new),
        }
    }
}

/// The pointers at which `document` has a list and `written`, which was read from it, an object.
fn lists_for_objects(
    document: &Value,
    written: &Value,
    path: &mut Vec<String>,
    found: &mut Vec<String>,
) {
    let in_data = path.first().is_some_and(|first| first == "data");
    let is_list = path
        .last()
        .is_some_and(|name| LISTS.contains(&name.as_str()));
    match (document, written) {
        (Value::Array(_), Value::Object(_)) => found.push(pointer(path)),
        // An object without members is not written.
        (Value::Array(_), Value::Null) if in_data && !is_list => found.push(pointer(path)),
        (Value::Object(members), Value::Object(written)) => {
            for (name, member) in members {
                path.push(name.clone());
                lists_for_objects(
                    member,
                    written.get(name).unwrap_or(&Value::Null),
                    path,
                    found,
                );
                path.pop();
            }
        }
        (Value::Array(elements), Value::Array(written)) => {
            for (index, (element, written)) in elements.iter().zip(written).enumerate() {
                path.push(index.to_string());
                lists_for_objects(element, written, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

fn is_at_or_below(pointer: &str, above: &str) -> bool {
    pointer
        .strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Puts a stand-in for a missing member of the event, so that the rest can be read.
fn stand_in(document: &mut Value, name: &str) -> bool {
    let value = match name {
        "specversion" => "1.0",
        "type" => "hr.worker.changed.v1",
        _ => "stand-in",
    };
    let Value::Object(members) = document else {
        return false;
    };

    members.insert(name.to_owned(), value.into());
    true
}

fn key(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}

/// A JSON pointer (RFC 6901 section 3).
fn pointer(path: &[String]) -> String {
    path.iter().fold(String::new(), |text, key| {
        text + "/" + &key.replace('~', "~0").replace('/', "~1")
    })
}

/// Takes a member or an element out; `false`: there is none, or it is the whole document.
///
/// An element leaves an empty object, so that the others keep their indexes; where that does not fit
/// either, the list is emptied.
fn remove(document: &mut Value, path: &[String], is_first: bool) -> bool {
    let Some((name, parent)) = path.split_last() else {
        return false;
    };

    match document.pointer_mut(&pointer(parent)) {
        Some(Value::Object(members)) => members.remove(name).is_some(),
        Some(Value::Array(list)) => {
            let element = name
                .parse()
                .ok()
                .and_then(|index: usize| list.get_mut(index));
            match element {
                Some(element) if is_first => *element = Value::Object(Map::new()),
                Some(_) | None => list.clear(),
            }
            true
        }
        _ => false,
    }
}

fn missing_member(problem: &str) -> Option<&str> {
    problem.strip_prefix("missing field `")?.split('`').next()
}

/// The problem that serde reports, in words of the format.
fn in_words(problem: &str) -> String {
    if missing_member(problem).is_some() {
        return "missing".to_owned();
    }
    if let Some(rest) = problem.strip_prefix("unknown field `") {
        return unknown("unknown member", rest);
    }
    if let Some(rest) = problem.strip_prefix("unknown variant `") {
        return unknown("unknown value", rest);
    }
    for prefix in ["invalid type: ", "invalid value: "] {
        if let Some((found, expected)) = problem
            .strip_prefix(prefix)
            .and_then(|rest| rest.split_once(", expected "))
        {
            return format!(
                "expected {}, found {}",
                expected_word(expected),
                found_word(found)
            );
        }
    }
    if problem.starts_with("data did not match any variant") {
        return "it has none of the forms that this member can have".to_owned();
    }
    problem.to_owned()
}

/// `what`, and the known word that was probably meant. `rest`: after serde's opening quote.
fn unknown(what: &str, rest: &str) -> String {
    let mut quoted = rest.split('`').step_by(2);
    let typed = quoted.next().unwrap_or_default();
    let known: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();

    match suggest::nearest(typed, known.iter().copied()) {
        Some(word) => format!("{what}; did you mean `{word}`?"),
        None if known.len() <= 8 && !known.is_empty() => {
            format!("{what}; expected one of: {}", known.join(", "))
        }
        None => what.to_owned(),
    }
}

fn expected_word(expected: &str) -> &str {
    match expected {
        "a string" | "string" | "string or map" => "text",
        "a sequence" => "a list",
        "a map" => "an object",
        "a boolean" => "true or false",
        "u64" | "i64" | "u32" | "i32" | "usize" => "a whole number",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

fn found_word(found: &str) -> &'static str {
    match found.split([' ', '`']).next().unwrap_or_default() {
        "string" | "character" => "other text",
        "integer" | "floating" => "a number",
        "boolean" => "true or false",
        "map" => "an object",
        "sequence" => "a list",
        "null" | "unit" | "Option" => "null",
        _ => "something else",
    }
}
