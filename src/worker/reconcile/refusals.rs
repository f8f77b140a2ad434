//! Refusals: the changes that a target did not take while the rest of the plan went on.
//!
//! In: the refused operations with the answers. Out: one dead letter that names all of them and
//! says whether anything else was applied.

use serde_json::{Value, json};

use super::{
    dead_letters::{Subject, failure_detail},
    progress::{Progress, attributes_of},
};
use crate::store::{Account, NewDeadLetter};
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
        }
    }

    fn detail(&self) -> Value {
        let mut detail = match &self.reason {
            Reason::Answered(failure) => failure_detail(failure),
            Reason::WithoutEffect => json!({
                "problem": "answered with success, and the answer shows the old value",
            }),
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
    let rest = if progress.succeeded.is_empty() {
        ""
    } else {
        " All other changes were applied."
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
