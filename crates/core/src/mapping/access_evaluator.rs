//! Where a person stands on a connection: their employments under its lifecycle policy, at any instant.
//!
//! In: a folded person, a policy, an instant. Out: the access, without scope, and the next instant at which it may
//! differ. Offsets move creating, activating and deactivating; a bar and a lapse end access at once. It fails towards
//! no access: what is over stays over whatever else is planned, until an employment is active.

use jiff::{SignedDuration, Timestamp};

use super::{
    Access, AccessNow,
    lifecycle::{Effect, Lifecycle},
    main_employment::is_no_show,
};
use crate::fold::{Employment, Person, Status};

/// The access that status and policy give now, and when that may differ.
pub(super) fn access_now(person: &Person, policy: &Lifecycle, now: Timestamp) -> AccessNow {
    let terms: Vec<Term<'_>> = counting(person)
        .map(|employment| Term::of(employment, policy))
        .collect();
    let standing = AccessEvaluator {
        person,
        policy,
        terms: &terms,
    };
    let access = standing.at(now);
    let due = standing.changes().filter(|at| *at > now).min();
    let gives = matches!(access, Access::Active | Access::Prepared);
    let due_ends_access = gives && due.is_some_and(|due| standing.at(due) == Access::Inactive);
    AccessNow {
        access,
        due,
        due_ends_access,
    }
}

fn counting(person: &Person) -> impl Iterator<Item = &Employment> {
    person
        .employments
        .iter()
        .filter(|employment| employment.counts)
}

/// One employment under the policy.
struct Term<'a> {
    employment: &'a Employment,
    /// When the account is made; `None`: the start is unknown.
    create: Option<Timestamp>,
    /// When it becomes active.
    activate: Option<Timestamp>,
    /// From when on it gives nothing.
    stop: Option<Timestamp>,
    /// Over before it began.
    no_show: bool,
}

impl<'a> Term<'a> {
    fn of(employment: &'a Employment, policy: &Lifecycle) -> Self {
        let start = employment.start.map(|start| start.instant);
        let end = employment.end.map(|end| end.instant);
        let activate = start.map(|start| shifted(start, policy.activate));
        // Who was never active before the end is not activated after it, however late the deactivation.
        let never_active =
            matches!((activate, end), (Some(activate), Some(end)) if end <= activate);
        let after_end = if never_active {
            SignedDuration::ZERO.min(policy.deactivate)
        } else {
            policy.deactivate
        };
        let stops = [
            end.map(|end| shifted(end, after_end)),
            employment.barred_from,
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
        let begun = self.create.is_some_and(|create| create <= at);
        begun && !self.is_over(at) && !self.is_active(at)
    }

    /// Ended, but the policy's time after the end is not over.
    fn lingers(&self, at: Timestamp) -> bool {
        let ended = self.employment.end.is_some_and(|end| end.instant <= at);
        ended && !self.is_over(at)
    }

    /// Leaves lie within the employment: before it the first counts, in the time after its end the last.
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
    terms: &'a [Term<'a>],
}

impl AccessEvaluator<'_> {
    fn at(&self, at: Timestamp) -> Access {
        let mut active = self
            .terms
            .iter()
            .filter(|term| term.is_active(at))
            .peekable();
        if active.peek().is_some() {
            let suspended =
                self.policy.leave == Effect::Deactivate && active.all(|term| term.is_on_leave(at));
            return if suspended {
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
        if self.terms.iter().any(|term| term.is_prepared(at)) {
            Access::Prepared
        } else {
            Access::Unmanaged
        }
    }

    /// Whether anything is over: then nothing is prepared, and there is no access without an active employment.
    fn is_over(&self, at: Timestamp) -> bool {
        // The fold also knows of endings that left no employment behind: a bar alone, a voided start.
        let ended =
            self.person.status == Status::Ended && !self.terms.iter().any(|term| term.lingers(at));
        ended || self.is_barred(at) || self.terms.iter().any(|term| term.is_over(at))
    }

    fn is_barred(&self, at: Timestamp) -> bool {
        self.person.barred_from.is_some_and(|from| from <= at)
    }

    /// `record_deleted = "keep"`, and a deleted record is all that ended last.
    fn is_kept(&self, at: Timestamp) -> bool {
        let barred = |term: &Term<'_>| term.employment.barred_from.is_some_and(|from| from <= at);
        if self.policy.record_deleted == Effect::Deactivate
            || self.is_barred(at)
            || self.terms.iter().any(barred)
        {
            return false;
        }
        let over = || {
            self.terms
                .iter()
                .filter(|term| term.is_over(at))
                .map(|term| term.employment)
        };
        let end = |employment: &Employment| employment.end.map(|end| end.instant);
        let last = over().map(end).max();
        last.is_some()
            && over()
                .filter(|employment| Some(end(employment)) == last)
                .all(|e| e.record_deleted)
    }

    /// Every instant at which anything may differ, past ones too.
    fn changes(&self) -> impl Iterator<Item = Timestamp> {
        let of_person = [self.person.next_change, self.person.barred_from]
            .into_iter()
            .flatten();
        let of_terms = self.terms.iter().flat_map(|term| {
            let employment = term.employment;
            let own = [
                term.create,
                term.activate,
                term.stop,
                employment.start.map(|start| start.instant),
                employment.end.map(|end| end.instant),
                employment.barred_from,
                employment.lapses,
            ];
            let leaves = employment
                .leaves
                .iter()
                .flat_map(|(from, to)| [Some(*from), *to]);
            own.into_iter().chain(leaves).flatten()
        });
        of_person.chain(of_terms)
    }
}

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
#[path = "access_evaluator_property_tests.rs"]
mod property_tests;
