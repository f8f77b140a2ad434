//! A value of a statement, and how Rust values become one.
//!
//! A database stores three types: BIGINT (numbers, times in microseconds, flags 0 or 1), TEXT
//! (texts, codes, JSON documents) and BYTEA. A missing value keeps its type, because PostgreSQL
//! takes an untyped NULL in VALUES for a text.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::store::StoreError;

/// A value of a statement; `None` is the NULL of that type.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::store) enum SqlValue {
    /// BIGINT.
    Int(Option<i64>),
    /// TEXT.
    Text(Option<String>),
    /// BYTEA.
    Bytes(Option<Vec<u8>>),
}

impl SqlValue {
    /// The NULL of the same type.
    pub(in crate::store) fn null(&self) -> Self {
        match self {
            Self::Int(_) => Self::Int(None),
            Self::Text(_) => Self::Text(None),
            Self::Bytes(_) => Self::Bytes(None),
        }
    }

    /// The approximate size on the wire, in bytes.
    pub(in crate::store) fn wire_size(&self) -> usize {
        let value = match self {
            Self::Int(_) => 8,
            Self::Text(text) => text.as_ref().map_or(0, String::len),
            Self::Bytes(bytes) => bytes.as_ref().map_or(0, Vec::len),
        };
        value + 8
    }
}

/// A document as the database stores it.
pub(in crate::store) fn json_text(document: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(document)
        .map_err(|error| StoreError::Refused(format!("a value cannot be written as JSON: {error}")))
}

/// The name of an enum's variant as the database stores it.
pub(in crate::store) fn code(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

macro_rules! conversions {
    ($($from:ty => |$value:ident| $sql:expr;)+) => {
        $(impl From<$from> for SqlValue {
            fn from($value: $from) -> Self {
                $sql
            }
        })+
    };
}

conversions! {
    i64 => |value| Self::Int(Some(value));
    Option<i64> => |value| Self::Int(value);
    bool => |value| Self::Int(Some(i64::from(value)));
    u32 => |value| Self::Int(Some(i64::from(value)));
    usize => |value| Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)));
    Timestamp => |value| Self::Int(Some(value.as_microsecond()));
    Option<Timestamp> => |value| Self::Int(value.map(Timestamp::as_microsecond));
    Duration => |value| Self::Int(Some(i64::try_from(value.as_micros()).unwrap_or(i64::MAX / 4)));
    &str => |value| Self::Text(Some(value.to_owned()));
    String => |value| Self::Text(Some(value));
    &String => |value| Self::Text(Some(value.clone()));
    Option<String> => |value| Self::Text(value);
    Option<&str> => |value| Self::Text(value.map(str::to_owned));
    Vec<u8> => |value| Self::Bytes(Some(value));
    Option<Vec<u8>> => |value| Self::Bytes(value);
}
