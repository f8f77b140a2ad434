//! The oracle reads `docs/fold.md` 3, "Snapshot".
//!
//! In: the state and a list. It applies each row, then ends the employments that no row is about.

use jiff::tz::TimeZone;

use super::{
    oracle_set::OracleFact,
    oracle_start::StartRequest,
    oracle_state::{OracleState, eq, lt},
};
use crate::{
    event::{Alias, EmploymentRow, Moment},
    fold::FindingKind,
};

/// A row with its dates resolved, and the list that it is in.
#[derive(Clone, Copy)]
struct Row<'a> {
    fact: &'a OracleFact,
    worker: &'a Alias,
    stated: &'a EmploymentRow,
    start: Option<Moment>,
    end: Option<Moment>,
}

impl OracleState {
    /// Applies the list of a snapshot.
    pub fn apply_list(&mut self, fact: &OracleFact, worker: &Alias, zone: &TimeZone) {
        let Some(rows) = &fact.event.content.data.employments else {
            return;
        };
        let mut touched: Vec<usize> = Vec::new();
        for stated in rows {
            let row = Row {
                fact,
                worker,
                stated,
                start: stated.start.as_ref().map(|start| start.resolve(zone)),
                end: stated.end.as_ref().map(|end| end.resolve(zone)),
            };
            match self.find_employment(row) {
                Some(found) => {
                    touched.push(found);
                    self.apply_found_row(row, found);
                }
                None => touched.extend(self.apply_new_row(row)),
            }
        }

        self.state_superseded_starts(fact, &touched);
        self.end_missing(fact, worker, &touched);
    }

    /// The starts of the superseded lists remain stated for the employments with their id, unless
    /// the list itself states such a start for one of them.
    fn state_superseded_starts(&mut self, fact: &OracleFact, touched: &[usize]) {
        for (id, start) in &fact.superseded_rows {
            let with_id: Vec<usize> = touched
                .iter()
                .copied()
                .filter(|index| self.employments[*index].id == *id)
                .collect();
            let is_stated = with_id
                .iter()
                .any(|index| self.employments[*index].has_stated(*start));
            if !is_stated {
                for index in with_id {
                    self.employments[index].starts.insert(0, *start);
                }
            }
        }
    }

    fn end_missing(&mut self, fact: &OracleFact, worker: &Alias, touched: &[usize]) {
        let now = Moment::at(fact.occurred);

        for index in self.employments_of(worker) {
            let employment = &mut self.employments[index];
            if employment.has_begun(fact.occurred)
                && !employment.is_over(fact.occurred)
                && !employment.is_no_show()
                && !touched.contains(&index)
            {
                employment.state_end(now, Some(&fact.key));
                let id = employment.id.clone();
                self.record_ending(fact, worker, id, now);
                self.count_rule("missing from a list");
                self.add_finding(FindingKind::MissingFromList, fact);
            }
        }
    }

    fn find_employment(&self, row: Row) -> Option<usize> {
        let own = self.employments_of(row.worker);
        let has_start = |index: &usize| {
            let known = self.employments[*index].start;
            row.start
                .is_some_and(|start| known.is_some_and(|known| eq(known, start)))
        };
        let has_end = |index: &usize| {
            let known = self.employments[*index].end;
            row.start.is_none()
                && row
                    .end
                    .is_some_and(|end| known.is_some_and(|known| eq(known, end)))
        };
        let is_open = |index: &usize| self.employments[*index].end.is_none();
        let first = |fits: &dyn Fn(&usize) -> bool| own.iter().copied().find(fits);
        let last = |fits: &dyn Fn(&usize) -> bool| own.iter().copied().rfind(fits);

        if row.stated.id.is_some() {
            let has_id = |index: &usize| self.employments[*index].id == row.stated.id;
            let found = first(&|index| has_id(index) && has_start(index))
                .or_else(|| last(&|index| has_id(index) && is_open(index)))
                .or_else(|| last(&has_id));
            if found.is_some() {
                return found;
            }
        }

        // Two different ids are two employments, even with equal starts.
        let is_compatible =
            |index: &usize| row.stated.id.is_none() || self.employments[*index].id.is_none();
        let begins_after_row = |index: &usize| {
            let past_end = row.end.filter(|end| end.instant <= row.fact.occurred);
            past_end
                .zip(self.employments[*index].start)
                .is_some_and(|(end, start)| !lt(start, end))
        };
        first(&|index| is_compatible(index) && has_start(index) && is_open(index))
            .or_else(|| last(&|index| is_compatible(index) && has_start(index)))
            .or_else(|| first(&|index| is_compatible(index) && has_end(index)))
            .or_else(|| {
                last(&|index| {
                    let has_no_id = self.employments[*index].id.is_none();
                    has_no_id && is_open(index) && !begins_after_row(index)
                })
            })
    }

    fn apply_found_row(&mut self, row: Row, found: usize) {
        self.count_rule("a row finds an employment");
        if row.stated.id.is_some() {
            self.employments[found].id.clone_from(&row.stated.id);
        }
        if let Some(start) = row.start {
            self.apply_found_start(row, found, start);
        }
        self.apply_found_end(row, found);
    }

    fn apply_found_start(&mut self, row: Row, found: usize, start: Moment) {
        if !self.employments[found]
            .start
            .is_some_and(|known| eq(known, start))
        {
            self.move_found_start(row, found, start);
        }
        self.employments[found].starts.push(start);
    }

    fn move_found_start(&mut self, row: Row, found: usize, start: Moment) {
        let id = &row.stated.id;
        let own = self.employments_of(row.worker);
        let has_id = |index: &usize| id.is_none() || self.employments[*index].id == *id;
        let may_have_id = |index: &usize| has_id(index) || self.employments[*index].id.is_none();

        let runs_with_that_start = own.iter().filter(|index| has_id(index)).any(|index| {
            let employment = &self.employments[*index];
            employment.end.is_none()
                && employment.has_begun(row.fact.occurred)
                && employment.has_stated(start)
        });
        // A start that was stated before, for this employment or one that the row may mean, and
        // that has moved since: the list is outdated.
        let is_outdated = own
            .iter()
            .any(|index| may_have_id(index) && self.employments[*index].has_stated(start));
        let moves = !runs_with_that_start
            && !is_outdated
            && self.moved(&[found], start, row.fact.occurred).is_some();

        let mut asked = self.refused_before(row.worker, id.as_ref(), start);
        asked.extend(self.with_former_id(row.worker, id.as_ref(), start));
        let among: Vec<usize> = own
            .iter()
            .copied()
            .filter(|index| may_have_id(index) || asked.contains(index))
            .filter(|index| !(moves && *index == found))
            .collect();
        let refusing = self.refusing(&among, start);

        if moves && refusing.is_empty() {
            self.count_rule("a row moves the start");
            self.employments[found].start = Some(start);
        } else {
            self.count_rule("a row does not move the start");
        }
        if !refusing.is_empty() {
            self.add_finding(FindingKind::StartInsideEnded, row.fact);
        }
        for index in refusing {
            self.employments[index].starts.push(start);
            self.employments[index].refused.push((id.clone(), start));
        }
    }

    fn apply_found_end(&mut self, row: Row, found: usize) {
        let known = self.employments[found].end;

        match row.end {
            Some(end) if known.is_some_and(|known| eq(known, end)) => {}
            Some(end) => {
                let has_ended = self.apply_row_end(row, found, end);
                if !has_ended && known.is_some() && end.instant > row.fact.occurred {
                    self.add_finding(FindingKind::HrSaysActive, row.fact);
                }
            }
            None if known.is_some() => {
                self.count_rule("a row without an end, of an ended employment");
                self.add_finding(FindingKind::HrSaysActive, row.fact);
            }
            None => {}
        }
    }

    /// The end of a row acts as an ending of its employment.
    fn apply_row_end(&mut self, row: Row, found: usize, end: Moment) -> bool {
        let id = &row.stated.id;
        let has_ended = !self
            .end_among(row.fact, &[found], id.as_ref(), end)
            .is_empty();
        if has_ended {
            self.count_rule("a row ends an employment");
        }
        self.record_ending(row.fact, row.worker, id.clone(), end);
        has_ended
    }

    fn apply_new_row(&mut self, row: Row) -> Vec<usize> {
        let id = &row.stated.id;
        let request = StartRequest {
            fact: row.fact,
            worker: row.worker,
            id: id.clone(),
            start: row.start.unwrap_or(Moment::at(row.fact.occurred)),
            is_dated: true,
            superseded: Vec::new(),
            continued: None,
        };
        if let Some(end) = row.end.filter(|end| end.instant <= row.fact.occurred) {
            return vec![self.record_past_row(row, &request, end)];
        }
        if row.start.is_none() && !self.employments_of(row.worker).is_empty() {
            self.add_finding(FindingKind::HrSaysActive, row.fact);
            return Vec::new();
        }

        self.count_rule("a row finds no employment");
        let before = self.employments.len();
        let touched = self.start(&request);
        if id.is_some() && !self.was_refused {
            for index in &touched {
                self.employments[*index].id.clone_from(id);
            }
        }
        let Some(end) = row.end.filter(|_| !self.was_refused) else {
            return touched;
        };

        if self.employments.len() > before {
            self.employments[before].state_end(end, Some(&row.fact.key));
            self.record_ending(row.fact, row.worker, id.clone(), end);
        } else if let [found] = touched[..] {
            self.apply_row_end(row, found, end);
        }
        touched
    }

    fn record_past_row(&mut self, row: Row, request: &StartRequest, end: Moment) -> usize {
        self.count_rule("a row that is over");
        let index = self.open(request);
        let employment = &mut self.employments[index];
        if row.start.is_none() {
            employment.start = None;
            employment.starts = Vec::new();
        }
        employment.state_end(end, Some(&row.fact.key));
        self.record_ending(row.fact, row.worker, row.stated.id.clone(), end);
        index
    }
}
