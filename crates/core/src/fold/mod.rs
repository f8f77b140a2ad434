//! The fold: from facts to a person, exactly (`docs/fold.md`).
//!
//! Here are the words it speaks in: what it is told of the sources ([`Rules`]), and what it gives ([`Person`]).
//! The steps, a file each: `set`, `edits` (what counts), `aliases` (whose), `zones` (when), `replay` with `timeline`,
//! `start`, `ending`, `cancel`, `leave`, `snapshot` (what each fact does), then `status` and `attributes` (what follows).
//! Pure: no clock, no I/O, no chance.

mod aliases;
mod attributes;
mod cancel;
mod edits;
mod ending;
mod leave;
mod person;
mod replay;
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
mod history;
#[cfg(test)]
mod history_tests;
#[cfg(test)]
mod set_tests;
#[cfg(test)]
mod start_tests;
#[cfg(test)]
mod status_tests;
#[cfg(test)]
mod tests;

pub use person::{Employment, Finding, FindingKind, Person, Status};

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use self::{
    aliases::Names,
    attributes::AttributeHistory,
    edits::Resolved,
    set::{Findings, Stored},
    status::{EffectiveEmployment, EffectiveEmployments},
    zones::Fact,
};
use crate::event::{Alias, Event, EventKey, SourceId};

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

impl Rules {
    /// What is known of this source.
    fn of(&self, source: &SourceId) -> SourceRules {
        self.sources.get(source).cloned().unwrap_or_default()
    }

    /// Whether this source's employments and attributes count.
    fn counts(&self, source: &SourceId) -> bool {
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

/// The people of these events: one set of aliases each (docs/fold.md, "Aliases and people"), least alias first. The
/// events are all that name any of their aliases; in whatever order.
pub fn people(events: &[Event]) -> Vec<BTreeSet<Alias>> {
    let known = Known::of(events, &Rules::default());
    aliases::components(events, &known.resolved.entries, &known.names)
}

/// The person that `alias` belongs to, at `now`, from every event that names any of their aliases (more does not
/// matter), in whatever order.
pub fn fold(events: &[Event], alias: &Alias, now: Timestamp, rules: &Rules) -> Person {
    Folded::of(events, alias, rules).at(now)
}

/// A person at every instant: what does not depend on now.
struct Folded<'e> {
    rules: &'e Rules,
    aliases: BTreeSet<Alias>,
    /// The same by the names that their sources use for them now.
    named: BTreeSet<Alias>,
    facts: Vec<Fact<'e>>,
    standings: EffectiveEmployments,
    findings: Vec<Finding>,
}

impl<'e> Folded<'e> {
    fn of(events: &'e [Event], alias: &Alias, rules: &'e Rules) -> Self {
        let Known {
            stored,
            resolved,
            names,
            mut findings,
        } = Known::of(events, rules);
        let people = aliases::components(events, &resolved.entries, &names);
        let aliases = people
            .into_iter()
            .find(|person| person.contains(alias))
            .unwrap_or_else(|| BTreeSet::from([alias.clone()]));
        let named: BTreeSet<Alias> = aliases.iter().map(|alias| names.of(alias)).collect();
        let by_key: BTreeMap<EventKey, &Event> = stored
            .into_iter()
            .map(|stored| (stored.key, stored.event))
            .collect();
        let facts = zones::facts(
            &resolved.entries,
            &names,
            rules,
            &resolved.resolver,
            &by_key,
        );
        let replay = replay::replay(&facts, rules, &mut findings);
        let start_was_voided = resolved.voided_starts.iter().any(|event| {
            let alias = event.alias();
            aliases.contains(&alias) && rules.counts(&alias.source)
        });
        let standings = EffectiveEmployments::of(&named, &replay, rules, start_was_voided);
        let findings = findings
            .in_order()
            .into_iter()
            .filter(|finding| aliases.contains(&finding.alias))
            .collect();
        Self {
            rules,
            aliases,
            named,
            facts,
            standings,
            findings,
        }
    }

    fn at(&self, now: Timestamp) -> Person {
        let Self {
            rules,
            named,
            standings,
            ..
        } = self;
        let history = AttributeHistory::of(&self.facts);
        let status = standings.status_at(now);
        let shown_at = if status == Status::Upcoming {
            standings.next_start(now).unwrap_or(now)
        } else {
            now
        };
        let in_scope = named
            .iter()
            .filter(|alias| rules.counts(&alias.source))
            .cloned()
            .collect();
        let next_change = standings
            .instants()
            .chain(history.instants(&in_scope))
            .filter(|instant| *instant > now)
            .min();
        Person {
            status,
            employments: standings
                .employments
                .iter()
                .map(|one| employment(one, &history, now))
                .collect(),
            barred_from: standings.bars.iter().min().copied(),
            attributes: history.of_person(named, standings, rules, now, shown_at),
            next_change,
            findings: self.findings.clone(),
            aliases: self.aliases.clone(),
        }
    }
}

/// What is known before anything is replayed.
struct Known<'e> {
    stored: Vec<Stored<'e>>,
    resolved: Resolved<'e>,
    names: Names,
    findings: Findings,
}

impl<'e> Known<'e> {
    fn of(events: &'e [Event], rules: &Rules) -> Self {
        let mut findings = Findings::default();
        let stored = set::facts(events, rules, &mut findings);
        // An edit must be of the same alias; which worker ids are one alias is itself stated by events.
        let first = edits::resolve(&stored, &Names::default(), rules, &mut Findings::default());
        let resolved = edits::resolve(&stored, &Names::learn(&first.entries), rules, &mut findings);
        let names = Names::learn(&resolved.entries);
        Self {
            stored,
            resolved,
            names,
            findings,
        }
    }
}

fn employment(
    one: &EffectiveEmployment,
    history: &AttributeHistory<'_>,
    now: Timestamp,
) -> Employment {
    let period = &one.period;
    Employment {
        id: period.id.clone(),
        alias: one.alias.clone(),
        opened: period.opened,
        start: period.start,
        end: period.end,
        is_final: period.is_final,
        barred_from: one.barred_from,
        lapses: one.lapses,
        counts: one.counts,
        record_deleted: period.record_deleted,
        leaves: one.leaves.clone(),
        primary: period.primary,
        attributes: history.of_employment(one, now),
    }
}
