//! `scripts/bench`: what intake and workers do in a second, beside bare loops that do the least that would do.
//!
//! One run measures everything, so that a ratio compares what the same machine did in the same minutes. It prints
//! Markdown: raw figures, ratios and whether each target is met. It needs `RabbitMQ` and `PostgreSQL`
//! (`HIREWIRE_TEST_AMQP_URL`, `HIREWIRE_TEST_POSTGRES_URL`; `scripts/with-services` sets both), used only by names of
//! its own. A missed target is told, not a failure: a busy machine misses some.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot be made is no measurement"
)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of seconds of work fit a float, and shares of them a count"
)]

mod bare_publisher;
mod bare_worker;
mod clients;
mod figures;
mod harness;
mod hooks;
mod intake;
mod worker;

/// The service's own (src/main.rs), for both sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where the dependencies are.
struct Dependencies {
    amqp: String,
    postgres: String,
}

/// How long each measurement takes.
#[derive(Clone, Copy)]
struct Effort {
    /// Rounds of intake and bare publisher, in turns.
    rounds: usize,
    /// Seconds of each.
    seconds: u64,
    /// Events that the workers apply in a round.
    events: usize,
}

#[allow(
    clippy::disallowed_methods,
    reason = "a recipe's own settings, which no config has"
)]
fn variable(name: &str, usual: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| usual.to_owned())
}

fn number(name: &str, usual: u32) -> u32 {
    variable(name, "").parse().unwrap_or(usual)
}

fn main() {
    // Logs cost what they cost: at the level a service usually has, written to nowhere that is slow.
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let part = variable("HIREWIRE_BENCH_PART", "all");
        if part != "worker" {
            intake::measure(&dependencies, effort).await;
        }
        if part != "intake" {
            worker::measure(&dependencies, effort).await;
        }
    });
}
