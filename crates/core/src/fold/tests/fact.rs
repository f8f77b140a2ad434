//! The compact form of an event in generated histories: small numbers for days, workers and ids.
//!
//! A person can read it, the runner can shrink it, and a file can store it as JSON
//! (`proptest-regressions/fold.jsonl`). [`FactSpec::event`] builds the canonical event that the
//! fold reads. Histories of several facts are in `history`.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::event::{
    Alias, Boundary, Change, CloudEvent, Effective, EmploymentId, EmploymentRow, Event, EventData,
    EventReference, HookId, IdDerivation, Kind, OtherWorker, SourceId, WorkerChanges, WorkerId,
};

/// The workers of the histories: two of the HR system, one of a second source.
pub const ALIASES: [(&str, &str); 3] = [("hr", "E-1"), ("hr", "E-2"), ("second", "A-1")];

/// The time zones that an event may name. The first is the zone of the HR system, the second that
/// of the second source.
pub const ZONES: [&str; 4] = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC"];

/// The sources: 0 `hr`, 1 `second`, 2 `ops`.
pub const SOURCES: [&str; 3] = ["hr", "second", "ops"];

/// A reference to a fact: the index of its sender in [`SOURCES`], and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FactRef(pub u8, pub u16);

/// An effective date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EffectiveSpec {
    /// An instant, in hours from day 0.
    Hour(i32),
    /// The start of a day in the zone of the source.
    Day(i32),
    /// The end of a day in the zone of the source.
    EndOf(i32),
    /// The start of a day in a zone of [`ZONES`] that the event names.
    DayIn(i32, u8),
    /// The end of a day in a zone of [`ZONES`] that the event names.
    EndOfIn(i32, u8),
}

/// A row of a snapshot's list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RowSpec {
    pub employment: Option<u8>,
    pub start: Option<EffectiveSpec>,
    pub end: Option<EffectiveSpec>,
    pub primary: bool,
    pub title: Option<u8>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactSpec {
    pub id: u16,
    pub kind: Kind,
    /// Index in [`ALIASES`].
    pub worker: u8,
    /// An operator sends it on behalf of the worker's source.
    #[serde(default, skip_serializing_if = "is_default")]
    pub by_operator: bool,
    /// The stated time, in hours from day 0.
    pub time: Option<i32>,
    /// In hours from day 0.
    pub received: i32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub effective: Option<EffectiveSpec>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub employment: Option<u8>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub rows: Option<Vec<RowSpec>>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub supersedes: Option<FactRef>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub refers_to: Vec<FactRef>,
    /// `converted`, `identifier_changed`, links: the other worker.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Option<u8>,
    /// A title that the event sets. 0 clears it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub title: Option<u8>,
    /// An employee number that the event sets. 0 clears it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub employee_number: Option<u8>,
    /// The sender gave neither id nor time: `id` stands for the digest, this for the hook.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hook: Option<u16>,
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The first hour of the year 2000: an earlier time is implausible.
const YEAR_2000: i32 = -227_928;

/// The first instant of day 0, 2026-01-01 in UTC, in Unix seconds.
const DAY_0: i64 = 1_767_225_600;

/// The instant of an hour, counted from day 0.
pub fn hour(hours: i32) -> Timestamp {
    Timestamp::from_second(DAY_0 + i64::from(hours) * 3600).expect("an instant")
}

fn date(day: i32) -> Date {
    TimeZone::UTC.to_datetime(hour(day * 24)).date()
}

pub fn alias(worker: u8) -> Alias {
    let (source, worker) = ALIASES[usize::from(worker)];
    Alias {
        source: SourceId::parse(source).expect("a source id"),
        worker: WorkerId::parse(worker).expect("a worker id"),
    }
}

pub fn source(sender: u8) -> SourceId {
    SourceId::parse(SOURCES[usize::from(sender)]).expect("a source id")
}

fn origin(sender: u8) -> String {
    ["/hr", "/second", "/operators"][usize::from(sender)].to_owned()
}

pub fn employment_id(number: u8) -> EmploymentId {
    EmploymentId::parse(["X", "Y", "Z"][usize::from(number)]).expect("an employment id")
}

fn text(name: &str, value: Option<u8>) -> Change<String> {
    match value {
        None => Change::Keep,
        Some(0) => Change::Clear,
        Some(value) => Change::Set(format!("{name} {value}")),
    }
}

impl EffectiveSpec {
    pub fn effective(self) -> Effective {
        let day = |day, boundary, zone: Option<u8>| Effective::Day {
            date: date(day),
            boundary: Some(boundary),
            time_zone: zone.map(|zone| ZONES[usize::from(zone)].to_owned()),
        };
        match self {
            Self::Hour(hours) => Effective::Instant(hour(hours)),
            Self::Day(of) => day(of, Boundary::StartOfDay, None),
            Self::EndOf(of) => day(of, Boundary::EndOfDay, None),
            Self::DayIn(of, zone) => day(of, Boundary::StartOfDay, Some(zone)),
            Self::EndOfIn(of, zone) => day(of, Boundary::EndOfDay, Some(zone)),
        }
    }

    /// The moment in hours from day 0, up to a day wrong because it ignores the zone.
    pub fn hours(self) -> i32 {
        match self {
            Self::Hour(hours) => hours,
            Self::Day(day) | Self::DayIn(day, _) => day * 24,
            Self::EndOf(day) | Self::EndOfIn(day, _) => day * 24 + 24,
        }
    }
}

impl RowSpec {
    fn row(&self) -> EmploymentRow {
        EmploymentRow {
            id: self.employment.map(employment_id),
            start: self.start.map(EffectiveSpec::effective),
            end: self.end.map(EffectiveSpec::effective),
            primary: self.primary.then_some(true),
            title: text("title", self.title),
            ..EmploymentRow::default()
        }
    }
}

impl FactSpec {
    /// A fact about the first worker, with `time` as its stated time and as its receipt.
    pub fn new(id: u16, kind: Kind, time: i32) -> Self {
        Self {
            id,
            kind,
            worker: 0,
            by_operator: kind.is_operator_only(),
            time: Some(time),
            received: time,
            effective: None,
            employment: None,
            rows: None,
            supersedes: None,
            refers_to: Vec::new(),
            other: None,
            title: None,
            employee_number: None,
            hook: None,
        }
    }

    /// The index of its sender in [`SOURCES`].
    pub fn sender(&self) -> u8 {
        if self.by_operator {
            2
        } else {
            self.worker_source()
        }
    }

    /// The index in [`SOURCES`] of the source of its worker.
    fn worker_source(&self) -> u8 {
        u8::from(self.worker == 2)
    }

    pub fn reference(&self) -> FactRef {
        FactRef(self.sender(), self.id)
    }

    /// The hour at which it occurred: the stated time where it is plausible, else the receipt.
    pub fn occurred(&self) -> i32 {
        self.time
            .filter(|time| (YEAR_2000..=self.received).contains(time))
            .unwrap_or(self.received)
    }

    /// The same statement under a new id and time. It states its effective date explicitly.
    pub fn resent(&self, id: u16, time: i32) -> Self {
        let effective = self
            .effective
            .or(Some(EffectiveSpec::Hour(self.occurred())));
        Self {
            id,
            time: Some(time),
            received: time,
            effective,
            hook: None,
            ..self.clone()
        }
    }

    /// A bare id where that names the fact, else the whole key.
    fn event_reference(&self, to: FactRef) -> EventReference {
        let id = format!("f{}", to.1);
        let own_source = if self.by_operator {
            self.worker_source()
        } else {
            self.sender()
        };

        if to.0 == own_source {
            return EventReference::Id(id);
        }
        EventReference::Key {
            source: source(to.0),
            origin: origin(to.0),
            id,
        }
    }

    /// The canonical event.
    pub fn event(&self) -> Event {
        let sender = self.sender();

        Event {
            source: source(sender),
            hook: HookId::parse(format!("hook-{}", self.hook.unwrap_or(self.id)))
                .expect("a hook id"),
            received: hour(self.received),
            id_derivation: if self.hook.is_some() {
                IdDerivation::DigestInHook
            } else {
                IdDerivation::Given
            },
            content: CloudEvent {
                specversion: "1.0".to_owned(),
                id: format!("f{}", self.id),
                source: origin(sender),
                kind: self.kind,
                subject: alias(self.worker).worker,
                time: self.time.filter(|_| self.hook.is_none()).map(hour),
                data: self.data(),
            },
        }
    }

    fn data(&self) -> EventData {
        let names_previous = self.kind.names_previous_worker();
        let previous = self.other.filter(|_| names_previous);
        let linked = self.other.filter(|_| !names_previous);

        EventData {
            effective: self.effective.map(EffectiveSpec::effective),
            employment_id: self.employment.map(employment_id),
            employments: self
                .rows
                .as_ref()
                .map(|rows| rows.iter().map(RowSpec::row).collect()),
            supersedes: self.supersedes.map(|to| self.event_reference(to)),
            refers_to: self
                .refers_to
                .iter()
                .map(|to| self.event_reference(*to))
                .collect(),
            previous_worker_id: previous.map(|worker| alias(worker).worker),
            worker: WorkerChanges {
                title: text("title", self.title),
                employee_number: text("number", self.employee_number),
                ..WorkerChanges::default()
            },
            actor: self.by_operator.then(|| "an operator".to_owned()),
            reason: self.by_operator.then(|| "a reason".to_owned()),
            on_behalf_of: self.by_operator.then(|| alias(self.worker).source),
            other: linked.map(|worker| {
                let other = alias(worker);
                OtherWorker {
                    source: other.source,
                    worker_id: other.worker,
                }
            }),
        }
    }
}
