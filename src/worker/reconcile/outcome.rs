//! Outcome: builds the commit of a reconcile. Pure.
//!
//! In: the context, the assessment, the progress and the conclusion, with the time and a chance for
//! the jitter. Out: the row's new state, the dead letters, and a line of history without values.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    context::{Assessment, ReconcileContext, after},
    dead_letters::{self, Subject},
    next_step::Conclusion,
    notes::left_out,
    progress::{Progress, attributes_of},
    refusal_letter,
};
use crate::store::{
    Account, Commit, Intent, IntentKind, LastApplied, NewDeadLetter, Outcome, OutcomeKind, Priority,
};
use hirewire_core::{
    fold::Status,
    mapping::Access,
    plan::{DeadLetterCause, Failure, Note, Operation, Request, TargetUser, is_active},
    scim::Profile,
};

/// Everything that a commit is built from, beside the conclusion.
pub(super) struct CommitBuilder<'a> {
    pub(super) context: &'a ReconcileContext<'a>,
    pub(super) assessment: &'a Assessment,
    pub(super) progress: &'a Progress,
    /// Now, by the store's clock.
    pub(super) at: Timestamp,
    /// In 0..1, for the jitter of the backoff.
    pub(super) chance: f64,
}

impl CommitBuilder<'_> {
    pub(super) fn build(&self, conclusion: Conclusion) -> Commit {
        let mut commit = self.of(conclusion);
        commit
            .dead_letters
            .extend(self.progress.dead_letters.iter().cloned());
        commit
    }

    fn of(&self, conclusion: Conclusion) -> Commit {
        match conclusion {
            Conclusion::Reconciled(kind, detail) => self.reconciled(kind, detail),
            Conclusion::Applied => self.applied(),
            Conclusion::Observed => self.observed(),
            Conclusion::WaitUntil(until, why) => self.wait_until(until, &why),
            Conclusion::TerminationArrived => self.termination_arrived(),
            Conclusion::Retry(failure, wait) => self.retry(&failure, &wait),
            Conclusion::FileDeadLetter {
                cause,
                summary,
                detail,
            } => {
                let account = self.context.account();
                let subject = Subject::of(account);
                self.undecided(subject.dead_letter(cause, summary, detail))
            }
            Conclusion::GiveUp(cause, failure) => self.give_up(cause, &failure),
            Conclusion::Paused(reason) => self.paused(reason),
            Conclusion::UserMissing => self.user_missing(),
            Conclusion::UserReplaced => self.user_replaced(),
            Conclusion::UserGone => self.user_gone(),
            Conclusion::UserDeleted => self.user_deleted(),
        }
    }

    /// Nothing was to be sent.
    fn reconciled(&self, kind: OutcomeKind, detail: String) -> Commit {
        let access = match kind {
            OutcomeKind::Unchanged
            | OutcomeKind::DisabledElsewhere
            | OutcomeKind::LeaverNotFound => Some(self.context.access()),
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

        let mut commit = self.reconciled_facts(kind, detail, access);
        if kind == OutcomeKind::Unmanaged {
            // A write that began while the account was managed may still show: remember it.
            commit.intent.clone_from(&self.context.account().intent);
        }
        self.with_user(commit)
    }

    /// Every request succeeded, but the refused ones.
    fn applied(&self) -> Commit {
        let succeeded = |kind| self.progress.succeeded.contains(&kind);
        let kind = if succeeded(IntentKind::Create) {
            OutcomeKind::Created
        } else if succeeded(IntentKind::Deactivate) {
            OutcomeKind::Deactivated
        } else if succeeded(IntentKind::Reactivate) {
            OutcomeKind::Reactivated
        } else {
            OutcomeKind::Updated
        };

        let detail = if self.context.desired.access.withdrawn {
            "access begins later".to_owned()
        } else {
            left_out(&self.assessment.notes)
        };
        let mut commit = self.reconciled_facts(kind, detail, Some(self.context.access()));
        commit.history = Some(json!({
            "status": self.context.person.status, "requests": self.progress.sent,
        }));
        let mut commit = self.with_user(commit);

        if let Some(refused) = refusal_letter::dead_letter(self.context.account(), self.progress) {
            commit.outcome = Outcome::new(OutcomeKind::DeadLetter, "refused");
            commit.closes_dead_letters = false;
            commit.dead_letters.push(refused);
        }
        commit
    }

    /// The claimed facts and the mapping are reconciled; the binding stays as it was.
    fn reconciled_facts(
        &self,
        kind: OutcomeKind,
        detail: String,
        access: Option<Access>,
    ) -> Commit {
        let (account, status) = (self.context.account(), self.context.person.status);
        Commit {
            reconciled_access: access,
            next_due_at: self.context.desired.access.due,
            ..reconciled(account, status, kind, detail)
        }
    }

    /// Adds the user: the binding, what was applied, the next audit, the next read.
    fn with_user(&self, mut commit: Commit) -> Commit {
        let account = self.context.account();
        commit.scim_id.clone_from(&self.progress.scim_id);
        commit.last_applied = self.progress.last_applied.clone();
        if self.shows_active() {
            commit.last_applied.active = Some(true);
            commit.last_applied.ended_by_us = false;
        }
        commit.last_applied.refused = self.refused_values();
        commit.keeps_refused = !commit.last_applied.refused.is_empty();
        commit.closes_dead_letters =
            commit.scim_id.is_some() || account.scim_id.is_some() || self.has_left_no_user(&commit);
        commit.priority = self.priority_at_due();
        self.follow_given_access(&mut commit);

        if self.context.access() == Access::Inactive
            && commit.scim_id.is_some()
            && commit.reconciled_access.is_some()
            && !self.context.desired.access.withdrawn
        {
            self.schedule_audit(&mut commit);
        }
        // A previous lease holder's write may still be in flight: read again after the propagation
        // delay.
        if self.context.has_unproven_write() && commit.scim_id.is_some() {
            commit.verify_at = Some(self.after_propagation());
        }
        let notes = &self.assessment.notes;
        commit
            .dead_letters
            .extend(dead_letters::about_groups(account, notes));
        if !self.assessment.second_accounts.is_empty() {
            let second_accounts = &self.assessment.second_accounts;
            commit.dead_letters.push(dead_letters::second_account(
                account,
                commit.scim_id.as_deref(),
                second_accounts,
            ));
            commit.closes_dead_letters = false;
        }
        commit
    }

    /// Whether access has ended and no user matches: what was refused about one does not matter any
    /// more.
    fn has_left_no_user(&self, commit: &Commit) -> bool {
        commit.outcome.kind == OutcomeKind::LeaverNotFound && !self.context.desired.keys.is_empty()
    }

    /// The values that the target refused and that are still desired, by path. Where access has ended,
    /// none is.
    fn refused_values(&self) -> BTreeMap<String, Value> {
        let mut refused = self.progress.last_applied.refused.clone();
        match self.context.access() {
            Access::Active | Access::Prepared => {
                let notes = &self.assessment.notes;
                refused.retain(|path, _| notes.contains(&Note::RefusedBefore(path.clone())));
            }
            Access::Inactive => refused.clear(),
            Access::Unmanaged => {}
        }

        let now = self
            .progress
            .refusals
            .iter()
            .flat_map(|refusal| refusal.operation.refusable());
        refused.extend(now);
        refused
    }

    /// Whether the account gives access as desired and a read shows it, so that no deactivation of
    /// Hirewire's is in flight: an end of access that shows later is another system's.
    fn shows_active(&self) -> bool {
        let binding = self.assessment.binding.as_ref();
        let resource = binding.and_then(|binding| binding.resource.as_ref());
        let account = self.context.account();
        let may_write_show = self.context.has_unproven_write()
            || account
                .verify_at
                .is_some_and(|verify| verify > self.context.now());

        self.context.access() == Access::Active
            && resource.and_then(is_active) == Some(true)
            && !may_write_show
    }

    /// `observe`: the plan is recorded, nothing was sent.
    fn observed(&self) -> Commit {
        let next = &self.assessment.next;
        let requests: Vec<Value> =
            requests_of(self.assessment, &self.context.mapping.document().profile)
                .iter()
                .map(|request| json!({ "method": request.method, "path": request.path }))
                .collect();
        let detail = match next.operations() {
            [] => next.to_string(),
            operations => operations
                .iter()
                .map(|operation| attributes_of(operation).join(" "))
                .collect::<Vec<_>>()
                .join("; "),
        };

        let mut commit = self.reconciled_facts(OutcomeKind::Observed, detail, None);
        // Nothing was done: when the mode becomes `apply`, leavers still come first.
        let desired = self.context.desired.access;
        if desired.due_ends_access || desired.access == Access::Inactive {
            commit.priority = Priority::Leaver;
        }
        commit.intent.clone_from(&self.context.account().intent);
        commit.history = Some(json!({
            "status": self.context.person.status, "would_send": requests,
        }));
        commit
    }

    /// A dead letter for an operator: nothing is tried until facts or mapping change.
    fn undecided(&self, dead_letter: NewDeadLetter) -> Commit {
        let cause = dead_letter.cause.as_str();
        let mut commit = self.reconciled_facts(OutcomeKind::DeadLetter, cause.to_owned(), None);
        commit.priority = self.priority_at_due();
        commit.intent.clone_from(&self.context.account().intent);
        commit.dead_letters.push(dead_letter);
        // The row may have been bound before a write of this reconcile.
        if self.progress.bound.is_some() {
            commit.scim_id.clone_from(&self.progress.bound);
            commit.last_applied = self.progress.last_applied.clone();
        }
        commit
    }

    /// The target refuses, or the attempts are used up.
    fn give_up(&self, cause: DeadLetterCause, failure: &Failure) -> Commit {
        let (account, progress) = (self.context.account(), self.progress);
        let dead_letter = dead_letters::failed_request(account, cause, failure, progress);

        let mut commit = self.undecided(dead_letter);
        commit.scim_id.clone_from(&progress.scim_id);
        commit.last_applied = progress.last_applied.clone();
        commit.intent = match &progress.intent {
            Some(_) if failure.is_refusal() => None,
            Some(_) | None => self.open_intent(),
        };
        commit.history = Some(json!({
            "requests": progress.sent, "dead_letter": cause.as_str(),
        }));
        commit
    }

    /// No user, so no access.
    fn user_gone(&self) -> Commit {
        let (account, status) = (self.context.account(), self.context.person.status);
        let detail = "gone at the target".to_owned();
        Commit {
            reconciled_access: Some(Access::Inactive),
            scim_id: None,
            last_applied: LastApplied::default(),
            closes_dead_letters: true,
            ..reconciled(account, status, OutcomeKind::Deactivated, detail)
        }
    }

    /// The intent of this reconcile, or that of an earlier one whose write is not proven.
    pub(super) fn open_intent(&self) -> Option<Intent> {
        let earlier = self.context.account().intent.as_ref();
        self.progress.intent.as_ref().or(earlier).cloned()
    }

    pub(super) fn after_propagation(&self) -> Timestamp {
        after(self.at, self.context.settings.propagation_delay)
    }

    /// The priority at the next due time: an end of access comes first.
    fn priority_at_due(&self) -> Priority {
        if self.context.desired.access.due_ends_access {
            Priority::Leaver
        } else {
            Priority::Other
        }
    }
}

/// The commit of an account whose facts and mapping are reconciled and that is not due again. The
/// binding stays as it was.
pub(super) fn reconciled(
    account: &Account,
    status: Status,
    kind: OutcomeKind,
    detail: String,
) -> Commit {
    let is_new = account
        .outcome
        .as_ref()
        .is_none_or(|last| last.kind != kind);

    Commit {
        reconciled_access: None,
        reconciled: true,
        next_due_at: None,
        priority: Priority::Other,
        attempts: 0,
        not_before: None,
        intent: None,
        verify_at: None,
        audits: 0,
        history: is_new.then(|| json!({ "status": status, "detail": detail })),
        ..Commit::keeping(account, Outcome::new(kind, detail))
    }
}

/// The exact requests that an assessment asks for. A user that is to be created has the id `{id}`.
pub(crate) fn requests_of(assessment: &Assessment, profile: &Profile) -> Vec<Request> {
    let operations = assessment.next.operations().iter();
    let created = operations.clone().find_map(|operation| match operation {
        Operation::Create { user, .. } => Some(user),
        Operation::Update(_)
        | Operation::Deactivate
        | Operation::Reactivate
        | Operation::AddToGroup { .. }
        | Operation::RemoveFromGroup { .. }
        | Operation::CreateGroup { .. } => None,
    });
    let user = assessment.binding.as_ref().map_or(
        TargetUser {
            id: "{id}",
            resource: created,
        },
        |binding| TargetUser {
            id: &binding.id,
            resource: binding.resource.as_ref(),
        },
    );

    operations
        .map(|operation| operation.request(profile, user))
        .collect()
}
