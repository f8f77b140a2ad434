//! Faults read and written: the text of the flag and the JSON of the switches, both through [`Written`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::fault::{Effect, Fault, InvalidFault, RetryAfter};

/// A fault as JSON has it, and as its text is read into.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Written {
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
    /// Reads a comma-separated list of faults; see [`super::FAULTS_HELP`].
    pub fn parse_list(text: &str) -> Result<Vec<Self>, InvalidFault> {
        split(text, ',')
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
        let (text, filter) = match text.split_once(":filter=") {
            Some((text, filter)) => (text, Some(filter.trim().to_owned())),
            None => (text, None),
        };
        let mut parts = split(text, ':').into_iter();
        let head = parts.next().unwrap_or_default();
        let (name, count) = head
            .split_once('=')
            .map_or((head, None), |(name, count)| (name, Some(count)));
        let mut written = Written {
            fault: name.trim().to_owned(),
            filter,
            ..Written::default()
        };
        written.count = count.map(|count| number(count, "COUNT")).transpose()?;
        for part in parts {
            let (key, value) = part
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim().trim_matches('"')))
                .ok_or_else(|| InvalidFault(format!("`{part}` is no OPTION=VALUE")))?;
            match key {
                "method" => written.method = Some(value.to_owned()),
                "path" => written.path = Some(value.to_owned()),
                "form" => written.form = Some(value.to_owned()),
                "attribute" => written.attribute = Some(value.to_owned()),
                "after" => written.after = Some(number(value, key)?),
                "ms" => written.ms = Some(number(value, key)?),
                "retry-after" => written.retry_after = Some(number(value, key)?),
                "status" => written.status = Some(number(value, key)?),
                _ => return Err(InvalidFault(format!("there is no option `{key}`"))),
            }
        }
        Self::try_from(written)
    }
}

/// Splits outside of double quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c: char| {
        quoted ^= c == '"';
        c == at && !quoted
    })
    .collect()
}

fn number<T: FromStr>(text: &str, name: &str) -> Result<T, InvalidFault> {
    text.trim()
        .parse()
        .map_err(|_| InvalidFault(format!("`{text}` is no number for {name}")))
}

impl TryFrom<Written> for Fault {
    type Error = InvalidFault;

    fn try_from(written: Written) -> Result<Self, InvalidFault> {
        let effect = effect(&written)?;
        if written.count == Some(0) {
            return Err(InvalidFault("COUNT must be at least 1".to_owned()));
        }
        Ok(Self {
            effect,
            count: written.count,
            after: written.after.unwrap_or(0),
            method: written.method.map(|method| method.to_ascii_uppercase()),
            path: written.path,
        })
    }
}

fn effect(written: &Written) -> Result<Effect, InvalidFault> {
    let status = |status: u16| {
        if (400..600).contains(&status) {
            Ok(status)
        } else {
            Err(InvalidFault(format!("{status} is no error status")))
        }
    };
    Ok(match written.fault.as_str() {
        "slow" => Effect::Slow(written.ms.unwrap_or(1_000)),
        "down" => Effect::Down,
        "reset" => Effect::Reset,
        "late" => Effect::Late {
            ms: written.ms.unwrap_or(20_000),
            status: written.status.map(status).transpose()?,
        },
        "search-lag" => Effect::SearchLag(written.ms.unwrap_or(10_000)),
        "html-404" => Effect::HtmlNotFound,
        "bare-409" => Effect::BareConflict,
        "no-uniqueness" => Effect::NoUniqueness,
        "ignored-deactivation" => Effect::IgnoredDeactivation,
        "refuse" => Effect::Refuse {
            attribute: written
                .attribute
                .clone()
                .ok_or_else(|| InvalidFault("refuse needs attribute=PATH".to_owned()))?,
            filter: written.filter.clone(),
        },
        name => {
            let code: u16 = name
                .parse()
                .map_err(|_| InvalidFault(format!("there is no fault `{name}`")))?;
            let retry_after = match (written.retry_after, written.form.as_deref()) {
                (None, _) => None,
                (Some(seconds), None | Some("seconds")) => Some(RetryAfter::Seconds(seconds)),
                (Some(seconds), Some("date")) => Some(RetryAfter::Date(seconds)),
                (Some(_), Some(other)) => {
                    return Err(InvalidFault(format!("`{other}` is no form of Retry-After")));
                }
            };
            Effect::Status(status(code)?, retry_after)
        }
    })
}

impl From<Fault> for Written {
    fn from(fault: Fault) -> Self {
        let mut out = Self {
            count: fault.count,
            after: (fault.after > 0).then_some(fault.after),
            method: fault.method,
            path: fault.path,
            ..Self::default()
        };
        out.fault = match fault.effect {
            Effect::Status(status, retry_after) => {
                (out.retry_after, out.form) = match retry_after {
                    None => (None, None),
                    Some(RetryAfter::Seconds(seconds)) => (Some(seconds), None),
                    Some(RetryAfter::Date(seconds)) => (Some(seconds), Some("date".to_owned())),
                };
                status.to_string()
            }
            Effect::Slow(ms) => {
                out.ms = Some(ms);
                "slow".to_owned()
            }
            Effect::SearchLag(ms) => {
                out.ms = Some(ms);
                "search-lag".to_owned()
            }
            Effect::Late { ms, status } => {
                (out.ms, out.status) = (Some(ms), status);
                "late".to_owned()
            }
            Effect::Refuse { attribute, filter } => {
                (out.attribute, out.filter) = (Some(attribute), filter);
                "refuse".to_owned()
            }
            Effect::Down => "down".to_owned(),
            Effect::Reset => "reset".to_owned(),
            Effect::HtmlNotFound => "html-404".to_owned(),
            Effect::BareConflict => "bare-409".to_owned(),
            Effect::NoUniqueness => "no-uniqueness".to_owned(),
            Effect::IgnoredDeactivation => "ignored-deactivation".to_owned(),
        };
        out
    }
}

impl fmt::Display for Fault {
    /// As [`Fault::parse_list`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = Written::from(self.clone());
        f.write_str(&written.fault)?;
        if let Some(count) = written.count {
            write!(f, "={count}")?;
        }
        let options = [
            ("after", written.after.map(|n| n.to_string())),
            ("method", written.method),
            ("path", written.path),
            ("ms", written.ms.map(|n| n.to_string())),
            ("retry-after", written.retry_after.map(|n| n.to_string())),
            ("form", written.form),
            ("status", written.status.map(|n| n.to_string())),
            ("attribute", written.attribute),
            ("filter", written.filter),
        ];
        for (name, value) in options {
            match value {
                Some(value) if name != "filter" && value.contains([':', ',']) => {
                    write!(f, ":{name}=\"{value}\"")?
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
    fn every_fault_reads_back_from_its_text_and_from_its_json() {
        let list = "429=3:retry-after=2,503:retry-after=9:form=date:method=POST,slow:ms=500:path=/Users,down=1,reset=1:after=2,\
            late:ms=20000,late=1:ms=5:status=504,search-lag:ms=10000,html-404,bare-409,no-uniqueness,ignored-deactivation,\
            refuse=1:attribute=title:filter=title eq \"a, b: c\" or urn:x:y eq \"z\",refuse:attribute=name.givenName,refuse=2:attribute=\"urn:x:y:User:z\"";
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
    fn what_is_no_fault_is_refused() {
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
