//! Retry: an operator asks that waiting accounts are tried now. The reconcile that follows decides as
//! always.

use serde_json::{Value, json};

use super::{
    PersonKey, Store, StoreError,
    history::{self, NewEntry},
    pending::{self, CHANGED, PENDING_NOW},
    sql::{
        dialect::Scope,
        row::ReadColumn as _,
        statement::{Statement, Tx},
    },
};

/// Which waiting accounts are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// Each that waits for its next attempt.
    All,
    /// Leavers whose users are not proven inactive.
    Leavers,
}

impl Store {
    /// Makes every account of the connection pending that waits for its next attempt, and the next
    /// try of an unreachable target due; the number of accounts.
    pub async fn retry_connection(
        &self,
        connection: &str,
        by: &str,
        reason: &str,
    ) -> Result<u64, StoreError> {
        let detail = json!({ "by": by, "reason": reason });
        self.retry(connection, Waiting::All, Some(detail)).await
    }

    /// As [`retry_connection`](Self::retry_connection), for leavers only: the target was found to
    /// answer.
    pub async fn retry_unreachable(&self, connection: &str) -> Result<u64, StoreError> {
        self.retry(connection, Waiting::Leavers, None).await
    }

    /// Makes the accounts of a person pending now, to be read first; their connections.
    pub async fn retry_person(
        &self,
        person: &PersonKey,
        by: &str,
        reason: &str,
    ) -> Result<Vec<String>, StoreError> {
        let person = person.clone();
        let detail = json!({ "by": by, "reason": reason });
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let (person, detail) = (person.clone(), detail.clone());
                Box::pin(async move { retry_person(&mut tx, &person, &detail).await })
            })
            .await
    }

    async fn retry(
        &self,
        connection: &str,
        waiting: Waiting,
        detail: Option<Value>,
    ) -> Result<u64, StoreError> {
        let connection = connection.to_owned();
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let (connection, detail) = (connection.clone(), detail.clone());
                Box::pin(async move {
                    let marked = mark_waiting(&mut tx, &connection, waiting).await?;
                    if let Some(detail) = &detail {
                        let entry = NewEntry {
                            connection: &connection,
                            person: "",
                            outcome: "retried",
                            detail,
                        };
                        history::write(&mut tx, &entry).await?;
                    }
                    Ok(marked)
                })
            })
            .await
    }
}

async fn mark_waiting(
    tx: &mut Tx<'_>,
    connection: &str,
    waiting: Waiting,
) -> Result<u64, StoreError> {
    Statement::new(
        "UPDATE connections SET next_try_at = {now}
         WHERE name = :connection AND unreachable_since IS NOT NULL",
    )
    .bind("connection", connection)
    .execute(tx)
    .await?;

    let which = match waiting {
        Waiting::All => "(not_before IS NOT NULL OR leaver_since IS NOT NULL)",
        Waiting::Leavers => "leaver_since IS NOT NULL",
    };
    let marked = Statement::new(format!(
        "UPDATE accounts SET {PENDING_NOW}, {CHANGED}
         WHERE connection = :connection AND fencing_token IS NULL
           AND next_run_at > {{now}} AND {which}"
    ))
    .bind("connection", connection)
    .execute(tx)
    .await?;
    Ok(marked)
}

async fn retry_person(
    tx: &mut Tx<'_>,
    person: &PersonKey,
    detail: &Value,
) -> Result<Vec<String>, StoreError> {
    let accounts = Statement::new(
        "SELECT connection, person FROM accounts
         WHERE person = :person
           OR person IN (SELECT p.person FROM people p WHERE p.merged_into = :person)
         ORDER BY connection, person",
    )
    .bind("person", person)
    .all(tx)
    .await?;

    let mut connections = Vec::new();
    for account in accounts {
        let connection = account.text("connection")?;
        let person = PersonKey(account.text("person")?);
        pending::mark_account(tx, &connection, &person).await?;

        let entry = NewEntry {
            connection: &connection,
            person: &person.0,
            outcome: "retried",
            detail,
        };
        history::write(tx, &entry).await?;
        connections.push(connection);
    }
    Ok(connections)
}
