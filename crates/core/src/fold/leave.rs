//! Leaves in the replay: they open, end, follow a conversion, and end with a new employment (docs/fold.md, "Leave").
//!
//! In: the timelines and a leave's fact. A leave belongs to an alias, not to one of its employments. Whether it holds at
//! some instant is asked at the end ([`Timeline::leaves_held`]), when all employments are known.

use jiff::Timestamp;

use super::timeline::{EmploymentPeriod, Leave, SameMoment, Timeline};
use crate::event::Moment;

impl Timeline {
    /// `leave_started`; at a start already known: a repeat.
    pub fn begin_leave(&mut self, start: Moment) {
        if !self.leaves.iter().any(|leave| leave.start.is(&start)) {
            self.leaves.push(Leave { start, end: None });
        }
    }

    /// `leave_ended`: every open leave that started before, and the last one also where it had ended.
    pub fn end_leave(&mut self, end: Moment) {
        let last = self
            .leaves
            .iter()
            .filter(|leave| leave.start.before(&end))
            .map(|leave| leave.start.instant)
            .max();
        for leave in self
            .leaves
            .iter_mut()
            .filter(|leave| leave.start.before(&end))
        {
            if leave.end.is_none() || Some(leave.start.instant) == last {
                leave.end = Some(end);
            }
        }
    }

    /// The leaves that go on when the worker converts then.
    pub fn leaves_after(&self, conversion: &Moment) -> Vec<Leave> {
        let goes_on = |leave: &&Leave| leave.end.is_none_or(|end| conversion.before(&end));
        self.leaves.iter().filter(goes_on).cloned().collect()
    }

    /// A leave that followed a conversion here.
    pub fn continue_leave(&mut self, leave: Leave) {
        if !self.leaves.iter().any(|known| known.start.is(&leave.start)) {
            self.leaves.push(leave);
        }
    }

    /// From when to when each leave holds: a new employment after its start ends it. By start.
    pub fn leaves_held(&self) -> Vec<(Timestamp, Option<Timestamp>)> {
        let is_new = |period: &&EmploymentPeriod| !period.converted && !period.is_no_show();
        let held = |leave: &Leave| {
            let starts = self
                .periods
                .iter()
                .filter(is_new)
                .filter_map(|period| period.start);
            let next = starts
                .filter(|start| leave.start.before(start))
                .map(|start| start.instant)
                .min();
            let end = leave
                .end
                .map(|end| end.instant)
                .into_iter()
                .chain(next)
                .min();
            (leave.start.instant, end)
        };
        let mut leaves: Vec<_> = self.leaves.iter().map(held).collect();
        leaves.sort();
        leaves
    }
}
