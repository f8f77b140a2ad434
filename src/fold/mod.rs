//! The fold: from facts to a person, exactly (`docs/fold.md`).
//!
//! Here are the words it speaks in: what it is told of the sources ([`Rules`]), and what it gives ([`Person`]).
//! Pure: no clock, no I/O, no chance.

mod person;
#[cfg(test)]
mod tests;

pub use person::{Employment, Finding, FindingKind, Person, Status};

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::event::{Alias, Event, SourceId};

/// Version of the rules. A new one is staged like a changed mapping (ARCHITECTURE.md).
pub const FOLD_VERSION: u32 = 1;

/// What the fold must know of a source.
#[derive(Clone, Debug)]
pub struct SourceRules {
    /// Zone of bare dates, where neither the event nor the worker's location says.
    pub time_zone: TimeZone,
    /// Whether it states employments or hires to come.
    pub authority: Authority,
    /// `pre_hire`: how long after its start such an employment counts.
    pub pre_hire_lapse: SignedDuration,
    /// How long the sender may repeat a hook (for events with neither id nor time).
    pub retry_span: SignedDuration,
}

/// What a source's word on employment is worth (fold.md 3, "Authority").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The HR system: its employments count.
    Employment,
    /// An applicant system: its employments count only until the HR system is heard.
    PreHire,
}

/// What the fold is told beside the events.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// By source; a source that is missing here has [`SourceRules::default`].
    pub sources: BTreeMap<SourceId, SourceRules>,
    /// Only employments and attributes of these sources count (a connection's `sources`); `None`: all.
    /// Bars and links of every source count all the same.
    pub scope: Option<BTreeSet<SourceId>>,
}

impl Default for SourceRules {
    fn default() -> Self {
        Self {
            time_zone: TimeZone::UTC,
            authority: Authority::Employment,
            pre_hire_lapse: SignedDuration::from_hours(30 * 24),
            retry_span: SignedDuration::from_hours(7 * 24),
        }
    }
}

/// The people of these events: one set of aliases each (fold.md 2), least alias first. The events are all that name
/// any of their aliases; in whatever order.
pub fn people(events: &[Event]) -> Vec<BTreeSet<Alias>> {
    let _ = events;
    Vec::new()
}

/// The person that `alias` belongs to, at `now`, from every event that names any of their aliases (more does not
/// matter), in whatever order.
pub fn fold(events: &[Event], alias: &Alias, now: Timestamp, rules: &Rules) -> Person {
    let _ = (events, now, rules);
    Person {
        aliases: BTreeSet::from([alias.clone()]),
        status: Status::Unknown,
        employments: Vec::new(),
        barred_from: None,
        attributes: BTreeMap::new(),
        next_change: None,
        findings: Vec::new(),
    }
}
