//! The states of connections: paused, or unreachable. The accounts of such a connection stay pending
//! and are not claimed.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Store, StoreError,
    history::{self, NewEntry},
    sql::{
        dialect::Scope,
        row::{ReadColumn as _, SqlRow},
        statement::Statement,
    },
};

/// A connection that the store knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionState {
    /// The connection's name.
    pub connection: String,
    /// `None`: it is not paused.
    pub paused: Option<Pause>,
    /// `None`: the target answered last time.
    pub unreachable: Option<Unreachable>,
}

/// A target that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    /// When its breaker opened.
    pub since: Timestamp,
    /// When the next request is sent to it. An earlier request of an operator moves it to now.
    pub next_try: Timestamp,
}

/// The pause of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// `credentials`, `wrong_target`, or the operator's own words.
    pub reason: String,
    /// The operator's name, or `hirewire`.
    pub by: String,
    /// When the pause began.
    pub at: Timestamp,
}

impl Store {
    /// Pauses a connection; `false`: it was paused already, and the first reason stays.
    pub async fn pause(
        &self,
        connection: &str,
        reason: &str,
        by: &str,
    ) -> Result<bool, StoreError> {
        let statement = Statement::new(
            "INSERT INTO connections (name, paused_reason, paused_by, paused_at)
             VALUES (:name, :reason, :by, {now})
             ON CONFLICT (name) DO UPDATE SET
               paused_reason = excluded.paused_reason,
               paused_by = excluded.paused_by,
               paused_at = excluded.paused_at
             WHERE connections.paused_at IS NULL",
        )
        .bind("name", connection)
        .bind("reason", reason)
        .bind("by", by);
        let detail = json!({ "by": by, "reason": reason });
        self.write_with_history(connection, "paused", statement, detail)
            .await
    }

    /// Resumes a connection; `false`: it was not paused.
    pub async fn resume(&self, connection: &str, by: &str) -> Result<bool, StoreError> {
        let statement = Statement::new(
            "UPDATE connections SET paused_reason = NULL, paused_by = NULL, paused_at = NULL
             WHERE name = :name AND paused_at IS NOT NULL",
        )
        .bind("name", connection);
        self.write_with_history(connection, "resumed", statement, json!({ "by": by }))
            .await
    }

    /// Runs the statement, and adds a history entry if it wrote a row.
    async fn write_with_history(
        &self,
        connection: &str,
        action: &'static str,
        statement: Statement,
        detail: Value,
    ) -> Result<bool, StoreError> {
        let connection = connection.to_owned();
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let (connection, statement) = (connection.clone(), statement.clone());
                let detail = detail.clone();
                Box::pin(async move {
                    let changed = statement.execute(&mut tx).await? > 0;
                    if changed {
                        let entry = NewEntry {
                            connection: &connection,
                            person: "",
                            outcome: action,
                            detail: &detail,
                        };
                        history::write(&mut tx, &entry).await?;
                    }
                    Ok(changed)
                })
            })
            .await
    }

    /// Notes that the target of a connection does not answer, or answers again (`None`).
    pub async fn set_unreachable(
        &self,
        connection: &str,
        unreachable: Option<Unreachable>,
    ) -> Result<(), StoreError> {
        let statement = Statement::new(
            "INSERT INTO connections (name, unreachable_since, next_try_at)
             VALUES (:name, :since, :next_try)
             ON CONFLICT (name) DO UPDATE SET
               unreachable_since = excluded.unreachable_since,
               next_try_at = excluded.next_try_at",
        )
        .bind("name", connection)
        .bind("since", unreachable.map(|unreachable| unreachable.since))
        .bind(
            "next_try",
            unreachable.map(|unreachable| unreachable.next_try),
        );
        self.engine.execute(statement).await?;
        Ok(())
    }

    /// Whether the time of the next request to an unreachable target has come: its pause is over, or
    /// an operator asked for it.
    pub async fn is_try_due(&self, connection: &str) -> Result<bool, StoreError> {
        let statement = Statement::new(
            "SELECT name FROM connections WHERE name = :name AND next_try_at <= {now}",
        )
        .bind("name", connection);
        Ok(self.engine.first(statement).await?.is_some())
    }

    /// Every connection that has a published mapping or an account, or was ever paused; by name.
    pub async fn connection_states(&self) -> Result<Vec<ConnectionState>, StoreError> {
        let statement = Statement::new(
            "SELECT k.name, o.paused_reason, o.paused_by, o.paused_at,
               o.unreachable_since, o.next_try_at
             FROM (SELECT connection AS name FROM mappings
                   UNION SELECT connection FROM accounts
                   UNION SELECT name FROM connections) k
             LEFT JOIN connections o ON o.name = k.name
             ORDER BY k.name",
        );

        let rows = self.engine.all(statement).await?;
        rows.iter()
            .map(|row| {
                let paused = match row.optional_time("paused_at")? {
                    None => None,
                    Some(at) => Some(Pause {
                        reason: row.text("paused_reason")?,
                        by: row.text("paused_by")?,
                        at,
                    }),
                };
                Ok(ConnectionState {
                    connection: row.text("name")?,
                    paused,
                    unreachable: unreachable(row)?,
                })
            })
            .collect()
    }
}

fn unreachable(row: &SqlRow) -> Result<Option<Unreachable>, StoreError> {
    let (since, next_try) = (
        row.optional_time("unreachable_since")?,
        row.optional_time("next_try_at")?,
    );
    Ok(since
        .zip(next_try)
        .map(|(since, next_try)| Unreachable { since, next_try }))
}
