//! Attribute paths and filters of the fake server (RFC 7644 sections 3.4.2.2 and 3.5.2).
//!
//! Filters have `eq` and `and`, in brackets or not. Another operator is `invalidFilter`.

use serde_json::{Map, Value};

/// A path: `attribute`, `attribute.sub`, `attribute[filter]`, `attribute[filter].sub`, each also
/// below the URN of an extension.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    pub urn: Option<String>,
    pub attribute: String,
    pub filter: Option<Vec<Comparison>>,
    pub sub: Option<String>,
}

/// `path eq value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub path: Path,
    pub value: Value,
}

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:";

impl Path {
    /// Reads a path; `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (before, filter, after) = match text.split_once('[') {
            None => (text, None, ""),
            Some((before, rest)) => {
                let end = rest.rfind(']')?;
                let filter = parse_filter(&rest[..end])?;
                (before, Some(filter), &rest[end + 1..])
            }
        };

        let (urn, name) = match before.rsplit_once(':') {
            Some((urn, name)) if before.to_lowercase().starts_with("urn:") => (Some(urn), name),
            _ => (None, before),
        };
        let urn = urn.filter(|urn| !urn.to_lowercase().starts_with(&CORE.to_lowercase()));

        let (attribute, sub) = match (name.split_once('.'), after.strip_prefix('.')) {
            (Some((attribute, sub)), None) => (attribute, Some(sub)),
            (None, sub) => (name, sub),
            (Some(_), Some(_)) => return None,
        };
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || "$_-".contains(c))
        };
        if !is_name(attribute) || !sub.is_none_or(is_name) || !(after.is_empty() || sub.is_some()) {
            return None;
        }

        Some(Self {
            urn: urn.map(str::to_owned),
            attribute: attribute.to_owned(),
            filter,
            sub: sub.map(str::to_owned),
        })
    }

    /// Every value at the path.
    pub fn values<'a>(&self, resource: &'a Value) -> Vec<&'a Value> {
        let container = match &self.urn {
            None => Some(resource),
            Some(urn) => member(resource, urn),
        };
        let Some(attribute) = container.and_then(|inner| member(inner, &self.attribute)) else {
            return Vec::new();
        };

        let elements: Vec<&Value> = match attribute {
            Value::Array(elements) => elements.iter().collect(),
            one => vec![one],
        };
        elements
            .into_iter()
            .filter(|element| {
                self.filter
                    .as_ref()
                    .is_none_or(|all| all_hold(all, element))
            })
            .filter_map(|element| match (&self.sub, element) {
                (Some(sub), element) => member(element, sub),
                // `emails eq "a@b"` compares the value of an element.
                (None, Value::Object(_)) => member(element, "value").or(Some(element)),
                (None, element) => Some(element),
            })
            .collect()
    }
}

/// Whether every comparison holds for the resource or element.
pub fn all_hold(comparisons: &[Comparison], resource: &Value) -> bool {
    comparisons.iter().all(|comparison| {
        let exact = ["id", "externalId"].contains(&comparison.path.attribute.as_str());
        let found = comparison.path.values(resource);
        // A value path holds if one element meets all of its comparisons.
        found
            .iter()
            .any(|found| equal(found, &comparison.value, exact))
    })
}

fn equal(found: &Value, wanted: &Value, exact: bool) -> bool {
    match (found, wanted) {
        (Value::String(found), Value::String(wanted)) if !exact => {
            found.to_lowercase() == wanted.to_lowercase()
        }
        (found, wanted) => found == wanted,
    }
}

/// Reads a filter; `None`: it is not one of `eq`, `and` and brackets.
///
/// `emails[type eq "work" and value eq "x"]` is one comparison whose path has the first part as its
/// filter.
pub fn parse_filter(text: &str) -> Option<Vec<Comparison>> {
    let mut comparisons = Vec::new();
    for part in split_at_and(text) {
        let part = part.trim();
        if let Some(inner) = part.strip_suffix(']') {
            let (attribute, inner) = inner.split_once('[')?;
            let mut inside = parse_filter(inner)?;
            let last = inside.pop()?;
            let mut path = Path::parse(attribute)?;
            path.filter = Some(inside);
            path.sub = Some(last.path.attribute);
            comparisons.push(Comparison {
                path,
                value: last.value,
            });
            continue;
        }

        let (path, rest) = part.split_once(' ')?;
        let (operator, value) = rest.trim().split_once(' ')?;
        if !operator.eq_ignore_ascii_case("eq") {
            return None;
        }
        comparisons.push(Comparison {
            path: Path::parse(path)?,
            value: serde_json::from_str(value.trim()).ok()?,
        });
    }
    Some(comparisons)
}

/// The parts between `and`, outside of quotes and brackets.
fn split_at_and(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut parts, mut begin, mut depth, mut quoted, mut at) = (Vec::new(), 0, 0, false, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'[' if !quoted => depth += 1,
            b']' if !quoted => depth -= 1,
            b' ' if !quoted && depth == 0 && is_and(&bytes[at..]) => {
                parts.push(&text[begin..at]);
                at += 4;
                begin = at;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&text[begin..]);
    parts
}

fn is_and(bytes: &[u8]) -> bool {
    bytes.len() > 5 && bytes[..5].eq_ignore_ascii_case(b" and ")
}

/// The member with that name, compared without case (RFC 7643 section 2.1).
pub fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let members = object.as_object()?;
    members
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The key of that name in the case that the object has; the name itself if it has none.
pub fn key_of(members: &Map<String, Value>, name: &str) -> String {
    let known = members.keys().find(|key| key.eq_ignore_ascii_case(name));
    known.cloned().unwrap_or_else(|| name.to_owned())
}

#[test]
fn paths_and_filters_are_read_as_the_rfc_writes_them() {
    let path =
        Path::parse("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value");
    let path = path.expect("a path");
    assert_eq!(
        (path.attribute.as_str(), path.sub.as_deref()),
        ("manager", Some("value"))
    );
    assert_eq!(Path::parse("emails[type eq"), None);
    assert_eq!(Path::parse("a b"), None);

    let user = serde_json::json!({
        "userName": "Ada", "externalId": "E-1",
        "emails": [{"type": "home", "value": "h@x"}, {"type": "work", "value": "w and]@x"}],
    });
    for (filter, holds) in [
        (r#"userName eq "ada""#, true),
        (r#"externalId eq "e-1""#, false),
        (r#"emails[type eq "work" and value eq "W and]@x"]"#, true),
        (r#"emails[type eq "work" and value eq "h@x"]"#, false),
        (r#"emails.value eq "h@x" and userName eq "ADA""#, true),
    ] {
        let parsed = parse_filter(filter).expect(filter);
        assert_eq!(all_hold(&parsed, &user), holds, "{filter}");
    }
    assert_eq!(parse_filter(r#"userName co "a""#), None);
}
