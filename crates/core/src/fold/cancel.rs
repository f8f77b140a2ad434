//! `termination_cancelled` in the replay: lifts the end that an ending stated.
//!
//! In: the timeline and what is cancelled. Out: whether an end was lifted. What was rescinded or deleted before it began
//! is never lifted (docs/fold.md, "Cancelling").

use jiff::Timestamp;

use super::timeline::{Slot, Timeline, note};
use crate::event::{EmploymentId, EventKey};

/// Which ending is cancelled.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cancelled<'a> {
    /// Those named.
    Named(&'a [EventKey]),
    /// The last one known, if what it ends was not over by then.
    Last(Timestamp),
}

impl Timeline {
    /// Lifts what the ending ended, within the slot. Whether anything was lifted.
    pub fn cancel(
        &mut self,
        slot: &Slot,
        id: Option<&EmploymentId>,
        cancelled: Cancelled<'_>,
    ) -> bool {
        let (keys, not_over_at) = match cancelled {
            Cancelled::Named(keys) => (keys.to_vec(), None),
            Cancelled::Last(then) => (self.last_ending(id).into_iter().collect(), Some(then)),
        };
        let lifted: Slot = self
            .of(slot)
            .filter(|period| {
                !period.is_final && period.ended_by.iter().any(|key| keys.contains(key))
            })
            .filter(|period| not_over_at.is_none_or(|then| !period.over_at(then)))
            .map(|period| period.serial)
            .collect();
        self.each(&lifted, |period| {
            period.end = None;
            period.ended_by.clear();
            period.record_deleted = false;
            if period.start.is_none() {
                period.start = period.starts.last().copied().or(period.undated);
                note(&mut period.starts, period.start.as_slice());
            }
        });
        // Of an unknown start that ends nowhere nothing is known.
        self.periods
            .retain(|period| !lifted.contains(&period.serial) || period.start.is_some());
        !lifted.is_empty()
    }

    fn last_ending(&self, id: Option<&EmploymentId>) -> Option<EventKey> {
        let in_slot = |slot: Option<&EmploymentId>| id.is_none() || slot.is_none() || slot == id;
        self.endings
            .iter()
            .rev()
            .find(|known| in_slot(known.slot.as_ref()))
            .map(|known| known.key.clone())
    }
}
