//! Reading a row of an answer, by the names of its columns.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::{Row as _, any::AnyRow};

use crate::store::StoreError;

/// A row of an answer.
pub(in crate::store) type SqlRow = AnyRow;

/// Reads a row's columns by name. A value that does not fit its type is `StoreError::Refused`.
pub(in crate::store) trait ReadColumn {
    fn int(&self, column: &str) -> Result<i64, StoreError>;
    fn optional_int(&self, column: &str) -> Result<Option<i64>, StoreError>;
    fn text(&self, column: &str) -> Result<String, StoreError>;
    fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError>;
    fn optional_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// A BIGINT that is 0 or 1.
    fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    /// The result of COUNT.
    fn count(&self, column: &str) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.int(column)?).unwrap_or(0))
    }

    /// A BIGINT that counts few things.
    fn small(&self, column: &str) -> Result<u32, StoreError> {
        Ok(u32::try_from(self.int(column)?).unwrap_or(u32::MAX))
    }

    /// A time in microseconds since 1970 UTC.
    fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        timestamp(self.int(column)?)
    }

    fn optional_time(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        self.optional_int(column)?.map(timestamp).transpose()
    }

    /// The name of an enum's variant, or a checked id.
    fn code<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        from_code(column, self.text(column)?)
    }

    fn optional_code<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let code = self.optional_text(column)?;
        code.map(|code| from_code(column, code)).transpose()
    }

    /// A JSON document.
    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        from_json(column, &self.text(column)?)
    }

    fn optional_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let text = self.optional_text(column)?;
        text.map(|text| from_json(column, &text)).transpose()
    }
}

impl ReadColumn for SqlRow {
    fn int(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn optional_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn optional_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.try_get(column)?)
    }
}

/// The time of so many microseconds since 1970 UTC.
pub(in crate::store) fn timestamp(microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds)
        .map_err(|error| StoreError::Refused(format!("a stored time is out of range: {error}")))
}

fn from_json<T: DeserializeOwned>(column: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| unreadable(column, &error))
}

fn from_code<T: DeserializeOwned>(column: &str, code: String) -> Result<T, StoreError> {
    serde_json::from_value(Value::String(code)).map_err(|error| unreadable(column, &error))
}

fn unreadable(column: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Refused(format!(
        "the column `{column}` of a row cannot be read: {error}"
    ))
}
