//! Effective (docs/fold.md, "Effective"): from dates as stated to moments.
//!
//! In: what counts of the set, in the order of the replay. Out: the [`Fact`]s that are replayed, every date resolved in
//! the event's own zone, else in that of the worker's location on that day as known then, else in the source's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    Rules,
    aliases::{self, Names},
    edits::{Entry, Resolver},
    set::ReplayKey,
};
use crate::event::{
    Alias, Change, Effective, EmploymentId, EmploymentRow, Event, EventKey, Location, Moment,
    time_zone,
};

/// A fact as it is replayed.
#[derive(Clone, Debug)]
pub(super) struct Fact<'e> {
    /// What is stated.
    pub event: &'e Event,
    /// Its place in the order of knowledge.
    pub place: ReplayKey,
    /// Whose it is.
    pub alias: Alias,
    /// `converted`: whom it was before.
    pub previous: Option<Alias>,
    /// When it takes effect.
    pub effective: Moment,
    /// Whether that was stated, or is only when it occurred.
    pub states_effective: bool,
    /// What it superseded: the employment that each named, and when it took effect.
    pub superseded: Vec<Stated>,
    /// The rows of a snapshot; `None`: it has no list.
    pub rows: Option<Vec<Row<'e>>>,
    /// Every key it can be named by.
    pub keys: BTreeSet<EventKey>,
    /// What its `refers_to` names.
    pub refers_to: Vec<EventKey>,
    /// Of a snapshot: starts in the lists it superseded.
    pub superseded_rows: Vec<Stated>,
}

/// A moment as it was stated once, and for which employment.
pub(super) type Stated = (Option<EmploymentId>, Moment);

impl Fact<'_> {
    /// The employment it is about, where it says.
    pub fn employment(&self) -> Option<&EmploymentId> {
        self.event.content.data.employment_id.as_ref()
    }

    /// When it became known.
    pub fn occurred(&self) -> Timestamp {
        self.place.occurred
    }
}

/// One row of a snapshot's list.
#[derive(Clone, Debug)]
pub(super) struct Row<'e> {
    /// As stated.
    pub stated: &'e EmploymentRow,
    /// When it starts.
    pub start: Option<Moment>,
    /// When it ends.
    pub end: Option<Moment>,
}

/// What was said of where a worker works.
struct LocationInterval {
    employment: Option<EmploymentId>,
    from: Timestamp,
    zone: Change<TimeZone>,
}

/// Resolves every date.
pub(super) fn facts<'e>(
    entries: &[Entry<'e>],
    names: &Names,
    rules: &Rules,
    resolver: &Resolver,
    events: &BTreeMap<EventKey, &'e Event>,
) -> Vec<Fact<'e>> {
    let mut stays: BTreeMap<Alias, Vec<LocationInterval>> = BTreeMap::new();
    entries
        .iter()
        .map(|entry| {
            let alias = names.of(&entry.event.alias());
            let stays = stays.entry(alias.clone()).or_default();
            let (fact, stay) = fact(entry, alias, names, rules, resolver, events, stays);
            stays.extend(stay);
            fact
        })
        .collect()
}

fn fact<'e>(
    entry: &Entry<'e>,
    alias: Alias,
    names: &Names,
    rules: &Rules,
    resolver: &Resolver,
    events: &BTreeMap<EventKey, &'e Event>,
    stays: &[LocationInterval],
) -> (Fact<'e>, Option<LocationInterval>) {
    let data = &entry.event.content.data;
    let occurred = entry.place.occurred;
    let of_source = rules.of(&alias.source).time_zone;
    let own = location(&data.worker.location);
    let resolve = |effective: &Effective, location: &Change<TimeZone>| {
        let day = effective.resolve(&of_source).instant;
        let there = match location {
            Change::Keep => zone_on(day, data.employment_id.as_ref(), stays),
            Change::Clear => None,
            Change::Set(zone) => Some(zone.clone()),
        };
        effective.resolve(there.as_ref().unwrap_or(&of_source))
    };
    let effective = entry.effective.map_or_else(
        || Moment::at(occurred),
        |effective| resolve(effective, &own),
    );
    let row = |row: &'e EmploymentRow| {
        let stated = location(&row.location);
        let there = if stated.is_keep() {
            own.clone()
        } else {
            stated
        };
        let moment = |stated: &Option<Effective>| {
            stated.as_ref().map(|effective| resolve(effective, &there))
        };
        Row {
            stated: row,
            start: moment(&row.start),
            end: moment(&row.end),
        }
    };
    let superseded_rows = entry
        .superseded
        .iter()
        .filter_map(|(key, _)| events.get(key)?.content.data.employments.as_ref())
        .flatten()
        .filter_map(|stated| row(stated).start.map(|start| (stated.id.clone(), start)))
        .collect();
    let stay = (!own.is_keep()).then(|| LocationInterval {
        employment: data.employment_id.clone(),
        from: effective.instant,
        zone: own.clone(),
    });
    let fact = Fact {
        event: entry.event,
        place: entry.place.clone(),
        previous: aliases::previous(entry.event).map(|previous| names.of(&previous)),
        alias,
        effective,
        states_effective: entry.effective.is_some(),
        // One that stated no effective took effect when it occurred, and that counts as said, too.
        superseded: entry
            .superseded
            .iter()
            .map(|(key, effective)| {
                let id = events
                    .get(key)
                    .and_then(|event| event.content.data.employment_id.clone());
                (
                    id,
                    effective.map_or(Moment::at(occurred), |effective| resolve(effective, &own)),
                )
            })
            .collect(),
        rows: data
            .employments
            .as_ref()
            .map(|rows| rows.iter().map(row).collect()),
        keys: entry.keys.clone(),
        refers_to: data
            .refers_to
            .iter()
            .filter_map(|reference| resolver.key(entry.event, reference))
            .collect(),
        superseded_rows,
    };
    (fact, stay)
}

/// What a document says of the zone of the worker's location.
fn location(stated: &Change<Location>) -> Change<TimeZone> {
    match stated {
        Change::Keep => Change::Keep,
        Change::Clear => Change::Clear,
        Change::Set(location) => {
            let zone = location
                .time_zone
                .as_deref()
                .and_then(|name| time_zone(name).ok());
            zone.map_or(Change::Clear, Change::Set)
        }
    }
}

/// The zone of the worker's location on that day, as far as it is known yet.
fn zone_on(
    day: Timestamp,
    employment: Option<&EmploymentId>,
    stays: &[LocationInterval],
) -> Option<TimeZone> {
    let about = |stay: &&LocationInterval| {
        employment.is_none() || stay.employment.is_none() || stay.employment.as_ref() == employment
    };
    // Of equal ones `max_by_key` gives the last, which is the one known last.
    stays
        .iter()
        .filter(about)
        .filter(|stay| stay.from <= day)
        .max_by_key(|stay| stay.from)?
        .zone
        .set()
        .cloned()
}
