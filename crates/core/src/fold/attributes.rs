//! Attributes (docs/fold.md, "Attributes"): the last writer wins, each attribute by itself.
//!
//! In: the facts and where the person stands. Out: what the person and each employment show. An attribute of work that
//! names an employment belongs to it; everything else to the alias.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Authority, Rules,
    set::ReplayKey,
    status::{EffectiveEmployment, EffectiveEmployments},
    zones::Fact,
};
use crate::event::{Alias, Attribute, Change, EmploymentId, Kind, WorkerChanges};

/// Whose an attribute is: an alias's, or one of its employments'.
type Owner = (Alias, Option<EmploymentId>);

/// What a statement is ordered by: effective, occurred, received, key, and its row within one event.
type Rank<'f> = (Timestamp, Timestamp, Timestamp, &'f ReplayKey, usize);

/// Everything that was ever said of attributes, each owner's by rank.
#[derive(Debug, Default)]
pub(super) struct AttributeHistory<'f>(BTreeMap<Owner, Vec<(Rank<'f>, Attribute, Change<Value>)>>);

impl<'f> AttributeHistory<'f> {
    /// What these facts say.
    pub fn of(facts: &'f [Fact<'f>]) -> Self {
        let mut history = Self::default();
        for fact in facts {
            history.write(fact, fact.employment(), &fact.event.content.data.worker, 0);
            let rows = fact.rows.iter().flatten();
            let mut rows: Vec<_> = rows.map(|row| row.stated).collect();
            rows.sort_by_key(|row| row.primary == Some(true)); // of rows without ids the main one has the last word
            for (index, row) in rows.into_iter().enumerate() {
                history.write(fact, row.id.as_ref(), &row.worker(), index + 1);
            }
        }
        for said in history.0.values_mut() {
            said.sort_by_key(|(rank, ..)| *rank);
        }
        history
    }

    fn write(
        &mut self,
        fact: &'f Fact<'f>,
        employment: Option<&EmploymentId>,
        worker: &WorkerChanges,
        row: usize,
    ) {
        if *worker == WorkerChanges::default() || fact.event.kind() == Kind::Voided {
            return;
        }
        let place = &fact.place;
        let rank = (
            fact.effective.instant,
            place.occurred,
            place.received,
            place,
            row,
        );
        for (attribute, change) in worker.flatten() {
            let employment = employment.filter(|_| attribute.is_of_work()).cloned();
            self.0
                .entry((fact.alias.clone(), employment))
                .or_default()
                .push((rank, attribute, change));
        }
    }

    /// What an owner's attributes are by then.
    fn values(&self, owner: &Owner, then: Timestamp) -> BTreeMap<&Attribute, &Change<Value>> {
        let mut values: BTreeMap<&Attribute, &Change<Value>> = BTreeMap::new();
        for ((effective, ..), attribute, change) in self.0.get(owner).into_iter().flatten() {
            if *effective > then {
                break; // they are in order
            }
            if *change == Change::Clear && attribute.as_str() == "extensions" {
                for (other, value) in &mut values {
                    if other.group() == "extensions" {
                        *value = change;
                    }
                }
            }
            values.insert(attribute, change);
        }
        values
    }

    /// When something said takes effect, for these aliases.
    pub fn instants<'l>(
        &'l self,
        aliases: &'l BTreeSet<Alias>,
    ) -> impl Iterator<Item = Timestamp> + 'l {
        let owned = self
            .0
            .iter()
            .filter(|((alias, _), _)| aliases.contains(alias));
        owned.flat_map(|(_, said)| said.iter().map(|((effective, ..), ..)| *effective))
    }

    /// What an employment shows: its own attributes of work, else its alias's.
    pub fn of_employment(
        &self,
        one: &EffectiveEmployment,
        now: Timestamp,
    ) -> BTreeMap<Attribute, Value> {
        let then = one.period.start.map_or(now, |start| start.instant.max(now));
        let own = one
            .period
            .id
            .as_ref()
            .map(|id| (one.alias.clone(), Some(id.clone())));
        let owners = own.into_iter().chain([(one.alias.clone(), None)]);
        let mut shown = self.shown(owners, then);
        shown.retain(|attribute, _| attribute.is_of_work());
        shown
    }

    /// What the person shows: of the employment that stands for them, then of its alias, then of the others.
    pub fn of_person(
        &self,
        aliases: &BTreeSet<Alias>,
        standings: &EffectiveEmployments,
        rules: &Rules,
        now: Timestamp,
        then: Timestamp,
    ) -> BTreeMap<Attribute, Value> {
        let main = standings.main(now);
        let mut owners: Vec<Owner> = aliases
            .iter()
            .filter(|alias| rules.counts(&alias.source))
            .map(|alias| (alias.clone(), None))
            .chain(main.and_then(|one| Some((one.alias.clone(), Some(one.period.id.clone()?)))))
            .collect();
        owners.sort_by_cached_key(|(alias, employment)| {
            let is_pre_hire = rules.of(&alias.source).authority == Authority::PreHire;
            let is_another = main.is_none_or(|one| one.alias != *alias);
            (is_pre_hire, employment.is_none(), is_another, alias.clone())
        });
        self.shown(owners, then)
    }

    /// The first owner who says anything of an attribute has the say, also where they say there is none.
    fn shown(
        &self,
        owners: impl IntoIterator<Item = Owner>,
        then: Timestamp,
    ) -> BTreeMap<Attribute, Value> {
        let mut said: BTreeMap<Attribute, Change<Value>> = BTreeMap::new();
        for owner in owners {
            for (attribute, change) in self.values(&owner, then) {
                said.entry(attribute.clone())
                    .or_insert_with(|| change.clone());
            }
        }
        said.into_iter()
            .filter_map(|(attribute, change)| Some((attribute, change.set()?.clone())))
            .collect()
    }
}

impl EffectiveEmployments {
    /// The employment that stands for the person: of the live ones the primary, else the next to begin, else the last.
    fn main(&self, now: Timestamp) -> Option<&EffectiveEmployment> {
        let start = |one: &EffectiveEmployment| one.period.start.map(|start| start.instant);
        let live = self.employments.iter().filter(|one| one.is_live(now));
        let primary = live.max_by_key(|one| {
            (
                one.period.primary,
                start(one),
                Reverse(&one.period.id),
                Reverse(&one.alias),
            )
        });
        let waiting = || {
            self.employments
                .iter()
                .filter(|one| one.will_begin(now))
                .min_by_key(|one| start(one))
        };
        let end = |one: &EffectiveEmployment| {
            (
                one.counts,
                one.period.end.map_or(Timestamp::MAX, |end| end.instant),
                start(one),
            )
        };
        primary
            .or_else(waiting)
            .or_else(|| self.employments.iter().max_by_key(|one| end(one)))
    }
}
