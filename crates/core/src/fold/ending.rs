//! The effect of an ending: `terminated` and the facts that act as one (`docs/fold.md` 3,
//! "Ending").
//!
//! In: the timeline and the ending. Out: the rules, a to d, that fit, and the employments that they
//! are about. `hire_rescinded` and `record_deleted` are here too: they end for good what has not
//! begun.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::timeline::{
    CivilOrder, EmploymentPeriod, Opening, RecordedEnding, Selection, StatedMoment, Timeline,
    contains, record,
};
use crate::event::{EmploymentId, EventKey, Moment};

/// An ending as a fact states it.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatedEnding<'a> {
    /// The employment id that the fact names.
    pub id: Option<&'a EmploymentId>,
    pub effective: Moment,
    pub occurred: Timestamp,
    pub key: &'a EventKey,
    /// The ends that the fact supersedes.
    pub superseded: &'a [StatedMoment],
}

impl<'a> StatedEnding<'a> {
    /// Every end that the fact states or supersedes; its own is the last.
    fn stated_ends(&self) -> impl Iterator<Item = &Moment> + use<'_, 'a> {
        self.superseded
            .iter()
            .map(|(_, superseded)| superseded)
            .chain([&self.effective])
    }
}

/// The effect of an ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EndingOutcome {
    /// Rules a and b: these employments end. Some may have had the same end.
    Ended(Selection),
    /// Rule c: the end of this employment moved.
    Postponed(usize),
    /// Rule d: the ending is a repeat.
    Repeated,
    /// Rule d: an employment with unknown start was added.
    UnknownStart {
        serial: usize,
        /// The timeline has other employments too.
        beside_others: bool,
    },
}

impl Timeline {
    /// Applies an ending to the selected employments and records it.
    pub fn apply_ending(
        &mut self,
        selection: &Selection,
        ending: &StatedEnding<'_>,
    ) -> EndingOutcome {
        let outcome = self
            .end_known(selection, ending)
            .unwrap_or_else(|| self.end_unknown_start(selection, ending));
        self.record_ending(ending);
        outcome
    }

    /// Rules a, b and c. `None`: none of them fits. Does not record the ending.
    pub fn end_known(
        &mut self,
        selection: &Selection,
        ending: &StatedEnding<'_>,
    ) -> Option<EndingOutcome> {
        let end = ending.effective;
        let spanning: Selection = self
            .periods_in(selection)
            .filter(|period| spans(period, &end))
            .map(|period| period.serial)
            .collect();
        let no_shows: Selection = self
            .periods_in(selection)
            .filter(|period| becomes_no_show(period, ending))
            .filter(|period| !self.was_known_before_opening(period, ending))
            .filter(|period| spanning.is_empty() || period.was_opened_before(ending.occurred))
            .map(|period| period.serial)
            .collect();

        self.update(&spanning, |period| {
            period.set_end(end_under_rule_a(period, ending), Some(ending.key));
        });
        self.update(&no_shows, |period| make_no_show(period, end, ending.key));

        let mut touched: Selection = spanning.union(&no_shows).copied().collect();
        let mut postponed = None;
        if touched.is_empty() {
            let serial = self.postponed(selection, ending)?;
            touched.insert(serial);
            postponed = Some(serial);
            self.update(&touched, |period| period.set_end(end, Some(ending.key)));
        }

        self.update(&touched, |period| {
            record(&mut period.stated_ends, ending.stated_ends());
        });
        Some(postponed.map_or(EndingOutcome::Ended(touched), EndingOutcome::Postponed))
    }

    /// The exception of rule b: the same ending was known before this employment opened.
    fn was_known_before_opening(
        &self,
        period: &EmploymentPeriod,
        ending: &StatedEnding<'_>,
    ) -> bool {
        self.same_endings(ending)
            .any(|known| period.opened.is_some_and(|opened| known.occurred < opened))
    }

    /// The recorded endings with the same employment id and effective moment.
    fn same_endings<'t>(
        &'t self,
        ending: &'t StatedEnding<'_>,
    ) -> impl Iterator<Item = &'t RecordedEnding> {
        let is_same = |known: &&RecordedEnding| {
            known.employment.as_ref() == ending.id && known.effective.is_same(&ending.effective)
        };
        self.endings.iter().filter(is_same)
    }

    /// Rule c: the employment that ends last, if its end is still to come and this end is new.
    fn postponed(&self, selection: &Selection, ending: &StatedEnding<'_>) -> Option<usize> {
        let by_end = |period: &&EmploymentPeriod| {
            (
                period.end.map(|end| end.instant),
                period.start.map(|start| start.instant),
            )
        };
        let last = self
            .periods_in(selection)
            .filter(|period| period.has_end() && !period.is_no_show())
            .max_by_key(by_end)?;
        let is_postponement = !last.is_over_at(ending.occurred)
            && self.same_endings(ending).next().is_none()
            && !contains(&last.stated_ends, &ending.effective);

        is_postponement.then_some(last.serial)
    }

    /// Rule d: a repeat, else the end of an employment whose hire was before the first event.
    fn end_unknown_start(
        &mut self,
        selection: &Selection,
        ending: &StatedEnding<'_>,
    ) -> EndingOutcome {
        let end = ending.effective;
        let repeated: Selection = self
            .periods_in(selection)
            .filter(|period| period.end.is_some_and(|known| known.is_same(&end)))
            .map(|period| period.serial)
            .collect();
        if !repeated.is_empty() {
            self.update(&repeated, |period| {
                period.set_end(period.end.unwrap_or(end), Some(ending.key));
            });
            return EndingOutcome::Repeated;
        }

        let beside_others = !self.periods.is_empty();
        let serial = self.open(ending.id, Opening::BEFORE_EVERYTHING, None);
        self.update(&Selection::from([serial]), |period| {
            period.set_end(end, Some(ending.key));
            record(&mut period.stated_ends, ending.stated_ends());
        });
        EndingOutcome::UnknownStart {
            serial,
            beside_others,
        }
    }

    /// Adds the ending to those that the replay has seen.
    pub fn record_ending(&mut self, ending: &StatedEnding<'_>) {
        self.endings.push(RecordedEnding {
            employment: ending.id.cloned(),
            effective: ending.effective,
            occurred: ending.occurred,
            key: ending.key.clone(),
        });
    }

    /// `hire_rescinded`: makes no-shows of the employments that have not begun. `false`: all have
    /// begun, so the caller applies the fact as an ending.
    pub fn rescind_hire(&mut self, selection: &Selection, ending: &StatedEnding<'_>) -> bool {
        let not_begun: Selection = self
            .periods_in(selection)
            .filter(|period| !period.has_begun_at(ending.occurred))
            .map(|period| period.serial)
            .collect();
        if not_begun.is_empty() {
            return false;
        }

        self.update(&not_begun, |period| {
            make_no_show(period, ending.effective, ending.key);
            period.is_final = true;
        });
        // A cancellation that names no ending means the last recorded one: this one, which nothing
        // lifts.
        self.record_ending(&StatedEnding {
            effective: Moment::at(ending.occurred),
            ..*ending
        });
        true
    }

    /// `record_deleted`: ends every selected employment that is not over at the effective moment.
    pub fn delete_record(
        &mut self,
        selection: &Selection,
        ending: &StatedEnding<'_>,
    ) -> EndingOutcome {
        if selection.is_empty() {
            let outcome = self.end_unknown_start(selection, ending);
            if let EndingOutcome::UnknownStart { serial, .. } = &outcome {
                self.update(&Selection::from([*serial]), |period| {
                    period.record_deleted = true;
                });
            }
            self.record_ending(ending);
            return outcome;
        }

        let end = ending.effective;
        let not_over: Selection = self
            .periods_in(selection)
            .filter(|period| period.end.is_none_or(|known| end.is_before(&known)))
            .map(|period| period.serial)
            .collect();
        self.update(&not_over, |period| {
            if period.start.is_some_and(|start| end.is_before(&start)) {
                make_no_show(period, end, ending.key);
                period.is_final = true;
            } else {
                period.set_end(end, Some(ending.key));
            }
            record(&mut period.stated_ends, &[end]);
            period.record_deleted = true;
        });

        self.record_ending(ending);
        if not_over.is_empty() {
            EndingOutcome::Repeated
        } else {
            EndingOutcome::Ended(not_over)
        }
    }
}

/// Rule a: the employment begins before the end, and lasts until then or longer.
fn spans(period: &EmploymentPeriod, end: &Moment) -> bool {
    !period.is_no_show()
        && period.start.is_none_or(|start| start.is_before(end))
        && period.end.is_none_or(|known| !known.is_before(end))
}

/// The end that rule a sets. Its own day in a time zone where that day ends later is a
/// postponement: as under rule c, the known end stays if it is over, or if this one was stated
/// before.
fn end_under_rule_a(period: &EmploymentPeriod, ending: &StatedEnding<'_>) -> Moment {
    let end = ending.effective;
    let was_stated = || {
        period
            .stated_ends
            .iter()
            .any(|stated| stated.instant == end.instant)
    };
    let stays = |known: &Moment| {
        known.is_same(&end)
            && known.instant < end.instant
            && (period.is_over_at(ending.occurred) || was_stated())
    };

    period.end.filter(stays).unwrap_or(end)
}

/// Rule b: the employment starts at the end, or later and not before the ending was known.
fn becomes_no_show(period: &EmploymentPeriod, ending: &StatedEnding<'_>) -> bool {
    period
        .start
        .is_some_and(|start| match start.compare(&ending.effective) {
            Ordering::Less => false,
            Ordering::Equal => true,
            Ordering::Greater => start.instant > ending.occurred,
        })
}

/// Ends the employment at its own start; at `end`, if its start is unknown.
fn make_no_show(period: &mut EmploymentPeriod, end: Moment, by: &EventKey) {
    let start = period.start.unwrap_or(end);
    period.set_end(start, Some(by));
}
