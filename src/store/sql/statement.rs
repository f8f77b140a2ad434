//! One statement with its values, by name.
//!
//! The text names a parameter `:name` ([`Statement::bind`]) and never counts one. Rows of values
//! ([`Statement::rows`]) carry the names of their columns, and the text uses them as
//!
//! | in the text | becomes |
//! |---|---|
//! | `{rows}` | `v (a, b) AS (VALUES ($2, $3), ($4, $5))`: the table `v` of a WITH |
//! | `{columns}` | `a, b` |
//! | `{values}` | `VALUES ($2, $3), ($4, $5)` |
//!
//! `{now}` and `{skip_locked}` are the dialect's. `$1` is always this process's clock. Both
//! databases cache a prepared statement by its text, so the text depends only on the number of
//! rows.

use std::{borrow::Cow, fmt::Write as _};

use sqlx::{
    Any, AnyConnection, Arguments as _, AssertSqlSafe,
    any::{AnyArguments, AnyRow},
};

use super::{dialect::Dialect, value::SqlValue};
use crate::telemetry;

/// The most rows in one statement: far below the parameters that either database allows.
const MOST_ROWS: usize = 500;

/// The approximate size, in bytes, that a statement of several rows may have for a server, so that
/// it leaves in one write even with TLS (a TLS record is 16 KiB, RFC 8446 section 5.1). After a
/// second write the server waits for the rest, and the client waits up to 40 ms for the server's
/// delayed ack of the first: sqlx 0.9.0 leaves Nagle's algorithm on (its issue 4335). Without this
/// limit the workers reconcile half as many events per second over TLS (docs/benchmarks.md).
const ONE_WRITE: usize = 12 * 1024;

/// The connection of one piece of work, and the dialect that it speaks.
pub(in crate::store) struct Tx<'c> {
    pub(in crate::store) connection: &'c mut AnyConnection,
    pub(in crate::store) dialect: Dialect,
}

/// A row of values, each with the name of its column.
pub(in crate::store) type Row<const N: usize> = [(&'static str, SqlValue); N];

/// A statement and its values.
#[derive(Clone)]
pub(in crate::store) struct Statement {
    text: Cow<'static, str>,
    parameters: Vec<(&'static str, SqlValue)>,
    columns: Vec<&'static str>,
    /// Row by row.
    values: Vec<SqlValue>,
}

impl Statement {
    /// Starts with the text. Input from outside is bound, never part of it.
    pub(in crate::store) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: text.into(),
            parameters: Vec::new(),
            columns: Vec::new(),
            values: Vec::new(),
        }
    }

    /// The value of `:name`. A name that the text does not use is harmless.
    pub(in crate::store) fn bind(mut self, name: &'static str, value: impl Into<SqlValue>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    /// The rows of `{rows}` or `{columns}` and `{values}`: at least one, at most [`chunks`] gives.
    pub(in crate::store) fn rows<const N: usize>(
        mut self,
        rows: impl IntoIterator<Item = Row<N>>,
    ) -> Self {
        for row in rows {
            let is_first = self.columns.is_empty();
            for (name, value) in row {
                if is_first {
                    self.columns.push(name);
                }
                self.values.push(value);
            }
        }
        self
    }

    /// The values of `IN ({values})`: at least one.
    pub(in crate::store) fn list(
        self,
        values: impl IntoIterator<Item = impl Into<SqlValue>>,
    ) -> Self {
        self.rows(values.into_iter().map(|value| [("value", value.into())]))
    }

    /// Every row of the answer.
    pub(in crate::store) async fn all(self, tx: &mut Tx<'_>) -> Result<Vec<AnyRow>, sqlx::Error> {
        self.query(tx.dialect)?.fetch_all(&mut *tx.connection).await
    }

    /// The first row of the answer.
    pub(in crate::store) async fn first(
        self,
        tx: &mut Tx<'_>,
    ) -> Result<Option<AnyRow>, sqlx::Error> {
        Ok(self.all(tx).await?.into_iter().next())
    }

    /// Runs it; the number of rows that it wrote.
    pub(in crate::store) async fn execute(self, tx: &mut Tx<'_>) -> Result<u64, sqlx::Error> {
        let done = self.query(tx.dialect)?.execute(&mut *tx.connection).await?;
        Ok(done.rows_affected())
    }

    fn query(
        self,
        dialect: Dialect,
    ) -> Result<sqlx::query::Query<'static, Any, AnyArguments>, sqlx::Error> {
        let text = self.render(dialect)?;
        let clock = SqlValue::from(telemetry::now());
        let parameters = self.parameters.into_iter().map(|(_, value)| value);

        let mut arguments = AnyArguments::default();
        for value in std::iter::once(clock).chain(parameters).chain(self.values) {
            match value {
                SqlValue::Int(number) => arguments.add(number),
                SqlValue::Text(text) => arguments.add(text),
                SqlValue::Bytes(bytes) => arguments.add(bytes),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(sqlx::query_with(AssertSqlSafe(text), arguments))
    }

    /// The text with numbered parameters, in one pass.
    fn render(&self, dialect: Dialect) -> Result<String, sqlx::Error> {
        let mut sql = String::with_capacity(self.text.len() + 6 * self.values.len() + 256);
        let mut rest = self.text.as_ref();

        while let Some(at) = rest.find([':', '{']) {
            let (before, marked) = rest.split_at(at);
            sql.push_str(before);
            rest = if let Some(after) = marked.strip_prefix(':') {
                let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                let end = after.find(|letter| !is_part(letter)).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                self.write_parameter(&mut sql, name)?;
                after
            } else {
                let (name, after) = marked.split_once('}').unwrap_or((marked, ""));
                self.write_fragment(&mut sql, name.trim_start_matches('{'), dialect)?;
                after
            };
        }

        sql.push_str(rest);
        Ok(sql)
    }

    fn write_parameter(&self, sql: &mut String, name: &str) -> Result<(), sqlx::Error> {
        let bound = self.parameters.iter().position(|(bound, _)| *bound == name);
        let index = bound.ok_or_else(|| unknown(":", name))?;
        write_number(sql, index + 2);
        Ok(())
    }

    fn write_fragment(
        &self,
        sql: &mut String,
        name: &str,
        dialect: Dialect,
    ) -> Result<(), sqlx::Error> {
        match name {
            "rows" => {
                sql.push_str("v (");
                self.write_columns(sql);
                sql.push_str(") AS (");
                self.write_values(sql);
                sql.push(')');
            }
            "columns" => self.write_columns(sql),
            "values" => self.write_values(sql),
            name => sql.push_str(dialect.fragment(name).ok_or_else(|| unknown("", name))?),
        }
        Ok(())
    }

    fn write_columns(&self, sql: &mut String) {
        for (index, column) in self.columns.iter().enumerate() {
            sql.push_str(if index == 0 { "" } else { ", " });
            sql.push_str(column);
        }
    }

    fn write_values(&self, sql: &mut String) {
        sql.push_str("VALUES ");
        let (first, width) = (self.parameters.len() + 2, self.columns.len().max(1));
        for index in 0..self.values.len() {
            sql.push_str(match (index, index % width) {
                (0, _) => "(",
                (_, 0) => "), (",
                (..) => ", ",
            });
            write_number(sql, first + index);
        }
        sql.push(')');
    }
}

fn write_number(sql: &mut String, number: usize) {
    // Writing to a String does not fail.
    let _ = write!(sql, "${number}");
}

fn unknown(mark: &str, name: &str) -> sqlx::Error {
    sqlx::Error::Configuration(
        format!("a statement names `{mark}{name}`, which has no value").into(),
    )
}

/// Rows in chunks of one statement each. A server gets a few lengths only, because it plans a
/// statement of each length anew.
pub(in crate::store) fn chunks<const N: usize>(
    dialect: Dialect,
    rows: Vec<Row<N>>,
) -> impl Iterator<Item = Vec<Row<N>>> {
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

/// How many of the first rows fit in one write to a server; at least one, if there is one.
pub(in crate::store) fn fitting<'c, const N: usize>(
    rows: impl Iterator<Item = &'c Row<N>>,
) -> usize {
    let mut sum = 0;
    let fits = |(index, row): &(usize, &Row<N>)| {
        sum += row
            .iter()
            .map(|(_, value)| value.wire_size())
            .sum::<usize>();
        *index == 0 || sum <= ONE_WRITE
    };
    rows.enumerate().take_while(fits).count()
}

/// Whether a statement failed because it would break a UNIQUE index.
pub(in crate::store) fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lengths: impl IntoIterator<Item = usize>) -> Vec<Row<2>> {
        lengths
            .into_iter()
            .enumerate()
            .map(|(index, length)| {
                [
                    ("number", index.into()),
                    ("text", "x".repeat(length).into()),
                ]
            })
            .collect()
    }

    fn lengths(dialect: Dialect, rows: &[Row<2>]) -> Vec<usize> {
        let chunks: Vec<_> = chunks(dialect, rows.to_vec()).collect();
        assert_eq!(chunks.concat(), rows, "all rows, in their order");
        chunks.iter().map(Vec::len).collect()
    }

    #[test]
    fn names_become_numbers_and_rows_become_a_table() {
        let statement = Statement::new(
            "WITH {rows} SELECT v.text FROM v WHERE a = :a AND b = :other AND c <= {now}",
        )
        .bind("other", 1_i64)
        .bind("a", "x")
        .rows(rows([1, 1]));

        assert_eq!(
            statement.render(Dialect::Sqlite).expect("rendered"),
            "WITH v (number, text) AS (VALUES ($4, $5), ($6, $7)) \
             SELECT v.text FROM v WHERE a = $3 AND b = $2 AND c <= $1"
        );
        let list = Statement::new("SELECT 1 WHERE a IN ({values}) {skip_locked}").list(["x", "y"]);
        assert_eq!(
            list.render(Dialect::Postgres).expect("rendered"),
            "SELECT 1 WHERE a IN (VALUES ($2), ($3)) FOR UPDATE OF accounts SKIP LOCKED"
        );
        let insert = Statement::new("INSERT INTO t ({columns}) {values}").rows(rows([1]));
        assert_eq!(
            insert.render(Dialect::Sqlite).expect("rendered"),
            "INSERT INTO t (number, text) VALUES ($2, $3)"
        );
    }

    #[test]
    fn a_name_without_a_value_is_an_error() {
        for text in ["SELECT :missing", "SELECT {missing}"] {
            let error = Statement::new(text).render(Dialect::Sqlite);
            assert!(error.is_err_and(|error| error.to_string().contains("missing")));
        }
    }

    #[test]
    fn a_chunk_for_a_server_fits_in_one_write_and_has_one_of_few_lengths() {
        assert_eq!(
            lengths(Dialect::Postgres, &rows([1000; 27])),
            [8, 8, 8, 2, 1]
        );
        assert_eq!(
            lengths(Dialect::Postgres, &rows([1, 100_000, 1, 1])),
            [1, 1, 2],
            "one row alone may be longer"
        );
        assert_eq!(
            lengths(Dialect::Postgres, &rows([1; 1000])),
            [256, 256, 256, 128, 64, 32, 8]
        );
        assert_eq!(lengths(Dialect::Postgres, &[]), [0; 0]);
    }

    #[test]
    fn a_chunk_for_a_file_has_as_many_rows_as_a_statement_may_have() {
        assert_eq!(
            lengths(Dialect::Sqlite, &rows([1000; 1200])),
            [500, 500, 200]
        );
    }
}
