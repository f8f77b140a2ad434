//! Parses `Retry-After` in both forms (RFC 9110 section 10.2.3), and in those that servers send
//! instead: a unix time, a time of RFC 3339.
//!
//! It does not limit the wait; `hirewire_core::backoff` does.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};

/// A number from here on is a unix time in seconds (September 2001), no wait of 32 years.
const UNIX_SECONDS: f64 = 1e9;

/// A number from here on is a unix time in milliseconds.
const UNIX_MILLISECONDS: f64 = 1e12;

/// The wait that the header asks for. A time in the past means no wait; text in no known form means
/// `None`.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();

    // Some servers send fractions of a second.
    if let Ok(number) = text.parse::<f64>() {
        let now = || Duration::try_from(now.as_duration()).unwrap_or_default();
        return match number {
            number if number < UNIX_SECONDS => Duration::try_from_secs_f64(number).ok(),
            number if number < UNIX_MILLISECONDS => since(number, now()),
            number => since(number / 1000.0, now()),
        };
    }

    let http_date = rfc2822::DateTimeParser::new().parse_timestamp(text);
    let at = http_date.or_else(|_| text.parse::<Timestamp>()).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

/// The time from `now` to that many seconds, both since 1970.
fn since(seconds: f64, now: Duration) -> Option<Duration> {
    let at = Duration::try_from_secs_f64(seconds).ok()?;
    Some(at.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_dates_and_times_give_a_wait_and_other_text_gives_none() {
        let now: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
        let seconds = |text: &str| retry_after(text, now).map(|wait| wait.as_secs());

        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 1.5"), Some(1));
        assert_eq!(seconds("86400"), Some(86_400));
        assert_eq!(seconds("Tue, 24 Nov 2026 09:02:00 GMT"), Some(120));
        assert_eq!(seconds("Tue, 24 Nov 2026 08:00:00 GMT"), Some(0));
        assert_eq!(seconds("2026-11-24T09:02:00Z"), Some(120));

        let unix = now.as_second();
        assert_eq!(seconds(&(unix + 120).to_string()), Some(120));
        assert_eq!(seconds(&format!("{}.25", unix + 120)), Some(120));
        assert_eq!(seconds(&(unix - 120).to_string()), Some(0));
        assert_eq!(seconds(&((unix + 120) * 1000).to_string()), Some(120));
        for invalid in ["", "-1", "soon", "NaN", "inf", "1e300", "tomorrow at 9"] {
            assert_eq!(seconds(invalid), None, "{invalid}");
        }
    }
}
