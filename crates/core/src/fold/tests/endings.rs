//! fold.md 9.2: an ending that is the last word is obeyed, gives nothing, and is never silent.

use super::{
    fact::{Fact, History, When},
    generator::{self, World},
    runner::{Dice, prove},
    view::{Job, View},
};
use crate::event::{Event, Kind, Moment};

const ENDINGS: [Kind; 5] = [
    Kind::Terminated,
    Kind::Terminated,
    Kind::Terminated,
    Kind::HireRescinded,
    Kind::RecordDeleted,
];

/// A history whose last fact is an ending that became known after all others.
pub fn ended(dice: &mut Dice) -> History {
    let mut history = generator::history(dice);
    let world = World::draw(dice);
    let last = history.facts.iter().map(Fact::known).max().unwrap_or(0);
    let kind = dice.of(&ENDINGS);
    let mut ending = generator::fact(dice, &world, &history.facts, kind, 199);
    ending.at = Some(last + dice.of(&[1, 24, 240]));
    ending.received = last.max(ending.known());
    if dice.percent(60) {
        let stated: Vec<When> = history
            .facts
            .iter()
            .filter_map(|fact| fact.effective)
            .collect();
        ending.effective = (!stated.is_empty())
            .then(|| dice.of(&stated))
            .or(ending.effective);
    }
    if dice.percent(50) {
        ending.effective = None;
    }
    history.facts.push(ending);
    history
}

/// The ending and the history before it, if it is the last word and nothing speaks of it.
fn last_word(history: &History) -> Option<(Fact, History)> {
    let mut before = history.clone();
    let ending = before.facts.pop()?;
    let spoken_of = before.facts.iter().any(|fact| {
        fact.supersedes == Some(ending.reference()) || fact.refers.contains(&ending.reference())
    });
    let last = before
        .facts
        .iter()
        .all(|fact| fact.known() < ending.known() && fact.n != ending.n);
    (last && !spoken_of && ENDINGS.contains(&ending.kind) && ending.supersedes.is_none())
        .then_some((ending, before))
}

/// Whether the same ending was known before that employment was opened.
fn known_before(before: &History, view: &View, ending: &Fact, e: Moment, job: &Job) -> bool {
    before.facts.iter().any(|fact| {
        let earlier = job
            .opened
            .is_some_and(|opened| fact.event().occurred() < opened);
        let same = match fact.kind {
            Kind::Terminated | Kind::RecordDeleted => view.effective(fact).compare(&e).is_eq(),
            Kind::HireRescinded => Moment::at(fact.event().occurred()).compare(&e).is_eq(),
            // What a conversion or a list ends, by whatever name, is left open here.
            Kind::Converted => view.effective(fact).compare(&e).is_eq(),
            Kind::Snapshot => return earlier,
            _ => false,
        };
        earlier && same && (fact.employment == ending.employment || fact.kind == Kind::Converted)
    })
}

fn slot<'a>(view: &'a View, event: &'a Event, jobs: &'a [Job]) -> impl Iterator<Item = &'a Job> {
    let id = &event.content.data.employment_id;
    let worker = view.worker(&event.alias());
    jobs.iter()
        .filter(move |job| job.worker == worker && (id.is_none() || job.id == *id))
}

fn obeyed(history: &History) -> Result<(), String> {
    let Some((ending, before)) = last_word(history) else {
        return Ok(());
    };
    let (without, with) = (View::of(&before), View::of(history));
    let event = ending.event();
    let occurred = event.occurred();
    let rescinds = ending.kind == Kind::HireRescinded;
    let mut e = if rescinds {
        Moment::at(occurred)
    } else {
        with.effective(&ending)
    };
    if e.instant < jiff::Timestamp::UNIX_EPOCH
        || e.instant.duration_since(occurred).as_hours() > 24 * 3_653
    {
        e = Moment::at(occurred);
    }
    let jobs = with.jobs();
    let waited = slot(&with, &event, &jobs)
        .any(|job| job.start.is_some_and(|start| start.instant > occurred));
    for job in slot(&with, &event, &jobs) {
        let Some(start) = job.start else { continue };
        let goes_on = !job.no_show() && job.end.is_none_or(|end| end.compare(&e).is_gt());
        let meant = match (rescinds, waited) {
            (true, true) => start.instant > occurred,
            (true, false) | (false, _) => start.compare(&e).is_lt() || start.instant > occurred,
        };
        let excused = known_before(&before, &with, &ending, e, job) || job.opened == Some(occurred);
        if goes_on && meant && !excused {
            return Err(format!("the ending {ending} leaves {job:#?}"));
        }
    }
    for at in history
        .boundaries()
        .into_iter()
        .filter(|at| *at >= e.instant && !(rescinds && waited))
    {
        if with.live(at) && !without.live(at) || with.active(at) && !without.active(at) {
            return Err(format!("the ending {ending} gives access at {at}"));
        }
    }
    let silent = jobs == without.jobs() && with.findings() == without.findings();
    let mut own = slot(&with, &event, &jobs).peekable();
    let ended = |job: &Job| {
        job.end
            .is_some_and(|end| end.compare(&e).is_le() || job.no_show())
    };
    let excused = |job: &Job| known_before(&before, &with, &ending, e, job);
    if silent
        && history_is_in_scope(history, &event)
        && (own.peek().is_none() || !own.any(|job| ended(job) || excused(job)))
    {
        return Err(format!("the ending {ending} is silent:\n{jobs:#?}"));
    }
    Ok(())
}

/// Whether the fold shows what it does: of a source in scope, of the person looked at.
fn history_is_in_scope(history: &History, event: &Event) -> bool {
    !(history.scoped && event.alias().source.as_str() != "hr")
        && history
            .facts
            .iter()
            .all(|fact| fact.who == 0 && fact.other.is_none())
}

#[test]
fn an_ending_that_is_the_last_word_is_obeyed_and_never_silent() {
    prove("ending", ended, obeyed);
}
