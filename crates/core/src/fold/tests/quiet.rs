//! fold.md 9.4 and 9.5: what gives no access of itself, and that nobody who was somebody becomes unknown.

use std::collections::BTreeSet;

use super::{
    fact::{Fact, History, Row, hour},
    generator::{self, World},
    runner::{Dice, prove},
    view::View,
};
use crate::{event::Kind, fold::Status};

/// The number of the fact that is looked at.
const ADDED: u16 = 199;

fn without(history: &History, mut drop: impl FnMut(&Fact) -> bool) -> History {
    let facts = history
        .facts
        .iter()
        .filter(|fact| !drop(fact))
        .cloned()
        .collect();
    History {
        facts,
        ..history.clone()
    }
}

/// No access with it that is not there without it.
fn gives_nothing(with: &History, without: &History) -> Result<(), String> {
    let (more, less) = (View::of(with), View::of(without));
    for at in with.boundaries() {
        if more.live(at) && !less.live(at) || more.active(at) && !less.active(at) {
            return Err(format!("it gives access at {at}"));
        }
    }
    Ok(())
}

#[test]
fn a_change_moves_no_status() {
    prove("changed", generator::history, |history| {
        let keys: BTreeSet<_> = history.facts.iter().map(Fact::reference).collect();
        if keys.len() != history.facts.len() {
            return Ok(()); // A number used again may hide another fact.
        }
        let plain = without(history, |fact| fact.kind == Kind::Changed);
        let referred = |fact: &Fact| {
            history
                .facts
                .iter()
                .any(|other| other.supersedes == Some(fact.reference()))
        };
        if history
            .facts
            .iter()
            .any(|fact| fact.kind == Kind::Changed && referred(fact))
        {
            return Ok(()); // An edit of another kind that does not fit would fit nothing.
        }
        let (with, without) = (View::of(history), View::of(&plain));
        match history
            .boundaries()
            .into_iter()
            .find(|at| with.status(*at) != without.status(*at))
        {
            Some(at) => Err(format!("changed moves the status at {at}")),
            None => Ok(()),
        }
    });
}

/// A history, and then a list of starts that were stated.
fn listed(dice: &mut Dice) -> History {
    let mut history = generator::history(dice);
    let latest = history.last_known();
    let who = dice.of(&[0, 0, 0, 1, 2]);
    let mut list = Fact {
        who,
        ..Fact::new(ADDED, Kind::Snapshot, latest + dice.of(&[1, 24, 240]))
    };
    let stated: Vec<Row> = stated(&history, who)
        .into_iter()
        .filter(|_| dice.percent(70))
        .collect();
    list.rows = Some(stated);
    history.facts.push(list);
    history
}

/// The starts that count for that worker, each with its employment.
fn stated(history: &History, who: u8) -> Vec<Row> {
    let starts = |fact: &&Fact| matches!(fact.kind, Kind::Hired | Kind::Rehired | Kind::Converted);
    let voided = |fact: &Fact| {
        history
            .facts
            .iter()
            .any(|by| by.kind == Kind::Voided && by.refers.contains(&fact.reference()))
    };
    let once = |fact: &Fact| {
        history
            .facts
            .iter()
            .filter(|other| other.reference() == fact.reference())
            .count()
            == 1
    };
    let plausible = |fact: &Fact| {
        fact.effective
            .is_none_or(|when| (-20_000..10_000).contains(&when.hours()))
    };
    history
        .facts
        .iter()
        .filter(starts)
        .filter(|fact| {
            fact.who == who && fact.hook.is_none() && !voided(fact) && once(fact) && plausible(fact)
        })
        // An edited one may have had another employment's id. A `hired` that states no effective states no start.
        .filter(|fact| {
            !history
                .facts
                .iter()
                .any(|edit| edit.supersedes == Some(fact.reference()))
        })
        .filter(|fact| {
            fact.supersedes.is_none() && (fact.kind != Kind::Hired || fact.effective.is_some())
        })
        .map(|fact| Row {
            employment: fact.employment,
            start: fact
                .effective
                .or(Some(super::fact::When::Hour(fact.known()))),
            ..Row::default()
        })
        .collect()
}

#[test]
fn a_list_of_what_was_stated_gives_no_access() {
    prove("list", listed, |history| {
        let Some(list) = history.facts.iter().find(|fact| fact.n == ADDED) else {
            return Ok(());
        };
        let plain = without(history, |fact| fact.n == ADDED);
        let stated = stated(&plain, list.who);
        let known = list.rows.iter().flatten().all(|row| stated.contains(row));
        let is_last = plain.facts.iter().all(|fact| fact.known() < list.known());
        let spoken_of = plain
            .facts
            .iter()
            .any(|fact| fact.refers.contains(&list.reference()));
        if !known || !is_last || spoken_of || list.kind != Kind::Snapshot {
            Ok(())
        } else {
            gives_nothing(history, &plain)
        }
    });
}

/// A history, and then an edit of one of its facts that does not move it.
fn edited(dice: &mut Dice) -> History {
    let mut history = generator::history(dice);
    let edited = dice.of(&history.facts);
    if edited.kind != Kind::Voided {
        let mut edit = Fact {
            n: ADDED,
            supersedes: Some(edited.reference()),
            effective: None,
            title: Some(3),
            ..edited
        };
        edit.at = Some(World::draw(dice).hour(dice));
        edit.received = edit.known() + 1;
        edit.ops = dice.percent(40) || edit.ops;
        history.facts.push(edit);
    }
    history
}

#[test]
fn an_edit_that_keeps_the_effective_gives_no_access() {
    prove("edit", edited, |history| {
        let Some(edit) = history.facts.iter().find(|fact| fact.n == ADDED) else {
            return Ok(());
        };
        let plain = without(history, |fact| fact.n == ADDED);
        let Some(edited) = edit.supersedes else {
            return Ok(());
        };
        let rivals = plain
            .facts
            .iter()
            .any(|fact| fact.supersedes == Some(edited));
        let base: Vec<&Fact> = plain
            .facts
            .iter()
            .filter(|fact| fact.reference() == edited)
            .collect();
        let spoken_of = plain
            .facts
            .iter()
            .any(|fact| fact.refers.contains(&edit.reference()));
        let [base] = base[..] else { return Ok(()) };
        let keeps = edit.effective.is_none()
            && (edit.kind, edit.who, edit.employment, &edit.rows)
                == (base.kind, base.who, base.employment, &base.rows);
        // What counts for nothing, or stands for what is not known, has no place to keep.
        let keeps = keeps && base.supersedes.is_none() && base.hook.is_none();
        if rivals || spoken_of || !keeps || edit.refers != base.refers || edit.other != base.other {
            return Ok(());
        }
        gives_nothing(history, &plain)
    });
}

/// Whether it voids what joined two aliases, or makes an unlink of another number one of this: an unlink by another name.
fn parts(history: &History, fact: &Fact) -> bool {
    let is_unlinked = || {
        history
            .facts
            .iter()
            .any(|other| other.kind == Kind::Unlinked)
    };
    if fact.kind == Kind::IdentifierChanged && is_unlinked() {
        return true;
    }
    let joins = |other: &Fact| {
        matches!(
            other.kind,
            Kind::Linked | Kind::Converted | Kind::IdentifierChanged
        )
    };
    fact.kind == Kind::Voided
        && history
            .facts
            .iter()
            .any(|other| joins(other) && fact.refers.contains(&other.reference()))
}

#[test]
fn whoever_was_somebody_never_becomes_unknown() {
    prove("unknown", generator::history, |history| {
        let mut dice = Dice::new(history.salt);
        let keys: BTreeSet<_> = history.facts.iter().map(Fact::reference).collect();
        // Which content a number has, or which repeat counts, may be learned later: an edit; and what an edit takes the place of.
        let is_edited = |fact: &Fact| fact.hook.is_some() || fact.supersedes.is_some();
        if keys.len() != history.facts.len() || history.facts.iter().any(is_edited) {
            return Ok(());
        }
        let early = without(history, |fact| {
            fact.kind != Kind::Unlinked
                && fact.supersedes.is_none()
                && !parts(history, fact)
                && dice.percent(40)
        });
        let (then, later) = (View::of(&early), View::of(history));
        let mut was = false;
        let [known, known_later] = [&early, history].map(|history| hour(history.last_known()));
        for at in history.boundaries().into_iter().filter(|at| *at >= known) {
            was |= matches!(
                then.status(at),
                Status::Active | Status::OnLeave | Status::Upcoming
            );
            // Still open in the rules: a leaving to come of a hire never seen hides the start that comes after it.
            let hidden = |job: &super::view::Job| {
                job.start.is_none() && job.end.is_some_and(|end| at < end.instant)
            };
            if was
                && at >= known_later
                && !later.jobs().iter().any(hidden)
                && later.status(at) == Status::Unknown
            {
                return Err(format!("known from\n{early}\nand unknown at {at}"));
            }
        }
        Ok(())
    });
}
