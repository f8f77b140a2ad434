//! The faults of a mapping document, gathered: an operator sees all of them at once.

use super::{MappingFault, expression::Expression, names::Problem};

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<MappingFault>);

impl Faults {
    /// Adds a fault of what is at `at`.
    pub(super) fn add(&mut self, at: &[&str], problem: String) {
        self.0.push(MappingFault {
            at: owned(at),
            range: None,
            problem,
        });
    }

    /// Adds faults found elsewhere.
    pub(super) fn extend(&mut self, faults: Vec<MappingFault>) {
        self.0.extend(faults);
    }

    /// The compiled expression, or its problems as faults of what is at `at`.
    pub(super) fn of(
        &mut self,
        at: &[&str],
        compiled: Result<Expression, Vec<Problem>>,
    ) -> Option<Expression> {
        let problems = match compiled {
            Ok(expression) => return Some(expression),
            Err(problems) => problems,
        };
        let faults = problems
            .into_iter()
            .map(|Problem { range, problem }| MappingFault {
                at: owned(at),
                range,
                problem,
            });
        self.0.extend(faults);
        None
    }

    /// All of them.
    pub(super) fn into_inner(self) -> Vec<MappingFault> {
        self.0
    }
}

fn owned(at: &[&str]) -> Vec<String> {
    at.iter().map(|&key| key.to_owned()).collect()
}
