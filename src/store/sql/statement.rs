//! One statement with its values, and how values are read back.
//!
//! A statement's parameters are `$2`, `$3` ... in the order of [`Statement::with`]; `{rows}` stands for a list of tuples
//! ([`Statement::rows`]), numbered after them. Neither database's `QueryBuilder` is used: it writes `?`.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::{
    Any, AnyConnection, Arguments as _, AssertSqlSafe, Row as _,
    any::{AnyArguments, AnyRow},
};

use super::dialect::Dialect;
use crate::store::StoreError;
use crate::telemetry;

/// The most tuples in one statement: far below the parameters that either database allows.
const MOST_ROWS: usize = 500;

/// About the most bytes in a statement of several tuples to a server: what goes in one write, be it encrypted (a TLS record is
/// 16 KiB, RFC 8446 section 5.1). After a second write the server waits for the rest while we wait until it has acknowledged the
/// first, up to 40 ms: sqlx 0.9.0 leaves Nagle's algorithm on (its issue 4335).
pub(in crate::store) const ONE_WRITE: usize = 12 * 1024;

/// A connection that work is done on, and which database it is.
pub(in crate::store) struct Tx<'c> {
    pub(in crate::store) connection: &'c mut AnyConnection,
    pub(in crate::store) dialect: Dialect,
}

/// A value of a statement.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::store) enum SqlValue {
    /// A number, a time, a flag.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

/// A statement and its values.
#[derive(Clone)]
pub(in crate::store) struct Statement {
    statement: String,
    values: Vec<SqlValue>,
}

impl Statement {
    /// Starts with the statement; the text is always the program's own.
    pub(in crate::store) fn of(statement: impl Into<String>) -> Self {
        Self {
            statement: statement.into(),
            values: vec![SqlValue::from(telemetry::now())],
        }
    }

    /// The same values, with this statement.
    pub(in crate::store) fn saying(self, statement: String) -> Self {
        Self { statement, ..self }
    }

    /// The next value.
    pub(in crate::store) fn with(mut self, value: impl Into<SqlValue>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The tuples that `{rows}` stands for, as many as [`chunks`] gives at a time; at least one.
    pub(in crate::store) fn rows<const N: usize>(
        mut self,
        rows: impl IntoIterator<Item = [SqlValue; N]>,
    ) -> Self {
        let mut text = String::new();
        for row in rows {
            text.push_str(if text.is_empty() { "(" } else { ", (" });
            for (column, value) in row.into_iter().enumerate() {
                self.values.push(value);
                let comma = if column == 0 { "" } else { ", " };
                // Writing to a String does not fail.
                let _ = write!(text, "{comma}${}", self.values.len());
            }
            text.push(')');
        }
        self.statement = self.statement.replace("{rows}", &text);
        self
    }

    fn query(
        self,
        dialect: Dialect,
    ) -> Result<sqlx::query::Query<'static, Any, AnyArguments>, sqlx::Error> {
        let mut arguments = AnyArguments::default();
        for value in self.values {
            match value {
                SqlValue::Int(number) => arguments.add(number),
                SqlValue::Text(text) => arguments.add(text),
                SqlValue::Bytes(bytes) => arguments.add(bytes),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(sqlx::query_with(
            AssertSqlSafe(dialect.render(&self.statement)),
            arguments,
        ))
    }

    /// Every row.
    pub(in crate::store) async fn all(self, tx: &mut Tx<'_>) -> Result<Vec<AnyRow>, sqlx::Error> {
        self.query(tx.dialect)?.fetch_all(&mut *tx.connection).await
    }

    /// The first row, if there is one.
    pub(in crate::store) async fn first(
        self,
        tx: &mut Tx<'_>,
    ) -> Result<Option<AnyRow>, sqlx::Error> {
        Ok(self.all(tx).await?.into_iter().next())
    }

    /// How many rows it touched.
    pub(in crate::store) async fn run(self, tx: &mut Tx<'_>) -> Result<u64, sqlx::Error> {
        Ok(self
            .query(tx.dialect)?
            .execute(&mut *tx.connection)
            .await?
            .rows_affected())
    }
}

/// Tuples in chunks, each for one statement. Of a server's few lengths only, for it plans each anew.
pub(in crate::store) fn chunks<const N: usize>(
    dialect: Dialect,
    rows: Vec<[SqlValue; N]>,
) -> impl Iterator<Item = Vec<[SqlValue; N]>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let rest = rows.as_slice();
        let length = match dialect {
            Dialect::Sqlite => MOST_ROWS.min(rest.len()),
            Dialect::Postgres => fitting(rest.iter().take(MOST_ROWS))
                .checked_ilog2()
                .map_or(0, |log| 1 << log),
        };
        (length > 0).then(|| rows.by_ref().take(length).collect())
    })
}

/// How many of the first tuples fit in one write to a server; at least one, if there is one.
pub(in crate::store) fn fitting<'c, const N: usize>(
    rows: impl Iterator<Item = &'c [SqlValue; N]>,
) -> usize {
    let mut sum = 0;
    let fits = |(place, row): &(usize, &[SqlValue; N])| {
        sum += row.iter().map(SqlValue::bytes).sum::<usize>();
        *place == 0 || sum <= ONE_WRITE
    };
    rows.enumerate().take_while(fits).count()
}

impl SqlValue {
    /// About how many bytes it is on the wire.
    fn bytes(&self) -> usize {
        let value = match self {
            Self::Int(_) => 8,
            Self::Text(text) => text.as_ref().map_or(0, String::len),
            Self::Bytes(bytes) => bytes.as_ref().map_or(0, Vec::len),
        };
        value + 8
    }
}

/// One more condition on a column.
pub(in crate::store) fn and(column: &str, parameter: usize) -> String {
    format!(" AND {column} = ${parameter}")
}

/// Reading a row's columns by name.
pub(in crate::store) trait Columns {
    /// A number.
    fn int(&self, column: &str) -> Result<i64, StoreError>;
    /// A number that may be missing.
    fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreError>;
    /// A text.
    fn text(&self, column: &str) -> Result<String, StoreError>;
    /// A text that may be missing.
    fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError>;
    /// Bytes that may be missing.
    fn maybe_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// A flag.
    fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }
    /// A count.
    fn count(&self, column: &str) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.int(column)?).unwrap_or(0))
    }
    /// A time.
    fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        instant(self.int(column)?)
    }
    /// A time that may be missing.
    fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        self.maybe_int(column)?.map(instant).transpose()
    }
    /// A text that is checked or is one of an enum's words.
    fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        from_word(self.text(column)?)
    }
    /// A document.
    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        from_json(&self.text(column)?)
    }
    /// A document that may be missing.
    fn maybe_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        self.maybe_text(column)?
            .map(|text| from_json(&text))
            .transpose()
    }
}

impl Columns for AnyRow {
    fn int(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.try_get(column)?)
    }
    fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }
    fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(self.try_get(column)?)
    }
    fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.try_get(column)?)
    }
    fn maybe_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.try_get(column)?)
    }
}

/// A time as stored.
pub(in crate::store) fn instant(microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds)
        .map_err(|error| StoreError::Refused(error.to_string()))
}

/// A document as stored.
pub(in crate::store) fn to_json(document: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(document).map_err(|error| StoreError::Refused(error.to_string()))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Refused(format!("a document in the store: {error}")))
}

/// An enum's word as stored.
pub(in crate::store) fn to_word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn from_word<T: DeserializeOwned>(word: String) -> Result<T, StoreError> {
    serde_json::from_value(Value::String(word))
        .map_err(|error| StoreError::Refused(format!("a word in the store: {error}")))
}

macro_rules! values {
    ($($from:ty => |$value:ident| $sql:expr;)+) => {
        $(impl From<$from> for SqlValue {
            fn from($value: $from) -> Self {
                $sql
            }
        })+
    };
}

values! {
    i64 => |value| Self::Int(Some(value));
    Option<i64> => |value| Self::Int(value);
    bool => |value| Self::Int(Some(i64::from(value)));
    u32 => |value| Self::Int(Some(i64::from(value)));
    usize => |value| Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)));
    Timestamp => |value| Self::Int(Some(value.as_microsecond()));
    Option<Timestamp> => |value| Self::Int(value.map(Timestamp::as_microsecond));
    std::time::Duration => |value| Self::Int(Some(i64::try_from(value.as_micros()).unwrap_or(i64::MAX / 4)));
    &str => |value| Self::Text(Some(value.to_owned()));
    String => |value| Self::Text(Some(value));
    &String => |value| Self::Text(Some(value.clone()));
    Option<String> => |value| Self::Text(value);
    Option<&str> => |value| Self::Text(value.map(str::to_owned));
    Vec<u8> => |value| Self::Bytes(Some(value));
    Option<Vec<u8>> => |value| Self::Bytes(value);
    &crate::store::PersonKey => |value| Self::Text(Some(value.0.clone()));
    Option<crate::store::PersonKey> => |value| Self::Text(value.map(|key| key.0));
    crate::store::Priority => |value| Self::Int(Some(match value {
        crate::store::Priority::Leaver => 0,
        crate::store::Priority::Other => 1,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of so many bytes of text each, numbered.
    fn rows(lengths: impl IntoIterator<Item = usize>) -> Vec<[SqlValue; 2]> {
        lengths
            .into_iter()
            .enumerate()
            .map(|(place, length)| [place.into(), "x".repeat(length).into()])
            .collect()
    }

    fn lengths(dialect: Dialect, rows: &[[SqlValue; 2]]) -> Vec<usize> {
        let chunks: Vec<_> = chunks(dialect, rows.to_vec()).collect();
        assert_eq!(chunks.concat(), rows, "all of them, in their order");
        chunks.iter().map(Vec::len).collect()
    }

    #[test]
    fn what_goes_to_a_server_fits_in_one_write_and_has_few_lengths() {
        assert_eq!(
            lengths(Dialect::Postgres, &rows([1000; 27])),
            [8, 8, 8, 2, 1]
        );
        assert_eq!(
            lengths(Dialect::Postgres, &rows([1, 100_000, 1, 1])),
            [1, 1, 2],
            "one alone may be longer"
        );
        assert_eq!(
            lengths(Dialect::Postgres, &rows([1; 1000])),
            [256, 256, 256, 128, 64, 32, 8]
        );
        assert_eq!(lengths(Dialect::Postgres, &[]), [0; 0]);
    }

    #[test]
    fn a_file_takes_as_many_as_a_statement_may_have() {
        assert_eq!(
            lengths(Dialect::Sqlite, &rows([1000; 1200])),
            [500, 500, 200]
        );
    }
}
