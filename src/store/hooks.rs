//! Storing hooks: from hooks to stored events and pending accounts, in one transaction.
//!
//! The order: find the clusters of all aliases that the events name, merge clusters, insert the
//! events, decide who is one person, make the accounts pending, and file or close the dead letters
//! of unreadable hooks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    DeadLetterId, PersonKey, SourceRouting, Store, StoreError,
    dead_letters::filing,
    events::{self, InsertResult, NewEvent},
    identity::{self, Clusters},
    pending,
    sql::{dialect::Scope, statement::Tx},
};
use crate::queue::{Hook, Payload};
use hirewire_core::event::{Alias, Event, EventKey, HookId, Kind, SourceId};

/// The result of [`Store::store_hooks`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredBatch {
    /// One for each hook, in their order.
    pub hooks: Vec<StoredHook>,
    /// The people about whom an event is new; their accounts are pending now.
    pub changed_people: BTreeSet<PersonKey>,
}

/// A stored hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHook {
    /// The id of the hook.
    pub hook: HookId,
    /// The source that sent it.
    pub source: SourceId,
    /// Its events, in their order.
    pub events: Vec<StoredEvent>,
    /// The dead letter about it, if it is unreadable.
    pub dead_letter: Option<DeadLetterId>,
}

/// A stored event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event's id.
    pub id: String,
    /// The event's kind.
    pub kind: Kind,
    /// Whether the store did not have it before.
    pub is_new: bool,
    /// The person whom it is about, merges followed.
    pub person: PersonKey,
}

/// Hooks that are stored in one transaction, and their distinct events.
struct Batch {
    hooks: Vec<Hook>,
    events: Vec<BatchEvent>,
    /// For each hook, its events.
    occurrences: Vec<Vec<Occurrence>>,
}

/// A distinct event of a batch, with its earliest time of receipt.
struct BatchEvent {
    event: Event,
    key: EventKey,
    digest: String,
    aliases: Vec<Alias>,
}

/// The clusters that a batch changes.
#[derive(Default)]
struct ChangedClusters {
    /// Each with the greatest version of the clusters that were merged into it.
    versions: BTreeMap<String, i64>,
    /// Those with a new event that ends access.
    terminated: BTreeSet<String>,
    /// Those with a new event that may move a start into the future.
    withdrawn: BTreeSet<String>,
}

/// An event in a hook.
struct Occurrence {
    /// Its index in [`Batch::events`].
    index: usize,
    /// Whether no earlier hook of the batch has it.
    is_first: bool,
}

impl Store {
    /// Stores the hooks' events and makes the accounts of every connection pending that they feed.
    /// Files a dead letter for each unreadable hook. A repetition is harmless: only a new event
    /// changes a person's version.
    ///
    /// A hook that cannot be stored fails the whole call with `Refused`. The caller then stores
    /// hook by hook.
    pub async fn store_hooks(
        &self,
        hooks: &[Hook],
        routing: &SourceRouting,
    ) -> Result<StoredBatch, StoreError> {
        let batch = Batch::of(hooks);
        let merges = batch.events.iter().any(|event| event.aliases.len() > 1);
        let scope = if merges {
            Scope::ExclusiveClusters
        } else {
            Scope::SharedClusters
        };

        let work = Arc::new((batch, routing.clone()));
        self.engine
            .write(scope, move |mut tx| {
                let work = work.clone();
                Box::pin(async move { work.0.store(&mut tx, &work.1).await })
            })
            .await
    }
}

impl Batch {
    fn of(hooks: &[Hook]) -> Self {
        let mut events: Vec<BatchEvent> = Vec::new();
        let mut indexes: BTreeMap<(EventKey, String), usize> = BTreeMap::new();
        let mut occurrences = Vec::with_capacity(hooks.len());

        for hook in hooks {
            let mut of_hook = Vec::new();
            for event in hook.events() {
                let (key, digest) = (event.key(), event.content_digest().to_string());
                let index = *indexes
                    .entry((key.clone(), digest.clone()))
                    .or_insert(events.len());
                of_hook.push(Occurrence {
                    index,
                    is_first: index == events.len(),
                });

                match events.get_mut(index) {
                    Some(known) if event.received < known.event.received => known.event = event,
                    Some(_) => {}
                    None => events.push(BatchEvent {
                        aliases: event.aliases(),
                        event,
                        key,
                        digest,
                    }),
                }
            }
            occurrences.push(of_hook);
        }

        Self {
            hooks: hooks.to_vec(),
            events,
            occurrences,
        }
    }

    async fn store(
        &self,
        tx: &mut Tx<'_>,
        routing: &SourceRouting,
    ) -> Result<StoredBatch, StoreError> {
        let mut clusters = Clusters::default();
        let mut results = Vec::new();
        let mut changed_people = BTreeSet::new();

        if !self.events.is_empty() {
            let aliases = self.events.iter().flat_map(|event| &event.aliases);
            clusters = Clusters::load(tx, aliases.cloned().collect()).await?;
            let named_together = self.events.iter().map(|event| event.aliases.as_slice());
            let merged = clusters.merge(tx, named_together).await?;

            results = self.insert(tx, &clusters).await?;
            let changes = self.changed_clusters(merged, &clusters, &results)?;

            let versions = identity::advance_versions(tx, &changes.versions).await?;
            for cluster in changes.versions.keys() {
                identity::resolve(tx, &mut clusters, cluster).await?;
                changed_people.extend(clusters.people(cluster));
            }
            let terminated = &changes.terminated;
            pending::mark_people(tx, &clusters, &versions, terminated, routing).await?;
            let withdrawn = changes.withdrawn.iter();
            let withdrawn = withdrawn.flat_map(|cluster| clusters.people(cluster));
            pending::put_withdrawals_first(tx, withdrawn).await?;
        }

        let hooks = self.report(tx, &clusters, &results).await?;
        Ok(StoredBatch {
            hooks,
            changed_people,
        })
    }

    async fn insert(
        &self,
        tx: &mut Tx<'_>,
        clusters: &Clusters,
    ) -> Result<Vec<InsertResult>, StoreError> {
        let mut new = Vec::with_capacity(self.events.len());
        for BatchEvent {
            event, key, digest, ..
        } in &self.events
        {
            new.push(NewEvent {
                event,
                key,
                digest,
                cluster: clusters.cluster(&event.alias())?,
            });
        }
        events::insert(tx, &new).await
    }

    /// The clusters that changed.
    fn changed_clusters(
        &self,
        merged: BTreeMap<String, i64>,
        clusters: &Clusters,
        results: &[InsertResult],
    ) -> Result<ChangedClusters, StoreError> {
        let mut changed = ChangedClusters {
            versions: merged,
            ..ChangedClusters::default()
        };

        for (BatchEvent { event, .. }, result) in self.events.iter().zip(results) {
            if *result == InsertResult::Duplicate {
                continue;
            }
            let cluster = clusters.cluster(&event.alias())?.to_owned();
            if event.kind().ends_access() {
                changed.terminated.insert(cluster.clone());
            } else if event.may_withdraw_access() {
                changed.withdrawn.insert(cluster.clone());
            }
            changed.versions.entry(cluster).or_insert(0);
        }
        Ok(changed)
    }

    /// One result for each hook. Files the dead letters of unreadable hooks, and closes those of
    /// hooks that are readable now.
    async fn report(
        &self,
        tx: &mut Tx<'_>,
        clusters: &Clusters,
        results: &[InsertResult],
    ) -> Result<Vec<StoredHook>, StoreError> {
        let is_readable = |hook: &&Hook| matches!(hook.payload, Payload::Events(_));
        filing::close_readable(tx, self.hooks.iter().filter(is_readable)).await?;

        let mut stored = Vec::with_capacity(self.hooks.len());
        for (hook, occurrences) in self.hooks.iter().zip(&self.occurrences) {
            let mut events = Vec::with_capacity(occurrences.len());
            for Occurrence { index, is_first } in occurrences {
                let event = self.events.get(*index).zip(results.get(*index));
                let Some((BatchEvent { event, .. }, result)) = event else {
                    continue;
                };
                events.push(StoredEvent {
                    id: event.content.id.clone(),
                    kind: event.kind(),
                    is_new: *is_first && *result == InsertResult::New,
                    person: clusters.person(&event.alias())?,
                });
            }

            let dead_letter = match &hook.payload {
                Payload::Events(_) => None,
                Payload::Unreadable { reason, .. } => {
                    Some(filing::file_unreadable(tx, hook, reason).await?)
                }
            };
            stored.push(StoredHook {
                hook: hook.hook.clone(),
                source: hook.source.clone(),
                events,
                dead_letter,
            });
        }
        Ok(stored)
    }
}
