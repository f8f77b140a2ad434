//! The effect of a snapshot: the whole list of employments as HR has it (`docs/fold.md` 3,
//! "Snapshot").
//!
//! In: the timeline and the list. Out: the findings. A row finds a known employment or acts as a
//! start; its end acts as an ending. A running employment that is not in the list ends. A list
//! never lifts an end: a longer employment in the list is only a finding.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    ending::StatedEnding,
    finding_kind::FindingKind,
    start::{StartKind, StartOutcome, StatedStart},
    timeline::{
        CivilOrder, EmploymentPeriod, OpenedBy, Opening, Selection, StatedMoment, Timeline, record,
    },
    zones::DatedRow,
};
use crate::event::{EmploymentId, EventKey, Moment};

/// The list of a snapshot.
#[derive(Clone, Copy, Debug)]
pub(super) struct EmploymentList<'a> {
    /// In the order of the list.
    pub rows: &'a [DatedRow<'a>],
    pub occurred: Timestamp,
    pub key: &'a EventKey,
    /// The starts in the lists that it supersedes.
    pub superseded: &'a [StatedMoment],
}

/// The effect of one row, or of several.
#[derive(Default)]
struct RowOutcome {
    /// The employments that the row is about.
    touched: Selection,
    findings: BTreeSet<FindingKind>,
}

impl RowOutcome {
    fn touching(touched: Selection) -> Self {
        Self {
            touched,
            findings: BTreeSet::new(),
        }
    }
}

impl Timeline {
    /// Applies a list.
    pub fn apply_list(&mut self, list: &EmploymentList<'_>) -> BTreeSet<FindingKind> {
        let names_primary = list.rows.iter().any(|row| row.stated.primary == Some(true));
        if names_primary {
            for period in &mut self.periods {
                period.primary = false;
            }
        }

        let mut all = RowOutcome::default();
        for row in list.rows {
            let outcome = match self.find_employment(row, list.occurred) {
                Some(serial) => self.apply_found_row(serial, row, list),
                None => self.apply_new_row(row, list),
            };
            if let Some(primary) = row.stated.primary {
                self.update(&outcome.touched, |period| period.primary = primary);
            }
            all.touched.extend(outcome.touched);
            all.findings.extend(outcome.findings);
        }

        self.record_superseded_starts(&all.touched, list);
        if self.end_missing(&all.touched, list) {
            all.findings.insert(FindingKind::MissingFromList);
        }
        all.findings
    }

    /// The starts of the lists that this one supersedes remain stated for the employments with
    /// their id, unless this list itself states such a start for one of them.
    fn record_superseded_starts(&mut self, touched: &Selection, list: &EmploymentList<'_>) {
        for (id, start) in list.superseded {
            let with_id = self.select_where(|period| {
                touched.contains(&period.serial) && period.id.as_ref() == id.as_ref()
            });
            if !self
                .periods_in(&with_id)
                .any(|period| period.has_stated_start(start))
            {
                self.update(&with_id, |period| period.stated_starts.insert(0, *start));
            }
        }
    }

    /// The employment that a row is about: by id, else by equal start, else by equal end if the row
    /// has no start, else the open one without an id.
    fn find_employment(&self, row: &DatedRow<'_>, occurred: Timestamp) -> Option<usize> {
        let id = row.stated.id.as_ref();
        let has_start = |period: &&EmploymentPeriod| {
            row.start
                .is_some_and(|start| period.start.is_some_and(|known| known.is_same(&start)))
        };
        let has_end = |period: &&EmploymentPeriod| {
            row.start.is_none()
                && row
                    .end
                    .is_some_and(|end| period.end.is_some_and(|known| known.is_same(&end)))
        };
        // A row that is over is not about an employment that begins after it.
        let begins_after_row = |period: &EmploymentPeriod| {
            let end = row.end.filter(|end| end.instant <= occurred);
            end.is_some_and(|end| period.start.is_some_and(|start| !start.is_before(&end)))
        };

        let with_id = || {
            self.periods
                .iter()
                .filter(|period| id.is_some() && period.id.as_ref() == id)
        };
        // Two different ids are two employments, even with equal starts.
        let compatible = || {
            self.periods
                .iter()
                .filter(|period| id.is_none() || period.id.is_none())
        };
        let open_without_id = || {
            self.periods.iter().rfind(|period| {
                period.id.is_none() && period.is_open() && !begins_after_row(period)
            })
        };

        with_id()
            .find(has_start)
            .or_else(|| with_id().rfind(|period| period.is_open()))
            .or_else(|| with_id().next_back())
            .or_else(|| {
                compatible()
                    .filter(has_start)
                    .find(|period| period.is_open())
            })
            .or_else(|| compatible().rfind(has_start))
            .or_else(|| compatible().find(has_end))
            .or_else(open_without_id)
            .map(|period| period.serial)
    }

    fn apply_found_row(
        &mut self,
        serial: usize,
        row: &DatedRow<'_>,
        list: &EmploymentList<'_>,
    ) -> RowOutcome {
        let found = Selection::from([serial]);
        let mut outcome = RowOutcome::touching(found.clone());
        if let Some(id) = &row.stated.id {
            self.update(&found, |period| period.id = Some(id.clone()));
        }

        if let Some(start) = row.start
            && !self.apply_found_start(serial, &start, row.stated.id.as_ref(), list.occurred)
        {
            outcome.findings.insert(FindingKind::StartInsideEnded);
        }

        let known = self.periods_in(&found).find_map(|period| period.end);
        let hr_says_active = match (row.end, known) {
            (Some(end), Some(known)) if known.is_same(&end) => false,
            (Some(end), _) => {
                let ending = list.ending(row.stated.id.as_ref(), end);
                let has_ended = self.end_known(&found, &ending).is_some();
                self.record_ending(&ending);
                !has_ended && known.is_some() && end.instant > list.occurred
            }
            (None, known) => known.is_some(),
        };
        if hr_says_active {
            outcome.findings.insert(FindingKind::HrSaysActive);
        }
        outcome
    }

    /// Another start than the known one moves it under rule 2. `false`: rule 1 refuses it.
    fn apply_found_start(
        &mut self,
        serial: usize,
        start: &Moment,
        id: Option<&EmploymentId>,
        occurred: Timestamp,
    ) -> bool {
        let found = Selection::from([serial]);
        if self
            .periods_in(&found)
            .any(|period| period.start.is_some_and(|known| known.is_same(start)))
        {
            self.update(&found, |period| {
                record(&mut period.stated_starts, [start]);
            });
            return true;
        }

        // The list is outdated if the start was stated before, for this employment or for another
        // that the row may mean, and has moved since.
        let is_outdated = self
            .periods
            .iter()
            .any(|period| period.may_have_id(id) && period.has_stated_start(start));
        let movable = if is_outdated {
            None
        } else {
            self.movable(&found, start, occurred)
        };
        let refusing = self.refusing(id, start, movable);
        if movable.is_some() && refusing.is_empty() {
            self.update(&found, |period| period.start = Some(*start));
        }

        self.update(&found, |period| {
            record(&mut period.stated_starts, [start]);
        });
        self.update(&refusing, |period| period.record_refusal(id, start));
        refusing.is_empty()
    }

    /// A row that found no employment: a past one is recorded, another one is a start.
    fn apply_new_row(&mut self, row: &DatedRow<'_>, list: &EmploymentList<'_>) -> RowOutcome {
        let id = row.stated.id.as_ref();
        if let Some(end) = row.end.filter(|end| end.instant <= list.occurred) {
            let serial = self.open(id, list.opening(), row.start);
            self.end_by_list(serial, list, id, end);
            return RowOutcome::touching(Selection::from([serial]));
        }

        let start_now = || self.periods.is_empty().then(|| Moment::at(list.occurred));
        match row.start.or_else(start_now) {
            Some(effective) => self.apply_listed_start(row, effective, list),
            None => RowOutcome {
                touched: Selection::new(),
                findings: BTreeSet::from([FindingKind::HrSaysActive]),
            },
        }
    }

    fn apply_listed_start(
        &mut self,
        row: &DatedRow<'_>,
        effective: Moment,
        list: &EmploymentList<'_>,
    ) -> RowOutcome {
        let id = row.stated.id.as_ref();
        let start = StatedStart {
            kind: StartKind::SnapshotRow,
            id,
            effective,
            is_dated: true,
            occurred: list.occurred,
            superseded: &[],
            opening: list.opening(),
        };

        let (touched, takes_end) = match self.apply_start(&self.select(id), &start) {
            StartOutcome::Refused(refusing) => {
                return RowOutcome {
                    touched: refusing,
                    findings: BTreeSet::from([FindingKind::StartInsideEnded]),
                };
            }
            StartOutcome::Opened(serial) => {
                if let Some(end) = row.end {
                    self.end_by_list(serial, list, id, end);
                }
                (Selection::from([serial]), false)
            }
            StartOutcome::Moved(serial) => (Selection::from([serial]), true),
            StartOutcome::Repeated(repeated) => {
                let is_single = repeated.len() == 1;
                (repeated, is_single)
            }
            StartOutcome::RefusedUndated => (Selection::new(), false),
        };

        if id.is_some() {
            self.update(&touched, |period| period.id = id.cloned());
        }
        if let (Some(end), true) = (row.end, takes_end) {
            let ending = list.ending(id, end);
            self.end_known(&touched, &ending);
            self.record_ending(&ending);
        }
        RowOutcome::touching(touched)
    }

    /// Ends one employment as the list states, without asking the rules of an ending.
    fn end_by_list(
        &mut self,
        serial: usize,
        list: &EmploymentList<'_>,
        id: Option<&EmploymentId>,
        end: Moment,
    ) {
        self.update(&Selection::from([serial]), |period| {
            period.set_end(end, Some(list.key));
            record(&mut period.stated_ends, &[end]);
        });
        self.record_ending(&list.ending(id, end));
    }

    /// Ends the running employments that no row is about. `true`: there was one.
    fn end_missing(&mut self, touched: &Selection, list: &EmploymentList<'_>) -> bool {
        let now = Moment::at(list.occurred);
        let missing: Vec<_> = self
            .periods
            .iter()
            .filter(|period| {
                period.has_begun_at(list.occurred)
                    && !period.is_over_at(list.occurred)
                    && !period.is_no_show()
            })
            .filter(|period| !touched.contains(&period.serial))
            .map(|period| (period.serial, period.id.clone()))
            .collect();

        for (serial, id) in &missing {
            self.end_by_list(*serial, list, id.as_ref(), now);
        }
        !missing.is_empty()
    }
}

impl<'a> EmploymentList<'a> {
    fn opening(&self) -> Opening {
        Opening {
            occurred: Some(self.occurred),
            by: OpenedBy::Snapshot,
        }
    }

    fn ending<'b>(&'b self, id: Option<&'b EmploymentId>, effective: Moment) -> StatedEnding<'b>
    where
        'a: 'b,
    {
        StatedEnding {
            id,
            effective,
            occurred: self.occurred,
            key: self.key,
            superseded: &[],
        }
    }
}
