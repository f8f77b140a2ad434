//! The set (docs/fold.md, "The set"): which stored copies are one fact, and which facts count at all.
//!
//! In: every stored event, in whatever order. Out: one [`Stored`] for each key that may count, and what was noticed.
//! Edits and voids are the next step (`edits`); nothing here knows what a kind does beyond start, ending, other.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Finding, FindingKind, Rules};
use crate::event::{ContentDigest, Event, EventKey, Identity, Rank, SourceId};

/// Where a fact stands in the order of knowledge. The derived order is the order of the replay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReplayKey {
    /// When it became known to HR.
    pub occurred: Timestamp,
    /// Its kind's place at one instant.
    pub rank: Rank,
    /// When we received it.
    pub received: Timestamp,
    /// Its key.
    pub key: EventKey,
}

/// One fact of the set under its key.
#[derive(Clone, Debug)]
pub(super) struct Stored<'e> {
    /// The key it counts under: the event's, with its digest behind it where the id was used twice.
    pub key: EventKey,
    /// The copy received first.
    pub event: &'e Event,
}

impl Stored<'_> {
    /// Its own place, as if it superseded nothing.
    pub fn place(&self) -> ReplayKey {
        ReplayKey {
            occurred: self.event.occurred(),
            rank: self.event.kind().rank(),
            received: self.event.received,
            key: self.key.clone(),
        }
    }
}

/// What the fold noticed, each with the place at which it belongs.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<(ReplayKey, Finding)>);

impl Findings {
    /// Notes one.
    pub fn add(&mut self, kind: FindingKind, place: &ReplayKey, event: &Event) {
        let finding = Finding {
            kind,
            event: place.key.clone(),
            alias: event.alias(),
        };
        self.0.push((place.clone(), finding));
    }

    /// All of them in the order of the replay, one of a kind for each event.
    pub fn in_order(mut self) -> Vec<Finding> {
        self.0.sort_by(|(place, finding), (other, others)| {
            (place, finding.kind).cmp(&(other, others.kind))
        });
        self.0.dedup();
        self.0.into_iter().map(|(_, finding)| finding).collect()
    }
}

/// The facts of these events, each key once, by key.
pub(super) fn facts<'e>(
    events: &'e [Event],
    rules: &Rules,
    findings: &mut Findings,
) -> Vec<Stored<'e>> {
    let mut copies: BTreeMap<EventKey, Vec<&Event>> = BTreeMap::new();
    for event in events.iter().filter(|event| may_be_stated(event)) {
        copies.entry(event.key()).or_default().push(event);
    }
    let stored = copies
        .into_iter()
        .flat_map(|(key, copies)| one_for_each_content(key, copies, findings))
        .collect();
    without_retries(stored, rules)
}

/// Operators' kinds count from operators only (they are refused on hooks; this is the second lock).
fn may_be_stated(event: &Event) -> bool {
    !event.kind().is_operators_only() || event.source.is_ops()
}

/// The content that was received first under this key; of others only endings and revocations, under a key of their own.
fn one_for_each_content<'e>(
    key: EventKey,
    copies: Vec<&'e Event>,
    findings: &mut Findings,
) -> Vec<Stored<'e>> {
    if let [event] = copies.as_slice() {
        return vec![Stored { key, event }];
    }
    let mut contents: BTreeMap<ContentDigest, &Event> = BTreeMap::new();
    for copy in copies {
        let first = contents.entry(copy.content_digest()).or_insert(copy);
        if (copy.received, &copy.hook) < (first.received, &first.hook) {
            *first = copy;
        }
    }
    let mut by_receipt: Vec<_> = contents.into_iter().collect();
    by_receipt.sort_by_key(|(digest, event)| (event.received, *digest));
    let mut by_receipt = by_receipt.into_iter();
    let mut stored: Vec<_> = by_receipt
        .next()
        .map(|(_, event)| Stored {
            key: key.clone(),
            event,
        })
        .into_iter()
        .collect();
    for (digest, event) in by_receipt {
        let own_key = EventKey {
            id: format!("{}@{digest}", key.id),
            ..key.clone()
        };
        let other = Stored {
            key: own_key,
            event,
        };
        findings.add(FindingKind::IdReused, &other.place(), event);
        if event.kind().ends_access() {
            stored.push(other);
        }
    }
    stored
}

/// Where a vendor gives neither id nor time, each hook is a fact of its own; but a start that comes again within the
/// sender's retry span is the same start. (Each that counts opens a span of its own.)
fn without_retries<'e>(mut stored: Vec<Stored<'e>>, rules: &Rules) -> Vec<Stored<'e>> {
    let repeats = |event: &Event| {
        event.identity == Identity::DigestInHook && event.kind().rank() == Rank::Start
    };
    let mut starts: Vec<_> = stored
        .iter()
        .filter(|stored| repeats(stored.event))
        .cloned()
        .collect();
    starts.sort_by(|one, other| {
        (one.event.received, &one.key).cmp(&(other.event.received, &other.key))
    });
    let mut counted: BTreeMap<(&SourceId, &str, &str), Timestamp> = BTreeMap::new();
    let mut retries = Vec::new();
    for start in &starts {
        let event = start.event;
        let item = (
            &event.source,
            event.content.source.as_str(),
            event.content.id.as_str(),
        );
        let span = rules.of(&event.source).retry_span;
        match counted.get(&item) {
            Some(first) if event.received.duration_since(*first) <= span => {
                retries.push(start.key.clone())
            }
            Some(_) | None => {
                counted.insert(item, event.received);
            }
        }
    }
    stored.retain(|stored| !retries.contains(&stored.key));
    stored
}
