//! The fold: it derives a person from all their events. `docs/fold.md` states its rules.
//!
//! In: the events in any order, the settings of the sources ([`Rules`]) and an instant. Out: a
//! [`Person`]. One file per step: `set`, `references`, `edit_graph` and `edits` (which events
//! count), `aliases` (which person), `zones` (effective time), `replay` with `timeline`, `start`,
//! `ending`, `cancel`, `leave`, `snapshot` and `end_dates` (the effect of each fact), then `status`
//! and `attributes` (the result). The fold is pure: it reads no clock, does no I/O and uses no
//! chance.

mod aliases;
mod attributes;
mod cancel;
mod edit_graph;
mod edits;
mod end_dates;
mod ending;
mod finding_kind;
mod leave;
mod person;
mod references;
mod replay;
mod rules;
mod set;
mod snapshot;
mod start;
mod status;
mod timeline;
mod zones;

#[cfg(test)]
mod attribute_tests;
#[cfg(test)]
mod ending_tests;
#[cfg(test)]
mod history_tests;
#[cfg(test)]
mod notation;
#[cfg(test)]
mod set_tests;
#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod start_tests;
#[cfg(test)]
mod status_tests;
#[cfg(any(test, feature = "histories"))]
mod tests;

/// The generated histories of the fold's own property tests, for the tests of other crates.
#[cfg(feature = "histories")]
#[allow(missing_docs, reason = "only tests use them")]
pub mod histories {
    pub use super::tests::{fact, generator, history, runner};
}

pub use finding_kind::FindingKind;
pub use person::{Employment, Finding, Person, Status};
pub use rules::{Rules, SourceRules};

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use self::{
    aliases::CanonicalAliases,
    attributes::AttributeHistory,
    edits::Resolution,
    set::{Findings, KeyedEvent},
    status::{EffectiveEmployment, EffectiveEmployments},
    zones::{DatedFact, DatingContext},
};
use crate::event::{Alias, Event, EventKey};

/// Version of the rules of the fold. The store keeps it beside each published mapping: after an
/// upgrade that changes it, every mapping is staged until an operator publishes it
/// (`docs/operations.md`).
pub const FOLD_VERSION: u32 = 1;

/// The persons that these events name: the aliases of each, least alias first (`docs/fold.md` 2).
///
/// `events` must hold every event that names one of their aliases, in any order.
pub fn people(events: &[Event]) -> Vec<BTreeSet<Alias>> {
    let set = EventSet::resolve(events, &Rules::default());
    aliases::components(events, set.resolution.counting_events(), &set.aliases)
}

/// The person that `alias` belongs to, at `now`.
///
/// `events` must hold every event that names one of the person's aliases, in any order. Events of
/// other persons do not change the result.
pub fn fold(events: &[Event], alias: &Alias, now: Timestamp, rules: &Rules) -> Person {
    FoldedPerson::of(events, alias, rules).at(now)
}

/// The part of a person that does not depend on the present. It answers for every instant.
struct FoldedPerson<'e> {
    rules: &'e Rules,
    aliases: BTreeSet<Alias>,
    /// The same aliases, each by the worker id that its source uses now.
    canonical_aliases: BTreeSet<Alias>,
    facts: Vec<DatedFact<'e>>,
    employments: EffectiveEmployments,
    findings: Vec<Finding>,
}

impl<'e> FoldedPerson<'e> {
    fn of(events: &'e [Event], alias: &Alias, rules: &'e Rules) -> Self {
        let EventSet {
            keyed,
            resolution,
            aliases: canonical,
            mut findings,
        } = EventSet::resolve(events, rules);

        let aliases = aliases::components(events, resolution.counting_events(), &canonical)
            .into_iter()
            .find(|person| person.contains(alias))
            .unwrap_or_else(|| BTreeSet::from([alias.clone()]));
        let canonical_aliases: BTreeSet<Alias> =
            aliases.iter().map(|alias| canonical.of(alias)).collect();

        let by_key: BTreeMap<EventKey, &Event> = keyed
            .into_iter()
            .map(|keyed| (keyed.key, keyed.event))
            .collect();
        let context = DatingContext {
            aliases: &canonical,
            rules,
            references: &resolution.references,
            events: &by_key,
        };
        let facts = zones::dated_facts(&resolution.events, &context);

        let state = replay::replay(&facts, rules, &mut findings);
        let start_was_voided = resolution.voided_starts.iter().any(|event| {
            let alias = event.alias();
            aliases.contains(&alias) && rules.is_in_scope(&alias.source)
        });
        let employments =
            EffectiveEmployments::of(&canonical_aliases, &state, rules, start_was_voided);

        let findings = findings
            .into_replay_order()
            .into_iter()
            .filter(|finding| aliases.contains(&finding.alias))
            .collect();
        Self {
            rules,
            aliases,
            canonical_aliases,
            facts,
            employments,
            findings,
        }
    }

    fn at(&self, now: Timestamp) -> Person {
        let history = AttributeHistory::of(&self.facts);
        let status = self.employments.status_at(now);
        let shown_at = if status == Status::Upcoming {
            self.employments.next_start(now).unwrap_or(now)
        } else {
            now
        };

        let in_scope = self
            .canonical_aliases
            .iter()
            .filter(|alias| self.rules.is_in_scope(&alias.source))
            .cloned()
            .collect();
        let next_change = self
            .employments
            .instants()
            .chain(history.instants(&in_scope))
            .filter(|instant| *instant > now)
            .min();

        Person {
            status,
            employments: self
                .employments
                .employments
                .iter()
                .map(|employment| shown_employment(employment, &history, now))
                .collect(),
            access_revoked_from: self.employments.revocations.iter().min().copied(),
            attributes: history.of_person(
                &self.canonical_aliases,
                &self.employments,
                self.rules,
                now,
                shown_at,
            ),
            next_change,
            findings: self.findings.clone(),
            aliases: self.aliases.clone(),
        }
    }
}

/// The events that count, before the replay.
struct EventSet<'e> {
    keyed: Vec<KeyedEvent<'e>>,
    resolution: Resolution<'e>,
    aliases: CanonicalAliases,
    findings: Findings,
}

impl<'e> EventSet<'e> {
    fn resolve(events: &'e [Event], rules: &Rules) -> Self {
        let mut findings = Findings::default();
        let keyed = set::keyed_events(events, rules, &mut findings);

        // An edit must be of the same alias, and events state which worker ids are one alias. So
        // the first pass finds the aliases, and the second resolves the edits with them.
        let first = edits::resolve(
            &keyed,
            &CanonicalAliases::default(),
            rules,
            &mut Findings::default(),
        );
        let aliases = CanonicalAliases::of_events(first.counting_events());
        let resolution = edits::resolve(&keyed, &aliases, rules, &mut findings);

        let aliases = CanonicalAliases::of_events(resolution.counting_events());
        Self {
            keyed,
            resolution,
            aliases,
            findings,
        }
    }
}

fn shown_employment(
    effective: &EffectiveEmployment,
    history: &AttributeHistory<'_>,
    now: Timestamp,
) -> Employment {
    let period = &effective.period;

    Employment {
        id: period.id.clone(),
        alias: effective.alias.clone(),
        opened: period.opened,
        start: period.start,
        end: period.end,
        is_final: period.is_final,
        access_revoked_from: effective.access_revoked_from,
        lapses: effective.lapses,
        counts: effective.counts,
        record_deleted: period.record_deleted,
        leaves: effective.leaves.clone(),
        primary: period.primary,
        attributes: history.of_employment(effective, now),
    }
}
