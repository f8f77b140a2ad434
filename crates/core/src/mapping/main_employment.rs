//! Which employment an expression means by `employment`, and which it sees in `employments`.
//!
//! The one that the fold shows the attributes of (`docs/fold.md`, "Attributes"): of the live ones the primary, else
//! the one that started last, else the least id. With none live: the next to start, else the last that ended.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::fold::{Employment, Person};

/// Those that count and were ever meant to last.
pub(super) fn shown_employments(person: &Person) -> impl Iterator<Item = &Employment> {
    person
        .employments
        .iter()
        .filter(|employment| employment.counts && !is_no_show(employment))
}

/// Ended at or before its start.
pub(super) fn is_no_show(employment: &Employment) -> bool {
    match (&employment.start, &employment.end) {
        (Some(start), Some(end)) => end.compare(start).is_le(),
        (None, _) | (_, None) => false,
    }
}

/// The one meant by `employment`.
pub(super) fn main_employment(person: &Person) -> Option<&Employment> {
    // A person is folded at an instant that is not told here; but nothing lies between it and the next change.
    let is_past = |at: Timestamp| person.next_change.is_none_or(|next| at < next);
    let started = |e: &Employment| e.start.is_some_and(|start| is_past(start.instant));
    let over = |e: &Employment| {
        let ends = [e.end.map(|end| end.instant), e.barred_from, e.lapses];
        ends.into_iter().flatten().any(is_past)
    };
    let start = |e: &Employment| e.start.map_or(Timestamp::MIN, |start| start.instant);
    let live = shown_employments(person).filter(|e| started(e) && !over(e));
    let live = live.min_by_key(|e| (!e.primary, Reverse(start(e)), e.id.clone()));
    let coming = || {
        let coming =
            shown_employments(person).filter(|e| e.start.is_some() && !started(e) && !over(e));
        coming.min_by_key(|e| (start(e), !e.primary, e.id.clone()))
    };
    let ended = || {
        let end = |e: &Employment| e.end.map_or(Timestamp::MAX, |end| end.instant);
        shown_employments(person).max_by_key(|e| (end(e), start(e)))
    };
    live.or_else(coming).or_else(ended)
}
