//! Metrics and logs, and the only functions that read the clock, draw random numbers and make ids.
//!
//! Pure code takes time and chance as arguments; all other code calls this module. Clippy bans the
//! functions behind it everywhere else. Durable instants come from the clock of the store.

mod classic_text;
mod log_limit;
mod metrics;

pub(crate) use classic_text::classic_text;
pub(crate) use log_limit::LogLimit;
pub(crate) use metrics::Metrics;

use jiff::Timestamp;

/// The wall clock of this process: when a hook is received, and how old a signature is.
#[allow(
    clippy::disallowed_methods,
    reason = "the only function that reads the clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A new UUID, version 7 (RFC 9562): later ids sort after earlier ones.
#[allow(
    clippy::disallowed_methods,
    reason = "the only function that makes ids"
)]
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A random number from 0 up to but not including 1, for the jitter of a backoff.
#[allow(
    clippy::disallowed_methods,
    reason = "one of two functions that draw random numbers"
)]
pub(crate) fn chance() -> f64 {
    rand::random()
}

/// 256 random bits, fit for a secret: the generator is cryptographic, and the kernel seeds it.
#[allow(
    clippy::disallowed_methods,
    reason = "one of two functions that draw random numbers"
)]
pub(crate) fn random_bits() -> [u8; 32] {
    rand::random()
}

/// Starts logging to stderr: text on a terminal, JSON lines elsewhere. May be called once.
///
/// `directives` have the form of `tracing_subscriber::EnvFilter`. The error names the directive
/// that cannot be parsed.
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
