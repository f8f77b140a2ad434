//! `sweep`: finds what is pending and not marked, so that nothing depends on a mark that was once missed.
//!
//! It looks first, in portions and without a lock, and writes only where there is something to heal.

use super::{
    LastApplied, OutcomeKind, Store, StoreError, Swept, Wiring,
    sql::dialect::Scope,
    sql::statement::{Columns as _, SqlValue, Statement, to_json, to_word},
};
use hirewire_core::event::SourceId;

/// How many rows one transaction of a sweep touches: others are to get in between.
const PORTION: usize = 500;

impl Store {
    /// Finds what is pending and not marked: rows missing for a connection, versions behind, due times passed.
    pub async fn sweep(&self, wiring: &Wiring) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        for (connection, sources) in &wiring.connections {
            swept.added += self.add_missing(connection, sources.iter()).await?;
            swept.marked += self.mark_behind(connection).await?;
        }
        Ok(swept)
    }

    async fn add_missing(
        &self,
        connection: &str,
        sources: impl Iterator<Item = &SourceId>,
    ) -> Result<u64, StoreError> {
        let sources: Vec<[SqlValue; 1]> = sources.map(|source| [source.as_str().into()]).collect();
        if sources.is_empty() {
            return Ok(0);
        }
        let mut added = 0;
        loop {
            let missing = Statement::of(format!("SELECT p.person {MISSING}"))
                .with(connection)
                .with(PORTION);
            let missing = self
                .every(missing.rows(sources.iter().cloned()))
                .await?
                .len();
            if missing == 0 {
                return Ok(added);
            }
            let add = Statement::of(format!(
                "{ADD} {MISSING} ON CONFLICT (connection, person) DO NOTHING"
            ));
            let add = add
                .with(connection)
                .with(PORTION)
                .with(to_json(&LastApplied::default())?);
            added += self.touch(add.rows(sources.iter().cloned())).await?;
            if missing < PORTION {
                return Ok(added);
            }
        }
    }

    async fn mark_behind(&self, connection: &str) -> Result<u64, StoreError> {
        let mut marked = 0;
        loop {
            let behind = Statement::of(BEHIND).with(connection).with(PORTION);
            let behind = self.every(behind).await?;
            let mut rows: Vec<[SqlValue; 4]> = Vec::with_capacity(behind.len());
            for row in &behind {
                let (version, mapping) = (row.int("version")?, row.int("mapping")?);
                let merged_into = row.maybe_text("forwarded_to")?;
                rows.push([
                    row.text("person")?.into(),
                    version.into(),
                    mapping.into(),
                    merged_into.into(),
                ]);
            }
            if rows.is_empty() {
                return Ok(marked);
            }
            let healed = self
                .touch(Statement::of(MARK).with(connection).rows(rows))
                .await?;
            marked += healed;
            // Whatever was found but reconciled meanwhile is not found again; this is for the next sweep to say.
            if behind.len() < PORTION || healed == 0 {
                return Ok(marked);
            }
        }
    }

    /// Makes accounts pending that were only observed, for a connection that is last_applied now; how many. Each keeps the priority that
    /// observing gave it.
    pub async fn mark_observed_pending(&self, connection: &str) -> Result<u64, StoreError> {
        let mut marked = 0;
        loop {
            let observed = Statement::of(OBSERVED)
                .with(connection)
                .with(to_word(&OutcomeKind::Observed))
                .with(PORTION);
            let portion = self.touch(observed).await?;
            marked += portion;
            if portion < PORTION as u64 {
                return Ok(marked);
            }
        }
    }

    async fn touch(&self, statement: Statement) -> Result<u64, StoreError> {
        self.engine
            .write(Scope::Statement, move |mut tx| {
                let statement = statement.clone();
                Box::pin(async move { Ok(statement.run(&mut tx).await?) })
            })
            .await
    }
}

/// People that a source of the connection ($2) knows and that have no row there, at most $3.
const MISSING: &str = "FROM people p JOIN clusters c ON c.id = p.cluster \
     LEFT JOIN mappings m ON m.connection = $2 \
     WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.connection = $2 AND a.person = p.person) \
     AND EXISTS (SELECT 1 FROM people q WHERE q.cluster = p.cluster AND q.source IN (VALUES {rows})) LIMIT $3";

const ADD: &str = "INSERT INTO accounts (connection, person, alias_source, alias_worker, last_applied, reconciled_version, \
     mapping_version, priority, next_run_at, pending_since, attempts, audits, held, person_version, wanted_mapping, merged_into, \
     changed_since_claim, has_dead_letters, taken_over) \
     SELECT $2, p.person, p.source, p.worker, $4, 0, 0, 1, {now}, {now}, 0, 0, 0, c.version, COALESCE(m.version, 0), \
     p.forwarded_to, 1, 0, 0";

/// Accounts of a connection ($2) that nobody holds, that are not pending now, and should be: someone moved and the row was
/// not told; or it is reconciled behind what it was told, or due, and no backoff says to wait; or a read-back is due.
const BEHIND: &str = "SELECT a.person, c.version, COALESCE(m.version, 0) AS mapping, p.forwarded_to FROM accounts a \
     JOIN people p ON p.person = a.person JOIN clusters c ON c.id = p.cluster \
     LEFT JOIN mappings m ON m.connection = a.connection \
     WHERE a.connection = $2 AND a.fencing_token IS NULL AND (a.next_run_at IS NULL OR a.next_run_at > {now}) \
     AND (a.person_version < c.version OR a.wanted_mapping < m.version OR a.verify_at <= {now} \
       OR ((a.not_before IS NULL OR a.not_before <= {now}) \
         AND (a.reconciled_version < c.version OR a.mapping_version < m.version OR a.due <= {now}))) LIMIT $3";

const MARK: &str = "UPDATE accounts SET next_run_at = {now}, pending_since = {now}, \
     not_before = CASE WHEN person_version < v.column2 OR wanted_mapping < v.column3 THEN NULL ELSE not_before END, \
     person_version = CASE WHEN person_version < v.column2 THEN v.column2 ELSE person_version END, \
     wanted_mapping = CASE WHEN wanted_mapping < v.column3 THEN v.column3 ELSE wanted_mapping END, \
     merged_into = v.column4, changed_since_claim = CASE WHEN changed_since_claim = 2 THEN 2 ELSE 1 END \
     FROM (VALUES {rows}) v WHERE connection = $2 AND person = v.column1 \
     AND fencing_token IS NULL AND (next_run_at IS NULL OR next_run_at > {now})";

const OBSERVED: &str = "UPDATE accounts SET next_run_at = {now}, pending_since = {now}, \
     changed_since_claim = CASE WHEN changed_since_claim = 2 THEN 2 ELSE 1 END \
     WHERE connection = $2 AND fencing_token IS NULL AND person IN (SELECT a.person FROM accounts a \
       WHERE a.connection = $2 AND a.outcome_kind = $3 AND a.fencing_token IS NULL \
       AND (a.next_run_at IS NULL OR a.next_run_at > {now}) LIMIT $4)";
