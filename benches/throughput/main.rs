//! `scripts/bench`: the throughput of intake and workers, beside bare loops that do the least
//! possible work.
//!
//! One run measures everything, so that a ratio compares figures of the same machine in the same
//! minutes. The output is Markdown: figures, ratios and objectives. A missed objective is no
//! failure, because a busy machine misses some. RabbitMQ and PostgreSQL are at
//! `HIREWIRE_TEST_AMQP_URL` and `HIREWIRE_TEST_POSTGRES_URL` (`scripts/with-services` sets both);
//! the run deletes what it creates there.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints its figures, and ends when it cannot measure"
)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the counts of a run fit into a float, and its percentiles into an index"
)]

mod bare_publisher;
mod bare_worker;
mod clients;
mod figures;
mod harness;
mod hooks;
mod intake;
mod target;
mod worker;

/// The allocator of the service (`src/main.rs`), for the bare loops too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The URLs of broker and database server.
struct Dependencies {
    amqp: String,
    postgres: String,
}

/// The size of the measurements.
#[derive(Clone, Copy)]
struct Effort {
    /// The number of rounds of each measurement.
    rounds: usize,
    /// The duration of a round of the intake.
    seconds: u64,
    /// The number of events in a round of the workers.
    events: usize,
}

#[allow(
    clippy::disallowed_methods,
    reason = "the settings of a benchmark are in the environment"
)]
fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn number(name: &str, default: u32) -> u32 {
    variable(name, "").parse().unwrap_or(default)
}

/// Prints the current step to stderr: a run takes minutes.
#[allow(clippy::print_stderr, reason = "stdout has the figures")]
fn print_progress(step: &str) {
    eprintln!("{step}");
}

fn main() {
    // The usual log level of a service, because logging costs time too.
    let _ = hirewire::telemetry::log_to_stderr(&variable("HIREWIRE_BENCH_LOG", "warn"));

    let dependencies = Dependencies {
        amqp: variable(
            "HIREWIRE_TEST_AMQP_URL",
            "amqp://guest:guest@127.0.0.1:5672/%2f",
        ),
        postgres: variable(
            "HIREWIRE_TEST_POSTGRES_URL",
            "postgres://postgres@127.0.0.1:5432/postgres",
        ),
    };
    let effort = Effort {
        rounds: number("HIREWIRE_BENCH_ROUNDS", 3) as usize,
        seconds: u64::from(number("HIREWIRE_BENCH_SECONDS", 5)),
        events: number("HIREWIRE_BENCH_EVENTS", 10_000) as usize,
    };
    let part = variable("HIREWIRE_BENCH_PART", "all");

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        if part != "worker" {
            intake::measure(&dependencies, effort).await;
        }
        if part != "intake" {
            worker::measure(&dependencies, effort).await;
        }
    });
}
