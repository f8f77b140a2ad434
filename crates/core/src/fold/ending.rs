//! An ending in the replay: `terminated`, and what acts as one.
//!
//! In: the timeline and the ending. Out: which of the rules a to d fitted, and on which employments (docs/fold.md, "Ending").
//! Also here: `hire_rescinded` and `record_deleted`, which end for good what has not begun.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::{
    timeline::{EmploymentPeriod, KnownEnding, Opener, SameMoment, Slot, Timeline, contains, note},
    zones::Stated,
};
use crate::event::{EmploymentId, EventKey, Moment};

/// An ending.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending<'a> {
    /// The employment it names.
    pub id: Option<&'a EmploymentId>,
    /// When it takes effect.
    pub effective: Moment,
    /// When it was known.
    pub occurred: Timestamp,
    /// Its key.
    pub key: &'a EventKey,
    /// Ends that it superseded.
    pub superseded: &'a [Stated],
}

impl<'a> Ending<'a> {
    /// Every end that it states or has stated, the one that counts last.
    fn stated(&self) -> impl Iterator<Item = &Moment> + use<'_, 'a> {
        self.superseded
            .iter()
            .map(|(_, superseded)| superseded)
            .chain([&self.effective])
    }
}

/// What an ending did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Rules a and b: these end (or do so again).
    These(Slot),
    /// Rule c: this one ends later.
    Postponed(usize),
    /// Rule d: nothing new.
    Repeat,
    /// Rule d: one that we never saw begin; whether there were others.
    Unseen {
        /// The one put there.
        serial: usize,
        /// Whether others were there.
        beside_others: bool,
    },
}

impl Timeline {
    /// Replays an ending in its slot.
    pub fn end(&mut self, slot: &Slot, ending: &Ending<'_>) -> Ended {
        let outcome = self
            .end_known(slot, ending)
            .unwrap_or_else(|| self.end_unseen(slot, ending));
        self.remember(ending);
        outcome
    }

    /// Rules a, b and c: an ending of what is known. Not remembered yet.
    pub fn end_known(&mut self, slot: &Slot, ending: &Ending<'_>) -> Option<Ended> {
        let end = ending.effective;
        let cut: Slot = self
            .of(slot)
            .filter(|period| covers(period, &end))
            .map(|period| period.serial)
            .collect();
        let dropped: Slot = self
            .of(slot)
            .filter(|period| is_dropped(period, ending) && !self.was_known_before(period, ending))
            .filter(|period| cut.is_empty() || period.opened_before(ending.occurred))
            .map(|period| period.serial)
            .collect();
        self.each(&cut, |period| {
            period.end_at(end_within(period, ending), Some(ending.key))
        });
        self.each(&dropped, |period| end_at_start(period, end, ending.key));
        let mut touched: Slot = cut.union(&dropped).copied().collect();
        let mut postponed = None;
        if touched.is_empty() {
            let serial = self.postponed(slot, ending)?;
            touched.insert(serial);
            postponed = Some(serial);
            self.each(&touched, |period| period.end_at(end, Some(ending.key)));
        }
        self.each(&touched, |period| {
            note(&mut period.ends, ending.stated());
        });
        Some(postponed.map_or(Ended::These(touched), Ended::Postponed))
    }

    /// Rule b's "but not": the same ending was known before this one opened.
    fn was_known_before(&self, period: &EmploymentPeriod, ending: &Ending<'_>) -> bool {
        self.same_endings(ending)
            .any(|known| period.opened.is_some_and(|opened| known.occurred < opened))
    }

    fn same_endings<'t>(&'t self, ending: &'t Ending<'_>) -> impl Iterator<Item = &'t KnownEnding> {
        let is_same = |known: &&KnownEnding| {
            known.slot.as_ref() == ending.id && known.effective.is(&ending.effective)
        };
        self.endings.iter().filter(is_same)
    }

    /// Rule c: the last one that ended, if this is news of a leaving that was still to come.
    fn postponed(&self, slot: &Slot, ending: &Ending<'_>) -> Option<usize> {
        let by_end = |period: &&EmploymentPeriod| {
            (
                period.end.map(|end| end.instant),
                period.start.map(|start| start.instant),
            )
        };
        let last = self
            .of(slot)
            .filter(|period| period.has_ended() && !period.is_no_show())
            .max_by_key(by_end)?;
        let is_news = !last.over_at(ending.occurred)
            && self.same_endings(ending).next().is_none()
            && !contains(&last.ends, &ending.effective);
        is_news.then_some(last.serial)
    }

    /// Rule d: an employment from before we were here.
    pub fn end_unseen(&mut self, slot: &Slot, ending: &Ending<'_>) -> Ended {
        let end = ending.effective;
        let known: Slot = self
            .of(slot)
            .filter(|period| period.end.is_some_and(|known| known.is(&end)))
            .map(|s| s.serial)
            .collect();
        if !known.is_empty() {
            self.each(&known, |period| {
                period.end_at(period.end.unwrap_or(end), Some(ending.key))
            });
            return Ended::Repeat;
        }
        let beside_others = !self.periods.is_empty();
        let serial = self.open(ending.id, (None, Opener::Nothing), None);
        self.each(&Slot::from([serial]), |period| {
            period.end_at(end, Some(ending.key));
            note(&mut period.ends, ending.stated());
        });
        Ended::Unseen {
            serial,
            beside_others,
        }
    }

    /// Makes the ending one that was known.
    pub fn remember(&mut self, ending: &Ending<'_>) {
        self.endings.push(KnownEnding {
            slot: ending.id.cloned(),
            effective: ending.effective,
            occurred: ending.occurred,
            key: ending.key.clone(),
        });
    }

    /// `hire_rescinded`: what has not begun never does. `None`: there was nothing to rescind, it is an ending.
    pub fn rescind(&mut self, slot: &Slot, ending: &Ending<'_>) -> Option<Slot> {
        let waiting: Slot = self
            .of(slot)
            .filter(|period| !period.begun_at(ending.occurred))
            .map(|period| period.serial)
            .collect();
        if waiting.is_empty() {
            return None;
        }
        self.each(&waiting, |period| {
            end_at_start(period, ending.effective, ending.key);
            period.is_final = true;
        });
        // It is the last ending known: a cancel that names none means this one, which nothing lifts.
        self.remember(&Ending {
            effective: Moment::at(ending.occurred),
            ..*ending
        });
        Some(waiting)
    }

    /// `record_deleted`: all end; what has not begun by then, for good.
    pub fn delete(&mut self, slot: &Slot, ending: &Ending<'_>) -> Ended {
        if slot.is_empty() {
            let outcome = self.end_unseen(slot, ending);
            if let Ended::Unseen { serial, .. } = &outcome {
                self.each(&Slot::from([*serial]), |period| {
                    period.record_deleted = true
                });
            }
            self.remember(ending);
            return outcome;
        }
        let at = ending.effective;
        let is_over = |period: &EmploymentPeriod| period.end.is_some_and(|end| !at.before(&end));
        let lasting: Slot = self
            .of(slot)
            .filter(|period| !is_over(period))
            .map(|period| period.serial)
            .collect();
        self.each(&lasting, |period| {
            if period.start.is_some_and(|start| at.before(&start)) {
                end_at_start(period, at, ending.key);
                period.is_final = true;
            } else {
                period.end_at(at, Some(ending.key));
            }
            note(&mut period.ends, &[at]);
            period.record_deleted = true;
        });
        self.remember(ending);
        if lasting.is_empty() {
            Ended::Repeat
        } else {
            Ended::These(lasting)
        }
    }
}

/// Rule a: it had begun before the end, and was to go on until then or longer.
fn covers(period: &EmploymentPeriod, end: &Moment) -> bool {
    !period.is_no_show()
        && period.start.is_none_or(|start| start.before(end))
        && period.end.is_none_or(|known| !known.before(end))
}

/// Rule a's end. The same day where it is later is a postponement: as in rule c, of what is still to come, and only news.
fn end_within(period: &EmploymentPeriod, ending: &Ending<'_>) -> Moment {
    let end = ending.effective;
    let was_stated = || {
        period
            .ends
            .iter()
            .any(|stated| stated.instant == end.instant)
    };
    let stays = |known: &Moment| {
        known.is(&end)
            && known.instant < end.instant
            && (period.over_at(ending.occurred) || was_stated())
    };
    period.end.filter(stays).unwrap_or(end)
}

/// Rule b: it was to begin then or later, and had not begun when the ending was known.
fn is_dropped(period: &EmploymentPeriod, ending: &Ending<'_>) -> bool {
    period
        .start
        .is_some_and(|start| match start.compare(&ending.effective) {
            Ordering::Less => false,
            Ordering::Equal => true,
            Ordering::Greater => start.instant > ending.occurred,
        })
}

/// A no-show ends at its own start.
fn end_at_start(period: &mut EmploymentPeriod, end: Moment, by: &EventKey) {
    let start = period.start.unwrap_or(end);
    period.end_at(start, Some(by));
}
