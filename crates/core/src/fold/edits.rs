//! Step 2 of the fold: edits and voids (`docs/fold.md` 1).
//!
//! In: the events by key. Out: the [`ResolvedEvent`]s that count, in the order of the replay, each
//! at the position of the event that it supersedes, and the starts that operators voided. Dates are
//! still as stated (`zones` resolves them).

use std::collections::BTreeSet;

use super::{
    aliases::CanonicalAliases,
    edit_graph::EditGraph,
    finding_kind::FindingKind,
    references::ReferenceResolver,
    rules::Rules,
    set::{Findings, KeyedEvent, ReplayKey},
};
use crate::event::{Effective, Event, EventKey, Kind, Rank};

/// An event that counts.
#[derive(Clone, Debug)]
pub(super) struct ResolvedEvent<'e> {
    pub event: &'e Event,
    /// Its own position, or that of the event that it supersedes.
    pub position: ReplayKey,
    /// The effective date that it states, else that of the nearest event it supersedes.
    pub effective: Option<&'e Effective>,
    /// Every superseded event of its tree, with the effective date of each.
    pub superseded: Vec<(EventKey, Option<&'e Effective>)>,
    /// Every key by which a reference can name it.
    pub keys: BTreeSet<EventKey>,
}

/// The set after edits and voids.
#[derive(Debug, Default)]
pub(super) struct Resolution<'e> {
    /// In the order of the replay.
    pub events: Vec<ResolvedEvent<'e>>,
    /// Starts, and lists with employments, that an operator voided.
    pub voided_starts: Vec<&'e Event>,
    pub references: ReferenceResolver,
}

impl<'e> Resolution<'e> {
    /// The events that count, in the order of the replay.
    pub fn counting_events(&self) -> impl Iterator<Item = &'e Event> + Clone + '_ {
        self.events.iter().map(|resolved| resolved.event)
    }
}

/// Resolves edits and voids.
pub(super) fn resolve<'e>(
    keyed: &[KeyedEvent<'e>],
    aliases: &CanonicalAliases,
    rules: &Rules,
    findings: &mut Findings,
) -> Resolution<'e> {
    let references = ReferenceResolver::over(keyed);
    let mut graph = EditGraph::build(keyed, aliases, &references);
    let voided = graph.remove_voided(&references);
    graph.break_cycles();
    graph.index_edits();
    graph.mark_implausible_dates(rules);

    let mut events = Vec::new();
    let mut superseded = BTreeSet::new();
    for root in graph.roots() {
        if let Some(event) = resolved_event(&graph, &root) {
            superseded.extend(graph.superseded_by_winner(&root));
            events.push(event);
        }
    }
    events.sort_by(|one, other| one.position.cmp(&other.position));

    add_findings(&graph, &superseded, findings);
    Resolution {
        events,
        voided_starts: voided
            .into_iter()
            .filter(|event| states_start(event))
            .collect(),
        references,
    }
}

fn add_findings(graph: &EditGraph<'_>, superseded: &BTreeSet<EventKey>, findings: &mut Findings) {
    let remaining = graph
        .nodes
        .iter()
        .filter(|(key, _)| !superseded.contains(*key));

    for (key, node) in remaining {
        let keyed = KeyedEvent {
            key: key.clone(),
            event: node.event,
        };
        if let Some(kind) = node.fault {
            findings.add(kind, &keyed.replay_key(), node.event);
        }
        if !node.event.time_is_plausible() {
            findings.add(
                FindingKind::ImplausibleTime,
                &keyed.replay_key(),
                node.event,
            );
        }
    }
}

fn states_start(event: &Event) -> bool {
    let lists_employments = event
        .content
        .data
        .employments
        .as_ref()
        .is_some_and(|rows| !rows.is_empty());
    event.kind().rank() == Rank::Start || event.kind() == Kind::Snapshot && lists_employments
}

/// The event that counts in the tree under `root`. `None`: no event of the tree counts.
fn resolved_event<'e>(graph: &EditGraph<'e>, root: &EventKey) -> Option<ResolvedEvent<'e>> {
    let winner = graph.winner(root)?;
    let node = graph.nodes.get(&winner)?;
    let topmost = graph.topmost(&winner);
    let position = KeyedEvent {
        key: topmost.clone(),
        event: graph.nodes.get(topmost)?.event,
    }
    .replay_key();

    let mut superseded: Vec<(EventKey, Option<&Effective>)> = Vec::new();
    let mut members = vec![root.clone()];
    while let Some(key) = members.pop() {
        members.extend(graph.edits_of(&key).map(|(key, _)| key.clone()));
        if key != winner && graph.nodes.contains_key(&key) {
            superseded.push((key.clone(), graph.effective(&key)));
        }
    }

    let keys = superseded
        .iter()
        .map(|(key, _)| key)
        .chain([root, &winner])
        .cloned()
        .collect();
    // A winner with a fault is an ending whose date is implausible: it takes effect when it
    // occurred.
    let effective = if node.fault.is_some() {
        None
    } else {
        graph.effective(&winner)
    };
    Some(ResolvedEvent {
        event: node.event,
        position,
        effective,
        superseded,
        keys,
    })
}
