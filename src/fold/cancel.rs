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
    pub fn cancel(&mut self, slot: &Slot, id: Option<&EmploymentId>, cancelled: Cancelled<'_>) -> bool {
        let (keys, not_over_at) = match cancelled {
            Cancelled::Named(keys) => (keys.to_vec(), None),
            Cancelled::Last(then) => (self.last_ending(id).into_iter().collect(), Some(then)),
        };
        let lifted: Slot = self
            .of(slot)
            .filter(|stint| !stint.is_final && stint.ended_by.iter().any(|key| keys.contains(key)))
            .filter(|stint| not_over_at.is_none_or(|then| !stint.over_at(then)))
            .map(|stint| stint.serial)
            .collect();
        self.each(&lifted, |stint| {
            stint.end = None;
            stint.ended_by.clear();
            stint.record_deleted = false;
            if stint.start.is_none() {
                stint.start = stint.starts.last().copied().or(stint.undated);
                note(&mut stint.starts, stint.start.as_slice());
            }
        });
        // Of an unknown start that ends nowhere nothing is known.
        self.stints.retain(|stint| !lifted.contains(&stint.serial) || stint.start.is_some());
        !lifted.is_empty()
    }

    fn last_ending(&self, id: Option<&EmploymentId>) -> Option<EventKey> {
        let in_slot = |slot: Option<&EmploymentId>| id.is_none() || slot.is_none() || slot == id;
        self.endings.iter().rev().find(|known| in_slot(known.slot.as_ref())).map(|known| known.key.clone())
    }
}
