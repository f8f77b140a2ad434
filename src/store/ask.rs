//! One statement with its values, and how values are read back.
//!
//! A statement's parameters are `$2`, `$3` ... in the order of [`Ask::with`]; `{rows}` stands for a list of tuples
//! ([`Ask::rows`]), numbered after them. Neither database's `QueryBuilder` is used: it writes `?`.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::{
    Any, AnyConnection, Arguments as _, AssertSqlSafe, Row as _,
    any::{AnyArguments, AnyRow},
};

use super::{StoreError, dialect::Dialect};
use crate::telemetry;

/// The most tuples in one statement: far below the parameters that either database allows.
const MOST_ROWS: usize = 500;

/// About the most bytes in a statement of several tuples to a server: what goes in one write, be it encrypted (a TLS record is
/// 16 KiB, RFC 8446 section 5.1). After a second write the server waits for the rest while we wait until it has acknowledged the
/// first, up to 40 ms: sqlx 0.9.0 leaves Nagle's algorithm on (its issue 4335).
pub(super) const ONE_WRITE: usize = 12 * 1024;

/// A connection that work is done on, and which database it is.
pub(super) struct Tx<'c> {
    pub(super) connection: &'c mut AnyConnection,
    pub(super) dialect: Dialect,
}

/// A value of a statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// A number, a time, a flag.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

/// A statement and its values.
#[derive(Clone)]
pub(super) struct Ask {
    statement: String,
    cells: Vec<Cell>,
}

impl Ask {
    /// Starts with the statement; the text is always the program's own.
    pub(super) fn of(statement: impl Into<String>) -> Self {
        Self { statement: statement.into(), cells: vec![Cell::from(telemetry::now())] }
    }

    /// The same values, with this statement.
    pub(super) fn saying(self, statement: String) -> Self {
        Self { statement, ..self }
    }

    /// The next value.
    pub(super) fn with(mut self, cell: impl Into<Cell>) -> Self {
        self.cells.push(cell.into());
        self
    }

    /// The tuples that `{rows}` stands for, as many as [`parts`] gives at a time; at least one.
    pub(super) fn rows<const N: usize>(mut self, rows: impl IntoIterator<Item = [Cell; N]>) -> Self {
        let mut text = String::new();
        for row in rows {
            text.push_str(if text.is_empty() { "(" } else { ", (" });
            for (column, cell) in row.into_iter().enumerate() {
                self.cells.push(cell);
                let comma = if column == 0 { "" } else { ", " };
                // Writing to a String does not fail.
                let _ = write!(text, "{comma}${}", self.cells.len());
            }
            text.push(')');
        }
        self.statement = self.statement.replace("{rows}", &text);
        self
    }

    fn query(self, dialect: Dialect) -> Result<sqlx::query::Query<'static, Any, AnyArguments>, sqlx::Error> {
        let mut arguments = AnyArguments::default();
        for cell in self.cells {
            match cell {
                Cell::Int(number) => arguments.add(number),
                Cell::Text(text) => arguments.add(text),
                Cell::Bytes(bytes) => arguments.add(bytes),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(sqlx::query_with(AssertSqlSafe(dialect.render(&self.statement)), arguments))
    }

    /// Every row.
    pub(super) async fn all(self, tx: &mut Tx<'_>) -> Result<Vec<AnyRow>, sqlx::Error> {
        self.query(tx.dialect)?.fetch_all(&mut *tx.connection).await
    }

    /// The first row, if there is one.
    pub(super) async fn first(self, tx: &mut Tx<'_>) -> Result<Option<AnyRow>, sqlx::Error> {
        Ok(self.all(tx).await?.into_iter().next())
    }

    /// How many rows it touched.
    pub(super) async fn run(self, tx: &mut Tx<'_>) -> Result<u64, sqlx::Error> {
        Ok(self.query(tx.dialect)?.execute(&mut *tx.connection).await?.rows_affected())
    }
}

/// Tuples in parts, each for one statement. Of a server's few lengths only, for it plans each anew.
pub(super) fn parts<const N: usize>(dialect: Dialect, rows: Vec<[Cell; N]>) -> impl Iterator<Item = Vec<[Cell; N]>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let rest = rows.as_slice();
        let length = match dialect {
            Dialect::Sqlite => MOST_ROWS.min(rest.len()),
            Dialect::Postgres => fitting(rest.iter().take(MOST_ROWS)).checked_ilog2().map_or(0, |log| 1 << log),
        };
        (length > 0).then(|| rows.by_ref().take(length).collect())
    })
}

/// How many of the first tuples fit in one write to a server; at least one, if there is one.
pub(super) fn fitting<'c, const N: usize>(rows: impl Iterator<Item = &'c [Cell; N]>) -> usize {
    let mut sum = 0;
    let fits = |(place, row): &(usize, &[Cell; N])| {
        sum += row.iter().map(Cell::bytes).sum::<usize>();
        *place == 0 || sum <= ONE_WRITE
    };
    rows.enumerate().take_while(fits).count()
}

impl Cell {
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
pub(super) fn and(column: &str, parameter: usize) -> String {
    format!(" AND {column} = ${parameter}")
}

/// Reading a row's columns by name.
pub(super) trait Columns {
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
        self.maybe_text(column)?.map(|text| from_json(&text)).transpose()
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
pub(super) fn instant(microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds).map_err(|error| StoreError::Refused(error.to_string()))
}

/// A document as stored.
pub(super) fn to_json(document: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(document).map_err(|error| StoreError::Refused(error.to_string()))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Refused(format!("a document in the store: {error}")))
}

/// An enum's word as stored.
pub(super) fn to_word(value: &impl Serialize) -> String {
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

macro_rules! cells {
    ($($from:ty => |$value:ident| $cell:expr;)+) => {
        $(impl From<$from> for Cell {
            fn from($value: $from) -> Self {
                $cell
            }
        })+
    };
}

cells! {
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
    &super::PersonKey => |value| Self::Text(Some(value.0.clone()));
    Option<super::PersonKey> => |value| Self::Text(value.map(|key| key.0));
    super::OwedClass => |value| Self::Int(Some(match value {
        super::OwedClass::Leaver => 0,
        super::OwedClass::Other => 1,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of so many bytes of text each, numbered.
    fn rows(lengths: impl IntoIterator<Item = usize>) -> Vec<[Cell; 2]> {
        lengths.into_iter().enumerate().map(|(place, length)| [place.into(), "x".repeat(length).into()]).collect()
    }

    fn lengths(dialect: Dialect, rows: &[[Cell; 2]]) -> Vec<usize> {
        let parts: Vec<_> = parts(dialect, rows.to_vec()).collect();
        assert_eq!(parts.concat(), rows, "all of them, in their order");
        parts.iter().map(Vec::len).collect()
    }

    #[test]
    fn what_goes_to_a_server_fits_in_one_write_and_has_few_lengths() {
        assert_eq!(lengths(Dialect::Postgres, &rows([1000; 27])), [8, 8, 8, 2, 1]);
        assert_eq!(lengths(Dialect::Postgres, &rows([1, 100_000, 1, 1])), [1, 1, 2], "one alone may be longer");
        assert_eq!(lengths(Dialect::Postgres, &rows([1; 1000])), [256, 256, 256, 128, 64, 32, 8]);
        assert_eq!(lengths(Dialect::Postgres, &[]), [0; 0]);
    }

    #[test]
    fn a_file_takes_as_many_as_a_statement_may_have() {
        assert_eq!(lengths(Dialect::Sqlite, &rows([1000; 1200])), [500, 500, 200]);
    }
}
