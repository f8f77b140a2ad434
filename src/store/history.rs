//! History: what reconciles and operators did. Entries are added, never changed.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{
    PersonKey, Store, StoreError,
    sql::{
        row::ReadColumn as _,
        statement::{Statement, Tx},
        value::json_text,
    },
};
use crate::telemetry;

/// An entry of the history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryEntry {
    /// When it was recorded, by the store's clock.
    pub recorded_at: Timestamp,
    /// The connection.
    pub connection: String,
    /// The person whose account it is about; empty: the whole connection.
    pub person: PersonKey,
    /// An [`OutcomeKind`](super::OutcomeKind), or the operator's action: `replayed`, `retried`,
    /// `paused`, `resumed` or `mapping_applied`.
    pub outcome: String,
    /// The requests that were sent, or the operator and the reason.
    pub detail: Value,
}

/// An entry to add. The person is empty if it is about the whole connection.
pub(super) struct NewEntry<'a> {
    pub(super) connection: &'a str,
    pub(super) person: &'a str,
    pub(super) outcome: &'a str,
    pub(super) detail: &'a Value,
}

impl Store {
    /// The newest entries first, at most so many: those about a person's accounts and the accounts
    /// that were merged into them, or all.
    pub async fn history(
        &self,
        person: Option<&PersonKey>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let statement = match person {
            None => Statement::new(
                "SELECT * FROM history ORDER BY recorded_at DESC, id DESC LIMIT :limit",
            ),
            Some(person) => Statement::new(
                "SELECT * FROM history
                 WHERE person = :person
                   OR person IN (SELECT p.person FROM people p WHERE p.merged_into = :person)
                 ORDER BY recorded_at DESC, id DESC LIMIT :limit",
            )
            .bind("person", person),
        };

        let rows = self.engine.all(statement.bind("limit", limit)).await?;
        rows.iter()
            .map(|row| {
                Ok(HistoryEntry {
                    recorded_at: row.time("recorded_at")?,
                    connection: row.text("connection")?,
                    person: PersonKey(row.text("person")?),
                    outcome: row.text("outcome")?,
                    detail: row.json("detail")?,
                })
            })
            .collect()
    }
}

/// Adds an entry.
pub(super) async fn write(tx: &mut Tx<'_>, entry: &NewEntry<'_>) -> Result<(), StoreError> {
    Statement::new(
        "INSERT INTO history (id, recorded_at, connection, person, outcome, detail)
         VALUES (:id, {now}, :connection, :person, :outcome, :detail)",
    )
    .bind("id", telemetry::new_id())
    .bind("connection", entry.connection)
    .bind("person", entry.person)
    .bind("outcome", entry.outcome)
    .bind("detail", json_text(entry.detail)?)
    .execute(tx)
    .await?;
    Ok(())
}
