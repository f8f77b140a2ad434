//! fold.md 9.3: after an ending or a bar, nothing that was said before brings access back by being said again.

use std::collections::BTreeSet;

use super::{
    endings,
    fact::{Fact, History, hour},
    generator::{self, World},
    runner::{Dice, prove},
    view::View,
};
use crate::event::{Event, Kind};

/// From this number on facts are resends of earlier ones.
const RESENT: u16 = 200;

/// An ended history, and then some of it again.
fn and_again(dice: &mut Dice) -> History {
    let mut history = endings::ended(dice);
    let last = history.facts.len() - 1;
    let kind = dice.of(&[Kind::Terminated, Kind::RecordDeleted, Kind::AccessRevoked]);
    let known = history.facts[last].known();
    let world = World::draw(dice);
    let drawn = generator::fact(dice, &world, &[], kind, 199);
    let effective = if dice.percent(50) {
        None
    } else {
        drawn.effective
    };
    history.facts[last] = Fact {
        at: Some(known),
        received: known,
        effective,
        employment: None,
        who: dice.of(&[0, 0, 0, 1, 2]),
        ..drawn
    };
    let said: Vec<Fact> = history
        .facts
        .iter()
        .filter(|fact| can_be_resent(&history, fact))
        .cloned()
        .collect();
    let mut at = known;
    for n in 0..u16::try_from(dice.below(3) + 1).expect("few") {
        at += dice.of(&[1, 24, 24 * 20]);
        if !said.is_empty() {
            history.facts.push(dice.of(&said).resent(RESENT + n, at));
        }
    }
    history
}

/// Not a cancel, nor an operator's; and one that counted when it was said first.
fn can_be_resent(history: &History, fact: &Fact) -> bool {
    let key = fact.reference();
    let voided = history
        .facts
        .iter()
        .any(|by| by.kind == Kind::Voided && by.refers.contains(&key));
    let keys = history
        .facts
        .iter()
        .filter(|other| other.reference() == key)
        .count();
    // A `hired` that stated no effective stated no start: with one it is a new fact.
    let dated = fact.kind != Kind::Hired || fact.effective.is_some();
    let plain = dated && fact.hook.is_none() && fact.supersedes.is_none() && !fact.ops;
    // A conversion said again after an unlink joins two people again: known, and in docs/fold.md.
    let unlinked =
        fact.kind == Kind::Converted && history.facts.iter().any(|by| by.kind == Kind::Unlinked);
    plain && keys == 1 && !voided && !unlinked && fact.kind != Kind::TerminationCancelled
}

fn none_returns(history: &History) -> Result<(), String> {
    let (again, said): (Vec<Fact>, Vec<Fact>) = history
        .facts
        .iter()
        .cloned()
        .partition(|fact| fact.n >= RESENT);
    let Some(ending) = said.iter().find(|fact| fact.n == 199) else {
        return Ok(());
    };
    let said = History {
        facts: said.clone(),
        ..history.clone()
    };
    let late = said
        .facts
        .iter()
        .all(|fact| fact.n == 199 || fact.known() < ending.known());
    let repeats = |fact: &Fact| {
        let original = said
            .facts
            .iter()
            .find(|first| first.resent(fact.n, fact.known()) == *fact);
        original.is_some_and(|original| can_be_resent(&said, original))
            && fact.known() > ending.known()
    };
    let numbers: BTreeSet<u16> = again.iter().map(|fact| fact.n).collect();
    let spoken_of = said.facts.iter().any(|fact| {
        fact.refers
            .iter()
            .chain(&fact.supersedes)
            .any(|to| to.1 == 199 || numbers.contains(&to.1))
    });
    if !late || spoken_of || !again.iter().all(repeats) {
        return Ok(());
    }
    let before = View::of(&said);
    let from = before
        .effective(ending)
        .instant
        .max(ending.event().occurred());
    let times: Vec<_> = history
        .boundaries()
        .into_iter()
        .filter(|at| *at >= from)
        .collect();
    if times.iter().any(|at| before.live(*at)) {
        return Ok(()); // Not everything has ended.
    }
    // Nor has what a bar reaches before it begins: said to begin earlier, it may run until the bar.
    if before
        .jobs()
        .iter()
        .any(|job| !job.no_show() && job.start.is_some_and(|start| start.instant > from))
    {
        return Ok(());
    }
    // What is said again may record what is over by then: the past, not access. So each is looked at from then on.
    let mut again = again;
    again.sort_by_key(Fact::known);
    for nth in 0..again.len() {
        let facts = said.facts.iter().chain(&again[..=nth]).cloned().collect();
        let (after, known) = (
            View::of(&History {
                facts,
                ..history.clone()
            }),
            hour(again[nth].known()),
        );
        if let Some(at) = times.iter().find(|at| **at >= known && after.live(**at)) {
            return Err(format!(
                "after {ending}, {} said again gives access at {at}",
                again[nth]
            ));
        }
    }
    Ok(())
}

#[test]
fn what_is_said_again_after_an_ending_gives_nothing() {
    prove("resend", and_again, none_returns);
}

#[test]
fn the_generator_ends_everything_often_enough_to_prove_it() {
    let mut dice = Dice::new(1);
    let cases = 2_000;
    let proving = (0..cases).filter(|_| {
        let history = and_again(&mut dice);
        let said: Vec<Fact> = history
            .facts
            .iter()
            .filter(|fact| fact.n < RESENT)
            .cloned()
            .collect();
        let before = View::of(&History {
            facts: said,
            ..history.clone()
        });
        let from = history
            .facts
            .iter()
            .find(|fact| fact.n == 199)
            .map(Fact::event);
        let from = from.as_ref().map(Event::occurred).unwrap_or_default();
        history.facts.iter().any(|fact| fact.n >= RESENT)
            && history
                .boundaries()
                .into_iter()
                .filter(|at| *at >= from)
                .all(|at| !before.live(at))
    });
    assert!(proving.count() > cases / 4);
}
