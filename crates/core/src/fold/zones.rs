//! Step 4 of the fold: effective time (`docs/fold.md` 5).
//!
//! In: the events that count, in the order of the replay. Out: the [`DatedFact`]s of the replay,
//! with a moment for every date. A date is resolved in the event's own zone, else in the zone of
//! the worker's location on that day as far as it was known then, else in the zone of the source.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    aliases::{self, CanonicalAliases},
    edits::ResolvedEvent,
    references::ReferenceResolver,
    rules::Rules,
    set::ReplayKey,
    timeline::StatedMoment,
};
use crate::event::{
    Alias, Change, Effective, EmploymentId, EmploymentRow, Event, EventKey, Location, Moment,
    time_zone,
};

/// An event as the replay reads it.
#[derive(Clone, Debug)]
pub(super) struct DatedFact<'e> {
    pub event: &'e Event,
    pub position: ReplayKey,
    /// Canonical.
    pub alias: Alias,
    /// `converted`, `identifier_changed`: the canonical alias of the previous worker id.
    pub previous: Option<Alias>,
    pub effective: Moment,
    /// `false`: no event states the effective date, so it is the time at which the fact occurred.
    pub states_effective: bool,
    /// The effective moments of the events that it supersedes.
    pub superseded: Vec<StatedMoment>,
    /// The rows of a snapshot. `None`: it has no list.
    pub rows: Option<Vec<DatedRow<'e>>>,
    /// Every key by which a reference can name it.
    pub keys: BTreeSet<EventKey>,
    /// The keys that its `refers_to` names.
    pub refers_to: Vec<EventKey>,
    /// A snapshot: the starts in the lists that it supersedes.
    pub superseded_rows: Vec<StatedMoment>,
}

impl DatedFact<'_> {
    /// The employment id that the event states.
    pub fn employment(&self) -> Option<&EmploymentId> {
        self.event.content.data.employment_id.as_ref()
    }

    /// The time at which HR knew the fact.
    pub fn occurred(&self) -> Timestamp {
        self.position.occurred
    }
}

/// One row of a snapshot's list.
#[derive(Clone, Debug)]
pub(super) struct DatedRow<'e> {
    pub stated: &'e EmploymentRow,
    pub start: Option<Moment>,
    pub end: Option<Moment>,
}

/// A location that an event states: its zone holds from an instant until the next location.
struct LocationInterval {
    employment: Option<EmploymentId>,
    from: Timestamp,
    zone: Change<TimeZone>,
}

/// The inputs that are the same for all events.
pub(super) struct DatingContext<'a, 'e> {
    pub aliases: &'a CanonicalAliases,
    pub rules: &'a Rules,
    pub references: &'a ReferenceResolver,
    /// Every event of the set, also those that do not count.
    pub events: &'a BTreeMap<EventKey, &'e Event>,
}

/// Resolves every date of the events, which are in the order of the replay.
pub(super) fn dated_facts<'e>(
    events: &[ResolvedEvent<'e>],
    context: &DatingContext<'_, 'e>,
) -> Vec<DatedFact<'e>> {
    let mut locations: BTreeMap<Alias, Vec<LocationInterval>> = BTreeMap::new();

    events
        .iter()
        .map(|resolved| {
            let alias = context.aliases.of(&resolved.event.alias());
            let known = locations.entry(alias.clone()).or_default();
            let (fact, interval) = dated_fact(resolved, alias, context, known);
            known.extend(interval);
            fact
        })
        .collect()
}

/// The keys of the events that an event refers to, as far as they are known.
fn referenced_keys(event: &Event, context: &DatingContext<'_, '_>) -> Vec<EventKey> {
    let references = event.content.data.refers_to.iter();
    references
        .filter_map(|reference| context.references.key(event, reference))
        .collect()
}

fn dated_fact<'e>(
    resolved: &ResolvedEvent<'e>,
    alias: Alias,
    context: &DatingContext<'_, 'e>,
    locations: &[LocationInterval],
) -> (DatedFact<'e>, Option<LocationInterval>) {
    let data = &resolved.event.content.data;
    let own_location = zone_of_location(&data.worker.location);
    let resolver = DateResolver {
        source_zone: context.rules.of(&alias.source).time_zone,
        employment: data.employment_id.as_ref(),
        locations,
    };

    // An event that states no effective date takes effect when it occurred. That counts as stated.
    let occurred = resolved.position.occurred;
    let moment = |effective: Option<&Effective>| {
        effective.map_or(Moment::at(occurred), |effective| {
            resolver.moment(effective, &own_location)
        })
    };
    let effective = moment(resolved.effective);
    let superseded = resolved.superseded.iter().map(|(key, effective)| {
        let event = context.events.get(key);
        let id = event.and_then(|event| event.content.data.employment_id.clone());
        (id, moment(*effective))
    });
    let superseded = superseded.collect();

    let rows = data.employments.as_ref().map(|rows| {
        rows.iter()
            .map(|row| resolver.row(row, &own_location))
            .collect()
    });

    let refers_to = referenced_keys(resolved.event, context);
    let interval = (!own_location.is_keep()).then(|| LocationInterval {
        employment: data.employment_id.clone(),
        from: effective.instant,
        zone: own_location.clone(),
    });
    let fact = DatedFact {
        event: resolved.event,
        position: resolved.position.clone(),
        previous: aliases::previous_alias(resolved.event)
            .map(|previous| context.aliases.of(&previous)),
        alias,
        effective,
        states_effective: resolved.effective.is_some(),
        superseded,
        rows,
        keys: resolved.keys.clone(),
        refers_to,
        superseded_rows: superseded_rows(resolved, context, &resolver, &own_location),
    };
    (fact, interval)
}

/// The starts in the lists that a snapshot supersedes, in the zone of this snapshot.
fn superseded_rows(
    resolved: &ResolvedEvent<'_>,
    context: &DatingContext<'_, '_>,
    resolver: &DateResolver<'_>,
    location: &Change<TimeZone>,
) -> Vec<StatedMoment> {
    resolved
        .superseded
        .iter()
        .filter_map(|(key, _)| context.events.get(key)?.content.data.employments.as_ref())
        .flatten()
        .map(|row| resolver.row(row, location))
        .filter_map(|row| row.start.map(|start| (row.stated.id.clone(), start)))
        .collect()
}

/// Resolves the dates of one event.
struct DateResolver<'a> {
    source_zone: TimeZone,
    employment: Option<&'a EmploymentId>,
    /// The locations of the alias that were known before the event.
    locations: &'a [LocationInterval],
}

impl DateResolver<'_> {
    /// `location`: the zone of the location that the event or row itself states.
    fn moment(&self, effective: &Effective, location: &Change<TimeZone>) -> Moment {
        let day = effective.resolve(&self.source_zone).instant;
        let zone = match location {
            Change::Keep => self.zone_on(day),
            Change::Clear => None,
            Change::Set(zone) => Some(zone.clone()),
        };
        effective.resolve(zone.as_ref().unwrap_or(&self.source_zone))
    }

    fn row<'e>(&self, row: &'e EmploymentRow, event_location: &Change<TimeZone>) -> DatedRow<'e> {
        let own = zone_of_location(&row.location);
        let location = if own.is_keep() { event_location } else { &own };
        let moment = |stated: &Option<Effective>| {
            stated
                .as_ref()
                .map(|effective| self.moment(effective, location))
        };
        DatedRow {
            stated: row,
            start: moment(&row.start),
            end: moment(&row.end),
        }
    }

    /// The zone of the worker's location on that day. A location of another employment is ignored.
    fn zone_on(&self, day: Timestamp) -> Option<TimeZone> {
        let is_relevant = |interval: &&LocationInterval| {
            self.employment.is_none()
                || interval.employment.is_none()
                || interval.employment.as_ref() == self.employment
        };

        // Of equal instants `max_by_key` returns the last, which is the one known last.
        self.locations
            .iter()
            .filter(is_relevant)
            .filter(|interval| interval.from <= day)
            .max_by_key(|interval| interval.from)?
            .zone
            .set()
            .cloned()
    }
}

/// The zone of a stated location. A location without a known zone clears it.
fn zone_of_location(stated: &Change<Location>) -> Change<TimeZone> {
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
