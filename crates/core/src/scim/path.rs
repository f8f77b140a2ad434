//! The path of an attribute: `attr`, `attr.sub`, `attr[type eq "work"].sub`, `URN:attr.sub`.
//!
//! [`AttributePath`] is a checked path in the full form of RFC 7644 section 3.10. Two paths that
//! differ only in the case of names are equal (RFC 7643 section 2.1). `path_syntax.rs` parses the
//! text, `resource.rs` reads and writes values at a path.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
};

use serde::{Deserialize, Serialize};

use super::path_syntax::{PathParts, Selector, parse};

/// A checked attribute path.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttributePath {
    /// The full form, for output.
    text: String,
    /// The full form with names in lower case, for comparison.
    folded: String,
    parts: PathParts,
}

/// A text that is not an attribute path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an attribute path: {problem}")]
pub struct InvalidPath {
    /// The text as written.
    pub text: String,
    /// The rule that it breaks, in words.
    pub problem: String,
}

impl AttributePath {
    /// Parses a path in full or short form, as a mapping writes it.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        parse(text.trim())
            .map(Self::from)
            .map_err(|problem| InvalidPath {
                text: text.to_owned(),
                problem,
            })
    }

    /// The path in full form, as in a PATCH operation.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The extension's URN; `None` for the core schema.
    pub fn urn(&self) -> Option<&str> {
        self.parts.urn.as_deref()
    }

    /// The attribute without the rest: `emails` of `emails[type eq "work"].value`.
    pub fn attribute(&self) -> &str {
        &self.parts.attribute
    }

    /// The selector of an element, if the path has one.
    pub fn selector(&self) -> Option<&Selector> {
        self.parts.selector.as_ref()
    }

    /// The sub-attribute, if the path has one.
    pub fn sub_attribute(&self) -> Option<&str> {
        self.parts.sub_attribute.as_deref()
    }

    /// The path without selector and sub-attribute: `emails`, `URN:manager`.
    #[must_use]
    pub fn whole_attribute(&self) -> Self {
        Self::from(PathParts {
            selector: None,
            sub_attribute: None,
            ..self.parts.clone()
        })
    }

    /// The path without its selector: `emails.value` of `emails[type eq "work"].value`.
    #[must_use]
    pub(crate) fn without_selector(&self) -> Self {
        Self::from(PathParts {
            selector: None,
            ..self.parts.clone()
        })
    }

    /// Whether both paths are in the same element of the same attribute.
    pub(crate) fn same_element(&self, other: &Self) -> bool {
        self.whole_element() == other.whole_element()
    }

    /// Whether the path selects an element as a whole: `emails[type eq "work"]`.
    pub(crate) fn is_element(&self) -> bool {
        self.selector().is_some() && self.sub_attribute().is_none()
    }

    /// The path without sub-attribute: the element that the selector selects.
    pub(crate) fn whole_element(&self) -> Self {
        Self::from(PathParts {
            sub_attribute: None,
            ..self.parts.clone()
        })
    }

    /// Whether this is the core attribute `name` as a whole, such as `userName`.
    pub fn is_core_attribute(&self, name: &str) -> bool {
        self.urn().is_none()
            && self.selector().is_none()
            && self.sub_attribute().is_none()
            && self.attribute().eq_ignore_ascii_case(name)
    }
}

impl From<PathParts> for AttributePath {
    fn from(parts: PathParts) -> Self {
        Self {
            text: parts.to_string(),
            folded: parts.with_names_in_lower_case().to_string(),
            parts,
        }
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
