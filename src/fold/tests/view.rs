//! How a property looks at a history: through the fold, or, to test the rules themselves, through the oracle
//! (`HIREWIRE_READER=1`).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    fact::{Fact, History, alias},
    oracle::{Seen, see},
    oracle_set::{known, same_worker},
    runner::setting,
};
use crate::{
    event::{Alias, EmploymentId, Event, EventKey, Moment},
    fold::{FindingKind, Rules, Status, fold},
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
    who: Alias,
    same: BTreeMap<Alias, Alias>,
    seen: Option<Seen>,
}

impl View {
    pub fn of(history: &History) -> Self {
        let (events, rules, who) = (history.events(), history.rules(), alias(0));
        let seen = (setting("HIREWIRE_READER") == Some(1)).then(|| see(&events, &who, &rules));
        let mut known = known(&events, &rules);
        known.aliases.insert(who.clone());
        let same = same_worker(&known);
        Self { events, rules, who, same, seen }
    }

    /// The worker that this alias numbers, under whatever number.
    pub fn worker(&self, alias: &Alias) -> Alias {
        self.same.get(alias).unwrap_or(alias).clone()
    }

    pub fn status(&self, at: Timestamp) -> Status {
        match &self.seen {
            Some(seen) => seen.status(at),
            None => fold(&self.events, &self.who, at, &self.rules).status,
        }
    }

    pub fn live(&self, at: Timestamp) -> bool {
        matches!(self.status(at), Status::Active | Status::OnLeave)
    }

    pub fn active(&self, at: Timestamp) -> bool {
        self.status(at) == Status::Active
    }

    pub fn jobs(&self) -> Vec<Job> {
        if let Some(seen) = &self.seen {
            let job = |job: &super::oracle_replay::Job| Job {
                worker: job.worker.clone(),
                id: job.id.clone(),
                opened: job.opened,
                start: job.start,
                end: job.end,
            };
            return seen.jobs().into_iter().map(job).collect();
        }
        let person = fold(&self.events, &self.who, Timestamp::UNIX_EPOCH, &self.rules);
        let job = |job: crate::fold::Employment| Job {
            worker: self.worker(&job.alias),
            id: job.id,
            opened: job.opened,
            start: job.start,
            end: job.end,
        };
        person.employments.into_iter().map(job).collect()
    }

    pub fn findings(&self) -> Vec<(FindingKind, EventKey)> {
        if let Some(seen) = &self.seen {
            return seen.findings();
        }
        let person = fold(&self.events, &self.who, Timestamp::UNIX_EPOCH, &self.rules);
        person.findings.into_iter().map(|finding| (finding.kind, finding.event)).collect()
    }

    /// When the fact takes effect.
    pub fn effective(&self, fact: &Fact) -> Moment {
        let event = fact.event();
        let zone = self.rules.sources[&event.alias().source].time_zone.clone();
        event.content.data.effective.as_ref().map_or(Moment::at(event.occurred()), |effective| effective.resolve(&zone))
    }
}
