//! `record`: from hooks to stored events and pending accounts, in one transaction.
//!
//! Events are a set: the same content again adds nothing (the least time of receipt stays), another content under the
//! same id is a row of its own, and which one counts is the fold's to say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    PersonKey, Recorded, RecordedEvent, RecordedHook, Store, StoreError, Wiring,
    aliases::Folk,
    dead_letters, pending,
    sql::dialect::Scope,
    sql::statement::{Columns as _, Statement, Tx, chunks, to_json, to_word},
};
use crate::queue::{Hook, Payload};
use hirewire_core::event::{Alias, Event, EventKey};

/// An event, once in a batch.
pub(super) struct Fact {
    pub(super) event: Event,
    key: EventKey,
    digest: String,
    pub(super) names: Vec<Alias>,
}

/// What is recorded together.
struct Batch {
    hooks: Vec<Hook>,
    facts: Vec<Fact>,
    /// By hook, its events: which fact, and whether it is the first to bring it.
    brought: Vec<Vec<(usize, bool)>>,
}

/// What storing an event came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    /// It was not there.
    New,
    /// It was, received later.
    Earlier,
    /// It was.
    Again,
}

impl Store {
    /// Stores the hooks' events and marks the accounts of every connection they feed pending, files letters for hooks
    /// that could not be read; one transaction. Again is harmless: only what is new moves a person's version.
    /// A hook that cannot be stored fails the whole call with `Refused`; the caller then records hook by hook.
    pub async fn record(&self, hooks: &[Hook], wiring: &Wiring) -> Result<Recorded, StoreError> {
        let batch = Arc::new(Batch::of(hooks));
        let wiring = Arc::new(wiring.clone());
        let joins = batch.facts.iter().any(|fact| fact.names.len() > 1);
        let scope = if joins {
            Scope::AliasesAlone
        } else {
            Scope::AliasesShared
        };
        self.engine
            .write(scope, move |mut tx| {
                let (batch, wiring) = (batch.clone(), wiring.clone());
                Box::pin(async move { batch.store(&mut tx, &wiring).await })
            })
            .await
    }
}

impl Batch {
    fn of(hooks: &[Hook]) -> Self {
        let mut facts: Vec<Fact> = Vec::new();
        let mut known: BTreeMap<(EventKey, String), usize> = BTreeMap::new();
        let mut brought = Vec::with_capacity(hooks.len());
        for hook in hooks {
            let mut of_hook = Vec::new();
            for event in hook.events() {
                let (key, digest) = (event.key(), event.content_digest().to_string());
                let place = *known
                    .entry((key.clone(), digest.clone()))
                    .or_insert(facts.len());
                of_hook.push((place, place == facts.len()));
                match facts.get_mut(place) {
                    Some(fact) if event.received < fact.event.received => fact.event = event,
                    Some(_) => {}
                    None => facts.push(Fact {
                        names: event.aliases(),
                        event,
                        key,
                        digest,
                    }),
                }
            }
            brought.push(of_hook);
        }
        Self {
            hooks: hooks.to_vec(),
            facts,
            brought,
        }
    }

    async fn store(&self, tx: &mut Tx<'_>, wiring: &Wiring) -> Result<Recorded, StoreError> {
        let mut folk = Folk::default();
        let mut stored = Vec::new();
        let mut moved = BTreeSet::new();
        if !self.facts.is_empty() {
            let names = self
                .facts
                .iter()
                .flat_map(|fact| fact.names.iter().cloned())
                .collect();
            folk = Folk::of(tx, names).await?;
            let joined = folk.join(tx, &self.facts).await?;
            stored = insert(tx, &self.facts, &folk).await?;
            let mut changed = joined.clone();
            let mut endings = BTreeSet::new();
            for (fact, stored) in self.facts.iter().zip(&stored) {
                if *stored != Stored::Again {
                    let cluster = folk.cluster(&fact.event.alias())?.to_owned();
                    if fact.event.kind().ends_access() {
                        endings.insert(cluster.clone());
                    }
                    changed.entry(cluster).or_insert(0);
                }
            }
            let versions = pending::move_versions(tx, &changed).await?;
            for cluster in changed.keys() {
                folk.part(tx, cluster).await?;
                moved.extend(folk.people_of(cluster));
            }
            pending::mark_pending(tx, &folk, &versions, &endings, wiring).await?;
        }
        let hooks = self.answer(tx, &folk, &stored).await?;
        Ok(Recorded { hooks, moved })
    }

    /// One line for each hook; files the letters of those that could not be read, closes those that now could.
    async fn answer(
        &self,
        tx: &mut Tx<'_>,
        folk: &Folk,
        stored: &[Stored],
    ) -> Result<Vec<RecordedHook>, StoreError> {
        let readable = self
            .hooks
            .iter()
            .filter(|hook| matches!(hook.payload, Payload::Events(_)));
        dead_letters::close_readable(tx, readable).await?;
        let mut answers = Vec::with_capacity(self.hooks.len());
        for (hook, brought) in self.hooks.iter().zip(&self.brought) {
            let mut events = Vec::with_capacity(brought.len());
            for (place, first) in brought {
                let Some((fact, stored)) = self.facts.get(*place).zip(stored.get(*place)) else {
                    continue;
                };
                events.push(RecordedEvent {
                    id: fact.event.content.id.clone(),
                    kind: fact.event.kind(),
                    is_new: *first && *stored == Stored::New,
                    person: PersonKey(folk.person(&fact.event.alias())?.to_owned()),
                });
            }
            let dead_letter = match &hook.payload {
                Payload::Events(_) => None,
                Payload::Unreadable { reason, .. } => {
                    Some(dead_letters::file_unreadable(tx, hook, reason).await?)
                }
            };
            answers.push(RecordedHook {
                hook: hook.hook.clone(),
                source: hook.source.clone(),
                events,
                dead_letter,
            });
        }
        Ok(answers)
    }
}

/// Stores the events; what became of each.
async fn insert(tx: &mut Tx<'_>, facts: &[Fact], folk: &Folk) -> Result<Vec<Stored>, StoreError> {
    let mut became = BTreeMap::new();
    let mut rows = Vec::with_capacity(facts.len());
    for Fact {
        event, key, digest, ..
    } in facts
    {
        rows.push([
            key.source.as_str().into(),
            key.origin.as_str().into(),
            key.id.as_str().into(),
            digest.into(),
            folk.cluster(&event.alias())?.into(),
            event.kind().as_str().into(),
            event.received.into(),
            event.hook.as_str().into(),
            to_word(&event.id_derivation).into(),
            to_json(&event.content)?.into(),
            crate::telemetry::now().into(),
            1_i64.into(),
        ]);
    }
    for rows in chunks(tx.dialect, rows) {
        let changed = Statement::of(
            "INSERT INTO events (source, origin, id, digest, cluster, kind, received, hook, identity, content, \
             stored_at, copies) VALUES {rows} \
             ON CONFLICT (source, origin, id, digest) DO UPDATE SET received = excluded.received, \
             hook = excluded.hook, identity = excluded.id_derivation, copies = events.copies + 1 \
             WHERE excluded.received < events.received \
             RETURNING source, origin, id, digest, copies",
        )
        .rows(rows)
        .all(tx)
        .await?;
        for row in changed {
            let key = EventKey {
                source: row.word("source")?,
                origin: row.text("origin")?,
                id: row.text("id")?,
            };
            let stored = if row.int("copies")? == 1 {
                Stored::New
            } else {
                Stored::Earlier
            };
            became.insert((key, row.text("digest")?), stored);
        }
    }
    let stored = |fact: &Fact| {
        became
            .get(&(fact.key.clone(), fact.digest.clone()))
            .copied()
            .unwrap_or(Stored::Again)
    };
    Ok(facts.iter().map(stored).collect())
}
