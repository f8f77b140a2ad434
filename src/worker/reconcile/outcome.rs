//! What is written down of a reconcile: the commit's fields, letters, and history without values.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Case, Look, Next, Reconciler, after,
    assess::{Binding, group_note},
    execute::Progress,
    on_failure::{about_account, facts},
    outcome, priority_of,
};
use crate::{
    scim_client::Response,
    store::{
        Commit, DeadLetterSubject, IntentKind, NewDeadLetter, OutcomeKind, PersonKey, Priority,
    },
};
use hirewire_core::{
    fold::FindingKind,
    mapping::Access,
    plan::{DeadLetterCause, Failure, Operation, Request, TargetUser},
};

/// The outcome's detail while a bound user is missing and not proven gone.
pub(super) const ABSENT: &str = "absent";

/// A leaver's account is read again after 1 h, 1 d, 7 d, then every 30 days.
fn audit_after(audits: u32) -> Duration {
    Duration::from_hours(match audits {
        0 => 1,
        1 => 24,
        2 => 7 * 24,
        _ => 30 * 24,
    })
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Facts and mapping are reconciled; nothing is bound or unbound by it.
pub(super) fn reconciled(
    case: &Case<'_>,
    kind: OutcomeKind,
    detail: String,
    access: Option<Access>,
    due: Option<Timestamp>,
) -> Commit {
    let account = &case.claim.account;
    let changed = account
        .outcome
        .as_ref()
        .is_none_or(|last| last.kind != kind);
    Commit {
        reconciled_access: access,
        reconciled: true,
        next_due_at: due,
        priority: Priority::Other,
        attempts: 0,
        not_before: None,
        intent: None,
        verify_at: None,
        audits: 0,
        history: changed.then(|| json!({ "status": case.person.status, "detail": detail })),
        ..Commit::keeping(account, outcome(kind, detail))
    }
}

/// What a look comes to that asks for no request.
pub(super) fn unsent(
    case: &Case<'_>,
    reconciler: &Reconciler,
    look: &Look,
    progress: Progress,
) -> Commit {
    match &look.next {
        Next::Send(_) => dropped(case, look, &progress),
        Next::Later(until, why) => later(case, look, &progress, *until, why),
        Next::Letter {
            cause,
            summary,
            detail,
        } => {
            let letter = NewDeadLetter {
                subject: about(case),
                cause: *cause,
                summary: summary.clone(),
                detail: detail.clone(),
                raw: None,
            };
            undecided(case, look, letter)
        }
        Next::Reconciled(kind, detail) => {
            let access = match kind {
                OutcomeKind::Unchanged
                | OutcomeKind::DisabledElsewhere
                | OutcomeKind::LeaverNotFound => Some(look.access.access),
                OutcomeKind::Created
                | OutcomeKind::Updated
                | OutcomeKind::Deactivated
                | OutcomeKind::Reactivated
                | OutcomeKind::Unmanaged
                | OutcomeKind::Incomplete
                | OutcomeKind::Observed
                | OutcomeKind::Waiting
                | OutcomeKind::DeadLetter => None,
            };
            let mut commit = reconciled(case, *kind, detail.clone(), access, look.access.due);
            if *kind == OutcomeKind::Unmanaged {
                // What was begun before it stopped being ours may yet show up, and is remembered.
                commit.intent.clone_from(&case.claim.account.intent);
            }
            with_user(case, reconciler, look, progress, commit)
        }
    }
}

/// Everything was sent and is so.
pub(super) fn done(
    case: &Case<'_>,
    reconciler: &Reconciler,
    look: &Look,
    progress: &Progress,
) -> Commit {
    let kind = if progress.done.contains(&IntentKind::Create) {
        OutcomeKind::Created
    } else if progress.done.contains(&IntentKind::Deactivate) {
        OutcomeKind::Deactivated
    } else if progress.done.contains(&IntentKind::Reactivate) {
        OutcomeKind::Reactivated
    } else {
        OutcomeKind::Updated
    };
    let notes: Vec<String> = look.notes.iter().filter_map(group_note).collect();
    let mut commit = reconciled(
        case,
        kind,
        notes.join(", "),
        Some(look.access.access),
        look.access.due,
    );
    commit.history = Some(json!({ "status": case.person.status, "requests": progress.sent }));
    with_user(case, reconciler, look, progress.clone(), commit)
}

/// Adds what is known of the user: binding, what is ours, the next audit, what must be read again.
fn with_user(
    case: &Case<'_>,
    reconciler: &Reconciler,
    look: &Look,
    progress: Progress,
    mut commit: Commit,
) -> Commit {
    let account = &case.claim.account;
    commit.scim_id = progress.scim_id;
    commit.last_applied = progress.last_applied;
    commit.closes_dead_letters = commit.scim_id.is_some() || account.scim_id.is_some();
    commit.priority = if look.access.due_ends_access {
        Priority::Leaver
    } else {
        Priority::Other
    };
    if look.access.access == Access::Inactive
        && commit.scim_id.is_some()
        && commit.reconciled_access.is_some()
    {
        let audited = account.reconciled_access == Some(Access::Inactive)
            && account.reconciled_version == case.claim.person_version
            && commit.outcome.kind == OutcomeKind::Unchanged;
        commit.audits = if audited {
            account.audits.saturating_add(1)
        } else {
            0
        };
        let audit = after(case.time(), audit_after(commit.audits));
        commit.next_due_at = earliest(commit.next_due_at, Some(audit));
        if commit.outcome.kind == OutcomeKind::Deactivated
            && account.reconciled_access == Some(Access::Inactive)
        {
            tracing::error!(
                connection = account.connection,
                person.key = %account.person,
                "a leaver's account was active again: deactivated once more"
            );
        }
    }
    // Whoever wrote before us may yet be heard at the target: read again once that must have shown.
    if case.unclear() && commit.scim_id.is_some() {
        commit.verify_at = Some(after(
            case.time(),
            reconciler.connection.settings.propagation_delay,
        ));
    }
    if !look.others.is_empty() {
        commit.dead_letters.push(NewDeadLetter {
            subject: about(case),
            cause: DeadLetterCause::Finding(FindingKind::TwoAccounts),
            summary: "a second account of this person exists at the target: remove one of them"
                .to_owned(),
            detail: json!({ "user": commit.scim_id, "others": look.others }),
            raw: None,
        });
        commit.closes_dead_letters = false;
    }
    commit
}

/// Not reconciled: again later.
pub(super) fn waiting(
    case: &Case<'_>,
    look: &Look,
    progress: &Progress,
    attempts: u32,
    until: Timestamp,
    why: &str,
) -> Commit {
    let account = &case.claim.account;
    let adopting = look
        .binding
        .as_ref()
        .is_some_and(|binding| binding.adopting);
    // What is being adopted is found again, as what it was: not ours yet.
    let bound = if adopting {
        account.scim_id.clone()
    } else {
        progress.scim_id.clone()
    };
    Commit {
        scim_id: bound,
        last_applied: if adopting {
            account.last_applied.clone()
        } else {
            progress.last_applied.clone()
        },
        priority: priority_of(look.access.access),
        attempts,
        not_before: Some(until),
        // What was begun before us and is not proven stays open until it is.
        intent: account.intent.clone().filter(|_| progress.intent.is_none()),
        verify_at: account.verify_at.map(|verify| verify.max(until)),
        history: (!progress.sent.is_empty())
            .then(|| json!({ "requests": progress.sent, "problem": why })),
        ..Commit::keeping(account, outcome(OutcomeKind::Waiting, why))
    }
}

/// Not reconciled: something of ours may still be on its way.
pub(super) fn later(
    case: &Case<'_>,
    look: &Look,
    progress: &Progress,
    until: Timestamp,
    why: &str,
) -> Commit {
    let account = &case.claim.account;
    Commit {
        intent: account.intent.clone().or_else(|| progress.intent.clone()),
        verify_at: Some(until),
        ..waiting(case, look, progress, account.attempts, until, why)
    }
}

/// A newer ending came: what is done is kept, the rest is planned anew at once.
pub(super) fn dropped(case: &Case<'_>, look: &Look, progress: &Progress) -> Commit {
    let mut commit = waiting(case, look, progress, 0, case.time(), "a newer ending came");
    commit.not_before = None;
    commit.priority = Priority::Leaver;
    commit
}

/// A letter for an operator; by itself nothing more is tried until facts or mapping move.
fn undecided(case: &Case<'_>, look: &Look, letter: NewDeadLetter) -> Commit {
    let account = &case.claim.account;
    let mut commit = reconciled(
        case,
        OutcomeKind::DeadLetter,
        letter.cause.as_str().to_owned(),
        None,
        look.access.due,
    );
    commit.priority = if look.access.due_ends_access {
        Priority::Leaver
    } else {
        Priority::Other
    };
    commit.intent.clone_from(&account.intent);
    commit.dead_letters.push(letter);
    commit
}

/// The target refuses, or the attempts are used up.
pub(super) fn letter(
    case: &Case<'_>,
    look: &Look,
    progress: &Progress,
    cause: DeadLetterCause,
    failure: &Failure,
) -> Commit {
    let mut commit = undecided(case, look, about_failure(case, cause, failure, progress));
    let adopting = look
        .binding
        .as_ref()
        .is_some_and(|binding| binding.adopting);
    if !adopting {
        commit.scim_id.clone_from(&progress.scim_id);
        commit.last_applied = progress.last_applied.clone();
    }
    commit.intent = match &progress.intent {
        Some(_) if failure.is_refusal() => None,
        Some(ours) => Some(ours.clone()),
        None => case.claim.account.intent.clone(),
    };
    commit.history = Some(json!({ "requests": progress.sent, "letter": commit.outcome.detail }));
    commit
}

/// The letter of a failure.
pub(super) fn about_failure(
    case: &Case<'_>,
    cause: DeadLetterCause,
    failure: &Failure,
    progress: &Progress,
) -> NewDeadLetter {
    let summary = match cause {
        DeadLetterCause::Exhausted => {
            "the target could not be reached or asked to wait too often: replay when it is well"
        }
        DeadLetterCause::Conflict => {
            "somebody else's account has what this person's needs: free it there, then replay"
        }
        DeadLetterCause::Ambiguous => {
            "several accounts match this person: make the match keys unique there, then replay"
        }
        DeadLetterCause::Refused => {
            "the target refused: see what it says, fix mapping or data, then replay"
        }
        DeadLetterCause::Vanished => {
            "the account is gone at the target: replay once it is back, or restore it there"
        }
        DeadLetterCause::NotEffective => {
            "the target answered the deactivation with success, and the account is still active: deactivate it by hand"
        }
        DeadLetterCause::Unreadable | DeadLetterCause::Poison | DeadLetterCause::Finding(_) => {
            "an operator must look at this account"
        }
        DeadLetterCause::Protected => {
            "the person left, and the account is protected: deactivate it by hand, or unprotect it"
        }
    };
    let mut detail = facts(failure);
    if let Some(members) = detail.as_object_mut() {
        members.insert("requests".to_owned(), json!(progress.sent));
    }
    let summary = match (cause, failure.status(), last_attributes(progress)) {
        (DeadLetterCause::Refused, Some(status), Some(attributes)) => {
            format!(
                "the target refused {attributes} ({status}): see what it says, fix mapping or data, then replay"
            )
        }
        _ => summary.to_owned(),
    };
    about_account(case, cause, summary, detail)
}

/// What the last request touched.
fn last_attributes(progress: &Progress) -> Option<String> {
    let touched = progress.sent.last()?.get("attributes")?.as_array()?;
    Some(
        touched
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", "),
    )
}

/// One change that the target refused by itself.
pub(super) fn refusal(
    case: &Case<'_>,
    operation: &Operation,
    failure: &Failure,
    cause: DeadLetterCause,
) -> NewDeadLetter {
    let paths = attributes_of(operation).join(", ");
    let mut detail = facts(failure);
    if let Some(members) = detail.as_object_mut() {
        members.insert("attribute".to_owned(), json!(paths));
    }
    let status = failure
        .status()
        .map(|status| format!(" ({status})"))
        .unwrap_or_default();
    let summary = format!(
        "the target refused {paths}{status}; the rest was last_applied: fix it, then replay"
    );
    about_account(case, cause, summary, detail)
}

/// The user is bound to another person.
pub(super) fn conflict(case: &Case<'_>, other: &PersonKey) -> NewDeadLetter {
    let summary = "the account that matches is another person's here: make the match keys unique, then replay";
    about_account(
        case,
        DeadLetterCause::Conflict,
        summary.to_owned(),
        json!({ "person": other }),
    )
}

/// `observe`: what would be sent is kept.
pub(super) fn observed(case: &Case<'_>, look: &Look) -> Commit {
    let requests: Vec<Value> = requests_of(look, &case.live.mapping.document().profile)
        .iter()
        .map(|request| json!({ "method": request.method, "path": request.path }))
        .collect();
    let detail = match &look.next {
        Next::Send(operations) => operations
            .iter()
            .map(|op| attributes_of(op).join(" "))
            .collect::<Vec<_>>()
            .join("; "),
        Next::Reconciled(kind, detail) => format!("{kind:?} {detail}").trim().to_lowercase(),
        Next::Later(_, why) => why.clone(),
        Next::Letter { summary, .. } => summary.clone(),
    };
    let mut commit = reconciled(case, OutcomeKind::Observed, detail, None, look.access.due);
    // Nothing was done: once the connection is last_applied, leavers are still the first.
    let ends_access = look.access.due_ends_access || look.access.access == Access::Inactive;
    commit.priority = if ends_access {
        Priority::Leaver
    } else {
        Priority::Other
    };
    commit.intent.clone_from(&case.claim.account.intent);
    commit.history = Some(json!({ "status": case.person.status, "would_send": requests }));
    commit
}

/// The exact requests that a look asks for.
pub fn requests_of(look: &Look, profile: &hirewire_core::scim::Profile) -> Vec<Request> {
    let Next::Send(operations) = &look.next else {
        return Vec::new();
    };
    let (id, resource) = match &look.binding {
        Some(Binding { id, resource, .. }) => (id.as_str(), resource.as_ref()),
        None => ("{id}", None),
    };
    operations
        .iter()
        .map(|operation| operation.request(profile, TargetUser { id, resource }))
        .collect()
}

/// A request as history keeps it: what was touched and what came, no values.
pub(super) fn trace(
    request: &Request,
    operation: &Operation,
    answer: Result<&Response, &Failure>,
) -> Value {
    let result = match answer {
        Ok(response) => json!(response.status),
        Err(failure) => json!(failure.kind.to_string()),
    };
    json!({
        "method": request.method, "path": request.path, "attributes": attributes_of(operation), "result": result
    })
}

/// The traces of a commit, for `tail`: `PATCH /Users/2 200`.
pub(super) fn sent_of(commit: &Commit) -> Vec<String> {
    let sent = commit
        .history
        .as_ref()
        .and_then(|history| history.get("requests"))
        .and_then(Value::as_array);
    let text = |request: &Value, name| {
        request
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    sent.into_iter()
        .flatten()
        .map(|request| {
            let result = request
                .get("result")
                .map(|result| result.to_string().replace('"', ""))
                .unwrap_or_default();
            format!(
                "{} {} {result}",
                text(request, "method"),
                text(request, "path")
            )
        })
        .collect()
}

/// What an operation touches.
fn attributes_of(operation: &Operation) -> Vec<String> {
    match operation {
        Operation::Create { .. } => vec!["the whole user".to_owned()],
        Operation::Update(changes) => changes
            .iter()
            .map(|change| change.path.as_str().to_owned())
            .collect(),
        Operation::Deactivate => vec!["active: false".to_owned()],
        Operation::Reactivate => vec!["active: true".to_owned()],
        Operation::AddToGroup { group } => vec![format!("into group {group}")],
        Operation::RemoveFromGroup { group } => vec![format!("out of group {group}")],
        Operation::CreateGroup { name } => vec![format!("new group {name}")],
    }
}

fn about(case: &Case<'_>) -> DeadLetterSubject {
    DeadLetterSubject::Account {
        connection: case.claim.account.connection.clone(),
        person: case.claim.account.person.clone(),
    }
}
