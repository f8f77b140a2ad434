//! `replay`: makes what letters are about pending again. State is folded when it is last_applied, so replaying is always safe.

use std::sync::Arc;

use serde_json::json;

use super::{
    DeadLetterFilter, DeadLetterSubject, PersonKey, Replayed, Store, StoreError, dead_letters,
    history,
    sql::dialect::Scope,
    sql::statement::{Statement, Tx},
};

impl Store {
    /// Makes the accounts of these letters pending now, attempts forgotten; history says who and why.
    pub async fn replay(
        &self,
        filter: &DeadLetterFilter,
        by: &str,
        reason: &str,
    ) -> Result<Replayed, StoreError> {
        let request = Arc::new((filter.clone(), by.to_owned(), reason.to_owned()));
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let request = request.clone();
                Box::pin(async move {
                    let (filter, by, reason) = &*request;
                    replay(&mut tx, filter, by, reason).await
                })
            })
            .await
    }
}

async fn replay(
    tx: &mut Tx<'_>,
    filter: &DeadLetterFilter,
    by: &str,
    reason: &str,
) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed::default();
    for letter in dead_letters::chosen(tx, filter).await? {
        match letter.about {
            DeadLetterSubject::Account { connection, person } => {
                replayed.accounts.push((connection, person))
            }
            DeadLetterSubject::Person { .. } => {
                dead_letters::close(tx, &letter.id).await?;
                replayed.closed.push(letter.id);
            }
            DeadLetterSubject::Hook { .. } => replayed
                .hooks
                .extend(dead_letters::raw(tx, &letter.id).await?),
        }
    }
    // In one order, so that two replays do not wait for each other in a ring.
    replayed.accounts.sort();
    replayed.accounts.dedup();
    for (connection, person) in &replayed.accounts {
        mark_pending_again(tx, connection, person).await?;
        let detail = json!({ "by": by, "reason": reason });
        let line = history::Line {
            connection,
            person: &person.0,
            outcome: "replayed",
            detail: &detail,
        };
        history::write(tx, &line).await?;
    }
    Ok(replayed)
}

async fn mark_pending_again(
    tx: &mut Tx<'_>,
    connection: &str,
    person: &PersonKey,
) -> Result<(), StoreError> {
    let statement = Statement::of(
        "UPDATE accounts SET next_run_at = CASE WHEN next_run_at <= {now} THEN next_run_at ELSE {now} END, \
         pending_since = CASE WHEN next_run_at <= {now} THEN COALESCE(pending_since, next_run_at) ELSE {now} END, \
         attempts = 0, not_before = NULL, changed_since_claim = CASE WHEN changed_since_claim = 2 THEN 2 ELSE 1 END \
         WHERE connection = $2 AND person = $3",
    );
    statement.with(connection).with(person).run(tx).await?;
    Ok(())
}
