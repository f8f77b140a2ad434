//! The oracle reads `docs/fold.md` 3, "Start".
//!
//! In: the state and a start. Each of the five rules searches all employments again.

use jiff::Timestamp;

use super::{
    oracle_set::OracleFact,
    oracle_state::{OracleEmployment, OracleState, eq, lt},
};
use crate::{
    event::{Alias, EmploymentId, Kind, Moment},
    fold::FindingKind,
};

/// A start, as a fact or a row of a list states it.
pub struct StartRequest<'a> {
    pub fact: &'a OracleFact,
    pub worker: &'a Alias,
    pub id: Option<EmploymentId>,
    pub start: Moment,
    pub is_dated: bool,
    pub superseded: Vec<(Option<EmploymentId>, Moment)>,
    /// `converted`: how the employment that continues was opened.
    pub continued: Option<Continued>,
}

/// How an employment was opened that a conversion continues.
#[derive(Clone, Copy, Default)]
pub struct Continued {
    pub opened: Option<Timestamp>,
    pub hired: Option<Timestamp>,
    pub opened_by_list: bool,
}

impl StartRequest<'_> {
    /// The superseded starts under another id.
    fn renamed(&self) -> Vec<(EmploymentId, Moment)> {
        let other = self.superseded.iter().filter(|(id, _)| *id != self.id);
        other
            .filter_map(|(id, start)| id.clone().map(|id| (id, *start)))
            .collect()
    }

    /// Every start that the fact states or supersedes, each with the id that it named.
    fn all_starts(&self) -> Vec<(Option<EmploymentId>, Moment)> {
        let mut all = self.superseded.clone();
        all.push((self.id.clone(), self.start));
        all
    }

    fn is_hire(&self) -> bool {
        matches!(self.fact.kind, Kind::Hired | Kind::Rehired)
    }

    /// The fact is a list: it is no event of its own, and the employment that a row is about takes
    /// the id of the row afterwards.
    fn is_listed(&self) -> bool {
        self.fact.kind == Kind::Snapshot
    }
}

impl OracleState {
    /// Rule 1: which of those refuse the start.
    pub fn refusing(&self, among: &[usize], start: Moment) -> Vec<usize> {
        let refuses = |employment: &OracleEmployment| match employment.end {
            None => false,
            Some(end) => {
                employment.has_stated(start) || (!employment.is_no_show() && lt(start, end))
            }
        };
        among
            .iter()
            .copied()
            .filter(|index| refuses(&self.employments[*index]))
            .collect()
    }

    /// The employments that refused this start under this id before, regardless of the id they
    /// have now.
    pub fn refused_before(
        &self,
        worker: &Alias,
        id: Option<&EmploymentId>,
        start: Moment,
    ) -> Vec<usize> {
        let is_same = |(known, refused): &(Option<EmploymentId>, Moment)| {
            known.as_ref() == id && id.is_some() && eq(*refused, start)
        };
        self.employments_of(worker)
            .into_iter()
            .filter(|index| self.employments[*index].refused.iter().any(is_same))
            .collect()
    }

    /// The employments that had this start under this id, before an edit gave them another id.
    pub fn with_former_id(
        &self,
        worker: &Alias,
        id: Option<&EmploymentId>,
        start: Moment,
    ) -> Vec<usize> {
        let is_same =
            |(known, stated): &(EmploymentId, Moment)| Some(known) == id && eq(*stated, start);
        self.employments_of(worker)
            .into_iter()
            .filter(|index| self.employments[*index].renamed.iter().any(is_same))
            .collect()
    }

    /// Rule 2: which of those the start moves.
    pub fn moved(&self, among: &[usize], start: Moment, occurred: Timestamp) -> Option<usize> {
        let is_running = |employment: &OracleEmployment| {
            employment.end.is_none() && employment.has_begun(occurred)
        };
        let runs_with_that_start = among.iter().any(|index| {
            let employment = &self.employments[*index];
            is_running(employment) && employment.has_stated(start)
        });
        if runs_with_that_start {
            return None;
        }

        let may_move = |employment: &OracleEmployment| {
            !employment.has_begun(occurred)
                && !employment.is_no_show()
                && employment.end.is_none_or(|end| lt(start, end))
        };
        let waiting: Vec<usize> = among
            .iter()
            .copied()
            .filter(|index| may_move(&self.employments[*index]))
            .collect();
        let known_start = |index: usize| {
            let start = self.employments[index].start;
            start.expect("an employment that has not begun has a start")
        };
        let exact = waiting
            .iter()
            .copied()
            .find(|index| eq(known_start(*index), start));
        exact.or_else(|| {
            waiting
                .iter()
                .copied()
                .min_by_key(|index| known_start(*index).instant)
        })
    }

    /// Applies a start. Returns the employments that it repeats, moves, opens, or that refuse it.
    pub fn start(&mut self, request: &StartRequest) -> Vec<usize> {
        let StartRequest {
            fact,
            worker,
            start,
            ..
        } = *request;
        self.was_refused = false;
        let is_first_statement = self.record_hire(request);
        let selection = if request.is_listed() {
            self.select(worker, request.id.as_ref())
        } else {
            self.select_and_assign_id(worker, request.id.as_ref())
        };

        // Rule 1.
        let moved = self.moved(&selection, start, fact.occurred);
        let past = self.checked_by_rule_1(request, &selection, moved);
        let refusing = self.refusing(&past, start);
        if !refusing.is_empty() {
            return self.refuse(request, refusing);
        }

        // Rule 3 for an id that an edit changed.
        let mut former = self.with_former_id(worker, request.id.as_ref(), start);
        former.retain(|index| self.employments[*index].end.is_none() && !selection.contains(index));
        if !former.is_empty() && !request.is_listed() {
            self.count_rule("start 3, the id was edited");
            self.repeat(request, &former, is_first_statement);
            return former;
        }

        if let Some(index) = moved {
            return self.move_start(request, &selection, index, is_first_statement);
        }

        // Rule 3.
        let running: Vec<usize> = selection
            .iter()
            .copied()
            .filter(|index| {
                let employment = &self.employments[*index];
                employment.end.is_none() && employment.has_begun(fact.occurred)
            })
            .collect();
        if !running.is_empty() {
            return self.start_beside_running(request, running, is_first_statement);
        }

        // Rule 4.
        if self.refuses_undated(request, &past) {
            return Vec::new();
        }

        // Rule 5.
        self.count_rule("start 5");
        vec![self.open(request)]
    }

    /// Records what a `hired` or `rehired` states. `true`: it is one, and none before stated this
    /// start under this id.
    fn record_hire(&mut self, request: &StartRequest) -> bool {
        if !request.is_hire() {
            return false;
        }

        let is_first = !self.hires.iter().any(|(worker, id, start)| {
            worker == request.worker && *id == request.id && eq(*start, request.start)
        });
        for (id, start) in request.all_starts() {
            self.hires.push((request.worker.clone(), id, start));
        }
        is_first
    }

    /// The employments that rule 1 checks: all but the one that rule 2 would move.
    fn checked_by_rule_1(
        &self,
        request: &StartRequest,
        selection: &[usize],
        moved: Option<usize>,
    ) -> Vec<usize> {
        let (worker, id, start) = (request.worker, request.id.as_ref(), request.start);
        let mut checked = selection.to_vec();

        if id.is_some() {
            checked.extend(self.with_id(worker, None));
            checked.extend(self.refused_before(worker, id, start));
            checked.extend(self.with_former_id(worker, id, start));
        }
        checked.retain(|index| Some(*index) != moved);
        checked.sort_unstable();
        checked.dedup();
        checked
    }

    fn refuse(&mut self, request: &StartRequest, refusing: Vec<usize>) -> Vec<usize> {
        self.count_rule("start 1");
        self.was_refused = true;
        self.add_finding(FindingKind::StartInsideEnded, request.fact);
        for index in &refusing {
            self.state_start(*index, request, false);
            self.employments[*index]
                .refused
                .extend(request.all_starts());
        }
        refusing
    }

    /// Rule 2. An outdated list moves nothing back.
    fn move_start(
        &mut self,
        request: &StartRequest,
        selection: &[usize],
        moved: usize,
        is_first_statement: bool,
    ) -> Vec<usize> {
        self.count_rule("start 2");
        let outdated: Vec<usize> = selection
            .iter()
            .copied()
            .filter(|index| {
                request.is_listed() && self.employments[*index].has_stated(request.start)
            })
            .collect();
        if !outdated.is_empty() {
            for index in &outdated {
                self.state_start(*index, request, false);
            }
            return outdated;
        }

        self.employments[moved].start = Some(request.start);
        self.state_start(moved, request, is_first_statement);
        vec![moved]
    }

    /// Rule 3: a repeat, or a `rehired` to a later start that ends the running employments.
    fn start_beside_running(
        &mut self,
        request: &StartRequest,
        running: Vec<usize>,
        is_first_statement: bool,
    ) -> Vec<usize> {
        let is_later = running.iter().all(|index| {
            let employment = &self.employments[*index];
            employment
                .start
                .is_none_or(|start| lt(start, request.start))
                && !employment.has_stated(request.start)
        });
        if request.fact.kind == Kind::Rehired && is_later {
            self.count_rule("start 3, rehired later");
            for index in &running {
                self.employments[*index].state_end(request.start, None);
            }
            return vec![self.open(request)];
        }

        self.count_rule("start 3");
        self.repeat(request, &running, is_first_statement);
        running
    }

    /// Rule 4: whether an undated `hired` is refused because one of the past employments has ended.
    fn refuses_undated(&mut self, request: &StartRequest, past: &[usize]) -> bool {
        let has_ended = past
            .iter()
            .any(|index| self.employments[*index].end.is_some());
        if request.fact.kind != Kind::Hired || request.is_dated || !has_ended {
            return false;
        }

        self.count_rule("start 4");
        self.add_finding(FindingKind::StartWithoutDate, request.fact);
        for index in past {
            self.employments[*index].undated = Some(request.start);
        }
        true
    }

    fn repeat(&mut self, request: &StartRequest, repeated: &[usize], is_first_statement: bool) {
        for index in repeated {
            let states_its_start = self.employments[*index].has_stated(request.start);
            self.state_start(*index, request, is_first_statement && states_its_start);
        }
    }

    /// `opens`: an employment that a list opened counts as opened by this fact.
    fn state_start(&mut self, index: usize, request: &StartRequest, opens: bool) {
        let employment = &mut self.employments[index];
        employment
            .starts
            .extend(request.superseded.iter().map(|(_, start)| *start));
        employment.renamed.extend(request.renamed());
        employment.starts.push(request.start);
        if opens && employment.opened_by_list && employment.hired.is_none() {
            employment.hired = Some(request.fact.occurred);
        }
    }

    /// Opens an employment and returns its index.
    pub fn open(&mut self, request: &StartRequest) -> usize {
        let occurred = request.fact.occurred;
        let opening = request.continued.unwrap_or(Continued {
            opened: Some(occurred),
            hired: request.is_hire().then_some(occurred),
            opened_by_list: request.is_listed(),
        });
        let starts = request.all_starts();

        self.employments.push(OracleEmployment {
            worker: request.worker.clone(),
            id: request.id.clone(),
            opened: opening.opened,
            hired: opening.hired,
            opened_by_list: opening.opened_by_list,
            is_continuation: request.continued.is_some(),
            start: Some(request.start),
            end: None,
            starts: starts.into_iter().map(|(_, start)| start).collect(),
            refused: Vec::new(),
            renamed: request.renamed(),
            undated: None,
            ends: Vec::new(),
            is_final: false,
            ended_by: Vec::new(),
            is_removed: false,
        });
        self.employments.len() - 1
    }
}
