//! Aliases, the clusters they are joined in, and the people they are by the fold.
//!
//! A cluster is every alias that any event ever named together: it only grows, and holds all events that can matter
//! to any of its people. Which of its aliases are one person is the fold's to say (`fold::people`), from all of them,
//! so the order of arrival does not matter. Of the aliases of one person the oldest home person represents it, the
//! others are forwarded to that one.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    StoreError, binding,
    record::Fact,
    rows,
    sql::statement::{Columns as _, SqlValue, Statement, Tx, chunks},
};
use crate::telemetry;
use hirewire_core::{
    event::{Alias, Event},
    fold,
};

/// An alias as stored.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Its home person.
    pub(super) person: String,
    pub(super) cluster: String,
    /// Who represents its person now; `None`: its home person does.
    pub(super) forwarded_to: Option<String>,
}

/// Aliases with everybody in their clusters.
#[derive(Debug, Default)]
pub(super) struct Folk {
    members: BTreeMap<Alias, Member>,
    /// Whose cluster is which: a batch has thousands of them.
    clusters: BTreeMap<String, BTreeSet<Alias>>,
}

impl Member {
    /// The person that represents it.
    pub(super) fn representative(&self) -> &str {
        self.forwarded_to.as_deref().unwrap_or(&self.person)
    }
}

impl Folk {
    /// Everybody in the clusters of these aliases; those never heard of are at home from now on, each alone.
    pub(super) async fn of(tx: &mut Tx<'_>, names: BTreeSet<Alias>) -> Result<Self, StoreError> {
        let mut folk = Self::default();
        let pairs = names
            .iter()
            .map(|alias| [alias.source.as_str().into(), alias.worker.as_str().into()])
            .collect();
        for pairs in chunks(tx.dialect, pairs) {
            let statement = Statement::of(
                "WITH named (source, worker) AS (VALUES {rows}) \
                 SELECT p.person, p.source, p.worker, p.cluster, p.forwarded_to FROM people p WHERE p.cluster IN \
                 (SELECT q.cluster FROM named JOIN people q ON q.source = named.source AND q.worker = named.worker)",
            );
            folk.add(statement.rows(pairs).all(tx).await?)?;
        }
        let strangers = names
            .iter()
            .filter(|alias| !folk.members.contains_key(alias))
            .map(|alias| {
                let home = telemetry::new_id();
                [
                    home.as_str().into(),
                    alias.source.as_str().into(),
                    alias.worker.as_str().into(),
                    home.into(),
                ]
            });
        for strangers in chunks(tx.dialect, strangers.collect()) {
            // Whoever else met the alias first has given it its home.
            let statement = Statement::of(
                "INSERT INTO people (person, source, worker, cluster) VALUES {rows} \
                 ON CONFLICT (source, worker) DO UPDATE SET worker = excluded.worker \
                 RETURNING person, source, worker, cluster, forwarded_to",
            );
            folk.add(statement.rows(strangers).all(tx).await?)?;
        }
        Ok(folk)
    }

    fn add(&mut self, rows: Vec<sqlx::any::AnyRow>) -> Result<(), StoreError> {
        for row in rows {
            let alias = Alias {
                source: row.word("source")?,
                worker: row.word("worker")?,
            };
            let member = Member {
                person: row.text("person")?,
                cluster: row.text("cluster")?,
                forwarded_to: row.maybe_text("forwarded_to")?,
            };
            self.clusters
                .entry(member.cluster.clone())
                .or_default()
                .insert(alias.clone());
            self.members.insert(alias, member);
        }
        Ok(())
    }

    /// Everybody in a cluster.
    pub(super) fn of_cluster(&self, cluster: &str) -> impl Iterator<Item = (&Alias, &Member)> {
        self.clusters
            .get(cluster)
            .into_iter()
            .flatten()
            .filter_map(|alias| self.members.get_key_value(alias))
    }

    /// The member that an alias is, if it was asked for.
    pub(super) fn get(&self, alias: &Alias) -> Option<&Member> {
        self.members.get(alias)
    }

    fn member(&self, alias: &Alias) -> Result<&Member, StoreError> {
        self.members
            .get(alias)
            .ok_or_else(|| StoreError::Refused("an alias has no home".to_owned()))
    }

    /// The cluster of an alias.
    pub(super) fn cluster(&self, alias: &Alias) -> Result<&str, StoreError> {
        Ok(&self.member(alias)?.cluster)
    }

    /// The person of an alias, forwarders followed.
    pub(super) fn person(&self, alias: &Alias) -> Result<&str, StoreError> {
        Ok(self.member(alias)?.representative())
    }

    /// Everybody at home in a cluster.
    pub(super) fn people_of(&self, cluster: &str) -> impl Iterator<Item = super::PersonKey> {
        self.of_cluster(cluster)
            .map(|(_, member)| super::PersonKey(member.person.clone()))
    }

    /// Joins the clusters whose aliases one event names together: the oldest takes in the others. The clusters that
    /// grew, each with the greatest version of those it took in.
    pub(super) async fn join(
        &mut self,
        tx: &mut Tx<'_>,
        facts: &[Fact],
    ) -> Result<BTreeMap<String, i64>, StoreError> {
        let mut lost = BTreeSet::new();
        for fact in facts.iter().filter(|fact| fact.names.len() > 1) {
            let mut together = BTreeSet::new();
            for alias in &fact.names {
                together.insert(self.cluster(alias)?.to_owned());
            }
            let Some(oldest) = together.pop_first() else {
                continue;
            };
            for cluster in &together {
                let aliases = self.clusters.remove(cluster).unwrap_or_default();
                for alias in &aliases {
                    if let Some(member) = self.members.get_mut(alias) {
                        member.cluster.clone_from(&oldest);
                    }
                }
                self.clusters
                    .entry(oldest.clone())
                    .or_default()
                    .extend(aliases);
            }
            lost.extend(
                together
                    .into_iter()
                    .map(|cluster| (cluster, oldest.clone())),
            );
        }
        // A cluster that took others in may have been taken in itself later.
        let winner_of: BTreeMap<String, String> = lost.into_iter().collect();
        let mut joined: BTreeMap<String, i64> = BTreeMap::new();
        for (cluster, mut winner) in winner_of.clone() {
            while let Some(next) = winner_of.get(&winner) {
                winner.clone_from(next);
            }
            let version = take_in(tx, &winner, &cluster).await?;
            let greatest = joined.entry(winner).or_insert(0);
            *greatest = version.max(*greatest);
        }
        Ok(joined)
    }

    /// Asks the fold who of a cluster's aliases are one person, and forwards accordingly; bindings that were made for
    /// an alias that is somebody else again go back with it.
    pub(super) async fn part(&mut self, tx: &mut Tx<'_>, cluster: &str) -> Result<(), StoreError> {
        if self.people_of(cluster).nth(1).is_none() {
            return Ok(());
        }
        let statement = format!("SELECT {} FROM events e WHERE e.cluster = $2", rows::EVENT);
        let stored = Statement::of(statement).with(cluster).all(tx).await?;
        let events = stored
            .iter()
            .map(rows::event)
            .collect::<Result<Vec<Event>, _>>()?;
        let mut turned: Vec<[SqlValue; 2]> = Vec::new();
        for (alias, representative) in self.representatives(cluster, &fold::people(&events)) {
            let Some(member) = self.members.get_mut(&alias) else {
                continue;
            };
            let forwarded_to = (representative != member.person).then_some(representative);
            if forwarded_to != member.forwarded_to {
                turned.push([member.person.as_str().into(), forwarded_to.clone().into()]);
                member.forwarded_to = forwarded_to;
            }
        }
        if turned.is_empty() {
            return Ok(());
        }
        for turned in chunks(tx.dialect, turned) {
            let statement = Statement::of(
                "WITH turned (who, target) AS (VALUES {rows}) UPDATE people SET forwarded_to = turned.target \
                 FROM turned WHERE people.person = turned.who",
            );
            statement.rows(turned).run(tx).await?;
        }
        binding::return_parted(tx, self, cluster).await
    }

    /// Each alias of the cluster with the person that represents it.
    fn representatives(
        &self,
        cluster: &str,
        people: &[BTreeSet<Alias>],
    ) -> BTreeMap<Alias, String> {
        let mut represented: BTreeMap<Alias, String> = self
            .of_cluster(cluster)
            .map(|(alias, member)| (alias.clone(), member.person.clone()))
            .collect();
        for person in people {
            let homes = person.iter().filter_map(|alias| represented.get(alias));
            let Some(oldest) = homes.min().cloned() else {
                continue;
            };
            for alias in person {
                if let Some(representative) = represented.get_mut(alias) {
                    representative.clone_from(&oldest);
                }
            }
        }
        represented
    }
}

/// Moves everything of a cluster into another; the version it had.
async fn take_in(tx: &mut Tx<'_>, winner: &str, cluster: &str) -> Result<i64, StoreError> {
    for statement in [
        "UPDATE people SET cluster = $2 WHERE cluster = $3",
        "UPDATE events SET cluster = $2 WHERE cluster = $3",
    ] {
        Statement::of(statement)
            .with(winner)
            .with(cluster)
            .run(tx)
            .await?;
    }
    let gone = Statement::of("DELETE FROM clusters WHERE id = $2 RETURNING version")
        .with(cluster)
        .first(tx)
        .await?;
    gone.map_or(Ok(0), |row| row.int("version"))
}
