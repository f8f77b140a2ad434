//! The sweep: makes accounts pending that should be and are not, so that no write depends on a mark
//! that was lost.
//!
//! It reads in portions and without a lock, and writes only the accounts that it found.

use std::{sync::LazyLock, time::Duration};

use super::{
    DeadLetterCause, LastApplied, OutcomeKind, SourceRouting, Store, StoreError,
    pending::{CHANGED, NEW_COLUMNS, NEW_VALUES, PENDING_NOW},
    sql::{
        row::{ReadColumn as _, SqlRow},
        statement::{Row, Statement},
        value::{code, json_text},
    },
};
use hirewire_core::{event::SourceId, fold::FindingKind};

/// The most rows in one transaction of a sweep, so that other writes run in between.
const PORTION: usize = 500;

/// The accounts that a sweep changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepResult {
    /// Accounts that were missing: a connection was added, or a row was lost.
    pub added: u64,
    /// Accounts that were not pending, although their versions were behind or a time had passed.
    pub marked: u64,
}

impl Store {
    /// Adds missing accounts, and makes accounts pending whose reconciled versions are behind or
    /// whose due time or read-back time has passed.
    pub async fn sweep(&self, routing: &SourceRouting) -> Result<SweepResult, StoreError> {
        let mut result = SweepResult::default();
        for (connection, sources) in &routing.connections {
            let sources: Vec<&str> = sources.iter().map(SourceId::as_str).collect();
            result.added += self.add_missing(connection, &sources).await?;
            result.marked += self.mark_behind(connection).await?;
        }
        Ok(result)
    }

    /// Makes accounts pending whose dead letter `group_not_found` was filed `age` ago or earlier:
    /// somebody may have made the group. At most 500; their number. A reconcile that finds no group
    /// files the dead letter anew, so that the next look is `age` later.
    pub async fn look_for_groups_again(
        &self,
        connection: &str,
        age: Duration,
    ) -> Result<u64, StoreError> {
        let statement = Statement::new(format!(
            "UPDATE accounts SET {PENDING_NOW}, {CHANGED}
             WHERE connection = :connection AND fencing_token IS NULL
               AND (next_run_at IS NULL OR next_run_at > {{now}})
               AND (not_before IS NULL OR not_before <= {{now}})
               AND person IN (
                 SELECT d.person FROM dead_letters d
                 WHERE d.connection = :connection AND d.cause = :cause
                   AND d.closed_at IS NULL AND d.last_filed_at <= {{now}} - :age
                 LIMIT :limit)"
        ))
        .bind("connection", connection)
        .bind(
            "cause",
            DeadLetterCause::Finding(FindingKind::GroupNotFound).as_str(),
        )
        .bind("age", age)
        .bind("limit", PORTION);
        self.engine.execute(statement).await
    }

    async fn add_missing(&self, connection: &str, sources: &[&str]) -> Result<u64, StoreError> {
        if sources.is_empty() {
            return Ok(0);
        }
        let last_applied = json_text(&LastApplied::default())?;
        let mut added = 0;
        loop {
            let find = Statement::new(format!("SELECT p.person {MISSING}"))
                .bind("connection", connection)
                .bind("limit", PORTION)
                .list(sources.iter().copied());
            let missing = self.engine.all(find).await?.len();
            if missing == 0 {
                return Ok(added);
            }

            let add = Statement::new(format!(
                "INSERT INTO accounts ({NEW_COLUMNS})
                 SELECT :connection, p.person, p.source, p.worker,
                   c.version, COALESCE(m.version, 0), p.merged_into, 'other', 'change',
                   {NEW_VALUES}
                 {MISSING}
                 ON CONFLICT (connection, person) DO NOTHING"
            ))
            .bind("connection", connection)
            .bind("limit", PORTION)
            .bind("last_applied", &last_applied)
            .list(sources.iter().copied());
            added += self.engine.execute(add).await?;
            if missing < PORTION {
                return Ok(added);
            }
        }
    }

    async fn mark_behind(&self, connection: &str) -> Result<u64, StoreError> {
        let mut marked = 0;
        loop {
            let find = Statement::new(BEHIND)
                .bind("connection", connection)
                .bind("limit", PORTION);
            let found = self.engine.all(find).await?;
            if found.is_empty() {
                return Ok(marked);
            }

            let rows = found
                .iter()
                .map(desired_versions)
                .collect::<Result<Vec<_>, _>>()?;
            let mark = Statement::new(MARK.as_str())
                .bind("connection", connection)
                .rows(rows);
            let written = self.engine.execute(mark).await?;
            marked += written;
            // An account that was reconciled meanwhile is not found again. If all were, the next
            // sweep continues.
            if found.len() < PORTION || written == 0 {
                return Ok(marked);
            }
        }
    }

    /// Makes accounts pending whose last outcome is `observed`, for a connection that is in mode
    /// `apply` now; their number. Each keeps its priority.
    pub async fn mark_observed_pending(&self, connection: &str) -> Result<u64, StoreError> {
        let mut marked = 0;
        loop {
            let mark = Statement::new(format!(
                "UPDATE accounts SET next_run_at = {{now}}, pending_since = {{now}}, {CHANGED}
                 WHERE connection = :connection AND fencing_token IS NULL
                   AND person IN (
                     SELECT a.person FROM accounts a
                     WHERE a.connection = :connection
                       AND a.outcome_kind = :outcome_kind
                       AND a.fencing_token IS NULL
                       AND (a.next_run_at IS NULL OR a.next_run_at > {{now}})
                     LIMIT :limit)"
            ))
            .bind("connection", connection)
            .bind("outcome_kind", code(&OutcomeKind::Observed))
            .bind("limit", PORTION);
            let written = self.engine.execute(mark).await?;
            marked += written;
            if written < PORTION as u64 {
                return Ok(marked);
            }
        }
    }
}

/// The row of [`MARK`] for a row of [`BEHIND`].
fn desired_versions(row: &SqlRow) -> Result<Row<4>, StoreError> {
    Ok([
        ("person", row.text("person")?.into()),
        ("person_version", row.int("person_version")?.into()),
        ("mapping_version", row.int("mapping_version")?.into()),
        ("merged_into", row.optional_text("merged_into")?.into()),
    ])
}

/// People whom a source of the connection knows and who have no account on it.
const MISSING: &str = "FROM people p
    JOIN clusters c ON c.id = p.cluster
    LEFT JOIN mappings m ON m.connection = :connection
    WHERE NOT EXISTS (SELECT 1 FROM accounts a
                      WHERE a.connection = :connection AND a.person = p.person)
      AND EXISTS (SELECT 1 FROM people q
                  WHERE q.cluster = p.cluster AND q.source IN ({values}))
    LIMIT :limit";

/// Accounts of a connection that no claim holds, that are not pending now and should be:
/// - the row does not name the newest versions of the person and the mapping;
/// - a read-back is due;
/// - no backoff holds it back, and its reconciled versions are behind or its due time has passed.
const BEHIND: &str = "
    SELECT a.person, c.version AS person_version, COALESCE(m.version, 0) AS mapping_version,
      p.merged_into
    FROM accounts a
    JOIN people p ON p.person = a.person
    JOIN clusters c ON c.id = p.cluster
    LEFT JOIN mappings m ON m.connection = a.connection
    WHERE a.connection = :connection
      AND a.fencing_token IS NULL
      AND (a.next_run_at IS NULL OR a.next_run_at > {now})
      AND (a.person_version < c.version
        OR a.desired_mapping_version < m.version
        OR a.verify_at <= {now}
        OR ((a.not_before IS NULL OR a.not_before <= {now})
          AND (a.reconciled_version < c.version
            OR a.reconciled_mapping_version < m.version
            OR a.next_due_at <= {now})))
    LIMIT :limit";

/// Makes the accounts of `v` pending now, with the newest versions.
static MARK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH {{rows}}
         UPDATE accounts SET
           next_run_at = {{now}},
           pending_since = {{now}},
           {CHANGED},
           not_before = CASE
             WHEN accounts.person_version < v.person_version
               OR accounts.desired_mapping_version < v.mapping_version
             THEN NULL ELSE accounts.not_before END,
           person_version = CASE
             WHEN accounts.person_version < v.person_version
             THEN v.person_version ELSE accounts.person_version END,
           desired_mapping_version = CASE
             WHEN accounts.desired_mapping_version < v.mapping_version
             THEN v.mapping_version ELSE accounts.desired_mapping_version END,
           merged_into = v.merged_into
         FROM v
         WHERE accounts.connection = :connection
           AND accounts.person = v.person
           AND accounts.fencing_token IS NULL
           AND (accounts.next_run_at IS NULL OR accounts.next_run_at > {{now}})"
    )
});
