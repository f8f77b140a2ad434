//! Counts for metrics and lists, and when there is something to look at next.

use jiff::Timestamp;

use super::{
    PendingCount, Store, StoreError, rows,
    sql::statement::{Columns as _, SqlValue, Statement},
};

impl Store {
    /// The earliest time at which an account of these connections can be claimed: those of paused connections and
    /// without a published mapping do not count, a leased one counts from the end of its lease.
    pub async fn next_pending(
        &self,
        connections: &[String],
    ) -> Result<Option<Timestamp>, StoreError> {
        if connections.is_empty() {
            return Ok(None);
        }
        let names: Vec<[SqlValue; 1]> = connections.iter().map(|name| [name.into()]).collect();
        let statement = Statement::of(
            "SELECT MIN(CASE WHEN lease_until > next_run_at THEN lease_until ELSE next_run_at END) AS next FROM accounts \
             WHERE next_run_at IS NOT NULL AND connection IN (VALUES {rows}) \
             AND connection IN (SELECT m.connection FROM mappings m) \
             AND connection NOT IN (SELECT o.name FROM connections o WHERE o.paused_since IS NOT NULL)",
        );
        let row = self.first(statement.rows(names)).await?;
        row.map_or(Ok(None), |row| row.maybe_time("next"))
    }

    /// How many accounts are pending now, by connection and priority.
    pub async fn pending(&self) -> Result<Vec<PendingCount>, StoreError> {
        let statement = Statement::of(
            "SELECT connection, priority, COUNT(*) AS n, MIN(COALESCE(pending_since, next_run_at)) AS oldest FROM accounts \
             WHERE next_run_at <= {now} GROUP BY connection, priority ORDER BY connection, priority",
        );
        let count = |row: &sqlx::any::AnyRow| {
            Ok(PendingCount {
                connection: row.text("connection")?,
                priority: rows::priority(row)?,
                accounts: row.count("n")?,
                oldest: row.maybe_time("oldest")?,
            })
        };
        self.every(statement).await?.iter().map(count).collect()
    }

    /// Open letters by (connection or "", cause).
    pub async fn dead_letter_counts(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        self.grouped(Statement::of(
            "SELECT COALESCE(connection, '') AS a, cause AS b, COUNT(*) AS n FROM dead_letters \
             WHERE closed IS NULL GROUP BY COALESCE(connection, ''), cause ORDER BY 1, 2",
        ))
        .await
    }

    /// Accounts by (connection, outcome).
    pub async fn outcome_counts(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        self.grouped(Statement::of(
            "SELECT connection AS a, outcome_kind AS b, COUNT(*) AS n FROM accounts \
             WHERE outcome_kind IS NOT NULL GROUP BY connection, outcome_kind ORDER BY 1, 2",
        ))
        .await
    }

    async fn grouped(
        &self,
        statement: Statement,
    ) -> Result<Vec<(String, String, u64)>, StoreError> {
        let rows = self.every(statement).await?;
        rows.iter()
            .map(|row| Ok((row.text("a")?, row.text("b")?, row.count("n")?)))
            .collect()
    }

    /// Every row of a statement that reads.
    pub(super) async fn every(
        &self,
        statement: Statement,
    ) -> Result<Vec<sqlx::any::AnyRow>, StoreError> {
        self.engine
            .read(|mut tx| Box::pin(async move { Ok(statement.all(&mut tx).await?) }))
            .await
    }

    /// The first row of a statement that reads.
    pub(super) async fn first(
        &self,
        statement: Statement,
    ) -> Result<Option<sqlx::any::AnyRow>, StoreError> {
        Ok(self.every(statement).await?.into_iter().next())
    }
}
