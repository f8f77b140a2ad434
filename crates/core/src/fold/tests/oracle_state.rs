//! The state of the oracle's replay: employments, leaves, access revocations and endings.
//!
//! Employments are named by their index in [`OracleState::employments`]. The rules that change the
//! state are in `oracle_start`, `oracle_endings`, `oracle_list` and `oracle_rarer`.

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::Timestamp;

use super::oracle_set::OracleFact;
use crate::{
    event::{Alias, EmploymentId, EventKey, Moment},
    fold::FindingKind,
};

/// An employment of a worker.
#[derive(Clone, Debug)]
pub struct OracleEmployment {
    pub worker: Alias,
    pub id: Option<EmploymentId>,
    /// `None`: before every event.
    pub opened: Option<Timestamp>,
    /// The time at which a `hired` or `rehired` opened it, or stated what a list had opened.
    pub hired: Option<Timestamp>,
    pub opened_by_list: bool,
    pub is_continuation: bool,
    pub start: Option<Moment>,
    pub end: Option<Moment>,
    pub starts: Vec<Moment>,
    /// The starts that rule 1 refused because of it, each with the id that the start named.
    pub refused: Vec<(Option<EmploymentId>, Moment)>,
    /// The starts that it had under another id, before an edit.
    pub renamed: Vec<(EmploymentId, Moment)>,
    /// The moment of the last undated `hired` that rule 4 refused because of it.
    pub undated: Option<Moment>,
    pub ends: Vec<Moment>,
    pub is_final: bool,
    /// The endings that set its end.
    pub ended_by: Vec<EventKey>,
    pub is_removed: bool,
}

/// Whether two moments are the same, in the civil order.
pub fn eq(one: Moment, other: Moment) -> bool {
    one.compare(&other) == Ordering::Equal
}

/// Whether the first moment is before the second, in the civil order.
pub fn lt(one: Moment, other: Moment) -> bool {
    one.compare(&other) == Ordering::Less
}

impl OracleEmployment {
    pub fn has_begun(&self, at: Timestamp) -> bool {
        self.start.is_none_or(|start| start.instant <= at)
    }

    pub fn is_no_show(&self) -> bool {
        matches!((self.start, self.end), (Some(start), Some(end)) if !lt(start, end))
    }

    pub fn is_over(&self, at: Timestamp) -> bool {
        self.end.is_some_and(|end| end.instant <= at)
    }

    pub fn has_stated(&self, start: Moment) -> bool {
        self.starts.iter().any(|known| eq(*known, start))
    }

    /// Ends it at a stated end. `by`: the ending that a cancellation can name.
    pub fn state_end(&mut self, end: Moment, by: Option<&EventKey>) {
        self.ends.push(end);
        self.end_at(end, by);
    }

    /// Ends it at an end that no fact states, such as a no-show at its start.
    pub fn end_at(&mut self, end: Moment, by: Option<&EventKey>) {
        if !self.end.is_some_and(|known| eq(known, end)) {
            self.ended_by.clear();
        }
        self.ended_by.extend(by.cloned());
        self.end = Some(end);
    }
}

/// An ending that the replay has seen.
#[derive(Clone, Debug)]
pub struct OracleEnding {
    pub worker: Alias,
    /// The employment id that it named.
    pub id: Option<EmploymentId>,
    pub effective: Moment,
    pub occurred: Timestamp,
    pub key: EventKey,
}

/// An access revocation. It applies to the whole person of the worker.
#[derive(Clone, Debug)]
pub struct OracleRevocation {
    pub key: EventKey,
    pub worker: Alias,
    pub effective: Moment,
    pub occurred: Timestamp,
}

/// A leave of a worker.
#[derive(Clone, Debug)]
pub struct OracleLeave {
    pub worker: Alias,
    pub start: Moment,
    pub end: Option<Moment>,
}

/// The result of the replay so far.
#[derive(Default)]
pub struct OracleState {
    pub employments: Vec<OracleEmployment>,
    pub revocations: Vec<OracleRevocation>,
    pub leaves: Vec<OracleLeave>,
    pub findings: Vec<(FindingKind, EventKey)>,
    /// How often each rule applied, by its name in `coverage`.
    pub rule_counts: BTreeMap<&'static str, u64>,
    pub endings: Vec<OracleEnding>,
    /// Conversions: from worker, to worker.
    pub successors: Vec<(Alias, Alias)>,
    /// Whether rule 1 refused the last start.
    pub was_refused: bool,
    /// The starts that a `hired` or `rehired` stated, each with the id that it named.
    pub hires: Vec<(Alias, Option<EmploymentId>, Moment)>,
}

impl OracleState {
    pub fn count_rule(&mut self, rule: &'static str) {
        *self.rule_counts.entry(rule).or_default() += 1;
    }

    pub fn add_finding(&mut self, kind: FindingKind, fact: &OracleFact) {
        self.findings.push((kind, fact.key.clone()));
    }

    pub fn employments_of(&self, worker: &Alias) -> Vec<usize> {
        (0..self.employments.len())
            .filter(|index| self.employments[*index].worker == *worker)
            .collect()
    }

    pub fn with_id(&self, worker: &Alias, id: Option<&EmploymentId>) -> Vec<usize> {
        self.employments_of(worker)
            .into_iter()
            .filter(|index| self.employments[*index].id.as_ref() == id)
            .collect()
    }

    /// The employments that a row with this id is about.
    pub fn select(&self, worker: &Alias, id: Option<&EmploymentId>) -> Vec<usize> {
        let own = if id.is_some() {
            self.with_id(worker, id)
        } else {
            self.employments_of(worker)
        };
        if own.is_empty() {
            self.with_id(worker, None)
        } else {
            own
        }
    }

    /// The employments that an event with this id is about. If none has the id, those without one
    /// take it.
    pub fn select_and_assign_id(
        &mut self,
        worker: &Alias,
        id: Option<&EmploymentId>,
    ) -> Vec<usize> {
        let Some(id) = id else {
            return self.employments_of(worker);
        };
        let own = self.with_id(worker, Some(id));
        if !own.is_empty() {
            return own;
        }

        let without_id = self.with_id(worker, None);
        for index in &without_id {
            self.employments[*index].id = Some(id.clone());
            self.count_rule("an employment takes an id");
        }
        without_id
    }
}
