//! `commit`: everything a settle came to, in one transaction, and the claim is released.
//!
//! When the account is looked at next is decided here: at once if anything stirred it since the claim, else when the
//! settle says.

use std::sync::Arc;

use sqlx::any::AnyRow;

use super::{
    Claim, ClaimError, ClaimLost, Commit, CommitResult, Committed, PersonKey, Store, StoreError,
    ask::{Ask, Columns as _, Tx, to_json, to_word},
    claim::{FENCED, fenced},
    dialect::{Dialect, Scope},
    history, letters,
};
use crate::telemetry;

impl Store {
    /// Writes back everything a settle came to, and releases the claim; one transaction.
    pub async fn commit(&self, claim: &Claim, commit: &Commit) -> CommitResult {
        let (claim_of_work, commit_of_work) = (Arc::new(claim.clone()), Arc::new(commit.clone()));
        // Where each statement is a round trip and a commit of its own, the most frequent commits are one statement.
        let one = self.engine.dialect == Dialect::Postgres && commit.letters.is_empty();
        let mut written = Err(ClaimLost.into());
        if one {
            let (claim, commit) = (claim_of_work.clone(), commit_of_work.clone());
            let writing = self.engine.write(Scope::Statement, move |mut tx| {
                let (claim, commit) = (claim.clone(), commit.clone());
                Box::pin(async move { write_at_once(&mut tx, &claim, &commit).await })
            });
            written = writing.await;
        }
        if !one || (commit.closes_letters && matches!(written, Err(ClaimError::Lost(_)))) {
            let writing = self.engine.write(Scope::Transaction, move |mut tx| {
                let (claim, commit) = (claim_of_work.clone(), commit_of_work.clone());
                Box::pin(async move { write(&mut tx, &claim, &commit).await })
            });
            written = writing.await;
        }
        match (written, &commit.scim_id) {
            (Err(ClaimError::BoundElsewhere(_)), Some(scim_id)) => {
                let connection = claim.account.connection.as_str();
                Err(ClaimError::BoundElsewhere(self.bound_to(connection, scim_id).await?))
            }
            (written, _) => written,
        }
    }

    /// Whose account that user of the target is bound to.
    async fn bound_to(&self, connection: &str, scim_id: &str) -> Result<PersonKey, StoreError> {
        let ask = Ask::of("SELECT person FROM accounts WHERE connection = $2 AND scim_id = $3");
        let ask = ask.with(connection).with(scim_id);
        let row = self.engine.read(|mut tx| Box::pin(async move { Ok(ask.first(&mut tx).await?) })).await?;
        // Given up by the other one meanwhile: the caller tries again, as it would have to anyhow.
        row.map_or(Ok(PersonKey(String::new())), |row| row.text("person").map(PersonKey))
    }
}

/// Row and history line in one statement, which `SQLite` has no words for. A row whose letters are to be closed is not
/// found: it takes more than that.
async fn write_at_once(tx: &mut Tx<'_>, claim: &Claim, commit: &Commit) -> Result<Committed, ClaimError> {
    let without_letters = if commit.closes_letters { " AND has_letters = 0" } else { "" };
    let ask = settle(claim, commit, without_letters)?;
    let ask = match &commit.history {
        None => ask,
        Some(detail) => {
            let settled = ask.statement();
            let statement = format!(
                "WITH settled AS ({settled}, connection, person, outcome_kind), \
                 line AS (INSERT INTO history (id, at, connection, person, outcome, detail) \
                   SELECT ${LINE}, {{now}}, connection, person, outcome_kind, ${} FROM settled) \
                 SELECT stirred FROM settled",
                LINE + 1
            );
            ask.saying(statement).with(telemetry::new_id()).with(to_json(detail)?)
        }
    };
    committed(&settled_row(ask, tx).await?)
}

async fn settled_row(ask: Ask, tx: &mut Tx<'_>) -> Result<AnyRow, ClaimError> {
    match ask.first(tx).await {
        Ok(row) => Ok(row.ok_or(ClaimLost)?),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            Err(ClaimError::BoundElsewhere(PersonKey(String::new())))
        }
        Err(error) => Err(StoreError::from(error).into()),
    }
}

fn committed(row: &AnyRow) -> Result<Committed, ClaimError> {
    Ok(Committed { owed_again: row.int("stirred")? > 0 })
}

async fn write(tx: &mut Tx<'_>, claim: &Claim, commit: &Commit) -> Result<Committed, ClaimError> {
    let row = settled_row(settle(claim, commit, "")?, tx).await?;
    let had_letters = row.flag("has_letters")?;
    for letter in &commit.letters {
        letters::file(tx, letter).await?;
    }
    if commit.closes_letters && had_letters {
        letters::close_of_account(tx, &claim.account, &commit.letters).await?;
    }
    if let Some(detail) = &commit.history {
        let account = &claim.account;
        let line = history::Line {
            connection: &account.connection,
            person: &account.person.0,
            outcome: &to_word(&commit.outcome.kind),
            detail,
        };
        history::write(tx, &line).await?;
    }
    committed(&row)
}

/// The first parameter after those of [`settle`].
const LINE: usize = 23;

/// The one statement that writes the row, if that also holds of it. `stirred` is left as it is: the next claim clears it.
fn settle(claim: &Claim, commit: &Commit, also: &str) -> Result<Ask, StoreError> {
    // The settled wait for what is to come; the others try again, and neither lets a read-back wait.
    let wanted =
        if commit.settled { commit.due } else { Some(commit.not_before.unwrap_or(jiff::Timestamp::UNIX_EPOCH)) };
    let next = [wanted, commit.verify_at].into_iter().flatten().min();
    let statement = format!(
        "UPDATE accounts SET lease_token = NULL, lease_until = NULL, taken_over = 0, \
         owed_at = CASE WHEN stirred > 0 OR $6 <= {{now}} THEN {{now}} ELSE $6 END, \
         owed_since = CASE WHEN stirred > 0 THEN {{now}} WHEN $6 <= {{now}} THEN COALESCE(owed_since, {{now}}) ELSE NULL END, \
         class = CASE WHEN stirred = 2 THEN 0 ELSE $7 END, \
         not_before = CASE WHEN stirred > 0 THEN NULL ELSE $8 END, \
         settled_version = CASE WHEN $9 = 1 THEN $10 ELSE settled_version END, \
         mapping_version = CASE WHEN $9 = 1 THEN $11 ELSE mapping_version END, \
         settled_access = COALESCE($12, settled_access), scim_id = $13, applied = $14, due = $15, attempts = $16, \
         intent = $17, verify_at = $18, audits = $19, as_of = $20, outcome = $21, outcome_kind = $22 \
         WHERE {FENCED}{also} RETURNING stirred, has_letters"
    );
    Ok(fenced(statement, claim)
        .with(next)
        .with(commit.class)
        .with(commit.not_before)
        .with(commit.settled)
        .with(claim.person_version)
        .with(claim.mapping_version)
        .with(commit.settled_access.as_ref().map(to_word))
        .with(commit.scim_id.clone())
        .with(to_json(&commit.applied)?)
        .with(commit.due)
        .with(commit.attempts)
        .with(commit.intent.as_ref().map(to_json).transpose()?)
        .with(commit.verify_at)
        .with(commit.audits)
        .with(claim.now)
        .with(to_json(&commit.outcome)?)
        .with(to_word(&commit.outcome.kind)))
}
