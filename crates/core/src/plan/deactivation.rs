//! The plan for the end of access.
//!
//! It needs the bound account and nothing else: no mapping, scope or group rule can delay a leaver.

use super::{operation::Operation, result::Plan};

/// The facts about an account whose access must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaverAccount {
    /// `active` as just read; `None`: the target does not state it.
    pub active: Option<bool>,
    /// Whether the mapping's `protect` lists the account, such as a break-glass account.
    pub protected: bool,
    /// Whether an operator or the guard holds the row.
    pub held: bool,
}

/// The decision about an account whose access must end.
#[derive(Clone, Debug, PartialEq)]
pub enum DeactivationPlan {
    /// The account is inactive: nothing to do.
    AlreadyInactive,
    /// The account is protected: a dead letter is filed instead of a request.
    Protected,
    /// The deactivation waits until an operator releases the hold.
    Held,
    /// These operations, and no others, are sent now.
    Deactivate(Plan),
}

/// Plans the end of access of a bound account. An account without an `active` value counts as
/// active.
pub fn plan_deactivation(account: LeaverAccount) -> DeactivationPlan {
    match account {
        LeaverAccount {
            active: Some(false),
            ..
        } => DeactivationPlan::AlreadyInactive,
        LeaverAccount {
            protected: true, ..
        } => DeactivationPlan::Protected,
        LeaverAccount { held: true, .. } => DeactivationPlan::Held,
        LeaverAccount { .. } => DeactivationPlan::Deactivate(Plan {
            operations: vec![Operation::Deactivate],
            ..Plan::default()
        }),
    }
}
