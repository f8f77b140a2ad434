//! Runs a property: first over the saved histories that failed before, then over generated ones.
//!
//! The seed is new in each run and printed. A history that fails is shrunk (`shrink`), printed in
//! words, and added to `proptest-regressions/fold.jsonl`, which is part of the repository. The
//! environment variables `HIREWIRE_CASES` and `HIREWIRE_SEED` set how many histories run, and
//! which.

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

use super::{history::History, shrink::smallest};

/// How many histories each property sees, unless `HIREWIRE_CASES` sets another number.
const CASES: u64 = 10_000;

/// The splitmix64 generator: small, seeded, and the same on every machine.
pub struct SeededRng(u64);

impl SeededRng {
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
        u32::try_from(self.next() % u64::from(n.max(1))).expect("it is below a u32")
    }

    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.next() % (length.max(1) as u64)).expect("it is below a usize")
    }

    /// `true` in `chance` of 100 cases.
    pub fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }

    pub fn choose<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.index(all.len())].clone()
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.index(last + 1));
        }
    }
}

/// A saved history: one line of the regression file.
#[derive(Serialize, Deserialize)]
struct SavedFailure {
    property: String,
    seed: String,
    history: History,
}

fn regression_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../proptest-regressions/fold.jsonl")
}

/// The number in an environment variable.
#[allow(
    clippy::disallowed_methods,
    reason = "settings of the tests, not of the program"
)]
pub fn number_from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// How many histories a property runs over.
pub fn cases() -> u64 {
    cases_or(CASES)
}

/// `HIREWIRE_CASES`, or that number.
pub fn cases_or(number: u64) -> u64 {
    number_from_env("HIREWIRE_CASES").unwrap_or(number)
}

/// `HIREWIRE_SEED`, or a new seed.
pub fn seed() -> u64 {
    number_from_env("HIREWIRE_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish())
}

/// Asserts a property of every saved history of that name, and of [`cases`] generated ones. `check`
/// returns the reason why a history does not have the property.
pub fn check_property(
    property: &str,
    generate: impl Fn(&mut SeededRng) -> History,
    check: impl Fn(&History) -> Result<(), String>,
) {
    check_property_over(cases(), property, generate, check);
}

/// As [`check_property`], over that many generated histories.
pub fn check_property_over(
    cases: u64,
    property: &str,
    generate: impl Fn(&mut SeededRng) -> History,
    check: impl Fn(&History) -> Result<(), String>,
) {
    let check = |history: &History| check_without_panic(&check, history);
    check_saved(property, &check);

    let seed = seed();
    println!("{property}: {cases} cases from HIREWIRE_SEED={seed}");
    let mut rng = SeededRng::new(seed);
    for case in 0..cases {
        let history = generate(&mut SeededRng::new(rng.next()));
        if check(&history).is_ok() {
            continue;
        }

        let history = smallest(history, &check);
        let reason = check(&history).expect_err("the history fails");
        let failure = SavedFailure {
            property: property.to_owned(),
            seed: seed.to_string(),
            history,
        };
        save(&failure);
        panic!(
            "{property}: case {case} of HIREWIRE_SEED={seed} fails: {reason}\n{}{}",
            failure.history,
            serde_json::to_string(&failure.history).expect("a history is JSON")
        );
    }
}

/// Turns a panic of the check into a reason.
fn check_without_panic(
    check: impl Fn(&History) -> Result<(), String>,
    history: &History,
) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| check(history))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("the check panics: {}", text.unwrap_or_default()))
    })
}

fn check_saved(property: &str, check: &impl Fn(&History) -> Result<(), String>) {
    let saved = fs::read_to_string(regression_file()).unwrap_or_default();

    for line in saved
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let failure: SavedFailure =
            serde_json::from_str(line).expect("a line of proptest-regressions/fold.jsonl");
        if failure.property == property
            && let Err(reason) = check(&failure.history)
        {
            panic!(
                "{property}: a saved history fails again: {reason}\n{}",
                failure.history
            );
        }
    }
}

#[allow(
    clippy::disallowed_types,
    reason = "the test saves a history that fails; the core itself opens no file"
)]
fn save(failure: &SavedFailure) {
    let path = regression_file();
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder of saved histories");
    let mut line = serde_json::to_string(failure).expect("a history is JSON");
    writeln!(line).expect("a string takes text");

    let file = fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .expect("the failing history is saved");
}
