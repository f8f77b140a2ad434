//! The end of access. It needs the binding and nothing else: no mapping, no scope, no group rule.

use super::{Operation, Plan};

/// What is known of an account that shall give no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaverAccount {
    /// `active` as just read; `None`: the target did not say.
    pub active: Option<bool>,
    /// A break-glass account, or the one whose token we use.
    pub protected: bool,
    /// Access is held by an operator or the guard.
    pub held: bool,
}

/// What the end of access asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// It is inactive already.
    Nothing,
    /// It must not be deactivated: a letter, an alarm.
    Protected,
    /// It waits for an operator.
    Held,
    /// This, and nothing else, now.
    Deactivate(Plan),
}

/// Plans the end of access of a bound account. An `active` that the target does not state counts as active.
pub fn plan_deactivation(account: LeaverAccount) -> Ending {
    match account {
        LeaverAccount {
            active: Some(false),
            ..
        } => Ending::Nothing,
        LeaverAccount {
            protected: true, ..
        } => Ending::Protected,
        LeaverAccount { held: true, .. } => Ending::Held,
        LeaverAccount { .. } => Ending::Deactivate(Plan {
            operations: vec![Operation::Deactivate],
            ..Plan::default()
        }),
    }
}
