//! How a property looks at a history: through the fold, or, to test the rules themselves, through the oracle
//! (`HIREWIRE_READER=1`).

use std::{cell::OnceCell, collections::BTreeMap};

use jiff::Timestamp;

use super::{
    fact::{Fact, History, alias},
    oracle::{Seen, see},
    oracle_set::{known, same_worker},
    runner::setting,
};
use crate::{
    event::{Alias, EmploymentId, Event, EventKey, Moment},
    fold::{
        FindingKind, Folded, Rules, Status,
        status::{EffectiveEmployment, EffectiveEmployments},
    },
};

/// An employment, as either reader shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub worker: Alias,
    pub id: Option<EmploymentId>,
    pub opened: Option<Timestamp>,
    pub start: Option<Moment>,
    pub end: Option<Moment>,
}

impl Job {
    pub fn no_show(&self) -> bool {
        matches!((self.start, self.end), (Some(start), Some(end)) if end.compare(&start).is_le())
    }
}

/// The person of [`ALIASES`](super::fact::ALIASES)`[0]`.
pub struct View {
    events: Vec<Event>,
    rules: Rules,
    /// Which aliases are one worker; asked by few.
    same: OnceCell<BTreeMap<Alias, Alias>>,
    by: Reader,
}

/// Who reads it, once for all instants.
enum Reader {
    Fold {
        standings: EffectiveEmployments,
        findings: Vec<(FindingKind, EventKey)>,
    },
    Oracle(Box<Seen>),
}

impl View {
    pub fn of(history: &History) -> Self {
        let (events, rules, who) = (history.events(), history.rules(), alias(0));
        let by = if setting("HIREWIRE_READER") == Some(1) {
            Reader::Oracle(Box::new(see(&events, &who, &rules)))
        } else {
            let Folded {
                standings,
                findings,
                ..
            } = Folded::of(&events, &who, &rules);
            let findings = findings
                .into_iter()
                .map(|finding| (finding.kind, finding.event))
                .collect();
            Reader::Fold {
                standings,
                findings,
            }
        };
        Self {
            events,
            rules,
            same: OnceCell::new(),
            by,
        }
    }

    /// The worker that this alias numbers, under whatever number.
    pub fn worker(&self, of: &Alias) -> Alias {
        let same = self.same.get_or_init(|| {
            let mut known = known(&self.events, &self.rules);
            known.aliases.insert(alias(0));
            same_worker(&known)
        });
        same.get(of).unwrap_or(of).clone()
    }

    pub fn status(&self, at: Timestamp) -> Status {
        match &self.by {
            Reader::Fold { standings, .. } => standings.status_at(at),
            Reader::Oracle(seen) => seen.status(at),
        }
    }

    pub fn live(&self, at: Timestamp) -> bool {
        matches!(self.status(at), Status::Active | Status::OnLeave)
    }

    pub fn active(&self, at: Timestamp) -> bool {
        self.status(at) == Status::Active
    }

    pub fn jobs(&self) -> Vec<Job> {
        match &self.by {
            Reader::Fold { standings, .. } => {
                let job = |one: &EffectiveEmployment| Job {
                    worker: self.worker(&one.alias),
                    id: one.period.id.clone(),
                    opened: one.period.opened,
                    start: one.period.start,
                    end: one.period.end,
                };
                standings.employments.iter().map(job).collect()
            }
            Reader::Oracle(seen) => {
                let job = |job: &super::oracle_replay::Job| Job {
                    worker: job.worker.clone(),
                    id: job.id.clone(),
                    opened: job.opened,
                    start: job.start,
                    end: job.end,
                };
                seen.jobs().into_iter().map(job).collect()
            }
        }
    }

    pub fn findings(&self) -> Vec<(FindingKind, EventKey)> {
        match &self.by {
            Reader::Fold { findings, .. } => findings.clone(),
            Reader::Oracle(seen) => seen.findings(),
        }
    }

    /// When the fact takes effect.
    pub fn effective(&self, fact: &Fact) -> Moment {
        let event = fact.event();
        let zone = self.rules.sources[&event.alias().source].time_zone.clone();
        event
            .content
            .data
            .effective
            .as_ref()
            .map_or(Moment::at(event.occurred()), |effective| {
                effective.resolve(&zone)
            })
    }
}
