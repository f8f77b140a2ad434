//! A notation for histories in tests, as in the table of `docs/fold.md` 3: `hired X@-20->10;
//! terminated@0->0`.
//!
//! A fact is `kind [modifiers]@known[->effective][/received]`; [`Modifiers`] lists the modifiers.
//! Times are in days, also fractions, from day 0. The id of an event is its number in the history,
//! from 1. [`assert_histories`] compares a table of histories with the fold.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{FindingKind, FoldedPerson, Person, Rules, Status, fold};
use crate::event::{Alias, CloudEvent, Event, HookId, IdDerivation, Kind, SourceId, WorkerId};

/// The instant of a day, counted from 2026-01-01.
pub fn day(number: f64) -> Timestamp {
    let zero: Timestamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
    zero + SignedDuration::from_secs_f64((number * 86_400.0).round())
}

pub fn source(name: &str) -> SourceId {
    SourceId::parse(name).expect("a source id")
}

pub fn alias(source_name: &str, worker: &str) -> Alias {
    Alias {
        source: source(source_name),
        worker: WorkerId::parse(worker).expect("a worker id"),
    }
}

/// The events of a history.
pub fn events(history: &str) -> Vec<Event> {
    history
        .split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .enumerate()
        .map(|(index, text)| event(text, index + 1))
        .collect()
}

/// One event. `number` is its id.
fn event(text: &str, number: usize) -> Event {
    let (head, times) = text.rsplit_once('@').expect("kind@known");
    let (head, list) = match head.split_once('[') {
        Some((head, list)) => (head, Some(list.trim_end_matches(']'))),
        None => (head, None),
    };
    let mut fact = Modifiers::parse(head, number);
    let times = Times::parse(times);

    if let Some(effective) = times.effective {
        fact.data["effective"] = match fact.boundary {
            Some(boundary) => {
                let date = effective.to_zoned_datetime(TimeZone::UTC).date();
                json!({ "date": date, "boundary": boundary })
            }
            None => json!({ "instant": effective }),
        };
    }
    if let Some(list) = list {
        fact.data["employments"] = list
            .split(',')
            .map(str::trim)
            .filter(|row| !row.is_empty())
            .map(row)
            .collect();
    }
    let sender = if fact.by_operator {
        fact.data["on_behalf_of"] = json!(fact.source);
        "ops"
    } else {
        fact.source
    };

    let content: CloudEvent = serde_json::from_value(json!({
        "specversion": "1.0", "id": fact.id, "source": "/hr", "type": fact.kind.type_name(),
        "subject": fact.worker, "time": times.known, "data": fact.data,
    }))
    .unwrap_or_else(|error| panic!("{text}: {error}"));
    Event {
        source: source(sender),
        hook: HookId::parse(format!("hook-{number}")).expect("a hook id"),
        received: times.received.unwrap_or(times.known),
        id_derivation: IdDerivation::Given,
        content,
    }
}

/// The part behind `@`.
struct Times {
    known: Timestamp,
    effective: Option<Timestamp>,
    received: Option<Timestamp>,
}

impl Times {
    fn parse(text: &str) -> Self {
        let (text, received) = match text.split_once('/') {
            Some((text, received)) => (text, Some(received)),
            None => (text, None),
        };
        let (known, effective) = match text.split_once("->") {
            Some((known, effective)) => (known, Some(effective)),
            None => (text, None),
        };
        let instant = |text: &str| {
            let number = text.trim().parse::<f64>();
            day(number.unwrap_or_else(|_| panic!("`{text}` is no day")))
        };

        Self {
            known: instant(known),
            effective: effective.map(instant),
            received: received.map(instant),
        }
    }
}

/// The kind and the modifiers of a fact.
///
/// `X`: an employment id. `of E-2`: the worker. `in crm`: the source. `was E-1`: the previous
/// worker id. `is E-2`: the other worker of a link, `isin crm` before it: the source of that
/// worker. `names 1`: refers to. `edits 1`: supersedes. `as 1`: its id. `date`: effective is a
/// civil date, start of day; `end`: the same, end of day. `title A`. `[X -300..30, -5..]`: a list.
/// `ops`: by an operator, as the operator kinds always are.
struct Modifiers<'t> {
    kind: Kind,
    worker: &'t str,
    source: &'t str,
    id: String,
    by_operator: bool,
    /// `Some`: the effective date is a civil date with this boundary.
    boundary: Option<&'static str>,
    data: Value,
}

impl<'t> Modifiers<'t> {
    fn parse(text: &'t str, number: usize) -> Self {
        let mut words = text.split_whitespace();
        let kind = words.next().expect("a kind");
        let kind = Kind::parse(kind).unwrap_or_else(|| panic!("`{kind}` is no kind"));
        let mut parsed = Self {
            kind,
            worker: "E-1",
            source: "acme",
            id: number.to_string(),
            by_operator: kind.is_operator_only(),
            boundary: None,
            data: json!({}),
        };

        let mut other_source = "acme";
        while let Some(word) = words.next() {
            let mut next = || words.next().expect("a word after the modifier");
            let data = &mut parsed.data;
            match word {
                "of" => parsed.worker = next(),
                "in" => parsed.source = next(),
                "was" => data["previous_worker_id"] = json!(next()),
                "is" => data["other"] = json!({ "source": other_source, "worker_id": next() }),
                "isin" => other_source = next(),
                "names" => data["refers_to"] = next().split(',').map(key).collect(),
                "edits" => data["supersedes"] = key(next()),
                "as" => next().clone_into(&mut parsed.id),
                "ops" => parsed.by_operator = true,
                "date" => parsed.boundary = Some("start_of_day"),
                "end" => parsed.boundary = Some("end_of_day"),
                "title" => data["worker"]["title"] = json!(next()),
                id => data["employment_id"] = json!(id),
            }
        }
        parsed
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

/// The person of E-1 on that day.
pub fn person_at(events: &[Event], number: f64) -> Person {
    fold(
        events,
        &alias("acme", "E-1"),
        day(number),
        &Rules::default(),
    )
}

/// The days from -400 to 100 at whose noon E-1 has this status: `-300..40, 60..`.
pub fn days_with(events: &[Event], status: Status) -> String {
    let (worker, rules) = (alias("acme", "E-1"), Rules::default());
    let folded = FoldedPerson::of(events, &worker, &rules);
    let has_status = |number: i32| {
        let noon = day(f64::from(number) + 0.5);
        folded.employments.status_at(noon) == status
    };

    let mut spans: Vec<(i32, Option<i32>)> = Vec::new();
    for number in -400..100 {
        match (has_status(number), spans.last_mut()) {
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

fn access(history: &str) -> String {
    days_with(&events(history), Status::Active)
}

fn findings(history: &str) -> BTreeSet<FindingKind> {
    person_at(&events(history), 99.0)
        .findings
        .into_iter()
        .map(|finding| finding.kind)
        .collect()
}

/// A worked history: its name, its facts, the days with access, and the findings.
pub type WorkedHistory = (
    &'static str,
    &'static str,
    &'static str,
    &'static [FindingKind],
);

/// Asserts the access and the findings of each history, and reports every one that differs.
pub fn assert_histories(table: &[WorkedHistory]) {
    let mut wrong = Vec::new();
    for (name, history, days, expected) in table {
        let expected: BTreeSet<FindingKind> = expected.iter().copied().collect();
        let (actual_days, actual) = (access(history), findings(history));
        if actual_days != *days || actual != expected {
            wrong.push(format!(
                "{name}: {history}\n  expected access on `{days}` and findings {expected:?}\n  \
                 the fold gives access on `{actual_days}` and findings {actual:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
