//! Outcome: builds the commit of a reconcile. Pure.
//!
//! In: the context, the assessment, the progress and the conclusion, with the time and a chance for
//! the jitter. Out: the row's new state, the dead letters, and a line of history without values.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    assess::group_notes,
    context::{Assessment, ReconcileContext, after},
    dead_letters::{self, Subject},
    next_step::{Conclusion, pause_word},
    progress::{Progress, attributes_of},
};
use crate::store::{
    Account, Commit, IntentKind, LastApplied, NewDeadLetter, Outcome, OutcomeKind, OutcomeReason,
    Priority,
};
use hirewire_core::{
    backoff::Backoff,
    fold::Status,
    mapping::Access,
    plan::{DeadLetterCause, Failure, FailureKind, PauseReason, Request, TargetUser, Wait},
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
        match conclusion {
            Conclusion::Reconciled(kind, detail) => self.reconciled(kind, detail),
            Conclusion::Applied(refused) => self.applied(refused),
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
            Conclusion::Pause(reason) => self.paused(reason),
            Conclusion::UserMissing => self.user_missing(),
            Conclusion::UserReplaced => self.user_replaced(),
            Conclusion::UserGone => self.user_gone(),
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
    fn applied(&self, refused: Vec<NewDeadLetter>) -> Commit {
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

        let notes = group_notes(&self.assessment.notes);
        let mut commit = self.reconciled_facts(kind, notes, Some(self.context.access()));
        commit.history = Some(json!({
            "status": self.context.person.status, "requests": self.progress.sent,
        }));
        let mut commit = self.with_user(commit);

        if !refused.is_empty() {
            commit.outcome = Outcome::new(OutcomeKind::DeadLetter, "refused");
            commit.closes_dead_letters = false;
            commit.dead_letters = refused;
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
        commit.closes_dead_letters = commit.scim_id.is_some() || account.scim_id.is_some();
        commit.priority = self.priority_at_due();

        if self.context.access() == Access::Inactive
            && commit.scim_id.is_some()
            && commit.reconciled_access.is_some()
        {
            self.schedule_audit(&mut commit);
        }
        // A previous lease holder's write may still be in flight: read again after the propagation
        // delay.
        if self.context.has_unproven_write() && commit.scim_id.is_some() {
            commit.verify_at = Some(self.after_propagation());
        }
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

    /// A leaver's account is read again, so that a later activation by another system is found.
    fn schedule_audit(&self, commit: &mut Commit) {
        let account = self.context.account();
        let is_audit = account.reconciled_access == Some(Access::Inactive)
            && account.reconciled_version == self.context.claim.person_version
            && commit.outcome.kind == OutcomeKind::Unchanged;

        commit.audits = if is_audit {
            account.audits.saturating_add(1)
        } else {
            0
        };
        let audit = after(self.at, audit_delay(commit.audits));
        commit.next_due_at = Some(commit.next_due_at.map_or(audit, |due| due.min(audit)));
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

    /// Not reconciled: try again at `until`.
    fn waiting(&self, attempts: u32, until: Timestamp, why: &str) -> Commit {
        let (account, progress) = (self.context.account(), self.progress);
        // A user that is being adopted is found again by its match keys: it is not bound yet.
        let (scim_id, last_applied) = if self.assessment.is_adoption() {
            (&account.scim_id, &account.last_applied)
        } else {
            (&progress.scim_id, &progress.last_applied)
        };

        Commit {
            scim_id: scim_id.clone(),
            last_applied: last_applied.clone(),
            priority: priority_of(self.context.access()),
            attempts,
            not_before: Some(until),
            // An intent of an earlier reconcile stays open until its write is proven.
            intent: account.intent.clone().filter(|_| progress.intent.is_none()),
            verify_at: account.verify_at.map(|verify| verify.max(until)),
            history: (!progress.sent.is_empty())
                .then(|| json!({ "requests": progress.sent, "problem": why })),
            ..Commit::keeping(account, Outcome::new(OutcomeKind::Waiting, why))
        }
    }

    /// An earlier write may still be in flight.
    fn wait_until(&self, until: Timestamp, why: &str) -> Commit {
        let account = self.context.account();
        let intent = account.intent.as_ref().or(self.progress.intent.as_ref());
        Commit {
            intent: intent.cloned(),
            verify_at: Some(until),
            ..self.waiting(account.attempts, until, why)
        }
    }

    /// The effect so far is kept, and the account is claimed again at once.
    fn termination_arrived(&self) -> Commit {
        Commit {
            not_before: None,
            priority: Priority::Leaver,
            ..self.waiting(0, self.at, "a newer termination arrived")
        }
    }

    fn retry(&self, failure: &Failure, wait: &Wait) -> Commit {
        let account = self.context.account();
        let was_sent = failure.kind != FailureKind::NotSent;
        let attempts = account.attempts.saturating_add(u32::from(was_sent));
        let delay = Backoff::ACCOUNT.delay_at_least(attempts.max(1), self.chance, wait.at_least);
        let until = after(self.at, delay);

        let mut commit = self.waiting(attempts, until, &failure.to_string());
        if wait.verify {
            self.verify_first(&mut commit);
        }
        if let Some(cause) = wait.dead_letter {
            commit.dead_letters.push(dead_letters::failed_request(
                account,
                cause,
                failure,
                self.progress,
            ));
        }
        commit
    }

    /// The write may have taken effect: the next attempt reads the account first.
    fn verify_first(&self, commit: &mut Commit) {
        let verify = self.after_propagation();
        commit.intent = self.open_intent();
        // A create without an answer is not searched before its user must show.
        let creating = commit
            .intent
            .as_ref()
            .is_some_and(|intent| intent.kind == IntentKind::Create);
        if creating && self.progress.scim_id.is_none() {
            commit.not_before = commit.not_before.max(Some(verify));
        }
        commit.verify_at = Some(verify).max(commit.not_before.filter(|_| creating));
    }

    /// A dead letter for an operator: nothing is tried until facts or mapping change.
    fn undecided(&self, dead_letter: NewDeadLetter) -> Commit {
        let cause = dead_letter.cause.as_str();
        let mut commit = self.reconciled_facts(OutcomeKind::DeadLetter, cause.to_owned(), None);
        commit.priority = self.priority_at_due();
        commit.intent.clone_from(&self.context.account().intent);
        commit.dead_letters.push(dead_letter);
        commit
    }

    /// The target refuses, or the attempts are used up.
    fn give_up(&self, cause: DeadLetterCause, failure: &Failure) -> Commit {
        let (account, progress) = (self.context.account(), self.progress);
        let dead_letter = dead_letters::failed_request(account, cause, failure, progress);

        let mut commit = self.undecided(dead_letter);
        if !self.assessment.is_adoption() {
            commit.scim_id.clone_from(&progress.scim_id);
            commit.last_applied = progress.last_applied.clone();
        }
        commit.intent = match &progress.intent {
            Some(_) if failure.is_refusal() => None,
            Some(_) | None => self.open_intent(),
        };
        commit.history = Some(json!({
            "requests": progress.sent, "dead_letter": cause.as_str(),
        }));
        commit
    }

    /// The pause is not about this person: it uses up no attempt.
    fn paused(&self, reason: PauseReason) -> Commit {
        let attempts = self.context.account().attempts;
        let why = format!("paused: {}", pause_word(reason));
        Commit {
            intent: self.open_intent(),
            ..self.waiting(attempts, self.at, &why)
        }
    }

    /// Missing and not confirmed: the next reconcile reads [`OutcomeReason::UserMissing`] back.
    fn user_missing(&self) -> Commit {
        let until = self.after_propagation();
        let attempts = self.context.account().attempts;
        let mut commit = self.waiting(attempts, until, "the user is missing at the target");
        commit.outcome.reason = Some(OutcomeReason::UserMissing);
        commit.verify_at = Some(until);
        commit
    }

    /// Unbound; the next reconcile binds the user that the match keys find.
    fn user_replaced(&self) -> Commit {
        let attempts = self.context.account().attempts.saturating_add(1);
        let until = after(self.at, Backoff::ACCOUNT.delay(attempts, self.chance));
        Commit {
            scim_id: None,
            last_applied: LastApplied::default(),
            ..self.waiting(attempts, until, "the user has another id at the target")
        }
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
    fn open_intent(&self) -> Option<crate::store::Intent> {
        let earlier = self.context.account().intent.as_ref();
        self.progress.intent.as_ref().or(earlier).cloned()
    }

    fn after_propagation(&self) -> Timestamp {
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
    let user = assessment.binding.as_ref().map_or(
        TargetUser {
            id: "{id}",
            resource: None,
        },
        |binding| TargetUser {
            id: &binding.id,
            resource: binding.resource.as_ref(),
        },
    );

    assessment
        .next
        .operations()
        .iter()
        .map(|operation| operation.request(profile, user))
        .collect()
}

/// A leaver's account is read again after 1 hour, 1 day, 7 days, then every 30 days.
fn audit_delay(audits: u32) -> Duration {
    Duration::from_hours(match audits {
        0 => 1,
        1 => 24,
        2 => 7 * 24,
        _ => 30 * 24,
    })
}

/// Leavers are claimed before all others.
fn priority_of(access: Access) -> Priority {
    match access {
        Access::Inactive => Priority::Leaver,
        Access::Active | Access::Prepared | Access::Unmanaged => Priority::Other,
    }
}
