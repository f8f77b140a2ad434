//! The result of `hirewire check` for one dependency.

use std::fmt;

use serde::Serialize;

/// The result for one dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DependencyReport {
    /// `queue`, `store` or `connection NAME`.
    pub(super) dependency: String,
    pub(super) state: DependencyState,
    /// One line of text.
    pub(super) detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DependencyState {
    Good,
    /// It answers, but cannot be used.
    Refused,
    /// It does not answer.
    Unreachable,
}

impl DependencyReport {
    pub(super) fn new(
        dependency: impl Into<String>,
        (state, detail): (DependencyState, String),
    ) -> Self {
        Self {
            dependency: dependency.into(),
            state,
            detail,
        }
    }
}

impl fmt::Display for DependencyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            DependencyState::Good => "ok",
            DependencyState::Refused => "refused",
            DependencyState::Unreachable => "unreachable",
        };
        write!(f, "{state:<12} {:<28} {}", self.dependency, self.detail)
    }
}
