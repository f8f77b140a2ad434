//! One item of a vendor's body becomes one event, or none, or a reason why it cannot be read.
//!
//! Reasons name places and rules, never what was found there: they are shown to operators and logged.

use jiff::{Timestamp, civil::Date};

use super::{
    TimeFormat, attributes,
    field_path::{FieldPaths, Item},
    rules::{Condition, Fact, ItemRules, Row, Says, When},
};
use crate::event::{
    Boundary, Change, CloudEvent, ContentDigest, Effective, EmploymentId, EmploymentRow, EventData,
    Identity, Kind, ReadEvent, WorkerChanges, WorkerId,
};

/// Longest id of an event.
const LONGEST_ID: usize = 255;

/// Reads the item. `odd_phones` counts numbers kept as they are.
pub(super) fn read(
    rules: &ItemRules,
    item: &Item<'_>,
    odd_phones: &mut usize,
) -> Result<Option<ReadEvent>, String> {
    let fact = rules
        .facts
        .iter()
        .find(|fact| {
            fact.when
                .iter()
                .all(|(place, condition)| holds(item, place, condition))
        })
        .ok_or("no rule of the preset fits it")?;
    let kind = match &fact.says {
        Says::Nothing => return Ok(None),
        Says::Unreadable(reason) => return Err(reason.clone()),
        Says::Fact(kind) => *kind,
    };
    let (time, time_is_the_items) = time(rules, item)?;
    let (id, identity) = identity(rules, item, time_is_the_items);
    let content = CloudEvent {
        specversion: "1.0".to_owned(),
        id,
        source: rules.origin.clone(),
        kind,
        subject: worker_id(item, fact.worker.as_ref().unwrap_or(&rules.worker))?
            .ok_or_else(|| format!("a {kind} without the worker's id"))?,
        time,
        data: data(rules, item, fact, kind, odd_phones)?,
    };
    match content.violations().first() {
        None => Ok(Some(ReadEvent { identity, content })),
        Some(violation) => Err(format!(
            "read as {kind}, but {} must be {}",
            violation.pointer, violation.expected
        )),
    }
}

fn data(
    rules: &ItemRules,
    item: &Item<'_>,
    fact: &Fact,
    kind: Kind,
    odd_phones: &mut usize,
) -> Result<EventData, String> {
    let employment = match item.first(&rules.employment) {
        Change::Set(id) => Some(EmploymentId::parse(id).map_err(|error| error.to_string())?),
        Change::Clear | Change::Keep => None,
    };
    let previous = match &fact.previous_worker {
        Some(places) => worker_id(item, places)?,
        None => None,
    };
    Ok(EventData {
        effective: fact
            .effective
            .as_ref()
            .map_or(Ok(None), |when| effective(item, when, kind))?,
        employment_id: employment
            .filter(|_| kind != Kind::Snapshot && !kind.names_previous_worker()),
        employments: fact
            .employment_row
            .as_ref()
            .map(|row| employments(item, row))
            .transpose()?,
        previous_worker_id: previous,
        worker: match attributes::worker(rules, item, odd_phones) {
            // Nor is an ending dropped for an attribute.
            Err(_) if kind.ends_access() => WorkerChanges::default(),
            worker => worker?,
        },
        ..EventData::default()
    })
}

fn holds(item: &Item<'_>, place: &super::field_path::FieldPath, condition: &Condition) -> bool {
    let text = || item.text(place).set().cloned();
    match condition {
        Condition::Is(expected) => text().is_some_and(|text| text.eq_ignore_ascii_case(expected)),
        Condition::IsOneOf(list) => text().is_some_and(|text| {
            list.iter()
                .any(|expected| text.eq_ignore_ascii_case(expected))
        }),
        Condition::Present { present } => item.has(place) == *present,
    }
}

fn worker_id(item: &Item<'_>, places: &FieldPaths) -> Result<Option<WorkerId>, String> {
    match item.first(places) {
        Change::Set(id) => WorkerId::parse(id)
            .map(Some)
            .map_err(|error| error.to_string()),
        Change::Clear | Change::Keep => Ok(None),
    }
}

/// The item's time, and whether it is the item's own (and not a header's, which is the attempt's).
fn time(rules: &ItemRules, item: &Item<'_>) -> Result<(Option<Timestamp>, bool), String> {
    let Some((place, text)) = item.found(&rules.time) else {
        return Ok((None, false));
    };
    let time = TimeFormat::SecondsOrIso8601
        .read(&text)
        .ok_or("its time is neither seconds since 1970 nor ISO 8601")?;
    Ok((Some(time), place.is_in_body()))
}

fn identity(rules: &ItemRules, item: &Item<'_>, time_is_the_items: bool) -> (String, Identity) {
    if let Some((_, id)) = item
        .found(&rules.id)
        .filter(|(_, id)| id.len() <= LONGEST_ID)
    {
        return (id, Identity::Given);
    }
    // Members are sorted by name, so that only what the item says matters, and never its place in a batch.
    let digest = ContentDigest::of(item.value.to_string().as_bytes()).to_string();
    (
        digest,
        if time_is_the_items {
            Identity::Digest
        } else {
            Identity::DigestInHook
        },
    )
}

fn effective(item: &Item<'_>, when: &When, kind: Kind) -> Result<Option<Effective>, String> {
    let stated = match item.first(&when.at) {
        Change::Set(text) => date_or_instant(&text, when.boundary),
        Change::Clear | Change::Keep if when.required => {
            return Err(format!("a {kind} without its date"));
        }
        Change::Clear | Change::Keep => return Ok(None),
    };
    match stated {
        Some(effective) => Ok(Some(effective)),
        // An ending is never dropped for its date: it then takes effect when it became known.
        None if kind.ends_access() && !when.required => Ok(None),
        None => Err(format!(
            "the date of a {kind} is neither YYYY-MM-DD nor ISO 8601"
        )),
    }
}

fn employments(item: &Item<'_>, row: &Row) -> Result<Vec<EmploymentRow>, String> {
    let day = |places: &FieldPaths, boundary| match item.first(places) {
        Change::Set(text) => date_or_instant(&text, boundary)
            .map(Some)
            .ok_or("a date of the employment is neither YYYY-MM-DD nor ISO 8601"),
        Change::Clear | Change::Keep => Ok(None),
    };
    let start = day(&row.start, Boundary::StartOfDay)?;
    let end = day(&row.end, Boundary::EndOfDay)?;
    let end = end.filter(|end| !is_before(end, start.as_ref()));
    Ok(vec![EmploymentRow {
        start,
        end,
        ..EmploymentRow::default()
    }])
}

fn is_before(end: &Effective, start: Option<&Effective>) -> bool {
    match (start, end) {
        (Some(Effective::Day { date: start, .. }), Effective::Day { date: end, .. }) => end < start,
        (Some(Effective::Instant(start)), Effective::Instant(end)) => end < start,
        (
            Some(Effective::Day { .. } | Effective::Instant(_)) | None,
            Effective::Day { .. } | Effective::Instant(_),
        ) => false,
    }
}

/// `2026-12-01`, an instant, or a local date and time, of which the date counts.
fn date_or_instant(text: &str, boundary: Boundary) -> Option<Effective> {
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

/// The date at the start of an ISO 8601 text.
pub(super) fn date(text: &str) -> Option<Date> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = date.parse().ok()?;
    (rest.is_empty() || rest.starts_with(['T', ' '])).then_some(date)
}
