//! Evaluates the access of a person at any instant, by employments and lifecycle policy.
//!
//! In: a folded person, a policy and an instant. Out: the access before the scope is applied, and
//! the next instant at which it may differ. Offsets move creation, activation and deactivation; a
//! revocation of access and a lapse take effect at once. It fails safe: after an end there is no
//! access until another employment is active.

use jiff::{SignedDuration, Timestamp};

use super::{
    access::{Access, AccessDecision, GivenAccess},
    lifecycle::{AccessEffect, Lifecycle},
    main_employment::is_no_show,
};
use crate::fold::{Employment, Person, Status};

/// The access at `now` by status and policy, and the next instant at which it may differ. `given`:
/// whether the account gives access that Hirewire gave.
pub(super) fn evaluate(
    person: &Person,
    policy: &Lifecycle,
    given: GivenAccess,
    now: Timestamp,
) -> AccessDecision {
    let periods: Vec<AccessPeriod<'_>> = counting(person)
        .map(|employment| AccessPeriod::of(employment, policy))
        .collect();
    let evaluator = AccessEvaluator {
        person,
        policy,
        periods: &periods,
    };

    let due = evaluator.changes().filter(|at| *at > now).min();
    if given == GivenAccess::ByHirewire && evaluator.gives_none(now) {
        return AccessDecision {
            access: Access::Inactive,
            due,
            due_ends_access: false,
            withdrawn: true,
        };
    }

    let access = evaluator.at(now);
    let ends_at = |due| match evaluator.at(due) {
        Access::Inactive => matches!(access, Access::Active | Access::Prepared),
        Access::Prepared | Access::Unmanaged => {
            access == Access::Active && evaluator.gives_none(due)
        }
        Access::Active => false,
    };
    AccessDecision {
        access,
        due,
        due_ends_access: due.is_some_and(ends_at),
        withdrawn: false,
    }
}

fn counting(person: &Person) -> impl Iterator<Item = &Employment> {
    person
        .employments
        .iter()
        .filter(|employment| employment.counts)
}

/// One employment with the boundaries that the policy sets.
struct AccessPeriod<'a> {
    employment: &'a Employment,
    /// When the account is created; `None`: the start is unknown.
    create: Option<Timestamp>,
    /// When the account becomes active; `None`: the start is unknown.
    activate: Option<Timestamp>,
    /// From when on the employment gives no access; `None`: no end is known.
    stop: Option<Timestamp>,
    /// Whether the employment ended at or before its start.
    no_show: bool,
}

impl<'a> AccessPeriod<'a> {
    fn of(employment: &'a Employment, policy: &Lifecycle) -> Self {
        let start = employment.start.map(|start| start.instant);
        let end = employment.end.map(|end| end.instant);
        let activate = start.map(|start| shifted(start, policy.activate));

        // An employment that was not active before its end is not activated after it, even if the
        // policy deactivates later.
        let never_active =
            matches!((activate, end), (Some(activate), Some(end)) if end <= activate);
        let after_end = if never_active {
            SignedDuration::ZERO.min(policy.deactivate)
        } else {
            policy.deactivate
        };

        let stops = [
            end.map(|end| shifted(end, after_end)),
            employment.access_revoked_from,
            employment.lapses,
        ];

        Self {
            employment,
            create: start.map(|start| shifted(start, policy.create)),
            activate,
            stop: stops.into_iter().flatten().min(),
            no_show: is_no_show(employment),
        }
    }

    fn is_over(&self, at: Timestamp) -> bool {
        self.no_show || self.stop.is_some_and(|stop| stop <= at)
    }

    fn is_active(&self, at: Timestamp) -> bool {
        !self.is_over(at) && self.activate.is_some_and(|activate| activate <= at)
    }

    fn is_prepared(&self, at: Timestamp) -> bool {
        let exists = self.create.is_some_and(|create| create <= at);
        exists && !self.is_over(at) && !self.is_active(at)
    }

    /// Whether the employment ended and the policy still gives access.
    fn is_in_grace_period(&self, at: Timestamp) -> bool {
        let ended = self.employment.end.is_some_and(|end| end.instant <= at);
        ended && !self.is_over(at)
    }

    /// Whether the person is on leave. Before the start the first instant of the employment counts,
    /// after the end its last.
    fn is_on_leave(&self, at: Timestamp) -> bool {
        let start = self
            .employment
            .start
            .map_or(Timestamp::MIN, |start| start.instant);
        let last = self.employment.end.map_or(Timestamp::MAX, |end| {
            shifted(end.instant, SignedDuration::from_nanos(-1))
        });
        let at = at.max(start).min(last);

        self.employment
            .leaves
            .iter()
            .any(|(from, to)| *from <= at && to.is_none_or(|to| at < to))
    }
}

struct AccessEvaluator<'a> {
    person: &'a Person,
    policy: &'a Lifecycle,
    periods: &'a [AccessPeriod<'a>],
}

impl AccessEvaluator<'_> {
    fn at(&self, at: Timestamp) -> Access {
        let mut active = self
            .periods
            .iter()
            .filter(|period| period.is_active(at))
            .peekable();

        if active.peek().is_some() {
            let suspends = self.policy.leave == AccessEffect::Deactivate;
            return if suspends && active.all(|period| period.is_on_leave(at)) {
                Access::Inactive
            } else {
                Access::Active
            };
        }

        if self.is_over(at) {
            return if self.is_kept(at) {
                Access::Unmanaged
            } else {
                Access::Inactive
            };
        }

        if self.periods.iter().any(|period| period.is_prepared(at)) {
            Access::Prepared
        } else {
            Access::Unmanaged
        }
    }

    /// Whether the facts give no access although none has ended: the start lies ahead, or is not
    /// known. A record that the policy keeps gives what it gave.
    fn gives_none(&self, at: Timestamp) -> bool {
        match self.at(at) {
            Access::Prepared => true,
            Access::Unmanaged => !self.is_over(at),
            Access::Active | Access::Inactive => false,
        }
    }

    /// Whether an employment is over or access is revoked. Then no account is prepared, and only an
    /// active employment gives access.
    fn is_over(&self, at: Timestamp) -> bool {
        // A status can be `Ended` without an employment, for example after a revocation alone.
        let has_ended = self.person.status == Status::Ended
            && !self
                .periods
                .iter()
                .any(|period| period.is_in_grace_period(at));
        has_ended || self.is_revoked(at) || self.periods.iter().any(|period| period.is_over(at))
    }

    fn is_revoked(&self, at: Timestamp) -> bool {
        self.person
            .access_revoked_from
            .is_some_and(|from| from <= at)
    }

    /// Whether the account is left alone: the policy keeps it when HR deletes the record, and every
    /// employment with the latest end has a deleted record.
    fn is_kept(&self, at: Timestamp) -> bool {
        let revoked = |period: &AccessPeriod<'_>| {
            let from = period.employment.access_revoked_from;
            from.is_some_and(|from| from <= at)
        };

        if self.policy.record_deleted == AccessEffect::Deactivate
            || self.is_revoked(at)
            || self.periods.iter().any(revoked)
        {
            return false;
        }

        let over = || {
            self.periods
                .iter()
                .filter(|period| period.is_over(at))
                .map(|period| period.employment)
        };

        let end = |employment: &Employment| employment.end.map(|end| end.instant);

        let last = over().map(end).max();
        last.is_some()
            && over()
                .filter(|employment| Some(end(employment)) == last)
                .all(|e| e.record_deleted)
    }

    /// Every instant at which the access or a mapped value may differ, past ones too.
    fn changes(&self) -> impl Iterator<Item = Timestamp> {
        let of_person = [self.person.next_change, self.person.access_revoked_from]
            .into_iter()
            .flatten();
        let of_periods = self.periods.iter().flat_map(|period| {
            let employment = period.employment;
            let own = [
                period.create,
                period.activate,
                period.stop,
                employment.start.map(|start| start.instant),
                employment.end.map(|end| end.instant),
                employment.access_revoked_from,
                employment.lapses,
            ];
            let leaves = employment
                .leaves
                .iter()
                .flat_map(|(from, to)| [Some(*from), *to]);
            own.into_iter().chain(leaves).flatten()
        });

        of_person.chain(of_periods)
    }
}

/// The instant moved by an offset, kept within the range of timestamps.
fn shifted(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

#[cfg(test)]
#[path = "access_evaluator_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "access_given_tests.rs"]
mod given_tests;

#[cfg(test)]
#[path = "access_evaluator_property_tests.rs"]
mod property_tests;
