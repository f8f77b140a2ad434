//! Histories in the notation of docs/fold.md, for tests: `hired X@-20->10; terminated@0->0`.
//!
//! `kind [modifiers]@known[->effective][/received]`, in days (fractions allowed) from a fixed day 0; an event's id is its
//! number in the history, from 1. Modifiers: an employment id (`X`), `of E-2` (worker), `in crm` (source), `was E-1`
//! (previous id), `is E-2` (the other one of a link), `names 1` (refers to), `edits 1`, `as 1` (another id than its number), `date` (effective is a civil
//! date in the worker's zone), `end` (the end of that date), `[X -300..30, -5..]` (a list).
//! Operators' kinds, and `ops`, come from source `ops` on behalf of the alias.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{FindingKind, Folded, Person, Rules, Status, fold};
use crate::event::{Alias, CloudEvent, Event, HookId, Identity, Kind, SourceId, WorkerId};

/// The instant of a day, counted from 2026-01-01.
pub fn day(number: f64) -> Timestamp {
    let zero: Timestamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
    zero + SignedDuration::from_secs_f64((number * 86_400.0).round())
}

/// A source of that name.
pub fn source(name: &str) -> SourceId {
    SourceId::parse(name).expect("a source")
}

/// A worker of a source.
pub fn alias(source_name: &str, worker: &str) -> Alias {
    Alias {
        source: source(source_name),
        worker: WorkerId::parse(worker).expect("a worker"),
    }
}

/// The events of a history.
pub fn events(history: &str) -> Vec<Event> {
    let texts = history
        .split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    texts
        .enumerate()
        .map(|(index, text)| event(text, index + 1))
        .collect()
}

/// One event; `number` is its id.
pub fn event(text: &str, number: usize) -> Event {
    let (head, times) = text.rsplit_once('@').expect("kind@known");
    let (times, received) = match times.split_once('/') {
        Some((times, received)) => (times, Some(received)),
        None => (times, None),
    };
    let (known, effective) = match times.split_once("->") {
        Some((known, effective)) => (known, Some(effective)),
        None => (times, None),
    };
    let number_of = |text: &str| {
        text.trim()
            .parse::<f64>()
            .unwrap_or_else(|_| panic!("a day: {text}"))
    };
    let (head, list) = match head.split_once('[') {
        Some((head, list)) => (head, Some(list.trim_end_matches(']'))),
        None => (head, None),
    };
    let mut words = head.split_whitespace();
    let kind =
        Kind::parse(words.next().expect("a kind")).unwrap_or_else(|| panic!("a kind: {text}"));
    let (mut worker, mut origin, mut id) = ("E-1", "acme", number.to_string());
    let mut by_ops = kind.is_operators_only();
    let (mut is_date, mut boundary) = (false, "start_of_day");
    let mut data = json!({});
    let mut other_source = "acme";
    while let Some(word) = words.next() {
        let mut next = || words.next().expect("a word after a modifier");
        match word {
            "of" => worker = next(),
            "in" => origin = next(),
            "was" => data["previous_worker_id"] = json!(next()),
            "is" => data["other"] = json!({ "source": other_source, "worker_id": next() }),
            "isin" => other_source = next(),
            "names" => data["refers_to"] = next().split(',').map(key).collect(),
            "edits" => data["supersedes"] = key(next()),
            "as" => id = next().to_owned(),
            "ops" => by_ops = true,
            "date" => is_date = true,
            "end" => (is_date, boundary) = (true, "end_of_day"),
            "title" => data["worker"]["title"] = json!(next()),
            id => data["employment_id"] = json!(id),
        }
    }
    if let Some(effective) = effective {
        let at = day(number_of(effective));
        data["effective"] = if is_date {
            json!({ "date": at.to_zoned_datetime(TimeZone::UTC).date(), "boundary": boundary })
        } else {
            json!({ "instant": at })
        };
    }
    if let Some(list) = list {
        data["employments"] = list
            .split(',')
            .map(str::trim)
            .filter(|row| !row.is_empty())
            .map(row)
            .collect();
    }
    let mut of_source = origin;
    if by_ops {
        data["on_behalf_of"] = json!(origin);
        of_source = "ops";
    }
    let known = day(number_of(known));
    let content: CloudEvent = serde_json::from_value(json!({
        "specversion": "1.0", "id": id, "source": "/hr", "type": kind.type_name(), "subject": worker,
        "time": known, "data": data,
    }))
    .unwrap_or_else(|error| panic!("{text}: {error}"));
    Event {
        source: source(of_source),
        hook: HookId::parse(format!("hook-{number}")).expect("a hook"),
        received: received.map_or(known, |received| day(number_of(received))),
        identity: Identity::Given,
        content,
    }
}

/// `3`, or `ops:3` for an operator's event.
fn key(id: &str) -> Value {
    let (source, id) = id.split_once(':').unwrap_or(("acme", id));
    json!({ "source": source, "origin": "/hr", "id": id })
}

/// `X -300..30`, `-300..`, `X` (no start), `..30`.
fn row(text: &str) -> Value {
    let mut row = json!({});
    for word in text.split_whitespace() {
        match word.split_once("..") {
            Some((start, end)) => {
                for (name, text) in [("start", start), ("end", end)] {
                    if let Ok(number) = text.parse::<f64>() {
                        row[name] = json!({ "instant": day(number) });
                    }
                }
            }
            None if word == "primary" => row["primary"] = json!(true),
            None => row["id"] = json!(word),
        }
    }
    row
}

/// The person of E-1 at that day.
pub fn at(events: &[Event], when: f64) -> Person {
    fold(events, &alias("acme", "E-1"), day(when), &Rules::default())
}

/// The days on which this status holds, from -400 to 100: `-300..40, 60..`.
pub fn days_of(events: &[Event], status: Status) -> String {
    let (whose, rules) = (alias("acme", "E-1"), Rules::default());
    let folded = Folded::of(events, &whose, &rules);
    let holds = |number: i32| folded.standings.status_at(day(f64::from(number) + 0.5)) == status;
    let mut spans: Vec<(i32, Option<i32>)> = Vec::new();
    for number in -400..100 {
        match (holds(number), spans.last_mut()) {
            (true, Some((_, end @ None))) if number == 99 => *end = None,
            (true, Some((_, None))) => {}
            (true, _) => spans.push((number, None)),
            (false, Some((_, end @ None))) => *end = Some(number),
            (false, _) => {}
        }
    }
    let text = |(from, to): &(i32, Option<i32>)| {
        format!(
            "{from}..{}",
            to.map(|to| to.to_string()).unwrap_or_default()
        )
    };
    spans.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// The days of access.
pub fn access(history: &str) -> String {
    days_of(&events(history), Status::Active)
}

/// What was noticed.
pub fn findings(history: &str) -> BTreeSet<FindingKind> {
    at(&events(history), 99.0)
        .findings
        .into_iter()
        .map(|finding| finding.kind)
        .collect()
}

/// A story, its history, the days of access, the findings.
pub type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static [FindingKind],
);

/// Holds every row of a table against the fold, and tells all that differ.
pub fn hold(table: &[Row]) {
    let mut wrong = Vec::new();
    for (story, history, days, noticed) in table {
        let (got_days, got_noticed) = (access(history), findings(history));
        if got_days != *days || got_noticed != noticed.iter().copied().collect::<BTreeSet<_>>() {
            wrong.push(format!(
                "{story}: {history}\n  expected `{days}` {noticed:?}\n  got `{got_days}` {got_noticed:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
