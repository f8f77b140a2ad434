//! Logs, and the one place that reads the clock, draws chance and makes ids.
//!
//! Pure code takes time and chance as arguments; everything else asks here (clippy bans the rest).

use jiff::Timestamp;

/// The wall clock of this process. It stamps what is received; everything durable is timed by the store's clock.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
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
