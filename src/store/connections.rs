//! Pausing and resuming connections: a paused one's accounts stay pending and are not claimed.

use serde_json::json;

use super::{
    ConnectionState, Paused, Store, StoreError, history,
    sql::dialect::Scope,
    sql::statement::{Columns as _, Statement},
};

impl Store {
    /// Pauses a connection; whether it was not paused before (the first reason stays).
    pub async fn pause(
        &self,
        connection: &str,
        reason: &str,
        by: &str,
    ) -> Result<bool, StoreError> {
        let pause = Statement::of(
            "INSERT INTO connections (name, paused_reason, paused_by, paused_since) VALUES ($2, $3, $4, {now}) \
             ON CONFLICT (name) DO UPDATE SET paused_reason = excluded.paused_reason, \
             paused_by = excluded.paused_by, paused_since = excluded.paused_since \
             WHERE connections.paused_since IS NULL",
        );
        let pause = pause.with(connection).with(reason).with(by);
        self.turn(
            connection,
            "paused",
            pause,
            json!({ "by": by, "reason": reason }),
        )
        .await
    }

    /// Resumes a connection; whether it was paused.
    pub async fn resume(&self, connection: &str, by: &str) -> Result<bool, StoreError> {
        let resume = Statement::of(
            "UPDATE connections SET paused_reason = NULL, paused_by = NULL, paused_since = NULL \
             WHERE name = $2 AND paused_since IS NOT NULL",
        );
        self.turn(
            connection,
            "resumed",
            resume.with(connection),
            json!({ "by": by }),
        )
        .await
    }

    /// Runs the statement, and writes a line of history if it changed anything.
    async fn turn(
        &self,
        connection: &str,
        word: &'static str,
        statement: Statement,
        detail: serde_json::Value,
    ) -> Result<bool, StoreError> {
        let connection = connection.to_owned();
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let (connection, statement, detail) =
                    (connection.clone(), statement.clone(), detail.clone());
                Box::pin(async move {
                    let changed = statement.run(&mut tx).await? > 0;
                    if changed {
                        let line = history::Line {
                            connection: &connection,
                            person: "",
                            outcome: word,
                            detail: &detail,
                        };
                        history::write(&mut tx, &line).await?;
                    }
                    Ok(changed)
                })
            })
            .await
    }

    /// Every connection that the store knows of (mapping published, accounts, or paused).
    pub async fn connection_states(&self) -> Result<Vec<ConnectionState>, StoreError> {
        let statement = Statement::of(
            "SELECT k.name, o.paused_reason, o.paused_by, o.paused_since FROM \
             (SELECT connection AS name FROM mappings UNION SELECT connection FROM accounts \
              UNION SELECT name FROM connections) k LEFT JOIN connections o ON o.name = k.name ORDER BY k.name",
        );
        let state = |row: &sqlx::any::AnyRow| {
            let paused = match row.maybe_time("paused_since")? {
                None => None,
                Some(since) => Some(Paused {
                    reason: row.text("paused_reason")?,
                    by: row.text("paused_by")?,
                    since,
                }),
            };
            Ok(ConnectionState {
                connection: row.text("name")?,
                paused,
            })
        };
        self.every(statement).await?.iter().map(state).collect()
    }
}
