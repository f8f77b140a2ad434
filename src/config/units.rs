//! Parses durations and rates that are text with a unit: `30s`, `24h`, `25/s`.

use std::time::Duration;

/// Describes a duration in messages.
pub(super) const DURATION: &str =
    "a duration: a number and ms, s, m, h or d, such as \"30s\" or \"7d\"";

/// Describes a rate in messages.
pub(super) const RATE: &str = "a rate above zero: a number and /s, /m or /h, such as \"25/s\"";

/// Parses a whole number with a unit: `ms`, `s`, `m`, `h`, `d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let count: u64 = digits.trim_end().parse().ok()?;
    let milliseconds = match text.get(digits.len()..)? {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    count.checked_mul(milliseconds).map(Duration::from_millis)
}

/// Parses a rate; the result is per second, above zero.
pub(super) fn rate(text: &str) -> Option<f64> {
    let (count, unit) = text.split_once('/')?;
    let seconds = match unit.trim() {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let count: f64 = count.trim().parse().ok()?;
    (count.is_finite() && count > 0.0).then_some(count / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_rates_have_units() {
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));

        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("7d"), Some(Duration::from_hours(7 * 24)));
        for wrong in [
            "",
            "30",
            "s",
            "-1s",
            "1.5h",
            "1w",
            "30 x",
            "99999999999999999999s",
            "999999999999999999d",
        ] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
        assert_eq!(rate("25/s"), Some(25.0));
        assert_eq!(rate("90/m"), Some(1.5));
        for wrong in ["", "25", "25/x", "0/s", "-1/s", "inf/s", "NaN/s"] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }
}
