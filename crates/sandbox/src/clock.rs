//! The only module of this crate that reads the clock and generates random ids.
//!
//! Everything else takes the time as an argument, so that it can be tested without a wait.

use jiff::Timestamp;
use uuid::Uuid;

/// The current time of the machine.
#[allow(
    clippy::disallowed_methods,
    reason = "the only function of the sandbox that reads the clock"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A new UUID v7 (RFC 9562 section 5.7) as text.
#[allow(
    clippy::disallowed_methods,
    reason = "the only function of the sandbox that generates ids"
)]
pub(crate) fn new_id() -> String {
    Uuid::now_v7().to_string()
}
