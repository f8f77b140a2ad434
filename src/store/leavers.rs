//! Leavers whose users are not proven inactive: found by age, and made pending at once.
//!
//! `leaver_since` is written by each commit that does not prove the end of access. An end of access
//! that only became due is pending with the priority `leaver`, and has none until it is claimed.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    DeadLetterCause, DeadLetterSubject, NewDeadLetter, Outcome, PersonKey, Priority, Store,
    StoreError,
    dead_letters::filing,
    pending::{CHANGED, PENDING_NOW},
    sql::{dialect::Scope, row::ReadColumn as _, statement::Statement},
};

/// The most leavers of one look.
const PORTION: usize = 500;

/// A leaver whose user is not proven inactive, without a dead letter about that.
#[derive(Clone, Debug, PartialEq)]
pub struct OverdueLeaver {
    /// The account's connection.
    pub connection: String,
    /// The account's person.
    pub person: PersonKey,
    /// When the user should have been inactive.
    pub since: Timestamp,
    /// Whether a reconcile found that access has ended. Else an event ends access, perhaps later.
    pub is_known: bool,
    /// The outcome of the last reconcile.
    pub outcome: Option<Outcome>,
}

impl Store {
    /// Leavers that are not proven inactive for at least `age` and have no open dead letter about
    /// that: at most 500.
    pub async fn overdue_leavers(&self, age: Duration) -> Result<Vec<OverdueLeaver>, StoreError> {
        let statement = Statement::new(
            "WITH leavers (connection, person, since, is_known, outcome) AS (
               SELECT connection, person, leaver_since, 1, outcome FROM accounts
               WHERE leaver_since <= {now} - :age
               UNION ALL
               SELECT connection, person, COALESCE(pending_since, next_run_at), 0, outcome
               FROM accounts
               WHERE leaver_since IS NULL AND priority = :priority
                 AND next_run_at <= {now} - :age)
             SELECT connection, person, since, is_known, outcome FROM leavers
             WHERE NOT EXISTS (
               SELECT 1 FROM dead_letters d
               WHERE d.person = leavers.person AND d.connection = leavers.connection
                 AND d.cause = :cause AND d.closed_at IS NULL)
             ORDER BY since
             LIMIT :limit",
        )
        .bind("age", age)
        .bind("priority", Priority::Leaver)
        .bind("cause", DeadLetterCause::LeaverOverdue.as_str())
        .bind("limit", PORTION);

        let rows = self.engine.all(statement).await?;
        rows.iter()
            .map(|row| {
                Ok(OverdueLeaver {
                    connection: row.text("connection")?,
                    person: PersonKey(row.text("person")?),
                    since: row.time("since")?,
                    is_known: row.flag("is_known")?,
                    outcome: row.optional_json("outcome")?,
                })
            })
            .collect()
    }

    /// Files the dead letter about a leaver whose user is not proven inactive since `since`; `false`:
    /// it is meanwhile. The next commit that proves it closes the dead letter.
    pub async fn file_overdue_leaver(
        &self,
        letter: &NewDeadLetter,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let DeadLetterSubject::Account { connection, person } = letter.subject.clone() else {
            return Ok(false);
        };
        let letter = letter.clone();

        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let mark = Statement::new(
                    "UPDATE accounts SET leaver_since = COALESCE(leaver_since, :since)
                     WHERE connection = :connection AND person = :person
                       AND (leaver_since IS NOT NULL
                         OR (priority = 'leaver' AND next_run_at <= {now}))",
                )
                .bind("since", since)
                .bind("connection", &connection)
                .bind("person", &person);
                let letter = letter.clone();
                Box::pin(async move {
                    let is_overdue = mark.execute(&mut tx).await? > 0;
                    if is_overdue {
                        filing::file(&mut tx, &letter).await?;
                    }
                    Ok(is_overdue)
                })
            })
            .await
    }

    /// Makes leavers pending now that wait for their next attempt; their number.
    pub async fn retry_leavers(&self, connection: &str) -> Result<u64, StoreError> {
        let statement = Statement::new(format!(
            "UPDATE accounts SET {PENDING_NOW}, {CHANGED}
             WHERE connection = :connection AND leaver_since IS NOT NULL
               AND fencing_token IS NULL AND next_run_at > {{now}}"
        ))
        .bind("connection", connection);
        self.engine.execute(statement).await
    }
}
