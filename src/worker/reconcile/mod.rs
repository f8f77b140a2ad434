//! Settling one account: fold -> map -> read -> plan -> SCIM requests -> verify -> commit.
//!
//! [`look`](assess::look) only reads and says what is to be done; it is also what a preview and `observe` show.
//! [`carry`](carry) does it, under the fencing_token. [`Reconciler::reconcile`] ties both to the claim and its commit. Losing the
//! claim is no error: whoever holds it now folds all facts again.

mod assess;
mod execute;
mod findings;
mod groups;
mod on_failure;
mod outcome;

use std::sync::Arc;

use jiff::{Timestamp, ToSpan as _};

pub use assess::{Binding, Look, Next, Seen, look};
pub use outcome::requests_of;

use super::connection::{Connection, ConnectionError, Live, Mode};
use crate::{
    failpoint,
    observer::ReconcileReport,
    store::{Claim, ClaimError, Commit, Facts, Outcome, OutcomeKind, Priority, Store, StoreError},
    telemetry,
};
use hirewire_core::{
    fold::{self, Person},
    mapping::Access,
};

/// Settles accounts of one connection.
#[derive(Clone, Debug)]
pub struct Reconciler {
    /// The store.
    pub store: Store,
    /// The connection.
    pub connection: Arc<Connection>,
}

/// Why an account was left as it was; it stays pending.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The claim is somebody else's now: they go on.
    #[error("the claim was lost")]
    Lost,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The connection cannot be used as published.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

impl From<ClaimError> for ReconcileError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Lost(_) => Self::Lost,
            ClaimError::BoundElsewhere(person) => Self::Store(StoreError::Refused(format!(
                "the user is bound to person {person}"
            ))),
            ClaimError::Store(error) => Self::Store(error),
        }
    }
}

/// A claim with everything that follows from it.
pub(super) struct Case<'a> {
    pub(super) claim: &'a Claim,
    pub(super) live: &'a Live,
    pub(super) person: &'a Person,
    pub(super) now: Timestamp,
    pub(super) begun: tokio::time::Instant,
}

/// A claim, and what was seen of its account.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) seen: &'a Seen<'a>,
    pub(super) look: &'a Look,
}

impl Case<'_> {
    /// The store's time by now: the claim's, and what passed since.
    pub(super) fn time(&self) -> Timestamp {
        after(self.now, self.begun.elapsed())
    }

    /// Somebody may have written before us without telling what came of it.
    pub(super) fn unclear(&self) -> bool {
        self.claim.lease_taken_over || self.claim.account.intent.is_some()
    }
}

impl Reconciler {
    /// Settles a claimed account; what it came to. `facts`: what was known of its person some time since the claim, where
    /// that was asked for already.
    pub async fn reconcile(
        &self,
        claim: &Claim,
        facts: Option<Facts>,
    ) -> Result<ReconcileReport, ReconcileError> {
        let begun = tokio::time::Instant::now();
        let Some(live) = self
            .connection
            .live(&self.store, Some(claim.mapping_version))
            .await?
        else {
            self.store
                .release(claim, std::time::Duration::from_secs(5))
                .await?;
            return Err(ReconcileError::Lost);
        };
        let facts = match facts {
            Some(facts) => Some(facts),
            None => self.store.facts(&claim.account.person).await?,
        };
        let Some(facts) = facts else {
            self.store
                .release(claim, std::time::Duration::from_mins(1))
                .await?;
            return Err(ReconcileError::Lost);
        };
        // Facts newer than the claim are welcome; the commit then finds the version moved and looks again.
        let person = fold::fold(
            &facts.events,
            &facts.alias,
            claim.now,
            self.connection.rules(),
        );
        let case = Case {
            claim,
            live: &live,
            person: &person,
            now: claim.now,
            begun,
        };
        let mut commit = match &claim.merged_into {
            Some(into) => self.merged(&case, into).await?,
            None => self.by_facts(&case).await?,
        };
        commit
            .dead_letters
            .extend(findings::letters(&case, &facts.events));
        let outcome = commit.outcome.clone();
        let requests = outcome::sent_of(&commit);
        self.write(&case, commit).await?;
        Ok(ReconcileReport {
            connection: self.connection.settings.name.clone(),
            person: claim.account.person.clone(),
            alias: facts.alias,
            outcome,
            requests,
            ended: findings::ended(&person, &facts.events),
            took: begun.elapsed(),
        })
    }

    async fn by_facts(&self, case: &Case<'_>) -> Result<Commit, ReconcileError> {
        let seen = Seen {
            mapping: &case.live.mapping,
            client: &case.live.client,
            connection: &self.connection,
            account: &case.claim.account,
            person: case.person,
            now: case.now,
            taken_over: case.claim.lease_taken_over,
            second_account: false,
            read_first: false,
        };
        self.look_and_carry(case, &seen).await
    }

    /// The account of a person who was merged into another: its binding moves, or it is a second account.
    async fn merged(
        &self,
        case: &Case<'_>,
        into: &crate::store::PersonKey,
    ) -> Result<Commit, ReconcileError> {
        let account = &case.claim.account;
        if account.scim_id.is_none() && account.intent.is_none() {
            return Ok(outcome::reconciled(
                case,
                OutcomeKind::Unmanaged,
                format!("merged into person {into}"),
                None,
                None,
            ));
        }
        let others = self.store.accounts(into).await?;
        let other = others
            .iter()
            .find(|view| view.account.connection == account.connection);
        let has_own = other.is_some_and(|view| view.account.scim_id.is_some());
        if !has_own && account.scim_id.is_some() {
            let moved = self.store.move_binding(case.claim, into).await?;
            let mut commit = Commit::keeping(
                account,
                outcome(OutcomeKind::Unmanaged, "the binding moved"),
            );
            commit.verify_at = None;
            if moved {
                commit.scim_id = None;
                commit.last_applied = crate::store::LastApplied::default();
                commit.reconciled = true;
                commit.next_due_at = None;
            } else {
                // The other account is being reconciled right now: a moment later.
                commit.outcome =
                    outcome(OutcomeKind::Waiting, "the merged person's account is busy");
                commit.not_before = Some(after(case.now, std::time::Duration::from_secs(1)));
            }
            return Ok(commit);
        }
        let seen = Seen {
            mapping: &case.live.mapping,
            client: &case.live.client,
            connection: &self.connection,
            account,
            person: case.person,
            now: case.now,
            taken_over: case.claim.lease_taken_over,
            second_account: true,
            read_first: false,
        };
        let mut commit = self.look_and_carry(case, &seen).await?;
        // Filed once, with the deactivation; later audits find it inactive.
        if commit.outcome.kind == OutcomeKind::Deactivated {
            commit.dead_letters.push(findings::two_accounts(case, into));
        }
        Ok(commit)
    }

    async fn look_and_carry(
        &self,
        case: &Case<'_>,
        seen: &Seen<'_>,
    ) -> Result<Commit, ReconcileError> {
        let looked = match look(seen).await {
            Ok(looked) => looked,
            Err(failure) => return self.failed_to_look(case, seen, &failure).await,
        };
        match self.connection.settings.mode {
            Mode::Apply => self.carry_out(case, seen, looked).await,
            Mode::Observe => Ok(outcome::observed(case, &looked)),
        }
    }

    /// Commits; a user that turns out to be bound to another person is a conflict.
    async fn write(&self, case: &Case<'_>, mut commit: Commit) -> Result<(), ReconcileError> {
        failpoint::at("worker.before_commit").await;
        match self.store.commit(case.claim, &commit).await {
            Ok(_) => Ok(()),
            Err(ClaimError::BoundElsewhere(other)) => {
                commit.scim_id.clone_from(&case.claim.account.scim_id);
                commit.last_applied = case.claim.account.last_applied.clone();
                commit.reconciled_access = None;
                commit.outcome = outcome(OutcomeKind::DeadLetter, "conflict");
                commit.dead_letters.push(outcome::conflict(case, &other));
                self.store.commit(case.claim, &commit).await?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// An outcome with its detail.
pub(super) fn outcome(kind: OutcomeKind, detail: impl Into<String>) -> Outcome {
    Outcome {
        kind,
        detail: detail.into(),
    }
}

/// That long after.
pub(super) fn after(now: Timestamp, wait: std::time::Duration) -> Timestamp {
    let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    now.checked_add(millis.milliseconds())
        .unwrap_or(Timestamp::MAX)
}

/// Leavers are claimed before everybody else.
pub(super) fn priority_of(access: Access) -> Priority {
    match access {
        Access::Inactive => Priority::Leaver,
        Access::Active | Access::Prepared | Access::Unmanaged => Priority::Other,
    }
}

/// Jitter.
pub(super) fn chance() -> f64 {
    telemetry::chance()
}
