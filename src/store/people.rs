//! Looking people up: their facts for the fold, their key by any name, their accounts.

use std::collections::BTreeSet;

use super::{
    AccountView, Facts, PersonKey, Store, StoreError,
    ask::{Ask, Columns as _},
    rows,
};
use crate::event::Alias;

impl Store {
    /// Everything known of the person, forwarders followed; `None`: no such person.
    pub async fn facts(&self, person: &PersonKey) -> Result<Option<Facts>, StoreError> {
        // One statement: the version is that of exactly these events.
        let ask = Ask::of(format!(
            "SELECT h.person, h.source AS alias_source, h.worker AS alias_worker, c.version, {} FROM people p \
             JOIN people h ON h.person = COALESCE(p.forwarded_to, p.person) JOIN clusters c ON c.id = p.cluster \
             JOIN events e ON e.cluster = p.cluster WHERE p.person = $2",
            rows::EVENT
        ));
        let stored = self.every(ask.with(person)).await?;
        let Some(first) = stored.first() else { return Ok(None) };
        Ok(Some(Facts {
            person: PersonKey(first.text("person")?),
            alias: Alias { source: first.word("alias_source")?, worker: first.word("alias_worker")? },
            version: first.int("version")?,
            events: stored.iter().map(rows::event).collect::<Result<_, _>>()?,
        }))
    }

    /// The person of that key, alias (`source/worker`), or worker id alone (of every source that has it), forwarders
    /// followed.
    pub async fn find_person(&self, text: &str) -> Result<Vec<PersonKey>, StoreError> {
        let (source, worker) = text.split_once('/').unwrap_or(("", text));
        let ask = Ask::of(
            "SELECT COALESCE(forwarded_to, person) AS person FROM people \
             WHERE person = $2 OR worker = $2 OR (source = $3 AND worker = $4)",
        );
        let found = self.every(ask.with(text).with(source).with(worker)).await?;
        let people = found.iter().map(|row| row.text("person")).collect::<Result<BTreeSet<_>, _>>()?;
        Ok(people.into_iter().map(PersonKey).collect())
    }

    /// The person's accounts, and those of people forwarded to them, by connection.
    pub async fn accounts(&self, person: &PersonKey) -> Result<Vec<AccountView>, StoreError> {
        let ask = Ask::of(format!(
            "SELECT {}, CASE WHEN lease_until > {{now}} THEN lease_until ELSE NULL END AS leased_until FROM accounts \
             WHERE person = $2 OR person IN (SELECT p.person FROM people p WHERE p.forwarded_to = $2) \
             ORDER BY connection, person",
            rows::ACCOUNT
        ));
        let view = |row: &sqlx::any::AnyRow| {
            Ok(AccountView { account: rows::account(row)?, leased_until: row.maybe_time("leased_until")? })
        };
        self.every(ask.with(person)).await?.iter().map(view).collect()
    }
}
