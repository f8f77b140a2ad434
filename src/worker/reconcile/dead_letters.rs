//! The dead letters about an account: what happened, and what an operator does next.
//!
//! In: the account and the failure. Out: a [`NewDeadLetter`]. `docs/dead-letters.md` explains each
//! cause. What a target wrote may quote personal data: it goes into the detail, never into a log.

use serde_json::{Value, json};

use super::progress::Progress;
use crate::{
    scim_client::FoundUser,
    store::{Account, DeadLetterSubject, NewDeadLetter, Owner, PersonKey},
};
use hirewire_core::{
    fold::FindingKind,
    plan::{DeadLetterCause, Failure, FailureKind, Note, ShownActive},
    scim::{AttributePath, member},
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
            | Note::FoundInactive
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
            | Note::FoundInactive
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

/// The user that matches is bound to another person: nothing was sent.
pub(super) fn another_persons_user(
    account: &Account,
    hit: &FoundUser,
    owner: &Owner,
) -> NewDeadLetter {
    let by: Vec<&str> = hit.matched_by.iter().map(AttributePath::as_str).collect();
    let summary = format!(
        "The account that matches this person is bound to another person, {}. Nothing was sent. {}",
        owner.alias,
        one_person_or_two(account, owner)
    );
    let detail = json!({
        "user": hit.id,
        "user_name": member(&hit.resource, "userName"),
        "by": by,
        "other_person": owner.person,
        "other_worker": owner.alias.to_string(),
    });
    Subject(account).dead_letter(DeadLetterCause::Conflict, summary, detail)
}

/// The user turned out to be bound to another person when this account was to be bound to it.
/// `owner`: `None`, if that binding ended meanwhile.
pub(super) fn bound_elsewhere(
    account: &Account,
    user: Option<&str>,
    owner: Option<&Owner>,
) -> NewDeadLetter {
    let summary = match owner {
        Some(owner) => format!(
            "The target's answer names the account of another person, {}. Nothing more was sent. \
             {}",
            owner.alias,
            one_person_or_two(account, owner)
        ),
        None => "The account that matches this person was bound to another person at the same \
                 time. Replay."
            .to_owned(),
    };
    let detail = json!({
        "user": user,
        "other_person": owner.map(|owner| &owner.person),
        "other_worker": owner.map(|owner| owner.alias.to_string()),
    });
    Subject(account).dead_letter(DeadLetterCause::Conflict, summary, detail)
}

/// The two ways on, for people.
fn one_person_or_two(account: &Account, owner: &Owner) -> String {
    format!(
        "If both are one person, join them: `hirewire people link {} {}`. If not, make the values \
         of the match keys unique at the target, then replay.",
        owner.alias, account.alias
    )
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
