//! Step 3 of the fold: aliases and persons (`docs/fold.md` 2).
//!
//! In: the events that count, in the order of the replay. Out: the canonical alias of each worker
//! id ([`CanonicalAliases`]), and the persons: connected components of the aliases that are linked.
//! The order of the links does not matter, except that the last event about a pair of aliases
//! decides.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Alias, Event, Kind};

/// Maps each worker id to the one that its source uses now, for workers whose id changed.
#[derive(Clone, Debug, Default)]
pub(super) struct CanonicalAliases(BTreeMap<Alias, Alias>);

impl CanonicalAliases {
    /// Reads the `identifier_changed` events.
    pub fn of_events<'e>(events: impl Iterator<Item = &'e Event>) -> Self {
        let mut aliases = Self::default();
        for event in events.filter(|event| event.kind() == Kind::IdentifierChanged) {
            if let Some(previous) = previous_alias(event) {
                aliases.join(&previous, &event.alias());
            }
        }
        aliases
    }

    /// Makes two worker ids one alias. The second becomes its canonical name.
    fn join(&mut self, previous: &Alias, current: &Alias) {
        let (old, other) = (self.of(previous), self.of(current));
        for canonical in self
            .0
            .values_mut()
            .filter(|canonical| **canonical == old || **canonical == other)
        {
            *canonical = current.clone();
        }

        for alias in [previous, current, &old, &other] {
            self.0.insert(alias.clone(), current.clone());
        }
    }

    /// The canonical alias of a worker id.
    pub fn of(&self, alias: &Alias) -> Alias {
        self.0.get(alias).unwrap_or(alias).clone()
    }
}

/// The alias of the `previous_worker_id` that the event states.
pub(super) fn previous_alias(event: &Event) -> Option<Alias> {
    let worker = event.content.data.previous_worker_id.clone()?;
    Some(Alias {
        source: event.alias().source,
        worker,
    })
}

/// The persons that `events` name, least alias first. `counting` are the events that count, in the
/// order of the replay.
pub(super) fn components<'e>(
    events: &[Event],
    counting: impl Iterator<Item = &'e Event>,
    aliases: &CanonicalAliases,
) -> Vec<BTreeSet<Alias>> {
    let all: BTreeSet<Alias> = events.iter().flat_map(Event::aliases).collect();
    let mut components: Vec<BTreeSet<Alias>> = Vec::new();
    let mut component_of: BTreeMap<Alias, usize> = BTreeMap::new();
    for canonical in all.iter().map(|alias| aliases.of(alias)) {
        component_of.entry(canonical.clone()).or_insert_with(|| {
            components.push(BTreeSet::from([canonical]));
            components.len() - 1
        });
    }

    for (one, other) in linked_pairs(counting, aliases) {
        let (Some(&into), Some(&from)) = (component_of.get(&one), component_of.get(&other)) else {
            continue;
        };
        if into == from {
            continue;
        }
        let moved = components
            .get_mut(from)
            .map(std::mem::take)
            .unwrap_or_default();
        for canonical in &moved {
            component_of.insert(canonical.clone(), into);
        }
        if let Some(component) = components.get_mut(into) {
            component.extend(moved);
        }
    }

    let mut persons: BTreeMap<usize, BTreeSet<Alias>> = BTreeMap::new();
    for alias in all {
        if let Some(component) = component_of.get(&aliases.of(&alias)) {
            persons.entry(*component).or_default().insert(alias);
        }
    }
    let mut persons: Vec<_> = persons.into_values().collect();
    persons.sort();
    persons
}

/// The pairs of canonical aliases that are linked: for each pair the last event decides.
fn linked_pairs<'e>(
    counting: impl Iterator<Item = &'e Event>,
    aliases: &CanonicalAliases,
) -> Vec<(Alias, Alias)> {
    let mut last: BTreeMap<(Alias, Alias), bool> = BTreeMap::new();
    for event in counting {
        let own = aliases.of(&event.alias());
        let link = match event.kind() {
            Kind::Converted => previous_alias(event).map(|previous| (previous, true)),
            Kind::Linked => other_alias(event).map(|other| (other, true)),
            Kind::Unlinked => other_alias(event).map(|other| (other, false)),
            Kind::Hired
            | Kind::Rehired
            | Kind::Changed
            | Kind::Terminated
            | Kind::AccessRevoked
            | Kind::TerminationCancelled
            | Kind::HireRescinded
            | Kind::LeaveStarted
            | Kind::LeaveEnded
            | Kind::IdentifierChanged
            | Kind::Snapshot
            | Kind::RecordDeleted
            | Kind::AccessRestored
            | Kind::Voided => None,
        };

        if let Some((other, is_linked)) = link {
            let other = aliases.of(&other);
            let pair = if own < other {
                (own, other)
            } else {
                (other, own)
            };
            last.insert(pair, is_linked);
        }
    }
    last.into_iter()
        .filter(|(_, is_linked)| *is_linked)
        .map(|(pair, _)| pair)
        .collect()
}

/// The alias of the `other` worker that a `linked` or `unlinked` states.
fn other_alias(event: &Event) -> Option<Alias> {
    let other = event.content.data.other.clone()?;
    Some(Alias {
        source: other.source,
        worker: other.worker_id,
    })
}
