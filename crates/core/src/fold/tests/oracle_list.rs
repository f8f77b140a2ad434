//! The oracle's reading of a snapshot's list (fold.md 3, `snapshot`).

use jiff::tz::TimeZone;

use super::{
    oracle_replay::{Asked, Replayed, eq, lt},
    oracle_set::Counted,
};
use crate::{
    event::{Alias, EmploymentRow, Moment},
    fold::FindingKind,
};

/// What a list does: each row, then whatever no row was about.
pub fn list(state: &mut Replayed, fact: &Counted, worker: &Alias, zone: &TimeZone) {
    let Some(rows) = &fact.event.content.data.employments else {
        return;
    };
    let mut touched: Vec<usize> = Vec::new();
    for row in rows {
        let start = row.start.as_ref().map(|start| start.resolve(zone));
        let end = row.end.as_ref().map(|end| end.resolve(zone));
        match found(state, fact, worker, row, start, end) {
            Some(at) => {
                touched.push(at);
                state.fire("a row found");
                state.jobs[at].id = row.id.clone().or(state.jobs[at].id.clone());
                if let Some(s) = start {
                    row_starts(state, fact, worker, at, row, s);
                }
                row_found(state, fact, worker, at, row, end);
            }
            None => touched.extend(row_not_found(state, fact, worker, row, start, end)),
        }
    }
    for (id, start) in &fact.earlier_rows {
        let about: Vec<usize> = touched
            .iter()
            .copied()
            .filter(|at| state.jobs[*at].id == *id)
            .collect();
        if about.iter().all(|at| !state.jobs[*at].stated(*start)) {
            for at in about {
                state.jobs[at].starts.insert(0, *start);
            }
        }
    }
    for at in state.of(worker) {
        let job = &mut state.jobs[at];
        if job.begun(fact.occurred)
            && !job.over(fact.occurred)
            && !job.no_show()
            && !touched.contains(&at)
        {
            job.set_end(Moment::at(fact.occurred), Some(&fact.key));
            let id = job.id.clone();
            state.note(fact, worker, id, Moment::at(fact.occurred));
            state.fire("missing");
            state.find(FindingKind::MissingFromList, fact);
        }
    }
}

fn found(
    state: &Replayed,
    fact: &Counted,
    worker: &Alias,
    row: &EmploymentRow,
    start: Option<Moment>,
    end: Option<Moment>,
) -> Option<usize> {
    let own = state.of(worker);
    let starts =
        |at: &usize| start.is_some_and(|s| state.jobs[*at].start.is_some_and(|known| eq(known, s)));
    let ends = |at: &usize| {
        start.is_none()
            && end.is_some_and(|e| state.jobs[*at].end.is_some_and(|known| eq(known, e)))
    };
    let open = |at: &usize| state.jobs[*at].end.is_none();
    let last = |fits: &dyn Fn(&usize) -> bool| own.iter().copied().rfind(fits);
    if row.id.is_some() {
        let same = |at: &usize| state.jobs[*at].id == row.id;
        let exact = own.iter().copied().find(|at| same(at) && starts(at));
        let at = exact
            .or_else(|| last(&|at| same(at) && open(at)))
            .or_else(|| last(&same));
        if at.is_some() {
            return at;
        }
    }
    let begins_after = |at: &usize| {
        let past = end.filter(|end| end.instant <= fact.occurred);
        past.zip(state.jobs[*at].start)
            .is_some_and(|(end, start)| !lt(start, end))
    };
    // Two ids are two employments, be their starts equal.
    let fits = |at: &usize| row.id.is_none() || state.jobs[*at].id.is_none();
    let exact = own
        .iter()
        .copied()
        .find(|at| fits(at) && starts(at) && open(at));
    exact
        .or_else(|| last(&|at| fits(at) && starts(at)))
        .or_else(|| own.iter().copied().find(|at| fits(at) && ends(at)))
        .or_else(|| last(&|at| state.jobs[*at].id.is_none() && open(at) && !begins_after(at)))
}

fn row_starts(
    state: &mut Replayed,
    fact: &Counted,
    worker: &Alias,
    at: usize,
    row: &EmploymentRow,
    s: Moment,
) {
    if !state.jobs[at].start.is_some_and(|known| eq(known, s)) {
        let of_id = |other: &usize| row.id.is_none() || state.jobs[*other].id == row.id;
        let slot: Vec<usize> = state.of(worker).into_iter().filter(of_id).collect();
        let runs_so = slot.iter().any(|other| {
            let job = &state.jobs[*other];
            job.end.is_none() && job.begun(fact.occurred) && job.stated(s)
        });
        // What was stated before, be it for another that it may be, and has moved since is an old list's word.
        let may_be = |other: &usize| of_id(other) || state.jobs[*other].id.is_none();
        let is_behind = state
            .of(worker)
            .iter()
            .any(|other| may_be(other) && state.jobs[*other].stated(s));
        let moves = !runs_so && !is_behind && state.moved(&[at], s, fact.occurred).is_some();
        let mut before = state.refused_before(worker, row.id.as_ref(), s);
        before.extend(state.once_called(worker, row.id.as_ref(), s));
        let near = |other: &usize| may_be(other) || before.contains(other);
        let among: Vec<usize> = state
            .of(worker)
            .into_iter()
            .filter(near)
            .filter(|other| !(moves && *other == at))
            .collect();
        let refusing = state.refusing(&among, s);
        if moves && refusing.is_empty() {
            state.fire("a row moves the start");
            state.jobs[at].start = Some(s);
        } else {
            state.fire("a row does not move the start");
        }
        if !refusing.is_empty() {
            state.find(FindingKind::StartInsideEnded, fact);
        }
        for other in refusing {
            state.jobs[other].starts.push(s);
            state.jobs[other].refused.push((row.id.clone(), s));
        }
    }
    state.jobs[at].starts.push(s);
}

fn row_found(
    state: &mut Replayed,
    fact: &Counted,
    worker: &Alias,
    at: usize,
    row: &EmploymentRow,
    end: Option<Moment>,
) {
    let known = state.jobs[at].end;
    match end {
        Some(e) if known.is_some_and(|known| eq(known, e)) => {}
        Some(e) => {
            let ends = row_ends(state, fact, worker, at, row, e);
            if !ends && known.is_some() && e.instant > fact.occurred {
                state.find(FindingKind::HrSaysActive, fact);
            }
        }
        None if known.is_some() => {
            state.fire("a row says active");
            state.find(FindingKind::HrSaysActive, fact);
        }
        None => {}
    }
}

/// A row's end acts as an ending of that employment.
fn row_ends(
    state: &mut Replayed,
    fact: &Counted,
    worker: &Alias,
    at: usize,
    row: &EmploymentRow,
    e: Moment,
) -> bool {
    let ends = !state.end_among(fact, &[at], row.id.as_ref(), e).is_empty();
    if ends {
        state.fire("a row ends");
    }
    state.note(fact, worker, row.id.clone(), e);
    ends
}

fn row_not_found(
    state: &mut Replayed,
    fact: &Counted,
    worker: &Alias,
    row: &EmploymentRow,
    start: Option<Moment>,
    end: Option<Moment>,
) -> Vec<usize> {
    let s = start.unwrap_or(Moment::at(fact.occurred));
    let asked = Asked {
        fact,
        worker,
        id: row.id.clone(),
        s,
        stated: true,
        earlier: Vec::new(),
        carried: None,
    };
    if let Some(end) = end.filter(|end| end.instant <= fact.occurred) {
        state.fire("a row of the past");
        let at = state.open(&asked);
        if start.is_none() {
            (state.jobs[at].start, state.jobs[at].starts) = (None, Vec::new());
        }
        state.jobs[at].set_end(end, Some(&fact.key));
        state.note(fact, worker, row.id.clone(), end);
        return vec![at];
    }
    if start.is_none() && !state.of(worker).is_empty() {
        state.find(FindingKind::HrSaysActive, fact);
        return Vec::new();
    }
    state.fire("a row not found");
    let before = state.jobs.len();
    let touched = state.start(&asked);
    for at in touched
        .iter()
        .filter(|_| row.id.is_some() && !state.refused)
    {
        state.jobs[*at].id.clone_from(&row.id);
    }
    let Some(e) = end.filter(|_| !state.refused) else {
        return touched;
    };
    if state.jobs.len() > before {
        state.jobs[before].set_end(e, Some(&fact.key));
        state.note(fact, worker, row.id.clone(), e);
    } else if let [at] = touched[..] {
        row_ends(state, fact, worker, at, row, e);
    }
    touched
}
