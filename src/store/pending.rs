//! Moving a person's version, and marking accounts pending: what makes a stored event matter.
//!
//! What an account is to be reconciled to (the person's version, whom they were merged into) is written on its row, so
//! that a claim and a commit see it under the row's own lock, whatever else is committed meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    LastApplied, Priority, StoreError, Wiring,
    aliases::{Folk, Member},
    sql::statement::{Columns as _, SqlValue, Statement, Tx, chunks, to_json},
};
use hirewire_core::event::{Alias, SourceId};

/// Moves the clusters' versions by one; one that took others in goes past the greatest of theirs, given here. The
/// versions that came of it. Whoever moves the same cluster next waits here until we have committed.
pub(super) async fn move_versions(
    tx: &mut Tx<'_>,
    clusters: &BTreeMap<String, i64>,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let mut versions = BTreeMap::new();
    let rows = clusters
        .iter()
        .map(|(cluster, taken_in)| [cluster.as_str().into(), (*taken_in + 1).into()])
        .collect();
    for rows in chunks(tx.dialect, rows) {
        let moved = Statement::of(
            "INSERT INTO clusters (id, version) VALUES {rows} ON CONFLICT (id) DO UPDATE SET version = \
             CASE WHEN clusters.version >= excluded.version THEN clusters.version + 1 ELSE excluded.version END \
             RETURNING id, version",
        )
        .rows(rows)
        .all(tx)
        .await?;
        for row in moved {
            versions.insert(row.text("id")?, row.int("version")?);
        }
    }
    Ok(versions)
}

/// Makes every account of these clusters' people pending now, on every connection that a source of theirs feeds; rows
/// that are missing are added.
pub(super) async fn mark_pending(
    tx: &mut Tx<'_>,
    folk: &Folk,
    versions: &BTreeMap<String, i64>,
    endings: &BTreeSet<String>,
    wiring: &Wiring,
) -> Result<(), StoreError> {
    let nothing = to_json(&LastApplied::default())?;
    let mut rows: Vec<[SqlValue; 7]> = Vec::new();
    for (cluster, version) in versions {
        let members: Vec<_> = folk.of_cluster(cluster).collect();
        let sources: BTreeSet<&SourceId> = members.iter().map(|(alias, _)| &alias.source).collect();
        let priority = if endings.contains(cluster) {
            Priority::Leaver
        } else {
            Priority::Other
        };
        for (connection, fed_by) in &wiring.connections {
            if !fed_by.iter().any(|source| sources.contains(source)) {
                continue;
            }
            for (alias, member) in &members {
                let alias = least_alias(&members, alias, member);
                rows.push([
                    connection.into(),
                    member.person.as_str().into(),
                    alias.source.as_str().into(),
                    alias.worker.as_str().into(),
                    (*version).into(),
                    member.forwarded_to.clone().into(),
                    priority.into(),
                ]);
            }
        }
    }
    for rows in chunks(tx.dialect, rows) {
        Statement::of(OWE).with(&nothing).rows(rows).run(tx).await?;
    }
    Ok(())
}

/// Of a person that represents others too the least alias of all of them, else their own.
fn least_alias<'a>(members: &[(&'a Alias, &Member)], own: &'a Alias, member: &Member) -> &'a Alias {
    let same = members
        .iter()
        .filter(|(_, other)| other.representative() == member.person);
    same.map(|(alias, _)| *alias).min().unwrap_or(own)
}

const OWE: &str = "INSERT INTO accounts (connection, person, alias_source, alias_worker, last_applied, reconciled_version, \
     mapping_version, priority, next_run_at, pending_since, attempts, audits, held, person_version, wanted_mapping, merged_into, \
     changed_since_claim, has_dead_letters, taken_over) \
     SELECT v.column1, v.column2, v.column3, v.column4, $2, 0, 0, v.column7, {now}, {now}, 0, 0, 0, v.column5, \
     COALESCE(m.version, 0), v.column6, 2 - v.column7, 0, 0 \
     FROM (VALUES {rows}) v LEFT JOIN mappings m ON m.connection = v.column1 WHERE 1 = 1 \
     ON CONFLICT (connection, person) DO UPDATE SET \
     person_version = CASE WHEN excluded.person_version > accounts.person_version \
       THEN excluded.person_version ELSE accounts.person_version END, \
     merged_into = excluded.merged_into, \
     alias_source = CASE WHEN accounts.scim_id IS NULL THEN excluded.alias_source ELSE accounts.alias_source END, \
     alias_worker = CASE WHEN accounts.scim_id IS NULL THEN excluded.alias_worker ELSE accounts.alias_worker END, \
     priority = CASE WHEN excluded.priority = 0 OR (accounts.priority = 0 AND accounts.next_run_at <= {now}) THEN 0 ELSE 1 END, \
     pending_since = CASE WHEN accounts.next_run_at <= {now} THEN COALESCE(accounts.pending_since, accounts.next_run_at) \
       ELSE {now} END, \
     next_run_at = CASE WHEN accounts.next_run_at <= {now} THEN accounts.next_run_at ELSE {now} END, \
     not_before = NULL, \
     changed_since_claim = CASE WHEN accounts.changed_since_claim > excluded.changed_since_claim THEN accounts.changed_since_claim ELSE excluded.changed_since_claim END";
