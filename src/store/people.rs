//! Looking people up: their facts for the fold, their key by any name, their accounts.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use super::{
    AccountView, Facts, PersonKey, Store, StoreError, rows,
    sql::statement::{Columns as _, SqlValue, Statement},
};
use hirewire_core::event::Alias;

impl Store {
    /// Everything known of the person, forwarders followed; `None`: no such person.
    pub async fn facts(&self, person: &PersonKey) -> Result<Option<Facts>, StoreError> {
        Ok(self.facts_of(&[person]).await?.remove(person))
    }

    /// Everything known of these people, forwarders followed, by the key that was asked for; of whom there are at most a few hundred.
    pub async fn facts_of(
        &self,
        people: &[&PersonKey],
    ) -> Result<BTreeMap<PersonKey, Facts>, StoreError> {
        let Some(last) = people.last() else {
            return Ok(BTreeMap::new());
        };
        // A few lengths only: each is a statement that the database plans once.
        let padding = people.len().next_power_of_two() - people.len();
        let asked = people.iter().chain(std::iter::repeat_n(last, padding));
        // One statement: the version is that of exactly these events.
        let statement = Statement::of(format!(
            "SELECT p.person AS asked, h.person, h.source AS alias_source, h.worker AS alias_worker, c.version, {} \
             FROM people p JOIN people h ON h.person = COALESCE(p.forwarded_to, p.person) \
             JOIN clusters c ON c.id = p.cluster JOIN events e ON e.cluster = p.cluster \
             WHERE p.person IN (VALUES {{rows}})",
            rows::EVENT
        ));
        let stored = self
            .every(statement.rows(asked.map(|person| [SqlValue::from(*person)])))
            .await?;
        let mut known: BTreeMap<PersonKey, Facts> = BTreeMap::new();
        for row in &stored {
            let facts = match known.entry(PersonKey(row.text("asked")?)) {
                Entry::Occupied(facts) => facts.into_mut(),
                Entry::Vacant(place) => place.insert(Facts {
                    person: PersonKey(row.text("person")?),
                    alias: Alias {
                        source: row.word("alias_source")?,
                        worker: row.word("alias_worker")?,
                    },
                    version: row.int("version")?,
                    events: Vec::new(),
                }),
            };
            facts.events.push(rows::event(row)?);
        }
        Ok(known)
    }

    /// The person of that key, alias (`source/worker`), or worker id alone (of every source that has it), forwarders
    /// followed.
    pub async fn find_person(&self, text: &str) -> Result<Vec<PersonKey>, StoreError> {
        let (source, worker) = text.split_once('/').unwrap_or(("", text));
        let statement = Statement::of(
            "SELECT COALESCE(forwarded_to, person) AS person FROM people \
             WHERE person = $2 OR worker = $2 OR (source = $3 AND worker = $4)",
        );
        let found = self
            .every(statement.with(text).with(source).with(worker))
            .await?;
        let people = found
            .iter()
            .map(|row| row.text("person"))
            .collect::<Result<BTreeSet<_>, _>>()?;
        Ok(people.into_iter().map(PersonKey).collect())
    }

    /// The person's accounts, and those of people forwarded to them, by connection.
    pub async fn accounts(&self, person: &PersonKey) -> Result<Vec<AccountView>, StoreError> {
        let statement = Statement::of(format!(
            "SELECT {}, CASE WHEN lease_until > {{now}} THEN lease_until ELSE NULL END AS leased_until FROM accounts \
             WHERE person = $2 OR person IN (SELECT p.person FROM people p WHERE p.forwarded_to = $2) \
             ORDER BY connection, person",
            rows::ACCOUNT
        ));
        let view = |row: &sqlx::any::AnyRow| {
            Ok(AccountView {
                account: rows::account(row)?,
                leased_until: row.maybe_time("leased_until")?,
            })
        };
        self.every(statement.with(person))
            .await?
            .iter()
            .map(view)
            .collect()
    }
}
