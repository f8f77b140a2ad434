//! The fold against the oracle: the same people, the same employments, the same status at every instant.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    fact::{History, alias},
    generator,
    oracle::{Seen, see},
    runner::{Dice, prove},
};
use crate::{
    event::EventKey,
    fold::{FindingKind, Folded, Person, Status, fold},
};

/// What both must agree on of one employment.
type Row = (
    Option<String>,
    Option<Timestamp>,
    Option<Timestamp>,
    Option<Timestamp>,
    bool,
);

fn by_fold(person: &Person) -> Vec<Row> {
    let row = |job: &crate::fold::Employment| {
        let [start, end] = [job.start, job.end].map(|moment| moment.map(|moment| moment.instant));
        (
            job.id.as_ref().map(ToString::to_string),
            job.opened,
            start,
            end,
            job.is_final,
        )
    };
    let mut rows: Vec<Row> = person.employments.iter().map(row).collect();
    rows.sort();
    rows
}

fn by_oracle(seen: &Seen) -> Vec<Row> {
    let row = |job: &&super::oracle_replay::Job| {
        let [start, end] = [job.start, job.end].map(|moment| moment.map(|moment| moment.instant));
        (
            job.id.as_ref().map(ToString::to_string),
            job.opened,
            start,
            end,
            job.is_final,
        )
    };
    let mut rows: Vec<Row> = seen.jobs().iter().map(row).collect();
    rows.sort();
    rows
}

fn agree<T: PartialEq + std::fmt::Debug>(what: &str, fold: &T, oracle: &T) -> Result<(), String> {
    if fold == oracle {
        Ok(())
    } else {
        Err(format!(
            "{what}: the fold says {fold:#?}, the oracle {oracle:#?}"
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

fn alike(history: &History) -> Result<(), String> {
    let (events, rules) = (history.events(), history.rules());
    let instants = history.instants();
    let who = alias(0);
    let seen = see(&events, &who, &rules);
    // Folded once for all instants: `fold` asks the same of one.
    let folded = Folded::of(&events, &who, &rules);
    let first = fold(&events, &who, instants[0], &rules);
    agree("aliases", &first.aliases, &seen.aliases())?;
    agree("employments", &by_fold(&first), &by_oracle(&seen))?;
    let everybody: BTreeSet<_> = seen.findings().into_iter().collect();
    if let Some(alone) = findings(&first).into_iter().find(|finding| {
        // Of what counts for nothing, and of a reused number, only the text of the key is open.
        !matches!(
            finding.0,
            FindingKind::IdReused | FindingKind::EndDateWithoutEnding
        ) && !everybody.contains(finding)
    }) {
        return Err(format!(
            "a finding of the fold only: {alone:?}; the oracle has {everybody:#?}"
        ));
    }
    // Some of the instants of each history; over the cases every kind of instant is met.
    let mut dice = Dice::new(history.salt);
    for at in (0..16).map(|_| dice.of(&instants)) {
        agree(
            &format!("status at {at}"),
            &folded.standings.status_at(at),
            &seen.status(at),
        )?;
    }
    Ok(())
}

#[test]
fn the_fold_reads_the_rules_as_the_oracle_does() {
    prove("differential", generator::history, alike);
}

/// From now to the next change nothing changes, and what does change is told.
fn constant_until_the_next_change(history: &History) -> Result<(), String> {
    let (events, rules) = (history.events(), history.rules());
    let folded = Folded::of(&events, &alias(0), &rules);
    let shown = |person: &Person| (person.status, person.attributes.clone());
    let people: Vec<(Timestamp, Person)> = history
        .boundaries()
        .into_iter()
        .map(|at| (at, folded.at(at)))
        .collect();
    for (nth, (at, person)) in people.iter().enumerate().skip(1).step_by(2) {
        if person.next_change.is_some_and(|next| next <= *at) {
            return Err(format!(
                "at {at} the next change is at {:?}",
                person.next_change
            ));
        }
        for (later, other) in &people[nth + 1..] {
            if person.next_change.is_some_and(|next| next <= *later) {
                break;
            }
            if shown(person) != shown(other) {
                return Err(format!(
                    "from {at} to {later} it changed, next change {:?}:\n{person:#?}\n{other:#?}",
                    person.next_change
                ));
            }
        }
        if let Some(next) = person.next_change
            && nth % 7 == 0
        {
            let just_before = next
                .checked_sub(jiff::SignedDuration::from_nanos(1))
                .expect("an instant");
            let before = folded.at(just_before.max(*at));
            if shown(&before) != shown(person) {
                return Err(format!(
                    "just before {next}, the next change at {at}, it had changed"
                ));
            }
        }
    }
    Ok(())
}

#[test]
fn nothing_changes_before_the_next_change() {
    prove(
        "next_change",
        generator::history,
        constant_until_the_next_change,
    );
}

#[test]
fn nobody_is_upcoming_for_ever() {
    prove("far_future", generator::history, |history| {
        let far = super::fact::hour(90_000 * 3);
        let person = fold(&history.events(), &alias(0), far, &history.rules());
        if person.status == Status::Upcoming || person.next_change.is_some() {
            return Err(format!(
                "long after everything: {:?}, next change {:?}",
                person.status, person.next_change
            ));
        }
        Ok(())
    });
}
