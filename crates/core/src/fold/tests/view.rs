//! The result of a history, as a property looks at it.
//!
//! It comes from the fold. With `HIREWIRE_READER=1` it comes from the oracle: then the properties
//! test the rules themselves.

use std::{cell::OnceCell, collections::BTreeMap};

use jiff::Timestamp;

use super::{
    fact::{FactSpec, alias},
    history::History,
    oracle::{OraclePerson, read_person},
    oracle_aliases::same_worker,
    oracle_read::read_set,
    oracle_state::OracleEmployment,
    runner::number_from_env,
};
use crate::{
    event::{Alias, EmploymentId, Event, EventKey, Moment},
    fold::{
        FindingKind, FoldedPerson, Rules, Status,
        status::{EffectiveEmployment, EffectiveEmployments},
    },
};

/// An employment, as either reader shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewedEmployment {
    pub worker: Alias,
    pub id: Option<EmploymentId>,
    pub opened: Option<Timestamp>,
    pub start: Option<Moment>,
    pub end: Option<Moment>,
}

impl ViewedEmployment {
    pub fn is_no_show(&self) -> bool {
        matches!((self.start, self.end), (Some(start), Some(end)) if end.compare(&start).is_le())
    }
}

/// The person of the first of [`ALIASES`](super::fact::ALIASES), at every instant.
pub struct View {
    events: Vec<Event>,
    rules: Rules,
    /// Maps each alias to its worker. Few properties ask for it.
    same: OnceCell<BTreeMap<Alias, Alias>>,
    reader: Reader,
}

enum Reader {
    Fold {
        employments: EffectiveEmployments,
        findings: Vec<(FindingKind, EventKey)>,
    },
    Oracle(Box<OraclePerson>),
}

impl View {
    pub fn of(history: &History) -> Self {
        let (events, rules, worker) = (history.events(), history.rules(), alias(0));
        let reader = if number_from_env("HIREWIRE_READER") == Some(1) {
            Reader::Oracle(Box::new(read_person(&events, &worker, &rules)))
        } else {
            let person = FoldedPerson::of(&events, &worker, &rules);
            let findings = person.findings.into_iter();
            Reader::Fold {
                employments: person.employments,
                findings: findings
                    .map(|finding| (finding.kind, finding.event))
                    .collect(),
            }
        };

        Self {
            events,
            rules,
            same: OnceCell::new(),
            reader,
        }
    }

    /// The least alias of the same worker.
    pub fn worker(&self, of: &Alias) -> Alias {
        let same = self.same.get_or_init(|| {
            let mut set = read_set(&self.events, &self.rules);
            set.aliases.insert(alias(0));
            same_worker(&set)
        });
        same.get(of).unwrap_or(of).clone()
    }

    pub fn status(&self, at: Timestamp) -> Status {
        match &self.reader {
            Reader::Fold { employments, .. } => employments.status_at(at),
            Reader::Oracle(person) => person.status(at),
        }
    }

    pub fn is_live(&self, at: Timestamp) -> bool {
        matches!(self.status(at), Status::Active | Status::OnLeave)
    }

    pub fn is_active(&self, at: Timestamp) -> bool {
        self.status(at) == Status::Active
    }

    pub fn employments(&self) -> Vec<ViewedEmployment> {
        match &self.reader {
            Reader::Fold { employments, .. } => {
                let view = |employment: &EffectiveEmployment| ViewedEmployment {
                    worker: self.worker(&employment.alias),
                    id: employment.period.id.clone(),
                    opened: employment.period.opened,
                    start: employment.period.start,
                    end: employment.period.end,
                };
                employments.employments.iter().map(view).collect()
            }
            Reader::Oracle(person) => {
                let view = |employment: &OracleEmployment| ViewedEmployment {
                    worker: employment.worker.clone(),
                    id: employment.id.clone(),
                    opened: employment.opened,
                    start: employment.start,
                    end: employment.end,
                };
                person.employments().into_iter().map(view).collect()
            }
        }
    }

    pub fn findings(&self) -> Vec<(FindingKind, EventKey)> {
        match &self.reader {
            Reader::Fold { findings, .. } => findings.clone(),
            Reader::Oracle(person) => person.findings(),
        }
    }

    /// The moment at which the fact takes effect.
    pub fn effective(&self, fact: &FactSpec) -> Moment {
        let event = fact.event();
        let zone = self.rules.sources[&event.alias().source].time_zone.clone();
        let effective = event.content.data.effective.as_ref();
        effective.map_or(Moment::at(event.occurred()), |effective| {
            effective.resolve(&zone)
        })
    }
}
