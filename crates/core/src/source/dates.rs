//! Dates and instants in the bodies of vendors.

use jiff::{Timestamp, civil::Date};

use crate::event::{Boundary, Effective};

/// The effective time that a text states: an instant with an offset, else the date at the start of
/// the text. The local time after a date is ignored.
pub(super) fn date_or_instant(text: &str, boundary: Boundary) -> Option<Effective> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(Effective::Instant(instant));
    }
    let date = date(text)?;
    Some(Effective::Day {
        date,
        boundary: Some(boundary),
        time_zone: None,
    })
}

/// The date at the start of an ISO 8601 text: `YYYY-MM-DD`, alone or before a time.
pub(super) fn date(text: &str) -> Option<Date> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = date.parse().ok()?;
    (rest.is_empty() || rest.starts_with(['T', ' '])).then_some(date)
}
