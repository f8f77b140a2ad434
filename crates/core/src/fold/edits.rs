//! Edits and voids (docs/fold.md, "The set"): what supersedes what, and what operators took out.
//!
//! In: the facts by key. Out: the [`Entry`]s that count, each in the place it takes, in the order of knowledge.
//! Edits of one fact are a tree whose root has the place; voids prune it before anything is decided.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::{
    FindingKind, Rules,
    aliases::Names,
    set::{Findings, ReplayKey, Stored},
};
use crate::event::{Effective, Event, EventKey, Kind, Rank, Reference};

/// A fact that counts.
#[derive(Clone, Debug)]
pub(super) struct Entry<'e> {
    /// What is stated.
    pub event: &'e Event,
    /// The place it has, or took from what it supersedes.
    pub place: ReplayKey,
    /// When it takes effect as stated: by itself, else by what it supersedes.
    pub effective: Option<&'e Effective>,
    /// What it superseded, and the effective that stated.
    pub superseded: Vec<(EventKey, Option<&'e Effective>)>,
    /// Every key it can be named by.
    pub keys: BTreeSet<EventKey>,
}

/// What is left of the set.
#[derive(Debug, Default)]
pub(super) struct Resolved<'e> {
    /// What counts, in the order of the replay.
    pub entries: Vec<Entry<'e>>,
    /// Starts (and lists of employments) that an operator voided.
    pub voided_starts: Vec<&'e Event>,
    /// References that name nothing unless looked up: an operator's bare id.
    pub resolver: Resolver,
}

/// Finds what an operator's bare id means: the first received of that source, whatever its origin.
#[derive(Debug, Default)]
pub(super) struct Resolver(BTreeMap<(String, String), (Timestamp, EventKey)>);

impl Resolver {
    fn over(stored: &[Stored<'_>]) -> Self {
        let mut found: BTreeMap<(String, String), (Timestamp, EventKey)> = BTreeMap::new();
        for Stored { key, event } in stored {
            let name = (key.source.as_str().to_owned(), key.id.clone());
            let candidate = (event.received, key.clone());
            let first = found.entry(name).or_insert_with(|| candidate.clone());
            if candidate < *first {
                *first = candidate;
            }
        }
        Self(found)
    }

    /// The key that `event` means by `reference`, whether or not such a fact is known.
    pub fn key(&self, event: &Event, reference: &Reference) -> Option<EventKey> {
        match reference {
            Reference::Key { source, origin, id } => Some(EventKey {
                source: source.clone(),
                origin: origin.clone(),
                id: id.clone(),
            }),
            Reference::Id(id) if event.source.is_ops() => {
                let source = event
                    .content
                    .data
                    .on_behalf_of
                    .as_ref()
                    .unwrap_or(&event.source);
                self.0
                    .get(&(source.as_str().to_owned(), id.clone()))
                    .map(|(_, key)| key.clone())
            }
            Reference::Id(id) => Some(EventKey {
                source: event.source.clone(),
                origin: event.content.source.clone(),
                id: id.clone(),
            }),
        }
    }
}

/// Resolves edits and voids. `names` says which worker ids are one alias.
pub(super) fn resolve<'e>(
    stored: &[Stored<'e>],
    names: &Names,
    rules: &Rules,
    findings: &mut Findings,
) -> Resolved<'e> {
    let mut graph = EditGraph::grow(stored, names);
    let gone = graph.prune();
    graph.cut_cycles();
    graph.branch();
    let mut resolved = Resolved {
        resolver: std::mem::take(&mut graph.resolver),
        ..Resolved::default()
    };
    graph.judge(rules);
    let mut superseded = BTreeSet::new();
    for root in graph.roots() {
        if let Some(entry) = graph.entry(&root) {
            superseded.extend(graph.replaced_by(&root));
            resolved.entries.push(entry);
        }
    }
    for (key, node) in graph
        .nodes
        .iter()
        .filter(|(key, _)| !superseded.contains(*key))
    {
        if let Some(kind) = node.fault {
            findings.add(
                kind,
                &Stored {
                    key: key.clone(),
                    event: node.event,
                }
                .place(),
                node.event,
            );
        }
        if !node.event.time_is_plausible() {
            let place = Stored {
                key: key.clone(),
                event: node.event,
            }
            .place();
            findings.add(FindingKind::ImplausibleTime, &place, node.event);
        }
    }
    resolved.voided_starts = gone.into_iter().filter(|event| is_start(event)).collect();
    resolved
        .entries
        .sort_by(|one, other| one.place.cmp(&other.place));
    resolved
}

fn is_start(event: &Event) -> bool {
    let lists = event
        .content
        .data
        .employments
        .as_ref()
        .is_some_and(|rows| !rows.is_empty());
    event.kind().rank() == Rank::Start || event.kind() == Kind::Snapshot && lists
}

struct Node<'e> {
    event: &'e Event,
    /// What it supersedes, whether or not that is known.
    parent: Option<EventKey>,
    /// Why it counts for nothing, or (an ending) not as it says.
    fault: Option<FindingKind>,
    /// In a cycle, and not its greatest.
    lost: bool,
}

impl Node<'_> {
    /// Counts for nothing by itself.
    fn is_void(&self) -> bool {
        match self.fault {
            Some(FindingKind::ImplausibleEffective) => !self.event.kind().ends_access(),
            Some(_) => true,
            None => self.lost,
        }
    }
}

struct EditGraph<'e> {
    nodes: BTreeMap<EventKey, Node<'e>>,
    /// What supersedes a key.
    edits: BTreeMap<EventKey, Vec<EventKey>>,
    resolver: Resolver,
}

impl<'e> EditGraph<'e> {
    fn grow(stored: &[Stored<'e>], names: &Names) -> Self {
        let resolver = Resolver::over(stored);
        let known: BTreeMap<&EventKey, &Event> = stored
            .iter()
            .map(|stored| (&stored.key, stored.event))
            .collect();
        let mut nodes = BTreeMap::new();
        for Stored { key, event } in stored {
            let reference = event.content.data.supersedes.as_ref();
            let mut parent = reference.and_then(|reference| resolver.key(event, reference));
            let fits = parent
                .as_ref()
                .is_none_or(|parent| may_supersede(event, parent, known.get(parent), names))
                && !(event.kind() == Kind::Voided && reference.is_some());
            let fault = (!fits).then_some(FindingKind::SupersedingMismatch);
            if !fits {
                parent = None;
            }
            nodes.insert(
                key.clone(),
                Node {
                    event,
                    parent,
                    fault,
                    lost: false,
                },
            );
        }
        Self {
            nodes,
            edits: BTreeMap::new(),
            resolver,
        }
    }

    /// Takes out what operators voided, and what supersedes it.
    fn prune(&mut self) -> Vec<&'e Event> {
        let mut named: BTreeSet<EventKey> = BTreeSet::new();
        for node in self
            .nodes
            .values()
            .filter(|node| node.event.kind() == Kind::Voided && !node.is_void())
        {
            let references = &node.event.content.data.refers_to;
            named.extend(
                references
                    .iter()
                    .filter_map(|reference| self.resolver.key(node.event, reference)),
            );
        }
        named.retain(|key| {
            self.nodes
                .get(key)
                .is_none_or(|node| node.event.kind() != Kind::Voided)
        });
        loop {
            let later: Vec<_> = self
                .nodes
                .iter()
                .filter(|(key, node)| {
                    !named.contains(*key) && node.parent.as_ref().is_some_and(|p| named.contains(p))
                })
                .map(|(key, _)| key.clone())
                .collect();
            if later.is_empty() {
                break;
            }
            named.extend(later);
        }
        named
            .iter()
            .filter_map(|key| self.nodes.remove(key))
            .map(|node| node.event)
            .collect()
    }

    /// Of a cycle only the greatest counts, in its own place.
    fn cut_cycles(&mut self) {
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
                        node.lost = true;
                    }
                }
            }
        }
    }

    /// The cycle that `key` is itself a member of; empty if it is in none.
    fn cycle_of(&self, key: &EventKey) -> Vec<EventKey> {
        let mut members = vec![key.clone()];
        let mut at = key;
        while let Some(parent) = self.nodes.get(at).and_then(|node| node.parent.as_ref()) {
            if parent == key {
                return members;
            }
            if members.contains(parent) {
                break; // leads into a cycle, but is not part of it
            }
            members.push(parent.clone());
            at = parent;
        }
        Vec::new()
    }

    /// Finds those whose effective cannot be believed.
    fn judge(&mut self, rules: &Rules) {
        let implausible: Vec<_> = self
            .nodes
            .iter()
            .filter(|(key, node)| {
                let zone = rules.of(&node.event.alias().source).time_zone;
                let effective = self.effective(key);
                node.fault.is_none()
                    && effective.is_some_and(|e| !is_plausible(e, self.top(key).1, &zone))
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in implausible {
            if let Some(node) = self.nodes.get_mut(&key) {
                node.fault = Some(FindingKind::ImplausibleEffective);
            }
        }
    }

    /// Its effective as stated by itself, else by the nearest that it supersedes.
    fn effective(&self, key: &EventKey) -> Option<&'e Effective> {
        let mut node = self.nodes.get(key)?;
        loop {
            if let Some(effective) = node.event.content.data.effective.as_ref() {
                return Some(effective);
            }
            node = self.nodes.get(node.parent.as_ref()?)?;
        }
    }

    /// The known fact whose place it takes, and when that occurred.
    fn top<'k>(&'k self, key: &'k EventKey) -> (&'k EventKey, Timestamp) {
        let mut at = key;
        while let Some(parent) = self.nodes.get(at).and_then(|node| node.parent.as_ref()) {
            if !self.nodes.contains_key(parent) {
                break;
            }
            at = parent;
        }
        (
            at,
            self.nodes
                .get(at)
                .map_or(Timestamp::MIN, |node| node.event.occurred()),
        )
    }

    /// One key for each tree: its root's, or the key of what is superseded but not known.
    fn roots(&self) -> BTreeSet<EventKey> {
        let root = |(key, node): (&EventKey, &Node<'_>)| match &node.parent {
            None => Some(key.clone()),
            Some(parent) if !self.nodes.contains_key(parent) => Some(parent.clone()),
            Some(_) => None,
        };
        self.nodes.iter().filter_map(root).collect()
    }

    fn branch(&mut self) {
        for (key, node) in &self.nodes {
            if let Some(parent) = &node.parent {
                self.edits
                    .entry(parent.clone())
                    .or_default()
                    .push(key.clone());
            }
        }
    }

    fn edits_of(&self, key: &EventKey) -> impl Iterator<Item = (&EventKey, &Node<'e>)> {
        let keys = self.edits.get(key).into_iter().flatten();
        keys.filter_map(|key| self.nodes.get(key).map(|node| (key, node)))
    }

    /// The one of the tree under `key` that counts: the last received edit, of that the last ...
    fn winner(&self, key: &EventKey) -> Option<EventKey> {
        let mut edits: Vec<_> = self.edits_of(key).filter(|(_, node)| !node.lost).collect();
        edits.sort_by_key(|(key, node)| Reverse((node.event.received, *key)));
        edits
            .into_iter()
            .find_map(|(key, _)| self.winner(key))
            .or_else(|| {
                self.nodes
                    .get(key)
                    .filter(|node| !node.is_void())
                    .map(|_| key.clone())
            })
    }

    /// What the one that counts replaced, one after the other: whatever was wrong with it has been mended.
    fn replaced_by(&self, root: &EventKey) -> Vec<EventKey> {
        let mut replaced = Vec::new();
        let mut at = self.winner(root);
        while let Some(parent) = at.and_then(|key| self.nodes.get(&key)?.parent.clone()) {
            replaced.push(parent.clone());
            at = Some(parent);
        }
        replaced
    }

    fn entry(&self, root: &EventKey) -> Option<Entry<'e>> {
        let winner = self.winner(root)?;
        let node = self.nodes.get(&winner)?;
        let (top, _) = self.top(&winner);
        let place = Stored {
            key: top.clone(),
            event: self.nodes.get(top)?.event,
        }
        .place();
        let unbelieved = node.fault.is_some();
        let mut superseded: Vec<(EventKey, Option<&Effective>)> = Vec::new();
        let mut members = vec![root.clone()];
        while let Some(key) = members.pop() {
            members.extend(self.edits_of(&key).map(|(key, _)| key.clone()));
            if key != winner && self.nodes.contains_key(&key) {
                superseded.push((key.clone(), self.effective(&key)));
            }
        }
        let keys = superseded
            .iter()
            .map(|(key, _)| key)
            .chain([root, &winner])
            .cloned()
            .collect();
        let effective = if unbelieved {
            None
        } else {
            self.effective(&winner)
        };
        Some(Entry {
            event: node.event,
            place,
            effective,
            superseded,
            keys,
        })
    }
}

/// Same alias and kind, of the same source or an operator's. Of what is not known yet only the source can be checked.
fn may_supersede(event: &Event, key: &EventKey, known: Option<&&Event>, names: &Names) -> bool {
    let from = event.source == key.source || event.source.is_ops();
    let same = |other: &&Event| {
        names.of(&other.alias()) == names.of(&event.alias())
            && other.kind() == event.kind()
            && other.kind() != Kind::Voided
    };
    from && known.is_none_or(same)
}

/// Not before 1970, not over ten years after it occurred.
fn is_plausible(effective: &Effective, occurred: Timestamp, zone: &TimeZone) -> bool {
    let instant = effective.resolve(zone).instant;
    let latest = occurred
        .to_zoned_datetime(TimeZone::UTC)
        .checked_add(10.years())
        .map_or(Timestamp::MAX, |at| at.timestamp());
    instant >= Timestamp::UNIX_EPOCH && instant <= latest
}
