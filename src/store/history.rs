//! History: what was done to accounts and connections, by whom and why. Lines are added, never changed.

use serde_json::Value;

use super::{
    HistoryLine, PersonKey, Store, StoreError,
    sql::statement::{Columns as _, Statement, Tx, to_json},
};
use crate::telemetry;

/// A line to be written. About a whole connection the person is empty.
pub(super) struct Line<'a> {
    pub(super) connection: &'a str,
    pub(super) person: &'a str,
    pub(super) outcome: &'a str,
    pub(super) detail: &'a Value,
}

impl Store {
    /// Lines of history, newest first, at most so many: of a person's accounts (and of those forwarded to them), or all.
    pub async fn history(
        &self,
        person: Option<&PersonKey>,
        most: usize,
    ) -> Result<Vec<HistoryLine>, StoreError> {
        let statement = match person {
            None => Statement::of("SELECT * FROM history ORDER BY at DESC, id DESC LIMIT $2").with(most),
            Some(person) => Statement::of(
                "SELECT * FROM history WHERE person = $3 OR person IN \
                 (SELECT p.person FROM people p WHERE p.forwarded_to = $3) ORDER BY at DESC, id DESC LIMIT $2",
            )
            .with(most)
            .with(person),
        };
        self.engine
            .read(|mut tx| {
                Box::pin(async move {
                    let rows = statement.all(&mut tx).await?;
                    let line = |row: &sqlx::any::AnyRow| {
                        Ok(HistoryLine {
                            at: row.time("at")?,
                            connection: row.text("connection")?,
                            person: PersonKey(row.text("person")?),
                            outcome: row.text("outcome")?,
                            detail: row.json("detail")?,
                        })
                    };
                    rows.iter().map(line).collect()
                })
            })
            .await
    }
}

/// Writes a line.
pub(super) async fn write(tx: &mut Tx<'_>, line: &Line<'_>) -> Result<(), StoreError> {
    Statement::of("INSERT INTO history (id, at, connection, person, outcome, detail) VALUES ($2, {now}, $3, $4, $5, $6)")
        .with(telemetry::new_id())
        .with(line.connection)
        .with(line.person)
        .with(line.outcome)
        .with(to_json(line.detail)?)
        .run(tx)
        .await?;
    Ok(())
}
