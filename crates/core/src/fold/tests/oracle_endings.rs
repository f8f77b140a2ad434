//! The oracle reads `docs/fold.md` 3, "Ending".
//!
//! In: the state and an ending. Out: the employments that rules a to d end. A row of a list calls
//! rules a to c for its employment only.

use jiff::Timestamp;

use super::{
    oracle_set::OracleFact,
    oracle_state::{OracleEmployment, OracleEnding, OracleState, eq, lt},
};
use crate::{
    event::{Alias, EmploymentId, Kind, Moment},
    fold::FindingKind,
};

impl OracleEmployment {
    /// Rule a: it begins before the end, and lasts until then or longer.
    fn fits_a(&self, end: Moment) -> bool {
        !self.is_no_show()
            && self.start.is_none_or(|start| lt(start, end))
            && self.end.is_none_or(|known| !lt(known, end))
    }
}

impl OracleState {
    /// Whether the same ending was known; with `before`, whether it was known before that instant.
    fn same_ending_known(
        &self,
        worker: &Alias,
        id: Option<&EmploymentId>,
        end: Moment,
        before: Option<Timestamp>,
    ) -> bool {
        self.endings.iter().any(|ending| {
            ending.worker == *worker
                && ending.id.as_ref() == id
                && eq(ending.effective, end)
                && before.is_none_or(|before| ending.occurred < before)
        })
    }

    /// Rule b: it becomes a no-show. `any_fits_a`: rule a fits another employment.
    fn fits_b(
        &self,
        index: usize,
        id: Option<&EmploymentId>,
        end: Moment,
        occurred: Timestamp,
        any_fits_a: bool,
    ) -> bool {
        let employment = &self.employments[index];
        let Some(start) = employment.start else {
            return false;
        };
        let (worker, opened) = (&employment.worker, employment.opened);

        !lt(start, end)
            && (start.instant > occurred || eq(start, end))
            && (opened < Some(occurred) || !any_fits_a)
            && !(opened.is_some() && self.same_ending_known(worker, id, end, opened))
    }

    /// Rules a, b and c on those employments. Returns the ones that end. `id`: the employment id
    /// that the ending names.
    pub fn end_among(
        &mut self,
        fact: &OracleFact,
        among: &[usize],
        id: Option<&EmploymentId>,
        end: Moment,
    ) -> Vec<usize> {
        let occurred = fact.occurred;
        let by_a: Vec<usize> = among
            .iter()
            .copied()
            .filter(|index| self.employments[*index].fits_a(end))
            .collect();
        let by_b: Vec<usize> = among
            .iter()
            .copied()
            .filter(|index| self.fits_b(*index, id, end, occurred, !by_a.is_empty()))
            .collect();
        for index in &by_a {
            self.end_by_a(*index, fact, end);
        }
        for index in &by_b {
            self.count_rule("ending b");
            let start = self.employments[*index].start.expect("rule b fits it");
            self.employments[*index].end_at(start, Some(&fact.key));
            self.employments[*index].ends.push(end);
        }

        let superseded: Vec<Moment> = match fact.kind {
            Kind::Snapshot => Vec::new(),
            _ => fact.superseded.iter().map(|(_, end)| *end).collect(),
        };
        let ended: Vec<usize> = by_a.into_iter().chain(by_b).collect();
        if !ended.is_empty() {
            for index in &ended {
                self.employments[*index].ends.extend(&superseded);
            }
            return ended;
        }

        let Some(index) = self.postponed(among, id, end, occurred) else {
            return Vec::new();
        };
        self.count_rule("ending c");
        self.employments[index].state_end(end, Some(&fact.key));
        self.employments[index].ends.extend(superseded);
        vec![index]
    }

    /// Rule a. The same day in another zone, if it ends later there, is a postponement: an end that
    /// is over stays, and an end that was stated before moves nothing.
    fn end_by_a(&mut self, index: usize, fact: &OracleFact, end: Moment) {
        self.count_rule("ending a");
        let employment = &mut self.employments[index];
        let was_stated = employment
            .ends
            .iter()
            .any(|known| known.instant == end.instant);
        let stays = employment.end.filter(|known| {
            eq(*known, end)
                && known.instant < end.instant
                && (was_stated || employment.is_over(fact.occurred))
        });

        employment.end_at(stays.unwrap_or(end), Some(&fact.key));
        employment.ends.push(end);
    }

    /// Rule c: the employment that ends last, if the ending postpones its end.
    fn postponed(
        &self,
        among: &[usize],
        id: Option<&EmploymentId>,
        end: Moment,
        occurred: Timestamp,
    ) -> Option<usize> {
        let last = among
            .iter()
            .copied()
            .filter(|index| {
                let employment = &self.employments[*index];
                employment.end.is_some() && !employment.is_no_show()
            })
            .max_by_key(|index| {
                let employment = &self.employments[*index];
                [employment.end, employment.start].map(|moment| moment.map(|moment| moment.instant))
            })?;
        let employment = &self.employments[last];
        let is_postponement = !employment.is_over(occurred)
            && !self.same_ending_known(&employment.worker, id, end, None)
            && !employment.ends.iter().any(|known| eq(*known, end));

        is_postponement.then_some(last)
    }

    /// Rule d: a repeat, else the end of an employment with unknown start.
    pub fn end_unknown_start(
        &mut self,
        fact: &OracleFact,
        worker: &Alias,
        selection: &[usize],
        id: Option<EmploymentId>,
        end: Moment,
    ) -> Vec<usize> {
        let repeats: Vec<usize> = selection
            .iter()
            .copied()
            .filter(|index| {
                let known = self.employments[*index].end;
                known.is_some_and(|known| eq(known, end))
            })
            .collect();
        if !repeats.is_empty() {
            self.count_rule("ending d, a repeat");
            for index in &repeats {
                self.employments[*index].ended_by.push(fact.key.clone());
            }
            return repeats;
        }

        self.count_rule("ending d");
        if !self.employments_of(worker).is_empty() {
            self.add_finding(FindingKind::WhichEmployment, fact);
        }
        let superseded = fact.superseded.iter().map(|(_, end)| *end);
        self.employments.push(OracleEmployment {
            worker: worker.clone(),
            id,
            opened: None,
            hired: None,
            opened_by_list: false,
            is_continuation: false,
            start: None,
            end: Some(end),
            starts: Vec::new(),
            refused: Vec::new(),
            renamed: Vec::new(),
            undated: None,
            ends: superseded.chain([end]).collect(),
            is_final: false,
            ended_by: vec![fact.key.clone()],
            is_removed: false,
        });
        vec![self.employments.len() - 1]
    }

    /// Applies an ending. Returns the employments that end there.
    pub fn end(
        &mut self,
        fact: &OracleFact,
        worker: &Alias,
        id: Option<EmploymentId>,
        end: Moment,
    ) -> Vec<usize> {
        let selection = self.select_and_assign_id(worker, id.as_ref());
        let no_shows: Vec<usize> = selection
            .iter()
            .copied()
            .filter(|index| self.employments[*index].is_no_show())
            .collect();

        let mut ended = self.end_among(fact, &selection, id.as_ref(), end);
        let count = ended
            .iter()
            .filter(|index| !no_shows.contains(index))
            .count();
        if id.is_none() && count > 1 {
            self.add_finding(FindingKind::EndedSeveral, fact);
        }
        if ended.is_empty() {
            ended = self.end_unknown_start(fact, worker, &selection, id.clone(), end);
        }
        self.record_ending(fact, worker, id, end);
        ended
    }

    /// Adds an ending to those that the replay has seen.
    pub fn record_ending(
        &mut self,
        fact: &OracleFact,
        worker: &Alias,
        id: Option<EmploymentId>,
        effective: Moment,
    ) {
        self.endings.push(OracleEnding {
            worker: worker.clone(),
            id,
            effective,
            occurred: fact.occurred,
            key: fact.key.clone(),
        });
    }
}
