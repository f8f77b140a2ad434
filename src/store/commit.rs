//! `commit`: everything a settle came to, in one transaction, and the claim is released.
//!
//! When the account is looked at next is decided here: at once if anything stirred it since the claim, else when the
//! settle says.

use std::sync::Arc;

use super::ClaimLost;
use super::{
    Claim, ClaimError, Commit, CommitResult, Committed, PersonKey, Store, StoreError,
    ask::{Ask, Columns as _, Tx, to_json, to_word},
    claim::{FENCED, fenced},
    dialect::Scope,
    history, letters,
};

impl Store {
    /// Writes back everything a settle came to, and releases the claim; one transaction.
    pub async fn commit(&self, claim: &Claim, commit: &Commit) -> CommitResult {
        let (work_claim, work_commit) = (Arc::new(claim.clone()), Arc::new(commit.clone()));
        let written = self
            .engine
            .write(Scope::Transaction, move |mut tx| {
                let (claim, commit) = (work_claim.clone(), work_commit.clone());
                Box::pin(async move { write(&mut tx, &claim, &commit).await })
            })
            .await;
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

async fn write(tx: &mut Tx<'_>, claim: &Claim, commit: &Commit) -> Result<Committed, ClaimError> {
    let row = match settle(claim, commit)?.first(tx).await {
        Ok(row) => row.ok_or(ClaimLost)?,
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            return Err(ClaimError::BoundElsewhere(PersonKey(String::new())));
        }
        Err(error) => return Err(StoreError::from(error).into()),
    };
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
    Ok(Committed { owed_again: row.int("stirred")? > 0 })
}

/// The one statement that writes the row. `stirred` is left as it is: the next claim clears it.
fn settle(claim: &Claim, commit: &Commit) -> Result<Ask, StoreError> {
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
         WHERE {FENCED} RETURNING stirred, has_letters"
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
