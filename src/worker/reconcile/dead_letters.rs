//! The dead letters about an account: what happened, and what an operator does next.
//!
//! In: the account and the failure. Out: a [`NewDeadLetter`]. `docs/dead-letters.md` explains each
//! cause. What a target wrote may quote personal data: it goes into the detail, never into a log.

use serde_json::{Value, json};

use super::progress::Progress;
use crate::store::{Account, DeadLetterSubject, NewDeadLetter, PersonKey};
use hirewire_core::{
    fold::FindingKind,
    plan::{DeadLetterCause, Failure, FailureKind, Note, ShownActive},
};

/// The account that a dead letter is about.
pub(super) struct Subject<'a>(&'a Account);

impl<'a> Subject<'a> {
    pub(super) fn of(account: &'a Account) -> Self {
        Self(account)
    }

    pub(super) fn dead_letter(
        &self,
        cause: DeadLetterCause,
        summary: String,
        detail: Value,
    ) -> NewDeadLetter {
        NewDeadLetter {
            subject: DeadLetterSubject::Account {
                connection: self.0.connection.clone(),
                person: self.0.person.clone(),
            },
            cause,
            summary,
            detail,
            raw: None,
        }
    }
}

/// A request failed for good, or a deactivation failed and goes on.
pub(super) fn failed_request(
    account: &Account,
    cause: DeadLetterCause,
    failure: &Failure,
    progress: &Progress,
) -> NewDeadLetter {
    let summary = match (cause, failure.status(), progress.last_attributes()) {
        (DeadLetterCause::Refused, None, _) if matches!(failure.kind, FailureKind::Unfit(_)) => {
            format!(
                "Nothing more can be sent for this person: {}. Fix the data in HR, or the id at \
                 the target, then replay.",
                failure.kind
            )
        }
        (DeadLetterCause::Refused, Some(status), Some(attributes)) => format!(
            "The target refused {attributes} with status {status}. Read its answer in the detail, \
             fix the mapping or the data in HR, then replay."
        ),
        _ => without_effect(failure)
            .unwrap_or_else(|| summary_of(cause))
            .to_owned(),
    };

    let mut detail = failure_detail(failure);
    if let Some(members) = detail.as_object_mut() {
        members.insert("requests".to_owned(), json!(progress.sent));
    }
    Subject(account).dead_letter(cause, summary, detail)
}

/// The summary of a write of `active` that does not show; `None`: the failure is another one.
fn without_effect(failure: &Failure) -> Option<&'static str> {
    let FailureKind::WithoutEffect(shown) = failure.kind else {
        return None;
    };

    Some(match shown {
        ShownActive::Active => {
            "The target reported success but the account is still active. Deactivate it by hand, \
             then replay."
        }
        ShownActive::NotStated => {
            "The target reported success but does not show whether the account is active. Check \
             it by hand, and deactivate it there if it is, then replay."
        }
        ShownActive::Inactive => {
            "The target reported success but the account is still inactive. Activate it by hand, \
             then replay."
        }
    })
}

fn summary_of(cause: DeadLetterCause) -> &'static str {
    match cause {
        DeadLetterCause::Exhausted => {
            "Every attempt failed: the target could not be reached, failed, or asked to wait. \
             Replay when it works again."
        }
        DeadLetterCause::Conflict => {
            "Another account at the target has the userName or externalId that this person needs. \
             Free it there, then replay."
        }
        DeadLetterCause::Ambiguous => {
            "Several accounts at the target match this person. Make the values of the match keys \
             unique there, then replay."
        }
        DeadLetterCause::Refused => {
            "The target refused a request for this account. Read its answer in the detail, fix \
             the mapping or the data in HR, then replay."
        }
        DeadLetterCause::Vanished => {
            "The account no longer exists at the target. Restore it there, then replay."
        }
        DeadLetterCause::NotEffective => {
            "The target reported success but the account is still active. Deactivate it by hand, \
             then replay."
        }
        DeadLetterCause::Protected => {
            "This person left, and `protect` lists the account, so it is still active. Deactivate \
             it by hand, or take it out of `protect` and replay."
        }
        DeadLetterCause::LeaverOverdue
        | DeadLetterCause::Unreadable
        | DeadLetterCause::Unstorable
        | DeadLetterCause::Poison
        | DeadLetterCause::Finding(_) => {
            "This account needs an operator. Read the detail, then replay."
        }
    }
}

/// Removals from groups that the target answered with success and that had no effect.
pub(super) fn still_member(account: &Account, groups: &[String]) -> NewDeadLetter {
    let summary = format!(
        "The target reported that the user was removed from a group, but the user is still a member: \
         {}. Remove the user by hand, then replay.",
        groups.join(", ")
    );
    let detail = json!({ "groups": groups });
    Subject(account).dead_letter(DeadLetterCause::NotEffective, summary, detail)
}

/// Groups that rules name and the target does not have, or has several times.
pub(super) fn about_groups(account: &Account, notes: &[Note]) -> Vec<NewDeadLetter> {
    let missing: Vec<&str> = notes
        .iter()
        .filter_map(|note| match note {
            Note::GroupNotFound(name) => Some(name.as_str()),
            Note::Incomplete(_)
            | Note::DisabledElsewhere
            | Note::Held
            | Note::GroupAmbiguous(..)
            | Note::GroupUnknown(_)
            | Note::GroupsUnsupported
            | Note::RefusedBefore(_) => None,
        })
        .collect();
    let several: Vec<(&str, &[String])> = notes
        .iter()
        .filter_map(|note| match note {
            Note::GroupAmbiguous(name, ids) => Some((name.as_str(), ids.as_slice())),
            Note::Incomplete(_)
            | Note::DisabledElsewhere
            | Note::Held
            | Note::GroupNotFound(_)
            | Note::GroupUnknown(_)
            | Note::GroupsUnsupported
            | Note::RefusedBefore(_) => None,
        })
        .collect();

    let mut letters = Vec::new();
    if !missing.is_empty() {
        let summary = format!(
            "The target has no group of this name, and a rule puts this person into it: {}. Create \
             the group there, correct the rule, or set `groups_policy.create_missing`; then \
             replay.",
            missing.join(", ")
        );
        let cause = DeadLetterCause::Finding(FindingKind::GroupNotFound);
        let detail = json!({ "groups": missing });
        letters.push(Subject(account).dead_letter(cause, summary, detail));
    }
    if !several.is_empty() {
        let names: Vec<&str> = several.iter().map(|(name, _)| *name).collect();
        let summary = format!(
            "Several groups at the target have the name that a rule gives: {}. Give them different \
             names there, or name the id in the rule; then replay.",
            names.join(", ")
        );
        let detail = json!({ "groups": several });
        letters.push(Subject(account).dead_letter(DeadLetterCause::Ambiguous, summary, detail));
    }
    letters
}

/// The user that matches is bound to another person.
pub(super) fn bound_to_another(account: &Account, other: &PersonKey) -> NewDeadLetter {
    let summary = "The account that matches this person is bound to another person. Make the \
                   values of the match keys unique at the target, then replay.";
    let detail = json!({ "person": other });
    Subject(account).dead_letter(DeadLetterCause::Conflict, summary.to_owned(), detail)
}

/// The store refused what the reconcile brought.
pub(super) fn unstorable(account: &Account, problem: &str) -> NewDeadLetter {
    let summary = "The store refused the result of a reconcile, so it is not known what the target \
                   has now. Read the reason in the detail, fix it, then replay.";
    let detail = json!({ "reason": problem });
    Subject(account).dead_letter(DeadLetterCause::Unstorable, summary.to_owned(), detail)
}

/// Match keys found other users beside the bound one.
pub(super) fn second_account(
    account: &Account,
    user: Option<&str>,
    others: &[String],
) -> NewDeadLetter {
    let summary = "This person has a second account at the target. Remove one of them there, then \
                   replay.";
    let detail = json!({ "user": user, "others": others });
    let cause = DeadLetterCause::Finding(FindingKind::TwoAccounts);
    Subject(account).dead_letter(cause, summary.to_owned(), detail)
}

/// The second account of a person who was merged into another.
pub(super) fn merged(account: &Account, into: &PersonKey) -> NewDeadLetter {
    let summary = "Two people turned out to be one person. The other account stays, and this one \
                   was deactivated. Check that the person uses the other one.";
    let detail = json!({ "user": account.scim_id, "merged_into": into });
    let cause = DeadLetterCause::Finding(FindingKind::TwoAccounts);
    Subject(account).dead_letter(cause, summary.to_owned(), detail)
}

pub(super) fn failure_detail(failure: &Failure) -> Value {
    match &failure.kind {
        FailureKind::Answered { error, .. } => json!({
            "status": error.status,
            "scimType": error.scim_type,
            "detail": error.detail,
        }),
        FailureKind::Unreachable
        | FailureKind::NoAnswer
        | FailureKind::NotSent
        | FailureKind::Redirected
        | FailureKind::Unusable(_)
        | FailureKind::WithoutEffect(_)
        | FailureKind::Unfit(_) => json!({ "problem": failure.kind.to_string() }),
    }
}
