//! Step 7 of the fold: attributes (`docs/fold.md` 6). The last writer wins, for each attribute.
//!
//! In: the facts and the effective employments. Out: the attributes that the person and each
//! employment show. An employment attribute (title, department ...) whose fact names an employment
//! belongs to that employment; every other attribute belongs to the alias.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    rules::Rules,
    set::ReplayKey,
    status::{EffectiveEmployment, EffectiveEmployments},
    zones::DatedFact,
};
use crate::event::{Alias, Attribute, Authority, Change, EmploymentId, Kind, WorkerChanges};

/// An alias, or one of its employments.
type Owner = (Alias, Option<EmploymentId>);

/// The order of writes: effective, occurred, received, position, and the row within one event.
type WriteOrder<'f> = (Timestamp, Timestamp, Timestamp, &'f ReplayKey, usize);

/// One statement about one attribute.
#[derive(Debug)]
struct Write<'f> {
    order: WriteOrder<'f>,
    attribute: Attribute,
    change: Change<Value>,
}

impl Write<'_> {
    fn effective(&self) -> Timestamp {
        self.order.0
    }
}

/// Every write, for each owner in the order of writes.
#[derive(Debug, Default)]
pub(super) struct AttributeHistory<'f>(BTreeMap<Owner, Vec<Write<'f>>>);

impl<'f> AttributeHistory<'f> {
    pub fn of(facts: &'f [DatedFact<'f>]) -> Self {
        let mut history = Self::default();
        for fact in facts {
            history.write(fact, fact.employment(), &fact.event.content.data.worker, 0);

            // The primary row comes last: of rows without ids the last write wins.
            let rows = fact.rows.iter().flatten();
            let mut rows: Vec<_> = rows.map(|row| row.stated).collect();
            rows.sort_by_key(|row| row.primary == Some(true));
            for (index, row) in rows.into_iter().enumerate() {
                history.write(fact, row.id.as_ref(), &row.worker(), index + 1);
            }
        }

        for writes in history.0.values_mut() {
            writes.sort_by_key(|write| write.order);
        }
        history
    }

    fn write(
        &mut self,
        fact: &'f DatedFact<'f>,
        employment: Option<&EmploymentId>,
        worker: &WorkerChanges,
        row: usize,
    ) {
        if *worker == WorkerChanges::default() || fact.event.kind() == Kind::Voided {
            return;
        }

        let position = &fact.position;
        let order = (
            fact.effective.instant,
            position.occurred,
            position.received,
            position,
            row,
        );
        for (attribute, change) in worker.flatten() {
            let employment = employment
                .filter(|_| attribute.is_employment_attribute())
                .cloned();
            self.0
                .entry((fact.alias.clone(), employment))
                .or_default()
                .push(Write {
                    order,
                    attribute,
                    change,
                });
        }
    }

    /// The last write of each attribute of an owner that takes effect at `instant` or before.
    fn values(&self, owner: &Owner, instant: Timestamp) -> BTreeMap<&Attribute, &Change<Value>> {
        let mut values: BTreeMap<&Attribute, &Change<Value>> = BTreeMap::new();
        let writes = self.0.get(owner).into_iter().flatten();

        for write in writes.take_while(|write| write.effective() <= instant) {
            if write.change == Change::Clear && write.attribute.as_str() == "extensions" {
                for (other, value) in &mut values {
                    if other.root() == "extensions" {
                        *value = &write.change;
                    }
                }
            }
            values.insert(&write.attribute, &write.change);
        }
        values
    }

    /// The effective times of all writes for these aliases and their employments.
    pub fn instants<'l>(
        &'l self,
        aliases: &'l BTreeSet<Alias>,
    ) -> impl Iterator<Item = Timestamp> + 'l {
        self.0
            .iter()
            .filter(|((alias, _), _)| aliases.contains(alias))
            .flat_map(|(_, writes)| writes.iter().map(Write::effective))
    }

    /// The employment attributes of an employment: its own, else those of its alias. Before its
    /// start: those that hold at its start.
    pub fn of_employment(
        &self,
        employment: &EffectiveEmployment,
        now: Timestamp,
    ) -> BTreeMap<Attribute, Value> {
        let instant = employment
            .period
            .start
            .map_or(now, |start| start.instant.max(now));
        let own = employment
            .period
            .id
            .as_ref()
            .map(|id| (employment.alias.clone(), Some(id.clone())));
        let owners = own.into_iter().chain([(employment.alias.clone(), None)]);

        let mut shown = self.shown(owners, instant);
        shown.retain(|attribute, _| attribute.is_employment_attribute());
        shown
    }

    /// The attributes of the person: those of the main employment, else those of its alias, else
    /// those of the other aliases. HR sources come before `pre_hire` sources. `now` chooses the
    /// main employment, `shown_at` the writes.
    pub fn of_person(
        &self,
        aliases: &BTreeSet<Alias>,
        employments: &EffectiveEmployments,
        rules: &Rules,
        now: Timestamp,
        shown_at: Timestamp,
    ) -> BTreeMap<Attribute, Value> {
        let main = employments.main(now);
        let main_owner = main.and_then(|main| {
            let id = main.period.id.clone()?;
            Some((main.alias.clone(), Some(id)))
        });

        let mut owners: Vec<Owner> = aliases
            .iter()
            .filter(|alias| rules.is_in_scope(&alias.source))
            .map(|alias| (alias.clone(), None))
            .chain(main_owner)
            .collect();
        owners.sort_by_cached_key(|(alias, employment)| {
            let is_pre_hire = rules.of(&alias.source).authority == Authority::PreHire;
            let is_other_alias = main.is_none_or(|main| main.alias != *alias);
            (
                is_pre_hire,
                employment.is_none(),
                is_other_alias,
                alias.clone(),
            )
        });
        self.shown(owners, shown_at)
    }

    /// For each attribute the first owner that states it decides, also if it clears the attribute.
    fn shown(
        &self,
        owners: impl IntoIterator<Item = Owner>,
        instant: Timestamp,
    ) -> BTreeMap<Attribute, Value> {
        let mut first: BTreeMap<Attribute, Change<Value>> = BTreeMap::new();

        for owner in owners {
            for (attribute, change) in self.values(&owner, instant) {
                first
                    .entry(attribute.clone())
                    .or_insert_with(|| change.clone());
            }
        }
        first
            .into_iter()
            .filter_map(|(attribute, change)| Some((attribute, change.set()?.clone())))
            .collect()
    }
}

impl EffectiveEmployments {
    /// The employment whose attributes the person shows: the primary of the live ones, else the
    /// next to start, else the last to end.
    fn main(&self, now: Timestamp) -> Option<&EffectiveEmployment> {
        let start = |one: &EffectiveEmployment| one.period.start.map(|start| start.instant);
        let end = |one: &EffectiveEmployment| {
            (
                one.counts,
                one.period.end.map_or(Timestamp::MAX, |end| end.instant),
                start(one),
            )
        };

        let live = self.employments.iter().filter(|one| one.is_live_at(now));
        let primary = live.max_by_key(|one| {
            (
                one.period.primary,
                start(one),
                Reverse(&one.period.id),
                Reverse(&one.alias),
            )
        });
        let next_to_start = || {
            self.employments
                .iter()
                .filter(|one| one.becomes_live_after(now))
                .min_by_key(|one| start(one))
        };
        let last_to_end = || self.employments.iter().max_by_key(|one| end(one));
        primary.or_else(next_to_start).or_else(last_to_end)
    }
}
