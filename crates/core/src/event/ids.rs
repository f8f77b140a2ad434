//! The ids in an event, and the keys made of them.
//!
//! Each id is a type with a checked `parse`, so that the compiler rejects a [`WorkerId`] where a
//! [`SourceId`] belongs. Worker and employment ids are the vendor's own text: case-exact and not
//! interpreted. [`EventKey`] decides whether two events are one fact; `fold` applies it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text that breaks the rule of an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be 1 to {max} characters{rule}")]
pub struct InvalidId {
    /// The id with its article: `a source id`.
    pub name: &'static str,
    /// The maximum length, in characters.
    pub max: usize,
    /// The rule for its characters, starting with a comma; empty if there is none.
    pub rule: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $type:ident, $name:literal, $max:literal, $allowed:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks the length and the characters of the text.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let allowed: fn(char) -> bool = $allowed;
                let length = text.chars().count();
                if length == 0 || length > $max || !text.chars().all(allowed) {
                    return Err(InvalidId { name: $name, max: $max, rule: $rule });
                }
                Ok(Self(text))
            }

            /// The id as text, unchanged.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$type> for String {
            fn from(id: $type) -> Self {
                id.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A configured source: the name of its table under `[sources]`, or the table's `id`.
    SourceId,
    "a source id",
    64,
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_',
    ", lower-case letters, digits, - or _"
);
text_id!(
    /// The source's id of a worker (`CloudEvents` `subject`).
    WorkerId,
    "a worker id",
    255,
    |c| !c.is_control(),
    ", none of them a control character"
);
text_id!(
    /// The source's id of one employment of a worker; some sources have none.
    EmploymentId,
    "an employment id",
    255,
    |c| !c.is_control(),
    ", none of them a control character"
);
text_id!(
    /// One HTTP request of an HR system. Intake assigns it: a UUID v7 (RFC 9562).
    HookId,
    "a hook id",
    64,
    |c| c.is_ascii_graphic(),
    ", printable ASCII"
);

impl From<uuid::Uuid> for HookId {
    fn from(id: uuid::Uuid) -> Self {
        Self(id.to_string())
    }
}

impl SourceId {
    /// The reserved source of every operator's event (docs/fold.md, section 4).
    pub const OPS: &'static str = "ops";

    /// Whether this is [`SourceId::OPS`].
    pub fn is_ops(&self) -> bool {
        self.0 == Self::OPS
    }

    /// The id of the reserved source [`SourceId::OPS`].
    pub fn ops() -> Self {
        Self(Self::OPS.to_owned())
    }
}

/// A worker of a source. A person has one or more aliases (docs/fold.md, section 2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alias {
    /// The source that assigns the worker id.
    pub source: SourceId,
    /// The worker's id at that source.
    pub worker: WorkerId,
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.source, self.worker)
    }
}

/// The way an event's id is derived (docs/fold.md, section 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdDerivation {
    /// The sender assigns the id.
    #[default]
    Given,
    /// The item has a time but no id: the id is the digest of the item.
    Digest,
    /// The item has neither: the id is the digest of the item, and equal items of two hooks are
    /// two facts.
    DigestInHook,
}

/// The key of a fact: two events with equal keys are one fact (docs/fold.md, section 1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventKey {
    /// The configured source that received it.
    pub source: SourceId,
    /// The `CloudEvents` `source` attribute, which the sender states.
    pub origin: String,
    /// The event's id, unique within the origin.
    pub id: String,
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}#{}", self.source, self.origin, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_id_fits_a_url_segment_and_a_toml_table_name() {
        assert!(SourceId::parse("acme-1").is_ok());
        for wrong in ["", "Acme", "a/b", "a b"] {
            assert!(SourceId::parse(wrong).is_err(), "{wrong}");
        }
    }
}
