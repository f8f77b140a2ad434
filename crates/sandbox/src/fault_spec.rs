//! The two notations of a fault: the text of `--faults`, and the JSON of `/sandbox/faults`.
//!
//! Text, separated by commas: `NAME[=COUNT][:OPTION=VALUE]...`, for example `429=3:retry-after=2,
//! slow:ms=500:method=GET`. JSON has the same words: `{"fault": "429", "count": 3, "retryAfter":
//! 2}`. Both are parsed into a [`FaultSpec`], which becomes a [`Fault`] if its options fit.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fault::{Effect, Fault, InvalidFault, RetryAfter};

/// The syntax of `--faults`, for a help text.
pub const FAULTS_HELP: &str = "\
NAME[=COUNT][:OPTION=VALUE]..., several separated by commas. With COUNT a fault takes effect so many
times; without COUNT it stays on until you switch it off.

  429, 503, any 400..599   respond with this status    retry-after=SECONDS  form=seconds|date
  slow                     wait before the response    ms=1000
  down                     close every connection without a response
  reset                    apply the write, then close the connection without a response
  late                     apply the write after ms=20000, then respond; also apply it if the client
                           disconnects. With status=504: respond with 504 before the write
  search-lag               omit a new user from lists and filter results for ms=10000
  html-404                 respond with 404 and an HTML page
  bare-409                 respond to a conflict with 409 and no scimType
  no-uniqueness            accept a userName that another user has
  ignored-deactivation     respond with 200 to `active: false`, but keep the user active
  refuse                   reject a write that changes attribute=PATH with 400 invalidValue. With
                           filter=FILTER (the last option): only if the new resource matches it

Options of every fault: method=POST, path=/Users (a prefix, below the base URL), after=N (the first
N matching requests pass). Put a value with a colon or comma, such as a URN, in double quotes.
Example: 429=3:retry-after=2, slow:ms=500:method=GET, \
refuse=1:attribute=title:filter=title eq \"Astronaut\"";

/// A fault as its notation states it: every option, whether it fits the fault or not.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct FaultSpec {
    fault: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
}

impl Fault {
    /// Parses a comma-separated list of faults; [`FAULTS_HELP`] is the syntax.
    ///
    /// # Errors
    ///
    /// [`InvalidFault`] for the first fault that is invalid.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, InvalidFault> {
        split_unquoted(text, ',')
            .into_iter()
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect()
    }
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        // A filter may contain colons, so it is the last option and ends with the text.
        let (text, filter) = match text.split_once(":filter=") {
            Some((text, filter)) => (text, Some(filter.trim().to_owned())),
            None => (text, None),
        };

        let mut parts = split_unquoted(text, ':').into_iter();
        let head = parts.next().unwrap_or_default();
        let (name, count) = match head.split_once('=') {
            Some((name, count)) => (name, Some(parse_number(count, "COUNT")?)),
            None => (head, None),
        };

        let mut spec = FaultSpec {
            fault: name.trim().to_owned(),
            count,
            filter,
            ..FaultSpec::default()
        };
        for option in parts {
            spec.set_option(option)?;
        }

        Self::try_from(spec)
    }
}

impl FaultSpec {
    /// Sets one option of the text notation.
    fn set_option(&mut self, option: &str) -> Result<(), InvalidFault> {
        let (key, value) = option
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim().trim_matches('"')))
            .ok_or_else(|| InvalidFault(format!("`{option}` is not of the form OPTION=VALUE")))?;

        match key {
            "method" => self.method = Some(value.to_owned()),
            "path" => self.path = Some(value.to_owned()),
            "form" => self.form = Some(value.to_owned()),
            "attribute" => self.attribute = Some(value.to_owned()),
            "after" => self.after = Some(parse_number(value, key)?),
            "ms" => self.ms = Some(parse_number(value, key)?),
            "retry-after" => self.retry_after = Some(parse_number(value, key)?),
            "status" => self.status = Some(parse_number(value, key)?),
            _ => return Err(InvalidFault(format!("there is no option `{key}`"))),
        }

        Ok(())
    }
}

/// Splits at a separator that is not in double quotes.
fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;

    text.split(|c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .collect()
}

fn parse_number<T: FromStr>(text: &str, name: &str) -> Result<T, InvalidFault> {
    text.trim().parse().map_err(|_| {
        InvalidFault(format!(
            "{name} must be a number in its range, not `{text}`"
        ))
    })
}

impl TryFrom<FaultSpec> for Fault {
    type Error = InvalidFault;

    fn try_from(spec: FaultSpec) -> Result<Self, InvalidFault> {
        let effect = parse_effect(&spec)?;
        if spec.count == Some(0) {
            return Err(InvalidFault("COUNT must be at least 1".to_owned()));
        }

        Ok(Self {
            effect,
            count: spec.count,
            after: spec.after.unwrap_or(0),
            method: spec.method.map(|method| method.to_ascii_uppercase()),
            path: spec.path,
        })
    }
}

fn parse_effect(spec: &FaultSpec) -> Result<Effect, InvalidFault> {
    Ok(match spec.fault.as_str() {
        "slow" => Effect::Slow(spec.ms.unwrap_or(1_000)),
        "down" => Effect::Down,
        "reset" => Effect::Reset,
        "late" => Effect::Late {
            ms: spec.ms.unwrap_or(20_000),
            status: spec.status.map(check_error_status).transpose()?,
        },
        "search-lag" => Effect::SearchLag(spec.ms.unwrap_or(10_000)),
        "html-404" => Effect::HtmlNotFound,
        "bare-409" => Effect::BareConflict,
        "no-uniqueness" => Effect::NoUniqueness,
        "ignored-deactivation" => Effect::IgnoredDeactivation,
        "refuse" => Effect::Refuse {
            attribute: spec
                .attribute
                .clone()
                .ok_or_else(|| InvalidFault("refuse needs attribute=PATH".to_owned()))?,
            filter: spec.filter.clone(),
        },
        name => {
            let status: u16 = name
                .parse()
                .map_err(|_| InvalidFault(format!("there is no fault `{name}`")))?;
            let retry_after = parse_retry_after(spec)?;
            Effect::Status(check_error_status(status)?, retry_after)
        }
    })
}

fn parse_retry_after(spec: &FaultSpec) -> Result<Option<RetryAfter>, InvalidFault> {
    match (spec.retry_after, spec.form.as_deref()) {
        (None, _) => Ok(None),
        (Some(seconds), None | Some("seconds")) => Ok(Some(RetryAfter::Seconds(seconds))),
        (Some(seconds), Some("date")) => Ok(Some(RetryAfter::Date(seconds))),
        (Some(_), Some(other)) => Err(InvalidFault(format!(
            "form must be seconds or date, not `{other}`"
        ))),
    }
}

fn check_error_status(status: u16) -> Result<u16, InvalidFault> {
    if (400..600).contains(&status) {
        Ok(status)
    } else {
        Err(InvalidFault(format!(
            "{status} is not an error status (400 to 599)"
        )))
    }
}

impl From<Fault> for FaultSpec {
    fn from(fault: Fault) -> Self {
        let mut spec = Self {
            count: fault.count,
            after: (fault.after > 0).then_some(fault.after),
            method: fault.method,
            path: fault.path,
            ..Self::default()
        };

        spec.fault = match fault.effect {
            Effect::Status(status, retry_after) => {
                (spec.retry_after, spec.form) = match retry_after {
                    None => (None, None),
                    Some(RetryAfter::Seconds(seconds)) => (Some(seconds), None),
                    Some(RetryAfter::Date(seconds)) => (Some(seconds), Some("date".to_owned())),
                };
                status.to_string()
            }
            Effect::Slow(ms) => {
                spec.ms = Some(ms);
                "slow".to_owned()
            }
            Effect::SearchLag(ms) => {
                spec.ms = Some(ms);
                "search-lag".to_owned()
            }
            Effect::Late { ms, status } => {
                (spec.ms, spec.status) = (Some(ms), status);
                "late".to_owned()
            }
            Effect::Refuse { attribute, filter } => {
                (spec.attribute, spec.filter) = (Some(attribute), filter);
                "refuse".to_owned()
            }
            Effect::Down => "down".to_owned(),
            Effect::Reset => "reset".to_owned(),
            Effect::HtmlNotFound => "html-404".to_owned(),
            Effect::BareConflict => "bare-409".to_owned(),
            Effect::NoUniqueness => "no-uniqueness".to_owned(),
            Effect::IgnoredDeactivation => "ignored-deactivation".to_owned(),
        };

        spec
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FaultSpec::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spec = FaultSpec::deserialize(deserializer)?;
        Self::try_from(spec).map_err(D::Error::custom)
    }
}

impl fmt::Display for Fault {
    /// The text notation; [`Fault::parse_list`] parses it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spec = FaultSpec::from(self.clone());

        f.write_str(&spec.fault)?;
        if let Some(count) = spec.count {
            write!(f, "={count}")?;
        }

        let options = [
            ("after", spec.after.map(|n| n.to_string())),
            ("method", spec.method),
            ("path", spec.path),
            ("ms", spec.ms.map(|n| n.to_string())),
            ("retry-after", spec.retry_after.map(|n| n.to_string())),
            ("form", spec.form),
            ("status", spec.status.map(|n| n.to_string())),
            ("attribute", spec.attribute),
            ("filter", spec.filter),
        ];
        for (name, value) in options {
            match value {
                Some(value) if name != "filter" && value.contains([':', ',']) => {
                    write!(f, ":{name}=\"{value}\"")?;
                }
                Some(value) => write!(f, ":{name}={value}")?,
                None => {}
            }
        }

        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_a_round_trip_through_text_and_json() {
        let list = "429=3:retry-after=2,503:retry-after=9:form=date:method=POST,\
            slow:ms=500:path=/Users,down=1,reset=1:after=2,late:ms=20000,late=1:ms=5:status=504,\
            search-lag:ms=10000,html-404,bare-409,no-uniqueness,ignored-deactivation,\
            refuse=1:attribute=title:filter=title eq \"a, b: c\" or urn:x:y eq \"z\",\
            refuse:attribute=name.givenName,refuse=2:attribute=\"urn:x:y:User:z\"";

        let faults = Fault::parse_list(list).unwrap();
        assert_eq!(faults.len(), 15);
        for fault in faults {
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
            let json = serde_json::to_string(&fault).unwrap();
            assert_eq!(
                serde_json::from_str::<Fault>(&json).unwrap(),
                fault,
                "{json}"
            );
        }

        assert_eq!(
            Fault::parse_list("429=3:retry-after=2").unwrap(),
            [Fault::new(Effect::Status(429, Some(RetryAfter::Seconds(2)))).times(3)]
        );
    }

    #[test]
    fn invalid_text_and_json_are_rejected() {
        for text in [
            "",
            "nope",
            "200",
            "429=x",
            "429=0",
            "slow:ms=a",
            "slow:ms",
            "429:retry-after=1:form=week",
            "refuse",
            "slow:x=1",
        ] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }

        assert!(serde_json::from_str::<Fault>(r#"{"fault": "slow", "msec": 3}"#).is_err());
    }
}
