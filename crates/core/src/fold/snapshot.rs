//! A snapshot in the replay: the whole list of employments as HR has it (docs/fold.md, "Snapshot").
//!
//! In: the timeline and the list. Each row is found among what is known or acts as a start; its end acts as an ending;
//! what runs and is not listed ends. A list never lifts an end: where HR says more than the facts, that is a finding.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    FindingKind,
    ending::Ending,
    start::{Start, StartKind, Started, is_own_or_id_less},
    timeline::{EmploymentPeriod, Opener, SameMoment, Slot, Timeline, note},
    zones::{Row, Stated},
};
use crate::event::{EmploymentId, EventKey, Moment};

/// A snapshot's list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List<'a> {
    /// Its rows, as listed.
    pub rows: &'a [Row<'a>],
    /// When it was known.
    pub occurred: Timestamp,
    /// Its key.
    pub key: &'a EventKey,
    /// Starts in the lists that it superseded.
    pub superseded: &'a [Stated],
}

/// What one row did.
#[derive(Default)]
struct Listed {
    touched: Slot,
    findings: BTreeSet<FindingKind>,
}

impl Timeline {
    /// Replays a list.
    pub fn list(&mut self, list: &List<'_>) -> BTreeSet<FindingKind> {
        let mut all = Listed::default();
        let names_primary = list.rows.iter().any(|row| row.stated.primary == Some(true));
        if names_primary {
            for period in &mut self.periods {
                period.primary = false;
            }
        }
        for row in list.rows {
            let listed = match self.find(row, list.occurred) {
                Some(serial) => self.found(serial, row, list),
                None => self.not_found(row, list),
            };
            if let Some(primary) = row.stated.primary {
                self.each(&listed.touched, |period| period.primary = primary);
            }
            all.touched.extend(listed.touched);
            all.findings.extend(listed.findings);
        }
        for (id, start) in list.superseded {
            let same_id = |period: &EmploymentPeriod| period.id.as_ref() == id.as_ref();
            let heard =
                self.serials(|period| all.touched.contains(&period.serial) && same_id(period));
            // What the list itself states for one of them is no other's past.
            if !self.of(&heard).any(|period| period.was_stated(start)) {
                self.each(&heard, |period| period.starts.insert(0, *start));
            }
        }
        if self.end_missing(&all.touched, list) {
            all.findings.insert(FindingKind::MissingFromList);
        }
        all.findings
    }

    /// The employment that a row is about: by id, else by equal start, else the open one without an id.
    fn find(&self, row: &Row<'_>, occurred: Timestamp) -> Option<usize> {
        let id = row.stated.id.as_ref();
        let starts_then = |period: &&EmploymentPeriod| {
            row.start
                .is_some_and(|s| period.start.is_some_and(|known| known.is(&s)))
        };
        let by_id = || {
            self.periods
                .iter()
                .filter(|period| id.is_some() && period.id.as_ref() == id)
        };
        // Two ids are two employments, be their starts equal.
        let alike = || {
            self.periods
                .iter()
                .filter(|period| id.is_none() || period.id.is_none())
        };
        let ends_then = |period: &&EmploymentPeriod| {
            row.start.is_none()
                && row
                    .end
                    .is_some_and(|e| period.end.is_some_and(|known| known.is(&e)))
        };
        // A row of the past is not the job that begins after it.
        let is_after = |period: &EmploymentPeriod| {
            let end = row.end.filter(|end| end.instant <= occurred);
            end.is_some_and(|end| period.start.is_some_and(|start| !start.before(&end)))
        };
        by_id()
            .find(starts_then)
            .or_else(|| by_id().rfind(|period| period.is_open()))
            .or_else(|| by_id().next_back())
            .or_else(|| alike().filter(starts_then).find(|period| period.is_open()))
            .or_else(|| alike().rfind(starts_then))
            .or_else(|| alike().find(ends_then))
            .or_else(|| {
                self.periods
                    .iter()
                    .rfind(|period| period.id.is_none() && period.is_open() && !is_after(period))
            })
            .map(|period| period.serial)
    }

    fn found(&mut self, serial: usize, row: &Row<'_>, list: &List<'_>) -> Listed {
        let one = Slot::from([serial]);
        let mut listed = Listed {
            touched: one.clone(),
            ..Listed::default()
        };
        if let Some(id) = &row.stated.id {
            self.each(&one, |period| period.id = Some(id.clone()));
        }
        if let Some(start) = row.start
            && !self.found_start(serial, &start, row.stated.id.as_ref(), list.occurred)
        {
            listed.findings.insert(FindingKind::StartInsideEnded);
        }
        let known = self.of(&one).find_map(|period| period.end);
        let disputed = match (row.end, known) {
            (Some(end), Some(known)) if known.is(&end) => false,
            (Some(end), _) => {
                let ending = list.ending(row.stated.id.as_ref(), end);
                let fitted = self.end_known(&one, &ending).is_some();
                self.remember(&ending);
                !fitted && known.is_some() && end.instant > list.occurred
            }
            (None, known) => known.is_some(),
        };
        if disputed {
            listed.findings.insert(FindingKind::HrSaysActive);
        }
        listed
    }

    /// Another start moves what has not begun. `false`: it is refused as a repeat of the past.
    fn found_start(
        &mut self,
        serial: usize,
        start: &Moment,
        id: Option<&EmploymentId>,
        occurred: Timestamp,
    ) -> bool {
        let one = Slot::from([serial]);
        if self
            .of(&one)
            .any(|period| period.start.is_some_and(|known| known.is(start)))
        {
            self.each(&one, |period| note(&mut period.starts, [start]));
            return true;
        }
        // A start that was stated for it, or for another that it may be, and has moved since: the list is behind.
        let is_behind = self
            .periods
            .iter()
            .any(|period| is_own_or_id_less(period, id) && period.was_stated(start));
        let movable = if is_behind {
            None
        } else {
            self.movable(&one, start, occurred)
        };
        let refusing = self.refusing(id, start, movable);
        if movable.is_some() && refusing.is_empty() {
            self.each(&one, |period| period.start = Some(*start));
        }
        self.each(&one, |period| note(&mut period.starts, [start]));
        self.each(&refusing, |period| period.refuse(id, start));
        refusing.is_empty()
    }

    fn not_found(&mut self, row: &Row<'_>, list: &List<'_>) -> Listed {
        let id = row.stated.id.as_ref();
        let known = (Some(list.occurred), Opener::Snapshot);
        if let Some(end) = row.end.filter(|end| end.instant <= list.occurred) {
            let serial = self.open(id, known, row.start);
            self.end_listed(serial, list, id, end);
            return Listed {
                touched: Slot::from([serial]),
                ..Listed::default()
            };
        }
        let Some(effective) = row
            .start
            .or_else(|| self.periods.is_empty().then(|| Moment::at(list.occurred)))
        else {
            return Listed {
                findings: BTreeSet::from([FindingKind::HrSaysActive]),
                ..Listed::default()
            };
        };
        let start = Start {
            kind: StartKind::Listed,
            id,
            effective,
            is_dated: true,
            occurred: list.occurred,
            superseded: &[],
            opens_as: known,
        };
        let outcome = self.start(&self.slot(id), &start);
        let (touched, ends) = match outcome {
            Started::Refused(slot) => {
                return Listed {
                    touched: slot,
                    findings: BTreeSet::from([FindingKind::StartInsideEnded]),
                };
            }
            Started::Opened(serial) => {
                if let Some(end) = row.end {
                    self.end_listed(serial, list, id, end);
                }
                (Slot::from([serial]), false)
            }
            Started::Moved(serial) => (Slot::from([serial]), true),
            Started::Repeated(slot) => {
                let is_one = slot.len() == 1;
                (slot, is_one)
            }
            Started::Undated => (Slot::new(), false),
        };
        if id.is_some() {
            self.each(&touched, |period| period.id = id.cloned());
        }
        if let (Some(end), true) = (row.end, ends) {
            let ending = list.ending(id, end);
            self.end_known(&touched, &ending);
            self.remember(&ending);
        }
        Listed {
            touched,
            ..Listed::default()
        }
    }

    fn end_listed(
        &mut self,
        serial: usize,
        list: &List<'_>,
        id: Option<&EmploymentId>,
        end: Moment,
    ) {
        self.each(&Slot::from([serial]), |period| {
            period.end_at(end, Some(list.key));
            note(&mut period.ends, &[end]);
        });
        self.remember(&list.ending(id, end));
    }

    /// Ends what runs and is not listed. Whether there was any.
    fn end_missing(&mut self, touched: &Slot, list: &List<'_>) -> bool {
        let now = Moment::at(list.occurred);
        let missing: Vec<_> = self
            .periods
            .iter()
            .filter(|period| {
                period.begun_at(list.occurred)
                    && !period.over_at(list.occurred)
                    && !period.is_no_show()
            })
            .filter(|period| !touched.contains(&period.serial))
            .map(|period| (period.serial, period.id.clone()))
            .collect();
        for (serial, id) in &missing {
            self.end_listed(*serial, list, id.as_ref(), now);
        }
        !missing.is_empty()
    }
}

impl<'a> List<'a> {
    fn ending<'b>(&'b self, id: Option<&'b EmploymentId>, effective: Moment) -> Ending<'b>
    where
        'a: 'b,
    {
        Ending {
            id,
            effective,
            occurred: self.occurred,
            key: self.key,
            superseded: &[],
        }
    }
}
