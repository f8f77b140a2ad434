//! Step 1 of the fold: the set of events (`docs/fold.md` 1).
//!
//! In: every stored event, in any order. Out: one [`KeyedEvent`] for each key, without copies and
//! without a sender's retries, and the findings so far. Edits and voids are the next step
//! (`edits`). This step distinguishes starts, endings and other kinds, and nothing else of what a
//! kind does.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{finding_kind::FindingKind, person::Finding, rules::Rules};
use crate::event::{ContentDigest, Event, EventKey, IdDerivation, Rank, SourceId};

/// The position of an event in the replay. The derived order is the order of the replay
/// (`docs/fold.md` 1, "Order").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReplayKey {
    /// The time at which HR knew the fact.
    pub occurred: Timestamp,
    /// The order of the kinds among events that occurred at the same instant.
    pub rank: Rank,
    pub received: Timestamp,
    pub key: EventKey,
}

/// One event of the set under its key.
#[derive(Clone, Debug)]
pub(super) struct KeyedEvent<'e> {
    /// The key of the event, or `id@digest` where an id was used for two contents.
    pub key: EventKey,
    /// The copy that was received first.
    pub event: &'e Event,
}

impl KeyedEvent<'_> {
    /// The event's own position, before any edit.
    pub fn replay_key(&self) -> ReplayKey {
        ReplayKey {
            occurred: self.event.occurred(),
            rank: self.event.kind().rank(),
            received: self.event.received,
            key: self.key.clone(),
        }
    }
}

/// Collects the findings, each with the position of its event.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<(ReplayKey, Finding)>);

impl Findings {
    pub fn add(&mut self, kind: FindingKind, position: &ReplayKey, event: &Event) {
        let finding = Finding {
            kind,
            event: position.key.clone(),
            alias: event.alias(),
        };
        self.0.push((position.clone(), finding));
    }

    /// All findings in the order of the replay; of equal findings about one event only one.
    pub fn into_replay_order(mut self) -> Vec<Finding> {
        self.0.sort_by(|(position, finding), (other, others)| {
            (position, finding.kind).cmp(&(other, others.kind))
        });
        self.0.dedup();
        self.0.into_iter().map(|(_, finding)| finding).collect()
    }
}

/// The events that may count, each key once, by key.
pub(super) fn keyed_events<'e>(
    events: &'e [Event],
    rules: &Rules,
    findings: &mut Findings,
) -> Vec<KeyedEvent<'e>> {
    let mut copies: BTreeMap<EventKey, Vec<&Event>> = BTreeMap::new();
    for event in events.iter().filter(|event| is_authorised(event)) {
        copies.entry(event.key()).or_default().push(event);
    }

    let keyed = copies
        .into_iter()
        .flat_map(|(key, copies)| distinct_contents(key, copies, findings))
        .collect();
    without_retries(keyed, rules)
}

/// Operator kinds count only from operators. The intake refuses them on hooks; this check is the
/// second line of defence.
fn is_authorised(event: &Event) -> bool {
    !event.kind().is_operator_only() || event.source.is_ops()
}

/// The content received first under this key. Another content counts only if it is an ending or a
/// revocation, under the key `id@digest`.
fn distinct_contents<'e>(
    key: EventKey,
    copies: Vec<&'e Event>,
    findings: &mut Findings,
) -> Vec<KeyedEvent<'e>> {
    if let [event] = copies.as_slice() {
        return vec![KeyedEvent { key, event }];
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
    let mut keyed: Vec<_> = by_receipt
        .next()
        .map(|(_, event)| KeyedEvent {
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
        let other = KeyedEvent {
            key: own_key,
            event,
        };
        findings.add(FindingKind::IdReused, &other.replay_key(), event);
        if event.kind().ends_access() {
            keyed.push(other);
        }
    }
    keyed
}

/// Where a vendor gives neither id nor time, each hook is an event of its own. A start with equal
/// content that comes again within the sender's retry span is a retry and does not count. Each
/// start that counts opens a span of its own.
fn without_retries<'e>(mut keyed: Vec<KeyedEvent<'e>>, rules: &Rules) -> Vec<KeyedEvent<'e>> {
    let may_be_retry = |event: &Event| {
        event.id_derivation == IdDerivation::DigestInHook && event.kind().rank() == Rank::Start
    };
    let mut starts: Vec<_> = keyed
        .iter()
        .filter(|keyed| may_be_retry(keyed.event))
        .cloned()
        .collect();
    starts.sort_by(|one, other| {
        (one.event.received, &one.key).cmp(&(other.event.received, &other.key))
    });

    let mut span_opened: BTreeMap<(&SourceId, &str, &str), Timestamp> = BTreeMap::new();
    let mut retries = BTreeSet::new();
    for start in &starts {
        let event = start.event;
        let item = (
            &event.source,
            event.content.source.as_str(),
            event.content.id.as_str(),
        );
        let span = rules.of(&event.source).retry_span;
        match span_opened.get(&item) {
            Some(first) if event.received.duration_since(*first) <= span => {
                retries.insert(start.key.clone());
            }
            Some(_) | None => {
                span_opened.insert(item, event.received);
            }
        }
    }

    keyed.retain(|keyed| !retries.contains(&keyed.key));
    keyed
}
