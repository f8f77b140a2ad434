//! Faults: the failures that the sandbox can simulate, and the requests that they affect.
//!
//! [`super::fault_spec`] reads and writes them as text and JSON; [`super::active_faults`] counts
//! them. This file also checks a fault against the attributes of a dialect, which the syntax alone
//! cannot do.

use super::filter::Filter;
use super::profile::SandboxProfile;

/// One simulated failure, and the requests that it affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The failure.
    pub effect: Effect,
    /// After so many effects the fault is switched off; `None`: it stays on.
    pub count: Option<u32>,
    /// The number of matching requests that pass before the first effect.
    pub after: u32,
    /// The HTTP method of the affected requests, in upper case; `None`: every method.
    pub method: Option<String>,
    /// A prefix of the path of the affected requests, below the base URL; `None`: every path.
    pub path: Option<String>,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The sandbox responds with this status and does not process the request.
    Status(u16, Option<RetryAfter>),
    /// The sandbox waits for so many milliseconds before it processes the request. A client that
    /// disconnects before cancels the request.
    Slow(u64),
    /// The sandbox closes the connection without a response and does not process the request.
    Down,
    /// The sandbox applies the write, then closes the connection without a response.
    Reset,
    /// The sandbox applies the write after a delay, even if the client disconnects.
    Late {
        /// The delay in milliseconds.
        ms: u64,
        /// The status of an immediate response; `None`: the response follows the write.
        status: Option<u16>,
    },
    /// Lists and filters omit a new user for so many milliseconds.
    SearchLag(u64),
    /// The sandbox responds with 404 and an HTML page.
    HtmlNotFound,
    /// A conflict is a 409 without `scimType`.
    BareConflict,
    /// A `userName` may belong to two users.
    NoUniqueness,
    /// A deactivation gets a successful response, but the user stays active.
    IgnoredDeactivation,
    /// The sandbox rejects a write that changes an attribute with 400 `invalidValue`.
    Refuse {
        /// An attribute path, such as `title` or `name.givenName`.
        attribute: String,
        /// A SCIM filter: only if the changed resource matches it; `None`: every change.
        filter: Option<String>,
    },
}

/// The header `Retry-After` in one of its two forms (RFC 9110 section 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u32),
    /// An HTTP-date so many seconds after the response.
    Date(u32),
}

/// The text or JSON is not a fault, or the dialect does not have its attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid fault: {0}")]
pub struct InvalidFault(pub(crate) String);

impl Fault {
    /// A fault that affects every request, until it is switched off.
    pub fn new(effect: Effect) -> Self {
        Self {
            effect,
            count: None,
            after: 0,
            method: None,
            path: None,
        }
    }

    /// Limits the number of effects.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self {
            count: Some(count),
            ..self
        }
    }

    /// Limits the fault to one HTTP method, given in any case.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self {
            method: Some(method.to_ascii_uppercase()),
            ..self
        }
    }

    /// Whether a request has the method and the path of this fault.
    pub(crate) fn affects(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self
                .path
                .as_deref()
                .is_none_or(|prefix| path.starts_with(prefix))
    }
}

impl SandboxProfile {
    /// Checks that this dialect has the attribute and the filter that the fault names.
    ///
    /// # Errors
    ///
    /// [`InvalidFault`] if neither users nor groups have the attribute, or if the filter is
    /// invalid.
    pub fn check(self, fault: &Fault) -> Result<(), InvalidFault> {
        let Effect::Refuse { attribute, filter } = &fault.effect else {
            return Ok(());
        };

        let catalogue = self.catalogue();
        let mut problem = format!("there is no attribute `{attribute}`");
        for resource_type in [catalogue.user, catalogue.group] {
            if resource_type.attribute_path(attribute).is_none() {
                continue;
            }
            match filter
                .as_deref()
                .map(|filter| Filter::parse(filter, resource_type))
            {
                None | Some(Ok(_)) => return Ok(()),
                Some(Err(error)) => problem = error.detail,
            }
        }

        Err(InvalidFault(problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::ENTERPRISE;

    fn is_valid(text: &str, profile: SandboxProfile) -> bool {
        profile.check(&text.parse().unwrap()).is_ok()
    }

    #[test]
    fn the_attribute_and_the_filter_of_a_fault_must_exist_in_the_dialect() {
        for valid in [
            "refuse:attribute=title:filter=title eq \"x\"",
            "refuse:attribute=members",
            "slow",
        ] {
            assert!(is_valid(valid, SandboxProfile::Generic), "{valid}");
        }

        for invalid in [
            "refuse:attribute=titel",
            "refuse:attribute=title:filter=title is 7",
        ] {
            assert!(!is_valid(invalid, SandboxProfile::Generic), "{invalid}");
        }

        let manager = format!("refuse:attribute=\"{ENTERPRISE}:manager.managerId\"");
        assert!(is_valid(&manager, SandboxProfile::Workplace));
        assert!(!is_valid(&manager, SandboxProfile::Generic));
    }
}
