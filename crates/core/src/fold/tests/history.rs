//! A generated history: several facts, and the settings that the fold reads them with.
//!
//! It also computes the instants at which a property looks at the result.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::fact::{EffectiveSpec, FactSpec, ZONES, alias, hour, is_default, source};
use crate::{
    event::{Authority, Event},
    fold::{Rules, SourceRules},
};

/// A set of facts, and the settings for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    pub facts: Vec<FactSpec>,
    /// The present, in hours from day 0.
    pub now: i32,
    /// The second source is an applicant system.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pre_hire: bool,
    /// Only the HR system is in scope.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scoped: bool,
    /// A seed for the choices of a property.
    #[serde(default, skip_serializing_if = "is_default")]
    pub salt: u64,
}

impl History {
    pub fn events(&self) -> Vec<Event> {
        self.facts.iter().map(FactSpec::event).collect()
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

        Rules {
            sources: [(source(0), hr), (source(1), second)].into(),
            scope: self.scoped.then(|| BTreeSet::from([source(0)])),
        }
    }

    /// Every instant at which the result may change in some zone, with a second before and after.
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
            for effective in effective_dates(fact) {
                for zone in ZONES {
                    let zone = TimeZone::get(zone).expect("a zone");
                    add(effective.effective().resolve(&zone).instant);
                }
            }
            add(hour(fact.received));
            fact.time.into_iter().for_each(|time| add(hour(time)));
        }
        instants.into_iter().collect()
    }

    /// The instants at which the status may change. Between two of them it is as at the first.
    pub fn boundaries(&self) -> Vec<Timestamp> {
        let rules = self.rules();
        let mut instants = BTreeSet::from([hour(-200_000), hour(80_000)]);
        for fact in &self.facts {
            let source = &rules.sources[&alias(fact.worker).source];
            for effective in effective_dates(fact) {
                let instant = effective.effective().resolve(&source.time_zone).instant;
                instants.insert(instant);
                instants.extend(self.pre_hire.then(|| instant + source.pre_hire_lapse));
            }
            instants.extend([hour(fact.received), hour(fact.occurred())]);
        }
        instants.into_iter().collect()
    }

    /// The last hour at which a fact occurred or was received.
    pub fn last_known(&self) -> i32 {
        self.facts
            .iter()
            .map(|fact| fact.occurred().max(fact.received))
            .max()
            .unwrap_or(0)
    }
}

/// Every date of a fact, also those of its rows.
fn effective_dates(fact: &FactSpec) -> impl Iterator<Item = EffectiveSpec> {
    let rows = fact
        .rows
        .iter()
        .flatten()
        .flat_map(|row| row.start.into_iter().chain(row.end));
    fact.effective.into_iter().chain(rows)
}
