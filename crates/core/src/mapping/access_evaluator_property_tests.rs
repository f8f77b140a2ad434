//! Access over time, for any life: `due` is never late, what is over gives no access, and without offsets access
//! follows from the status alone. The statuses come from a reading of `docs/fold.md` 3 that shares no code with ours.

use proptest::prelude::*;

use super::*;
use crate::{
    event::Moment,
    fold::Status,
    mapping::{
        LifecyclePolicy, Mapping, MappingDocument,
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
        bar in prop::option::weighted(0.15, 0..800_i64),
        lapses in prop::option::weighted(0.1, 1..200_i64),
        leaves in prop::collection::vec((0..300_i64, prop::option::of(1..200_i64)), 0..3),
        counts in prop::bool::weighted(0.9),
        record_deleted in prop::bool::weighted(0.2),
    ) -> Employment {
        let begin = start.unwrap_or(200);
        Employment {
            barred_from: bar.map(hour),
            lapses: lapses.and(start).map(|start| hour(start + lapses.unwrap_or(1))),
            leaves: leaves.into_iter().map(|(from, days)| (hour(begin + from), days.map(|d| hour(begin + from + d)))).collect(),
            counts,
            record_deleted,
            ..employment(start.map(|at| Moment::at(hour(at))), length.map(|length| Moment::at(hour(begin + length))))
        }
    }
}

prop_compose! {
    fn any_policy()(
        create in prop::sample::select(vec!["start - 7d", "start - 30h", "start - 1d", "start - 24h"]),
        activate in prop::sample::select(vec!["start", "start - 12h", "start + 1d", "start + 3d"]),
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

/// A life; the bar of the person, if any, bars all.
#[derive(Clone, Debug)]
struct Life {
    employments: Vec<Employment>,
    bar: Option<Timestamp>,
}

prop_compose! {
    fn any_life()(
        mut employments in prop::collection::vec(any_employment(), 0..4),
        bar in prop::option::weighted(0.1, (0..800_i64).prop_map(hour)),
    ) -> Life {
        for employment in &mut employments {
            employment.barred_from = employment.barred_from.into_iter().chain(bar).min();
        }
        Life { employments, bar }
    }
}

impl Life {
    /// The person as the fold would give it then.
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
        let over =
            |e: &&Employment| no_show(e) || past(end(e)) || past(e.barred_from) || past(e.lapses);
        let on_leave =
            |e: &Employment| e.leaves.iter().any(|(from, to)| *from <= now && !past(*to));
        let live: Vec<&Employment> = counting().filter(|e| past(start(e)) && !over(e)).collect();
        let status = if live.iter().any(|e| !on_leave(e)) {
            Status::Active
        } else if !live.is_empty() {
            Status::OnLeave
        } else if counting().any(|e| over(&e)) || past(self.bar) {
            Status::Ended
        } else if counting().any(|e| start(e).is_some()) {
            Status::Upcoming
        } else {
            Status::Unknown
        };
        let edges = self.employments.iter().flat_map(|e| {
            let leaves = e.leaves.iter().flat_map(|(from, to)| [Some(*from), *to]);
            [start(e), end(e), e.barred_from, e.lapses]
                .into_iter()
                .chain(leaves)
                .flatten()
        });
        let next_change = edges.chain(self.bar).filter(|edge| *edge > now).min();
        Person {
            barred_from: self.bar,
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn until_it_is_due_nothing_differs_and_an_end_of_access_is_announced(
        life in any_life(), policy in any_policy(), now in -200..1_200_i64, parts in prop::collection::vec(0.0..1.0_f64, 6),
    ) {
        let (policy, now) = (lifecycle(&policy), hour(now));
        let told = access_now(&life.at(now), &policy, now);
        let due = told.due.unwrap_or_else(|| hour(5_000));
        prop_assert!(due > now);
        let span = due.as_second() - now.as_second();
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any instant in between will do")]
        let between = parts.into_iter().map(|part| now.as_second() + (span as f64 * part) as i64);
        for second in between.chain([due.as_second() - 1]) {
            let then = Timestamp::from_second(second).unwrap().max(now);
            prop_assert_eq!(access_now(&life.at(then), &policy, then).access, told.access, "{}", then);
        }
        if let Some(due) = told.due {
            let then = access_now(&life.at(due), &policy, due).access;
            prop_assert_eq!(told.due_ends_access, gives_access(told.access) && then == Access::Inactive);
        } else {
            prop_assert!(!told.due_ends_access);
        }
    }

    #[test]
    fn without_offsets_access_follows_from_the_status(life in any_life(), leave in any::<bool>(), now in -200..1_200_i64) {
        let now = hour(now);
        let person = life.at(now);
        let leave = if leave { "keep" } else { "deactivate" };
        let policy = lifecycle(&LifecyclePolicy { leave: leave.into(), ..LifecyclePolicy::default() });
        let week = SignedDuration::from_hours(7 * 24);
        let soon = person.employments.iter().filter(|e| e.counts).any(|e| {
            e.start.is_some_and(|start| start.instant > now && start.instant.duration_since(now) <= week)
        });
        let expected = match person.status {
            Status::Active => Access::Active,
            Status::OnLeave if leave == "keep" => Access::Active,
            Status::OnLeave | Status::Ended => Access::Inactive,
            Status::Upcoming if soon => Access::Prepared,
            Status::Upcoming | Status::Unknown => Access::Unmanaged,
        };
        prop_assert_eq!(access_now(&person, &policy, now).access, expected);
    }

    #[test]
    fn access_is_never_given_without_an_employment_that_was_active_and_is_not_over(
        life in any_life(), policy in any_policy(), now in -200..1_200_i64,
    ) {
        let now = hour(now);
        let access = access_now(&life.at(now), &lifecycle(&policy), now).access;
        if access == Access::Active {
            let after_end = match policy.deactivate.as_str() { "end + 12h" => 12, "end + 30d" => 720, "end - 1d" => -24, _ => 0 };
            let to_active = match policy.activate.as_str() { "start - 12h" => -12, "start + 1d" => 24, "start + 3d" => 72, _ => 0 };
            let gives = |e: &&Employment| {
                let Some(start) = e.start.map(|start| start.instant) else { return false };
                let active_from = start + SignedDuration::from_hours(to_active);
                let until = e.end.map(|end| end.instant + SignedDuration::from_hours(after_end));
                let ended_first = e.end.is_some_and(|end| end.instant <= start.max(active_from));
                let cut = [until, e.barred_from, e.lapses].into_iter().flatten().any(|cut| cut <= now);
                e.counts && active_from <= now && !cut && !ended_first
            };
            prop_assert!(life.employments.iter().find(gives).is_some());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn who_has_left_is_inactive_whatever_scope_and_expressions_do(
        life in any_life(), policy in any_policy(), now in 0..3_000_i64,
        when in prop::sample::select(vec!["true", "false", "worker.title + 1 > 2", "worker.name.given | int"]),
        keep in any::<bool>(),
    ) {
        let now = hour(now);
        let person = life.at(now);
        let policy = LifecyclePolicy { record_deleted: "deactivate".into(), ..policy };
        // Pending: a start that may be activated early, or an end whose time after it is not over.
        let pending = person.employments.iter().filter(|e| e.counts).any(|e| {
            let near = |at: Timestamp| now.duration_since(at).abs() <= SignedDuration::from_hours(800);
            e.start.is_some_and(|start| start.instant > now && near(start.instant)) || e.end.is_some_and(|end| near(end.instant))
        });
        if person.status == Status::Ended && !pending {
            let mut document = MappingDocument::of_profile(Profile::named("generic").unwrap());
            document.when = Some(when.into());
            document.lifecycle = policy;
            document.out_of_scope =
                if keep { crate::mapping::OutOfScope::Keep } else { crate::mapping::OutOfScope::Deactivate };
            let mapping = Mapping::compile(document).unwrap();
            prop_assert_eq!(mapping.access(&person, now).access, Access::Inactive);
        }
    }
}
