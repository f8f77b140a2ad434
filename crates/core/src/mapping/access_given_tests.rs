//! Access that Hirewire gave and that the facts do not give any more.

use super::*;
use crate::{
    event::Boundary,
    mapping::{
        LifecyclePolicy,
        people_tests::{at, bare, day, employment},
    },
};

fn from(start: &str) -> Employment {
    employment(Some(day(start, Boundary::StartOfDay)), None)
}

/// docs/fold.md, section 3: the order in which a hire and its correction arrive must not decide.
#[test]
fn access_that_hirewire_gave_ends_while_the_facts_give_none() {
    let policy = Lifecycle::read(&LifecyclePolicy {
        record_deleted: "keep".into(),
        ..LifecyclePolicy::default()
    })
    .unwrap();
    let upcoming = bare(Status::Upcoming, vec![from("2027-01-10")]);
    let decided = |given, now| evaluate(&upcoming, &policy, given, at(now));

    for now in ["2027-01-01T00:00:00Z", "2027-01-05T00:00:00Z"] {
        let withdrawn = decided(GivenAccess::ByHirewire, now);
        assert_eq!(withdrawn.access, Access::Inactive, "{now}");
        assert!(withdrawn.withdrawn, "{now}");
        assert_eq!(withdrawn.due, decided(GivenAccess::ByOthers, now).due);
    }
    let before = decided(GivenAccess::ByOthers, "2027-01-01T00:00:00Z");
    assert_eq!(
        (before.access, before.withdrawn),
        (Access::Unmanaged, false)
    );
    let prepared = decided(GivenAccess::ByOthers, "2027-01-05T00:00:00Z");
    assert_eq!(
        (prepared.access, prepared.withdrawn),
        (Access::Prepared, false)
    );
    let started = decided(GivenAccess::ByHirewire, "2027-01-11T00:00:00Z");
    assert_eq!((started.access, started.withdrawn), (Access::Active, false));

    let unknown = bare(Status::Unknown, Vec::new());
    let decision = evaluate(
        &unknown,
        &policy,
        GivenAccess::ByHirewire,
        at("2027-01-01T00:00:00Z"),
    );
    assert_eq!(
        (decision.access, decision.withdrawn),
        (Access::Inactive, true)
    );

    let kept = Employment {
        record_deleted: true,
        ..employment(
            Some(day("2026-12-01", Boundary::StartOfDay)),
            Some(day("2026-12-31", Boundary::EndOfDay)),
        )
    };
    let kept = bare(Status::Ended, vec![kept]);
    let decision = evaluate(
        &kept,
        &policy,
        GivenAccess::ByHirewire,
        at("2027-01-05T00:00:00Z"),
    );
    assert_eq!(
        (decision.access, decision.withdrawn),
        (Access::Unmanaged, false)
    );
}
