//! The oracle reads `docs/fold.md` 1 and 5: which events count, as which fact, and in which order.
//!
//! In: the events. Out: an [`OracleSet`]. It shares no code with the fold, and it is slow on
//! purpose: it looks at the whole set again for every question. Edits and voids are in
//! `oracle_edits`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    oracle_aliases::same_worker,
    oracle_edits::{break_cycles, fact_at, is_implausible, link_edits, topmost, voided},
    oracle_set::{OracleFact, OracleSet, SetItem, rules_of},
};
use crate::{
    event::{Alias, Event, EventKey, IdDerivation, Kind},
    fold::{FindingKind, Rules},
};

/// Reads the set twice: which edits fit depends on which aliases are one worker, and that depends
/// on which events count.
pub fn read_set(events: &[Event], rules: &Rules) -> OracleSet {
    let first = read_set_as(events, rules, &BTreeMap::new());
    read_set_as(events, rules, &same_worker(&first))
}

fn read_set_as(events: &[Event], rules: &Rules, same: &BTreeMap<Alias, Alias>) -> OracleSet {
    let mut set = OracleSet {
        aliases: events.iter().flat_map(Event::aliases).collect(),
        ..OracleSet::default()
    };
    let mut items = distinct(events, rules, &mut set);
    link_edits(&mut items, same, &mut set);

    let removed = voided(&items);
    for item in items
        .iter()
        .filter(|item| removed.contains(&item.key) && states_start(&item.event))
    {
        set.voided_starts.insert(item.event.alias());
    }
    items.retain(|item| !removed.contains(&item.key));
    break_cycles(&mut items);

    mark_implausible(&mut items, rules, &mut set);
    let positions: BTreeSet<EventKey> = items.iter().map(|item| topmost(item, &items).1).collect();
    let mut facts: Vec<OracleFact> = positions
        .iter()
        .filter_map(|position| fact_at(position, &items, rules))
        .collect();

    // Sorts by taking the least of the rest, again and again.
    while !facts.is_empty() {
        let least = (0..facts.len())
            .min_by_key(|index| replay_position(&facts[*index]))
            .expect("some facts are left");
        set.facts.push(facts.remove(least));
    }
    set
}

fn mark_implausible(items: &mut [SetItem], rules: &Rules, set: &mut OracleSet) {
    let implausible: Vec<bool> = items
        .iter()
        .map(|item| is_implausible(item, items, rules))
        .collect();

    for (item, implausible) in items.iter_mut().zip(implausible) {
        if implausible {
            set.findings
                .push((FindingKind::ImplausibleEffective, item.key.clone()));
            item.has_implausible_date = true;
            item.is_ignored |= !is_end(item.event.kind());
        }
        if !item.event.time_is_plausible() {
            set.findings
                .push((FindingKind::ImplausibleTime, item.key.clone()));
        }
    }
}

fn replay_position(fact: &OracleFact) -> (Timestamp, u8, Timestamp, EventKey) {
    let rank = match fact.kind {
        Kind::IdentifierChanged | Kind::Linked | Kind::Unlinked | Kind::Voided => 0,
        Kind::Hired | Kind::Rehired | Kind::Converted => 1,
        Kind::TerminationCancelled | Kind::AccessRestored => 2,
        Kind::LeaveStarted | Kind::LeaveEnded | Kind::Changed | Kind::Snapshot => 3,
        Kind::Terminated | Kind::RecordDeleted | Kind::HireRescinded => 4,
        Kind::AccessRevoked => 5,
    };
    (fact.occurred, rank, fact.received, fact.key.clone())
}

fn is_start(kind: Kind) -> bool {
    [Kind::Hired, Kind::Rehired, Kind::Converted].contains(&kind)
}

fn is_end(kind: Kind) -> bool {
    [
        Kind::Terminated,
        Kind::RecordDeleted,
        Kind::HireRescinded,
        Kind::AccessRevoked,
    ]
    .contains(&kind)
}

fn states_start(event: &Event) -> bool {
    is_start(event.kind())
        || event
            .content
            .data
            .employments
            .as_ref()
            .is_some_and(|rows| !rows.is_empty())
}

/// One item for each key: the content received first; and one for each other ending under the key.
fn distinct(events: &[Event], rules: &Rules, set: &mut OracleSet) -> Vec<SetItem> {
    let mut items = Vec::new();
    let keys: BTreeSet<EventKey> = events.iter().map(Event::key).collect();
    for key in keys {
        let mut copies: Vec<&Event> = events.iter().filter(|event| event.key() == key).collect();
        copies.sort_by_key(|event| (event.received, event.content_digest()));
        let mut digests = BTreeSet::new();
        copies.retain(|event| digests.insert(event.content_digest()));

        for (nth, event) in copies.into_iter().enumerate() {
            if nth == 0 {
                items.push(item(key.clone(), event));
                continue;
            }
            set.findings.push((FindingKind::IdReused, key.clone()));
            if is_end(event.kind()) {
                let id = format!("{}@{}", key.id, event.content_digest());
                items.push(item(EventKey { id, ..key.clone() }, event));
            }
        }
    }

    let all = items.clone();
    items.retain(|item| !is_retry(item, &all, rules));
    items
}

fn item(key: EventKey, event: &Event) -> SetItem {
    SetItem {
        key,
        event: event.clone(),
        parent: None,
        is_ignored: false,
        has_implausible_date: false,
    }
}

/// Whether it repeats, within the sender's retry span, a start that has neither id nor time.
fn is_retry(item: &SetItem, all: &[SetItem], rules: &Rules) -> bool {
    if item.event.id_derivation != IdDerivation::DigestInHook || !is_start(item.event.kind()) {
        return false;
    }

    let mut same: Vec<&Event> = all
        .iter()
        .map(|other| &other.event)
        .filter(|other| other.id_derivation == IdDerivation::DigestInHook)
        .filter(|other| {
            (&other.source, &other.content) == (&item.event.source, &item.event.content)
        })
        .collect();
    same.sort_by_key(|event| (event.received, event.key()));

    let span = rules_of(rules, &item.event).retry_span;
    let mut first: Option<Timestamp> = None;
    for event in same {
        let is_retry = first.is_some_and(|first| event.received.duration_since(first) <= span);
        if event.key() == item.key {
            return is_retry;
        }
        if !is_retry {
            first = Some(event.received);
        }
    }
    false
}
