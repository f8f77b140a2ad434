//! The effect of a start: `hired`, `rehired`, the new worker id of a conversion, a row of a
//! snapshot that finds no employment (`docs/fold.md` 3, "Start").
//!
//! In: the timeline and the start. Out: the first of the five rules that fits, and the employments
//! that it is about. Comments name the rules by their numbers in the document.

use jiff::Timestamp;

use super::timeline::{
    CivilOrder, EmploymentPeriod, OpenedBy, Opening, Selection, StatedMoment, Timeline, record,
};
use crate::event::{EmploymentId, Moment};

/// The kind of fact that states a start. Rules 3 and 4 distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StartKind {
    Hired,
    Rehired,
    Converted,
    SnapshotRow,
}

/// A start as a fact states it.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatedStart<'a> {
    pub kind: StartKind,
    /// The employment id that the fact names.
    pub id: Option<&'a EmploymentId>,
    pub effective: Moment,
    /// `false`: the fact states no effective date.
    pub is_dated: bool,
    pub occurred: Timestamp,
    /// The starts that the fact supersedes.
    pub superseded: &'a [StatedMoment],
    /// The opening of the employment, if rule 5 opens one.
    pub opening: Opening,
}

/// The effect of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StartOutcome {
    /// Rule 1: the start repeats the past of these employments.
    Refused(Selection),
    /// Rule 2: the start of this employment moved.
    Moved(usize),
    /// Rule 3: the start repeats that of these employments.
    Repeated(Selection),
    /// Rule 4: the start has no date, and an employment has ended.
    RefusedUndated,
    /// Rule 5, or rule 3 for a `rehired`: this employment is new.
    Opened(usize),
}

impl Timeline {
    /// Applies a start to the selected employments.
    pub fn apply_start(&mut self, selection: &Selection, start: &StatedStart<'_>) -> StartOutcome {
        let is_first_statement = self.record_hire(start);
        let outcome = self.apply_start_rules(selection, start);

        let (touched, has_moved) = match &outcome {
            StartOutcome::Refused(refusing) => {
                self.update(refusing, |period| {
                    for (id, superseded) in start.superseded {
                        period.record_refusal(id.as_ref(), superseded);
                    }
                    period.record_refusal(start.id, &start.effective);
                });
                return outcome;
            }
            StartOutcome::Moved(serial) => (Selection::from([*serial]), true),
            StartOutcome::Repeated(repeated) => (repeated.clone(), false),
            StartOutcome::RefusedUndated => (Selection::new(), false),
            StartOutcome::Opened(serial) => (Selection::from([*serial]), false),
        };

        self.update(&touched, |period| {
            let states_its_start = has_moved || period.has_stated_start(&start.effective);
            let former_ids = start
                .superseded
                .iter()
                .filter(|(id, _)| id.as_ref() != start.id);
            period
                .starts_under_former_ids
                .extend(former_ids.filter_map(|(id, superseded)| Some((id.clone()?, *superseded))));
            record(
                &mut period.stated_starts,
                start.superseded.iter().map(|(_, superseded)| superseded),
            );
            record(&mut period.stated_starts, &[start.effective]);

            if states_its_start && is_first_statement && period.opened_by == OpenedBy::Snapshot {
                period.opened_by = OpenedBy::Hire(start.occurred);
            }
        });
        outcome
    }

    /// Records the start of a `hired` or `rehired`. `true`: it is one, and no earlier one stated
    /// the same start under the same id.
    fn record_hire(&mut self, start: &StatedStart<'_>) -> bool {
        if !matches!(start.kind, StartKind::Hired | StartKind::Rehired) {
            return false;
        }

        let is_first = !self
            .hires
            .iter()
            .any(|(id, known)| id.as_ref() == start.id && known.is_same(&start.effective));
        self.hires.extend(start.superseded.iter().cloned());
        self.hires.push((start.id.cloned(), start.effective));
        is_first
    }

    fn apply_start_rules(
        &mut self,
        selection: &Selection,
        start: &StatedStart<'_>,
    ) -> StartOutcome {
        let effective = start.effective;

        // Rule 1. The employment that rule 2 would move cannot refuse the start.
        let movable = self.movable(selection, &effective, start.occurred);
        let refusing = self.refusing(start.id, &effective, movable);
        if !refusing.is_empty() {
            return StartOutcome::Refused(refusing);
        }

        // Rule 3 comes before rule 2 where an edit changed the id: the start under the former id is
        // about no other employment. A list states the present ids, so this does not apply to it.
        let renamed = self.select_where(|period| {
            !selection.contains(&period.serial)
                && period.is_open()
                && period.had_id(start.id, &effective)
        });
        if start.kind != StartKind::SnapshotRow && !renamed.is_empty() {
            return StartOutcome::Repeated(renamed);
        }

        // Rule 2.
        if let Some(serial) = movable {
            return self.move_start(selection, start, serial);
        }

        // Rule 3.
        let running: Selection = self
            .periods_in(selection)
            .filter(|period| period.is_open() && period.has_begun_at(start.occurred))
            .map(|period| period.serial)
            .collect();
        if !running.is_empty() && !self.restarts(&running, start) {
            return StartOutcome::Repeated(running);
        }
        self.update(&running, |period| {
            period.set_end(effective, None);
            record(&mut period.stated_ends, &[effective]);
        });

        // Rule 4.
        let ended = self.select_where(|period| period.may_have_id(start.id) && period.has_end());
        if start.kind == StartKind::Hired && !start.is_dated && !ended.is_empty() {
            self.update(&ended, |period| period.undated_start = Some(effective));
            return StartOutcome::RefusedUndated;
        }

        // Rule 5.
        StartOutcome::Opened(self.open(start.id, start.opening, Some(effective)))
    }

    /// Rule 2: moves the start of `movable`. A list that states a start which has moved since is
    /// outdated: it moves nothing and counts as a repeat.
    fn move_start(
        &mut self,
        selection: &Selection,
        start: &StatedStart<'_>,
        movable: usize,
    ) -> StartOutcome {
        let outdated: Selection = self
            .periods_in(selection)
            .filter(|period| period.has_stated_start(&start.effective))
            .map(|period| period.serial)
            .collect();
        if start.kind == StartKind::SnapshotRow && !outdated.is_empty() {
            return StartOutcome::Repeated(outdated);
        }

        self.update(&Selection::from([movable]), |period| {
            period.start = Some(start.effective);
        });
        StartOutcome::Moved(movable)
    }

    /// Rule 3: whether a `rehired` to a later start, never stated before, ends the running ones.
    fn restarts(&self, running: &Selection, start: &StatedStart<'_>) -> bool {
        let is_later = |period: &EmploymentPeriod| {
            !period.has_stated_start(&start.effective)
                && period
                    .start
                    .is_none_or(|known| known.is_before(&start.effective))
        };
        start.kind == StartKind::Rehired && self.periods_in(running).all(is_later)
    }

    /// Rule 2: the selected employment whose start this moment would move.
    pub fn movable(
        &self,
        selection: &Selection,
        effective: &Moment,
        occurred: Timestamp,
    ) -> Option<usize> {
        let is_running_since = |period: &EmploymentPeriod| {
            period.is_open() && period.has_begun_at(occurred) && period.has_stated_start(effective)
        };
        if self.periods_in(selection).any(is_running_since) {
            return None;
        }

        let candidates = || {
            self.periods_in(selection).filter(|period| {
                !period.has_begun_at(occurred)
                    && !period.is_no_show()
                    && period.end.is_none_or(|end| effective.is_before(&end))
            })
        };
        let with_that_start =
            candidates().find(|period| period.start.is_some_and(|start| start.is_same(effective)));
        let first_to_start = || {
            candidates()
                .min_by_key(|period| (period.start.map(|start| start.instant), period.serial))
        };
        with_that_start
            .or_else(first_to_start)
            .map(|period| period.serial)
    }

    /// Rule 1: the employments whose past this start repeats. It checks those with the id, those
    /// without an id, those that refused this start under this id before, and those that had this
    /// start under this id before an edit; but not the one that rule 2 would move.
    pub fn refusing(
        &self,
        id: Option<&EmploymentId>,
        effective: &Moment,
        movable: Option<usize>,
    ) -> Selection {
        self.select_where(|period| {
            let lies_before_its_end =
                !period.is_no_show() && period.end.is_some_and(|end| effective.is_before(&end));
            let is_checked = period.may_have_id(id)
                || period.has_refused(id, effective)
                || period.had_id(id, effective);
            is_checked
                && Some(period.serial) != movable
                && period.has_end()
                && (period.has_stated_start(effective) || lies_before_its_end)
        })
    }
}
