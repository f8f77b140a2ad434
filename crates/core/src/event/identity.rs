//! Who and what an event is about, and what makes two events the same one.
//!
//! Small checked names: a [`SourceId`] cannot be passed where a [`WorkerId`] is meant. Worker and
//! employment ids are the vendor's own text, case-exact, never interpreted.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A text that cannot be an id here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be 1 to {max} characters{rule}")]
pub struct InvalidId {
    /// Which id, in the words of the interface.
    pub what: &'static str,
    /// The most characters it may have.
    pub max: usize,
    /// What else must hold, starting with a comma, or nothing.
    pub rule: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal, $allowed:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let allowed: fn(char) -> bool = $allowed;
                let length = text.chars().count();
                if length == 0 || length > $max || !text.chars().all(allowed) {
                    return Err(InvalidId { what: $what, max: $max, rule: $rule });
                }
                Ok(Self(text))
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A configured source: the name of its table under `[sources]`, or its `id`.
    SourceId,
    "a source id",
    64,
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_',
    ", lower-case letters, digits, - or _"
);
text_id!(
    /// A worker as the source numbers them (`CloudEvents` `subject`).
    WorkerId,
    "a worker id",
    255,
    |c| !c.is_control(),
    ", none of them a control character"
);
text_id!(
    /// One employment of a worker, where the source tells employments apart.
    EmploymentId,
    "an employment id",
    255,
    |c| !c.is_control(),
    ", none of them a control character"
);
text_id!(
    /// One HTTP request that an HR system made; ours, a UUID v7.
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
    /// The reserved source of everything that an operator changes (fold.md 4).
    pub const OPS: &'static str = "ops";

    /// Whether this is the operators' reserved source.
    pub fn is_ops(&self) -> bool {
        self.0 == Self::OPS
    }

    /// The operators' reserved source.
    pub fn ops() -> Self {
        Self(Self::OPS.to_owned())
    }
}

/// A worker of a source: what a person is known by (fold.md 2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alias {
    /// The source that numbers the worker.
    pub source: SourceId,
    /// The worker's id there.
    pub worker: WorkerId,
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.source, self.worker)
    }
}

/// How an event's id came about (fold.md 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// The vendor gave it.
    #[default]
    Given,
    /// No id, but a time: the id is the digest of the item.
    Digest,
    /// Neither id nor time: the id is the digest of the item, and each hook is a fact of its own.
    DigestInHook,
}

/// What makes two events the same fact (fold.md 1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventKey {
    /// The configured source.
    pub source: SourceId,
    /// The `CloudEvents` `source`.
    pub origin: String,
    /// The event's id there.
    pub id: String,
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}#{}", self.source, self.origin, self.id)
    }
}

/// SHA-256 of some content, shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentDigest([u8; 32]);

impl ContentDigest {
    /// Digests the bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The bytes.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let text: String = digits
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect();
        f.write_str(&text)
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<ContentDigest> for String {
    fn from(digest: ContentDigest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for ContentDigest {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            what: "a digest",
            max: 64,
            rule: ", hexadecimal, all 64 of them",
        };
        if text.len() != 64 || !text.is_ascii() {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let pair = text.get(index * 2..index * 2 + 2).ok_or_else(invalid)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_what_it_writes() {
        let digest = ContentDigest::of(b"abc");
        assert!(digest.to_string().starts_with("ba7816bf"));
        assert_eq!(ContentDigest::try_from(digest.to_string()), Ok(digest));
        assert!(ContentDigest::try_from("é".repeat(32)).is_err());
    }

    #[test]
    fn a_source_id_is_what_a_url_and_a_table_name_can_carry() {
        assert!(SourceId::parse("acme-1").is_ok());
        for wrong in ["", "Acme", "a/b", "a b"] {
            assert!(SourceId::parse(wrong).is_err(), "{wrong}");
        }
    }
}
