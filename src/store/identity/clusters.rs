//! Clusters: loading them, merging them, and their versions.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::{
    PersonKey, StoreError,
    sql::{
        row::{ReadColumn as _, SqlRow},
        statement::{Row, Statement, Tx, chunks},
    },
};
use crate::telemetry;
use hirewire_core::event::Alias;

/// An alias as the store has it.
#[derive(Clone, Debug)]
pub(in crate::store) struct Member {
    /// The key of its person. It never changes.
    pub(in crate::store) person: String,
    cluster: String,
    /// The person who represents it, if that is not its own.
    pub(in crate::store) merged_into: Option<String>,
}

/// Some aliases and all other members of their clusters.
#[derive(Debug, Default)]
pub(in crate::store) struct Clusters {
    members: BTreeMap<Alias, Member>,
    /// The aliases of each cluster, because a batch has thousands of them.
    aliases: BTreeMap<String, BTreeSet<Alias>>,
}

impl Member {
    /// The person who represents it.
    pub(in crate::store) fn representative(&self) -> &str {
        self.merged_into.as_deref().unwrap_or(&self.person)
    }
}

impl Clusters {
    /// Loads the clusters of these aliases. A new alias becomes a person and a cluster of its own.
    pub(in crate::store) async fn load(
        tx: &mut Tx<'_>,
        aliases: BTreeSet<Alias>,
    ) -> Result<Self, StoreError> {
        let mut clusters = Self::default();
        let rows: Vec<Row<2>> = aliases
            .iter()
            .map(|alias| {
                [
                    ("source", alias.source.as_str().into()),
                    ("worker", alias.worker.as_str().into()),
                ]
            })
            .collect();
        for rows in chunks(tx.dialect, rows) {
            let statement = Statement::new(
                "WITH {rows}
                 SELECT p.person, p.source, p.worker, p.cluster, p.merged_into
                 FROM people p
                 WHERE p.cluster IN (
                   SELECT q.cluster FROM v
                   JOIN people q ON q.source = v.source AND q.worker = v.worker)",
            );
            clusters.add(statement.rows(rows).all(tx).await?)?;
        }

        let new: Vec<Row<4>> = aliases
            .iter()
            .filter(|alias| !clusters.members.contains_key(alias))
            .map(new_person)
            .collect();
        for rows in chunks(tx.dialect, new) {
            // The update changes nothing: it returns the row if another transaction inserted it.
            let statement = Statement::new(
                "INSERT INTO people ({columns}) {values}
                 ON CONFLICT (source, worker) DO UPDATE SET worker = excluded.worker
                 RETURNING person, source, worker, cluster, merged_into",
            );
            clusters.add(statement.rows(rows).all(tx).await?)?;
        }
        Ok(clusters)
    }

    fn add(&mut self, rows: Vec<SqlRow>) -> Result<(), StoreError> {
        for row in rows {
            let alias = Alias {
                source: row.code("source")?,
                worker: row.code("worker")?,
            };
            let member = Member {
                person: row.text("person")?,
                cluster: row.text("cluster")?,
                merged_into: row.optional_text("merged_into")?,
            };
            self.aliases
                .entry(member.cluster.clone())
                .or_default()
                .insert(alias.clone());
            self.members.insert(alias, member);
        }
        Ok(())
    }

    /// The members of a cluster.
    pub(in crate::store) fn members(
        &self,
        cluster: &str,
    ) -> impl Iterator<Item = (&Alias, &Member)> {
        self.aliases
            .get(cluster)
            .into_iter()
            .flatten()
            .filter_map(|alias| self.members.get_key_value(alias))
    }

    /// The people of a cluster, merged ones too.
    pub(in crate::store) fn people(&self, cluster: &str) -> impl Iterator<Item = PersonKey> {
        self.members(cluster)
            .map(|(_, member)| PersonKey(member.person.clone()))
    }

    /// The member of an alias, if its cluster was loaded.
    pub(super) fn get(&self, alias: &Alias) -> Option<&Member> {
        self.members.get(alias)
    }

    fn member(&self, alias: &Alias) -> Result<&Member, StoreError> {
        self.members.get(alias).ok_or_else(|| {
            StoreError::Refused("an alias of an event is missing in the table `people`".to_owned())
        })
    }

    /// The cluster of an alias.
    pub(in crate::store) fn cluster(&self, alias: &Alias) -> Result<&str, StoreError> {
        Ok(&self.member(alias)?.cluster)
    }

    /// The person of an alias, merges followed.
    pub(in crate::store) fn person(&self, alias: &Alias) -> Result<PersonKey, StoreError> {
        Ok(PersonKey(self.member(alias)?.representative().to_owned()))
    }

    /// Changes the representative of a member; the row to write, if it changed.
    pub(super) fn set_representative(
        &mut self,
        alias: &Alias,
        representative: String,
    ) -> Option<Row<2>> {
        let member = self.members.get_mut(alias)?;
        let merged_into = (representative != member.person).then_some(representative);
        if merged_into == member.merged_into {
            return None;
        }
        member.merged_into.clone_from(&merged_into);
        Some([
            ("person", member.person.as_str().into()),
            ("merged_into", merged_into.into()),
        ])
    }

    /// Merges the clusters of aliases that one event names together into the oldest of them.
    /// Returns each cluster that grew with the greatest version of those merged into it.
    pub(in crate::store) async fn merge<'a>(
        &mut self,
        tx: &mut Tx<'_>,
        named_together: impl Iterator<Item = &'a [Alias]>,
    ) -> Result<BTreeMap<String, i64>, StoreError> {
        let mut merged_into: BTreeMap<String, String> = BTreeMap::new();
        for aliases in named_together.filter(|aliases| aliases.len() > 1) {
            let mut clusters = BTreeSet::new();
            for alias in aliases {
                clusters.insert(self.cluster(alias)?.to_owned());
            }
            // An id is a UUID v7, so the least is the oldest.
            let Some(oldest) = clusters.pop_first() else {
                continue;
            };
            for cluster in clusters {
                self.relabel(&cluster, &oldest);
                merged_into.insert(cluster, oldest.clone());
            }
        }

        let mut grown: BTreeMap<String, i64> = BTreeMap::new();
        for (cluster, mut winner) in merged_into.clone() {
            // The winner may have been merged into another one later in this batch.
            while let Some(next) = merged_into.get(&winner) {
                winner.clone_from(next);
            }
            let version = move_rows(tx, &cluster, &winner).await?;
            let greatest = grown.entry(winner).or_insert(0);
            *greatest = version.max(*greatest);
        }
        Ok(grown)
    }

    fn relabel(&mut self, cluster: &str, winner: &str) {
        let aliases = self.aliases.remove(cluster).unwrap_or_default();
        for alias in &aliases {
            if let Some(member) = self.members.get_mut(alias) {
                winner.clone_into(&mut member.cluster);
            }
        }
        self.aliases
            .entry(winner.to_owned())
            .or_default()
            .extend(aliases);
    }
}

fn new_person(alias: &Alias) -> Row<4> {
    let key = telemetry::new_id();
    [
        ("person", key.as_str().into()),
        ("source", alias.source.as_str().into()),
        ("worker", alias.worker.as_str().into()),
        ("cluster", key.into()),
    ]
}

/// Moves the rows of a cluster to another one; the version that the cluster had.
async fn move_rows(tx: &mut Tx<'_>, cluster: &str, winner: &str) -> Result<i64, StoreError> {
    for statement in [
        "UPDATE people SET cluster = :winner WHERE cluster = :cluster",
        "UPDATE events SET cluster = :winner WHERE cluster = :cluster",
    ] {
        Statement::new(statement)
            .bind("winner", winner)
            .bind("cluster", cluster)
            .execute(tx)
            .await?;
    }

    let deleted = Statement::new("DELETE FROM clusters WHERE id = :cluster RETURNING version")
        .bind("cluster", cluster)
        .first(tx)
        .await?;
    deleted.map_or(Ok(0), |row| row.int("version"))
}

/// Adds 1 to the versions of the clusters; a cluster that grew passes the given greatest version of
/// those merged into it. Returns the new versions. Another transaction that advances the same
/// cluster waits here until this one has committed.
pub(in crate::store) async fn advance_versions(
    tx: &mut Tx<'_>,
    clusters: &BTreeMap<String, i64>,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let rows: Vec<Row<2>> = clusters
        .iter()
        .map(|(cluster, greatest)| {
            [
                ("id", cluster.as_str().into()),
                ("version", (*greatest + 1).into()),
            ]
        })
        .collect();

    let mut versions = BTreeMap::new();
    for rows in chunks(tx.dialect, rows) {
        let advanced = Statement::new(
            "INSERT INTO clusters ({columns}) {values}
             ON CONFLICT (id) DO UPDATE SET version = CASE
               WHEN clusters.version >= excluded.version THEN clusters.version + 1
               ELSE excluded.version END
             RETURNING id, version",
        )
        .rows(rows)
        .all(tx)
        .await?;
        for row in advanced {
            versions.insert(row.text("id")?, row.int("version")?);
        }
    }
    Ok(versions)
}
