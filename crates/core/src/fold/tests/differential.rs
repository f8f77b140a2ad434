//! The fold against the oracle, and the instants at which the result may change.
//!
//! Both readers must give the same aliases, employments, findings and status.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    fact::{alias, hour},
    generator,
    history::History,
    oracle::{OraclePerson, read_person},
    oracle_state::OracleEmployment,
    runner::{SeededRng, check_property},
};
use crate::{
    event::{EventKey, Moment},
    fold::{Employment, FindingKind, FoldedPerson, Person, Status, fold},
};

/// The part of an employment that both readers must agree on.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ComparedEmployment {
    id: Option<String>,
    opened: Option<Timestamp>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    is_final: bool,
}

fn instant(moment: Option<Moment>) -> Option<Timestamp> {
    moment.map(|moment| moment.instant)
}

fn employments_of_fold(person: &Person) -> Vec<ComparedEmployment> {
    let compared = |employment: &Employment| ComparedEmployment {
        id: employment.id.as_ref().map(ToString::to_string),
        opened: employment.opened,
        start: instant(employment.start),
        end: instant(employment.end),
        is_final: employment.is_final,
    };
    let mut employments: Vec<_> = person.employments.iter().map(compared).collect();
    employments.sort();
    employments
}

fn employments_of_oracle(person: &OraclePerson) -> Vec<ComparedEmployment> {
    let compared = |employment: &&OracleEmployment| ComparedEmployment {
        id: employment.id.as_ref().map(ToString::to_string),
        opened: employment.opened,
        start: instant(employment.start),
        end: instant(employment.end),
        is_final: employment.is_final,
    };
    let mut employments: Vec<_> = person.employments().iter().map(compared).collect();
    employments.sort();
    employments
}

fn expect_equal<T: PartialEq + std::fmt::Debug>(
    subject: &str,
    fold: &T,
    oracle: &T,
) -> Result<(), String> {
    if fold == oracle {
        Ok(())
    } else {
        Err(format!(
            "{subject} differ\nfold: {fold:#?}\noracle: {oracle:#?}"
        ))
    }
}

fn findings(person: &Person) -> BTreeSet<(FindingKind, EventKey)> {
    person
        .findings
        .iter()
        .map(|finding| (finding.kind, finding.event.clone()))
        .collect()
}

fn fold_equals_oracle(history: &History) -> Result<(), String> {
    let (events, rules) = (history.events(), history.rules());
    let instants = history.instants();
    let oracle = read_person(&events, &alias(0), &rules);
    let folded = FoldedPerson::of(&events, &alias(0), &rules);
    let person = fold(&events, &alias(0), instants[0], &rules);

    expect_equal("the aliases", &person.aliases, &oracle.aliases())?;
    expect_equal(
        "the employments",
        &employments_of_fold(&person),
        &employments_of_oracle(&oracle),
    )?;

    // The oracle lists the findings of all persons, and it names a reused id by the shared key. It
    // does not read the end dates of `changed`.
    let all: BTreeSet<_> = oracle.findings().into_iter().collect();
    let is_compared = |kind| {
        !matches!(
            kind,
            FindingKind::IdReused | FindingKind::EndDateWithoutEnding
        )
    };
    let only_fold = findings(&person)
        .into_iter()
        .find(|finding| is_compared(finding.0) && !all.contains(finding));
    if let Some(finding) = only_fold {
        return Err(format!(
            "only the fold has the finding {finding:?}\noracle: {all:#?}"
        ));
    }

    // Each history samples some of its instants: all cases together reach every kind of instant.
    let mut rng = SeededRng::new(history.salt);
    for at in (0..16).map(|_| rng.choose(&instants)) {
        expect_equal(
            &format!("the statuses at {at}"),
            &folded.employments.status_at(at),
            &oracle.status(at),
        )?;
    }
    Ok(())
}

#[test]
fn the_fold_and_the_oracle_agree() {
    check_property("differential", generator::history, fold_equals_oracle);
}

/// The status and the attributes do not change before `next_change`.
fn constant_until_next_change(history: &History) -> Result<(), String> {
    let (events, rules) = (history.events(), history.rules());
    let folded = FoldedPerson::of(&events, &alias(0), &rules);
    let shown = |person: &Person| (person.status, person.attributes.clone());
    let persons: Vec<(Timestamp, Person)> = history
        .boundaries()
        .into_iter()
        .map(|at| (at, folded.at(at)))
        .collect();

    for (nth, (at, person)) in persons.iter().enumerate().skip(1).step_by(2) {
        let next = person.next_change;
        if next.is_some_and(|next| next <= *at) {
            return Err(format!("at {at} the next change is {next:?}, in the past"));
        }

        for (later, other) in &persons[nth + 1..] {
            if next.is_some_and(|next| next <= *later) {
                break;
            }
            if shown(person) != shown(other) {
                return Err(format!(
                    "from {at} to {later} the person changes, but the next change is {next:?}\n\
                     {person:#?}\n{other:#?}"
                ));
            }
        }

        if let Some(next) = next
            && nth % 7 == 0
        {
            let just_before = next
                .checked_sub(SignedDuration::from_nanos(1))
                .expect("an instant");
            let before = folded.at(just_before.max(*at));
            if shown(&before) != shown(person) {
                return Err(format!(
                    "at {at} the next change is {next}, but just before it the person has changed"
                ));
            }
        }
    }
    Ok(())
}

#[test]
fn a_person_does_not_change_before_the_next_change() {
    check_property(
        "next_change",
        generator::history,
        constant_until_next_change,
    );
}

#[test]
fn a_person_is_not_upcoming_for_ever() {
    check_property("far_future", generator::history, |history| {
        let far = hour(90_000 * 3);
        let person = fold(&history.events(), &alias(0), far, &history.rules());
        if person.status == Status::Upcoming || person.next_change.is_some() {
            return Err(format!(
                "long after the last date the status is {:?} and the next change {:?}",
                person.status, person.next_change
            ));
        }
        Ok(())
    });
}
