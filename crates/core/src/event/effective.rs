//! When a fact takes effect (fold.md 5): a civil date with its boundary and zone, or an instant.
//!
//! A civil date is not an instant until a zone is known, and two civil dates are compared as dates:
//! "ends on the 30th" and "starts on the 1st" are dependencies whatever the zones say.

use std::cmp::Ordering;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which end of a civil day is meant.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// The first existing instant of the date.
    StartOfDay,
    /// The first existing instant of the next date.
    EndOfDay,
}

/// When a fact takes effect, as stated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "EffectiveDocument", into = "EffectiveDocument")]
pub enum Effective {
    /// A civil date.
    Day {
        /// The date.
        date: Date,
        /// Which end of it; `None`: start of day.
        boundary: Option<Boundary>,
        /// The IANA zone it is meant in; `None`: the worker's location's, else the source's.
        time_zone: Option<String>,
    },
    /// An instant.
    Instant(Timestamp),
}

/// The wire form of [`Effective`]: either `date` (with `boundary`, `time_zone`) or `instant`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Effective")]
struct EffectiveDocument {
    /// Civil date, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    date: Option<Date>,
    /// Which end of the date is meant. Required for endings; `start_of_day` elsewhere if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boundary: Option<Boundary>,
    /// IANA time zone of the date, such as `Europe/Berlin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    /// An instant, RFC 3339. Instead of `date`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    instant: Option<Timestamp>,
}

impl JsonSchema for Effective {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Effective".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        EffectiveDocument::json_schema(generator)
    }
}

impl TryFrom<EffectiveDocument> for Effective {
    type Error = String;

    fn try_from(document: EffectiveDocument) -> Result<Self, String> {
        match document {
            EffectiveDocument {
                date: Some(date),
                boundary,
                time_zone: zone,
                instant: None,
            } => {
                if let Some(name) = &zone {
                    time_zone(name).map_err(|unknown| unknown.to_string())?;
                }
                Ok(Self::Day {
                    date,
                    boundary,
                    time_zone: zone,
                })
            }
            EffectiveDocument {
                date: None,
                boundary: None,
                time_zone: None,
                instant: Some(instant),
            } => Ok(Self::Instant(instant)),
            EffectiveDocument { .. } => Err(
                "expected either `date` (with `boundary`, `time_zone`) or `instant` alone"
                    .to_owned(),
            ),
        }
    }
}

impl From<Effective> for EffectiveDocument {
    fn from(effective: Effective) -> Self {
        match effective {
            Effective::Day {
                date,
                boundary,
                time_zone,
            } => Self {
                date: Some(date),
                boundary,
                time_zone,
                instant: None,
            },
            Effective::Instant(instant) => Self {
                instant: Some(instant),
                ..Self::default()
            },
        }
    }
}

/// A name that is no IANA time zone known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no IANA time zone (expected a name such as Europe/Berlin)")]
pub struct UnknownTimeZone(pub String);

/// Looks up an IANA zone by name.
pub fn time_zone(name: &str) -> Result<TimeZone, UnknownTimeZone> {
    TimeZone::get(name).map_err(|_| UnknownTimeZone(name.to_owned()))
}

impl Effective {
    /// The moment meant, where a bare date falls back to `zone`.
    ///
    /// A zone named by the event itself wins; if it is unknown here (it was checked when read), `zone` is used.
    pub fn resolve(&self, zone: &TimeZone) -> Moment {
        match self {
            Self::Instant(instant) => Moment::at(*instant),
            Self::Day {
                date,
                boundary,
                time_zone: own,
            } => {
                let own = own.as_deref().and_then(|name| time_zone(name).ok());
                Moment::of_day(
                    *date,
                    boundary.unwrap_or(Boundary::StartOfDay),
                    own.as_ref().unwrap_or(zone),
                )
            }
        }
    }

    /// Whether it is a bare date whose zone must come from elsewhere.
    pub fn needs_zone(&self) -> bool {
        matches!(
            self,
            Self::Day {
                time_zone: None,
                ..
            }
        )
    }
}

/// A point in time that remembers the civil day it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// The instant.
    pub instant: Timestamp,
    /// The first civil day of what begins here (`end_of_day` of D is D + 1), where a date was stated.
    pub day: Option<Date>,
}

impl Moment {
    /// A moment that was stated as an instant.
    pub fn at(instant: Timestamp) -> Self {
        Self { instant, day: None }
    }

    /// A moment that was stated as a civil date: the first existing instant of the date (or, at its end,
    /// of the next one) in that zone, so a day whose midnight a clock change skips begins when it begins.
    pub fn of_day(date: Date, boundary: Boundary, zone: &TimeZone) -> Self {
        let day = match boundary {
            Boundary::StartOfDay => date,
            Boundary::EndOfDay => date.tomorrow().unwrap_or(date),
        };
        let instant = zone
            .to_ambiguous_zoned_datetime(day.at(0, 0, 0, 0))
            .compatible()
            .map_or(Timestamp::MAX, |start| start.timestamp());
        Self {
            instant,
            day: Some(day),
        }
    }

    /// Compares as civil dates where both sides have them, else as instants (fold.md 3).
    ///
    /// Not transitive over a mix of both, so never a sort key.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self.day, other.day) {
            (Some(own), Some(others)) => own.cmp(&others),
            (None, _) | (_, None) => self.instant.cmp(&other.instant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().expect("a date")
    }

    #[test]
    fn the_end_of_a_day_is_the_start_of_the_next() {
        let berlin = time_zone("Europe/Berlin").expect("known");
        let end = Moment::of_day(day("2026-11-30"), Boundary::EndOfDay, &berlin);
        assert_eq!(
            end,
            Moment::of_day(day("2026-12-01"), Boundary::StartOfDay, &berlin)
        );
        assert_eq!(end.instant.to_string(), "2026-11-30T23:00:00Z");
    }

    #[test]
    fn a_day_without_midnight_begins_at_its_first_existing_instant() {
        // In 2018 Sao Paulo's clocks went from 23:59:59 on 3 November to 01:00 on the 4th.
        let zone = time_zone("America/Sao_Paulo").expect("known");
        let start = Moment::of_day(day("2018-11-04"), Boundary::StartOfDay, &zone);
        assert_eq!(start.instant.to_string(), "2018-11-04T03:00:00Z");
    }

    #[test]
    fn civil_dates_compare_as_dates_whatever_their_zones() {
        let (east, west) = (
            time_zone("Asia/Tokyo").expect("known"),
            time_zone("America/New_York").expect("known"),
        );
        let end = Moment::of_day(day("2026-11-30"), Boundary::EndOfDay, &west);
        let start = Moment::of_day(day("2026-12-01"), Boundary::StartOfDay, &east);
        assert!(start.instant < end.instant);
        assert_eq!(end.compare(&start), Ordering::Equal);
    }

    #[test]
    fn either_a_date_or_an_instant() {
        let read = |text| serde_json::from_str::<Effective>(text);
        assert!(
            read(r#"{"date":"2026-12-01","boundary":"end_of_day","time_zone":"Europe/Berlin"}"#)
                .is_ok()
        );
        assert!(read(r#"{"instant":"2026-12-01T00:00:00Z"}"#).is_ok());
        for wrong in [
            r#"{"date":"2026-12-01","instant":"2026-12-01T00:00:00Z"}"#,
            r#"{"date":"2026-12-01","time_zone":"Berlin"}"#,
            r#"{"boundary":"end_of_day"}"#,
            "{}",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
