//! Logs, and the one place that reads the clock, draws chance and makes ids.
//!
//! Pure code takes time and chance as arguments; everything else asks here (clippy bans the rest).

mod metrics;

pub use metrics::Metrics;

use jiff::Timestamp;

/// The wall clock of this process. It stamps what is received; everything durable is timed by the store's clock.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A fresh id: UUID v7, sorts by time.
#[allow(clippy::disallowed_methods, reason = "the one place that makes ids")]
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A draw between 0 and 1, for jitter.
#[allow(clippy::disallowed_methods, reason = "the one place that draws chance")]
pub fn chance() -> f64 {
    rand::random()
}

/// 256 fresh random bits, fit for a secret (the thread's generator is a cryptographic one, seeded by the kernel).
#[allow(clippy::disallowed_methods, reason = "the one place that draws chance")]
pub fn random_bits() -> [u8; 32] {
    rand::random()
}

/// Sends logs to stderr: plain on a terminal, JSON lines elsewhere. `directives` as of `tracing_subscriber`'s
/// `EnvFilter`; an error names the directive that cannot be read.
pub fn log_to_stderr(directives: &str) -> Result<(), String> {
    use std::io::IsTerminal as _;
    let filter =
        tracing_subscriber::EnvFilter::try_new(directives).map_err(|error| error.to_string())?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let installed = if std::io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    installed.map_err(|error| error.to_string())
}
