//! The sandbox's clock and its ids: the one place of this crate where time and chance come in.

use jiff::Timestamp;
use uuid::Uuid;

/// The time now.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place where the sandbox reads the clock"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A new id: a UUID v7 (RFC 9562 section 5.7) as text.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place where the sandbox makes ids"
)]
pub(crate) fn new_id() -> String {
    Uuid::now_v7().to_string()
}
