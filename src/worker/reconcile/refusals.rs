//! Refusals: the changes that a target did not take while the rest of the plan went on. Plain data.

use hirewire_core::plan::{Failure, Operation};

/// A part of the plan that the target did not take.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) operation: Operation,
    pub(super) reason: Reason,
}

/// Why a part of the plan is not applied.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reason {
    Answered(Failure),
    /// The target answered with success, and shows the old value.
    WithoutEffect,
    /// It belongs to a change of `userName` that the target did not take, and was not sent.
    Withheld,
}

impl Refusal {
    /// The failure, if it is the target's own.
    pub(super) fn target_fault(&self) -> Option<&Failure> {
        match &self.reason {
            Reason::Answered(failure) if failure.is_target_fault() => Some(failure),
            Reason::Answered(_) | Reason::WithoutEffect | Reason::Withheld => None,
        }
    }
}
