//! The report of `hirewire send --repeat`: rate, latencies, statuses, exit code.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::anyhow;
use serde::Serialize;

use super::Exit;

/// The outcome of one POST.
#[derive(Clone, Copy, Debug)]
pub(super) enum PostOutcome {
    Answered {
        status: u16,
        /// From the start of the request to the end of the response.
        took: Duration,
    },
    Unanswered,
}

/// Collects the outcomes of many POSTs.
#[derive(Debug, Default)]
pub(super) struct LoadReport {
    took: Duration,
    latencies: Vec<Duration>,
    statuses: BTreeMap<u16, u64>,
    unanswered: u64,
}

/// The sums and percentiles of a [`LoadReport`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    sent: u64,
    accepted: u64,
    statuses: BTreeMap<u16, u64>,
    unanswered: u64,
    seconds: f64,
    per_second: f64,
    latency_ms: Percentiles,
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Percentiles {
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

impl LoadReport {
    pub(super) fn add(&mut self, outcome: PostOutcome) {
        match outcome {
            PostOutcome::Answered { status, took } => {
                *self.statuses.entry(status).or_default() += 1;
                self.latencies.push(took);
            }
            PostOutcome::Unanswered => self.unanswered += 1,
        }
    }

    pub(super) fn took(&mut self, took: Duration) {
        self.took = took;
    }

    pub(super) fn summary(mut self) -> Summary {
        self.latencies.sort();
        let answered: u64 = self.statuses.values().sum();
        let accepted = self.statuses.range(200..300).map(|(_, count)| count).sum();
        let sent = answered + self.unanswered;
        let seconds = self.took.as_secs_f64();

        let at = |percent| percentile(&self.latencies, percent).as_secs_f64() * 1000.0;
        Summary {
            sent,
            accepted,
            unanswered: self.unanswered,
            seconds,
            per_second: Duration::from_secs(sent).as_secs_f64() / seconds.max(f64::MIN_POSITIVE),
            latency_ms: Percentiles {
                p50: at(50),
                p90: at(90),
                p99: at(99),
                max: at(100),
            },
            statuses: self.statuses,
        }
    }
}

/// The nearest-rank percentile; zero without latencies.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

impl Summary {
    /// Exit code 1 if no hook was accepted, 3 if none was answered, 4 if only some were accepted.
    pub(super) fn exit(&self, to: &str) -> Result<(), Exit> {
        let refused = self.sent - self.accepted;
        if refused == 0 {
            return Ok(());
        }

        let error = anyhow!("{to} did not accept {refused} of {} hooks", self.sent);
        Err(match (self.accepted, self.unanswered) {
            (0, unanswered) if unanswered == self.sent => {
                Exit::unreachable(anyhow!("{to} does not answer: is `hirewire run` up?"))
            }
            (0, _) => Exit::failed(error),
            (_, _) => Exit::in_part(error),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Percentiles { p50, p90, p99, max } = self.latency_ms;
        writeln!(
            f,
            "sent      {} in {:.2} s, {:.0}/s",
            self.sent, self.seconds, self.per_second
        )?;
        writeln!(f, "accepted  {}", self.accepted)?;

        for (status, count) in self
            .statuses
            .iter()
            .filter(|(status, _)| !(200..300).contains(*status))
        {
            writeln!(f, "refused   {count} with {status}")?;
        }
        if self.unanswered > 0 {
            writeln!(f, "lost      {} without an answer", self.unanswered)?;
        }

        write!(
            f,
            "latency   p50 {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms, max {max:.1} ms"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(statuses: &[u16], unanswered: u64) -> Summary {
        let mut load = LoadReport {
            unanswered,
            ..LoadReport::default()
        };
        for (at, status) in statuses.iter().enumerate() {
            let took = Duration::from_millis(u64::try_from(at).unwrap() + 1);
            load.add(PostOutcome::Answered {
                status: *status,
                took,
            });
        }
        load.took(Duration::from_secs(2));
        load.summary()
    }

    #[test]
    fn a_percentile_is_a_measured_latency() {
        let summary = load(&[200; 100], 0);

        assert_eq!(
            summary.latency_ms,
            Percentiles {
                p50: 50.0,
                p90: 90.0,
                p99: 99.0,
                max: 100.0
            }
        );
        assert!((summary.per_second - 50.0).abs() < 1e-9);
        assert_eq!(
            load(&[200], 0).latency_ms,
            Percentiles {
                p50: 1.0,
                p90: 1.0,
                p99: 1.0,
                max: 1.0
            }
        );
        assert_eq!(load(&[], 1).latency_ms, Percentiles::default());
    }

    #[test]
    fn the_exit_code_differs_for_all_some_and_none() {
        let code = |summary: Summary| summary.exit("there").err().map(|exit| exit.code());
        assert_eq!(code(load(&[200, 202], 0)), None);
        assert_eq!(code(load(&[200, 503], 0)), Some(4));
        assert_eq!(code(load(&[200], 1)), Some(4));
        assert_eq!(code(load(&[401, 503], 1)), Some(1));
        assert_eq!(code(load(&[], 3)), Some(3));
    }

    #[test]
    fn the_summary_is_also_text() {
        let text = load(&[200, 200, 503], 1).to_string();
        assert!(
            text.contains(
                "sent      4 in 2.00 s, 2/s\naccepted  2\nrefused   1 with 503\nlost      1"
            ),
            "{text}"
        );
    }
}
