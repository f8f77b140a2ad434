//! Histories by chance: every kind, over few workers, few days and few employments, so that facts meet.
//!
//! Effective differs from occurred; leaves, hires and endings are planned ahead, rescinded, back-dated, cancelled
//! before the target arrives, edited, voided, sent again under new numbers, doubled, and their numbers reused.

use super::{
    fact::{Fact, History, Ref, Row, When},
    runner::Dice,
};
use crate::event::Kind;

/// How often each kind is drawn.
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

/// What one history draws from.
pub struct World {
    /// Days on which things happen.
    days: Vec<i32>,
    workers: u8,
    employments: u8,
}

impl World {
    pub fn draw(dice: &mut Dice) -> Self {
        let few = 3 + dice.index(5);
        let days = (0..few)
            .map(|_| match dice.below(4) {
                0 => -300 + 100 * i32::try_from(dice.below(3)).expect("small"),
                1 => -31 + i32::try_from(dice.below(5)).expect("small"),
                _ => -20 + i32::try_from(dice.below(12) * 5).expect("small"),
            })
            .collect();
        World {
            days,
            workers: dice.of(&[1, 1, 2, 2, 3, 3]),
            employments: dice.of(&[0, 0, 1, 2, 3]),
        }
    }

    pub fn day(&self, dice: &mut Dice) -> i32 {
        dice.of(&self.days)
    }

    /// An hour at which something becomes known.
    pub fn hour(&self, dice: &mut Dice) -> i32 {
        self.day(dice) * 24 + dice.of(&[0, 0, 9, 9, 17])
    }

    fn when(&self, dice: &mut Dice) -> When {
        let day = self.day(dice) + dice.of(&[0, 0, 0, 0, 0, 0, 1, -1]);
        let zone = u8::try_from(dice.below(3)).expect("small");
        match dice.below(20) {
            0..8 => When::Day(day),
            8..13 => When::EndOf(day - 1),
            13..18 => When::Hour(day * 24),
            18 => When::DayIn(day, zone),
            _ => When::EndOfIn(day - 1, zone),
        }
    }

    fn effective(&self, dice: &mut Dice) -> Option<When> {
        match dice.below(100) {
            0 => Some(When::Day(-30_000)),
            1 => Some(When::Day(9_000)),
            2..25 => None,
            _ => Some(self.when(dice)),
        }
    }

    fn employment(&self, dice: &mut Dice) -> Option<u8> {
        (self.employments > 0 && dice.percent(60))
            .then(|| u8::try_from(dice.below(u32::from(self.employments))).expect("small"))
    }
}

/// A history by chance.
pub fn history(dice: &mut Dice) -> History {
    let world = World::draw(dice);
    let mut facts: Vec<Fact> = Vec::new();
    let length = 2 + dice.below(12);
    if dice.percent(70) {
        let mut hired = fact(dice, &world, &[], Kind::Hired, 1);
        hired.at = Some(-320 * 24 + i32::try_from(dice.below(300) * 24).expect("small"));
        hired.received = hired.at.unwrap_or_default();
        facts.push(hired);
    }
    while facts.len() < usize::try_from(length).expect("small") {
        let next = u16::try_from(facts.len() + 1).expect("few");
        let fact = match dice.below(100) {
            0..7 if !facts.is_empty() => edit(dice, &world, &facts, next),
            7..15 if !facts.is_empty() => dice.of(&facts).resent(next, world.hour(dice)),
            _ => {
                let kind = kind(dice, &world);
                fact(dice, &world, &facts, kind, next)
            }
        };
        facts.push(fact);
    }
    spoil(dice, &world, &mut facts);
    let now = world.hour(dice) + dice.of(&[0, 1, 24]);
    History {
        facts,
        now,
        pre_hire: dice.percent(35),
        scoped: dice.percent(8),
        salt: dice.next(),
    }
}

fn kind(dice: &mut Dice, world: &World) -> Kind {
    let needs_two = |kind| {
        matches!(
            kind,
            Kind::Converted | Kind::IdentifierChanged | Kind::Linked | Kind::Unlinked
        )
    };
    let all: u32 = WEIGHTS.iter().map(|(_, weight)| weight).sum();
    loop {
        let mut left = dice.below(all);
        let drawn = WEIGHTS.iter().find(|(_, weight)| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        });
        if let Some((kind, _)) = drawn
            && !(needs_two(*kind) && world.workers == 1)
        {
            return *kind;
        }
    }
}

/// A fact of that kind by chance, about what the facts before it speak of.
pub fn fact(dice: &mut Dice, world: &World, before: &[Fact], kind: Kind, n: u16) -> Fact {
    let at = world.hour(dice);
    let mut fact = Fact::new(n, kind, at);
    fact.who = u8::try_from(dice.below(u32::from(world.workers))).expect("small");
    fact.ops |= dice.percent(4);
    fact.received = at + dice.of(&[0, 0, 0, 1, 24, 240]);
    match dice.below(50) {
        0 => fact.at = Some(fact.received + 2),
        1 => fact.at = None,
        2 => fact.at = Some(-300_000),
        _ => {}
    }
    fact.effective = world.effective(dice);
    fact.employment = world.employment(dice);
    fact.title = dice
        .percent(20)
        .then(|| u8::try_from(dice.below(4)).expect("small"));
    fact.number = dice
        .percent(10)
        .then(|| u8::try_from(dice.below(4)).expect("small"));
    match kind {
        Kind::Snapshot => fact.rows = dice.percent(80).then(|| rows(dice, world, before)),
        Kind::TerminationCancelled if dice.percent(60) => {
            fact.refers = refer(dice, before, |k| k.ends_access() || k == Kind::Converted);
        }
        Kind::AccessRestored => fact.refers = refer(dice, before, |k| k == Kind::AccessRevoked),
        Kind::Voided => fact.refers = refer(dice, before, |k| k != Kind::Voided),
        Kind::Converted | Kind::IdentifierChanged => {
            fact.who = u8::from(dice.percent(50));
            fact.other = Some(1 - fact.who);
        }
        Kind::Linked | Kind::Unlinked => {
            let others: Vec<u8> = (0..world.workers)
                .filter(|other| *other != fact.who)
                .collect();
            fact.other = Some(dice.of(&others));
        }
        _ => {}
    }
    fact
}

/// What it refers to: mostly a fact that is there and of the right kind.
fn refer(dice: &mut Dice, before: &[Fact], fits: impl Fn(Kind) -> bool) -> Vec<Ref> {
    let fitting: Vec<Ref> = before
        .iter()
        .filter(|fact| fits(fact.kind))
        .map(Fact::reference)
        .collect();
    if fitting.is_empty() || dice.percent(5) {
        return vec![Ref(0, u16::try_from(1 + dice.below(14)).expect("small"))];
    }
    let mut refers = vec![dice.of(&fitting)];
    if dice.percent(15) {
        refers.push(dice.of(&fitting));
    }
    refers
}

/// A list: what was stated before, with omissions, ends and strangers.
fn rows(dice: &mut Dice, world: &World, before: &[Fact]) -> Vec<Row> {
    let starts: Vec<&Fact> = before
        .iter()
        .filter(|fact| matches!(fact.kind, Kind::Hired | Kind::Rehired | Kind::Converted))
        .collect();
    (0..dice.of(&[0, 1, 1, 1, 1, 2, 2, 3]))
        .map(|_| {
            let stated = (!starts.is_empty() && dice.percent(70)).then(|| dice.of(&starts));
            let start = match stated {
                Some(fact) => fact.effective.or(Some(When::Hour(fact.known()))),
                None => dice.percent(90).then(|| world.when(dice)),
            };
            let employment = match stated {
                Some(fact) if dice.percent(80) => fact.employment,
                _ => world.employment(dice),
            };
            let end = dice.percent(25).then(|| world.when(dice));
            let title = dice
                .percent(20)
                .then(|| u8::try_from(dice.below(4)).expect("small"));
            Row {
                employment,
                start,
                end,
                primary: dice.percent(10),
                title,
            }
        })
        .collect()
}

/// An edit of a fact, mostly one that fits.
pub fn edit(dice: &mut Dice, world: &World, before: &[Fact], n: u16) -> Fact {
    let edited = dice.of(before);
    if edited.kind == Kind::Voided || edited.hook.is_some() {
        let kind = kind(dice, world);
        return fact(dice, world, before, kind, n);
    }
    let mut edit = edited.clone();
    edit.n = n;
    edit.supersedes = Some(edited.reference());
    edit.at = Some(world.hour(dice));
    edit.received = edit.known() + dice.of(&[0, 0, 24]);
    edit.ops |= dice.percent(40);
    edit.effective = if dice.percent(60) {
        world.effective(dice)
    } else {
        None
    };
    if dice.percent(5) {
        edit.kind = kind(dice, world);
        let whole = fact(dice, world, before, edit.kind, n);
        return Fact {
            supersedes: edit.supersedes,
            ..whole
        };
    }
    edit
}

/// What goes wrong on the way: copies received at other times, numbers used again, items without id and time.
fn spoil(dice: &mut Dice, world: &World, facts: &mut Vec<Fact>) {
    if dice.percent(15) {
        let mut copy = dice.of(facts);
        copy.received += dice.of(&[-1, 1, 24, 480]);
        facts.push(copy);
    }
    if dice.percent(8) {
        let reused = dice.of(facts);
        let kind = kind(dice, world);
        let mut other = fact(dice, world, facts, kind, reused.n);
        // Never received at the same hour: which of both came first must be said.
        other.received += i32::from(other.received == reused.received);
        facts.push(other);
    }
    if dice.percent(6) {
        let n = u16::try_from(facts.len() + 30).expect("few");
        let (from, at) = (world.day(dice) * 24, world.hour(dice));
        let leave = |n, kind, known, hours| Fact {
            effective: Some(When::Hour(hours)),
            ..Fact::new(n, kind, known)
        };
        facts.push(leave(n, Kind::LeaveStarted, at, from));
        facts.push(leave(n + 1, Kind::LeaveEnded, at + 1, from + 24 * 10));
        facts.push(leave(n + 2, Kind::LeaveEnded, at + 25, from + 24 * 20));
    }
    if dice.percent(6) {
        let kind = dice.of(&[Kind::Hired, Kind::Rehired, Kind::Terminated, Kind::Changed]);
        let n = u16::try_from(facts.len() + 20).expect("few");
        let first = Fact {
            hook: Some(100),
            ops: false,
            at: None,
            ..fact(dice, world, facts, kind, n)
        };
        for (hook, later) in [(101, 24), (102, 24 * 20)] {
            if dice.percent(70) {
                facts.push(Fact {
                    hook: Some(hook),
                    received: first.received + later,
                    ..first.clone()
                });
            }
        }
        facts.push(first);
    }
}
