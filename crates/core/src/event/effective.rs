//! The effective time of a fact: a civil date with its boundary and zone, or an instant.
//!
//! [`Effective`] is the stated form, [`Moment`] the resolved one (docs/fold.md, section 5). A civil
//! date becomes an instant only in a known zone. Two civil dates compare as dates: "ends on the
//! 30th" and "starts on the 1st" are adjacent in every pair of zones.

use std::cmp::Ordering;

use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The end of a civil day that a date means.
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

/// The effective time of a fact, as the sender states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "EffectiveDocument", into = "EffectiveDocument")]
pub enum Effective {
    /// A civil date, which needs a zone to become an instant.
    Day {
        /// The civil date as stated.
        date: Date,
        /// The end of the day that is meant; `None`: its start.
        boundary: Option<Boundary>,
        /// The IANA zone of the date; `None`: that of the worker's location, else of the source.
        time_zone: Option<String>,
    },
    /// An instant, which needs no zone.
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
    /// The end of the date that is meant. Required for endings; the default elsewhere is
    /// `start_of_day`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boundary: Option<Boundary>,
    /// IANA time zone of the date, such as `Europe/Berlin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    /// An instant (RFC 3339), given instead of `date`.
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

/// A name that the IANA time zone database does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an IANA time zone (expected a name such as Europe/Berlin)")]
pub struct UnknownTimeZone(pub String);

/// Looks up an IANA time zone; names are compared without case.
pub fn time_zone(name: &str) -> Result<TimeZone, UnknownTimeZone> {
    TimeZone::get(name).map_err(|_| UnknownTimeZone(name.to_owned()))
}

/// The zone whose days begin last.
const LAST_ZONE: Offset = Offset::constant(-12);

impl Effective {
    /// Whether the time is after this instant; a date without a zone counts in the last one.
    pub(crate) fn may_be_after(&self, instant: Timestamp) -> bool {
        let last = TimeZone::fixed(LAST_ZONE);
        self.resolve(&last).instant > instant
    }

    /// Resolves the stated time; a date without a zone of its own is in `zone`.
    ///
    /// Deserialization checks the event's own zone. If the database no longer has it, `zone`
    /// applies.
    pub(crate) fn resolve(&self, zone: &TimeZone) -> Moment {
        match self {
            Self::Instant(instant) => Moment::at(*instant),
            Self::Day {
                date,
                boundary,
                time_zone: own_name,
            } => {
                let own_zone = own_name.as_deref().and_then(|name| time_zone(name).ok());
                Moment::of_day(
                    *date,
                    boundary.unwrap_or(Boundary::StartOfDay),
                    own_zone.as_ref().unwrap_or(zone),
                )
            }
        }
    }
}

/// A resolved time: an instant, and the civil day if a date was stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// The instant in UTC, for ordering against instants.
    pub instant: Timestamp,
    /// The civil day that begins at the instant (`end_of_day` of D gives D + 1); `None` if an
    /// instant was stated.
    pub day: Option<Date>,
}

impl Moment {
    /// The moment of a stated instant; it has no civil day.
    pub fn at(instant: Timestamp) -> Self {
        Self { instant, day: None }
    }

    /// The moment of a stated civil date: the first existing instant of the date, or for
    /// `end_of_day` of the next date, in that zone.
    ///
    /// A clock change may skip midnight; the day then begins at its first existing instant.
    pub(crate) fn of_day(date: Date, boundary: Boundary, zone: &TimeZone) -> Self {
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

    /// Compares civil dates where both sides have one, else instants (docs/fold.md, section 3).
    ///
    /// The order is not transitive over a mix of both: it must not be a sort key.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self.day, other.day) {
            (Some(own), Some(other_day)) => own.cmp(&other_day),
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
    fn civil_dates_compare_as_dates_in_any_pair_of_zones() {
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
    fn an_effective_time_is_either_a_date_or_an_instant() {
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
