//! Which employment `employment` names in an expression, and which ones `employments` lists.
//!
//! `employment` is the one whose attributes the fold shows (`docs/fold.md`, "Attributes"): of the
//! live ones the primary, else the one that started last, else the one with the least id. If none
//! is live, it is the next to start, else the last that ended.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::fold::{Employment, Person};

/// The employments that count, without no-shows.
pub(super) fn shown_employments(person: &Person) -> impl Iterator<Item = &Employment> {
    person
        .employments
        .iter()
        .filter(|employment| employment.counts && !is_no_show(employment))
}

/// Whether the employment ended at or before its start.
pub(super) fn is_no_show(employment: &Employment) -> bool {
    match (&employment.start, &employment.end) {
        (Some(start), Some(end)) => end.compare(start).is_le(),
        (None, _) | (_, None) => false,
    }
}

/// The employment that `employment` names; `None`: there is none to show.
pub(super) fn main_employment(person: &Person) -> Option<&Employment> {
    // The person does not hold the instant of the fold, but every boundary is either before it or
    // at the next change or later.
    let is_past = |at: Timestamp| person.next_change.is_none_or(|next| at < next);
    let started = |e: &Employment| e.start.is_some_and(|start| is_past(start.instant));
    let over = |e: &Employment| {
        let ends = [
            e.end.map(|end| end.instant),
            e.access_revoked_from,
            e.lapses,
        ];
        ends.into_iter().flatten().any(is_past)
    };
    let is_live = |e: &Employment| started(e) && !over(e);
    let is_upcoming = |e: &Employment| e.start.is_some() && !started(e) && !over(e);

    let start = |e: &Employment| e.start.map_or(Timestamp::MIN, |start| start.instant);
    let end = |e: &Employment| e.end.map_or(Timestamp::MAX, |end| end.instant);

    let live = shown_employments(person)
        .filter(|e| is_live(e))
        .min_by_key(|e| (!e.primary, Reverse(start(e)), e.id.clone()));
    let upcoming = || {
        shown_employments(person)
            .filter(|e| is_upcoming(e))
            .min_by_key(|e| (start(e), !e.primary, e.id.clone()))
    };

    let ended = || shown_employments(person).max_by_key(|e| (end(e), start(e)));

    live.or_else(upcoming).or_else(ended)
}
