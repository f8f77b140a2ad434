//! The settings that the fold reads besides the events.
//!
//! In: the configuration. Out: for each source its time zone, its authority and its retry span, and
//! the sources that a connection counts. They change how an event is read, never which events
//! exist.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, tz::TimeZone};

use crate::event::{Authority, SourceId};

/// The settings of one source.
#[derive(Clone, Debug)]
pub struct SourceRules {
    /// The time zone of a bare date, where neither the event nor the worker's location names one.
    pub time_zone: TimeZone,
    /// Whether the source is an HR system or an applicant system.
    pub authority: Authority,
    /// `pre_hire`: how long after its start an employment of this source counts.
    pub pre_hire_lapse: SignedDuration,
    /// For an event with neither id nor time: how long the sender may repeat its hook.
    pub retry_span: SignedDuration,
}

/// The settings of all sources, and the scope of a connection.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// By source. A source that is not in the map has [`SourceRules::default`].
    pub sources: BTreeMap<SourceId, SourceRules>,
    /// The `sources` of a connection: only their employments and attributes count. `None`: all
    /// sources count. Access revocations and links count from every source, regardless of the
    /// scope.
    pub scope: Option<BTreeSet<SourceId>>,
}

impl Rules {
    pub(super) fn of(&self, source: &SourceId) -> SourceRules {
        self.sources.get(source).cloned().unwrap_or_default()
    }

    /// Whether employments and attributes of this source count.
    pub(super) fn is_in_scope(&self, source: &SourceId) -> bool {
        self.scope
            .as_ref()
            .is_none_or(|scope| scope.contains(source))
    }
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
