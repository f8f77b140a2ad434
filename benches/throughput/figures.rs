//! What a measurement came to, medians of several, and how they are printed.

use std::time::Duration;

/// So many in so long, and how long each took where that was looked at.
#[derive(Clone, Debug)]
pub struct Figures {
    /// In a second.
    pub rate: f64,
    /// Half took no longer.
    pub p50: Duration,
    /// Of a hundred, one took longer.
    pub p99: Duration,
}

impl Figures {
    /// From how long each took.
    pub fn of(mut took: Vec<Duration>, whole: Duration) -> Self {
        took.sort_unstable();
        let at = |share: f64| {
            let harness = ((took.len() as f64) * share) as usize;
            took.get(harness.min(took.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default()
        };
        Self {
            rate: took.len() as f64 / whole.as_secs_f64(),
            p50: at(0.50),
            p99: at(0.99),
        }
    }

    /// From a count alone.
    pub fn counted(count: usize, whole: Duration) -> Self {
        Self {
            rate: count as f64 / whole.as_secs_f64(),
            p50: Duration::ZERO,
            p99: Duration::ZERO,
        }
    }

    /// The median of each figure by itself.
    pub fn median(rounds: &[Self]) -> Self {
        let middle = |of: fn(&Self) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(of).collect();
            all.sort_unstable_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        Self {
            rate: middle(|figures| figures.rate),
            p50: Duration::from_secs_f64(middle(|figures| figures.p50.as_secs_f64())),
            p99: Duration::from_secs_f64(middle(|figures| figures.p99.as_secs_f64())),
        }
    }
}

/// A row: what, every round's rate, medians.
pub fn row(what: &str, rounds: &[Figures]) {
    let median = Figures::median(rounds);
    let each: Vec<String> = rounds
        .iter()
        .map(|figures| format!("{:.0}", figures.rate))
        .collect();
    let ms = |time: Duration| {
        if time.is_zero() {
            "-".to_owned()
        } else {
            format!("{:.1}", time.as_secs_f64() * 1000.0)
        }
    };
    println!(
        "| {what} | {} | {:.0} | {} | {} |",
        each.join(", "),
        median.rate,
        ms(median.p50),
        ms(median.p99)
    );
}

/// A row of verdicts.
pub fn verdict(what: &str, measured: f64, target: &str, met: bool) {
    println!(
        "| {what} | {measured:.2} | {target} | {} |",
        if met { "met" } else { "**missed**" }
    );
}

/// The head of a table of rates.
pub fn head(unit: &str) {
    println!(
        "\n| what | {unit}/s in each round | median | p50 ms | p99 ms |\n|---|---|---|---|---|"
    );
}

/// The head of a table of verdicts.
pub fn verdicts() {
    println!("\n| target | measured | asked for | |\n|---|---|---|---|");
}
