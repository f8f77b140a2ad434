//! The graph of edits: which event supersedes which (`docs/fold.md` 1, "Edits" and "Voids").
//!
//! In: the events by key. Out: trees. The root of a tree is the event whose position in the replay
//! the tree takes; at most one event of a tree, the winner, counts. This file decides the winner;
//! `edits` builds the resolved event from it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::{
    aliases::CanonicalAliases, finding_kind::FindingKind, references::ReferenceResolver,
    rules::Rules, set::KeyedEvent,
};
use crate::event::{Effective, Event, EventKey, Kind};

/// One event of the graph.
pub(super) struct Node<'e> {
    pub event: &'e Event,
    /// The key of the event that it supersedes, known or not.
    pub parent: Option<EventKey>,
    /// The reason why it is ignored, or why its effective date is.
    pub fault: Option<FindingKind>,
    /// It is in a cycle, and another event of the cycle is greater.
    lost_cycle: bool,
}

impl Node<'_> {
    /// Whether the event itself does not count. An ending with an implausible date still counts.
    fn is_ignored(&self) -> bool {
        match self.fault {
            Some(FindingKind::ImplausibleEffective) => !self.event.kind().ends_access(),
            Some(_) => true,
            None => self.lost_cycle,
        }
    }
}

/// The events of the set, and which supersedes which.
pub(super) struct EditGraph<'e> {
    pub nodes: BTreeMap<EventKey, Node<'e>>,
    /// The keys of the edits of each key.
    edits: BTreeMap<EventKey, Vec<EventKey>>,
}

impl<'e> EditGraph<'e> {
    /// Links each event to the one that it supersedes. An edit that does not fit stays alone.
    pub fn build(
        keyed: &[KeyedEvent<'e>],
        aliases: &CanonicalAliases,
        references: &ReferenceResolver,
    ) -> Self {
        let known: BTreeMap<&EventKey, &Event> = keyed
            .iter()
            .map(|keyed| (&keyed.key, keyed.event))
            .collect();

        let mut nodes = BTreeMap::new();
        for KeyedEvent { key, event } in keyed {
            let reference = event.content.data.supersedes.as_ref();
            let parent = reference.and_then(|reference| references.key(event, reference));
            let is_valid = parent
                .as_ref()
                .is_none_or(|parent| may_supersede(event, parent, known.get(parent), aliases))
                && !(event.kind() == Kind::Voided && reference.is_some());

            nodes.insert(
                key.clone(),
                Node {
                    event,
                    parent: parent.filter(|_| is_valid),
                    fault: (!is_valid).then_some(FindingKind::SupersedingMismatch),
                    lost_cycle: false,
                },
            );
        }
        Self {
            nodes,
            edits: BTreeMap::new(),
        }
    }

    /// Removes the events that operators voided, and the edits of those. Returns the removed ones.
    pub fn remove_voided(&mut self, references: &ReferenceResolver) -> Vec<&'e Event> {
        let mut voided: BTreeSet<EventKey> = BTreeSet::new();
        for node in self.nodes.values() {
            if node.event.kind() == Kind::Voided && !node.is_ignored() {
                let named = node.event.content.data.refers_to.iter();
                voided.extend(named.filter_map(|named| references.key(node.event, named)));
            }
        }
        voided.retain(|key| {
            self.nodes
                .get(key)
                .is_none_or(|node| node.event.kind() != Kind::Voided)
        });

        loop {
            let edits: Vec<_> = self
                .nodes
                .iter()
                .filter(|(key, node)| {
                    !voided.contains(*key)
                        && node.parent.as_ref().is_some_and(|p| voided.contains(p))
                })
                .map(|(key, _)| key.clone())
                .collect();
            if edits.is_empty() {
                break;
            }
            voided.extend(edits);
        }

        voided
            .iter()
            .filter_map(|key| self.nodes.remove(key))
            .map(|node| node.event)
            .collect()
    }

    /// Breaks each cycle: its greatest event (receipt, then key) becomes a root, the others lose.
    pub fn break_cycles(&mut self) {
        let keys: Vec<_> = self.nodes.keys().cloned().collect();
        for key in keys {
            let cycle = self.cycle_of(&key);
            let greatest = cycle
                .iter()
                .filter_map(|key| self.nodes.get(key).map(|node| (node.event.received, key)))
                .max()
                .map(|(_, key)| key.clone());

            for member in &cycle {
                if let Some(node) = self.nodes.get_mut(member) {
                    if greatest.as_ref() == Some(member) {
                        node.parent = None;
                    } else {
                        node.lost_cycle = true;
                    }
                }
            }
        }
    }

    /// The cycle that `key` is a member of. Empty if it is in none, or only leads into one.
    fn cycle_of(&self, key: &EventKey) -> Vec<EventKey> {
        let mut members = vec![key.clone()];
        let mut current = key;

        while let Some(parent) = self.parent_of(current) {
            if parent == key {
                return members;
            }
            if members.contains(parent) {
                break;
            }
            members.push(parent.clone());
            current = parent;
        }
        Vec::new()
    }

    /// Indexes the edits of each key. The graph does not change afterwards.
    pub fn index_edits(&mut self) {
        for (key, node) in &self.nodes {
            if let Some(parent) = &node.parent {
                self.edits
                    .entry(parent.clone())
                    .or_default()
                    .push(key.clone());
            }
        }
    }

    /// Marks the events whose effective date is implausible.
    pub fn mark_implausible_dates(&mut self, rules: &Rules) {
        let implausible: Vec<_> = self
            .nodes
            .iter()
            .filter(|(key, node)| {
                let zone = rules.of(&node.event.alias().source).time_zone;
                let occurred = self.occurred_at_root(key);
                let effective = self.effective(key);
                node.fault.is_none() && effective.is_some_and(|e| !is_plausible(e, occurred, &zone))
            })
            .map(|(key, _)| key.clone())
            .collect();

        for key in implausible {
            if let Some(node) = self.nodes.get_mut(&key) {
                node.fault = Some(FindingKind::ImplausibleEffective);
            }
        }
    }

    fn parent_of(&self, key: &EventKey) -> Option<&EventKey> {
        self.nodes.get(key)?.parent.as_ref()
    }

    /// The effective date that the event states, else that of the nearest event it supersedes.
    pub fn effective(&self, key: &EventKey) -> Option<&'e Effective> {
        let mut node = self.nodes.get(key)?;
        loop {
            if let Some(effective) = node.event.content.data.effective.as_ref() {
                return Some(effective);
            }
            node = self.nodes.get(node.parent.as_ref()?)?;
        }
    }

    /// The topmost known event of the tree: the edits below it take its position in the replay.
    pub fn topmost<'k>(&'k self, key: &'k EventKey) -> &'k EventKey {
        let mut current = key;
        while let Some(parent) = self.parent_of(current) {
            if !self.nodes.contains_key(parent) {
                break;
            }
            current = parent;
        }
        current
    }

    fn occurred_at_root(&self, key: &EventKey) -> Timestamp {
        self.nodes
            .get(self.topmost(key))
            .map_or(Timestamp::MIN, |node| node.event.occurred())
    }

    /// One key for each tree: that of its topmost event, or of the unknown event it supersedes.
    pub fn roots(&self) -> BTreeSet<EventKey> {
        let root = |(key, node): (&EventKey, &Node<'_>)| match &node.parent {
            None => Some(key.clone()),
            Some(parent) if !self.nodes.contains_key(parent) => Some(parent.clone()),
            Some(_) => None,
        };
        self.nodes.iter().filter_map(root).collect()
    }

    /// The edits of `key`, without those of the edits.
    pub fn edits_of(&self, key: &EventKey) -> impl Iterator<Item = (&EventKey, &Node<'e>)> {
        let keys = self.edits.get(key).into_iter().flatten();
        keys.filter_map(|key| self.nodes.get(key).map(|node| (key, node)))
    }

    /// The event that counts in the tree under `key`: the winner under the edit received last, else
    /// under the one before it, else `key` itself.
    pub fn winner(&self, key: &EventKey) -> Option<EventKey> {
        let mut edits: Vec<_> = self
            .edits_of(key)
            .filter(|(_, node)| !node.lost_cycle)
            .collect();
        edits.sort_by_key(|(key, node)| Reverse((node.event.received, *key)));

        edits
            .into_iter()
            .find_map(|(key, _)| self.winner(key))
            .or_else(|| {
                self.nodes
                    .get(key)
                    .filter(|node| !node.is_ignored())
                    .map(|_| key.clone())
            })
    }

    /// The events that the winner supersedes, directly or through others. Their own faults are
    /// corrected and give no finding.
    pub fn superseded_by_winner(&self, root: &EventKey) -> Vec<EventKey> {
        let mut superseded = Vec::new();
        let mut current = self.winner(root);
        while let Some(parent) = current.and_then(|key| self.parent_of(&key).cloned()) {
            superseded.push(parent.clone());
            current = Some(parent);
        }
        superseded
    }
}

/// An edit must be of the same alias and kind, from the same source or an operator. While the
/// superseded event is not known, only the source can be checked.
fn may_supersede(
    event: &Event,
    key: &EventKey,
    known: Option<&&Event>,
    aliases: &CanonicalAliases,
) -> bool {
    let is_same_sender = event.source == key.source || event.source.is_ops();
    let is_same_fact = |other: &&Event| {
        aliases.of(&other.alias()) == aliases.of(&event.alias())
            && other.kind() == event.kind()
            && other.kind() != Kind::Voided
    };
    is_same_sender && known.is_none_or(is_same_fact)
}

/// Not before 1970, and at most ten years after the event occurred.
fn is_plausible(effective: &Effective, occurred: Timestamp, zone: &TimeZone) -> bool {
    let instant = effective.resolve(zone).instant;
    let latest = occurred
        .to_zoned_datetime(TimeZone::UTC)
        .checked_add(10.years())
        .map_or(Timestamp::MAX, |at| at.timestamp());
    instant >= Timestamp::UNIX_EPOCH && instant <= latest
}
