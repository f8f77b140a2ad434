//! The status of a person (`docs/fold.md` 3), and what it depends on.
//!
//! They cover the aliases of a person (2), the scope of a connection, applicant systems, and the
//! next change.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Rules, SourceRules, Status, fold,
    notation::{alias, day, days_with, events, person_at, source},
    people,
};
use crate::event::{Alias, Authority, Event};

fn pre_hire_rules() -> Rules {
    let pre_hire = SourceRules {
        authority: Authority::PreHire,
        ..SourceRules::default()
    };
    Rules {
        sources: BTreeMap::from([(source("crm"), pre_hire)]),
        scope: None,
    }
}

fn status(facts: &[Event], worker: &Alias, when: f64, rules: &Rules) -> Status {
    fold(facts, worker, day(when), rules).status
}

#[test]
fn a_pre_hire_employment_counts_until_hr_has_one_and_lapses() {
    let applicant = alias("crm", "C-1");
    let facts = events("hired in crm of C-1@0->5; linked isin crm is C-1@1; hired@2->10");
    let rules = pre_hire_rules();

    assert_eq!(
        status(&facts[..1], &applicant, 1.0, &rules),
        Status::Upcoming
    );
    assert_eq!(
        status(&facts[..1], &applicant, 34.0, &rules),
        Status::Active
    );
    assert_eq!(
        status(&facts[..1], &applicant, 35.0, &rules),
        Status::Ended,
        "the employment lapses at that instant"
    );
    assert_eq!(status(&facts, &applicant, 6.0, &rules), Status::Upcoming);
    assert_eq!(status(&facts, &applicant, 11.0, &rules), Status::Active);
}

#[test]
fn a_connection_counts_its_sources_employments_and_all_revocations() {
    let facts = events("hired in crm of C-1@0->5; linked isin crm is C-1@1; access_revoked@2->20");
    let only = |name: &str| Rules {
        scope: Some(BTreeSet::from([source(name)])),
        ..Rules::default()
    };
    let worker = alias("acme", "E-1");

    assert_eq!(status(&facts, &worker, 10.0, &only("crm")), Status::Active);
    assert_eq!(status(&facts, &worker, 21.0, &only("crm")), Status::Ended);
    assert_eq!(
        status(&facts, &worker, 10.0, &only("acme")),
        Status::Unknown
    );
    assert_eq!(
        status(&facts, &worker, 21.0, &only("acme")),
        Status::Ended,
        "a revocation without an employment in scope"
    );
}

#[test]
fn the_last_link_fact_about_a_pair_decides() {
    let facts = events(
        "hired@0->0; hired of E-2@0->0; linked is E-2@1; unlinked of E-2 is E-1@2; linked is E-2@3",
    );
    let one_person = vec![BTreeSet::from([alias("acme", "E-1"), alias("acme", "E-2")])];
    let apart: Vec<_> = ["E-1", "E-2"]
        .map(|worker| BTreeSet::from([alias("acme", worker)]))
        .into();
    assert_eq!(people(&facts[..2]), apart);
    assert_eq!(people(&facts[..3]), one_person);
    assert_eq!(people(&facts[..4]), apart);
    assert_eq!(people(&facts), one_person);

    let reversed: Vec<_> = facts[..4].iter().rev().cloned().collect();
    assert_eq!(people(&reversed), apart);

    let converted = events("converted of E-2 was E-1@0->0; unlinked is E-2@1");
    assert_eq!(
        (people(&converted[..1]), people(&converted)),
        (one_person, apart)
    );
}

#[test]
fn a_chain_of_links_makes_one_person() {
    let facts =
        events("linked is E-2@1; linked of E-3 is E-4@1; linked of E-3 is E-2@2; changed of E-5@3");
    let sizes: Vec<_> = people(&facts).iter().map(BTreeSet::len).collect();
    assert_eq!(sizes, [4, 1]);
}

#[test]
fn a_person_with_only_changes_is_unknown_and_an_unknown_leaver_has_ended() {
    assert_eq!(person_at(&events("changed@0"), 1.0).status, Status::Unknown);
    let leaver = events("terminated@0->5");
    assert_eq!(
        (
            person_at(&leaver, 1.0).status,
            person_at(&leaver, 6.0).status
        ),
        (Status::Unknown, Status::Ended)
    );
    assert_eq!(person_at(&[], 0.0).status, Status::Unknown);
}

#[test]
fn a_person_whose_only_start_never_happens_has_ended() {
    assert_eq!(
        person_at(&events("hired@-20->10; terminated@0->0"), 1.0).status,
        Status::Ended
    );
    assert_eq!(
        person_at(&events("hired@-20->10; access_revoked@0->5"), 1.0).status,
        Status::Ended
    );
}

#[test]
fn the_next_change_is_the_next_start_end_leave_revocation_or_lapse() {
    let next = |history: &str, when: f64| person_at(&events(history), when).next_change;
    assert_eq!(
        next("hired@-20->10; terminated@0->20", 1.0),
        Some(day(10.0))
    );
    assert_eq!(
        next("hired@-20->10; terminated@0->20", 10.0),
        Some(day(20.0))
    );
    assert_eq!(next("hired@-20->10; terminated@0->20", 20.0), None);
    assert_eq!(
        next("hired@-20->-10; access_revoked@0->7", 1.0),
        Some(day(7.0))
    );
    assert_eq!(
        next("hired@-20->-10; leave_started@0->3; leave_ended@0->9", 3.0),
        Some(day(9.0))
    );

    let applicant = events("hired in crm of C-1@0->5");
    assert_eq!(
        fold(
            &applicant,
            &alias("crm", "C-1"),
            day(6.0),
            &pre_hire_rules()
        )
        .next_change,
        Some(day(35.0))
    );
}

#[test]
fn adjacent_civil_dates_do_not_overlap_across_zones() {
    // It ends with the 4th in New York and begins with the 5th in Tokyo, which is fourteen hours
    // earlier. As civil dates they are adjacent, so the rehire is not inside the employment.
    let mut facts = events("hired@-300->-300; terminated date end@0->4; rehired date@1->5");
    for (index, zone) in [(1, "America/New_York"), (2, "Asia/Tokyo")] {
        if let Some(crate::event::Effective::Day { time_zone, .. }) =
            facts[index].content.data.effective.as_mut()
        {
            *time_zone = Some(zone.to_owned());
        }
    }
    assert_eq!(days_with(&facts, Status::Active), "-300..");
}
