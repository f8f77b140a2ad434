//! The oracle: a second implementation of `docs/fold.md`, slow and independent of the fold.
//!
//! In: the events and the settings. Out: an [`OraclePerson`], which this file asks for the status
//! at an instant (`docs/fold.md` 3, "Status"). The other `oracle_*` files read the other sections.
//! The oracle calls no code of the fold; it shares only the types of the events, settings and
//! findings.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    oracle_aliases::{person, same_worker},
    oracle_read::read_set,
    oracle_replay::replay,
    oracle_set::OracleSet,
    oracle_state::{OracleEmployment, OracleLeave, OracleRevocation, OracleState, lt},
};
use crate::{
    event::{Alias, Authority, Event, EventKey},
    fold::{FindingKind, Rules, Status},
};

/// A person as the oracle reads them.
pub struct OraclePerson {
    set: OracleSet,
    state: OracleState,
    /// Maps each alias to its worker.
    same: BTreeMap<Alias, Alias>,
    workers: BTreeSet<Alias>,
    rules: Rules,
}

/// Reads the whole set for the person of one alias.
pub fn read_person(events: &[Event], alias: &Alias, rules: &Rules) -> OraclePerson {
    let mut set = read_set(events, rules);
    set.aliases.insert(alias.clone());
    let same = same_worker(&set);
    let workers = person(&set, &same, &same[alias]);
    let state = replay(&set, &same, rules);
    OraclePerson {
        set,
        state,
        same,
        workers,
        rules: rules.clone(),
    }
}

impl OraclePerson {
    /// Every alias of the person.
    pub fn aliases(&self) -> BTreeSet<Alias> {
        self.same
            .iter()
            .filter(|(_, worker)| self.workers.contains(*worker))
            .map(|(alias, _)| alias.clone())
            .collect()
    }

    /// How often each rule applied, for this person and all others.
    pub fn rule_counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.state.rule_counts
    }

    /// The findings about this person and all others.
    pub fn findings(&self) -> Vec<(FindingKind, EventKey)> {
        self.set
            .findings
            .iter()
            .chain(&self.state.findings)
            .cloned()
            .collect()
    }

    fn all_employments(&self) -> impl Iterator<Item = &OracleEmployment> {
        self.state
            .employments
            .iter()
            .filter(|employment| self.workers.contains(&employment.worker))
    }

    fn is_in_scope(&self, alias: &Alias) -> bool {
        let scope = self.rules.scope.as_ref();
        scope.is_none_or(|scope| scope.contains(&alias.source))
    }

    /// The employments in scope.
    pub fn employments(&self) -> Vec<&OracleEmployment> {
        self.all_employments()
            .filter(|employment| self.is_in_scope(&employment.worker))
            .collect()
    }

    fn is_pre_hire(&self, employment: &OracleEmployment) -> bool {
        self.rules
            .sources
            .get(&employment.worker.source)
            .is_some_and(|rules| rules.authority == Authority::PreHire)
    }

    fn counts(&self, employment: &OracleEmployment) -> bool {
        !self.is_pre_hire(employment) || self.all_employments().all(|other| self.is_pre_hire(other))
    }

    fn revocations(&self) -> Vec<&OracleRevocation> {
        self.state
            .revocations
            .iter()
            .filter(|revocation| self.workers.contains(&revocation.worker))
            .collect()
    }

    fn is_revoked(&self, employment: &OracleEmployment, at: Timestamp) -> bool {
        self.revocations().iter().any(|revocation| {
            let hired_since = employment
                .hired
                .is_some_and(|hired| hired > revocation.occurred);
            let starts_since = employment
                .start
                .is_some_and(|start| !lt(start, revocation.effective));
            revocation.effective.instant <= at && !(hired_since && starts_since)
        })
    }

    fn has_lapsed(&self, employment: &OracleEmployment, at: Timestamp) -> bool {
        let lapse = self
            .rules
            .sources
            .get(&employment.worker.source)
            .map(|rules| rules.pre_hire_lapse);
        let lapses = employment
            .start
            .zip(lapse)
            .map(|(start, lapse)| start.instant + lapse);
        self.is_pre_hire(employment) && lapses.is_some_and(|lapses| lapses <= at)
    }

    /// Whether the employment gives access, leaves aside.
    fn is_live(&self, employment: &OracleEmployment, at: Timestamp) -> bool {
        self.counts(employment)
            && employment.start.is_some_and(|start| start.instant <= at)
            && !employment.is_no_show()
            && !employment.is_over(at)
            && !self.is_revoked(employment, at)
            && !self.has_lapsed(employment, at)
    }

    fn is_on_leave(&self, employment: &OracleEmployment, at: Timestamp) -> bool {
        let new_employment_started = |leave: &OracleLeave| {
            self.state
                .employments
                .iter()
                .filter(|other| {
                    other.worker == leave.worker && !other.is_continuation && !other.is_no_show()
                })
                .filter_map(|other| other.start)
                .any(|start| lt(leave.start, start) && start.instant <= at)
        };

        self.state
            .leaves
            .iter()
            .filter(|leave| leave.worker == employment.worker)
            .any(|leave| {
                leave.start.instant <= at
                    && leave.end.is_none_or(|end| at < end.instant)
                    && !new_employment_started(leave)
            })
    }

    fn becomes_live(&self, employment: &OracleEmployment, after: Timestamp) -> bool {
        !employment.has_begun(after)
            && employment
                .start
                .is_some_and(|start| self.is_live(employment, start.instant))
    }

    /// The status of the person at an instant.
    pub fn status(&self, at: Timestamp) -> Status {
        let counting: Vec<&OracleEmployment> = self
            .employments()
            .into_iter()
            .filter(|employment| self.counts(employment))
            .collect();
        let live: Vec<&&OracleEmployment> = counting
            .iter()
            .filter(|employment| self.is_live(employment, at))
            .collect();
        if !live.is_empty() {
            let is_on_leave = live
                .iter()
                .all(|employment| self.is_on_leave(employment, at));
            return if is_on_leave {
                Status::OnLeave
            } else {
                Status::Active
            };
        }

        let is_any_over = counting
            .iter()
            .any(|employment| employment.is_over(at) || employment.is_no_show());
        let is_upcoming = counting
            .iter()
            .any(|employment| self.becomes_live(employment, at));
        if !is_any_over && is_upcoming {
            return Status::Upcoming;
        }

        if is_any_over || self.has_ended(&counting, at) || self.start_was_voided() {
            Status::Ended
        } else {
            Status::Unknown
        }
    }

    /// Whether anything but an employment that is over makes the status `ended`.
    fn has_ended(&self, counting: &[&OracleEmployment], at: Timestamp) -> bool {
        let has_begun_or_is_revoked = counting.iter().any(|employment| {
            employment.start.is_some() && employment.has_begun(at)
                || self.is_revoked(employment, at)
        });
        let is_revoked_before_start = counting.iter().any(|employment| {
            employment
                .start
                .is_some_and(|start| self.is_revoked(employment, start.instant))
        });
        let some_do_not_count = counting.len() < self.employments().len();
        let is_revoked_without_employment = self.employments().is_empty()
            && self
                .revocations()
                .iter()
                .any(|revocation| revocation.effective.instant <= at);

        has_begun_or_is_revoked
            || is_revoked_before_start
            || some_do_not_count
            || is_revoked_without_employment
    }

    fn start_was_voided(&self) -> bool {
        self.set
            .voided_starts
            .iter()
            .any(|alias| self.is_in_scope(alias) && self.workers.contains(&self.same[alias]))
    }
}
