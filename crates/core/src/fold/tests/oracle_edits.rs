//! The oracle reads the rules of edits and voids in `docs/fold.md` 1.
//!
//! In: the items of the set. Out: which item each one supersedes, which items are voided, and the
//! fact at each position. Every function searches all items again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::oracle_set::{OracleFact, OracleSet, SetItem, names, rules_of};
use crate::{
    event::{Alias, Event, EventKey, EventReference, Kind, Moment},
    fold::{FindingKind, Rules},
};

/// The key of the event that the event says it supersedes.
fn superseded_key(event: &Event, items: &[SetItem]) -> Option<EventKey> {
    let reference = event.content.data.supersedes.as_ref()?;

    match reference {
        EventReference::Key { source, origin, id } => Some(EventKey {
            source: source.clone(),
            origin: origin.clone(),
            id: id.clone(),
        }),
        EventReference::Id(_) if event.source.is_ops() => items
            .iter()
            .map(|item| &item.key)
            .find(|key| names(event, reference, key))
            .cloned(),
        EventReference::Id(id) => Some(EventKey {
            source: event.source.clone(),
            origin: event.content.source.clone(),
            id: id.clone(),
        }),
    }
}

/// Links each edit to the event that it supersedes. An edit that does not fit is ignored.
pub fn link_edits(items: &mut [SetItem], same: &BTreeMap<Alias, Alias>, set: &mut OracleSet) {
    let all = items.to_vec();
    let worker = |event: &Event| same.get(&event.alias()).cloned().unwrap_or(event.alias());
    for item in items {
        let event = &item.event;
        let Some(parent) = superseded_key(event, &all) else {
            if event.kind() == Kind::Voided && event.content.data.supersedes.is_some() {
                item.is_ignored = true;
                set.findings
                    .push((FindingKind::SupersedingMismatch, item.key.clone()));
            }
            continue;
        };

        let superseded = all
            .iter()
            .find(|other| other.key == parent)
            .map(|other| &other.event);
        let is_valid = event.kind() != Kind::Voided
            && (event.source.is_ops() || event.source == parent.source)
            && superseded.is_none_or(|superseded| {
                worker(superseded) == worker(event) && superseded.kind() == event.kind()
            });
        if is_valid {
            item.parent = Some(parent);
        } else {
            item.is_ignored = true;
            set.findings
                .push((FindingKind::SupersedingMismatch, item.key.clone()));
        }
    }
}

/// The keys of the voided events and of their edits. A key may name an event that is not known yet:
/// its edits are voided too.
pub fn voided(items: &[SetItem]) -> BTreeSet<EventKey> {
    let mut removed: BTreeSet<EventKey> = BTreeSet::new();
    for void in items
        .iter()
        .filter(|item| item.event.kind() == Kind::Voided && !item.is_ignored)
    {
        for reference in &void.event.content.data.refers_to {
            if let EventReference::Key { source, origin, id } = reference {
                removed.insert(EventKey {
                    source: source.clone(),
                    origin: origin.clone(),
                    id: id.clone(),
                });
            }
            let named = items
                .iter()
                .map(|item| &item.key)
                .filter(|key| names(&void.event, reference, key));
            removed.extend(named.cloned());
        }
    }
    removed.retain(|key| {
        !items
            .iter()
            .any(|item| item.key == *key && item.event.kind() == Kind::Voided)
    });

    loop {
        let before = removed.len();
        let edits: Vec<EventKey> = items
            .iter()
            .filter(|item| {
                item.parent
                    .as_ref()
                    .is_some_and(|parent| removed.contains(parent))
            })
            .map(|item| item.key.clone())
            .collect();
        removed.extend(edits);
        if removed.len() == before {
            return removed;
        }
    }
}

fn parent<'a>(item: &SetItem, items: &'a [SetItem]) -> Option<&'a SetItem> {
    items
        .iter()
        .find(|other| Some(&other.key) == item.parent.as_ref())
}

/// Of each cycle only the greatest item by receipt and key counts, at its own position.
pub fn break_cycles(items: &mut [SetItem]) {
    let all = items.to_vec();
    for item in items {
        let mut cycle = vec![&*item];
        let mut current = parent(item, &all);
        while let Some(next) =
            current.filter(|next| next.key != item.key && cycle.len() <= all.len())
        {
            cycle.push(next);
            current = parent(next, &all);
        }
        if current.is_none_or(|back| back.key != item.key) {
            continue;
        }

        let greatest = cycle
            .iter()
            .max_by_key(|one| (one.event.received, one.key.clone()))
            .expect("the item itself");
        if greatest.key == item.key {
            item.parent = None;
        } else {
            item.is_ignored = true;
        }
    }
}

/// The topmost known item that this one supersedes, and the key of the position, which may be that
/// of an event that is not known.
pub fn topmost<'a>(item: &'a SetItem, items: &'a [SetItem]) -> (&'a SetItem, EventKey) {
    let mut current = item;
    let mut steps = 0;

    while let Some(next) = parent(current, items).filter(|_| steps <= items.len()) {
        current = next;
        steps += 1;
    }
    (
        current,
        current
            .parent
            .clone()
            .filter(|_| parent(current, items).is_none())
            .unwrap_or(current.key.clone()),
    )
}

/// The effective moment that the item states, else that of the nearest one it supersedes.
fn stated_effective(item: &SetItem, items: &[SetItem], rules: &Rules) -> Option<Moment> {
    let zone: TimeZone = rules_of(rules, &item.event).time_zone;
    let mut current = item;
    for _ in 0..=items.len() {
        if let Some(effective) = &current.event.content.data.effective {
            return Some(effective.resolve(&zone));
        }
        current = parent(current, items)?;
    }
    None
}

/// Whether the effective date is before 1970, or over ten years after the item occurred.
pub fn is_implausible(item: &SetItem, items: &[SetItem], rules: &Rules) -> bool {
    let effective = stated_effective(item, items, rules);
    let Some(effective) = effective.filter(|_| !item.is_ignored) else {
        return false;
    };
    let ten_years = SignedDuration::from_hours(24 * 3_653);
    let occurred = topmost(item, items).0.event.occurred();
    effective.instant < Timestamp::UNIX_EPOCH
        || effective.instant.duration_since(occurred) > ten_years
}

/// The fact at a position, if one of the items there counts.
pub fn fact_at(position: &EventKey, items: &[SetItem], rules: &Rules) -> Option<OracleFact> {
    let winner = winner(position, items)?;
    let first = topmost(winner, items).0;
    let occurred = first.event.occurred();
    let members: Vec<&SetItem> = items
        .iter()
        .filter(|item| topmost(item, items).1 == *position)
        .collect();
    let others: Vec<&&SetItem> = members
        .iter()
        .filter(|item| item.key != winner.key)
        .collect();

    let effective = stated_effective(winner, items, rules).filter(|_| !winner.has_implausible_date);
    let superseded = others.iter().map(|item| {
        let moment = stated_effective(item, items, rules).unwrap_or(Moment::at(occurred));
        (item.event.content.data.employment_id.clone(), moment)
    });
    let zone = rules_of(rules, &winner.event).time_zone;
    let superseded_rows = others
        .iter()
        .flat_map(|item| item.event.content.data.employments.iter().flatten())
        .filter_map(|row| {
            row.start
                .as_ref()
                .map(|start| (row.id.clone(), start.resolve(&zone)))
        })
        .collect();

    Some(OracleFact {
        key: first.key.clone(),
        keys: members
            .iter()
            .map(|item| item.key.clone())
            .chain([position.clone()])
            .collect(),
        kind: winner.event.kind(),
        occurred,
        received: first.event.received,
        effective: effective.unwrap_or(Moment::at(occurred)),
        is_dated: effective.is_some(),
        superseded: superseded.collect(),
        superseded_rows,
        alias: winner.event.alias(),
        event: winner.event.clone(),
    })
}

/// The edit received last of the item at that position, and of that the last, as far as it counts;
/// else the item itself.
fn winner<'a>(position: &EventKey, items: &'a [SetItem]) -> Option<&'a SetItem> {
    let mut edits: Vec<&SetItem> = items
        .iter()
        .filter(|item| {
            item.parent.as_ref() == Some(position) && !(item.is_ignored && is_in_cycle(item, items))
        })
        .collect();
    edits.sort_by_key(|item| (item.event.received, item.key.clone()));

    while let Some(last) = edits.pop() {
        if let Some(winner) = winner(&last.key, items) {
            return Some(winner);
        }
    }
    items
        .iter()
        .find(|item| item.key == *position && !item.is_ignored)
}

/// Whether the item's parents lead back to it.
fn is_in_cycle(item: &SetItem, items: &[SetItem]) -> bool {
    let mut current = parent(item, items);
    for _ in 0..items.len() {
        match current {
            Some(next) if next.key == item.key => return true,
            Some(next) => current = parent(next, items),
            None => return false,
        }
    }
    false
}
