//! Aliases and people (docs/fold.md, "Aliases and people").
//!
//! In: what counts of the set, in the order of the replay. Out: which worker ids are one alias ([`Names`]), and which
//! aliases are one person (a connected component). The order in which links came in does not matter; the last for a pair does.

use std::collections::{BTreeMap, BTreeSet};

use super::edits::Entry;
use crate::event::{Alias, Event, Kind};

/// Which alias a worker id belongs to, by the name the source uses for it now.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<Alias, Alias>);

impl Names {
    /// Learns from `identifier_changed`.
    pub fn learn(entries: &[Entry<'_>]) -> Self {
        let mut names = Self::default();
        for event in entries
            .iter()
            .map(|entry| entry.event)
            .filter(|event| event.kind() == Kind::IdentifierChanged)
        {
            if let Some(previous) = previous(event) {
                names.join(&previous, &event.alias());
            }
        }
        names
    }

    /// Makes two worker ids one alias, to be called by the second.
    fn join(&mut self, previous: &Alias, now: &Alias) {
        let (old_name, other_name) = (self.of(previous), self.of(now));
        for name in self
            .0
            .values_mut()
            .filter(|name| **name == old_name || **name == other_name)
        {
            *name = now.clone();
        }
        for worker in [previous, now, &old_name, &other_name] {
            self.0.insert(worker.clone(), now.clone());
        }
    }

    /// The name of the alias that this worker id belongs to.
    pub fn of(&self, alias: &Alias) -> Alias {
        self.0.get(alias).unwrap_or(alias).clone()
    }
}

/// The earlier worker id that the event names, as an alias.
pub(super) fn previous(event: &Event) -> Option<Alias> {
    let worker = event.content.data.previous_worker_id.clone()?;
    Some(Alias {
        source: event.alias().source,
        worker,
    })
}

/// Everyone that these events name, person by person, least alias first.
pub(super) fn components(
    events: &[Event],
    entries: &[Entry<'_>],
    names: &Names,
) -> Vec<BTreeSet<Alias>> {
    let mut people: Vec<BTreeSet<Alias>> = Vec::new(); // of names
    let mut place: BTreeMap<Alias, usize> = BTreeMap::new();
    let everyone: BTreeSet<Alias> = events.iter().flat_map(Event::aliases).collect();
    for name in everyone.iter().map(|alias| names.of(alias)) {
        place.entry(name.clone()).or_insert_with(|| {
            people.push(BTreeSet::from([name]));
            people.len() - 1
        });
    }
    for (one, other) in joined(entries, names) {
        let (Some(&into), Some(&from)) = (place.get(&one), place.get(&other)) else {
            continue;
        };
        if into == from {
            continue;
        }
        let moved = people.get_mut(from).map(std::mem::take).unwrap_or_default();
        for name in &moved {
            place.insert(name.clone(), into);
        }
        if let Some(person) = people.get_mut(into) {
            person.extend(moved);
        }
    }
    let mut found: BTreeMap<usize, BTreeSet<Alias>> = BTreeMap::new();
    for alias in everyone {
        if let Some(person) = place.get(&names.of(&alias)) {
            found.entry(*person).or_default().insert(alias);
        }
    }
    let mut people: Vec<_> = found.into_values().collect();
    people.sort();
    people
}

/// The pairs that are joined: of all that was said of a pair the last counts.
fn joined(entries: &[Entry<'_>], names: &Names) -> Vec<(Alias, Alias)> {
    let mut said: BTreeMap<(Alias, Alias), bool> = BTreeMap::new();
    for event in entries.iter().map(|entry| entry.event) {
        let own = names.of(&event.alias());
        let link = match event.kind() {
            Kind::Converted => previous(event).map(|previous| (previous, true)),
            Kind::Linked => other(event).map(|other| (other, true)),
            Kind::Unlinked => other(event).map(|other| (other, false)),
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
        if let Some((other, is_joined)) = link {
            let other = names.of(&other);
            let pair = if own < other {
                (own, other)
            } else {
                (other, own)
            };
            said.insert(pair, is_joined);
        }
    }
    said.into_iter()
        .filter(|(_, is_joined)| *is_joined)
        .map(|(pair, _)| pair)
        .collect()
}

fn other(event: &Event) -> Option<Alias> {
    let other = event.content.data.other.clone()?;
    Some(Alias {
        source: other.source,
        worker: other.worker_id,
    })
}
