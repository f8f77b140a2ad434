//! The formats of a time in a signature header or a body.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The format of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// Seconds since 1970 (Unix time).
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// ISO 8601 in the profile of RFC 3339.
    Iso8601,
    /// Seconds or ISO 8601: `BambooHR`'s samples have both.
    SecondsOrIso8601,
}

impl TimeFormat {
    /// The formats that a hint tries.
    const CANDIDATES: [Self; 3] = [Self::Seconds, Self::Milliseconds, Self::Iso8601];

    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds since 1970",
            Self::Milliseconds => "milliseconds since 1970",
            Self::Iso8601 => "ISO 8601",
            Self::SecondsOrIso8601 => "seconds since 1970 or ISO 8601",
        }
    }

    /// Parses a time strictly: digits only, or a whole RFC 3339 text.
    pub(super) fn parse(self, text: &str) -> Option<Timestamp> {
        match self {
            Self::Seconds => Timestamp::from_second(parse_digits(text)?).ok(),
            Self::Milliseconds => Timestamp::from_millisecond(parse_digits(text)?).ok(),
            Self::Iso8601 => text.parse().ok(),
            Self::SecondsOrIso8601 => Self::Seconds
                .parse(text)
                .or_else(|| Self::Iso8601.parse(text)),
        }
    }

    /// Writes a time; the ISO 8601 form has whole seconds.
    pub(super) fn write(self, time: Timestamp) -> String {
        match self {
            Self::Seconds => time.as_second().to_string(),
            Self::Milliseconds => time.as_millisecond().to_string(),
            Self::Iso8601 | Self::SecondsOrIso8601 => format!("{time:.0}"),
        }
    }

    /// The first format that parses the text.
    pub(super) fn detect(text: &str) -> Option<Self> {
        Self::CANDIDATES
            .into_iter()
            .find(|format| format.parse(text).is_some())
    }

    /// Another format in which the text is within a day of `now`, if it is not in this one.
    pub(super) fn plausible_alternative(self, text: &str, now: Timestamp) -> Option<Self> {
        let is_near =
            |time: Timestamp| time.duration_since(now).abs() < SignedDuration::from_hours(24);
        Self::CANDIDATES.into_iter().find(|format| {
            *format != self
                && format.parse(text).is_some_and(is_near)
                && !self.parse(text).is_some_and(is_near)
        })
    }
}

fn parse_digits(text: &str) -> Option<i64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_anything_but_digits_is_not_in_seconds() {
        for wrong in ["+1614265330", "1614265330.5", " 1614265330", "123abc", ""] {
            assert_eq!(TimeFormat::Seconds.parse(wrong), None, "{wrong}");
        }
    }
}
