//! Commits: everything that a reconcile writes back, in one transaction that releases the claim.
//!
//! The commit also decides when the account runs next: at once if something changed since the
//! claim, otherwise at the time that the reconcile asks for.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Account, Claim, ClaimError, ClaimLost, Intent, LastApplied, NewDeadLetter, Outcome, Priority,
    Store, StoreError,
    dead_letters::filing::{self, Closed},
    history::{self, NewEntry},
    owners,
    sql::{
        batch_writer::{BatchStatement, BatchWriter, CLAIMED_ROW},
        dialect::Scope,
        engine::Engine,
        row::{ReadColumn as _, SqlRow},
        statement::{Row, Statement, Tx},
        value::{code, json_text},
    },
};
use crate::telemetry;
use hirewire_core::mapping::Access;

/// The result of a reconcile, as it is written to the account.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The outcome that operators see.
    pub outcome: Outcome,
    /// The binding: `Some` binds the account or keeps its binding, `None` ends it.
    pub scim_id: Option<String>,
    /// The state that was last written to the user.
    pub last_applied: LastApplied,
    /// The access that was reconciled; `None` keeps the account's.
    pub reconciled_access: Option<Access>,
    /// Whether the claimed versions of the person and the mapping are reconciled now.
    pub reconciled: bool,
    /// When the fold, the mapping or the leaver audit changes the desired state next.
    pub next_due_at: Option<Timestamp>,
    /// The priority of the next run.
    pub priority: Priority,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// The earliest time of the next attempt.
    pub not_before: Option<Timestamp>,
    /// A write that was begun and whose effect is not known yet.
    pub intent: Option<Intent>,
    /// When to read the user again and plan again.
    pub verify_at: Option<Timestamp>,
    /// Leaver audits since the deactivation was read back.
    pub audits: u32,
    /// When the user should have been inactive, if it is not proven that it is. `None` also closes
    /// the dead letter about that.
    pub leaver_since: Option<Timestamp>,
    /// The dead letters to file: at most one for each cause.
    pub dead_letters: Vec<NewDeadLetter>,
    /// Whether the account's other open dead letters are closed.
    pub closes_dead_letters: bool,
    /// Whether an open dead letter `refused` stays all the same: the refusal still holds.
    pub keeps_refused: bool,
    /// The detail of a history entry: the requests that were sent, without values. `None`: no
    /// entry.
    pub history: Option<Value>,
}

impl Commit {
    /// A commit that reconciles nothing and keeps the account as it was claimed. The caller sets
    /// the fields that change.
    pub fn keeping(account: &Account, outcome: Outcome) -> Self {
        Self {
            outcome,
            scim_id: account.scim_id.clone(),
            last_applied: account.last_applied.clone(),
            reconciled_access: None,
            reconciled: false,
            next_due_at: account.next_due_at,
            priority: account.priority,
            attempts: account.attempts,
            not_before: account.not_before,
            intent: account.intent.clone(),
            verify_at: account.verify_at,
            audits: account.audits,
            leaver_since: account.leaver_since,
            dead_letters: Vec::new(),
            closes_dead_letters: false,
            keeps_refused: false,
            history: None,
        }
    }
}

/// The result of [`Store::commit`].
pub type CommitResult = Result<Committed, ClaimError>;

/// A commit that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The person or the mapping changed since the claim, so the account is pending at once.
    pub pending_again: bool,
}

/// The number of columns of a commit.
const COLUMNS: usize = 24;

/// Writes commits on PostgreSQL.
pub(super) type CommitWriter = BatchWriter<COLUMNS>;

impl Store {
    /// Writes the result of a reconcile and releases the claim, in one transaction.
    pub async fn commit(&self, claim: &Claim, commit: &Commit) -> CommitResult {
        if let (Some(writer), true) = (&self.commit_writer, commit.dead_letters.is_empty())
            && let Some(row) = writer.write(row(claim, commit)?).await
        {
            return committed(&row);
        }

        let work = Arc::new((claim.clone(), commit.clone()));
        let writing = self.engine.write(Scope::Transaction, move |mut tx| {
            let work = work.clone();
            Box::pin(async move { write(&mut tx, &work.0, &work.1).await })
        });
        match (writing.await, &commit.scim_id) {
            (Err(ClaimError::BoundElsewhere(_)), Some(scim_id)) => {
                let connection = claim.account.connection.as_str();
                let holder = self.person_bound_to(connection, scim_id).await?;
                Err(ClaimError::BoundElsewhere(holder))
            }
            (written, _) => written,
        }
    }
}

/// Writes the commits of concurrent reconciles in one statement, each with its history entry. It
/// leaves out an account whose dead letters are to be closed: that takes more statements.
pub(super) fn commit_writer(engine: Engine) -> CommitWriter {
    BatchWriter::start(
        engine,
        &BatchStatement {
            set: ASSIGNMENTS,
            and_where: "AND (v.closes_dead_letters = 0 OR accounts.has_dead_letters = 0)",
            returning: "accounts.changed_since_claim, accounts.outcome_kind,
                        v.history_id, v.history_detail",
            then: ",
             entries AS (
               INSERT INTO history (id, recorded_at, connection, person, outcome, detail)
               SELECT history_id, {now}, connection, person, outcome_kind, history_detail
               FROM written WHERE history_detail IS NOT NULL)",
        },
    )
}

async fn write(tx: &mut Tx<'_>, claim: &Claim, commit: &Commit) -> Result<Committed, ClaimError> {
    let row = write_account(tx, claim, commit).await?;

    let had_dead_letters = row.flag("has_dead_letters")?;
    for letter in &commit.dead_letters {
        filing::file(tx, letter).await?;
    }
    if had_dead_letters {
        let closed = Closed {
            all: commit.closes_dead_letters,
            refused: commit.closes_dead_letters && !commit.keeps_refused,
            overdue: commit.leaver_since.is_none(),
        };
        filing::close_of_account(tx, &claim.account, closed, &commit.dead_letters).await?;
    }

    if let Some(detail) = &commit.history {
        let entry = NewEntry {
            connection: &claim.account.connection,
            person: &claim.account.person.0,
            outcome: &code(&commit.outcome.kind),
            detail,
        };
        history::write(tx, &entry).await?;
    }
    committed(&row)
}

async fn write_account(
    tx: &mut Tx<'_>,
    claim: &Claim,
    commit: &Commit,
) -> Result<SqlRow, ClaimError> {
    let statement = Statement::new(format!(
        "WITH {{rows}}
         UPDATE accounts SET {ASSIGNMENTS}
         FROM v
         WHERE {CLAIMED_ROW}
         RETURNING accounts.changed_since_claim, accounts.has_dead_letters"
    ));
    match statement.rows([row(claim, commit)?]).first(tx).await {
        Ok(row) => Ok(row.ok_or(ClaimLost)?),
        Err(error) => Err(owners::write_error(error)),
    }
}

fn committed(row: &SqlRow) -> Result<Committed, ClaimError> {
    Ok(Committed {
        pending_again: row.text("changed_since_claim")? != "none",
    })
}

/// Assigns the columns of [`row`], as `v`, to an account. `changed_since_claim` stays as it is
/// until the next claim.
const ASSIGNMENTS: &str = "
    fencing_token = NULL,
    lease_until = NULL,
    lease_taken_over = 0,
    next_run_at = CASE
      WHEN accounts.changed_since_claim <> 'none' OR v.next_run_at <= {now} THEN {now}
      ELSE v.next_run_at END,
    pending_since = CASE
      WHEN accounts.changed_since_claim <> 'none' THEN {now}
      WHEN v.next_run_at <= {now} THEN COALESCE(accounts.pending_since, {now})
      ELSE NULL END,
    priority = CASE
      WHEN accounts.changed_since_claim = 'termination' THEN 'leaver' ELSE v.priority END,
    not_before = CASE
      WHEN accounts.changed_since_claim <> 'none' THEN NULL ELSE v.not_before END,
    reconciled_version = CASE
      WHEN v.reconciled = 1 THEN v.person_version ELSE accounts.reconciled_version END,
    reconciled_mapping_version = CASE
      WHEN v.reconciled = 1 THEN v.mapping_version ELSE accounts.reconciled_mapping_version END,
    reconciled_access = COALESCE(v.reconciled_access, accounts.reconciled_access),
    scim_id = v.scim_id,
    last_applied = v.last_applied,
    next_due_at = v.next_due_at,
    attempts = v.attempts,
    intent = v.intent,
    verify_at = v.verify_at,
    audits = v.audits,
    leaver_since = v.leaver_since,
    last_run_at = v.last_run_at,
    outcome = v.outcome,
    outcome_kind = v.outcome_kind";

/// A commit as a row: the claim, the columns of [`ASSIGNMENTS`], and the history entry.
fn row(claim: &Claim, commit: &Commit) -> Result<Row<COLUMNS>, StoreError> {
    // A reconciled account rests until it is due, a failed one tries again; neither of them delays
    // a read-back.
    let requested = if commit.reconciled {
        commit.next_due_at
    } else {
        Some(commit.not_before.unwrap_or(Timestamp::UNIX_EPOCH))
    };
    let next_run_at = [requested, commit.verify_at].into_iter().flatten().min();

    let account = &claim.account;
    let access = commit.reconciled_access.as_ref().map(code);
    let intent = commit.intent.as_ref().map(json_text).transpose()?;
    let detail = commit.history.as_ref().map(json_text).transpose()?;
    let may_close = commit.closes_dead_letters || commit.leaver_since.is_none();
    Ok([
        ("connection", (&account.connection).into()),
        ("person", (&account.person).into()),
        ("fencing_token", (&claim.fencing_token).into()),
        ("next_run_at", next_run_at.into()),
        ("priority", commit.priority.into()),
        ("not_before", commit.not_before.into()),
        ("reconciled", commit.reconciled.into()),
        ("person_version", claim.person_version.into()),
        ("mapping_version", claim.mapping_version.into()),
        ("reconciled_access", access.into()),
        ("scim_id", commit.scim_id.clone().into()),
        ("last_applied", json_text(&commit.last_applied)?.into()),
        ("next_due_at", commit.next_due_at.into()),
        ("attempts", commit.attempts.into()),
        ("intent", intent.into()),
        ("verify_at", commit.verify_at.into()),
        ("audits", commit.audits.into()),
        ("leaver_since", commit.leaver_since.into()),
        ("last_run_at", claim.now.into()),
        ("outcome", json_text(&commit.outcome)?.into()),
        ("outcome_kind", code(&commit.outcome.kind).into()),
        ("closes_dead_letters", may_close.into()),
        ("history_id", telemetry::new_id().into()),
        ("history_detail", detail.into()),
    ])
}
