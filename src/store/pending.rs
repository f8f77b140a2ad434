//! Pending accounts: making accounts pending, and counting them.
//!
//! The state that an account is to be reconciled to (the person's version, the mapping's version, a
//! merge) is written on its row in the same transaction, so that a claim and a commit see it under
//! the row's lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    LastApplied, PersonKey, Priority, Store, StoreError,
    identity::{Clusters, Member},
    sql::{
        row::ReadColumn as _,
        statement::{Row, Statement, Tx, chunks},
        value::json_text,
    },
};
use hirewire_core::event::{Alias, SourceId};

/// Which sources feed which connection. A stored event makes the accounts of every connection
/// pending that one of the person's sources feeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceRouting {
    /// The sources by connection name; no set is empty.
    pub connections: BTreeMap<String, BTreeSet<SourceId>>,
}

/// The number of pending accounts of a connection and priority. A leaver counts until the user is
/// proven inactive, also while it waits for its next attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingCount {
    /// The connection's name.
    pub connection: String,
    /// The priority of the accounts.
    pub priority: Priority,
    /// The number of accounts.
    pub accounts: u64,
    /// The time since which the oldest of them is pending; of leavers, when the first user should
    /// have been inactive.
    pub oldest: Option<Timestamp>,
}

/// The columns of a new account whose values differ.
pub(super) const NEW_COLUMNS: &str = "connection, person, alias_source, alias_worker,
    person_version, desired_mapping_version, merged_into, priority, changed_since_claim,
    last_applied, next_run_at, pending_since, reconciled_version, reconciled_mapping_version,
    attempts, audits, held, has_dead_letters, lease_taken_over";

/// The values of the last columns of [`NEW_COLUMNS`], from `last_applied` on: the same for each new
/// account, which is pending now.
pub(super) const NEW_VALUES: &str = ":last_applied, {now}, {now}, 0, 0, 0, 0, 0, 0, 0";

/// Assignments that make an account pending now. One that is pending already keeps its place.
pub(super) const PENDING_NOW: &str = "
    pending_since = CASE
      WHEN accounts.next_run_at <= {now}
      THEN COALESCE(accounts.pending_since, accounts.next_run_at) ELSE {now} END,
    next_run_at = CASE
      WHEN accounts.next_run_at <= {now} THEN accounts.next_run_at ELSE {now} END,
    not_before = NULL";

/// The assignment that a commit finds if the account is claimed. A termination stays.
pub(super) const CHANGED: &str = "changed_since_claim = CASE
      WHEN accounts.changed_since_claim = 'termination' THEN 'termination' ELSE 'change' END";

/// Adds the accounts of `v` or makes them pending now.
static UPSERT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH {{rows}}
         INSERT INTO accounts ({NEW_COLUMNS})
         SELECT v.connection, v.person, v.alias_source, v.alias_worker,
           v.person_version, COALESCE(m.version, 0), v.merged_into, v.priority,
           CASE v.priority WHEN 'leaver' THEN 'termination' ELSE 'change' END,
           {NEW_VALUES}
         FROM v LEFT JOIN mappings m ON m.connection = v.connection
         WHERE 1 = 1
         ON CONFLICT (connection, person) DO UPDATE SET
           {PENDING_NOW},
           person_version = CASE
             WHEN excluded.person_version > accounts.person_version
             THEN excluded.person_version ELSE accounts.person_version END,
           merged_into = excluded.merged_into,
           alias_source = CASE
             WHEN accounts.scim_id IS NULL
             THEN excluded.alias_source ELSE accounts.alias_source END,
           alias_worker = CASE
             WHEN accounts.scim_id IS NULL
             THEN excluded.alias_worker ELSE accounts.alias_worker END,
           priority = CASE
             WHEN excluded.priority = 'leaver'
               OR accounts.leaver_since IS NOT NULL
               OR (accounts.priority = 'leaver' AND accounts.next_run_at <= {{now}})
             THEN 'leaver' ELSE 'other' END,
           changed_since_claim = CASE
             WHEN accounts.changed_since_claim = 'termination'
             THEN 'termination' ELSE excluded.changed_since_claim END"
    )
});

impl Store {
    /// The numbers of leavers whose users are not proven inactive, and of other accounts that are
    /// pending now, by connection and priority.
    pub async fn pending_counts(&self) -> Result<Vec<PendingCount>, StoreError> {
        let statement = Statement::new(
            "WITH counted (connection, priority, since) AS (
               SELECT connection, 'leaver', leaver_since FROM accounts
               WHERE leaver_since IS NOT NULL
               UNION ALL
               SELECT connection, priority, COALESCE(pending_since, next_run_at) FROM accounts
               WHERE leaver_since IS NULL AND next_run_at <= {now})
             SELECT connection, priority, COUNT(*) AS n, MIN(since) AS oldest
             FROM counted
             GROUP BY connection, priority
             ORDER BY connection, priority",
        );
        let rows = self.engine.all(statement).await?;
        rows.iter()
            .map(|row| {
                Ok(PendingCount {
                    connection: row.text("connection")?,
                    priority: row.code("priority")?,
                    accounts: row.count("n")?,
                    oldest: row.optional_time("oldest")?,
                })
            })
            .collect()
    }
}

/// Makes every account of these clusters' people pending now, on each connection that a source of
/// the cluster feeds. Adds missing accounts. `versions` are the clusters with their new versions,
/// `terminated` those with a new event that ends access.
pub(super) async fn mark_people(
    tx: &mut Tx<'_>,
    clusters: &Clusters,
    versions: &BTreeMap<String, i64>,
    terminated: &BTreeSet<String>,
    routing: &SourceRouting,
) -> Result<(), StoreError> {
    let mut rows: Vec<Row<7>> = Vec::new();
    for (cluster, version) in versions {
        let members: Vec<_> = clusters.members(cluster).collect();
        let sources: BTreeSet<&SourceId> = members.iter().map(|(alias, _)| &alias.source).collect();
        let priority = if terminated.contains(cluster) {
            Priority::Leaver
        } else {
            Priority::Other
        };

        for (connection, fed_by) in &routing.connections {
            if !fed_by.iter().any(|source| sources.contains(source)) {
                continue;
            }
            for (alias, member) in &members {
                let alias = least_alias(&members, alias, member);
                rows.push([
                    ("connection", connection.into()),
                    ("person", member.person.as_str().into()),
                    ("alias_source", alias.source.as_str().into()),
                    ("alias_worker", alias.worker.as_str().into()),
                    ("person_version", (*version).into()),
                    ("merged_into", member.merged_into.clone().into()),
                    ("priority", priority.into()),
                ]);
            }
        }
    }

    let last_applied = json_text(&LastApplied::default())?;
    for rows in chunks(tx.dialect, rows) {
        Statement::new(UPSERT.as_str())
            .bind("last_applied", &last_applied)
            .rows(rows)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Puts the accounts of these people that give access before others, as those of leavers: their access
/// may have to end. `mark_people` has made them pending.
pub(super) async fn put_withdrawals_first(
    tx: &mut Tx<'_>,
    people: impl Iterator<Item = PersonKey>,
) -> Result<(), StoreError> {
    let rows: Vec<Row<1>> = people
        .map(|person| [("person", (&person).into())])
        .collect();
    for rows in chunks(tx.dialect, rows) {
        Statement::new(
            "WITH {rows}
             UPDATE accounts SET priority = 'leaver', changed_since_claim = 'termination'
             FROM v
             WHERE accounts.person = v.person AND accounts.scim_id IS NOT NULL
               AND accounts.reconciled_access = 'active' AND accounts.next_run_at <= {now}",
        )
        .rows(rows)
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// The least alias of all people that the member represents, or its own alias.
fn least_alias<'a>(members: &[(&'a Alias, &Member)], own: &'a Alias, member: &Member) -> &'a Alias {
    let represented = members
        .iter()
        .filter(|(_, other)| other.representative() == member.person);
    represented.map(|(alias, _)| *alias).min().unwrap_or(own)
}

/// Makes every account of the connection pending now, to be reconciled to that mapping's version.
pub(super) async fn mark_connection(
    tx: &mut Tx<'_>,
    connection: &str,
    mapping_version: i64,
) -> Result<(), StoreError> {
    Statement::new(format!(
        "UPDATE accounts SET
           {PENDING_NOW},
           {CHANGED},
           desired_mapping_version = :version,
           priority = CASE
             WHEN leaver_since IS NOT NULL OR (priority = 'leaver' AND next_run_at <= {{now}})
             THEN 'leaver' ELSE 'other' END
         WHERE connection = :connection"
    ))
    .bind("connection", connection)
    .bind("version", mapping_version)
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes one account pending now, without its failed attempts, and to be read before anything is
/// planned. An open intent is read back in any case, and not before its time.
pub(super) async fn mark_account(
    tx: &mut Tx<'_>,
    connection: &str,
    person: &PersonKey,
) -> Result<(), StoreError> {
    Statement::new(format!(
        "UPDATE accounts SET {PENDING_NOW}, {CHANGED}, attempts = 0,
           verify_at = CASE
             WHEN intent IS NULL AND (verify_at IS NULL OR verify_at <= {{now}})
             THEN {{now}} ELSE verify_at END
         WHERE connection = :connection AND person = :person"
    ))
    .bind("connection", connection)
    .bind("person", person)
    .execute(tx)
    .await?;
    Ok(())
}
