//! The types in which the oracle holds the events that count, and the references between them.
//!
//! `oracle_read` fills them, `oracle_edits` and `oracle_aliases` answer questions about them, and
//! `oracle_replay` replays the facts.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    event::{Alias, EmploymentId, Event, EventKey, EventReference, Kind, Moment},
    fold::{FindingKind, Rules, SourceRules},
};

/// An event that counts, at its position in the replay.
#[derive(Clone, Debug)]
pub struct OracleFact {
    pub key: EventKey,
    pub kind: Kind,
    pub occurred: Timestamp,
    pub received: Timestamp,
    pub effective: Moment,
    /// The event, or one that it supersedes, states the effective date.
    pub is_dated: bool,
    /// Every key by which a reference can name it.
    pub keys: BTreeSet<EventKey>,
    /// The superseded events: the employment id and the effective moment of each.
    pub superseded: Vec<(Option<EmploymentId>, Moment)>,
    /// The starts in the superseded lists.
    pub superseded_rows: Vec<(Option<EmploymentId>, Moment)>,
    pub alias: Alias,
    pub event: Event,
}

/// The events that count.
#[derive(Default)]
pub struct OracleSet {
    /// In the order of the replay.
    pub facts: Vec<OracleFact>,
    pub findings: Vec<(FindingKind, EventKey)>,
    /// The aliases of the starts that were voided.
    pub voided_starts: BTreeSet<Alias>,
    /// Every alias that an event names.
    pub aliases: BTreeSet<Alias>,
}

/// One event of the set under its key.
#[derive(Clone)]
pub struct SetItem {
    pub key: EventKey,
    pub event: Event,
    /// The key of the event that it supersedes, known or not.
    pub parent: Option<EventKey>,
    /// It does not count itself.
    pub is_ignored: bool,
    /// An ending whose effective date is implausible: it counts, but not with that date.
    pub has_implausible_date: bool,
}

/// The settings of the source of an event.
pub fn rules_of(rules: &Rules, event: &Event) -> SourceRules {
    rules
        .sources
        .get(&event.alias().source)
        .cloned()
        .unwrap_or_default()
}

/// Whether a reference of `event` names the key.
pub fn names(event: &Event, reference: &EventReference, key: &EventKey) -> bool {
    match reference {
        EventReference::Key { source, origin, id } => {
            (source, origin, id) == (&key.source, &key.origin, &key.id)
        }
        EventReference::Id(id) if event.source.is_ops() => {
            event.content.data.on_behalf_of.as_ref() == Some(&key.source) && *id == key.id
        }
        EventReference::Id(id) => {
            (&event.source, &event.content.source, id) == (&key.source, &key.origin, &key.id)
        }
    }
}

/// Whether the `refers_to` of the event names the fact at that position, by any of its keys.
pub fn refers_to(event: &Event, position: &EventKey, set: &OracleSet) -> bool {
    let keys = set
        .facts
        .iter()
        .filter(|fact| fact.key == *position)
        .flat_map(|fact| &fact.keys);

    keys.chain([position]).any(|key| {
        event
            .content
            .data
            .refers_to
            .iter()
            .any(|reference| names(event, reference, key))
    })
}
