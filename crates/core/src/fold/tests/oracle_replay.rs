//! The oracle's reading of fold.md 3: what each fact does to the employments of its worker.

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::Timestamp;

use super::oracle_set::{Counted, Known, refers, rules_of};
use crate::{
    event::{Alias, EmploymentId, EventKey, Kind, Moment},
    fold::{FindingKind, Rules},
};

/// An employment.
#[derive(Clone, Debug)]
pub struct Job {
    pub worker: Alias,
    pub id: Option<EmploymentId>,
    /// None: before everything.
    pub opened: Option<Timestamp>,
    /// When a `hired` or `rehired` opened it, or stated what a list had opened.
    pub hired: Option<Timestamp>,
    pub by_list: bool,
    pub converted: bool,
    pub start: Option<Moment>,
    pub end: Option<Moment>,
    pub starts: Vec<Moment>,
    /// The starts that were refused because of it, each under the id that it named.
    pub refused: Vec<(Option<EmploymentId>, Moment)>,
    /// The starts that were its own under another id, before an edit.
    pub renamed: Vec<(EmploymentId, Moment)>,
    /// When a `hired` without a date was not believed because of it.
    pub undated: Option<Moment>,
    pub ends: Vec<Moment>,
    pub is_final: bool,
    /// Which endings set its end.
    pub ended_by: Vec<EventKey>,
    pub gone: bool,
}

pub fn eq(one: Moment, two: Moment) -> bool {
    one.compare(&two) == Ordering::Equal
}

pub fn lt(one: Moment, two: Moment) -> bool {
    one.compare(&two) == Ordering::Less
}

impl Job {
    pub fn begun(&self, at: Timestamp) -> bool {
        self.start.is_none_or(|start| start.instant <= at)
    }

    pub fn no_show(&self) -> bool {
        matches!((self.start, self.end), (Some(start), Some(end)) if !lt(start, end))
    }

    pub fn over(&self, at: Timestamp) -> bool {
        self.end.is_some_and(|end| end.instant <= at)
    }

    pub fn stated(&self, start: Moment) -> bool {
        self.starts.iter().any(|known| eq(*known, start))
    }

    /// Ends it there, as was stated; `by` is what a cancel can name.
    pub fn set_end(&mut self, end: Moment, by: Option<&EventKey>) {
        self.ends.push(end);
        self.end_at(end, by);
    }

    /// Ends it where nobody stated an end: a no-show at its start.
    pub fn end_at(&mut self, end: Moment, by: Option<&EventKey>) {
        if !self.end.is_some_and(|known| eq(known, end)) {
            self.ended_by.clear();
        }
        self.ended_by.extend(by.cloned());
        self.end = Some(end);
    }
}

/// An ending that became known.
#[derive(Clone, Debug)]
pub struct Ending {
    pub worker: Alias,
    pub slot: Option<EmploymentId>,
    pub e: Moment,
    pub occurred: Timestamp,
    pub key: EventKey,
}

/// A bar on whoever the worker is.
#[derive(Clone, Debug)]
pub struct Bar {
    pub key: EventKey,
    pub worker: Alias,
    pub effective: Moment,
    pub occurred: Timestamp,
}

/// A leave.
#[derive(Clone, Debug)]
pub struct Leave {
    pub worker: Alias,
    pub start: Moment,
    pub end: Option<Moment>,
}

/// Everything that the facts have come to.
#[derive(Default)]
pub struct Replayed {
    pub jobs: Vec<Job>,
    pub bars: Vec<Bar>,
    pub leaves: Vec<Leave>,
    pub findings: Vec<(FindingKind, EventKey)>,
    /// How often each rule fired.
    pub fired: BTreeMap<&'static str, u64>,
    pub endings: Vec<Ending>,
    /// Who was converted to whom.
    pub heirs: Vec<(Alias, Alias)>,
    /// Whether the last start was refused.
    pub refused: bool,
    /// The starts that a `hired` or `rehired` stated, and under which id.
    pub hires: Vec<(Alias, Option<EmploymentId>, Moment)>,
}

/// A start as it is asked for.
pub struct Asked<'a> {
    pub fact: &'a Counted,
    pub worker: &'a Alias,
    pub id: Option<EmploymentId>,
    pub s: Moment,
    pub stated: bool,
    pub earlier: Vec<(Option<EmploymentId>, Moment)>,
    /// `converted`: what opened the employment that goes on.
    pub carried: Option<(Option<Timestamp>, Option<Timestamp>, bool)>,
}

impl Asked<'_> {
    /// What was stated in its place under another id.
    fn renamed(&self) -> Vec<(EmploymentId, Moment)> {
        let other = self.earlier.iter().filter(|(id, _)| *id != self.id);
        other
            .filter_map(|(id, start)| id.clone().map(|id| (id, *start)))
            .collect()
    }
}

pub fn replay(known: &Known, same: &BTreeMap<Alias, Alias>, rules: &Rules) -> Replayed {
    let mut state = Replayed::default();
    for fact in &known.facts {
        let worker = &same[&fact.alias];
        let id = fact.event.content.data.employment_id.clone();
        match fact.kind {
            Kind::Hired | Kind::Rehired => {
                let (s, stated, earlier) = (fact.effective, fact.stated, fact.earlier.clone());
                state.start(&Asked {
                    fact,
                    worker,
                    id,
                    s,
                    stated,
                    earlier,
                    carried: None,
                });
            }
            Kind::Converted => state.convert(fact, worker, same),
            Kind::Terminated => {
                state.ending(fact, worker, id, fact.effective);
            }
            Kind::HireRescinded => state.rescind(fact, worker, id),
            Kind::RecordDeleted => state.delete(fact, worker, id),
            Kind::TerminationCancelled => state.cancel(fact, worker, id.as_ref(), known),
            Kind::AccessRevoked => state.bars.push(Bar {
                key: fact.key.clone(),
                worker: worker.clone(),
                effective: fact.effective,
                occurred: fact.occurred,
            }),
            Kind::AccessRestored => {
                let before = state.bars.len();
                state
                    .bars
                    .retain(|bar| !refers(&fact.event, &bar.key, known));
                if state.bars.len() < before {
                    state.fire("restored");
                } else {
                    state.fire("restored nothing");
                    state.find(FindingKind::NothingToCancel, fact);
                }
            }
            Kind::LeaveStarted => {
                state
                    .with_heirs(worker)
                    .iter()
                    .for_each(|one| state.leave_started(one, fact.effective));
            }
            Kind::LeaveEnded => {
                state
                    .with_heirs(worker)
                    .iter()
                    .for_each(|one| state.leave_ended(one, fact.effective));
            }
            Kind::Snapshot => {
                let zone = rules_of(rules, &fact.event).time_zone;
                super::oracle_list::list(&mut state, fact, worker, &zone);
            }
            Kind::Changed
            | Kind::IdentifierChanged
            | Kind::Voided
            | Kind::Linked
            | Kind::Unlinked => {}
        }
        state.jobs.retain(|job| !job.gone);
    }
    state
}

impl Replayed {
    pub fn fire(&mut self, rule: &'static str) {
        *self.fired.entry(rule).or_default() += 1;
    }

    pub fn find(&mut self, kind: FindingKind, fact: &Counted) {
        self.findings.push((kind, fact.key.clone()));
    }

    pub fn of(&self, worker: &Alias) -> Vec<usize> {
        (0..self.jobs.len())
            .filter(|at| self.jobs[*at].worker == *worker)
            .collect()
    }

    fn with_id(&self, worker: &Alias, id: Option<&EmploymentId>) -> Vec<usize> {
        self.of(worker)
            .into_iter()
            .filter(|at| self.jobs[*at].id.as_ref() == id)
            .collect()
    }

    fn near(&self, worker: &Alias, id: Option<&EmploymentId>) -> Vec<usize> {
        let own = if id.is_some() {
            self.with_id(worker, id)
        } else {
            self.of(worker)
        };
        if own.is_empty() {
            self.with_id(worker, None)
        } else {
            own
        }
    }

    /// The slot of an event; the id-less take its id where none has it.
    pub fn slot(&mut self, worker: &Alias, id: Option<&EmploymentId>) -> Vec<usize> {
        let Some(id) = id else { return self.of(worker) };
        let own = self.with_id(worker, Some(id));
        if !own.is_empty() {
            return own;
        }
        let nameless = self.with_id(worker, None);
        for at in &nameless {
            self.jobs[*at].id = Some(id.clone());
            self.fire("an id is taken");
        }
        nameless
    }

    /// Which of those refuse a start at `s` (rule 1).
    pub fn refusing(&self, among: &[usize], s: Moment) -> Vec<usize> {
        let refuses = |job: &Job| match job.end {
            None => false,
            Some(end) => job.stated(s) || (!job.no_show() && lt(s, end)),
        };
        among
            .iter()
            .copied()
            .filter(|at| refuses(&self.jobs[*at]))
            .collect()
    }

    /// Those that refused that start before under that id, whatever they are called now.
    pub fn refused_before(
        &self,
        worker: &Alias,
        id: Option<&EmploymentId>,
        s: Moment,
    ) -> Vec<usize> {
        let so = |(as_id, start): &(Option<EmploymentId>, Moment)| {
            as_id.as_ref() == id && id.is_some() && eq(*start, s)
        };
        self.of(worker)
            .into_iter()
            .filter(|at| self.jobs[*at].refused.iter().any(so))
            .collect()
    }

    /// Those whose start it was under that id, before an edit gave it another.
    pub fn once_called(&self, worker: &Alias, id: Option<&EmploymentId>, s: Moment) -> Vec<usize> {
        let so = |(as_id, start): &(EmploymentId, Moment)| Some(as_id) == id && eq(*start, s);
        self.of(worker)
            .into_iter()
            .filter(|at| self.jobs[*at].renamed.iter().any(so))
            .collect()
    }

    /// Which of those a start at `s` moves (rule 2).
    pub fn moved(&self, among: &[usize], s: Moment, occurred: Timestamp) -> Option<usize> {
        let running = |job: &Job| job.end.is_none() && job.begun(occurred);
        if among
            .iter()
            .any(|at| running(&self.jobs[*at]) && self.jobs[*at].stated(s))
        {
            return None;
        }
        let waits = |job: &Job| {
            !job.begun(occurred) && !job.no_show() && job.end.is_none_or(|end| lt(s, end))
        };
        let waiting: Vec<usize> = among
            .iter()
            .copied()
            .filter(|at| waits(&self.jobs[*at]))
            .collect();
        let start = |at: usize| self.jobs[at].start.expect("one not begun has a start");
        let exact = waiting.iter().copied().find(|at| eq(start(*at), s));
        exact.or_else(|| waiting.iter().copied().min_by_key(|at| start(*at).instant))
    }

    /// A start; what it found, moved, repeated, was refused on, or opened.
    pub fn start(&mut self, asked: &Asked) -> Vec<usize> {
        let Asked {
            fact, worker, s, ..
        } = *asked;
        self.refused = false;
        let by_hire = matches!(fact.kind, Kind::Hired | Kind::Rehired);
        let said = |(of, id, start): &(Alias, Option<EmploymentId>, Moment)| {
            of == worker && *id == asked.id && eq(*start, s)
        };
        let news = by_hire && !self.hires.iter().any(said);
        let all_said: Vec<(Option<EmploymentId>, Moment)> = asked
            .earlier
            .iter()
            .cloned()
            .chain([(asked.id.clone(), s)])
            .collect();
        let said = all_said
            .iter()
            .map(|(id, start)| (worker.clone(), id.clone(), *start));
        self.hires.extend(said.filter(|_| by_hire));
        let listed = fact.kind == Kind::Snapshot; // no event: what a row is about takes its id afterwards
        let slot = if listed {
            self.near(worker, asked.id.as_ref())
        } else {
            self.slot(worker, asked.id.as_ref())
        };
        let moved = self.moved(&slot, s, fact.occurred);
        let mut past = slot.clone();
        if asked.id.is_some() {
            past.extend(self.with_id(worker, None));
            past.extend(self.refused_before(worker, asked.id.as_ref(), s));
            past.extend(self.once_called(worker, asked.id.as_ref(), s));
        }
        past.retain(|at| Some(*at) != moved);
        past.sort_unstable();
        past.dedup();
        let refusing = self.refusing(&past, s);
        if !refusing.is_empty() {
            self.fire("start 1");
            self.refused = true;
            self.find(FindingKind::StartInsideEnded, fact);
            for at in &refusing {
                self.state_start(*at, asked, false);
                self.jobs[*at].refused.extend(all_said.iter().cloned());
            }
            return refusing;
        }
        let mut called = self.once_called(worker, asked.id.as_ref(), s);
        called.retain(|at| self.jobs[*at].end.is_none() && !slot.contains(at));
        if !called.is_empty() && !listed {
            self.fire("start 3, the id was edited");
            for at in &called {
                let its_start = self.jobs[*at].stated(s);
                self.state_start(*at, asked, news && its_start);
            }
            return called;
        }
        if let Some(at) = moved {
            self.fire("start 2");
            let said: Vec<usize> = slot
                .iter()
                .copied()
                .filter(|at| listed && self.jobs[*at].stated(s))
                .collect();
            if !said.is_empty() {
                for at in &said {
                    self.state_start(*at, asked, false);
                }
                return said;
            }
            self.jobs[at].start = Some(s);
            self.state_start(at, asked, news);
            return vec![at];
        }
        let running: Vec<usize> = slot
            .iter()
            .copied()
            .filter(|at| self.jobs[*at].end.is_none() && self.jobs[*at].begun(fact.occurred))
            .collect();
        if !running.is_empty() {
            let later = running.iter().all(|at| {
                self.jobs[*at].start.is_none_or(|start| lt(start, s)) && !self.jobs[*at].stated(s)
            });
            if fact.kind == Kind::Rehired && later {
                self.fire("start 3, rehired later");
                for at in &running {
                    self.jobs[*at].set_end(s, None);
                }
                return vec![self.open(asked)];
            }
            self.fire("start 3");
            for at in &running {
                let its_start = self.jobs[*at].stated(s);
                self.state_start(*at, asked, news && its_start);
            }
            return running;
        }
        if fact.kind == Kind::Hired
            && !asked.stated
            && past.iter().any(|at| self.jobs[*at].end.is_some())
        {
            self.fire("start 4");
            self.find(FindingKind::StartWithoutDate, fact);
            for at in past {
                self.jobs[at].undated = Some(s);
            }
            return Vec::new();
        }
        self.fire("start 5");
        vec![self.open(asked)]
    }

    /// `hires`: what a list opened counts as opened by this.
    fn state_start(&mut self, at: usize, asked: &Asked, hires: bool) {
        let job = &mut self.jobs[at];
        job.starts
            .extend(asked.earlier.iter().map(|(_, start)| *start));
        job.renamed.extend(asked.renamed());
        job.starts.push(asked.s);
        if hires && job.by_list && job.hired.is_none() {
            job.hired = Some(asked.fact.occurred);
        }
    }

    pub fn open(&mut self, asked: &Asked) -> usize {
        let fact = asked.fact;
        let by_hire = matches!(fact.kind, Kind::Hired | Kind::Rehired).then_some(fact.occurred);
        let (opened, hired, by_list) =
            asked
                .carried
                .unwrap_or((Some(fact.occurred), by_hire, fact.kind == Kind::Snapshot));
        let mut starts: Vec<Moment> = asked.earlier.iter().map(|(_, start)| *start).collect();
        starts.push(asked.s);
        let renamed = asked.renamed();
        self.jobs.push(Job {
            worker: asked.worker.clone(),
            id: asked.id.clone(),
            opened,
            hired,
            by_list,
            converted: asked.carried.is_some(),
            start: Some(asked.s),
            end: None,
            starts,
            refused: Vec::new(),
            renamed,
            undated: None,
            ends: Vec::new(),
            is_final: false,
            ended_by: Vec::new(),
            gone: false,
        });
        self.jobs.len() - 1
    }
}
