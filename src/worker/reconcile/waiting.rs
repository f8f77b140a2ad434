//! Waiting: builds the commits of reconciles that are not done yet. Pure.
//!
//! In: the same as `outcome`. Out: a commit that keeps the account pending, with the next attempt,
//! the open intent and the time of the next read.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{
    context::after, dead_letters, next_step::pause_word, outcome::CommitBuilder, refusal_letter,
};
use crate::store::{
    Commit, IntentKind, LastApplied, Outcome, OutcomeKind, OutcomeReason, Priority,
};
use hirewire_core::{
    mapping::Access,
    plan::{Failure, FailureKind, PauseReason, Phase, Wait},
};

/// The longest wait of a leaver, with any `Retry-After` and after any number of failures.
const LEAVER_MAX_DELAY: Duration = Duration::from_mins(5);

impl CommitBuilder<'_> {
    /// Not reconciled: try again at `until`.
    fn waiting(&self, attempts: u32, until: Timestamp, why: &str) -> Commit {
        let (account, progress) = (self.context.account(), self.progress);

        Commit {
            scim_id: progress.scim_id.clone(),
            last_applied: progress.last_applied.clone(),
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
    pub(super) fn wait_until(&self, until: Timestamp, why: &str) -> Commit {
        let account = self.context.account();
        let intent = account.intent.as_ref().or(self.progress.intent.as_ref());
        Commit {
            intent: intent.cloned(),
            verify_at: Some(until),
            ..self.waiting(account.attempts, until, why)
        }
    }

    /// The effect so far is kept, and the account is claimed again at once.
    pub(super) fn termination_arrived(&self) -> Commit {
        Commit {
            not_before: None,
            priority: Priority::Leaver,
            ..self.waiting(0, self.at, "a newer termination arrived")
        }
    }

    pub(super) fn retry(&self, failure: &Failure, wait: &Wait) -> Commit {
        let account = self.context.account();
        // An outage is the connection's: its breaker says when the target is tried again.
        let counts = failure.kind != FailureKind::NotSent && !wait.is_outage;
        let attempts = account.attempts.saturating_add(u32::from(counts));
        let failures = if wait.is_outage { 1 } else { attempts.max(1) };

        let backoff = self.context.settings.backoff;
        let delay = backoff.delay_at_least(failures, self.chance, wait.at_least);
        let delay = match self.context.access() {
            Access::Inactive => delay.min(LEAVER_MAX_DELAY),
            Access::Active | Access::Prepared | Access::Unmanaged => delay,
        };
        let until = after(self.at, delay);

        let mut commit = self.waiting(attempts, until, &failure.to_string());
        if wait.verify {
            self.verify_first(&mut commit);
        }
        if let Some(cause) = wait.dead_letter {
            let is_update = matches!(failure.phase, Phase::Update { .. });
            let refused = refusal_letter::dead_letter(account, self.progress)
                .filter(|refused| is_update && refused.cause == cause);
            let failed = || dead_letters::failed_request(account, cause, failure, self.progress);
            commit.dead_letters.push(refused.unwrap_or_else(failed));
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

    /// The pause is not about this person: it uses up no attempt.
    pub(super) fn paused(&self, reason: PauseReason) -> Commit {
        let attempts = self.context.account().attempts;
        let why = format!("paused: {}", pause_word(reason));
        Commit {
            intent: self.open_intent(),
            ..self.waiting(attempts, self.at, &why)
        }
    }

    /// Missing and not confirmed: the next reconcile reads [`OutcomeReason::UserMissing`] back.
    pub(super) fn user_missing(&self) -> Commit {
        let until = self.after_propagation();
        let attempts = self.context.account().attempts;
        let mut commit = self.waiting(attempts, until, "the user is missing at the target");
        commit.outcome.reason = Some(OutcomeReason::UserMissing);
        commit.verify_at = Some(until);
        commit
    }

    /// Unbound; the next reconcile, which follows at once, binds the user that the match keys find, or
    /// makes one.
    pub(super) fn user_deleted(&self) -> Commit {
        let why = "the target deleted the user when it was deactivated; it is made anew";
        Commit {
            scim_id: None,
            last_applied: LastApplied::default(),
            ..self.waiting(0, self.at, why)
        }
    }

    /// Unbound; the next reconcile binds the user that the match keys find.
    pub(super) fn user_replaced(&self) -> Commit {
        let attempts = self.context.account().attempts.saturating_add(1);
        let backoff = self.context.settings.backoff;
        let until = after(self.at, backoff.delay(attempts, self.chance));
        Commit {
            scim_id: None,
            last_applied: LastApplied::default(),
            ..self.waiting(attempts, until, "the user has another id at the target")
        }
    }
}

/// Leavers are claimed before all others.
fn priority_of(access: Access) -> Priority {
    match access {
        Access::Inactive => Priority::Leaver,
        Access::Active | Access::Prepared | Access::Unmanaged => Priority::Other,
    }
}
