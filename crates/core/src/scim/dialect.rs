//! The settings of a profile that have a fixed set of values, and the dialect of groups.
//!
//! `docs/dialects.md` explains each of them. The defaults are the forms of the RFCs.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::AttributePath;

/// The method that changes an existing user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateMethod {
    /// PATCH with one attribute and its path in each operation.
    #[default]
    PatchPath,
    /// PATCH with one operation without a path; its value has all attributes.
    PatchPathless,
    /// PUT of the changed attributes only. RFC 7644 section 3.5.1 makes a PUT replace all
    /// attributes, so this is only for a vendor that documents a partial PUT.
    PutPartial,
    /// PUT of the whole user as just read, with the changes in it, and `If-Match` where the user
    /// has a version (RFC 7644 sections 3.5.1 and 3.14). For a server without PATCH.
    Put,
}

impl UpdateMethod {
    /// Whether the method sends a PATCH.
    pub fn is_patch(self) -> bool {
        match self {
            Self::PatchPath | Self::PatchPathless => true,
            Self::PutPartial | Self::Put => false,
        }
    }
}

/// The way to clear a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullPolicy {
    /// A `remove` operation; `null` in a body without operations.
    #[default]
    Remove,
    /// A replacement with `null`.
    Null,
    /// A replacement with `""`, for a server that refuses `null`.
    Empty,
}

/// The path or JSON type of an attribute that differs from the RFC's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeOverride {
    /// The path in this dialect; `None`: the path of the RFC.
    #[serde(default)]
    pub path: Option<AttributePath>,
    /// The JSON type in this dialect.
    #[serde(default)]
    pub kind: ValueKind,
}

/// The JSON type that a server expects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// The type that the mapping produces.
    #[default]
    Any,
    /// A string; numbers and booleans are converted.
    Text,
    /// An integer; a string of digits is converted.
    Integer,
    /// A boolean; `"true"` and `"false"` are converted.
    Boolean,
}

/// The dialect of groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupDialect {
    /// The path of groups below the base URL.
    pub path: String,
    /// The maximum number of members that one PATCH adds or removes.
    pub chunk: usize,
    /// The way to check a membership before a change.
    pub check: MemberCheck,
    /// The form of the operation that removes a member.
    pub remove: MemberRemoval,
}

impl Default for GroupDialect {
    fn default() -> Self {
        Self {
            path: "/Groups".into(),
            chunk: 50,
            check: MemberCheck::Read,
            remove: MemberRemoval::Path,
        }
    }
}

/// The way to check whether a user is a member of a group already, so that a membership granted by
/// hand is never recorded as granted by Hirewire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberCheck {
    /// A GET of the group with its members.
    #[default]
    Read,
    /// A filter on `id` and `members.value`, for large groups, if the server supports it.
    Filter,
}

/// The form of the operation that removes a member of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRemoval {
    /// `{"op": "remove", "path": "members[value eq \"2819c223\"]"}` (RFC 7644 section 3.5.2.2).
    #[default]
    Path,
    /// `{"op": "remove", "path": "members", "value": [{"value": "2819c223"}]}`: for a server that
    /// does not parse a filter in a path.
    Value,
}

impl ValueKind {
    /// Converts a value to this type. A value without a conversion stays unchanged, so that the
    /// server's error names it.
    pub(super) fn convert(self, value: Value) -> Value {
        match (self, &value) {
            (Self::Text, Value::Number(number)) => Value::String(number.to_string()),
            (Self::Text, Value::Bool(truth)) => Value::String(truth.to_string()),
            (Self::Integer, Value::String(text)) => text
                .trim()
                .parse::<i64>()
                .map_or(value, |number| Value::Number(Number::from(number))),
            (Self::Boolean, Value::String(text)) => text
                .trim()
                .to_ascii_lowercase()
                .parse()
                .map_or(value, Value::Bool),
            (Self::Any | Self::Text | Self::Integer | Self::Boolean, _) => value,
        }
    }
}
