//! Parses `Retry-After` in both forms (RFC 9110 section 10.2.3): seconds, or an HTTP date.
//!
//! It does not limit the wait; `hirewire_core::backoff` does.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};

/// The wait that the header asks for. A date in the past means no wait; text in neither form means
/// `None`.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();

    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    // Some servers send fractions of a second.
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }

    let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_give_a_wait_and_other_text_gives_none() {
        let now: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
        let seconds = |text| retry_after(text, now).map(|wait| wait.as_secs());

        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 1.5"), Some(1));
        assert_eq!(seconds("Tue, 24 Nov 2026 09:02:00 GMT"), Some(120));
        assert_eq!(seconds("Tue, 24 Nov 2026 08:00:00 GMT"), Some(0));
        for invalid in ["", "-1", "soon", "NaN", "2026-11-24T09:00:00Z"] {
            assert_eq!(seconds(invalid), None, "{invalid}");
        }
    }
}
