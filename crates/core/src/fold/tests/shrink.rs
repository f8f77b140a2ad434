//! Shrinks a history that fails, for a message that a person can read.
//!
//! It removes facts, then it simplifies them, as long as the history still fails.

use super::{
    fact::{EffectiveSpec, FactSpec, RowSpec},
    history::History,
};

/// The smallest history near this one that still fails.
pub fn smallest(mut history: History, check: &impl Fn(&History) -> Result<(), String>) -> History {
    loop {
        let smaller = smaller_histories(&history)
            .into_iter()
            .find(|candidate| check(candidate).is_err());
        match smaller {
            Some(smaller) => history = smaller,
            None => return history,
        }
    }
}

/// The histories that are one step smaller.
fn smaller_histories(history: &History) -> Vec<History> {
    let mut found = Vec::new();
    for removed in 0..history.facts.len() {
        let mut facts = history.facts.clone();
        facts.remove(removed);
        found.push(History {
            facts,
            ..history.clone()
        });
    }

    // A history without facts is the seed of a life (`life`): one day less makes it shorter.
    let is_life = history.facts.is_empty() && history.now > 0;
    found.extend(is_life.then(|| History {
        now: history.now - 1,
        ..history.clone()
    }));
    found.extend(history.scoped.then(|| History {
        scoped: false,
        ..history.clone()
    }));
    found.extend(history.pre_hire.then(|| History {
        pre_hire: false,
        ..history.clone()
    }));

    for (index, fact) in history.facts.iter().enumerate() {
        for simpler in simpler_facts(fact) {
            let mut facts = history.facts.clone();
            facts[index] = simpler;
            found.push(History {
                facts,
                ..history.clone()
            });
        }
    }
    found
}

/// A copy of the fact with one change.
fn changed(fact: &FactSpec, change: impl FnOnce(&mut FactSpec)) -> FactSpec {
    let mut copy = fact.clone();
    change(&mut copy);
    copy
}

/// The facts that are one step simpler.
fn simpler_facts(fact: &FactSpec) -> Vec<FactSpec> {
    let mut found = vec![
        changed(fact, |fact| fact.title = None),
        changed(fact, |fact| fact.employee_number = None),
        changed(fact, |fact| fact.employment = None),
        changed(fact, |fact| fact.effective = None),
        changed(fact, |fact| fact.supersedes = None),
        changed(fact, |fact| fact.hook = None),
        changed(fact, |fact| {
            fact.time = Some(fact.occurred());
            fact.received = fact.occurred();
        }),
        changed(fact, |fact| {
            fact.time = fact.time.map(|time| time.div_euclid(24) * 24);
        }),
    ];

    if let Some(effective) = fact.effective {
        let day = effective.hours().div_euclid(24);
        found.push(changed(fact, |fact| {
            fact.effective = Some(EffectiveSpec::Hour(day * 24));
        }));
    }
    if !fact.kind.is_operator_only() {
        found.push(changed(fact, |fact| fact.by_operator = false));
        found.push(changed(fact, |fact| fact.refers_to = Vec::new()));
    }

    if let Some(rows) = &fact.rows {
        found.push(changed(fact, |fact| fact.rows = None));
        for rows in simpler_rows(rows) {
            found.push(changed(fact, |fact| fact.rows = Some(rows)));
        }
    }
    found.retain(|simpler| simpler != fact);
    found
}

/// The lists that are one step simpler.
fn simpler_rows(rows: &[RowSpec]) -> Vec<Vec<RowSpec>> {
    let mut found = Vec::new();
    for index in 0..rows.len() {
        let mut fewer = rows.to_vec();
        fewer.remove(index);
        found.push(fewer);

        let mut open = rows.to_vec();
        open[index].end = None;
        found.push(open);

        let mut plain = rows.to_vec();
        plain[index].title = None;
        plain[index].primary = false;
        plain[index].employment = None;
        found.push(plain);
    }
    found
}
