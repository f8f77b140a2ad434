//! Where a person stands, who a person is, what a connection counts, and when it may differ.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Authority, Rules, SourceRules, Status, fold,
    history::{alias, at, day, days_of, events, source},
    people,
};
use crate::event::{Alias, Event};

fn recruiting() -> Rules {
    let pre_hire = SourceRules {
        authority: Authority::PreHire,
        ..SourceRules::default()
    };
    Rules {
        sources: BTreeMap::from([(source("crm"), pre_hire)]),
        scope: None,
    }
}

fn status(told: &[Event], whom: &Alias, when: f64, rules: &Rules) -> Status {
    fold(told, whom, day(when), rules).status
}

#[test]
fn an_applicant_system_counts_until_hr_is_heard_and_lapses() {
    let applicant = alias("crm", "C-1");
    let told = events("hired in crm of C-1@0->5; linked isin crm is C-1@1; hired@2->10");
    let rules = recruiting();
    assert_eq!(
        status(&told[..1], &applicant, 1.0, &rules),
        Status::Upcoming
    );
    assert_eq!(status(&told[..1], &applicant, 34.0, &rules), Status::Active);
    assert_eq!(
        status(&told[..1], &applicant, 35.0, &rules),
        Status::Ended,
        "at that very instant"
    );
    assert_eq!(status(&told, &applicant, 6.0, &rules), Status::Upcoming);
    assert_eq!(status(&told, &applicant, 11.0, &rules), Status::Active);
}

#[test]
fn a_connection_counts_the_employments_of_its_sources_and_the_bars_of_all() {
    let told = events("hired in crm of C-1@0->5; linked isin crm is C-1@1; access_revoked@2->20");
    let only = |name: &str| Rules {
        scope: Some(BTreeSet::from([source(name)])),
        ..Rules::default()
    };
    let whom = alias("acme", "E-1");
    assert_eq!(status(&told, &whom, 10.0, &only("crm")), Status::Active);
    assert_eq!(status(&told, &whom, 21.0, &only("crm")), Status::Ended);
    assert_eq!(status(&told, &whom, 10.0, &only("acme")), Status::Unknown);
    assert_eq!(
        status(&told, &whom, 21.0, &only("acme")),
        Status::Ended,
        "a bar stands alone"
    );
}

#[test]
fn of_what_was_said_of_a_pair_the_last_decides() {
    let told = events(
        "hired@0->0; hired of E-2@0->0; linked is E-2@1; unlinked of E-2 is E-1@2; linked is E-2@3",
    );
    let both = vec![BTreeSet::from([alias("acme", "E-1"), alias("acme", "E-2")])];
    let apart: Vec<_> = ["E-1", "E-2"]
        .map(|worker| BTreeSet::from([alias("acme", worker)]))
        .into();
    assert_eq!(people(&told[..2]), apart);
    assert_eq!(people(&told[..3]), both);
    assert_eq!(people(&told[..4]), apart);
    assert_eq!(people(&told), both);
    let reversed: Vec<_> = told[..4].iter().rev().cloned().collect();
    assert_eq!(people(&reversed), apart);
    let converted = events("converted of E-2 was E-1@0->0; unlinked is E-2@1");
    assert_eq!((people(&converted[..1]), people(&converted)), (both, apart));
}

#[test]
fn a_chain_of_links_is_one_person() {
    let told =
        events("linked is E-2@1; linked of E-3 is E-4@1; linked of E-3 is E-2@2; changed of E-5@3");
    let sizes: Vec<_> = people(&told).iter().map(BTreeSet::len).collect();
    assert_eq!(sizes, [4, 1]);
}

#[test]
fn who_has_only_changes_is_unknown_and_a_leaver_we_never_saw_has_ended() {
    assert_eq!(at(&events("changed@0"), 1.0).status, Status::Unknown);
    let leaver = events("terminated@0->5");
    assert_eq!(
        (at(&leaver, 1.0).status, at(&leaver, 6.0).status),
        (Status::Unknown, Status::Ended)
    );
    assert_eq!(at(&[], 0.0).status, Status::Unknown);
}

#[test]
fn what_will_never_begin_has_ended_at_once() {
    assert_eq!(
        at(&events("hired@-20->10; terminated@0->0"), 1.0).status,
        Status::Ended
    );
    assert_eq!(
        at(&events("hired@-20->10; access_revoked@0->5"), 1.0).status,
        Status::Ended
    );
}

#[test]
fn the_next_change_is_the_next_start_end_leave_bar_or_lapse() {
    let next = |history: &str, when: f64| at(&events(history), when).next_change;
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
        fold(&applicant, &alias("crm", "C-1"), day(6.0), &recruiting()).next_change,
        Some(day(35.0))
    );
}

#[test]
fn civil_dates_are_neighbours_whatever_the_zones() {
    // Ends with the 4th in New York, begins with the 5th in Tokyo, fourteen hours before: the same day, not inside.
    let mut told = events("hired@-300->-300; terminated date end@0->4; rehired date@1->5");
    for (index, zone) in [(1, "America/New_York"), (2, "Asia/Tokyo")] {
        if let Some(crate::event::Effective::Day { time_zone, .. }) =
            told[index].content.data.effective.as_mut()
        {
            *time_zone = Some(zone.to_owned());
        }
    }
    assert_eq!(days_of(&told, Status::Active), "-300..");
}
