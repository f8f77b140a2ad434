//! Generates histories: every kind, over few workers, few days and few employment ids, so that
//! facts refer to the same things.
//!
//! The effective date differs from the time of the fact. Leaves, hires and endings are planned,
//! rescinded, back-dated, edited and voided; cancellations arrive before their target; facts are
//! sent again under new ids, copied, and their ids reused.

use super::{
    fact::{EffectiveSpec, FactRef, FactSpec, RowSpec},
    history::History,
    runner::SeededRng,
};
use crate::event::Kind;

/// The relative frequency of each kind.
const WEIGHTS: [(Kind, u32); 17] = [
    (Kind::Hired, 17),
    (Kind::Rehired, 9),
    (Kind::Changed, 4),
    (Kind::Terminated, 17),
    (Kind::AccessRevoked, 5),
    (Kind::TerminationCancelled, 6),
    (Kind::HireRescinded, 5),
    (Kind::LeaveStarted, 6),
    (Kind::LeaveEnded, 5),
    (Kind::Converted, 5),
    (Kind::IdentifierChanged, 3),
    (Kind::Snapshot, 10),
    (Kind::RecordDeleted, 4),
    (Kind::AccessRestored, 4),
    (Kind::Voided, 4),
    (Kind::Linked, 4),
    (Kind::Unlinked, 4),
];

/// The values that one history draws from.
pub struct SampleSpace {
    /// The days of all dates and times.
    days: Vec<i32>,
    workers: u8,
    employments: u8,
}

impl SampleSpace {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let count = 3 + rng.index(5);
        let days = (0..count)
            .map(|_| match rng.below(4) {
                0 => -300 + 100 * i32::from(small(rng, 3)),
                1 => -31 + i32::from(small(rng, 5)),
                _ => -20 + 5 * i32::from(small(rng, 12)),
            })
            .collect();

        SampleSpace {
            days,
            workers: rng.choose(&[1, 1, 2, 2, 3, 3]),
            employments: rng.choose(&[0, 0, 1, 2, 3]),
        }
    }

    pub fn day(&self, rng: &mut SeededRng) -> i32 {
        rng.choose(&self.days)
    }

    /// An hour at which a fact occurs.
    pub fn hour(&self, rng: &mut SeededRng) -> i32 {
        self.day(rng) * 24 + rng.choose(&[0, 0, 9, 9, 17])
    }

    /// A date, in different forms and sometimes a day off.
    fn date(&self, rng: &mut SeededRng) -> EffectiveSpec {
        let day = self.day(rng) + rng.choose(&[0, 0, 0, 0, 0, 0, 1, -1]);
        let zone = small(rng, 3);
        match rng.below(20) {
            0..8 => EffectiveSpec::Day(day),
            8..13 => EffectiveSpec::EndOf(day - 1),
            13..18 => EffectiveSpec::Hour(day * 24),
            18 => EffectiveSpec::DayIn(day, zone),
            _ => EffectiveSpec::EndOfIn(day - 1, zone),
        }
    }

    /// An effective date, none, or an implausible one.
    fn effective(&self, rng: &mut SeededRng) -> Option<EffectiveSpec> {
        match rng.below(100) {
            0 => Some(EffectiveSpec::Day(-30_000)),
            1 => Some(EffectiveSpec::Day(9_000)),
            2..25 => None,
            _ => Some(self.date(rng)),
        }
    }

    fn employment(&self, rng: &mut SeededRng) -> Option<u8> {
        (self.employments > 0 && rng.percent(60)).then(|| small(rng, u32::from(self.employments)))
    }
}

/// A number below `n`, which is at most 256.
fn small(rng: &mut SeededRng, n: u32) -> u8 {
    u8::try_from(rng.below(n)).expect("it is below 256")
}

fn next_id(facts: &[FactSpec], offset: usize) -> u16 {
    u16::try_from(facts.len() + offset).expect("a history has few facts")
}

/// A random history.
pub fn history(rng: &mut SeededRng) -> History {
    let space = SampleSpace::draw(rng);
    let mut facts: Vec<FactSpec> = Vec::new();
    let length = usize::try_from(2 + rng.below(12)).expect("a short history");
    if rng.percent(70) {
        let mut hired = fact(rng, &space, &[], Kind::Hired, 1);
        let days = i32::try_from(rng.below(300)).expect("few days");
        hired.time = Some((days - 320) * 24);
        hired.received = hired.time.unwrap_or_default();
        facts.push(hired);
    }

    while facts.len() < length {
        let id = next_id(&facts, 1);
        let fact = match rng.below(100) {
            0..7 if !facts.is_empty() => edit(rng, &space, &facts, id),
            7..15 if !facts.is_empty() => rng.choose(&facts).resent(id, space.hour(rng)),
            _ => {
                let kind = kind(rng, &space);
                fact(rng, &space, &facts, kind, id)
            }
        };
        facts.push(fact);
    }

    add_delivery_faults(rng, &space, &mut facts);
    let now = space.hour(rng) + rng.choose(&[0, 1, 24]);
    History {
        facts,
        now,
        pre_hire: rng.percent(35),
        scoped: rng.percent(8),
        salt: rng.next(),
    }
}

/// A random kind by its weight. With one worker it is none that names a second.
fn kind(rng: &mut SeededRng, space: &SampleSpace) -> Kind {
    let needs_two_workers = |kind| {
        matches!(
            kind,
            Kind::Converted | Kind::IdentifierChanged | Kind::Linked | Kind::Unlinked
        )
    };
    let total: u32 = WEIGHTS.iter().map(|(_, weight)| weight).sum();

    loop {
        let mut rest = rng.below(total);
        let drawn = WEIGHTS.iter().find(|(_, weight)| {
            let is_drawn = rest < *weight;
            rest = rest.saturating_sub(*weight);
            is_drawn
        });
        if let Some((kind, _)) = drawn
            && !(needs_two_workers(*kind) && space.workers == 1)
        {
            return *kind;
        }
    }
}

/// A random fact of that kind, about the facts before it.
pub fn fact(
    rng: &mut SeededRng,
    space: &SampleSpace,
    before: &[FactSpec],
    kind: Kind,
    id: u16,
) -> FactSpec {
    let time = space.hour(rng);
    let mut fact = FactSpec::new(id, kind, time);
    fact.worker = small(rng, u32::from(space.workers));
    fact.by_operator |= rng.percent(4);
    fact.received = time + rng.choose(&[0, 0, 0, 1, 24, 240]);
    match rng.below(50) {
        0 => fact.time = Some(fact.received + 2),
        1 => fact.time = None,
        2 => fact.time = Some(-300_000),
        _ => {}
    }

    fact.effective = space.effective(rng);
    fact.employment = space.employment(rng);
    fact.title = rng.percent(20).then(|| small(rng, 4));
    fact.employee_number = rng.percent(10).then(|| small(rng, 4));

    match kind {
        Kind::Snapshot => fact.rows = rng.percent(80).then(|| rows(rng, space, before)),
        Kind::TerminationCancelled if rng.percent(60) => {
            let may_be_cancelled = |kind: Kind| kind.ends_access() || kind == Kind::Converted;
            fact.refers_to = references(rng, before, may_be_cancelled);
        }
        Kind::AccessRestored => {
            fact.refers_to = references(rng, before, |kind| kind == Kind::AccessRevoked);
        }
        Kind::Voided => fact.refers_to = references(rng, before, |kind| kind != Kind::Voided),
        Kind::Converted | Kind::IdentifierChanged => {
            fact.worker = u8::from(rng.percent(50));
            fact.other = Some(1 - fact.worker);
        }
        Kind::Linked | Kind::Unlinked => {
            let others: Vec<u8> = (0..space.workers)
                .filter(|other| *other != fact.worker)
                .collect();
            fact.other = Some(rng.choose(&others));
        }
        _ => {}
    }
    fact
}

/// References: mostly to facts of a fitting kind, sometimes to one that may not exist.
fn references(
    rng: &mut SeededRng,
    before: &[FactSpec],
    fits: impl Fn(Kind) -> bool,
) -> Vec<FactRef> {
    let fitting: Vec<FactRef> = before
        .iter()
        .filter(|fact| fits(fact.kind))
        .map(FactSpec::reference)
        .collect();
    if fitting.is_empty() || rng.percent(5) {
        return vec![FactRef(0, 1 + u16::from(small(rng, 14)))];
    }

    let mut references = vec![rng.choose(&fitting)];
    if rng.percent(15) {
        references.push(rng.choose(&fitting));
    }
    references
}

/// A list: mostly starts that were stated before, with some ends, and some unknown employments.
fn rows(rng: &mut SeededRng, space: &SampleSpace, before: &[FactSpec]) -> Vec<RowSpec> {
    let starts: Vec<&FactSpec> = before
        .iter()
        .filter(|fact| matches!(fact.kind, Kind::Hired | Kind::Rehired | Kind::Converted))
        .collect();
    let count = rng.choose(&[0, 1, 1, 1, 1, 2, 2, 3]);
    (0..count).map(|_| row(rng, space, &starts)).collect()
}

fn row(rng: &mut SeededRng, space: &SampleSpace, starts: &[&FactSpec]) -> RowSpec {
    let stated = (!starts.is_empty() && rng.percent(70)).then(|| rng.choose(starts));
    let start = match stated {
        Some(fact) => fact
            .effective
            .or(Some(EffectiveSpec::Hour(fact.occurred()))),
        None => rng.percent(90).then(|| space.date(rng)),
    };
    let employment = match stated {
        Some(fact) if rng.percent(80) => fact.employment,
        _ => space.employment(rng),
    };
    let end = rng.percent(25).then(|| space.date(rng));
    let title = rng.percent(20).then(|| small(rng, 4));

    RowSpec {
        employment,
        start,
        end,
        primary: rng.percent(10),
        title,
    }
}

/// An edit of a fact. Mostly it fits, sometimes it has another kind.
fn edit(rng: &mut SeededRng, space: &SampleSpace, before: &[FactSpec], id: u16) -> FactSpec {
    let edited = rng.choose(before);
    if edited.kind == Kind::Voided || edited.hook.is_some() {
        let kind = kind(rng, space);
        return fact(rng, space, before, kind, id);
    }

    let mut edit = edited.clone();
    edit.id = id;
    edit.supersedes = Some(edited.reference());
    edit.time = Some(space.hour(rng));
    edit.received = edit.occurred() + rng.choose(&[0, 0, 24]);
    edit.by_operator |= rng.percent(40);
    edit.effective = if rng.percent(60) {
        space.effective(rng)
    } else {
        None
    };

    if rng.percent(5) {
        let kind = kind(rng, space);
        return FactSpec {
            supersedes: edit.supersedes,
            ..fact(rng, space, before, kind, id)
        };
    }
    edit
}

/// Adds faults of delivery: copies received at another time, reused ids, late ends of leaves, and
/// facts without id and time.
fn add_delivery_faults(rng: &mut SeededRng, space: &SampleSpace, facts: &mut Vec<FactSpec>) {
    if rng.percent(15) {
        let mut copy = rng.choose(facts);
        copy.received += rng.choose(&[-1, 1, 24, 480]);
        facts.push(copy);
    }

    if rng.percent(8) {
        let reused = rng.choose(facts);
        let kind = kind(rng, space);
        let mut other = fact(rng, space, facts, kind, reused.id);
        // Two contents received at the same hour have no first one.
        other.received += i32::from(other.received == reused.received);
        facts.push(other);
    }

    if rng.percent(6) {
        add_moved_leave(rng, space, facts);
    }
    if rng.percent(6) {
        add_retries(rng, space, facts);
    }
}

/// A leave whose end moves.
fn add_moved_leave(rng: &mut SeededRng, space: &SampleSpace, facts: &mut Vec<FactSpec>) {
    let id = next_id(facts, 30);
    let (from, time) = (space.day(rng) * 24, space.hour(rng));
    let leave = |id, kind, time, hours| FactSpec {
        effective: Some(EffectiveSpec::Hour(hours)),
        ..FactSpec::new(id, kind, time)
    };
    facts.push(leave(id, Kind::LeaveStarted, time, from));
    facts.push(leave(id + 1, Kind::LeaveEnded, time + 1, from + 24 * 10));
    facts.push(leave(id + 2, Kind::LeaveEnded, time + 25, from + 24 * 20));
}

/// A fact without id and time, and repeats of it within and after the sender's retry span.
fn add_retries(rng: &mut SeededRng, space: &SampleSpace, facts: &mut Vec<FactSpec>) {
    let kind = rng.choose(&[Kind::Hired, Kind::Rehired, Kind::Terminated, Kind::Changed]);
    let id = next_id(facts, 20);
    let first = FactSpec {
        hook: Some(100),
        by_operator: false,
        time: None,
        ..fact(rng, space, facts, kind, id)
    };

    for (hook, later) in [(101, 24), (102, 24 * 20)] {
        if rng.percent(70) {
            facts.push(FactSpec {
                hook: Some(hook),
                received: first.received + later,
                ..first.clone()
            });
        }
    }
    facts.push(first);
}
