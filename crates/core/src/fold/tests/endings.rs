//! `docs/fold.md` 8, property 2: an ending that HR knows last takes effect.
//!
//! The property adds an ending to a generated history and compares the result with and without it:
//! the ending ends what it is about, gives no access, and changes something or gives a finding.

use jiff::Timestamp;

use super::{
    fact::{EffectiveSpec, FactSpec},
    generator::{self, SampleSpace},
    history::History,
    runner::{SeededRng, check_property},
    view::{View, ViewedEmployment},
};
use crate::event::{Event, Kind, Moment};

const ENDINGS: [Kind; 5] = [
    Kind::Terminated,
    Kind::Terminated,
    Kind::Terminated,
    Kind::HireRescinded,
    Kind::RecordDeleted,
];

/// A history whose last fact is an ending that occurred after all others.
pub fn ended_history(rng: &mut SeededRng) -> History {
    let mut history = generator::history(rng);
    let space = SampleSpace::draw(rng);
    let last = history
        .facts
        .iter()
        .map(FactSpec::occurred)
        .max()
        .unwrap_or(0);
    let kind = rng.choose(&ENDINGS);
    let mut ending = generator::fact(rng, &space, &history.facts, kind, 199);
    ending.time = Some(last + rng.choose(&[1, 24, 240]));
    ending.received = last.max(ending.occurred());

    if rng.percent(60) {
        let stated: Vec<EffectiveSpec> = history
            .facts
            .iter()
            .filter_map(|fact| fact.effective)
            .collect();
        ending.effective = (!stated.is_empty())
            .then(|| rng.choose(&stated))
            .or(ending.effective);
    }
    if rng.percent(50) {
        ending.effective = None;
    }
    history.facts.push(ending);
    history
}

/// The last fact and the history before it, if that fact is an ending after all others and no fact
/// refers to it or edits it.
fn final_ending(history: &History) -> Option<(FactSpec, History)> {
    let mut before = history.clone();
    let ending = before.facts.pop()?;
    let is_referenced = before.facts.iter().any(|fact| {
        fact.supersedes == Some(ending.reference()) || fact.refers_to.contains(&ending.reference())
    });
    let is_last = before
        .facts
        .iter()
        .all(|fact| fact.occurred() < ending.occurred() && fact.id != ending.id);
    let is_ending = ENDINGS.contains(&ending.kind) && ending.supersedes.is_none();
    (is_last && !is_referenced && is_ending).then_some((ending, before))
}

/// Whether the same ending was known before that employment opened.
fn was_known_before(
    before: &History,
    view: &View,
    ending: &FactSpec,
    end: Moment,
    employment: &ViewedEmployment,
) -> bool {
    before.facts.iter().any(|fact| {
        let occurred = fact.event().occurred();
        let is_earlier = employment.opened.is_some_and(|opened| occurred < opened);
        let is_same_end = match fact.kind {
            Kind::Terminated | Kind::RecordDeleted => view.effective(fact).compare(&end).is_eq(),
            Kind::HireRescinded => Moment::at(occurred).compare(&end).is_eq(),
            // This property does not follow the ids under which a conversion or a list ends an
            // employment: it accepts both as the same ending.
            Kind::Converted => view.effective(fact).compare(&end).is_eq(),
            Kind::Snapshot => return is_earlier,
            _ => false,
        };
        let is_same_id = fact.employment == ending.employment || fact.kind == Kind::Converted;
        is_earlier && is_same_end && is_same_id
    })
}

/// The employments that the ending is about.
fn selected<'a>(
    view: &'a View,
    event: &'a Event,
    employments: &'a [ViewedEmployment],
) -> impl Iterator<Item = &'a ViewedEmployment> {
    let id = &event.content.data.employment_id;
    let worker = view.worker(&event.alias());
    employments.iter().filter(move |employment| {
        employment.worker == worker && (id.is_none() || employment.id == *id)
    })
}

/// The moment at which the ending takes effect. An implausible date does not count.
fn effective_end(view: &View, ending: &FactSpec, occurred: Timestamp) -> Moment {
    if ending.kind == Kind::HireRescinded {
        return Moment::at(occurred);
    }
    let end = view.effective(ending);
    let is_implausible = end.instant < Timestamp::UNIX_EPOCH
        || end.instant.duration_since(occurred).as_hours() > 24 * 3_653;
    if is_implausible {
        Moment::at(occurred)
    } else {
        end
    }
}

fn ending_takes_effect(history: &History) -> Result<(), String> {
    let Some((ending, before)) = final_ending(history) else {
        return Ok(());
    };
    let (without, with) = (View::of(&before), View::of(history));
    let event = ending.event();
    let occurred = event.occurred();
    let end = effective_end(&with, &ending, occurred);
    let is_known_before =
        |employment: &ViewedEmployment| was_known_before(&before, &with, &ending, end, employment);

    let employments = with.employments();
    let begins_later = |employment: &ViewedEmployment| {
        employment
            .start
            .is_some_and(|start| start.instant > occurred)
    };
    let rescinds = ending.kind == Kind::HireRescinded
        && selected(&with, &event, &employments).any(begins_later);

    let is_meant =
        |start: Moment| start.instant > occurred || (!rescinds && start.compare(&end).is_lt());
    let missed = selected(&with, &event, &employments).find(|employment| {
        let continues = !employment.is_no_show()
            && employment
                .end
                .is_none_or(|known| known.compare(&end).is_gt());
        let is_exception = is_known_before(employment) || employment.opened == Some(occurred);
        continues && employment.start.is_some_and(is_meant) && !is_exception
    });
    if let Some(employment) = missed {
        return Err(format!(
            "the ending does not end an employment\n  {ending}\n{employment:#?}"
        ));
    }

    let later = history.boundaries().into_iter();
    for at in later.filter(|at| *at >= end.instant && !rescinds) {
        if gives_access(&with, &without, at) {
            return Err(format!("the ending gives access at {at}\n  {ending}"));
        }
    }

    let has_ended = |employment: &ViewedEmployment| {
        employment
            .end
            .is_some_and(|known| known.compare(&end).is_le() || employment.is_no_show())
    };
    let is_repeat = selected(&with, &event, &employments)
        .any(|employment| has_ended(employment) || is_known_before(employment));
    if is_silent(&with, &without) && shows_every_effect(history, &event) && !is_repeat {
        return Err(format!(
            "the ending changes nothing and gives no finding\n  {ending}\n{employments:#?}"
        ));
    }
    Ok(())
}

fn is_silent(with: &View, without: &View) -> bool {
    with.employments() == without.employments() && with.findings() == without.findings()
}

/// Whether the first history has access, or is active, at an instant where the second is not.
pub fn gives_access(with: &View, without: &View, at: Timestamp) -> bool {
    with.is_live(at) && !without.is_live(at) || with.is_active(at) && !without.is_active(at)
}

/// Whether the view shows every effect of the event: its source is in scope, and all facts are
/// about the person that the view shows.
fn shows_every_effect(history: &History, event: &Event) -> bool {
    !(history.scoped && event.alias().source.as_str() != "hr")
        && history
            .facts
            .iter()
            .all(|fact| fact.worker == 0 && fact.other.is_none())
}

#[test]
fn an_ending_that_is_known_last_takes_effect_and_is_never_silent() {
    check_property("ending", ended_history, ending_takes_effect);
}
