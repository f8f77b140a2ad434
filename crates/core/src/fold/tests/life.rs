//! fold.md 9.6: an ordinary life gives at every moment the access that its sender then believes.
//!
//! The sender here keeps its own book of employments and leaves, and tells each change as a fact: planned and late,
//! postponed and cancelled, in nightly lists and in repeats. The book is the oracle.

use super::{
    fact::{Fact, History, Ref, Row, When, hour},
    runner::{Dice, prove},
    view::View,
};
use crate::{event::Kind, fold::Status};

/// An employment in the sender's book, in hours.
#[derive(Clone, Debug)]
struct Entry {
    start: i32,
    end: Option<i32>,
    /// The fact that said its end.
    ended_by: Option<u16>,
    rescinded: bool,
    leaves: Vec<(i32, Option<i32>)>,
}

/// What the sender believes, and what it has told.
struct Sender {
    dice: Dice,
    now: i32,
    book: Vec<Entry>,
    told: Vec<Fact>,
    /// Every start and end that it ever said.
    said: Vec<i32>,
    with_ids: bool,
    by_day: bool,
}

impl Sender {
    fn believes(&self, at: i32) -> Status {
        for entry in self.book.iter().filter(|entry| !entry.rescinded) {
            if entry.start <= at && entry.end.is_none_or(|end| at < end) {
                let away = entry
                    .leaves
                    .iter()
                    .any(|(from, to)| *from <= at && to.is_none_or(|to| at < to));
                return if away {
                    Status::OnLeave
                } else {
                    Status::Active
                };
            }
        }
        Status::Ended
    }

    fn tell(&mut self, kind: Kind, effective: Option<i32>) -> u16 {
        let n = u16::try_from(self.told.len() + 1).expect("a short life");
        let by_day = self.by_day && effective.is_some_and(|hours| hours % 24 == 0);
        let when = |hours: i32| match (by_day, kind) {
            (false, _) => When::Hour(hours),
            (true, Kind::Terminated) => When::EndOfIn(hours.div_euclid(24) - 1, 3),
            (true, _) => When::DayIn(hours.div_euclid(24), 3),
        };
        let at_once = effective == Some(self.now) && self.dice.percent(50);
        let effective = effective.filter(|_| !at_once).map(when);
        let employment = self
            .with_ids
            .then(|| u8::try_from((self.book.len().max(1) - 1).min(2)).expect("small"));
        self.told.push(Fact {
            effective,
            employment,
            ..Fact::new(n, kind, self.now)
        });
        n
    }

    /// A day from `from` to `to` from now, at midnight, never said before.
    fn day(&mut self, from: i32, to: i32, after: i32) -> Option<i32> {
        let span = u32::try_from(to - from).expect("a span");
        let day =
            self.now.div_euclid(24) + from + i32::try_from(self.dice.below(span)).expect("small");
        let hours = day * 24;
        let fresh = hours > after && !self.said.contains(&hours);
        fresh.then(|| {
            self.said.push(hours);
            hours
        })
    }

    fn hire(&mut self) {
        let last_end = self
            .book
            .last()
            .and_then(|entry| entry.end)
            .unwrap_or(-100_000);
        let ids_left = !self.with_ids || self.book.len() < 3;
        // A leave that was planned to start after its employment ended would hold for the next one (docs/fold.md says so).
        let last_leave = self.last_leave();
        let Some(start) = self
            .day(-10, 40, last_end.max(last_leave))
            .filter(|_| ids_left)
        else {
            return;
        };
        let kind = if self.book.is_empty() || self.dice.percent(40) {
            Kind::Hired
        } else {
            Kind::Rehired
        };
        self.book.push(Entry {
            start,
            end: None,
            ended_by: None,
            rescinded: false,
            leaves: Vec::new(),
        });
        let n = usize::from(self.tell(kind, Some(start)));
        // Only a rehire may leave out when: what has ended is not revived by a bare `hired`.
        if self.told[n - 1].effective.is_none() {
            self.told[n - 1].effective = Some(When::Hour(start));
        }
    }

    fn last_leave(&self) -> i32 {
        self.book
            .iter()
            .flat_map(|entry| &entry.leaves)
            .map(|(from, _)| *from)
            .max()
            .unwrap_or(-100_000)
    }

    fn before_the_start(&mut self, at: usize) {
        let previous = at
            .checked_sub(1)
            .and_then(|at| self.book[at].end)
            .unwrap_or(-100_000);
        match self.dice.below(3) {
            0 => {
                let Some(start) = self.day(0, 40, previous.max(self.last_leave())) else {
                    return;
                };
                if self.book[at].end.is_some_and(|end| end <= start) {
                    return;
                }
                self.book[at].start = start;
                let n = usize::from(self.tell(Kind::Hired, Some(start)));
                self.told[n - 1].effective = Some(When::Hour(start));
            }
            1 => {
                self.book[at].rescinded = true;
                self.book[at].end = Some(self.book[at].start);
                self.tell(Kind::HireRescinded, None);
            }
            _ => {
                let start = self.book[at].start;
                let Some(end) = self.day(1, 60, start) else {
                    return;
                };
                self.plan_end(at, end);
            }
        }
    }

    fn plan_end(&mut self, at: usize, end: i32) {
        self.book[at].end = Some(end);
        let n = self.tell(Kind::Terminated, Some(end));
        self.book[at].ended_by = Some(n);
    }

    fn while_it_runs(&mut self, at: usize) {
        let entry = self.book[at].clone();
        match (self.dice.below(6), entry.end) {
            (0, None) => {
                if let Some(end) = self.day(-5, 40, entry.start) {
                    self.plan_end(at, end);
                }
            }
            (0 | 1, Some(_)) => {
                // Postponed or brought forward. What is planned after it would be meant, too.
                let is_last = at + 1 == self.book.len();
                if let Some(end) = self.day(-2, 60, entry.start).filter(|_| is_last) {
                    self.plan_end(at, end);
                }
            }
            (2, Some(_)) if at + 1 == self.book.len() => {
                let refers = entry.ended_by.filter(|_| self.dice.percent(60));
                self.book[at].end = None;
                let n = usize::from(self.tell(Kind::TerminationCancelled, None));
                self.told[n - 1].refers = refers.into_iter().map(|n| Ref(0, n)).collect();
            }
            (3, _) if at + 1 == self.book.len() => self.leave(at),
            (4, Some(_)) if at + 1 == self.book.len() => self.hire(),
            _ => {}
        }
    }

    fn leave(&mut self, at: usize) {
        let Entry { start, leaves, .. } = self.book[at].clone();
        match leaves.last() {
            Some((from, to)) if to.is_none_or(|to| to > self.now) => {
                if let Some(to) = self.day(-2, 40, *from) {
                    self.book[at].leaves.last_mut().expect("one is there").1 = Some(to);
                    self.tell(Kind::LeaveEnded, Some(to));
                }
            }
            last => {
                let after = last.and_then(|(_, to)| *to).unwrap_or(start);
                if let Some(from) = self.day(-3, 30, after) {
                    self.book[at].leaves.push((from, None));
                    self.tell(Kind::LeaveStarted, Some(from));
                }
            }
        }
    }

    /// The list of every night: what is not over, what is planned, sometimes what is past.
    fn list(&mut self) {
        let with_past = self.dice.percent(30);
        let now = self.now;
        let rows = self.book.iter().enumerate().filter(|(_, entry)| {
            !entry.rescinded && (with_past || entry.end.is_none_or(|end| end > now))
        });
        let id = |at: usize| {
            self.with_ids
                .then(|| u8::try_from(at.min(2)).expect("small"))
        };
        let rows = rows.map(|(at, entry)| Row {
            employment: id(at),
            start: Some(When::Hour(entry.start)),
            end: entry.end.map(When::Hour),
            ..Row::default()
        });
        let rows: Vec<Row> = rows.collect();
        let n = u16::try_from(self.told.len() + 1).expect("a short life");
        self.told.push(Fact {
            rows: Some(rows),
            ..Fact::new(n, Kind::Snapshot, self.now)
        });
    }

    /// What is still so is said again, under a new number.
    fn repeat(&mut self) {
        let Some(entry) = self.book.last() else {
            return;
        };
        let so = if entry.rescinded {
            None
        } else if self.dice.percent(50) {
            Some(entry.start)
        } else {
            entry.end
        };
        let Some(so) = so else { return };
        let same = |fact: &&Fact| {
            matches!(fact.kind, Kind::Hired | Kind::Rehired | Kind::Terminated)
                && fact.effective.map_or(fact.known(), When::hours) == so
        };
        if let Some(fact) = self.told.iter().rfind(same).cloned() {
            let n = u16::try_from(self.told.len() + 1).expect("a short life");
            self.told.push(fact.resent(n, self.now));
        }
    }

    fn day_passes(&mut self) {
        self.now += i32::try_from(1 + self.dice.below(15)).expect("small") * 24 + 9;
        self.now = self.now.div_euclid(24) * 24 + 9;
        let current = self
            .book
            .iter()
            .position(|entry| entry.end.is_none_or(|end| end > self.now) && !entry.rescinded);
        match (self.dice.below(10), current) {
            (0, _) if !self.book.is_empty() => self.list(),
            (1, _) => self.repeat(),
            (2, _) if !self.book.is_empty() => {
                self.tell(Kind::Changed, None);
            }
            (_, None) => self.hire(),
            (_, Some(at)) if self.book[at].start > self.now => self.before_the_start(at),
            (_, Some(at)) => self.while_it_runs(at),
        }
    }
}

/// A life of `days` from its chance: nothing but the salt is drawn, so that a shorter one is the same at first.
fn life(dice: &mut Dice) -> History {
    let now = i32::try_from(3 + dice.below(12)).expect("small");
    History {
        facts: Vec::new(),
        now,
        pre_hire: false,
        scoped: false,
        salt: dice.next(),
    }
}

fn believed(life: &History) -> Result<(), String> {
    let mut dice = Dice::new(life.salt);
    let (with_ids, by_day) = (dice.percent(40), dice.percent(40));
    let mut sender = Sender {
        now: -100 * 24,
        book: Vec::new(),
        told: Vec::new(),
        said: Vec::new(),
        with_ids,
        by_day,
        dice,
    };
    for _ in 0..life.now {
        sender.day_passes();
        let mut facts = sender.told.clone();
        sender.dice.shuffle(&mut facts);
        let history = History {
            facts,
            ..life.clone()
        };
        let view = View::of(&history);
        for at in history
            .boundaries()
            .into_iter()
            .filter(|at| *at >= hour(sender.now))
            .chain([hour(sender.now)])
        {
            let hours = i32::try_from(at.duration_since(hour(0)).as_hours()).expect("near");
            let (status, believed) = (view.status(at), sender.believes(hours));
            let access =
                |status| matches!(status, Status::Active | Status::OnLeave).then_some(status);
            if access(status) != access(believed) {
                let told = History {
                    facts: sender.told.clone(),
                    ..history
                };
                return Err(format!(
                    "at {at} it is {status:?}; the sender believes {believed:?} by {:#?}\nand told\n{told}",
                    sender.book
                ));
            }
        }
    }
    Ok(())
}

#[test]
fn an_ordinary_life_gives_what_its_sender_believes() {
    prove("life", life, believed);
}
