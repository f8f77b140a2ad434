//! People: their keys, how to find one, and all events about one for the fold.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{
    Store, StoreError, events,
    sql::{row::ReadColumn as _, statement::Statement, value::SqlValue},
};
use hirewire_core::event::{Alias, Event};

/// The surrogate key of a person: a UUID v7, made when the store first sees the alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonKey(pub String);

impl fmt::Display for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&PersonKey> for SqlValue {
    fn from(key: &PersonKey) -> Self {
        key.0.as_str().into()
    }
}

/// All events that the fold needs to know a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The person; after a merge the one that represents them.
    pub person: PersonKey,
    /// An alias of the person, from which the fold starts.
    pub alias: Alias,
    /// Every event of the person's cluster, in no order.
    pub events: Vec<Event>,
    /// Grows with each batch that stores a new event of the cluster.
    pub version: i64,
}

impl Store {
    /// The facts about a person, merges followed; `None`: the key is unknown.
    pub async fn facts(&self, person: &PersonKey) -> Result<Option<Facts>, StoreError> {
        Ok(self.facts_of(&[person]).await?.remove(person))
    }

    /// The facts about a few hundred people at most, merges followed, by the key that was passed.
    pub async fn facts_of(
        &self,
        people: &[&PersonKey],
    ) -> Result<BTreeMap<PersonKey, Facts>, StoreError> {
        let Some(last) = people.last() else {
            return Ok(BTreeMap::new());
        };
        // The last key fills up to a power of two: the database plans a statement of each length.
        let padding = people.len().next_power_of_two() - people.len();
        let keys = people.iter().chain(std::iter::repeat_n(last, padding));

        // One statement, so that the version belongs to exactly these events.
        let statement = Statement::new(format!(
            "SELECT p.person AS requested, r.person, r.source AS alias_source,
                    r.worker AS alias_worker, c.version, {}
             FROM people p
             JOIN people r ON r.person = COALESCE(p.merged_into, p.person)
             JOIN clusters c ON c.id = p.cluster
             JOIN events ON events.cluster = p.cluster
             WHERE p.person IN ({{values}})",
            events::COLUMNS
        ));
        let rows = self.engine.all(statement.list(keys.copied())).await?;

        let mut found: BTreeMap<PersonKey, Facts> = BTreeMap::new();
        for row in &rows {
            let facts = match found.entry(PersonKey(row.text("requested")?)) {
                Entry::Occupied(facts) => facts.into_mut(),
                Entry::Vacant(vacant) => vacant.insert(Facts {
                    person: PersonKey(row.text("person")?),
                    alias: Alias {
                        source: row.code("alias_source")?,
                        worker: row.code("alias_worker")?,
                    },
                    version: row.int("version")?,
                    events: Vec::new(),
                }),
            };
            facts.events.push(events::read(row)?);
        }
        Ok(found)
    }

    /// The people whose worker id or facts contain the text, compared without case, by worker id;
    /// merges followed. An empty text selects everybody.
    pub async fn search_people(&self, text: &str) -> Result<Vec<PersonKey>, StoreError> {
        let escaped = text
            .to_lowercase()
            .replace('!', "!!")
            .replace('%', "!%")
            .replace('_', "!_");
        let statement = Statement::new(
            "SELECT COALESCE(p.merged_into, p.person) AS person, MIN(p.worker) AS worker
             FROM people p
             WHERE LOWER(p.worker) LIKE :pattern ESCAPE '!'
                OR EXISTS (SELECT 1 FROM events e
                           WHERE e.cluster = p.cluster AND LOWER(e.content) LIKE :pattern ESCAPE '!')
             GROUP BY COALESCE(p.merged_into, p.person)
             ORDER BY MIN(p.worker), COALESCE(p.merged_into, p.person)",
        );

        let rows = self
            .engine
            .all(statement.bind("pattern", format!("%{escaped}%")))
            .await?;
        rows.iter()
            .map(|row| Ok(PersonKey(row.text("person")?)))
            .collect()
    }

    /// The people that a text names, merges followed: the one with this key; else the one with this
    /// alias (`source/worker`); else those with this worker id, of any source. So a worker id that
    /// looks like the alias of somebody else never stands for them.
    pub async fn find_person(&self, text: &str) -> Result<Vec<PersonKey>, StoreError> {
        let (source, worker) = text.split_once('/').unwrap_or(("", text));
        // PostgreSQL refuses a NUL, and no row has one.
        if text.contains('\0') {
            return Ok(Vec::new());
        }
        let statement = Statement::new(
            "SELECT COALESCE(merged_into, person) AS person,
                    CASE WHEN person = :text THEN 0
                         WHEN source = :source AND worker = :worker THEN 1
                         ELSE 2 END AS match_rank
             FROM people
             WHERE person = :text OR worker = :text OR (source = :source AND worker = :worker)",
        )
        .bind("text", text)
        .bind("source", source)
        .bind("worker", worker);

        let rows = self.engine.all(statement).await?;
        let mut by_rank: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        for row in &rows {
            let people = by_rank.entry(row.int("match_rank")?).or_default();
            people.insert(row.text("person")?);
        }
        let best = by_rank.into_values().next().unwrap_or_default();
        Ok(best.into_iter().map(PersonKey).collect())
    }

    /// The person who has exactly this alias, merges followed.
    pub async fn person_of(&self, alias: &Alias) -> Result<Option<PersonKey>, StoreError> {
        let statement = Statement::new(
            "SELECT COALESCE(merged_into, person) AS person FROM people
             WHERE source = :source AND worker = :worker",
        )
        .bind("source", alias.source.as_str())
        .bind("worker", alias.worker.as_str());

        let row = self.engine.first(statement).await?;
        row.map(|row| row.text("person").map(PersonKey)).transpose()
    }
}
