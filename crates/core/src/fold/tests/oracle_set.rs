//! The oracle's reading of fold.md 1, 2 and 5: which facts count, as what, in which order, and whose they are.
//!
//! Slow and literal on purpose: it looks at the whole set again for every question.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    event::{Alias, EmploymentId, Event, EventKey, Identity, Kind, Moment, Reference},
    fold::{FindingKind, Rules, SourceRules},
};

/// A fact that counts, in the place that it has.
#[derive(Clone, Debug)]
pub struct Counted {
    pub key: EventKey,
    pub kind: Kind,
    pub occurred: Timestamp,
    pub received: Timestamp,
    pub effective: Moment,
    /// Whether it, or what it stands for, says when it takes effect.
    pub stated: bool,
    /// Every key that it can be named by.
    pub keys: BTreeSet<EventKey>,
    /// What was stated in its place and counts no more: for which employment, and when it took effect.
    pub earlier: Vec<(Option<EmploymentId>, Moment)>,
    /// The starts of lists in its place that count no more.
    pub earlier_rows: Vec<(Option<EmploymentId>, Moment)>,
    pub alias: Alias,
    pub event: Event,
}

/// What counts of a set.
#[derive(Default)]
pub struct Known {
    /// In the order in which it became known.
    pub facts: Vec<Counted>,
    pub findings: Vec<(FindingKind, EventKey)>,
    /// Whose starts were voided.
    pub voided_starts: BTreeSet<Alias>,
    /// Every alias that was named.
    pub aliases: BTreeSet<Alias>,
}

/// Everything that is known of one key, or of one further content under it.
#[derive(Clone)]
struct Item {
    key: EventKey,
    event: Event,
    /// What it supersedes, whether or not that is known.
    parent: Option<EventKey>,
    /// Counts for nothing itself.
    nothing: bool,
    /// An ending whose effective is not believed.
    unbelieved: bool,
}

/// The settings of a source.
pub fn rules_of(rules: &Rules, event: &Event) -> SourceRules {
    rules
        .sources
        .get(&event.alias().source)
        .cloned()
        .unwrap_or_default()
}

pub fn known(events: &[Event], rules: &Rules) -> Known {
    // Which edits fit depends on who is who, and who is who on which facts count.
    let first = known_as(events, rules, &BTreeMap::new());
    known_as(events, rules, &same_worker(&first))
}

fn known_as(events: &[Event], rules: &Rules, same: &BTreeMap<Alias, Alias>) -> Known {
    let mut known = Known {
        aliases: events.iter().flat_map(Event::aliases).collect(),
        ..Known::default()
    };
    let mut items = distinct(events, rules, &mut known);
    link(&mut items, same, &mut known);
    let out = voided(&items);
    for item in items
        .iter()
        .filter(|item| out.contains(&item.key) && states_a_start(&item.event))
    {
        known.voided_starts.insert(item.event.alias());
    }
    items.retain(|item| !out.contains(&item.key));
    cut_cycles(&mut items);
    let implausible: Vec<bool> = items
        .iter()
        .map(|item| is_implausible(item, &items, rules))
        .collect();
    for (item, implausible) in items.iter_mut().zip(implausible) {
        if implausible {
            known
                .findings
                .push((FindingKind::ImplausibleEffective, item.key.clone()));
            item.unbelieved = true;
            item.nothing |= !is_end(item.event.kind());
        }
        if !item.event.time_is_plausible() {
            known
                .findings
                .push((FindingKind::ImplausibleTime, item.key.clone()));
        }
    }
    let places: BTreeSet<EventKey> = items.iter().map(|item| top(item, &items).1).collect();
    let mut facts: Vec<Counted> = places
        .iter()
        .filter_map(|place| placed(place, &items, rules))
        .collect();
    // The order of knowledge: the least of what is left, again and again.
    while !facts.is_empty() {
        let least = (0..facts.len())
            .min_by_key(|at| place(&facts[*at]))
            .expect("some are left");
        known.facts.push(facts.remove(least));
    }
    known
}

fn place(fact: &Counted) -> (Timestamp, u8, Timestamp, EventKey) {
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

pub fn is_start(kind: Kind) -> bool {
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

/// One item for each key: the first received; and each other ending under it.
fn distinct(events: &[Event], rules: &Rules, known: &mut Known) -> Vec<Item> {
    let mut items = Vec::new();
    let keys: BTreeSet<EventKey> = events.iter().map(Event::key).collect();
    for key in keys {
        let mut copies: Vec<&Event> = events.iter().filter(|event| event.key() == key).collect();
        copies.sort_by_key(|event| (event.received, event.content_digest()));
        let mut seen = BTreeSet::new();
        copies.retain(|event| seen.insert(event.content_digest()));
        for (nth, event) in copies.into_iter().enumerate() {
            if nth == 0 {
                items.push(item(key.clone(), event));
                continue;
            }
            known.findings.push((FindingKind::IdReused, key.clone()));
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

/// Whether it is the same start again without id and time, within the sender's retry span.
fn is_retry(item: &Item, all: &[Item], rules: &Rules) -> bool {
    if item.event.identity != Identity::DigestInHook || !is_start(item.event.kind()) {
        return false;
    }
    let mut same: Vec<&Event> = all
        .iter()
        .map(|other| &other.event)
        .filter(|other| other.identity == Identity::DigestInHook)
        .filter(|other| {
            (&other.source, &other.content) == (&item.event.source, &item.event.content)
        })
        .collect();
    same.sort_by_key(|event| (event.received, event.key()));
    let span = rules_of(rules, &item.event).retry_span;
    let mut first: Option<Timestamp> = None;
    for event in same {
        let retry = first.is_some_and(|first| event.received.duration_since(first) <= span);
        if event.key() == item.key {
            return retry;
        }
        if !retry {
            first = Some(event.received);
        }
    }
    false
}

/// The keys that a reference of `event` may mean.
fn means(event: &Event, reference: &Reference, key: &EventKey) -> bool {
    match reference {
        Reference::Key { source, origin, id } => {
            (source, origin, id) == (&key.source, &key.origin, &key.id)
        }
        Reference::Id(id) if event.source.is_ops() => {
            event.content.data.on_behalf_of.as_ref() == Some(&key.source) && *id == key.id
        }
        Reference::Id(id) => {
            (&event.source, &event.content.source, id) == (&key.source, &key.origin, &key.id)
        }
    }
}

/// Whether the event says that it is about the fact in that place, by whatever key.
pub fn refers(event: &Event, place: &EventKey, known: &Known) -> bool {
    let keys = known
        .facts
        .iter()
        .filter(|fact| fact.key == *place)
        .flat_map(|fact| &fact.keys);
    keys.chain([place]).any(|key| {
        event
            .content
            .data
            .refers_to
            .iter()
            .any(|reference| means(event, reference, key))
    })
}

fn item(key: EventKey, event: &Event) -> Item {
    Item {
        key,
        event: event.clone(),
        parent: None,
        nothing: false,
        unbelieved: false,
    }
}

/// The key that the event says it supersedes.
fn superseded_key(event: &Event, items: &[Item]) -> Option<EventKey> {
    let reference = event.content.data.supersedes.as_ref()?;
    match reference {
        Reference::Key { source, origin, id } => Some(EventKey {
            source: source.clone(),
            origin: origin.clone(),
            id: id.clone(),
        }),
        Reference::Id(_) if event.source.is_ops() => items
            .iter()
            .map(|item| &item.key)
            .find(|key| means(event, reference, key))
            .cloned(),
        Reference::Id(id) => Some(EventKey {
            source: event.source.clone(),
            origin: event.content.source.clone(),
            id: id.clone(),
        }),
    }
}

/// Ties each edit to what it supersedes; one that does not fit counts for nothing.
fn link(items: &mut [Item], same: &BTreeMap<Alias, Alias>, known: &mut Known) {
    let all = items.to_vec();
    let worker = |event: &Event| same.get(&event.alias()).cloned().unwrap_or(event.alias());
    for item in items {
        let Some(parent) = superseded_key(&item.event, &all) else {
            if item.event.kind() == Kind::Voided && item.event.content.data.supersedes.is_some() {
                item.nothing = true;
                known
                    .findings
                    .push((FindingKind::SupersedingMismatch, item.key.clone()));
            }
            continue;
        };
        let base = all
            .iter()
            .find(|other| other.key == parent)
            .map(|other| &other.event);
        let fits = item.event.kind() != Kind::Voided
            && (item.event.source.is_ops() || item.event.source == parent.source)
            && base.is_none_or(|base| {
                worker(base) == worker(&item.event) && base.kind() == item.event.kind()
            });
        if fits {
            item.parent = Some(parent);
        } else {
            item.nothing = true;
            known
                .findings
                .push((FindingKind::SupersedingMismatch, item.key.clone()));
        }
    }
}

fn voided(items: &[Item]) -> BTreeSet<EventKey> {
    let voids: Vec<&Item> = items
        .iter()
        .filter(|item| item.event.kind() == Kind::Voided && !item.nothing)
        .collect();
    let mut out: BTreeSet<EventKey> = BTreeSet::new();
    for void in voids {
        for reference in &void.event.content.data.refers_to {
            // Also what is not known yet takes its edits with it.
            if let Reference::Key { source, origin, id } = reference {
                out.insert(EventKey {
                    source: source.clone(),
                    origin: origin.clone(),
                    id: id.clone(),
                });
            }
            out.extend(
                items
                    .iter()
                    .map(|item| &item.key)
                    .filter(|key| means(&void.event, reference, key))
                    .cloned(),
            );
        }
    }
    out.retain(|key| {
        !items
            .iter()
            .any(|item| item.key == *key && item.event.kind() == Kind::Voided)
    });
    loop {
        let before = out.len();
        let edits = items.iter().filter(|item| {
            item.parent
                .as_ref()
                .is_some_and(|parent| out.contains(parent))
        });
        let more: Vec<EventKey> = edits.map(|item| item.key.clone()).collect();
        out.extend(more);
        if out.len() == before {
            return out;
        }
    }
}

fn states_a_start(event: &Event) -> bool {
    is_start(event.kind())
        || event
            .content
            .data
            .employments
            .as_ref()
            .is_some_and(|rows| !rows.is_empty())
}

fn parent<'a>(item: &Item, items: &'a [Item]) -> Option<&'a Item> {
    items
        .iter()
        .find(|other| Some(&other.key) == item.parent.as_ref())
}

/// Of a cycle only the greatest by received and key counts, for itself.
fn cut_cycles(items: &mut [Item]) {
    let all = items.to_vec();
    for item in items {
        let mut cycle = vec![&*item];
        let mut at = parent(item, &all);
        while let Some(next) = at.filter(|next| next.key != item.key && cycle.len() <= all.len()) {
            cycle.push(next);
            at = parent(next, &all);
        }
        if at.is_none_or(|back| back.key != item.key) {
            continue;
        }
        let greatest = cycle
            .iter()
            .max_by_key(|one| (one.event.received, one.key.clone()))
            .expect("itself");
        if greatest.key == item.key {
            item.parent = None;
        } else {
            item.nothing = true;
        }
    }
}

/// The known fact whose place this one has, and the key of that place (which may be of a fact not known).
fn top<'a>(item: &'a Item, items: &'a [Item]) -> (&'a Item, EventKey) {
    let mut at = item;
    let mut steps = 0;
    while let Some(next) = parent(at, items).filter(|_| steps <= items.len()) {
        at = next;
        steps += 1;
    }
    (
        at,
        at.parent
            .clone()
            .filter(|_| parent(at, items).is_none())
            .unwrap_or(at.key.clone()),
    )
}

/// When it takes effect by its own word, or by the nearest that it supersedes.
fn stated(item: &Item, items: &[Item], rules: &Rules) -> Option<Moment> {
    let zone: TimeZone = rules_of(rules, &item.event).time_zone;
    let mut at = item;
    for _ in 0..=items.len() {
        if let Some(effective) = &at.event.content.data.effective {
            return Some(effective.resolve(&zone));
        }
        at = parent(at, items)?;
    }
    None
}

fn is_implausible(item: &Item, items: &[Item], rules: &Rules) -> bool {
    let Some(effective) = stated(item, items, rules).filter(|_| !item.nothing) else {
        return false;
    };
    let ten_years = SignedDuration::from_hours(24 * 3_653);
    let occurred = top(item, items).0.event.occurred();
    effective.instant < Timestamp::UNIX_EPOCH
        || effective.instant.duration_since(occurred) > ten_years
}

/// Of everything that stands in that place, what counts.
fn placed(place: &EventKey, items: &[Item], rules: &Rules) -> Option<Counted> {
    let winner = winner(place, items)?;
    let first = top(winner, items).0;
    let occurred = first.event.occurred();
    let members: Vec<&Item> = items
        .iter()
        .filter(|item| top(item, items).1 == *place)
        .collect();
    let lost: Vec<&&Item> = members
        .iter()
        .filter(|item| item.key != winner.key)
        .collect();
    let effective = stated(winner, items, rules).filter(|_| !winner.unbelieved);
    let rows = lost
        .iter()
        .flat_map(|item| item.event.content.data.employments.iter().flatten());
    let zone = rules_of(rules, &winner.event).time_zone;
    let earlier_rows = rows
        .filter_map(|row| {
            row.start
                .as_ref()
                .map(|start| (row.id.clone(), start.resolve(&zone)))
        })
        .collect();
    Some(Counted {
        key: first.key.clone(),
        keys: members
            .iter()
            .map(|item| item.key.clone())
            .chain([place.clone()])
            .collect(),
        kind: winner.event.kind(),
        occurred,
        received: first.event.received,
        effective: effective.unwrap_or(Moment::at(occurred)),
        stated: effective.is_some(),
        earlier: lost
            .iter()
            .map(|item| {
                let moment = stated(item, items, rules).unwrap_or(Moment::at(occurred));
                (item.event.content.data.employment_id.clone(), moment)
            })
            .collect(),
        earlier_rows,
        alias: winner.event.alias(),
        event: winner.event.clone(),
    })
}

/// The last received that supersedes what is in that place, and of that the last, as far as it counts.
fn winner<'a>(place: &EventKey, items: &'a [Item]) -> Option<&'a Item> {
    let mut edits: Vec<&Item> = items
        .iter()
        .filter(|item| {
            item.parent.as_ref() == Some(place) && !(item.nothing && parent_is_cycle(item, items))
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
        .find(|item| item.key == *place && !item.nothing)
}

/// Whether it is of a cycle that it lost.
fn parent_is_cycle(item: &Item, items: &[Item]) -> bool {
    let mut at = parent(item, items);
    for _ in 0..items.len() {
        match at {
            Some(next) if next.key == item.key => return true,
            Some(next) => at = parent(next, items),
            None => return false,
        }
    }
    false
}

/// Which aliases are one (`identifier_changed`): each to the least of its own.
pub fn same_worker(known: &Known) -> BTreeMap<Alias, Alias> {
    let mut same: BTreeMap<Alias, Alias> = known
        .aliases
        .iter()
        .map(|alias| (alias.clone(), alias.clone()))
        .collect();
    let changes: Vec<&Counted> = known
        .facts
        .iter()
        .filter(|fact| fact.kind == Kind::IdentifierChanged)
        .collect();
    for _ in 0..=changes.len() {
        for fact in &changes {
            let both: Vec<Alias> = fact.event.aliases();
            let least = both
                .iter()
                .filter_map(|alias| same.get(alias))
                .min()
                .cloned()
                .expect("its aliases are known");
            for alias in both {
                same.insert(alias, least.clone());
            }
        }
    }
    same
}

/// The workers that are one person with this one.
pub fn person(known: &Known, same: &BTreeMap<Alias, Alias>, worker: &Alias) -> BTreeSet<Alias> {
    let mut last_word: BTreeMap<(Alias, Alias), bool> = BTreeMap::new();
    for fact in &known.facts {
        let joins = match fact.kind {
            Kind::Converted | Kind::Linked => true,
            Kind::Unlinked => false,
            _ => continue,
        };
        let mut pair: Vec<Alias> = fact
            .event
            .aliases()
            .iter()
            .map(|alias| same[alias].clone())
            .collect();
        pair.sort();
        let [one, two] = pair.try_into().expect("two aliases");
        last_word.insert((one, two), joins);
    }
    let mut person = BTreeSet::from([worker.clone()]);
    loop {
        let before = person.len();
        for ((one, two), _) in last_word.iter().filter(|(_, joined)| **joined) {
            if person.contains(one) || person.contains(two) {
                person.extend([one.clone(), two.clone()]);
            }
        }
        if person.len() == before {
            return person;
        }
    }
}
