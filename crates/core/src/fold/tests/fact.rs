//! Histories in a form that a person can read, that shrinks, and that a file can keep: small numbers for days,
//! workers and employments. [`Fact::event`] makes of each the canonical event that the fold reads.

use std::{collections::BTreeSet, fmt};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    event::{
        Alias, Boundary, Change, CloudEvent, Effective, EmploymentId, EmploymentRow, Event,
        EventData, HookId, Identity, Kind, OtherWorker, Reference, SourceId, WorkerChanges,
        WorkerId,
    },
    fold::{Authority, Rules, SourceRules},
};

/// The workers of these histories: two of the HR system, one of a second source.
pub const ALIASES: [(&str, &str); 3] = [("hr", "E-1"), ("hr", "E-2"), ("second", "A-1")];

/// Zones that an event may name; the HR system's own is the first.
const ZONES: [&str; 4] = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC"];

/// An event by who sent it (0 `hr`, 1 `second`, 2 `ops`) and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ref(pub u8, pub u16);

/// When something takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum When {
    /// An instant, in hours from day 0.
    Hour(i32),
    /// A day in the source's zone: its start.
    Day(i32),
    /// A day in the source's zone: its end.
    EndOf(i32),
    /// The start of a day in a zone that the event names.
    DayIn(i32, u8),
    /// The end of a day in a zone that the event names.
    EndOfIn(i32, u8),
}

/// A row of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    pub employment: Option<u8>,
    pub start: Option<When>,
    pub end: Option<When>,
    pub primary: bool,
    pub title: Option<u8>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub n: u16,
    pub kind: Kind,
    /// Index in [`ALIASES`].
    pub who: u8,
    #[serde(default, skip_serializing_if = "is_default")]
    pub ops: bool,
    /// The stated time, in hours from day 0.
    pub at: Option<i32>,
    /// In hours from day 0.
    pub received: i32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub effective: Option<When>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub employment: Option<u8>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub rows: Option<Vec<Row>>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub supersedes: Option<Ref>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub refers: Vec<Ref>,
    /// `converted`, `identifier_changed`, links: the other worker.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Option<u8>,
    /// A title that is set (0: cleared).
    #[serde(default, skip_serializing_if = "is_default")]
    pub title: Option<u8>,
    /// An employee number that is set (0: cleared).
    #[serde(default, skip_serializing_if = "is_default")]
    pub number: Option<u8>,
    /// Neither id nor time was given: the number stands for the digest, this for the hook.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hook: Option<u16>,
}

/// A set of facts, and the settings that they are read with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    pub facts: Vec<Fact>,
    /// The present, in hours from day 0.
    pub now: i32,
    /// Whether the second source is an applicant system.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pre_hire: bool,
    /// Whether only the HR system's employments count.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scoped: bool,
    /// Chance for what a property does with the history.
    #[serde(default, skip_serializing_if = "is_default")]
    pub salt: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The first hour of the year 2000: what is before is not believed.
const YEAR_2000: i32 = -227_928;

/// The first instant of day 0, 2026-01-01 in UTC.
const DAY_0: i64 = 1_767_225_600;

/// That hour from day 0.
pub fn hour(hours: i32) -> Timestamp {
    Timestamp::from_second(DAY_0 + i64::from(hours) * 3600).expect("an instant")
}

fn date(day: i32) -> Date {
    TimeZone::UTC.to_datetime(hour(day * 24)).date()
}

pub fn alias(who: u8) -> Alias {
    let (source, worker) = ALIASES[usize::from(who)];
    Alias {
        source: SourceId::parse(source).expect("an id"),
        worker: WorkerId::parse(worker).expect("an id"),
    }
}

fn source_of(by: u8) -> SourceId {
    SourceId::parse(["hr", "second", "ops"][usize::from(by)]).expect("an id")
}

fn employment(number: u8) -> EmploymentId {
    EmploymentId::parse(["X", "Y", "Z"][usize::from(number)]).expect("an id")
}

impl When {
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

    /// Roughly when, in hours from day 0 (within a day).
    pub fn hours(self) -> i32 {
        match self {
            Self::Hour(hours) => hours,
            Self::Day(day) | Self::DayIn(day, _) => day * 24,
            Self::EndOf(day) | Self::EndOfIn(day, _) => day * 24 + 24,
        }
    }
}

impl Row {
    fn row(&self) -> EmploymentRow {
        EmploymentRow {
            id: self.employment.map(employment),
            start: self.start.map(When::effective),
            end: self.end.map(When::effective),
            primary: self.primary.then_some(true),
            title: text("title", self.title),
            ..EmploymentRow::default()
        }
    }
}

fn text(what: &str, value: Option<u8>) -> Change<String> {
    match value {
        None => Change::Keep,
        Some(0) => Change::Clear,
        Some(value) => Change::Set(format!("{what} {value}")),
    }
}

impl Fact {
    /// A fact of that kind of the first worker, known at `at` and received then.
    pub fn new(n: u16, kind: Kind, at: i32) -> Self {
        Self {
            n,
            kind,
            who: 0,
            ops: kind.is_operators_only(),
            at: Some(at),
            received: at,
            effective: None,
            employment: None,
            rows: None,
            supersedes: None,
            refers: Vec::new(),
            other: None,
            title: None,
            number: None,
            hook: None,
        }
    }

    /// Who sent it: 0 `hr`, 1 `second`, 2 `ops`.
    pub fn by(&self) -> u8 {
        if self.ops { 2 } else { u8::from(self.who == 2) }
    }

    pub fn reference(&self) -> Ref {
        Ref(self.by(), self.n)
    }

    /// When it became known, in hours, where its time is believed.
    pub fn known(&self) -> i32 {
        self.at
            .filter(|at| (YEAR_2000..=self.received).contains(at))
            .unwrap_or(self.received)
    }

    /// The same statement under a new number and time, its effective said outright.
    pub fn resent(&self, n: u16, at: i32) -> Self {
        let effective = self.effective.or(Some(When::Hour(self.known())));
        Self {
            n,
            at: Some(at),
            received: at,
            effective,
            hook: None,
            ..self.clone()
        }
    }

    fn refer(&self, to: Ref) -> Reference {
        let id = format!("f{}", to.1);
        let near = if self.ops {
            u8::from(self.who == 2)
        } else {
            self.by()
        };
        if to.0 == near {
            return Reference::Id(id);
        }
        Reference::Key {
            source: source_of(to.0),
            origin: origin(to.0),
            id,
        }
    }

    /// The canonical event.
    pub fn event(&self) -> Event {
        let by = self.by();
        let names_previous = self.kind.names_previous_worker();
        let data = EventData {
            effective: self.effective.map(When::effective),
            employment_id: self.employment.map(employment),
            employments: self
                .rows
                .as_ref()
                .map(|rows| rows.iter().map(Row::row).collect()),
            supersedes: self.supersedes.map(|to| self.refer(to)),
            refers_to: self.refers.iter().map(|to| self.refer(*to)).collect(),
            previous_worker_id: self
                .other
                .filter(|_| names_previous)
                .map(|other| alias(other).worker),
            worker: WorkerChanges {
                title: text("title", self.title),
                employee_number: text("number", self.number),
                ..WorkerChanges::default()
            },
            actor: self.ops.then(|| "an operator".to_owned()),
            reason: self.ops.then(|| "a reason".to_owned()),
            on_behalf_of: self.ops.then(|| alias(self.who).source),
            other: self.other.filter(|_| !names_previous).map(|other| {
                let other = alias(other);
                OtherWorker {
                    source: other.source,
                    worker_id: other.worker,
                }
            }),
        };
        Event {
            source: source_of(by),
            hook: HookId::parse(format!("hook-{}", self.hook.unwrap_or(self.n))).expect("an id"),
            received: hour(self.received),
            identity: if self.hook.is_some() {
                Identity::DigestInHook
            } else {
                Identity::Given
            },
            content: CloudEvent {
                specversion: "1.0".to_owned(),
                id: format!("f{}", self.n),
                source: origin(by),
                kind: self.kind,
                subject: alias(self.who).worker,
                time: self.at.filter(|_| self.hook.is_none()).map(hour),
                data,
            },
        }
    }
}

fn origin(by: u8) -> String {
    ["/hr", "/second", "/operators"][usize::from(by)].to_owned()
}

impl History {
    pub fn events(&self) -> Vec<Event> {
        self.facts.iter().map(Fact::event).collect()
    }

    pub fn rules(&self) -> Rules {
        let zone = |name: &str| TimeZone::get(name).expect("a zone");
        let hr = SourceRules {
            time_zone: zone(ZONES[0]),
            ..SourceRules::default()
        };
        let authority = if self.pre_hire {
            Authority::PreHire
        } else {
            Authority::Employment
        };
        let second = SourceRules {
            time_zone: zone(ZONES[1]),
            authority,
            ..SourceRules::default()
        };
        let scope = self.scoped.then(|| BTreeSet::from([source_of(0)]));
        Rules {
            sources: [(source_of(0), hr), (source_of(1), second)].into(),
            scope,
        }
    }

    /// The instants at which anything could differ, each with its dependencies.
    pub fn instants(&self) -> Vec<Timestamp> {
        let mut instants = BTreeSet::from([hour(self.now), hour(-200_000), hour(80_000)]);
        let second = SignedDuration::from_secs(1);
        let mut add = |instant: Timestamp| {
            for near in [
                instant.checked_sub(second),
                Ok(instant),
                instant.checked_add(second),
            ]
            .into_iter()
            .flatten()
            {
                instants.insert(near);
            }
        };
        for fact in &self.facts {
            let rows = fact
                .rows
                .iter()
                .flatten()
                .flat_map(|row| row.start.into_iter().chain(row.end));
            for when in fact.effective.into_iter().chain(rows) {
                for zone in ZONES {
                    let zone = TimeZone::get(zone).expect("a zone");
                    add(when.effective().resolve(&zone).instant);
                }
            }
            add(hour(fact.received));
            fact.at.into_iter().for_each(|at| add(hour(at)));
        }
        instants.into_iter().collect()
    }

    /// The instants at which the status may change: what is between two of them is as at the first.
    pub fn boundaries(&self) -> Vec<Timestamp> {
        let rules = self.rules();
        let mut instants = BTreeSet::from([hour(-200_000), hour(80_000)]);
        for fact in &self.facts {
            let source = &rules.sources[&alias(fact.who).source];
            let rows = fact
                .rows
                .iter()
                .flatten()
                .flat_map(|row| row.start.into_iter().chain(row.end));
            for when in fact.effective.into_iter().chain(rows) {
                let instant = when.effective().resolve(&source.time_zone).instant;
                instants.insert(instant);
                instants.extend(self.pre_hire.then(|| instant + source.pre_hire_lapse));
            }
            instants.extend([hour(fact.received), hour(fact.known())]);
        }
        instants.into_iter().collect()
    }

    /// The last hour at which anything became known.
    pub fn last_known(&self) -> i32 {
        self.facts
            .iter()
            .map(|fact| fact.known().max(fact.received))
            .max()
            .unwrap_or(0)
    }
}

fn day_and_hour(hours: i32) -> String {
    let (day, rest) = (hours.div_euclid(24), hours.rem_euclid(24));
    if rest == 0 {
        format!("{day}")
    } else {
        format!("{day}d{rest}h")
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hour(hours) => write!(f, "{}", day_and_hour(*hours)),
            Self::Day(day) => write!(f, "start of {day}"),
            Self::EndOf(day) => write!(f, "end of {day}"),
            Self::DayIn(day, zone) => write!(f, "start of {day} in {}", ZONES[usize::from(*zone)]),
            Self::EndOfIn(day, zone) => write!(f, "end of {day} in {}", ZONES[usize::from(*zone)]),
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = ALIASES[usize::from(self.who)].1;
        write!(
            f,
            "{}f{} {who} {}",
            if self.ops { "ops " } else { "" },
            self.n,
            self.kind
        )?;
        match self.at {
            Some(at) => write!(f, "@{}", day_and_hour(at))?,
            None => write!(f, "@-")?,
        }
        self.effective
            .iter()
            .try_for_each(|when| write!(f, " -> {when}"))?;
        self.employment
            .iter()
            .try_for_each(|id| write!(f, " id {}", employment(*id)))?;
        self.other
            .iter()
            .try_for_each(|other| write!(f, " other {}", ALIASES[usize::from(*other)].1))?;
        self.supersedes
            .iter()
            .try_for_each(|to| write!(f, " supersedes {to:?}"))?;
        if !self.refers.is_empty() {
            write!(f, " refers to {:?}", self.refers)?;
        }
        self.rows.iter().flatten().try_for_each(|row| {
            let [start, end] = [row.start, row.end]
                .map(|when| when.map_or("-".to_owned(), |when| when.to_string()));
            write!(
                f,
                " [{} {start}..{end}]",
                row.employment
                    .map_or("-".to_owned(), |id| employment(id).to_string())
            )
        })?;
        if self.rows.as_ref().is_some_and(Vec::is_empty) {
            write!(f, " []")?;
        }
        self.hook
            .iter()
            .try_for_each(|hook| write!(f, " hook {hook}"))?;
        if self.at != Some(self.received) {
            write!(f, " (received {})", day_and_hour(self.received))?;
        }
        Ok(())
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = [
            (self.pre_hire, ", second is pre_hire"),
            (self.scoped, ", scope hr"),
        ];
        let settings: String = settings
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, text)| *text)
            .collect();
        writeln!(f, "now {}{settings}", day_and_hour(self.now))?;
        self.facts
            .iter()
            .try_for_each(|fact| writeln!(f, "  {fact}"))
    }
}
