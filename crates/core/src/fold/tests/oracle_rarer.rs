//! The oracle reads the rarer facts of `docs/fold.md` 3.
//!
//! They are conversions, rescinded hires, deleted records, cancellations and leaves.

use std::collections::BTreeMap;

use super::{
    oracle_set::{OracleFact, OracleSet, refers_to},
    oracle_start::{Continued, StartRequest},
    oracle_state::{OracleEmployment, OracleEnding, OracleLeave, OracleState, eq, lt},
};
use crate::{
    event::{Alias, EmploymentId, Moment},
    fold::FindingKind,
};

impl OracleState {
    /// Ends the whole worker under the previous id, regardless of the employment id that the
    /// conversion names, and starts the employment that continues.
    pub fn convert(&mut self, fact: &OracleFact, worker: &Alias, same: &BTreeMap<Alias, Alias>) {
        let data = &fact.event.content.data;
        let previous = Alias {
            source: fact.alias.source.clone(),
            worker: data
                .previous_worker_id
                .clone()
                .expect("a conversion names the previous worker"),
        };
        let previous = &same[&previous];
        let start = fact.effective;

        let ended = self.end(fact, previous, None, start);
        let first = ended
            .iter()
            .map(|index| &self.employments[*index])
            .min_by_key(|employment| (employment.opened, employment.hired));
        let continued = first.map_or(Continued::default(), |employment| Continued {
            opened: employment.opened,
            hired: employment.hired,
            opened_by_list: employment.opened_by_list,
        });

        let touched = self.start(&StartRequest {
            fact,
            worker,
            id: data.employment_id.clone(),
            start,
            is_dated: fact.is_dated,
            superseded: fact.superseded.clone(),
            continued: Some(continued),
        });
        if !self.was_refused {
            for index in touched {
                self.employments[index].is_continuation = true;
            }
        }

        self.continue_leaves(previous, worker, start);
        self.successors.push((previous.clone(), worker.clone()));
    }

    fn continue_leaves(&mut self, previous: &Alias, worker: &Alias, conversion: Moment) {
        let continues = |leave: &&OracleLeave| {
            leave.worker == *previous && leave.end.is_none_or(|end| lt(conversion, end))
        };
        let leaves: Vec<OracleLeave> = self.leaves.iter().filter(continues).cloned().collect();
        for leave in leaves {
            if !self.knows_leave(worker, leave.start) {
                self.leaves.push(OracleLeave {
                    worker: worker.clone(),
                    ..leave
                });
            }
        }
    }

    fn knows_leave(&self, worker: &Alias, start: Moment) -> bool {
        self.leaves
            .iter()
            .any(|leave| leave.worker == *worker && eq(leave.start, start))
    }

    pub fn rescind_hire(&mut self, fact: &OracleFact, worker: &Alias, id: Option<EmploymentId>) {
        let not_begun: Vec<usize> = self
            .select_and_assign_id(worker, id.as_ref())
            .into_iter()
            .filter(|index| !self.employments[*index].has_begun(fact.occurred))
            .collect();
        if not_begun.is_empty() {
            self.count_rule("rescinded, but begun");
            self.end(fact, worker, id, Moment::at(fact.occurred));
            return;
        }

        for index in not_begun {
            self.count_rule("rescinded");
            self.end_before_start(index, fact);
        }
        self.record_ending(fact, worker, id, Moment::at(fact.occurred));
    }

    /// Makes a final no-show of an employment that has not begun.
    fn end_before_start(&mut self, index: usize, fact: &OracleFact) {
        let start = self.employments[index]
            .start
            .expect("an employment that has not begun has a start");
        self.employments[index].end_at(start, Some(&fact.key));
        self.employments[index].is_final = true;
    }

    pub fn delete_record(&mut self, fact: &OracleFact, worker: &Alias, id: Option<EmploymentId>) {
        let end = fact.effective;
        let selection = self.select_and_assign_id(worker, id.as_ref());
        if selection.is_empty() {
            self.end_unknown_start(fact, worker, &selection, id.clone(), end);
        }

        for index in selection {
            let employment = &mut self.employments[index];
            if employment.end.is_some_and(|known| !lt(end, known)) {
                continue;
            }
            if employment.start.is_none_or(|start| !lt(end, start)) {
                employment.state_end(end, Some(&fact.key));
                self.count_rule("deleted");
            } else {
                self.end_before_start(index, fact);
                self.count_rule("deleted before it began");
            }
        }
        self.record_ending(fact, worker, id, end);
    }

    pub fn cancel(
        &mut self,
        fact: &OracleFact,
        worker: &Alias,
        id: Option<&EmploymentId>,
        set: &OracleSet,
    ) {
        let selection = self.select_and_assign_id(worker, id);
        let is_named = !fact.event.content.data.refers_to.is_empty();
        let is_about = |ending: &&OracleEnding| {
            id.is_none() || ending.id.is_none() || ending.id.as_ref() == id
        };
        let last = self
            .endings
            .iter()
            .filter(is_about)
            .rfind(|ending| ending.worker == *worker);
        let last = last.map(|ending| ending.key.clone());
        let is_cancelled = |employment: &OracleEmployment| {
            let mut ended_by = employment.ended_by.iter();
            let is_ended_by_it = if is_named {
                ended_by.any(|key| refers_to(&fact.event, key, set))
            } else {
                ended_by.any(|key| Some(key) == last.as_ref()) && !employment.is_over(fact.occurred)
            };
            !employment.is_final && employment.end.is_some() && is_ended_by_it
        };

        let lifted: Vec<usize> = selection
            .into_iter()
            .filter(|index| is_cancelled(&self.employments[*index]))
            .collect();
        if lifted.is_empty() {
            self.count_rule("cancelled nothing");
            self.add_finding(FindingKind::NothingToCancel, fact);
        }
        for index in lifted {
            self.count_rule(if is_named {
                "cancelled by reference"
            } else {
                "cancelled the last"
            });
            self.lift_end(index);
        }
    }

    /// Opens the employment again. One whose start stays unknown is removed.
    fn lift_end(&mut self, index: usize) {
        let employment = &mut self.employments[index];
        employment.end = None;
        employment.ended_by.clear();
        employment.start = employment
            .start
            .or(employment.starts.last().copied())
            .or(employment.undated);
        let start = employment.start;
        employment
            .starts
            .extend(employment.undated.filter(|undated| start == Some(*undated)));
        employment.is_removed = start.is_none();
    }

    /// The worker, and every worker that it was converted to so far, directly or through others.
    pub fn with_successors(&self, worker: &Alias) -> Vec<Alias> {
        let mut all = vec![worker.clone()];

        for index in 0..=self.successors.len() {
            let Some(one) = all.get(index).cloned() else {
                break;
            };
            let successors = self
                .successors
                .iter()
                .filter(|(from, _)| *from == one)
                .map(|(_, to)| to);
            let added: Vec<Alias> = successors.filter(|to| !all.contains(to)).cloned().collect();
            all.extend(added);
        }
        all
    }

    pub fn start_leave(&mut self, worker: &Alias, start: Moment) {
        if self.knows_leave(worker, start) {
            self.count_rule("leave started again");
            return;
        }
        self.count_rule("leave started");
        self.leaves.push(OracleLeave {
            worker: worker.clone(),
            start,
            end: None,
        });
    }

    pub fn end_leave(&mut self, worker: &Alias, end: Moment) {
        let starts_before = |leave: &OracleLeave| leave.worker == *worker && lt(leave.start, end);
        let last = self
            .leaves
            .iter()
            .filter(|leave| starts_before(leave))
            .map(|leave| leave.start.instant)
            .max();

        for index in 0..self.leaves.len() {
            let leave = &mut self.leaves[index];
            if starts_before(leave) && (leave.end.is_none() || Some(leave.start.instant) == last) {
                let had_end = leave.end.is_some();
                leave.end = Some(end);
                self.count_rule(if had_end {
                    "leave end moved"
                } else {
                    "leave ended"
                });
            }
        }
    }
}
