//! Keep, clear or set: the three states of one member of a partial document (RFC 7396).
//!
//! RFC 7396 writes them as an absent member, `null` and a value. An enum names them; a nested
//! `Option<Option<T>>` holds the same and is easily misread. A member needs `#[serde(default)]`
//! and `skip_serializing_if = "Change::is_keep"` for the absent state.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The change that a partial document makes to one value (RFC 7396).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The member is absent: the known value stays.
    #[default]
    Keep,
    /// The member is `null`: the value is removed.
    Clear,
    /// The member has a value: it replaces the known one.
    Set(T),
}

impl<T> Change<T> {
    /// Whether the member is absent, for `#[serde(skip_serializing_if)]`.
    pub(crate) fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The new value; `None` for keep and clear.
    pub fn set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

impl<T> From<Option<T>> for Change<T> {
    /// `None` becomes [`Change::Keep`]; [`Change::Clear`] is always built explicitly.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(value) => value.serialize(serializer),
            Self::Keep | Self::Clear => serializer.serialize_none(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Change<T> {
    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Option::<T>::json_schema(generator)
    }

    fn inline_schema() -> bool {
        true
    }
}
