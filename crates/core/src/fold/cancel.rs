//! The effect of `termination_cancelled` (`docs/fold.md` 3, "Ending").
//!
//! In: the timeline and the endings to cancel. Out: whether the cancellation lifted an end. It
//! never lifts the end of a hire that was rescinded, or deleted before it began.

use jiff::Timestamp;

use super::timeline::{Selection, Timeline, record};
use crate::event::{EmploymentId, EventKey};

/// The endings that a cancellation is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum CancelTarget<'a> {
    /// The endings that `refers_to` names.
    Named(&'a [EventKey]),
    /// The last ending before this instant. It lifts only ends that are still to come then.
    Last(Timestamp),
}

impl Timeline {
    /// Lifts the ends that the target set, within the selection. `false`: nothing was lifted.
    pub fn cancel(
        &mut self,
        selection: &Selection,
        id: Option<&EmploymentId>,
        target: CancelTarget<'_>,
    ) -> bool {
        let (keys, occurred) = match target {
            CancelTarget::Named(keys) => (keys.to_vec(), None),
            CancelTarget::Last(occurred) => {
                (self.last_ending(id).into_iter().collect(), Some(occurred))
            }
        };

        let lifted: Selection = self
            .periods_in(selection)
            .filter(|period| {
                !period.is_final && period.ended_by.iter().any(|key| keys.contains(key))
            })
            .filter(|period| occurred.is_none_or(|occurred| !period.is_over_at(occurred)))
            .map(|period| period.serial)
            .collect();
        self.update(&lifted, |period| {
            period.end = None;
            period.ended_by.clear();
            period.record_deleted = false;
            if period.start.is_none() {
                period.start = period
                    .stated_starts
                    .last()
                    .copied()
                    .or(period.undated_start);
                record(&mut period.stated_starts, period.start.as_slice());
            }
        });

        // An employment that has neither a start nor an end states nothing.
        self.periods
            .retain(|period| !lifted.contains(&period.serial) || period.start.is_some());
        !lifted.is_empty()
    }

    fn last_ending(&self, id: Option<&EmploymentId>) -> Option<EventKey> {
        let is_about = |ending_id: Option<&EmploymentId>| {
            id.is_none() || ending_id.is_none() || ending_id == id
        };
        self.endings
            .iter()
            .rev()
            .find(|ending| is_about(ending.employment.as_ref()))
            .map(|ending| ending.key.clone())
    }
}
