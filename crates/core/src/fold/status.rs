//! Where a person stands at an instant (docs/fold.md, "Status"), and when that may next differ.
//!
//! In: the replayed timelines of a person's aliases, the bars, the rules. Out: each employment as it counts
//! ([`EffectiveEmployment`]), the status at any instant. Attributes are the next step (`attributes`).

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Authority, Rules, Status,
    replay::{AccessRevocation, Replay},
    timeline::{EmploymentPeriod, SameMoment},
};
use crate::event::Alias;

/// An employment as it counts.
#[derive(Clone, Debug)]
pub(super) struct EffectiveEmployment {
    /// Whose it is.
    pub alias: Alias,
    /// As replayed.
    pub period: EmploymentPeriod,
    /// Whether it counts at all.
    pub counts: bool,
    /// When it stops counting by itself.
    pub lapses: Option<Timestamp>,
    /// From when on a bar holds it.
    pub barred_from: Option<Timestamp>,
    /// The leaves of its alias.
    pub leaves: Vec<(Timestamp, Option<Timestamp>)>,
}

/// Everything that the status of a person follows from.
#[derive(Debug)]
pub(super) struct EffectiveEmployments {
    /// The employments in scope, by start.
    pub employments: Vec<EffectiveEmployment>,
    /// From when on each bar holds.
    pub bars: Vec<Timestamp>,
    /// Whether a start in scope was voided.
    pub start_was_voided: bool,
}

impl EffectiveEmployments {
    /// Of the person of these aliases (by name).
    pub fn of(
        person: &BTreeSet<Alias>,
        replay: &Replay<'_>,
        rules: &Rules,
        start_was_voided: bool,
    ) -> Self {
        let timelines = || {
            replay
                .timelines
                .iter()
                .filter(|(alias, _)| person.contains(alias))
        };
        let bars: Vec<&AccessRevocation> = replay
            .bars
            .iter()
            .filter(|bar| person.contains(&bar.alias))
            .collect();
        let is_pre_hire = |alias: &Alias| rules.of(&alias.source).authority == Authority::PreHire;
        let hr_was_heard = timelines()
            .any(|(alias, timeline)| !is_pre_hire(alias) && !timeline.periods.is_empty());
        let mut employments = Vec::new();
        for (alias, timeline) in timelines().filter(|(alias, _)| rules.counts(&alias.source)) {
            let leaves = timeline.leaves_held();
            let lapse = is_pre_hire(alias).then(|| rules.of(&alias.source).pre_hire_lapse);
            employments.extend(timeline.periods.iter().map(|period| {
                EffectiveEmployment {
                    alias: alias.clone(),
                    counts: lapse.is_none() || !hr_was_heard,
                    lapses: lapse.zip(period.start).map(|(lapse, start)| {
                        start.instant.checked_add(lapse).unwrap_or(Timestamp::MAX)
                    }),
                    barred_from: bars
                        .iter()
                        .filter(|bar| bar.holds(period))
                        .map(|bar| bar.effective.instant)
                        .min(),
                    leaves: leaves.clone(),
                    period: period.clone(),
                }
            }));
        }
        employments.sort_by(|one, other| one.order().cmp(&other.order()));
        Self {
            employments,
            bars: bars.iter().map(|bar| bar.effective.instant).collect(),
            start_was_voided,
        }
    }

    /// The status at that instant.
    pub fn status_at(&self, then: Timestamp) -> Status {
        let any = |fits: &dyn Fn(&EffectiveEmployment) -> bool| self.employments.iter().any(fits);
        if any(&|one| one.is_live(then) && !one.is_on_leave(then)) {
            Status::Active
        } else if any(&|one| one.is_live(then)) {
            Status::OnLeave
        } else if any(&|one| one.will_begin(then)) && !any(&|one| one.counts && one.is_over(then)) {
            Status::Upcoming
        } else if any(&|one| one.is_past(then)) || self.stands_barred(then) || self.start_was_voided
        {
            Status::Ended
        } else {
            Status::Unknown
        }
    }

    /// A bar of whom no employment is known.
    fn stands_barred(&self, then: Timestamp) -> bool {
        self.employments.is_empty() && self.bars.iter().any(|from| *from <= then)
    }

    /// The next start to come, of those that will be.
    pub fn next_start(&self, after: Timestamp) -> Option<Timestamp> {
        let waiting = self.employments.iter().filter(|one| one.will_begin(after));
        waiting
            .filter_map(|one| one.period.start.map(|start| start.instant))
            .min()
    }

    /// Every instant at which something may differ.
    pub fn instants(&self) -> impl Iterator<Item = Timestamp> {
        self.employments
            .iter()
            .flat_map(EffectiveEmployment::instants)
            .chain(self.bars.iter().copied())
    }
}

impl EffectiveEmployment {
    /// Its place among the others.
    fn order(&self) -> (Option<Timestamp>, &Alias, Option<Timestamp>, usize) {
        (
            self.period.start.map(|start| start.instant),
            &self.alias,
            self.period.opened,
            self.period.serial,
        )
    }

    fn has_known_start_by(&self, then: Timestamp) -> bool {
        self.period.start.is_some_and(|start| start.instant <= then)
    }

    fn is_barred(&self, then: Timestamp) -> bool {
        self.barred_from.is_some_and(|from| from <= then)
    }

    /// Gives access but for leaves.
    pub fn is_live(&self, then: Timestamp) -> bool {
        self.counts
            && self.has_known_start_by(then)
            && !self.is_over(then)
            && !self.is_barred(then)
            && self.lapses.is_none_or(|lapses| then < lapses)
    }

    fn is_on_leave(&self, then: Timestamp) -> bool {
        self.leaves
            .iter()
            .any(|(from, until)| *from <= then && until.is_none_or(|until| then < until))
    }

    /// Over; a no-show is so at once.
    pub fn is_over(&self, then: Timestamp) -> bool {
        self.period.is_no_show() || self.period.over_at(then)
    }

    /// Will be live one day.
    pub fn will_begin(&self, after: Timestamp) -> bool {
        self.period
            .start
            .is_some_and(|start| start.instant > after && self.is_live(start.instant))
    }

    /// Over, begun, barred, or to be barred before it begins, or of no account since HR was heard.
    fn is_past(&self, then: Timestamp) -> bool {
        let never_begins = self
            .period
            .start
            .is_some_and(|start| self.is_barred(start.instant));
        self.is_over(then)
            || self.has_known_start_by(then)
            || self.is_barred(then)
            || never_begins
            || !self.counts
    }

    fn instants(&self) -> impl Iterator<Item = Timestamp> {
        let moments = [self.period.start, self.period.end]
            .into_iter()
            .flatten()
            .map(|moment| moment.instant);
        let leaves = self
            .leaves
            .iter()
            .flat_map(|(from, until)| [Some(*from), *until])
            .flatten();
        moments
            .chain(self.lapses)
            .chain(self.barred_from)
            .chain(leaves)
    }
}

impl AccessRevocation {
    /// Whether it holds this employment: not if a `hired` or `rehired` opened it after the bar was known, to start no
    /// earlier than the bar takes effect.
    fn holds(&self, period: &EmploymentPeriod) -> bool {
        let is_later = period
            .opener
            .hired_at()
            .is_some_and(|hired| hired > self.occurred);
        !(is_later
            && period
                .start
                .is_some_and(|start| !start.before(&self.effective)))
    }
}
