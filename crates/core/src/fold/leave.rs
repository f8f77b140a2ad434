//! The effect of leaves (`docs/fold.md` 3, "Leave").
//!
//! In: the timeline and a fact about a leave. A leave belongs to an alias, not to one of its
//! employments. [`Timeline::effective_leaves`] runs after the replay, when all employments are
//! known, and says from when to when each leave holds.

use jiff::Timestamp;

use super::timeline::{CivilOrder, EmploymentPeriod, Leave, Timeline};
use crate::event::Moment;

impl Timeline {
    /// `leave_started`. At a start that is known it is a repeat.
    pub fn start_leave(&mut self, start: Moment) {
        self.add_leave(Leave { start, end: None });
    }

    /// `leave_ended`: ends every open leave that started before, and moves the end of the last
    /// leave that started before.
    pub fn end_leave(&mut self, end: Moment) {
        let last = self
            .leaves
            .iter()
            .filter(|leave| leave.start.is_before(&end))
            .map(|leave| leave.start.instant)
            .max();

        for leave in self
            .leaves
            .iter_mut()
            .filter(|leave| leave.start.is_before(&end))
        {
            if leave.end.is_none() || Some(leave.start.instant) == last {
                leave.end = Some(end);
            }
        }
    }

    /// The leaves that do not end before a conversion. They continue under the new worker id.
    pub fn leaves_continuing_after(&self, conversion: &Moment) -> Vec<Leave> {
        let continues = |leave: &&Leave| leave.end.is_none_or(|end| conversion.is_before(&end));
        self.leaves.iter().filter(continues).cloned().collect()
    }

    /// Adds a leave, unless one with the same start is known.
    pub fn add_leave(&mut self, leave: Leave) {
        if !self
            .leaves
            .iter()
            .any(|known| known.start.is_same(&leave.start))
        {
            self.leaves.push(leave);
        }
    }

    /// The interval of each leave, by start. A leave ends at its own end, or with the start of a
    /// new employment if that is earlier. The continuation of a conversion is no new employment.
    pub fn effective_leaves(&self) -> Vec<(Timestamp, Option<Timestamp>)> {
        let is_new = |period: &&EmploymentPeriod| !period.is_continuation && !period.is_no_show();
        let interval = |leave: &Leave| {
            let next_start = self
                .periods
                .iter()
                .filter(is_new)
                .filter_map(|period| period.start)
                .filter(|start| leave.start.is_before(start))
                .map(|start| start.instant)
                .min();
            let own_end = leave.end.map(|end| end.instant);
            (
                leave.start.instant,
                own_end.into_iter().chain(next_start).min(),
            )
        };

        let mut leaves: Vec<_> = self.leaves.iter().map(interval).collect();
        leaves.sort();
        leaves
    }
}
