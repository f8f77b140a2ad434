//! Attribute paths: `attr`, `attr.sub`, `attr[type eq "work"].sub`, `URN:attr.sub` (RFC 7644 section 3.10).
//!
//! A mapping may write short forms: `enterprise.department` for the enterprise extension's URN,
//! `emails.work` for `emails[type eq "work"].value`. [`AttributePath::as_str`] is always the full form.
//! Names compare without case (RFC 7643 section 2.1). Reading and writing at a path: `resource.rs`.

use std::{
    cmp::Ordering,
    fmt::{self, Write},
    hash::{Hash, Hasher},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CORE_USER, ENTERPRISE_USER};

/// A checked path; two that differ only in the case of names are equal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttributePath {
    text: String,
    folded: String,
    urn: Option<String>,
    attribute: String,
    selector: Option<Selector>,
    sub: Option<String>,
}

/// The part in brackets: which element of a multi-valued attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// The sub-attribute compared, nearly always `type`.
    pub attribute: String,
    /// What it must equal: a JSON string, number or boolean.
    pub value: Value,
}

/// A text that is no attribute path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no attribute path: {problem}")]
pub struct InvalidPath {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl AttributePath {
    /// Reads a path as a mapping writes it, short forms too.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        read(text.trim()).map_err(|problem| InvalidPath {
            text: text.to_owned(),
            problem,
        })
    }

    /// The path in full, as a PATCH operation states it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The extension's URN; `None` for the core schema.
    pub fn urn(&self) -> Option<&str> {
        self.urn.as_deref()
    }

    /// The attribute itself: `emails` of `emails[type eq "work"].value`.
    pub fn attribute(&self) -> &str {
        &self.attribute
    }

    /// Which element, if the path selects one.
    pub fn selector(&self) -> Option<&Selector> {
        self.selector.as_ref()
    }

    /// The sub-attribute, if there is one.
    pub fn sub(&self) -> Option<&str> {
        self.sub.as_deref()
    }

    /// The path without selector and sub-attribute: `emails`, `URN:manager`.
    #[must_use]
    pub fn whole_attribute(&self) -> Self {
        build(self.urn.clone(), self.attribute.clone(), None, None)
    }

    /// The path of another sub-attribute of the same attribute or element.
    #[must_use]
    pub fn with_sub(&self, sub: &str) -> Self {
        build(
            self.urn.clone(),
            self.attribute.clone(),
            self.selector.clone(),
            Some(sub.to_owned()),
        )
    }

    /// Whether both are in the same element of the same attribute.
    pub fn same_element(&self, other: &Self) -> bool {
        let element =
            |p: &Self| build(p.urn.clone(), p.attribute.clone(), p.selector.clone(), None);
        element(self) == element(other)
    }

    /// Whether this is the core attribute `name` itself, such as `userName`.
    pub fn is(&self, name: &str) -> bool {
        self.urn.is_none()
            && self.selector.is_none()
            && self.sub.is_none()
            && self.attribute.eq_ignore_ascii_case(name)
    }
}

/// The multi-valued attributes of RFC 7643 section 4.1.2 with their canonical types.
const TYPED: [(&str, &[&str]); 5] = [
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

fn read(text: &str) -> Result<AttributePath, String> {
    let (head, rest) = match text.find('[') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let (urn, names) = split_urn(head)?;
    if rest.is_empty() {
        let mut parts = names.split('.');
        let (first, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        if parts.next().is_some() {
            return Err("a path has at most an attribute and a sub-attribute".into());
        }
        return plain(urn, first, second, third);
    }
    let attribute = name(names)?;
    let (selector, after) = selector(rest)?;
    let sub = match after.strip_prefix('.') {
        Some(sub) => Some(name(sub)?),
        None if after.is_empty() => None,
        None => return Err("after `]` comes `.` and a sub-attribute, or nothing".into()),
    };
    Ok(build(urn, attribute, Some(selector), sub))
}

fn plain(
    urn: Option<String>,
    first: &str,
    second: Option<&str>,
    third: Option<&str>,
) -> Result<AttributePath, String> {
    if urn.is_none() && first.eq_ignore_ascii_case("enterprise") {
        let attribute = name(second.ok_or("name the attribute: `enterprise.department`")?)?;
        return Ok(build(
            Some(ENTERPRISE_USER.into()),
            attribute,
            None,
            third.map(name).transpose()?,
        ));
    }
    let kind = if urn.is_none() {
        second.and_then(|second| typed(first, second))
    } else {
        None
    };
    if let Some((attribute, kind)) = kind {
        let sub = match (third, attribute) {
            (Some(third), _) => name(third)?,
            (None, "addresses") => return Err(format!("name the part: `{first}.{kind}.locality`")),
            (None, _) => "value".to_owned(),
        };
        let selector = Selector {
            attribute: "type".into(),
            value: Value::String(kind.to_owned()),
        };
        return Ok(build(None, attribute.to_owned(), Some(selector), Some(sub)));
    }
    if third.is_some() {
        return Err("a path has at most an attribute and a sub-attribute".into());
    }
    Ok(build(
        urn,
        name(first)?,
        None,
        second.map(name).transpose()?,
    ))
}

fn typed(attribute: &str, kind: &str) -> Option<(&'static str, &'static str)> {
    let (attribute, kinds) = TYPED
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(attribute))?;
    Some((
        attribute,
        kinds.iter().find(|k| k.eq_ignore_ascii_case(kind))?,
    ))
}

/// Splits `URN:attr.sub`; a URN has dots of its own (`2.0`), so the attribute begins after the last colon.
fn split_urn(head: &str) -> Result<(Option<String>, &str), String> {
    let Some((urn, names)) = head.rsplit_once(':') else {
        return Ok((None, head));
    };
    if !urn
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
    {
        return Err("only a schema's URN may have colons".into());
    }
    if urn.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err("this is a schema, not an attribute: add `:` and the attribute".into());
    }
    if !urn.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
        return Err("a URN has no spaces and only ASCII characters".into());
    }
    // RFC 7644 section 3.10: the core schema's URN may be left out.
    Ok((
        (!urn.eq_ignore_ascii_case(CORE_USER)).then(|| urn.to_owned()),
        names,
    ))
}

fn name(text: &str) -> Result<String, String> {
    // RFC 7643 section 2.1 ATTRNAME; `$ref` is the one exception in the RFC.
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let goes_on = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if text == "$ref" || (starts && goes_on) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is no attribute name: a letter, then letters, digits, `-` and `_`"
    ))
}

/// Reads `[sub eq literal]` and gives what comes after it.
fn selector(text: &str) -> Result<(Selector, &str), String> {
    const SHAPE: &str = "in brackets comes one comparison: `type eq \"work\"`";
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

fn build(
    urn: Option<String>,
    attribute: String,
    selector: Option<Selector>,
    sub: Option<String>,
) -> AttributePath {
    let render = |fold: bool| {
        let cased = |text: &str| {
            if fold {
                text.to_ascii_lowercase()
            } else {
                text.to_owned()
            }
        };
        let mut out = String::new();
        if let Some(urn) = &urn {
            out.push_str(&cased(urn));
            out.push(':');
        }
        out.push_str(&cased(&attribute));
        if let Some(selector) = &selector {
            // Writing to a String cannot fail.
            let _ = write!(
                out,
                "[{} eq {}]",
                cased(&selector.attribute),
                selector.value
            );
        }
        if let Some(sub) = &sub {
            out.push('.');
            out.push_str(&cased(sub));
        }
        out
    };
    let (text, folded) = (render(false), render(true));
    AttributePath {
        text,
        folded,
        urn,
        attribute,
        selector,
        sub,
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for AttributePath {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for AttributePath {}

impl PartialOrd for AttributePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AttributePath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl Hash for AttributePath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl TryFrom<String> for AttributePath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::parse(&text)
    }
}

impl From<AttributePath> for String {
    fn from(path: AttributePath) -> Self {
        path.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(text: &str) -> String {
        AttributePath::parse(text).unwrap().into()
    }

    #[test]
    fn short_forms_become_full_paths() {
        assert_eq!(
            full("enterprise.department"),
            format!("{ENTERPRISE_USER}:department")
        );
        assert_eq!(
            full("enterprise.manager.value"),
            format!("{ENTERPRISE_USER}:manager.value")
        );
        assert_eq!(full("emails.work"), r#"emails[type eq "work"].value"#);
        assert_eq!(
            full("phonenumbers.Work"),
            r#"phoneNumbers[type eq "work"].value"#
        );
        assert_eq!(
            full("addresses.work.locality"),
            r#"addresses[type eq "work"].locality"#
        );
        assert_eq!(full(&format!("{CORE_USER}:userName")), "userName");
        assert_eq!(
            full(r#"emails[ type EQ "work" ].value"#),
            r#"emails[type eq "work"].value"#
        );
        assert_eq!(
            full("emails[primary eq false].value"),
            "emails[primary eq false].value"
        );
        assert_eq!(full("manager.$ref"), "manager.$ref");
    }

    #[test]
    fn names_compare_without_case_and_selected_values_with_it() {
        let path = |text| AttributePath::parse(text).unwrap();
        assert_eq!(path("Name.GivenName"), path("name.givenname"));
        assert_eq!(path("emails.work"), path(r#"EMAILS[TYPE eq "work"].Value"#));
        assert_ne!(path(r#"x[type eq "a"].v"#), path(r#"x[type eq "A"].v"#));
    }

    #[test]
    fn what_is_no_path_is_refused_with_a_reason() {
        for text in [
            "",
            ".",
            "a.",
            "a b",
            "a.b.c",
            "1a",
            "addresses.work",
            "enterprise",
            "a[type eq work].v",
            r#"a[type co "x"].v"#,
            r#"a[type eq "x"]v"#,
            r#"a[type eq "x""#,
            "x:y",
            ENTERPRISE_USER,
            r#"a[type eq "x" and b eq "y"].v"#,
            "$rer",
            "a[type eq null].v",
            "é",
        ] {
            assert!(AttributePath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_full_form_is_a_path_to_an_independent_reader() {
        for text in [
            "userName",
            "name.givenName",
            "emails.work",
            "enterprise.manager.value",
            "addresses.work.locality",
        ] {
            let text = full(text);
            let read: scim_v2::filter::PatchPath = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
            assert_eq!(full(&text), text);
        }
    }
}
