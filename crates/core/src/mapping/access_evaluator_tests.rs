//! Access over time, by example: employments, a policy, and the access at given instants.

use super::*;
use crate::{
    event::Boundary,
    mapping::{
        LifecyclePolicy,
        people_tests::{at, bare, day, employment},
    },
};

fn policy(change: impl FnOnce(&mut LifecyclePolicy)) -> Lifecycle {
    let mut policy = LifecyclePolicy::default();
    change(&mut policy);
    Lifecycle::read(&policy).unwrap()
}

fn from(start: &str) -> Employment {
    employment(Some(day(start, Boundary::StartOfDay)), None)
}

fn until(start: &str, end: &str) -> Employment {
    employment(
        Some(day(start, Boundary::StartOfDay)),
        Some(day(end, Boundary::EndOfDay)),
    )
}

fn access(person: &Person, policy: &Lifecycle, now: &str) -> Access {
    decision(person, policy, now).access
}

fn decision(person: &Person, policy: &Lifecycle, now: &str) -> AccessDecision {
    evaluate(person, policy, GivenAccess::ByOthers, at(now))
}

#[test]
fn by_default_an_account_is_prepared_for_a_week_then_active_then_inactive() {
    let employments = || vec![until("2026-12-01", "2027-03-31")];
    let policy = policy(|_| {});
    for (status, now, expected, due, ends) in [
        (
            Status::Upcoming,
            "2026-11-20T00:00:00Z",
            Access::Unmanaged,
            Some("2026-11-24T00:00:00Z"),
            false,
        ),
        (
            Status::Upcoming,
            "2026-11-24T00:00:00Z",
            Access::Prepared,
            Some("2026-12-01T00:00:00Z"),
            false,
        ),
        (
            Status::Active,
            "2026-12-01T00:00:00Z",
            Access::Active,
            Some("2027-04-01T00:00:00Z"),
            true,
        ),
        (
            Status::Ended,
            "2027-04-01T00:00:00Z",
            Access::Inactive,
            None,
            false,
        ),
    ] {
        let due = due.map(at);
        let expected = AccessDecision {
            access: expected,
            due,
            due_ends_access: ends,
            withdrawn: false,
        };
        assert_eq!(
            decision(&bare(status, employments()), &policy, now),
            expected,
            "{now}"
        );
    }

    assert_eq!(
        access(
            &bare(Status::Unknown, Vec::new()),
            &policy,
            "2026-12-01T00:00:00Z"
        ),
        Access::Unmanaged
    );
}

#[test]
fn offsets_move_each_boundary() {
    let policy = policy(|policy| {
        policy.create = "start - 2d".into();
        policy.activate = "start - 1d".into();
        policy.deactivate = "end + 12h".into();
    });

    let life = |status| bare(status, vec![until("2026-12-01", "2027-03-31")]);
    for (status, now, expected) in [
        (Status::Upcoming, "2026-11-28T23:59:59Z", Access::Unmanaged),
        (Status::Upcoming, "2026-11-29T00:00:00Z", Access::Prepared),
        (Status::Upcoming, "2026-11-30T00:00:00Z", Access::Active),
        (Status::Active, "2027-03-31T23:59:59Z", Access::Active),
        (Status::Ended, "2027-04-01T11:59:59Z", Access::Active),
        (Status::Ended, "2027-04-01T12:00:00Z", Access::Inactive),
    ] {
        assert_eq!(access(&life(status), &policy, now), expected, "{now}");
    }

    let early = self::policy(|policy| policy.deactivate = "end - 1d".into());
    assert_eq!(
        access(&life(Status::Active), &early, "2027-03-31T00:00:00Z"),
        Access::Inactive
    );
}

#[test]
fn a_revocation_and_a_lapse_end_access_at_once_despite_an_offset() {
    let policy = policy(|policy| policy.deactivate = "end + 4w".into());
    let noon = at("2027-01-01T12:00:00Z");
    let revoked = Employment {
        access_revoked_from: Some(noon),
        ..from("2026-12-01")
    };
    let lapsed = Employment {
        lapses: Some(noon),
        ..from("2026-12-01")
    };

    for employment in [revoked, lapsed] {
        let person = bare(Status::Active, vec![employment]);
        let before = evaluate(
            &person,
            &policy,
            GivenAccess::ByOthers,
            at("2027-01-01T11:00:00Z"),
        );
        assert_eq!(
            before,
            AccessDecision {
                access: Access::Active,
                due: Some(noon),
                due_ends_access: true,
                withdrawn: false,
            }
        );
        assert_eq!(
            access(&person, &policy, "2027-01-01T12:00:00Z"),
            Access::Inactive
        );
    }

    let alone = Person {
        access_revoked_from: Some(noon),
        ..bare(Status::Ended, Vec::new())
    };

    assert_eq!(
        access(&alone, &policy, "2027-01-01T12:00:00Z"),
        Access::Inactive
    );
}

#[test]
fn a_rehire_is_not_prepared_for_a_leaver_but_active_from_its_start() {
    let life = |status| {
        bare(
            status,
            vec![until("2026-01-01", "2026-11-30"), from("2026-12-05")],
        )
    };

    let policy = policy(|_| {});
    assert_eq!(
        access(&life(Status::Ended), &policy, "2026-12-01T00:00:00Z"),
        Access::Inactive
    );
    assert_eq!(
        access(&life(Status::Ended), &policy, "2026-12-04T00:00:00Z"),
        Access::Inactive
    );
    assert_eq!(
        access(&life(Status::Active), &policy, "2026-12-05T00:00:00Z"),
        Access::Active
    );
}

#[test]
fn an_employment_that_ended_before_its_activation_is_never_activated() {
    let policy = policy(|policy| {
        policy.activate = "start + 2d".into();
        policy.deactivate = "end + 5d".into();
    });
    let life = |status| bare(status, vec![until("2026-12-01", "2026-12-01")]);
    assert_eq!(
        access(&life(Status::Active), &policy, "2026-12-01T12:00:00Z"),
        Access::Prepared
    );

    for day in ["02", "03", "04", "09"] {
        assert_eq!(
            access(
                &life(Status::Ended),
                &policy,
                &format!("2026-12-{day}T00:00:00Z")
            ),
            Access::Inactive
        );
    }

    let no_show = bare(Status::Ended, vec![until("2026-12-01", "2026-11-30")]);
    assert_eq!(
        access(&no_show, &policy, "2026-11-28T00:00:00Z"),
        Access::Inactive
    );
}

#[test]
fn an_employment_without_a_start_is_unmanaged_until_its_deactivation() {
    let policy = policy(|policy| policy.deactivate = "end + 12h".into());
    let life = |status| {
        bare(
            status,
            vec![employment(
                None,
                Some(day("2026-11-30", Boundary::EndOfDay)),
            )],
        )
    };

    assert_eq!(
        access(&life(Status::Unknown), &policy, "2026-11-30T00:00:00Z"),
        Access::Unmanaged
    );
    assert_eq!(
        access(&life(Status::Ended), &policy, "2026-12-01T06:00:00Z"),
        Access::Unmanaged
    );
    assert_eq!(
        access(&life(Status::Ended), &policy, "2026-12-01T12:00:00Z"),
        Access::Inactive
    );
}

#[test]
fn a_leave_ends_access_only_by_policy_and_only_on_every_live_employment() {
    let leave = (at("2026-12-10T00:00:00Z"), Some(at("2026-12-20T00:00:00Z")));
    let on_leave = Employment {
        leaves: vec![leave],
        ..from("2026-12-01")
    };
    let deactivating = policy(|policy| policy.leave = "deactivate".into());
    let keeping = policy(|_| {});
    let life = |status| bare(status, vec![on_leave.clone()]);
    let during = "2026-12-15T00:00:00Z";
    assert_eq!(
        access(&life(Status::OnLeave), &keeping, during),
        Access::Active
    );
    assert_eq!(
        access(&life(Status::OnLeave), &deactivating, during),
        Access::Inactive
    );
    assert_eq!(
        access(&life(Status::Active), &deactivating, "2026-12-20T00:00:00Z"),
        Access::Active
    );

    let both = bare(Status::Active, vec![on_leave.clone(), from("2026-12-02")]);
    assert_eq!(access(&both, &deactivating, during), Access::Active);

    let before = evaluate(
        &life(Status::Active),
        &deactivating,
        GivenAccess::ByOthers,
        at("2026-12-05T00:00:00Z"),
    );

    assert!(before.due_ends_access && before.due == Some(leave.0));
}

#[test]
fn a_leave_at_the_end_gives_no_access_after_the_end() {
    let policy = policy(|policy| {
        policy.leave = "deactivate".into();
        policy.deactivate = "end + 5d".into();
    });
    let end = at("2027-01-01T00:00:00Z");
    for to in [None, Some(end)] {
        let employment = Employment {
            leaves: vec![(at("2026-12-10T00:00:00Z"), to)],
            ..until("2026-12-01", "2026-12-31")
        };
        assert_eq!(
            access(
                &bare(Status::Ended, vec![employment]),
                &policy,
                "2027-01-02T00:00:00Z"
            ),
            Access::Inactive
        );
    }
}

#[test]
fn a_deleted_record_keeps_the_account_only_by_policy_and_if_it_ended_last() {
    let keeping = policy(|policy| policy.record_deleted = "keep".into());
    let deleted = Employment {
        record_deleted: true,
        ..until("2026-12-01", "2027-01-31")
    };
    let now = "2027-03-01T00:00:00Z";
    let ended = |employments| bare(Status::Ended, employments);
    assert_eq!(
        access(&ended(vec![deleted.clone()]), &policy(|_| {}), now),
        Access::Inactive
    );
    assert_eq!(
        access(&ended(vec![deleted.clone()]), &keeping, now),
        Access::Unmanaged
    );
    assert_eq!(
        access(
            &ended(vec![until("2020-01-01", "2021-01-01"), deleted.clone()]),
            &keeping,
            now
        ),
        Access::Unmanaged
    );
    assert_eq!(
        access(
            &ended(vec![deleted.clone(), until("2026-12-01", "2027-02-01")]),
            &keeping,
            now
        ),
        Access::Inactive
    );

    let revoked = Person {
        access_revoked_from: Some(at("2027-02-15T00:00:00Z")),
        ..ended(vec![deleted])
    };

    assert_eq!(access(&revoked, &keeping, now), Access::Inactive);
}

#[test]
fn an_employment_that_does_not_count_has_no_effect() {
    let applicant = Employment {
        counts: false,
        ..until("2026-01-01", "2026-02-01")
    };
    let person = bare(Status::Active, vec![applicant, from("2026-06-01")]);
    assert_eq!(
        access(&person, &policy(|_| {}), "2026-12-01T00:00:00Z"),
        Access::Active
    );
}
