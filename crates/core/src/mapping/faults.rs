//! The faults of a mapping: those of its document, and those of an expression for one person.
//!
//! Compiling collects every fault of a document, so that an operator sees all of them at once. No
//! fault quotes a person's data.

use std::ops::Range;

/// A fault of a mapping document, found when it is compiled. The config check shows it with a
/// caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingFault {
    /// The keys from the root of the document, such as `["mapping", "title", "expr"]`. A list
    /// element is named by its index, from 0.
    pub at: Vec<String>,
    /// The wrong bytes within the text at that key, if they are known.
    pub range: Option<Range<usize>>,
    /// The fault and what was expected.
    pub problem: String,
}

/// An expression that failed for one person. It never delays a deactivation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct EvaluationError {
    /// The expression: `mapping.title`, `when`, `groups[0].when`.
    pub at: String,
    /// The failure, without personal data.
    pub problem: String,
}

/// A fault of one expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExpressionFault {
    /// The wrong bytes of the source, if they are known.
    pub range: Option<Range<usize>>,
    /// The fault and what was expected.
    pub problem: String,
}

/// The faults of a document found so far.
#[derive(Debug, Default)]
pub(super) struct FaultCollector(Vec<MappingFault>);

impl FaultCollector {
    /// Adds a fault of the whole text at `at`.
    pub(super) fn add(&mut self, at: &[&str], problem: String) {
        self.0.push(MappingFault {
            at: owned(at),
            range: None,
            problem,
        });
    }

    pub(super) fn extend(&mut self, faults: Vec<MappingFault>) {
        self.0.extend(faults);
    }

    /// Returns the compiled value, or collects its faults as faults of the text at `at`.
    pub(super) fn collect<T>(
        &mut self,
        at: &[&str],
        compiled: Result<T, Vec<ExpressionFault>>,
    ) -> Option<T> {
        let faults = match compiled {
            Ok(compiled) => return Some(compiled),
            Err(faults) => faults,
        };

        let faults = faults.into_iter().map(|fault| MappingFault {
            at: owned(at),
            range: fault.range,
            problem: fault.problem,
        });

        self.0.extend(faults);
        None
    }

    pub(super) fn into_faults(self) -> Vec<MappingFault> {
        self.0
    }
}

fn owned(at: &[&str]) -> Vec<String> {
    at.iter().map(|&key| key.to_owned()).collect()
}
