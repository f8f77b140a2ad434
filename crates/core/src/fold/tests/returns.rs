//! `docs/fold.md` 8, property 3: a resend after an ending gives no access.
//!
//! The property ends a generated history with an ending or an access revocation, then sends earlier
//! facts again under new ids and times.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    endings,
    fact::{FactSpec, hour},
    generator::{self, SampleSpace},
    history::History,
    runner::{SeededRng, check_property},
    view::View,
};
use crate::event::{Event, Kind};

/// The id of the ending.
const ENDING: u16 = 199;

/// The least id of the resent facts.
const RESENT: u16 = 200;

/// A history that ends, and then some of its facts again.
fn resent_history(rng: &mut SeededRng) -> History {
    let mut history = endings::ended_history(rng);
    let last = history.facts.len() - 1;
    let kind = rng.choose(&[Kind::Terminated, Kind::RecordDeleted, Kind::AccessRevoked]);
    let occurred = history.facts[last].occurred();
    let space = SampleSpace::draw(rng);
    let drawn = generator::fact(rng, &space, &[], kind, ENDING);
    let effective = if rng.percent(50) {
        None
    } else {
        drawn.effective
    };
    history.facts[last] = FactSpec {
        time: Some(occurred),
        received: occurred,
        effective,
        employment: None,
        worker: rng.choose(&[0, 0, 0, 1, 2]),
        ..drawn
    };

    let candidates: Vec<FactSpec> = history
        .facts
        .iter()
        .filter(|fact| can_be_resent(&history, fact))
        .cloned()
        .collect();
    let mut time = occurred;
    for nth in 0..u16::try_from(rng.below(3) + 1).expect("few facts") {
        time += rng.choose(&[1, 24, 24 * 20]);
        if !candidates.is_empty() {
            let resent = rng.choose(&candidates).resent(RESENT + nth, time);
            history.facts.push(resent);
        }
    }
    history
}

/// Whether the property covers a resend of the fact: it counted, and it is neither a cancellation
/// nor an operator's.
fn can_be_resent(history: &History, fact: &FactSpec) -> bool {
    let reference = fact.reference();
    let is_voided = history
        .facts
        .iter()
        .any(|by| by.kind == Kind::Voided && by.refers_to.contains(&reference));
    let has_own_id = history
        .facts
        .iter()
        .filter(|other| other.reference() == reference)
        .count()
        == 1;
    // An undated `hired` states no start. A resend is dated, so it is a new fact.
    let is_dated = fact.kind != Kind::Hired || fact.effective.is_some();
    let is_plain =
        is_dated && fact.hook.is_none() && fact.supersedes.is_none() && !fact.by_operator;
    // A resent conversion is the last fact about its pair of aliases: after an `unlinked` it links
    // two persons again.
    let links_again =
        fact.kind == Kind::Converted && history.facts.iter().any(|by| by.kind == Kind::Unlinked);

    is_plain && has_own_id && !is_voided && !links_again && fact.kind != Kind::TerminationCancelled
}

/// Whether the history has the form that [`resent_history`] makes. Shrinking can destroy it.
fn is_resent_history(first: &History, ending: &FactSpec, resent: &[FactSpec]) -> bool {
    let ending_is_last = first
        .facts
        .iter()
        .all(|fact| fact.id == ENDING || fact.occurred() < ending.occurred());
    let is_resend = |fact: &FactSpec| {
        let original = first
            .facts
            .iter()
            .find(|original| original.resent(fact.id, fact.occurred()) == *fact);
        original.is_some_and(|original| can_be_resent(first, original))
            && fact.occurred() > ending.occurred()
    };
    let resent_ids: BTreeSet<u16> = resent.iter().map(|fact| fact.id).collect();
    let is_referenced = first.facts.iter().any(|fact| {
        fact.refers_to
            .iter()
            .chain(&fact.supersedes)
            .any(|to| to.1 == ENDING || resent_ids.contains(&to.1))
    });

    ending_is_last && !is_referenced && resent.iter().all(is_resend)
}

/// Whether the person has no access from that instant on, and no employment that begins later. An
/// access revocation can stop such an employment before it begins; a resend that states an earlier
/// start lets it run until the revocation.
fn has_ended(view: &View, from: Timestamp, boundaries: &[Timestamp]) -> bool {
    let begins_later = view.employments().into_iter().any(|employment| {
        !employment.is_no_show() && employment.start.is_some_and(|start| start.instant > from)
    });
    !begins_later && !boundaries.iter().any(|at| view.is_live(*at))
}

fn resends_give_no_access(history: &History) -> Result<(), String> {
    let (mut resent, facts): (Vec<FactSpec>, Vec<FactSpec>) = history
        .facts
        .iter()
        .cloned()
        .partition(|fact| fact.id >= RESENT);
    let first = History {
        facts,
        ..history.clone()
    };
    let Some(ending) = first.facts.iter().find(|fact| fact.id == ENDING) else {
        return Ok(());
    };
    if !is_resent_history(&first, ending, &resent) {
        return Ok(());
    }

    let before = View::of(&first);
    let from = before
        .effective(ending)
        .instant
        .max(ending.event().occurred());
    let boundaries: Vec<_> = history
        .boundaries()
        .into_iter()
        .filter(|at| *at >= from)
        .collect();
    if !has_ended(&before, from, &boundaries) {
        return Ok(());
    }

    // A resend may add an employment that is over: that changes the past, but gives no access. So
    // each resend is checked from the hour on at which it occurred.
    resent.sort_by_key(FactSpec::occurred);
    for nth in 0..resent.len() {
        let facts = first.facts.iter().chain(&resent[..=nth]).cloned().collect();
        let after = View::of(&History {
            facts,
            ..history.clone()
        });
        let occurred = hour(resent[nth].occurred());
        if let Some(at) = boundaries
            .iter()
            .find(|at| **at >= occurred && after.is_live(**at))
        {
            return Err(format!(
                "a resend after the ending gives access at {at}\n  ending: {ending}\n  resend: {}",
                resent[nth]
            ));
        }
    }
    Ok(())
}

#[test]
fn a_resend_after_an_ending_gives_no_access() {
    check_property("resend", resent_history, resends_give_no_access);
}

#[test]
fn the_generator_ends_all_employments_in_a_quarter_of_the_histories() {
    let mut rng = SeededRng::new(1);
    let cases = 2_000;
    let ended = (0..cases).filter(|_| {
        let history = resent_history(&mut rng);
        let first: Vec<FactSpec> = history
            .facts
            .iter()
            .filter(|fact| fact.id < RESENT)
            .cloned()
            .collect();
        let before = View::of(&History {
            facts: first,
            ..history.clone()
        });
        let ending = history.facts.iter().find(|fact| fact.id == ENDING);
        let ending = ending.map(FactSpec::event);
        let from = ending.as_ref().map(Event::occurred).unwrap_or_default();

        history.facts.iter().any(|fact| fact.id >= RESENT)
            && history
                .boundaries()
                .into_iter()
                .filter(|at| *at >= from)
                .all(|at| !before.is_live(at))
    });
    assert!(ended.count() > cases / 4);
}
