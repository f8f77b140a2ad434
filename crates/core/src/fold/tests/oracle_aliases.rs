//! The oracle reads `docs/fold.md` 2: aliases and persons.
//!
//! In: the set. Out: which aliases are one worker, and which workers are one person.

use std::collections::{BTreeMap, BTreeSet};

use super::oracle_set::{OracleFact, OracleSet};
use crate::event::{Alias, Kind};

/// Maps each alias to the least alias of the same worker (`identifier_changed`).
pub fn same_worker(set: &OracleSet) -> BTreeMap<Alias, Alias> {
    let mut same: BTreeMap<Alias, Alias> = set
        .aliases
        .iter()
        .map(|alias| (alias.clone(), alias.clone()))
        .collect();
    let changes: Vec<&OracleFact> = set
        .facts
        .iter()
        .filter(|fact| fact.kind == Kind::IdentifierChanged)
        .collect();

    for _ in 0..=changes.len() {
        for fact in &changes {
            let both: Vec<Alias> = fact.event.aliases();
            let least = both
                .iter()
                .filter_map(|alias| same.get(alias))
                .min()
                .cloned()
                .expect("the set has its aliases");
            for alias in both {
                same.insert(alias, least.clone());
            }
        }
    }
    same
}

/// The workers that are one person with this one.
pub fn person(set: &OracleSet, same: &BTreeMap<Alias, Alias>, worker: &Alias) -> BTreeSet<Alias> {
    let mut last: BTreeMap<(Alias, Alias), bool> = BTreeMap::new();
    for fact in &set.facts {
        let links = match fact.kind {
            Kind::Converted | Kind::Linked => true,
            Kind::Unlinked => false,
            _ => continue,
        };
        let mut pair: Vec<Alias> = fact
            .event
            .aliases()
            .iter()
            .map(|alias| same[alias].clone())
            .collect();
        pair.sort();
        let [one, other] = pair.try_into().expect("two aliases");
        last.insert((one, other), links);
    }

    let mut person = BTreeSet::from([worker.clone()]);
    loop {
        let before = person.len();
        for ((one, other), _) in last.iter().filter(|(_, links)| **links) {
            if person.contains(one) || person.contains(other) {
                person.extend([one.clone(), other.clone()]);
            }
        }
        if person.len() == before {
            return person;
        }
    }
}
