//! Step 6 of the fold: the status of a person at an instant (`docs/fold.md` 3, "Status").
//!
//! In: the replayed timelines of a person's aliases, the access revocations, the settings of the
//! sources. Out: each employment with everything that limits it ([`EffectiveEmployment`]), the
//! status at any instant, and the instants at which it may change. Attributes are the next step.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    person::Status,
    replay::{AccessRevocation, ReplayState},
    rules::Rules,
    timeline::{CivilOrder, EmploymentPeriod},
};
use crate::event::{Alias, Authority};

/// An employment with everything that limits it.
#[derive(Clone, Debug)]
pub(super) struct EffectiveEmployment {
    pub alias: Alias,
    pub period: EmploymentPeriod,
    /// `false`: a `pre_hire` employment of a person who has an employment of an HR source.
    pub counts: bool,
    /// `pre_hire`: the time at which it stops counting.
    pub lapses: Option<Timestamp>,
    /// The effective time of the earliest access revocation that applies to it.
    pub access_revoked_from: Option<Timestamp>,
    /// The leaves of its alias, by start.
    pub leaves: Vec<(Timestamp, Option<Timestamp>)>,
}

/// Everything that determines the status of a person.
#[derive(Debug)]
pub(super) struct EffectiveEmployments {
    /// In scope, by start.
    pub employments: Vec<EffectiveEmployment>,
    /// The effective times of all revocations of the person, in scope or not.
    pub revocations: Vec<Timestamp>,
    /// An operator voided a start, or a list with employments, in scope.
    pub start_was_voided: bool,
}

impl EffectiveEmployments {
    /// `person`: the canonical aliases of the person.
    pub fn of(
        person: &BTreeSet<Alias>,
        state: &ReplayState<'_>,
        rules: &Rules,
        start_was_voided: bool,
    ) -> Self {
        let timelines = || {
            state
                .timelines
                .iter()
                .filter(|(alias, _)| person.contains(alias))
        };
        let revocations: Vec<&AccessRevocation> = state
            .revocations
            .iter()
            .filter(|revocation| person.contains(&revocation.alias))
            .collect();
        let is_pre_hire = |alias: &Alias| rules.of(&alias.source).authority == Authority::PreHire;
        let has_hr_employment = timelines()
            .any(|(alias, timeline)| !is_pre_hire(alias) && !timeline.periods.is_empty());

        let mut employments = Vec::new();
        for (alias, timeline) in timelines().filter(|(alias, _)| rules.is_in_scope(&alias.source)) {
            let leaves = timeline.effective_leaves();
            let lapse = is_pre_hire(alias).then(|| rules.of(&alias.source).pre_hire_lapse);
            for period in &timeline.periods {
                employments.push(EffectiveEmployment {
                    alias: alias.clone(),
                    counts: lapse.is_none() || !has_hr_employment,
                    lapses: lapse.zip(period.start).map(|(lapse, start)| {
                        start.instant.checked_add(lapse).unwrap_or(Timestamp::MAX)
                    }),
                    access_revoked_from: revocations
                        .iter()
                        .filter(|revocation| revocation.applies_to(period))
                        .map(|revocation| revocation.effective.instant)
                        .min(),
                    leaves: leaves.clone(),
                    period: period.clone(),
                });
            }
        }
        employments.sort_by(|one, other| one.sort_key().cmp(&other.sort_key()));

        Self {
            employments,
            revocations: revocations
                .iter()
                .map(|revocation| revocation.effective.instant)
                .collect(),
            start_was_voided,
        }
    }

    /// The first status of the document's list that fits.
    pub fn status_at(&self, instant: Timestamp) -> Status {
        let any = |fits: &dyn Fn(&EffectiveEmployment) -> bool| self.employments.iter().any(fits);

        let is_active = any(&|one| one.is_live_at(instant) && !one.is_on_leave_at(instant));
        if is_active {
            return Status::Active;
        }
        if any(&|one| one.is_live_at(instant)) {
            return Status::OnLeave;
        }

        let is_any_over = any(&|one| one.counts && one.is_over_at(instant));
        if !is_any_over && any(&|one| one.becomes_live_after(instant)) {
            return Status::Upcoming;
        }

        let has_ended = any(&|one| one.has_ended_at(instant));
        if has_ended || self.is_revoked_without_employment(instant) || self.start_was_voided {
            Status::Ended
        } else {
            Status::Unknown
        }
    }

    fn is_revoked_without_employment(&self, instant: Timestamp) -> bool {
        self.employments.is_empty() && self.revocations.iter().any(|from| *from <= instant)
    }

    /// The next start after the instant at which an employment becomes live.
    pub fn next_start(&self, after: Timestamp) -> Option<Timestamp> {
        self.employments
            .iter()
            .filter(|employment| employment.becomes_live_after(after))
            .filter_map(|employment| employment.period.start.map(|start| start.instant))
            .min()
    }

    /// Every instant at which the status or an employment may change.
    pub fn instants(&self) -> impl Iterator<Item = Timestamp> {
        self.employments
            .iter()
            .flat_map(EffectiveEmployment::instants)
            .chain(self.revocations.iter().copied())
    }
}

impl EffectiveEmployment {
    fn sort_key(&self) -> (Option<Timestamp>, &Alias, Option<Timestamp>, usize) {
        (
            self.period.start.map(|start| start.instant),
            &self.alias,
            self.period.opened,
            self.period.serial,
        )
    }

    /// Whether its start is known and not after the instant.
    fn has_started_at(&self, instant: Timestamp) -> bool {
        self.period
            .start
            .is_some_and(|start| start.instant <= instant)
    }

    fn is_revoked_at(&self, instant: Timestamp) -> bool {
        self.access_revoked_from.is_some_and(|from| from <= instant)
    }

    /// Whether it gives access, leaves aside.
    pub fn is_live_at(&self, instant: Timestamp) -> bool {
        self.counts
            && self.has_started_at(instant)
            && !self.is_over_at(instant)
            && !self.is_revoked_at(instant)
            && self.lapses.is_none_or(|lapses| instant < lapses)
    }

    fn is_on_leave_at(&self, instant: Timestamp) -> bool {
        self.leaves
            .iter()
            .any(|(from, until)| *from <= instant && until.is_none_or(|until| instant < until))
    }

    /// A no-show is over at every instant.
    fn is_over_at(&self, instant: Timestamp) -> bool {
        self.period.is_no_show() || self.period.is_over_at(instant)
    }

    /// Whether it starts later and is live at its start.
    pub fn becomes_live_after(&self, instant: Timestamp) -> bool {
        self.period
            .start
            .is_some_and(|start| start.instant > instant && self.is_live_at(start.instant))
    }

    /// Whether a person with this employment has ended, if nothing is live: it is over, has
    /// started, is revoked, will be revoked before it starts, or does not count.
    fn has_ended_at(&self, instant: Timestamp) -> bool {
        let is_revoked_before_start = self
            .period
            .start
            .is_some_and(|start| self.is_revoked_at(start.instant));
        self.is_over_at(instant)
            || self.has_started_at(instant)
            || self.is_revoked_at(instant)
            || is_revoked_before_start
            || !self.counts
    }

    fn instants(&self) -> impl Iterator<Item = Timestamp> {
        let start_and_end = [self.period.start, self.period.end]
            .into_iter()
            .flatten()
            .map(|moment| moment.instant);
        let leaves = self
            .leaves
            .iter()
            .flat_map(|(from, until)| [Some(*from), *until])
            .flatten();

        start_and_end
            .chain(self.lapses)
            .chain(self.access_revoked_from)
            .chain(leaves)
    }
}

impl AccessRevocation {
    /// Not to an employment that a `hired` or `rehired` opened after the revocation was known, to
    /// start no earlier than the revocation takes effect.
    fn applies_to(&self, period: &EmploymentPeriod) -> bool {
        let was_hired_after = period
            .opened_by
            .hired_at()
            .is_some_and(|hired| hired > self.occurred);
        let starts_after = period
            .start
            .is_some_and(|start| !start.is_before(&self.effective));
        !(was_hired_after && starts_after)
    }
}
