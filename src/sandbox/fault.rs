//! Faults: what the sandbox does wrong on purpose, and how one is written.
//!
//! As text, comma-separated: `NAME[=COUNT][:OPTION=VALUE]...`, for example
//! `429=3:retry-after=2, slow:ms=500:method=GET, reset=1:method=POST:path=/Users`. As JSON, the same words:
//! `{"fault": "429", "count": 3, "retryAfter": 2}`. Without a count it stays until it is switched off. See [`HELP`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What `--faults` takes, for a help text.
pub const HELP: &str = "\
NAME[=COUNT][:OPTION=VALUE]..., several separated by commas. Without COUNT a fault stays until it is switched off.

  429, 503, any 400..599   answer with this status      retry-after=SECONDS  form=seconds|date
  slow                     think before answering       ms=1000
  down                     close every connection without an answer
  reset                    apply the write, then close the connection without an answer
  late                     apply the write only after ms=20000, and only then answer; a client that hung up is
                           no reason not to. With status=504 that is answered at once instead
  search-lag               a new user is not found by lists and filters for ms=10000
  html-404                 answer 404 with a page of HTML
  bare-409                 a conflict is answered without scimType
  no-uniqueness            a userName may be taken twice
  ignored-deactivation     200 to `active: false`, and the user stays active
  refuse                   400 invalidValue to a write that changes attribute=PATH (if filter=FILTER is
                           given: only to a value with which the user matches it; it must be the last option)

Options of all: method=POST, path=/Users (begins with, below the base URL), after=N (let N requests pass first).
Example: 429=3:retry-after=2, slow:ms=500:method=GET, refuse=1:attribute=title:filter=title eq \"Astronaut\"";

/// One fault, and the requests that it befalls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Fault {
    /// What goes wrong.
    pub effect: Effect,
    /// How many times; `None`: until it is switched off.
    pub count: Option<u32>,
    /// How many requests pass first.
    pub after: u32,
    /// Only requests of this method.
    pub method: Option<String>,
    /// Only requests whose path below the base URL begins with this.
    pub path: Option<String>,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This status instead of an answer; nothing is applied.
    Status(u16, Option<RetryAfter>),
    /// The request is answered after this many milliseconds (not applied if the client hangs up before).
    Slow(u64),
    /// The connection is closed without an answer; nothing is applied.
    Down,
    /// The write is applied; the connection is closed without an answer.
    Reset,
    /// The write is applied after `ms`, whatever becomes of the connection; `status` is answered at once, if given.
    Late {
        /// Milliseconds.
        ms: u64,
        /// Answered at once.
        status: Option<u16>,
    },
    /// New users are not in lists for this many milliseconds.
    SearchLag(u64),
    /// 404 with a page of HTML.
    HtmlNotFound,
    /// A conflict is answered without `scimType`.
    BareConflict,
    /// A `userName` may be taken twice.
    NoUniqueness,
    /// A deactivation is answered as if it had worked.
    IgnoredDeactivation,
    /// A write that changes `attribute` (to what matches `filter`) is refused with 400 `invalidValue`.
    Refuse {
        /// An attribute path, such as `title` or `name.givenName`.
        attribute: String,
        /// A SCIM filter over the user as it would be.
        filter: Option<String>,
    },
}

/// The header `Retry-After`, in one of its two forms (RFC 9110 section 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u32),
    /// An HTTP-date, this many seconds from now.
    Date(u32),
}

/// A text or JSON that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault: {0}")]
pub struct InvalidFault(String);

/// A fault as JSON has it, and as its text is read into.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Written {
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
    /// This effect, on every request that it can befall, until it is switched off.
    pub fn new(effect: Effect) -> Self {
        Self { effect, count: None, after: 0, method: None, path: None }
    }

    /// So many times.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self { count: Some(count), ..self }
    }

    /// Only requests of this method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_ascii_uppercase()), ..self }
    }

    /// Only requests whose path below the base URL begins with this.
    #[must_use]
    pub fn path(self, path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..self }
    }

    /// Reads a comma-separated list of faults; see [`HELP`].
    pub fn parse_list(text: &str) -> Result<Vec<Self>, InvalidFault> {
        split(text, ',').into_iter().map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect()
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
        let (name, count) = head.split_once('=').map_or((head, None), |(name, count)| (name, Some(count)));
        let mut written = Written { fault: name.trim().to_owned(), filter, ..Written::default() };
        written.count = count.map(|count| number(count, "COUNT")).transpose()?;
        for part in parts {
            let (key, value) = part
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim()))
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
    text.trim().parse().map_err(|_| InvalidFault(format!("`{text}` is no number for {name}")))
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
        "late" => Effect::Late { ms: written.ms.unwrap_or(20_000), status: written.status.map(status).transpose()? },
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
            let code: u16 = name.parse().map_err(|_| InvalidFault(format!("there is no fault `{name}`")))?;
            let retry_after = match (written.retry_after, written.form.as_deref()) {
                (None, _) => None,
                (Some(seconds), None | Some("seconds")) => Some(RetryAfter::Seconds(seconds)),
                (Some(seconds), Some("date")) => Some(RetryAfter::Date(seconds)),
                (Some(_), Some(other)) => return Err(InvalidFault(format!("`{other}` is no form of Retry-After"))),
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
            if let Some(value) = value {
                write!(f, ":{name}={value}")?;
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
            refuse=1:attribute=title:filter=title eq \"a, b: c\" or urn:x:y eq \"z\",refuse:attribute=name.givenName";
        let faults = Fault::parse_list(list).unwrap();
        assert_eq!(faults.len(), 14);
        for fault in faults {
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
            let json = serde_json::to_string(&fault).unwrap();
            assert_eq!(serde_json::from_str::<Fault>(&json).unwrap(), fault, "{json}");
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
