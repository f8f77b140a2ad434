//! Faults: what the sandbox does wrong on purpose, and how one is written.
//!
//! As text, comma-separated: `NAME[=COUNT][:OPTION=VALUE]...`, for example
//! `429=3:retry-after=2, slow:ms=500:method=GET, reset=1:method=POST:path=/Users`. As JSON, the same words:
//! `{"fault": "429", "count": 3, "retryAfter": 2}`. Without a count it stays until it is switched off. See [`HELP`].

use serde::{Deserialize, Serialize};

use super::SandboxProfile;
use super::fault_text::Written;
use super::filter::Filter;

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
A value with a colon or comma, such as a URN, stands in double quotes.
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
pub struct InvalidFault(pub(super) String);

impl Fault {
    /// This effect, on every request that it can befall, until it is switched off.
    pub fn new(effect: Effect) -> Self {
        Self {
            effect,
            count: None,
            after: 0,
            method: None,
            path: None,
        }
    }

    /// So many times.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self {
            count: Some(count),
            ..self
        }
    }

    /// Only requests of this method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self {
            method: Some(method.to_ascii_uppercase()),
            ..self
        }
    }

    /// Only requests whose path below the base URL begins with this.
    #[must_use]
    pub fn path(self, path: &str) -> Self {
        Self {
            path: Some(path.to_owned()),
            ..self
        }
    }
}

impl SandboxProfile {
    /// Whether the attribute and the filter that the fault names exist in this dialect; the grammar cannot know.
    pub fn check(self, fault: &Fault) -> Result<(), InvalidFault> {
        let Effect::Refuse { attribute, filter } = &fault.effect else {
            return Ok(());
        };
        let catalogue = self.catalogue();
        let mut problem = format!("there is no attribute `{attribute}`");
        for of in [catalogue.user, catalogue.group] {
            if of
                .resolve(attribute)
                .is_none_or(|named| named.attribute.is_none())
            {
                continue;
            }
            match filter.as_deref().map(|filter| Filter::parse(filter, of)) {
                None | Some(Ok(_)) => return Ok(()),
                Some(Err(refusal)) => problem = refusal.detail,
            }
        }
        Err(InvalidFault(problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_an_attribute_and_a_filter_of_the_dialect() {
        let checked =
            |text: &str, profile: SandboxProfile| profile.check(&text.parse().unwrap()).is_ok();
        let manager = "refuse:attribute=\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.managerId\"";
        assert!(checked(
            "refuse:attribute=title:filter=title eq \"x\"",
            SandboxProfile::Generic
        ));
        assert!(checked("refuse:attribute=members", SandboxProfile::Generic));
        assert!(!checked("refuse:attribute=titel", SandboxProfile::Generic));
        assert!(!checked(
            "refuse:attribute=title:filter=title is 7",
            SandboxProfile::Generic
        ));
        assert!(checked("slow", SandboxProfile::Generic));
        assert!(
            checked(manager, SandboxProfile::Workplace)
                && !checked(manager, SandboxProfile::Generic)
        );
    }
}
