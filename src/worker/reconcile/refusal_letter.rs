//! The dead letter about refusals: it names all of them, and says whether anything else was applied.
//!
//! In: the refused operations with the answers. Out: one dead letter, because at most one is open for
//! each cause.

use serde_json::{Value, json};

use super::{
    dead_letters::{Subject, failure_detail},
    progress::{Progress, attributes_of},
    refusals::{Reason, Refusal},
};
use crate::store::{Account, IntentKind, NewDeadLetter};
use hirewire_core::plan::DeadLetterCause;

/// The dead letter that names every refusal; `None`: there is none.
pub(super) fn dead_letter(account: &Account, progress: &Progress) -> Option<NewDeadLetter> {
    if progress.refusals.is_empty() {
        return None;
    }

    let refused: Vec<String> = progress.refusals.iter().map(text).collect();
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

    let details: Vec<Value> = progress.refusals.iter().map(detail).collect();
    let details = json!({ "refused": details });
    Some(Subject::of(account).dead_letter(DeadLetterCause::Refused, summary, details))
}

/// For people: `title with status 400`.
fn text(refusal: &Refusal) -> String {
    let attributes = attributes_of(&refusal.operation).join(", ");
    match &refusal.reason {
        Reason::Answered(failure) => match failure.status() {
            Some(status) => format!("{attributes} with status {status}"),
            None => format!("{attributes} ({})", failure.kind),
        },
        Reason::WithoutEffect => format!("{attributes} (answered with success, not changed)"),
        Reason::Withheld => format!("{attributes} (not sent, because userName was refused)"),
    }
}

fn detail(refusal: &Refusal) -> Value {
    let mut detail = match &refusal.reason {
        Reason::Answered(failure) => failure_detail(failure),
        Reason::WithoutEffect => json!({
            "problem": "answered with success, and the answer shows the old value",
        }),
        Reason::Withheld => json!({ "problem": "not sent, because userName was refused" }),
    };
    if let Some(members) = detail.as_object_mut() {
        let attributes = attributes_of(&refusal.operation).join(", ");
        members.insert("attribute".to_owned(), json!(attributes));
    }
    detail
}
