//! Refusals: the changes that a target did not take while the rest of the plan went on.
//!
//! In: the refused operations with the answers. Out: one dead letter that names all of them and
//! says whether anything else was applied.

use serde_json::{Value, json};

use super::{
    dead_letters::{Subject, failure_detail},
    progress::{Progress, attributes_of},
};
use crate::store::{Account, IntentKind, NewDeadLetter};
use hirewire_core::plan::{DeadLetterCause, Failure, Operation};

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
    /// For people: `title with status 400`.
    fn text(&self) -> String {
        let attributes = attributes_of(&self.operation).join(", ");
        match &self.reason {
            Reason::Answered(failure) => match failure.status() {
                Some(status) => format!("{attributes} with status {status}"),
                None => format!("{attributes} ({})", failure.kind),
            },
            Reason::WithoutEffect => format!("{attributes} (answered with success, not changed)"),
            Reason::Withheld => format!("{attributes} (not sent, because userName was refused)"),
        }
    }

    /// The failure, if it is the target's own.
    pub(super) fn target_fault(&self) -> Option<&Failure> {
        match &self.reason {
            Reason::Answered(failure) if failure.is_target_fault() => Some(failure),
            Reason::Answered(_) | Reason::WithoutEffect | Reason::Withheld => None,
        }
    }

    fn detail(&self) -> Value {
        let mut detail = match &self.reason {
            Reason::Answered(failure) => failure_detail(failure),
            Reason::WithoutEffect => json!({
                "problem": "answered with success, and the answer shows the old value",
            }),
            Reason::Withheld => json!({ "problem": "not sent, because userName was refused" }),
        };
        if let Some(members) = detail.as_object_mut() {
            let attributes = attributes_of(&self.operation).join(", ");
            members.insert("attribute".to_owned(), json!(attributes));
        }
        detail
    }
}

/// The dead letter that names every refusal; `None`: there is none.
pub(super) fn dead_letter(account: &Account, progress: &Progress) -> Option<NewDeadLetter> {
    if progress.refusals.is_empty() {
        return None;
    }

    let refused: Vec<String> = progress.refusals.iter().map(Refusal::text).collect();
    let is_change = |kind: &IntentKind| matches!(kind, IntentKind::Update | IntentKind::Groups);
    let rest = if progress.succeeded.iter().any(is_change) {
        " All other changes were applied."
    } else {
        ""
    };
    let summary = format!(
        "The target refused {}.{rest} Read its answer in the detail, fix the mapping or the data \
         in HR, then replay.",
        refused.join("; ")
    );

    let details: Vec<Value> = progress.refusals.iter().map(Refusal::detail).collect();
    let detail = json!({ "refused": details });
    Some(Subject::of(account).dead_letter(DeadLetterCause::Refused, summary, detail))
}
