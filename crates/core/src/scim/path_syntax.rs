//! The syntax of attribute paths (RFC 7644 section 3.10), and the short forms of a mapping.
//!
//! In: the text of a path. Out: its [`PathParts`], or the broken rule in words. Short forms
//! become full ones: `enterprise.department` gets the URN of the enterprise extension, and
//! `emails.work` becomes `emails[type eq "work"].value`.

use std::fmt;

use serde_json::Value;

use super::urn::{CORE_USER, ENTERPRISE_USER};

/// The parts of a path in full form.
#[derive(Clone, Debug)]
pub(super) struct PathParts {
    /// The extension's URN; `None` for the core schema.
    pub(super) urn: Option<String>,
    pub(super) attribute: String,
    pub(super) selector: Option<Selector>,
    pub(super) sub_attribute: Option<String>,
}

/// The selector of an element of a multi-valued attribute: the comparison in brackets.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// The sub-attribute to compare, in most paths `type`.
    pub attribute: String,
    /// The expected value: a JSON string, number or boolean.
    pub value: Value,
}

const TOO_MANY_NAMES: &str = "a path has at most an attribute and a sub-attribute";

/// The multi-valued attributes of RFC 7643 section 4.1.2, with their canonical types.
pub(super) const TYPED: [(&str, &[&str]); 5] = [
    ("emails", &["work", "home", "other"]),
    (
        "phoneNumbers",
        &["work", "home", "mobile", "fax", "pager", "other"],
    ),
    ("addresses", &["work", "home", "other"]),
    (
        "ims",
        &[
            "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo", "other",
        ],
    ),
    ("photos", &["photo", "thumbnail"]),
];

/// Parses a path in full or short form.
pub(super) fn parse(text: &str) -> Result<PathParts, String> {
    let (head, rest) = match text.find('[') {
        Some(index) => text.split_at(index),
        None => (text, ""),
    };
    let (urn, names) = split_urn(head)?;
    if rest.is_empty() {
        return parse_names(urn, names);
    }

    let attribute = name(names)?;
    let (selector, after) = selector(rest)?;
    let sub_attribute = match after.strip_prefix('.') {
        Some(sub_attribute) => Some(name(sub_attribute)?),
        None if after.is_empty() => None,
        None => return Err("only `.` and a sub-attribute may follow `]`".into()),
    };
    Ok(PathParts {
        urn,
        attribute,
        selector: Some(selector),
        sub_attribute,
    })
}

/// Parses one to three names with dots between them; only a short form has three.
fn parse_names(urn: Option<String>, names: &str) -> Result<PathParts, String> {
    let names: Vec<&str> = names.split('.').collect();
    let (first, second, third) = match names.as_slice() {
        [first] => (*first, None, None),
        [first, second] => (*first, Some(*second), None),
        [first, second, third] => (*first, Some(*second), Some(*third)),
        [] | [_, ..] => return Err(TOO_MANY_NAMES.into()),
    };

    if urn.is_none() && first.eq_ignore_ascii_case("enterprise") {
        let attribute = second.ok_or("the attribute is missing: `enterprise.department`")?;
        return Ok(PathParts {
            urn: Some(ENTERPRISE_USER.into()),
            attribute: name(attribute)?,
            selector: None,
            sub_attribute: third.map(name).transpose()?,
        });
    }
    let typed = second
        .filter(|_| urn.is_none())
        .and_then(|second| typed(first, second));
    if let Some((attribute, kind)) = typed {
        return typed_parts(attribute, kind, third);
    }
    if third.is_some() {
        return Err(TOO_MANY_NAMES.into());
    }
    Ok(PathParts {
        urn,
        attribute: name(first)?,
        selector: None,
        sub_attribute: second.map(name).transpose()?,
    })
}

/// The full form of `emails.work` and `addresses.work.locality`.
fn typed_parts(
    attribute: &str,
    kind: &str,
    sub_attribute: Option<&str>,
) -> Result<PathParts, String> {
    let sub_attribute = match (sub_attribute, attribute) {
        (Some(sub_attribute), _) => name(sub_attribute)?,
        (None, "addresses") => {
            return Err(format!(
                "the sub-attribute is missing: `{attribute}.{kind}.locality`"
            ));
        }
        (None, _) => "value".to_owned(),
    };
    let selector = Selector {
        attribute: "type".into(),
        value: Value::String(kind.to_owned()),
    };

    Ok(PathParts {
        urn: None,
        attribute: attribute.to_owned(),
        selector: Some(selector),
        sub_attribute: Some(sub_attribute),
    })
}

/// The canonical spelling of a multi-valued attribute and of one of its types.
fn typed(attribute: &str, kind: &str) -> Option<(&'static str, &'static str)> {
    let (attribute, kinds) = TYPED
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(attribute))?;
    Some((
        attribute,
        kinds.iter().find(|k| k.eq_ignore_ascii_case(kind))?,
    ))
}

/// Splits `URN:attr.sub` at the last colon, because a URN may contain dots (`2.0`).
fn split_urn(head: &str) -> Result<(Option<String>, &str), String> {
    let Some((urn, names)) = head.rsplit_once(':') else {
        return Ok((None, head));
    };

    if !urn
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
    {
        return Err("only the URN of a schema may contain colons".into());
    }
    if urn.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err("this is a schema without an attribute: add `:` and the attribute".into());
    }
    if !urn.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
        return Err("a URN has only ASCII characters, without spaces and quotes".into());
    }
    // The URN of the core schema may be omitted (RFC 7644 section 3.10).
    Ok((
        (!urn.eq_ignore_ascii_case(CORE_USER)).then(|| urn.to_owned()),
        names,
    ))
}

/// Checks an attribute name: ATTRNAME of RFC 7643 section 2.1, or its one exception `$ref`.
fn name(text: &str) -> Result<String, String> {
    let starts_with_a_letter = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let has_name_characters = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if text == "$ref" || (starts_with_a_letter && has_name_characters) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is not an attribute name: expected a letter, then letters, digits, `-` or `_`"
    ))
}

/// Parses `[sub eq literal]`, and returns it with the rest of the text.
fn selector(text: &str) -> Result<(Selector, &str), String> {
    const SHAPE: &str = "the brackets must contain one comparison: `type eq \"work\"`";

    let inner = text.strip_prefix('[').ok_or(SHAPE)?.trim_start();
    let (attribute, inner) = inner.split_once(' ').ok_or(SHAPE)?;
    let attribute = name(attribute)?;
    let (operator, inner) = inner.trim_start().split_once(' ').ok_or(SHAPE)?;
    if !operator.eq_ignore_ascii_case("eq") {
        return Err(SHAPE.into());
    }

    let mut literals = serde_json::Deserializer::from_str(inner).into_iter::<Value>();
    let value = literals.next().and_then(Result::ok).ok_or(SHAPE)?;
    if value.is_null() || value.is_array() || value.is_object() {
        return Err(SHAPE.into());
    }
    let after = inner
        .get(literals.byte_offset()..)
        .unwrap_or_default()
        .trim_start();
    let after = after.strip_prefix(']').ok_or(SHAPE)?;
    Ok((Selector { attribute, value }, after))
}

impl PathParts {
    pub(super) fn with_names_in_lower_case(&self) -> Self {
        let selector = self.selector.as_ref().map(|selector| Selector {
            attribute: selector.attribute.to_ascii_lowercase(),
            value: selector.value.clone(),
        });
        Self {
            urn: self.urn.as_deref().map(str::to_ascii_lowercase),
            attribute: self.attribute.to_ascii_lowercase(),
            selector,
            sub_attribute: self.sub_attribute.as_deref().map(str::to_ascii_lowercase),
        }
    }
}

impl fmt::Display for PathParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.urn {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.attribute)?;
        if let Some(selector) = &self.selector {
            write!(f, "[{} eq {}]", selector.attribute, selector.value)?;
        }
        if let Some(sub_attribute) = &self.sub_attribute {
            write!(f, ".{sub_attribute}")?;
        }
        Ok(())
    }
}
