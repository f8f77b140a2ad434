//! The figures of a measurement, their medians over several rounds, and the tables that show them.

use std::time::Duration;

/// The figures of one round.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Per second.
    pub rate: f64,
    /// Half of the operations took at most this long; zero if it was not measured.
    pub p50: Duration,
    /// 99 of 100 operations took at most this long; zero if it was not measured.
    pub p99: Duration,
}

impl Figures {
    /// From the duration of each operation, and of the round.
    pub fn of(mut durations: Vec<Duration>, round: Duration) -> Self {
        durations.sort_unstable();
        let percentile = |share: f64| {
            let index = ((durations.len() as f64) * share) as usize;
            durations
                .get(index.min(durations.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default()
        };

        Self {
            rate: durations.len() as f64 / round.as_secs_f64(),
            p50: percentile(0.50),
            p99: percentile(0.99),
        }
    }

    /// From the number of operations, and the duration of the round.
    pub fn counted(count: usize, round: Duration) -> Self {
        Self {
            rate: count as f64 / round.as_secs_f64(),
            p50: Duration::ZERO,
            p99: Duration::ZERO,
        }
    }

    /// The median of each figure over the rounds.
    pub fn median(rounds: &[Self]) -> Self {
        let median = |figure: fn(&Self) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(figure).collect();
            values.sort_unstable_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or_default()
        };

        Self {
            rate: median(|figures| figures.rate),
            p50: Duration::from_secs_f64(median(|figures| figures.p50.as_secs_f64())),
            p99: Duration::from_secs_f64(median(|figures| figures.p99.as_secs_f64())),
        }
    }
}

/// Prints the header of a table of rates.
pub fn print_rate_header(unit: &str) {
    println!(
        "\n| measurement | {unit}/s in each round | median | p50 ms | p99 ms |\n\
         |---|---|---|---|---|"
    );
}

/// Prints the rate of each round, and the medians.
pub fn print_rates(measurement: &str, rounds: &[Figures]) {
    let median = Figures::median(rounds);
    let rates: Vec<String> = rounds
        .iter()
        .map(|figures| format!("{:.0}", figures.rate))
        .collect();

    println!(
        "| {measurement} | {} | {:.0} | {} | {} |",
        rates.join(", "),
        median.rate,
        milliseconds(median.p50),
        milliseconds(median.p99)
    );
}

fn milliseconds(duration: Duration) -> String {
    if duration.is_zero() {
        "-".to_owned()
    } else {
        format!("{:.1}", duration.as_secs_f64() * 1000.0)
    }
}

/// Prints the header of a table of objectives.
pub fn print_objective_header() {
    println!("\n| objective | measured | required | |\n|---|---|---|---|");
}

/// Prints an objective, and whether it is met.
pub fn print_objective(objective: &str, measured: f64, required: &str, met: bool) {
    println!(
        "| {objective} | {measured:.2} | {required} | {} |",
        if met { "met" } else { "**missed**" }
    );
}
