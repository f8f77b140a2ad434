//! `docs/fold.md` 8, properties 4 and 5.
//!
//! A change, a list of stated starts, and an edit that keeps the effective date give no access. A
//! person with a status never becomes unknown.

use std::collections::BTreeSet;

use super::{
    endings::gives_access,
    fact::{EffectiveSpec, FactSpec, RowSpec, hour},
    generator::{self, SampleSpace},
    history::History,
    runner::{SeededRng, check_property},
    view::{View, ViewedEmployment},
};
use crate::{event::Kind, fold::Status};

/// The id of the fact that a property adds to a history.
const ADDED: u16 = 199;

fn without(history: &History, mut is_removed: impl FnMut(&FactSpec) -> bool) -> History {
    let facts = history
        .facts
        .iter()
        .filter(|fact| !is_removed(fact))
        .cloned()
        .collect();
    History {
        facts,
        ..history.clone()
    }
}

fn has_distinct_ids(history: &History) -> bool {
    let references: BTreeSet<_> = history.facts.iter().map(FactSpec::reference).collect();
    references.len() == history.facts.len()
}

fn is_superseded(history: &History, fact: &FactSpec) -> bool {
    history
        .facts
        .iter()
        .any(|other| other.supersedes == Some(fact.reference()))
}

/// The longer history has no access that the shorter one does not have.
fn expect_no_new_access(longer: &History, shorter: &History) -> Result<(), String> {
    let (more, less) = (View::of(longer), View::of(shorter));
    match longer
        .boundaries()
        .into_iter()
        .find(|at| gives_access(&more, &less, *at))
    {
        Some(at) => Err(format!("the added fact gives access at {at}")),
        None => Ok(()),
    }
}

#[test]
fn a_change_moves_no_status() {
    check_property("changed", generator::history, |history| {
        // Two contents under one id: the change may hide another fact. An edit of the change by
        // another kind does not fit, and would fit if the change were missing.
        let has_edited_change = history
            .facts
            .iter()
            .any(|fact| fact.kind == Kind::Changed && is_superseded(history, fact));
        if !has_distinct_ids(history) || has_edited_change {
            return Ok(());
        }

        let plain = without(history, |fact| fact.kind == Kind::Changed);
        let (with, without) = (View::of(history), View::of(&plain));
        match history
            .boundaries()
            .into_iter()
            .find(|at| with.status(*at) != without.status(*at))
        {
            Some(at) => Err(format!("a `changed` moves the status at {at}")),
            None => Ok(()),
        }
    });
}

/// A history, and then a list of starts that were stated in it.
fn listed_history(rng: &mut SeededRng) -> History {
    let mut history = generator::history(rng);
    let latest = history.last_known();
    let worker = rng.choose(&[0, 0, 0, 1, 2]);
    let mut list = FactSpec {
        worker,
        ..FactSpec::new(ADDED, Kind::Snapshot, latest + rng.choose(&[1, 24, 240]))
    };
    let rows: Vec<RowSpec> = stated_starts(&history, worker)
        .into_iter()
        .filter(|_| rng.percent(70))
        .collect();

    list.rows = Some(rows);
    history.facts.push(list);
    history
}

/// The starts that were stated for that worker and count, each with its employment id.
fn stated_starts(history: &History, worker: u8) -> Vec<RowSpec> {
    let is_voided = |fact: &FactSpec| {
        history
            .facts
            .iter()
            .any(|by| by.kind == Kind::Voided && by.refers_to.contains(&fact.reference()))
    };
    let has_own_id = |fact: &FactSpec| {
        let same = history
            .facts
            .iter()
            .filter(|other| other.reference() == fact.reference());
        same.count() == 1
    };
    let is_plausible = |fact: &FactSpec| {
        fact.effective
            .is_none_or(|effective| (-20_000..10_000).contains(&effective.hours()))
    };
    // A fact that was edited, or that edits, may have had another employment id. An undated `hired`
    // states no start.
    let states_start = |fact: &FactSpec| match fact.kind {
        Kind::Hired => fact.effective.is_some(),
        Kind::Rehired | Kind::Converted => true,
        _ => false,
    };

    history
        .facts
        .iter()
        .filter(|fact| states_start(fact) && fact.worker == worker && fact.hook.is_none())
        .filter(|fact| !is_voided(fact) && has_own_id(fact) && is_plausible(fact))
        .filter(|fact| !is_superseded(history, fact) && fact.supersedes.is_none())
        .map(|fact| RowSpec {
            employment: fact.employment,
            start: fact
                .effective
                .or(Some(EffectiveSpec::Hour(fact.occurred()))),
            ..RowSpec::default()
        })
        .collect()
}

#[test]
fn a_list_of_stated_starts_gives_no_access() {
    check_property("list", listed_history, |history| {
        let Some(list) = history.facts.iter().find(|fact| fact.id == ADDED) else {
            return Ok(());
        };
        let plain = without(history, |fact| fact.id == ADDED);
        let stated = stated_starts(&plain, list.worker);
        let lists_only_stated = list.rows.iter().flatten().all(|row| stated.contains(row));
        let is_last = plain
            .facts
            .iter()
            .all(|fact| fact.occurred() < list.occurred());
        let is_referenced = plain
            .facts
            .iter()
            .any(|fact| fact.refers_to.contains(&list.reference()));

        if list.kind == Kind::Snapshot && lists_only_stated && is_last && !is_referenced {
            expect_no_new_access(history, &plain)
        } else {
            Ok(())
        }
    });
}

/// A history, and then an edit of one of its facts that keeps the effective date.
fn edited_history(rng: &mut SeededRng) -> History {
    let mut history = generator::history(rng);
    let edited = rng.choose(&history.facts);

    if edited.kind != Kind::Voided {
        let mut edit = FactSpec {
            id: ADDED,
            supersedes: Some(edited.reference()),
            effective: None,
            title: Some(3),
            ..edited
        };
        edit.time = Some(SampleSpace::draw(rng).hour(rng));
        edit.received = edit.occurred() + 1;
        edit.by_operator = rng.percent(40) || edit.by_operator;
        history.facts.push(edit);
    }
    history
}

#[test]
fn an_edit_that_keeps_the_effective_date_gives_no_access() {
    check_property("edit", edited_history, |history| {
        let Some(edit) = history.facts.iter().find(|fact| fact.id == ADDED) else {
            return Ok(());
        };
        let plain = without(history, |fact| fact.id == ADDED);
        let Some(edited) = edit.supersedes else {
            return Ok(());
        };
        let has_other_edit = plain
            .facts
            .iter()
            .any(|fact| fact.supersedes == Some(edited));
        let is_referenced = plain
            .facts
            .iter()
            .any(|fact| fact.refers_to.contains(&edit.reference()));
        let base: Vec<&FactSpec> = plain
            .facts
            .iter()
            .filter(|fact| fact.reference() == edited)
            .collect();
        let [base] = base[..] else { return Ok(()) };

        let keeps_fact = edit.effective.is_none()
            && (edit.kind, edit.worker, edit.employment, &edit.rows)
                == (base.kind, base.worker, base.employment, &base.rows)
            && edit.refers_to == base.refers_to
            && edit.other == base.other;
        // A fact that does not count, or edits one that is not known, has no position to keep.
        let has_position = base.supersedes.is_none() && base.hook.is_none();
        if has_other_edit || is_referenced || !keeps_fact || !has_position {
            return Ok(());
        }
        expect_no_new_access(history, &plain)
    });
}

/// Whether the fact separates two aliases, as an `unlinked` does: it voids a link, or it changes a
/// worker id while an `unlinked` names the other id.
fn separates_aliases(history: &History, fact: &FactSpec) -> bool {
    let has_unlink = || {
        history
            .facts
            .iter()
            .any(|other| other.kind == Kind::Unlinked)
    };

    if fact.kind == Kind::IdentifierChanged && has_unlink() {
        return true;
    }
    let links = |other: &FactSpec| {
        matches!(
            other.kind,
            Kind::Linked | Kind::Converted | Kind::IdentifierChanged
        )
    };
    fact.kind == Kind::Voided
        && history
            .facts
            .iter()
            .any(|other| links(other) && fact.refers_to.contains(&other.reference()))
}

/// "Known to be open" in the document: an ending still to come of an employment with unknown start
/// hides a start that is stated after it.
fn hides_later_start(employment: &ViewedEmployment, at: jiff::Timestamp) -> bool {
    employment.start.is_none() && employment.end.is_some_and(|end| at < end.instant)
}

#[test]
fn a_person_with_a_status_never_becomes_unknown() {
    check_property("unknown", generator::history, |history| {
        let mut rng = SeededRng::new(history.salt);
        // The content of a reused id, and which repeat counts, may become known later. Both act as
        // an edit.
        let acts_as_edit = |fact: &FactSpec| fact.hook.is_some() || fact.supersedes.is_some();
        if !has_distinct_ids(history) || history.facts.iter().any(acts_as_edit) {
            return Ok(());
        }

        let early = without(history, |fact| {
            fact.kind != Kind::Unlinked
                && fact.supersedes.is_none()
                && !separates_aliases(history, fact)
                && rng.percent(40)
        });
        let (before, after) = (View::of(&early), View::of(history));
        let [early_known, all_known] = [&early, history].map(|history| hour(history.last_known()));

        let mut had_status = false;
        let later = history.boundaries().into_iter();
        for at in later.filter(|at| *at >= early_known) {
            had_status |= matches!(
                before.status(at),
                Status::Active | Status::OnLeave | Status::Upcoming
            );
            let is_open_case = || {
                after
                    .employments()
                    .iter()
                    .any(|employment| hides_later_start(employment, at))
            };
            if had_status
                && at >= all_known
                && !is_open_case()
                && after.status(at) == Status::Unknown
            {
                return Err(format!(
                    "the person had a status and is unknown at {at}; the earlier facts are\n{early}"
                ));
            }
        }
        Ok(())
    });
}
