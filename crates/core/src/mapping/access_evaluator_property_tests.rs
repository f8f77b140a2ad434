//! Properties of access over time, for random employments and policies.
//!
//! `due` is never late, an ended employment gives no access, and without offsets access follows
//! from the status alone. The expected statuses come from a reading of `docs/fold.md`, section 3,
//! that shares no code with the fold.

use proptest::prelude::*;

use super::*;
use crate::{
    event::Moment,
    fold::Status,
    mapping::{
        LifecyclePolicy, Mapping, MappingDocument, OutOfScope,
        people_tests::{bare, employment},
    },
    scim::Profile,
};

const HOUR: i64 = 3_600;
const CASES: u32 = 10_000;

fn hour(hour: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + hour * HOUR).unwrap()
}

prop_compose! {
    fn any_employment()(
        start in prop::option::weighted(0.85, 0..600_i64),
        length in prop::option::weighted(0.6, -20..400_i64),
        revoked in prop::option::weighted(0.15, 0..800_i64),
        lapses in prop::option::weighted(0.1, 1..200_i64),
        leaves in prop::collection::vec((0..300_i64, prop::option::of(1..200_i64)), 0..3),
        counts in prop::bool::weighted(0.9),
        record_deleted in prop::bool::weighted(0.2),
    ) -> Employment {
        let begin = start.unwrap_or(200);
        Employment {
            access_revoked_from: revoked.map(hour),
            lapses: lapses.and(start).map(|start| hour(start + lapses.unwrap_or(1))),
            leaves: leaves
                .into_iter()
                .map(|(from, length)| (hour(begin + from), length.map(|l| hour(begin + from + l))))
                .collect(),
            counts,
            record_deleted,
            ..employment(
                start.map(|at| Moment::at(hour(at))),
                length.map(|length| Moment::at(hour(begin + length))),
            )
        }
    }
}

prop_compose! {
    fn any_policy()(
        create in prop::sample::select(
            vec!["start - 7d", "start - 30h", "start - 1d", "start - 24h"],
        ),
        activate in prop::sample::select(
            vec!["start", "start - 12h", "start + 1d", "start + 3d"],
        ),
        deactivate in prop::sample::select(vec!["end", "end + 12h", "end - 1d", "end + 30d"]),
        leave in prop::sample::select(vec!["keep", "deactivate"]),
        record_deleted in prop::sample::select(vec!["keep", "deactivate"]),
    ) -> LifecyclePolicy {
        LifecyclePolicy {
            create: create.into(),
            activate: activate.into(),
            deactivate: deactivate.into(),
            leave: leave.into(),
            record_deleted: record_deleted.into(),
            delete_after: "never".into(),
        }
    }
}

/// The employments of a person. A revocation of the person revokes each of them.
#[derive(Clone, Debug)]
struct Life {
    employments: Vec<Employment>,
    revoked: Option<Timestamp>,
}

prop_compose! {
    fn any_life()(
        mut employments in prop::collection::vec(any_employment(), 0..4),
        revoked in prop::option::weighted(0.1, (0..800_i64).prop_map(hour)),
    ) -> Life {
        for employment in &mut employments {
            let own = employment.access_revoked_from.into_iter();
            employment.access_revoked_from = own.chain(revoked).min();
        }
        Life { employments, revoked }
    }
}

impl Life {
    /// The person as the fold returns it at `now`.
    fn at(&self, now: Timestamp) -> Person {
        let past = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let counting = || self.employments.iter().filter(|e| e.counts);
        let start = |e: &Employment| e.start.map(|start| start.instant);
        let end = |e: &Employment| e.end.map(|end| end.instant);
        let no_show = |e: &Employment| {
            start(e)
                .zip(end(e))
                .is_some_and(|(start, end)| end <= start)
        };

        let over = |e: &&Employment| {
            no_show(e) || past(end(e)) || past(e.access_revoked_from) || past(e.lapses)
        };
        let on_leave =
            |e: &Employment| e.leaves.iter().any(|(from, to)| *from <= now && !past(*to));
        let live: Vec<&Employment> = counting().filter(|e| past(start(e)) && !over(e)).collect();
        let status = if live.iter().any(|e| !on_leave(e)) {
            Status::Active
        } else if !live.is_empty() {
            Status::OnLeave
        } else if counting().any(|e| over(&e)) || past(self.revoked) {
            Status::Ended
        } else if counting().any(|e| start(e).is_some()) {
            Status::Upcoming
        } else {
            Status::Unknown
        };

        let boundaries = self.employments.iter().flat_map(|e| {
            let leaves = e.leaves.iter().flat_map(|(from, to)| [Some(*from), *to]);
            [start(e), end(e), e.access_revoked_from, e.lapses]
                .into_iter()
                .chain(leaves)
                .flatten()
        });

        let next_change = boundaries
            .chain(self.revoked)
            .filter(|boundary| *boundary > now)
            .min();
        Person {
            access_revoked_from: self.revoked,
            next_change,
            ..bare(status, self.employments.clone())
        }
    }
}

fn lifecycle(policy: &LifecyclePolicy) -> Lifecycle {
    Lifecycle::read(policy).unwrap()
}

fn gives_access(access: Access) -> bool {
    matches!(access, Access::Active | Access::Prepared)
}

/// The offsets of `any_policy` in hours; `start` and `end` have none.
fn offset_hours(offset: &str) -> i64 {
    match offset {
        "start - 12h" => -12,
        "start + 1d" => 24,
        "start + 3d" => 72,
        "end + 12h" => 12,
        "end + 30d" => 720,
        "end - 1d" => -24,
        _ => 0,
    }
}

/// Whether the employment is active under the policy, by a reading of `docs/mapping.md`.
fn gives_active(employment: &Employment, policy: &LifecyclePolicy, now: Timestamp) -> bool {
    let Some(start) = employment.start.map(|start| start.instant) else {
        return false;
    };
    let end = employment.end.map(|end| end.instant);

    let active_from = start + SignedDuration::from_hours(offset_hours(&policy.activate));
    let after_end = SignedDuration::from_hours(offset_hours(&policy.deactivate));
    let until = end.map(|end| end + after_end);
    let ended_first = end.is_some_and(|end| end <= start.max(active_from));

    let ends = [until, employment.access_revoked_from, employment.lapses];
    let is_over = ends.into_iter().flatten().any(|end| end <= now);
    employment.counts && active_from <= now && !is_over && !ended_first
}

/// Whether an offset may still give access to a leaver: a start soon, or an end not long ago.
fn offset_may_apply(person: &Person, now: Timestamp) -> bool {
    let is_near = |at: Timestamp| now.duration_since(at).abs() <= SignedDuration::from_hours(800);
    let starts_soon = |e: &Employment| {
        e.start
            .is_some_and(|start| start.instant > now && is_near(start.instant))
    };
    let ended_lately = |e: &Employment| e.end.is_some_and(|end| is_near(end.instant));

    person
        .employments
        .iter()
        .filter(|e| e.counts)
        .any(|e| starts_soon(e) || ended_lately(e))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn access_does_not_change_before_due_and_its_end_is_announced(
        life in any_life(),
        policy in any_policy(),
        now in -200..1_200_i64,
        parts in prop::collection::vec(0.0..1.0_f64, 6),
    ) {
        let (policy, now) = (lifecycle(&policy), hour(now));
        let decision = evaluate(&life.at(now), &policy, GivenAccess::ByOthers, now);
        let due = decision.due.unwrap_or_else(|| hour(5_000));
        prop_assert!(due > now);

        let span = due.as_second() - now.as_second();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "any instant in between is fine"
        )]
        let between = parts
            .into_iter()
            .map(|part| now.as_second() + (span as f64 * part) as i64);

        for second in between.chain([due.as_second() - 1]) {
            let then = Timestamp::from_second(second).unwrap().max(now);
            let access = evaluate(&life.at(then), &policy, GivenAccess::ByOthers, then).access;
            prop_assert_eq!(access, decision.access, "{}", then);
        }

        if let Some(due) = decision.due {
            let then = evaluate(&life.at(due), &policy, GivenAccess::ByOthers, due).access;
            let ends_access = gives_access(decision.access) && then == Access::Inactive;
            prop_assert_eq!(decision.due_ends_access, ends_access);
        } else {
            prop_assert!(!decision.due_ends_access);
        }
    }

    #[test]
    fn without_offsets_access_follows_from_the_status(
        life in any_life(),
        leave in any::<bool>(),
        now in -200..1_200_i64,
    ) {
        let now = hour(now);
        let person = life.at(now);
        let leave = if leave { "keep" } else { "deactivate" };
        let policy = lifecycle(&LifecyclePolicy {
            leave: leave.into(),
            ..LifecyclePolicy::default()
        });

        let week = SignedDuration::from_hours(7 * 24);
        let starts_soon = person.employments.iter().filter(|e| e.counts).any(|e| {
            let start = e.start.map(|start| start.instant);
            start.is_some_and(|start| start > now && start.duration_since(now) <= week)
        });
        let expected = match person.status {
            Status::Active => Access::Active,
            Status::OnLeave if leave == "keep" => Access::Active,
            Status::OnLeave | Status::Ended => Access::Inactive,
            Status::Upcoming if starts_soon => Access::Prepared,
            Status::Upcoming | Status::Unknown => Access::Unmanaged,
        };

        prop_assert_eq!(evaluate(&person, &policy, GivenAccess::ByOthers, now).access, expected);
    }

    #[test]
    fn active_access_always_has_an_employment_that_is_active(
        life in any_life(), policy in any_policy(), now in -200..1_200_i64,
    ) {
        let now = hour(now);
        let access = evaluate(&life.at(now), &lifecycle(&policy), GivenAccess::ByOthers, now).access;

        if access == Access::Active {
            let mut employments = life.employments.iter();
            prop_assert!(employments.any(|e| gives_active(e, &policy, now)));
        }
    }

    #[test]
    fn a_leaver_is_inactive_for_every_scope_and_expression(
        life in any_life(),
        policy in any_policy(),
        now in 0..3_000_i64,
        when in prop::sample::select(
            vec!["true", "false", "worker.title + 1 > 2", "worker.name.given | int"],
        ),
        keep in any::<bool>(),
    ) {
        let now = hour(now);
        let person = life.at(now);

        if person.status == Status::Ended && !offset_may_apply(&person, now) {
            let mut document = MappingDocument::of_profile(Profile::named("generic").unwrap());
            document.when = Some(when.into());
            document.lifecycle = LifecyclePolicy {
                record_deleted: "deactivate".into(),
                ..policy
            };
            document.out_of_scope = if keep {
                OutOfScope::Keep
            } else {
                OutOfScope::Deactivate
            };

            let mapping = Mapping::compile(document).unwrap();
            prop_assert_eq!(mapping.access(&person, GivenAccess::ByOthers, now).access, Access::Inactive);
        }
    }
}
