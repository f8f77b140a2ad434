//! `docs/fold.md` 8, property 6: the fold agrees with the sender of an ordinary life, at every
//! moment.
//!
//! The sender keeps its own records of employments and leaves, and sends every change as a fact:
//! planned and late, postponed and cancelled, in nightly lists and in repeats. Its records are the
//! expected result.

use super::{
    fact::{EffectiveSpec, FactRef, FactSpec, RowSpec, hour},
    history::History,
    runner::{SeededRng, check_property},
    view::View,
};
use crate::{event::Kind, fold::Status};

/// An hour before every life.
const LONG_AGO: i32 = -100_000;

/// An employment in the sender's records. Times are in hours from day 0.
#[derive(Clone, Debug)]
struct EmploymentRecord {
    start: i32,
    end: Option<i32>,
    /// The id of the fact that states the end.
    ended_by: Option<u16>,
    is_rescinded: bool,
    leaves: Vec<(i32, Option<i32>)>,
}

impl EmploymentRecord {
    fn is_live(&self, at: i32) -> bool {
        !self.is_rescinded && self.start <= at && self.end.is_none_or(|end| at < end)
    }

    fn is_on_leave(&self, at: i32) -> bool {
        self.leaves
            .iter()
            .any(|(from, to)| *from <= at && to.is_none_or(|to| at < to))
    }
}

/// The HR system of one worker.
struct Sender {
    rng: SeededRng,
    now: i32,
    records: Vec<EmploymentRecord>,
    sent: Vec<FactSpec>,
    /// Every start and end that was stated.
    stated: Vec<i32>,
    uses_ids: bool,
    uses_days: bool,
}

impl Sender {
    /// The status by the sender's own records. It makes no difference between those without access.
    fn expected_status(&self, at: i32) -> Status {
        match self.records.iter().find(|record| record.is_live(at)) {
            Some(record) if record.is_on_leave(at) => Status::OnLeave,
            Some(_) => Status::Active,
            None => Status::Ended,
        }
    }

    fn next_id(&self) -> u16 {
        u16::try_from(self.sent.len() + 1).expect("a life has few facts")
    }

    fn is_last(&self, index: usize) -> bool {
        index + 1 == self.records.len()
    }

    /// Sends a fact about the last employment and returns its index in `sent`.
    fn send(&mut self, kind: Kind, effective: Option<i32>) -> usize {
        let uses_day = self.uses_days && effective.is_some_and(|hours| hours % 24 == 0);
        let date = |hours: i32| match (uses_day, kind) {
            (false, _) => EffectiveSpec::Hour(hours),
            (true, Kind::Terminated) => EffectiveSpec::EndOfIn(hours.div_euclid(24) - 1, 3),
            (true, _) => EffectiveSpec::DayIn(hours.div_euclid(24), 3),
        };
        // A fact that takes effect now may leave out its effective date.
        let omits_date = effective == Some(self.now) && self.rng.percent(50);
        let effective = effective.filter(|_| !omits_date).map(date);
        let employment = self.uses_ids.then(|| {
            let index = self.records.len().max(1) - 1;
            u8::try_from(index.min(2)).expect("at most 2")
        });

        self.sent.push(FactSpec {
            effective,
            employment,
            ..FactSpec::new(self.next_id(), kind, self.now)
        });
        self.sent.len() - 1
    }

    /// The midnight of a random day, `from` to `to` days from now, in hours. `None`: it is not
    /// after `after`, or it was stated before.
    fn new_day(&mut self, from: i32, to: i32, after: i32) -> Option<i32> {
        let span = u32::try_from(to - from).expect("a span of days");
        let offset = i32::try_from(self.rng.below(span)).expect("few days");
        let hours = (self.now.div_euclid(24) + from + offset) * 24;
        let is_new = hours > after && !self.stated.contains(&hours);
        is_new.then(|| {
            self.stated.push(hours);
            hours
        })
    }

    fn hire(&mut self) {
        let last_end = self.records.last().and_then(|record| record.end);
        let has_id_left = !self.uses_ids || self.records.len() < 3;
        // A leave belongs to the worker: one that is planned to start after its employment ends
        // would hold for the next employment. So the next one starts after every leave.
        let after = last_end.unwrap_or(LONG_AGO).max(self.last_leave_start());
        let Some(start) = self.new_day(-10, 40, after).filter(|_| has_id_left) else {
            return;
        };

        let kind = if self.records.is_empty() || self.rng.percent(40) {
            Kind::Hired
        } else {
            Kind::Rehired
        };
        self.records.push(EmploymentRecord {
            start,
            end: None,
            ended_by: None,
            is_rescinded: false,
            leaves: Vec::new(),
        });
        let index = self.send(kind, Some(start));
        self.date_hire(index, start);
    }

    /// States the effective date of a hire: after an ending, an undated `hired` opens nothing.
    fn date_hire(&mut self, index: usize, start: i32) {
        if self.sent[index].effective.is_none() {
            self.sent[index].effective = Some(EffectiveSpec::Hour(start));
        }
    }

    fn last_leave_start(&self) -> i32 {
        self.records
            .iter()
            .flat_map(|record| &record.leaves)
            .map(|(from, _)| *from)
            .max()
            .unwrap_or(LONG_AGO)
    }

    /// Moves the start, rescinds the hire, or plans its end.
    fn change_before_start(&mut self, index: usize) {
        let previous = index.checked_sub(1).and_then(|at| self.records[at].end);
        let previous = previous.unwrap_or(LONG_AGO);

        match self.rng.below(3) {
            0 => {
                let after = previous.max(self.last_leave_start());
                let Some(start) = self.new_day(0, 40, after) else {
                    return;
                };
                if self.records[index].end.is_some_and(|end| end <= start) {
                    return;
                }
                self.records[index].start = start;
                let sent = self.send(Kind::Hired, Some(start));
                self.sent[sent].effective = Some(EffectiveSpec::Hour(start));
            }
            1 => {
                self.records[index].is_rescinded = true;
                self.records[index].end = Some(self.records[index].start);
                self.send(Kind::HireRescinded, None);
            }
            _ => {
                let start = self.records[index].start;
                if let Some(end) = self.new_day(1, 60, start) {
                    self.plan_end(index, end);
                }
            }
        }
    }

    fn plan_end(&mut self, index: usize, end: i32) {
        self.records[index].end = Some(end);
        let sent = self.send(Kind::Terminated, Some(end));
        self.records[index].ended_by = Some(self.sent[sent].id);
    }

    /// Ends the running employment, moves or cancels its end, sends a leave, or plans a rehire. A
    /// fact without an id is also about later employments, so most changes are of the last one
    /// only.
    fn change_while_running(&mut self, index: usize) {
        let record = self.records[index].clone();

        match (self.rng.below(6), record.end) {
            (0, None) => {
                if let Some(end) = self.new_day(-5, 40, record.start) {
                    self.plan_end(index, end);
                }
            }
            (0 | 1, Some(_)) => {
                let is_last = self.is_last(index);
                if let Some(end) = self.new_day(-2, 60, record.start).filter(|_| is_last) {
                    self.plan_end(index, end);
                }
            }
            (2, Some(_)) if self.is_last(index) => {
                let named = record.ended_by.filter(|_| self.rng.percent(60));
                self.records[index].end = None;
                let sent = self.send(Kind::TerminationCancelled, None);
                self.sent[sent].refers_to = named.into_iter().map(|id| FactRef(0, id)).collect();
            }
            (3, _) if self.is_last(index) => self.send_leave(index),
            (4, Some(_)) if self.is_last(index) => self.hire(),
            _ => {}
        }
    }

    /// Ends the last leave if it is open or ends later than now; else starts one.
    fn send_leave(&mut self, index: usize) {
        let EmploymentRecord { start, leaves, .. } = self.records[index].clone();

        match leaves.last() {
            Some((from, to)) if to.is_none_or(|to| to > self.now) => {
                if let Some(to) = self.new_day(-2, 40, *from) {
                    let last = self.records[index].leaves.last_mut();
                    last.expect("a leave").1 = Some(to);
                    self.send(Kind::LeaveEnded, Some(to));
                }
            }
            last => {
                let after = last.and_then(|(_, to)| *to).unwrap_or(start);
                if let Some(from) = self.new_day(-3, 30, after) {
                    self.records[index].leaves.push((from, None));
                    self.send(Kind::LeaveStarted, Some(from));
                }
            }
        }
    }

    /// Sends the nightly list: the employments that are not over, and sometimes those that are.
    fn send_list(&mut self) {
        let with_past = self.rng.percent(30);
        let (now, uses_ids) = (self.now, self.uses_ids);
        let listed = self.records.iter().enumerate().filter(|(_, record)| {
            !record.is_rescinded && (with_past || record.end.is_none_or(|end| end > now))
        });
        let id = |index: usize| u8::try_from(index.min(2)).expect("at most 2");
        let rows: Vec<RowSpec> = listed
            .map(|(index, record)| RowSpec {
                employment: uses_ids.then(|| id(index)),
                start: Some(EffectiveSpec::Hour(record.start)),
                end: record.end.map(EffectiveSpec::Hour),
                ..RowSpec::default()
            })
            .collect();

        self.sent.push(FactSpec {
            rows: Some(rows),
            ..FactSpec::new(self.next_id(), Kind::Snapshot, self.now)
        });
    }

    /// Sends the start or the end of the last employment again, under a new id.
    fn repeat(&mut self) {
        let Some(record) = self.records.last() else {
            return;
        };
        let hours = if record.is_rescinded {
            None
        } else if self.rng.percent(50) {
            Some(record.start)
        } else {
            record.end
        };
        let Some(hours) = hours else { return };

        let states_it = |fact: &&FactSpec| {
            matches!(fact.kind, Kind::Hired | Kind::Rehired | Kind::Terminated)
                && fact.effective.map_or(fact.occurred(), EffectiveSpec::hours) == hours
        };
        if let Some(fact) = self.sent.iter().rfind(states_it) {
            let repeat = fact.resent(self.next_id(), self.now);
            self.sent.push(repeat);
        }
    }

    /// Moves to 9:00 of a later day, and sends at most one change.
    fn pass_days(&mut self) {
        self.now += i32::try_from(1 + self.rng.below(15)).expect("few days") * 24 + 9;
        self.now = self.now.div_euclid(24) * 24 + 9;
        let current = self
            .records
            .iter()
            .position(|record| record.end.is_none_or(|end| end > self.now) && !record.is_rescinded);

        match (self.rng.below(10), current) {
            (0, _) if !self.records.is_empty() => self.send_list(),
            (1, _) => self.repeat(),
            (2, _) if !self.records.is_empty() => {
                self.send(Kind::Changed, None);
            }
            (_, None) => self.hire(),
            (_, Some(index)) if self.records[index].start > self.now => {
                self.change_before_start(index);
            }
            (_, Some(index)) => self.change_while_running(index),
        }
    }
}

/// A life, as a history without facts: `salt` is the seed of the sender, `now` the number of steps.
/// A life with fewer steps is the beginning of the longer one, so it can be shrunk.
fn life(rng: &mut SeededRng) -> History {
    let steps = i32::try_from(3 + rng.below(12)).expect("few steps");
    History {
        facts: Vec::new(),
        now: steps,
        pre_hire: false,
        scoped: false,
        salt: rng.next(),
    }
}

fn fold_agrees_with_sender(life: &History) -> Result<(), String> {
    let mut rng = SeededRng::new(life.salt);
    let (uses_ids, uses_days) = (rng.percent(40), rng.percent(40));
    let mut sender = Sender {
        now: -100 * 24,
        records: Vec::new(),
        sent: Vec::new(),
        stated: Vec::new(),
        uses_ids,
        uses_days,
        rng,
    };

    for _ in 0..life.now {
        sender.pass_days();
        let mut facts = sender.sent.clone();
        sender.rng.shuffle(&mut facts);
        let history = History {
            facts,
            ..life.clone()
        };
        expect_agreement(&sender, &history)?;
    }
    Ok(())
}

/// Compares the access at every instant from the sender's present on.
fn expect_agreement(sender: &Sender, history: &History) -> Result<(), String> {
    let access = |status| matches!(status, Status::Active | Status::OnLeave).then_some(status);
    let view = View::of(history);
    let later = history.boundaries().into_iter();
    let later = later.filter(|at| *at >= hour(sender.now));

    for at in later.chain([hour(sender.now)]) {
        let hours = at.duration_since(hour(0)).as_hours();
        let expected = sender.expected_status(i32::try_from(hours).expect("a near hour"));
        let status = view.status(at);
        if access(status) != access(expected) {
            let sent = History {
                facts: sender.sent.clone(),
                ..history.clone()
            };
            return Err(format!(
                "at {at} the status is {status:?}; the sender's records say {expected:?}\n\
                 records: {:#?}\nfacts in the order sent:\n{sent}",
                sender.records
            ));
        }
    }
    Ok(())
}

#[test]
fn the_fold_agrees_with_the_sender_of_an_ordinary_life() {
    check_property("life", life, fold_agrees_with_sender);
}
