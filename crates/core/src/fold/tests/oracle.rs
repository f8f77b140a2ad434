//! The oracle: fold.md read a second time, slowly, apart from the fold. Here: where a person stands at an instant.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    oracle_replay::{Bar, Job, Leave, Replayed, lt, replay},
    oracle_set::{Known, known, person, same_worker},
};
use crate::{
    event::{Alias, Event, EventKey},
    fold::{Authority, FindingKind, Rules, Status},
};

/// A person as the oracle sees them.
pub struct Seen {
    known: Known,
    replayed: Replayed,
    same: BTreeMap<Alias, Alias>,
    workers: BTreeSet<Alias>,
    rules: Rules,
}

/// Reads the whole set for one person.
pub fn see(events: &[Event], alias: &Alias, rules: &Rules) -> Seen {
    let mut known = known(events, rules);
    known.aliases.insert(alias.clone());
    let same = same_worker(&known);
    let workers = person(&known, &same, &same[alias]);
    let replayed = replay(&known, &same, rules);
    Seen {
        known,
        replayed,
        same,
        workers,
        rules: rules.clone(),
    }
}

impl Seen {
    /// Every alias of the person.
    pub fn aliases(&self) -> BTreeSet<Alias> {
        self.same
            .iter()
            .filter(|(_, worker)| self.workers.contains(*worker))
            .map(|(alias, _)| alias.clone())
            .collect()
    }

    /// How often each rule fired, for whomever.
    pub fn fired(&self) -> &BTreeMap<&'static str, u64> {
        &self.replayed.fired
    }

    /// What was noticed, about whomever.
    pub fn findings(&self) -> Vec<(FindingKind, EventKey)> {
        self.known
            .findings
            .iter()
            .chain(&self.replayed.findings)
            .cloned()
            .collect()
    }

    fn all_jobs(&self) -> impl Iterator<Item = &Job> {
        self.replayed
            .jobs
            .iter()
            .filter(|job| self.workers.contains(&job.worker))
    }

    /// The employments in scope.
    pub fn jobs(&self) -> Vec<&Job> {
        let scope = self.rules.scope.as_ref();
        self.all_jobs()
            .filter(|job| scope.is_none_or(|scope| scope.contains(&job.worker.source)))
            .collect()
    }

    fn is_pre_hire(&self, job: &Job) -> bool {
        self.rules
            .sources
            .get(&job.worker.source)
            .is_some_and(|rules| rules.authority == Authority::PreHire)
    }

    fn counts(&self, job: &Job) -> bool {
        !self.is_pre_hire(job) || self.all_jobs().all(|other| self.is_pre_hire(other))
    }

    fn bars(&self) -> Vec<&Bar> {
        self.replayed
            .bars
            .iter()
            .filter(|bar| self.workers.contains(&bar.worker))
            .collect()
    }

    fn barred(&self, job: &Job, at: Timestamp) -> bool {
        self.bars().iter().any(|bar| {
            let hired_since = job.hired.is_some_and(|hired| hired > bar.occurred);
            let starts_since = job.start.is_some_and(|start| !lt(start, bar.effective));
            bar.effective.instant <= at && !(hired_since && starts_since)
        })
    }

    fn lapsed(&self, job: &Job, at: Timestamp) -> bool {
        let lapse = self
            .rules
            .sources
            .get(&job.worker.source)
            .map(|rules| rules.pre_hire_lapse);
        let lapses = job
            .start
            .zip(lapse)
            .map(|(start, lapse)| start.instant + lapse);
        self.is_pre_hire(job) && lapses.is_some_and(|lapses| lapses <= at)
    }

    /// Whether the employment gives access, leaves aside.
    pub fn live(&self, job: &Job, at: Timestamp) -> bool {
        self.counts(job)
            && job.start.is_some_and(|start| start.instant <= at)
            && !job.no_show()
            && !job.over(at)
            && !self.barred(job, at)
            && !self.lapsed(job, at)
    }

    fn on_leave(&self, job: &Job, at: Timestamp) -> bool {
        let ends_by_new = |leave: &Leave| {
            self.replayed
                .jobs
                .iter()
                .filter(|other| {
                    other.worker == leave.worker && !other.converted && !other.no_show()
                })
                .filter_map(|other| other.start)
                .any(|start| lt(leave.start, start) && start.instant <= at)
        };
        self.replayed
            .leaves
            .iter()
            .filter(|leave| leave.worker == job.worker)
            .any(|leave| {
                leave.start.instant <= at
                    && leave.end.is_none_or(|end| at < end.instant)
                    && !ends_by_new(leave)
            })
    }

    /// Where the person stands at that instant.
    pub fn status(&self, at: Timestamp) -> Status {
        let jobs: Vec<&Job> = self
            .jobs()
            .into_iter()
            .filter(|job| self.counts(job))
            .collect();
        let live: Vec<&&Job> = jobs.iter().filter(|job| self.live(job, at)).collect();
        if !live.is_empty() {
            let away = live.iter().all(|job| self.on_leave(job, at));
            return if away {
                Status::OnLeave
            } else {
                Status::Active
            };
        }
        let over = jobs.iter().any(|job| job.over(at) || job.no_show());
        let begins = |job: &Job| {
            !job.begun(at) && job.start.is_some_and(|start| self.live(job, start.instant))
        };
        if !over && jobs.iter().any(|job| begins(job)) {
            return Status::Upcoming;
        }
        let begun = jobs
            .iter()
            .any(|job| job.start.is_some() && job.begun(at) || self.barred(job, at));
        // Somebody who is barred before they begin, or whom the HR system was heard of, was somebody.
        let never = jobs.iter().any(|job| {
            job.start
                .is_some_and(|start| self.barred(job, start.instant))
        }) || jobs.len() < self.jobs().len();
        let bar_alone =
            self.jobs().is_empty() && self.bars().iter().any(|bar| bar.effective.instant <= at);
        let in_scope = |alias: &Alias| {
            self.rules
                .scope
                .as_ref()
                .is_none_or(|scope| scope.contains(&alias.source))
        };
        let mut voided = self
            .known
            .voided_starts
            .iter()
            .filter(|alias| in_scope(alias));
        let start_voided = voided.any(|alias| self.workers.contains(&self.same[alias]));
        if over || begun || never || bar_alone || start_voided {
            Status::Ended
        } else {
            Status::Unknown
        }
    }
}
