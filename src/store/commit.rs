//! `commit`: everything a reconcile came to, in one transaction, and the claim is released.
//!
//! When the account is looked at next is decided here: at once if anything changed_since_claim it since the claim, else when the
//! reconcile says.

use std::sync::Arc;

use sqlx::any::AnyRow;

use super::{
    Claim, ClaimError, ClaimLost, Commit, CommitResult, Committed, PersonKey, Store, StoreError,
    dead_letters, history,
    sql::batch_writer::{BatchWriter, Line, MINE},
    sql::dialect::Scope,
    sql::engine::Engine,
    sql::statement::{Columns as _, Statement, Tx, to_json, to_word},
};
use crate::telemetry;

impl Store {
    /// Writes back everything a reconcile came to, and releases the claim; one transaction.
    pub async fn commit(&self, claim: &Claim, commit: &Commit) -> CommitResult {
        if let (Some(together), true) = (&self.commits, commit.dead_letters.is_empty())
            && let Some(row) = together.write(line(claim, commit)?).await
        {
            return committed(&row);
        }
        let (claim_of_work, commit_of_work) = (Arc::new(claim.clone()), Arc::new(commit.clone()));
        let writing = self.engine.write(Scope::Transaction, move |mut tx| {
            let (claim, commit) = (claim_of_work.clone(), commit_of_work.clone());
            Box::pin(async move { write(&mut tx, &claim, &commit).await })
        });
        match (writing.await, &commit.scim_id) {
            (Err(ClaimError::BoundElsewhere(_)), Some(scim_id)) => {
                let connection = claim.account.connection.as_str();
                Err(ClaimError::BoundElsewhere(
                    self.bound_to(connection, scim_id).await?,
                ))
            }
            (written, _) => written,
        }
    }

    /// Whose account that user of the target is bound to.
    async fn bound_to(&self, connection: &str, scim_id: &str) -> Result<PersonKey, StoreError> {
        let statement =
            Statement::of("SELECT person FROM accounts WHERE connection = $2 AND scim_id = $3");
        let statement = statement.with(connection).with(scim_id);
        let row = self
            .engine
            .read(|mut tx| Box::pin(async move { Ok(statement.first(&mut tx).await?) }))
            .await?;
        // Given up by the other one meanwhile: the caller tries again, as it would have to anyhow.
        row.map_or(Ok(PersonKey(String::new())), |row| {
            row.text("person").map(PersonKey)
        })
    }
}

/// Many commits in one statement, each with its line of history; an account whose letters are to be closed takes more than that.
pub(super) fn together(engine: Engine) -> BatchWriter<CELLS> {
    let told = ", told AS (INSERT INTO history (id, at, connection, person, outcome, detail) \
                SELECT line, {now}, at, whom, outcome_kind, detail FROM written WHERE detail IS NOT NULL)";
    let also = " AND (v.column21 = 0 OR accounts.has_dead_letters = 0)";
    let returning = "accounts.changed_since_claim, accounts.outcome_kind, v.column22 AS line, v.column23 AS detail";
    BatchWriter::start(engine, SETTLED, also, returning, told)
}

async fn reconciled_row(statement: Statement, tx: &mut Tx<'_>) -> Result<AnyRow, ClaimError> {
    match statement.first(tx).await {
        Ok(row) => Ok(row.ok_or(ClaimLost)?),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            Err(ClaimError::BoundElsewhere(PersonKey(String::new())))
        }
        Err(error) => Err(StoreError::from(error).into()),
    }
}

fn committed(row: &AnyRow) -> Result<Committed, ClaimError> {
    Ok(Committed {
        pending_again: row.int("changed_since_claim")? > 0,
    })
}

async fn write(tx: &mut Tx<'_>, claim: &Claim, commit: &Commit) -> Result<Committed, ClaimError> {
    let row = reconciled_row(reconcile(claim, commit)?, tx).await?;
    let had_dead_letters = row.flag("has_dead_letters")?;
    for letter in &commit.dead_letters {
        dead_letters::file(tx, letter).await?;
    }
    if commit.closes_dead_letters && had_dead_letters {
        dead_letters::close_of_account(tx, &claim.account, &commit.dead_letters).await?;
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

/// How many values a commit has.
pub(super) const CELLS: usize = 23;

/// What a commit writes to the row. `changed_since_claim` is left as it is: the next claim clears it.
const SETTLED: &str = "fencing_token = NULL, lease_until = NULL, taken_over = 0, \
    next_run_at = CASE WHEN changed_since_claim > 0 OR v.column4 <= {now} THEN {now} ELSE v.column4 END, \
    pending_since = CASE WHEN changed_since_claim > 0 THEN {now} WHEN v.column4 <= {now} THEN COALESCE(pending_since, {now}) ELSE NULL END, \
    priority = CASE WHEN changed_since_claim = 2 THEN 0 ELSE v.column5 END, \
    not_before = CASE WHEN changed_since_claim > 0 THEN NULL ELSE v.column6 END, \
    reconciled_version = CASE WHEN v.column7 = 1 THEN v.column8 ELSE reconciled_version END, \
    mapping_version = CASE WHEN v.column7 = 1 THEN v.column9 ELSE mapping_version END, \
    reconciled_access = COALESCE(v.column10, reconciled_access), scim_id = v.column11, last_applied = v.column12, due = v.column13, \
    attempts = v.column14, intent = v.column15, verify_at = v.column16, audits = v.column17, as_of = v.column18, \
    outcome = v.column19, outcome_kind = v.column20";

/// A commit as the columns of [`SETTLED`]: the claim, the row, and the line of history if there is one.
fn line(claim: &Claim, commit: &Commit) -> Result<Line<CELLS>, StoreError> {
    // The reconciled wait for what is to come; the others try again, and neither lets a read-back wait.
    let wanted = if commit.reconciled {
        commit.due
    } else {
        Some(commit.not_before.unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    };
    let next = [wanted, commit.verify_at].into_iter().flatten().min();
    let account = &claim.account;
    Ok([
        (&account.connection).into(),
        (&account.person).into(),
        (&claim.fencing_token).into(),
        next.into(),
        commit.priority.into(),
        commit.not_before.into(),
        commit.reconciled.into(),
        claim.person_version.into(),
        claim.mapping_version.into(),
        commit.reconciled_access.as_ref().map(to_word).into(),
        commit.scim_id.clone().into(),
        to_json(&commit.last_applied)?.into(),
        commit.due.into(),
        commit.attempts.into(),
        commit.intent.as_ref().map(to_json).transpose()?.into(),
        commit.verify_at.into(),
        commit.audits.into(),
        claim.now.into(),
        to_json(&commit.outcome)?.into(),
        to_word(&commit.outcome.kind).into(),
        commit.closes_dead_letters.into(),
        telemetry::new_id().into(),
        commit.history.as_ref().map(to_json).transpose()?.into(),
    ])
}

/// The one statement that writes the row.
fn reconcile(claim: &Claim, commit: &Commit) -> Result<Statement, StoreError> {
    let statement = format!(
        "UPDATE accounts SET {SETTLED} FROM (VALUES {{rows}}) v WHERE {MINE} RETURNING changed_since_claim, has_dead_letters"
    );
    Ok(Statement::of(statement).rows([line(claim, commit)?]))
}
