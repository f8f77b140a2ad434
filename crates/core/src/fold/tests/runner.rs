//! Runs a property over many histories from a fresh seed that is printed, after the histories that failed before.
//!
//! A failing history is made small, added to `proptest-regressions/fold.jsonl` (checked in), and told in words.
//! `HIREWIRE_CASES` and `HIREWIRE_SEED` choose how many and which.

use std::{
    collections::hash_map::RandomState,
    fmt::Write as _,
    fs,
    hash::{BuildHasher as _, Hasher as _},
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::fact::{Fact, History};

/// How many histories each property sees, unless `HIREWIRE_CASES` says otherwise.
const CASES: u64 = 10_000;

/// splitmix64: small, seeded, the same everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u32) -> u32 {
        u32::try_from(self.next() % u64::from(n.max(1))).expect("below a u32")
    }

    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.next() % (length.max(1) as u64)).expect("below a usize")
    }

    /// Whether something with that chance in a hundred happens.
    pub fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }

    pub fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.index(all.len())].clone()
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.index(last + 1));
        }
    }
}

/// A history that once failed.
#[derive(Serialize, Deserialize)]
struct Failed {
    property: String,
    seed: String,
    history: History,
}

fn failures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../proptest-regressions/fold.jsonl")
}

#[allow(
    clippy::disallowed_methods,
    reason = "settings of the tests, not of the program"
)]
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// How many cases to run.
pub fn cases() -> u64 {
    setting("HIREWIRE_CASES").unwrap_or(CASES)
}

/// A fresh seed, or the one asked for.
pub fn seed() -> u64 {
    setting("HIREWIRE_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish())
}

/// Asserts that `holds` for every history that failed before and for as many as [`cases`] that `make` makes.
pub fn prove(
    property: &str,
    make: impl Fn(&mut Dice) -> History,
    holds: impl Fn(&History) -> Result<(), String>,
) {
    let holds = |history: &History| {
        catch_unwind(AssertUnwindSafe(|| holds(history))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            Err(format!(
                "panicked: {}",
                text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned()))
                    .unwrap_or_default()
            ))
        })
    };
    let known = fs::read_to_string(failures()).unwrap_or_default();
    for line in known
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let failed: Failed =
            serde_json::from_str(line).expect("a line of proptest-regressions/fold.jsonl");
        if failed.property == property
            && let Err(why) = holds(&failed.history)
        {
            panic!(
                "{property}: a history that failed before fails again: {why}\n{}",
                failed.history
            );
        }
    }
    let seed = seed();
    println!("{property}: {} cases from HIREWIRE_SEED={seed}", cases());
    let mut dice = Dice::new(seed);
    for case in 0..cases() {
        let history = make(&mut Dice::new(dice.next()));
        if holds(&history).is_err() {
            let history = smallest(history, &holds);
            let why = holds(&history).expect_err("it fails");
            let failed = Failed {
                property: property.to_owned(),
                seed: seed.to_string(),
                history,
            };
            record(&failed);
            panic!(
                "{property}: case {case} of HIREWIRE_SEED={seed}: {why}\n{}{}",
                failed.history,
                serde_json::to_string(&failed.history).expect("json")
            );
        }
    }
}

fn record(failed: &Failed) {
    let path = failures();
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for failures");
    let mut line = serde_json::to_string(failed).expect("json");
    writeln!(line).expect("a string takes text");
    let file = fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .expect("the failure is kept");
}

/// The smallest history near this one that still fails: without facts, then with simpler ones.
fn smallest(mut history: History, holds: &impl Fn(&History) -> Result<(), String>) -> History {
    loop {
        let smaller = smaller(&history)
            .into_iter()
            .find(|candidate| holds(candidate).is_err());
        match smaller {
            Some(smaller) => history = smaller,
            None => return history,
        }
    }
}

fn smaller(history: &History) -> Vec<History> {
    let mut found = Vec::new();
    for without in 0..history.facts.len() {
        let mut facts = history.facts.clone();
        facts.remove(without);
        found.push(History {
            facts,
            ..history.clone()
        });
    }
    // A life is drawn again from its chance: with a day less.
    found.extend(
        (history.facts.is_empty() && history.now > 0).then(|| History {
            now: history.now - 1,
            ..history.clone()
        }),
    );
    found.extend(history.scoped.then(|| History {
        scoped: false,
        ..history.clone()
    }));
    found.extend(history.pre_hire.then(|| History {
        pre_hire: false,
        ..history.clone()
    }));
    for (index, fact) in history.facts.iter().enumerate() {
        for simpler in simpler(fact) {
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

fn simpler(fact: &Fact) -> Vec<Fact> {
    let mut found = vec![
        Fact {
            title: None,
            ..fact.clone()
        },
        Fact {
            number: None,
            ..fact.clone()
        },
        Fact {
            employment: None,
            ..fact.clone()
        },
        Fact {
            effective: None,
            ..fact.clone()
        },
        Fact {
            supersedes: None,
            ..fact.clone()
        },
        Fact {
            hook: None,
            ..fact.clone()
        },
        Fact {
            at: Some(fact.known()),
            received: fact.known(),
            ..fact.clone()
        },
        Fact {
            at: fact.at.map(|at| at.div_euclid(24) * 24),
            ..fact.clone()
        },
    ];
    if let Some(when) = fact.effective {
        let day = when.hours().div_euclid(24);
        found.push(Fact {
            effective: Some(super::fact::When::Hour(day * 24)),
            ..fact.clone()
        });
    }
    if !fact.kind.is_operators_only() {
        found.push(Fact {
            ops: false,
            ..fact.clone()
        });
        found.push(Fact {
            refers: Vec::new(),
            ..fact.clone()
        });
    }
    if let Some(rows) = &fact.rows {
        found.push(Fact {
            rows: None,
            ..fact.clone()
        });
        for index in 0..rows.len() {
            let mut fewer = rows.clone();
            fewer.remove(index);
            found.push(Fact {
                rows: Some(fewer),
                ..fact.clone()
            });
            let mut endless = rows.clone();
            endless[index].end = None;
            found.push(Fact {
                rows: Some(endless),
                ..fact.clone()
            });
            let mut plain = rows.clone();
            (
                plain[index].title,
                plain[index].primary,
                plain[index].employment,
            ) = (None, false, None);
            found.push(Fact {
                rows: Some(plain),
                ..fact.clone()
            });
        }
    }
    found.retain(|simpler| simpler != fact);
    found
}
