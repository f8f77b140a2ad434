//! A start in the replay: `hired`, `rehired`, what a conversion opens, a row of a snapshot that was not found.
//!
//! In: the timeline and the start. Out: which of the five rules fitted first, and on which employments (docs/fold.md, "Start").

use jiff::Timestamp;

use super::{
    timeline::{EmploymentPeriod, Opener, Origin, SameMoment, Slot, Timeline, note},
    zones::Stated,
};
use crate::event::{EmploymentId, Moment};

/// Who states a start; two rules ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StartKind {
    Hired,
    Rehired,
    Converted,
    Listed,
}

/// A start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<'a> {
    /// Who states it.
    pub kind: StartKind,
    /// The employment it names.
    pub id: Option<&'a EmploymentId>,
    /// When it takes effect.
    pub effective: Moment,
    /// Whether that was stated.
    pub is_dated: bool,
    /// When it was known.
    pub occurred: Timestamp,
    /// Starts that it superseded, each with the employment that it named.
    pub superseded: &'a [Stated],
    /// What opens it, if it opens anything, and when that was known.
    pub opens_as: Origin,
}

/// What a start did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Started {
    /// Rule 1: a repeat of the past of these.
    Refused(Slot),
    /// Rule 2: this one starts at another time.
    Moved(usize),
    /// Rule 3: a repeat of these.
    Repeated(Slot),
    /// Rule 4: no date, where something has ended.
    Undated,
    /// Rule 5, or rule 3 for a `rehired`: a new employment.
    Opened(usize),
}

impl Timeline {
    /// Replays a start in its slot.
    pub fn start(&mut self, slot: &Slot, start: &Start<'_>) -> Started {
        let is_hire = matches!(start.kind, StartKind::Hired | StartKind::Rehired);
        let is_known = |(id, known): &Stated| id.as_ref() == start.id && known.is(&start.effective);
        let is_news = is_hire && !self.hires.iter().any(is_known);
        if is_hire {
            self.hires.extend(
                start
                    .superseded
                    .iter()
                    .cloned()
                    .chain([(start.id.cloned(), start.effective)]),
            );
        }
        let outcome = self.start_by_rule(slot, start);
        let (touched, moved) = match &outcome {
            Started::Refused(slot) => {
                self.each(slot, |period| {
                    start
                        .superseded
                        .iter()
                        .for_each(|(id, superseded)| period.refuse(id.as_ref(), superseded));
                    period.refuse(start.id, &start.effective);
                });
                return outcome;
            }
            Started::Moved(serial) => (Slot::from([*serial]), true),
            Started::Repeated(slot) => (slot.clone(), false),
            Started::Undated => (Slot::new(), false),
            Started::Opened(serial) => (Slot::from([*serial]), false),
        };
        self.each(&touched, |period| {
            let states_it = moved || period.was_stated(&start.effective);
            let renamed = start
                .superseded
                .iter()
                .filter(|(id, _)| id.as_ref() != start.id);
            period
                .renamed
                .extend(renamed.filter_map(|(id, superseded)| Some((id.clone()?, *superseded))));
            note(
                &mut period.starts,
                start.superseded.iter().map(|(_, superseded)| superseded),
            );
            note(&mut period.starts, &[start.effective]);
            if states_it && is_news && period.opener == Opener::Snapshot {
                period.opener = Opener::Hire(start.occurred);
            }
        });
        outcome
    }

    fn start_by_rule(&mut self, slot: &Slot, start: &Start<'_>) -> Started {
        let effective = start.effective;
        let movable = self.movable(slot, &effective, start.occurred);
        let refusing = self.refusing(start.id, &effective, movable);
        if !refusing.is_empty() {
            return Started::Refused(refusing);
        }
        // Its id was edited since: what still says the old one says nothing of another. (A list speaks of what is.)
        let renamed = |period: &EmploymentPeriod| {
            period.is_open() && period.was_renamed(start.id, &effective)
        };
        let renamed = self.serials(|period| !slot.contains(&period.serial) && renamed(period));
        if start.kind != StartKind::Listed && !renamed.is_empty() {
            return Started::Repeated(renamed);
        }
        if let Some(serial) = movable {
            // A list that still says what was stated before and has moved since moves nothing back.
            let behind: Slot = self
                .of(slot)
                .filter(|period| period.was_stated(&effective))
                .map(|s| s.serial)
                .collect();
            if start.kind == StartKind::Listed && !behind.is_empty() {
                return Started::Repeated(behind);
            }
            self.each(&Slot::from([serial]), |period| {
                period.start = Some(effective)
            });
            return Started::Moved(serial);
        }
        let running: Slot = self
            .of(slot)
            .filter(|s| s.is_open() && s.begun_at(start.occurred))
            .map(|s| s.serial)
            .collect();
        let is_later = |period: &EmploymentPeriod| {
            !period.was_stated(&effective)
                && period.start.is_none_or(|known| known.before(&effective))
        };
        let restarts = start.kind == StartKind::Rehired && self.of(&running).all(is_later);
        if !running.is_empty() && !restarts {
            return Started::Repeated(running);
        }
        self.each(&running, |period| {
            period.end_at(effective, None);
            note(&mut period.ends, &[effective]);
        });
        let past = self.serials(|period| is_own_or_id_less(period, start.id) && period.has_ended());
        if start.kind == StartKind::Hired && !start.is_dated && !past.is_empty() {
            self.each(&past, |period| period.undated = Some(effective));
            return Started::Undated;
        }
        Started::Opened(self.open(start.id, start.opens_as, Some(effective)))
    }

    /// Rule 2: the one of the slot whose start this moves.
    pub fn movable(&self, slot: &Slot, effective: &Moment, occurred: Timestamp) -> Option<usize> {
        let is_running = |period: &EmploymentPeriod| {
            period.is_open() && period.begun_at(occurred) && period.was_stated(effective)
        };
        if self.of(slot).any(is_running) {
            return None;
        }
        let candidates = || {
            self.of(slot).filter(|period| {
                !period.begun_at(occurred)
                    && !period.is_no_show()
                    && period.end.is_none_or(|end| effective.before(&end))
            })
        };
        let same =
            candidates().find(|period| period.start.is_some_and(|start| start.is(effective)));
        let first = || {
            candidates()
                .min_by_key(|period| (period.start.map(|start| start.instant), period.serial))
        };
        same.or_else(first).map(|period| period.serial)
    }

    /// Rule 1: those (the id's own, the id-less, what refused it before and what had that id before an edit, but not the one
    /// that would move) of whose past this is a repeat.
    pub fn refusing(
        &self,
        id: Option<&EmploymentId>,
        effective: &Moment,
        movable: Option<usize>,
    ) -> Slot {
        self.serials(|period| {
            let was_before_its_end =
                !period.is_no_show() && period.end.is_some_and(|end| effective.before(&end));
            let is_asked = is_own_or_id_less(period, id)
                || period.has_refused(id, effective)
                || period.was_renamed(id, effective);
            is_asked
                && Some(period.serial) != movable
                && period.has_ended()
                && (period.was_stated(effective) || was_before_its_end)
        })
    }
}

/// Whether a start of that id is asked of it: it has the id or none. Without an id it is asked of all.
pub(super) fn is_own_or_id_less(period: &EmploymentPeriod, id: Option<&EmploymentId>) -> bool {
    id.is_none() || period.id.is_none() || period.id.as_ref() == id
}
