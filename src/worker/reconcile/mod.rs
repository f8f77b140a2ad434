//! Reconcile: brings one account to its desired state.
//!
//!     fold -> map -> assess -> plan -> execute -> outcome -> commit
//!
//! `mod.rs` folds the facts, starts the loop and commits. `context` applies the mapping, `run` is
//! the loop, `assess` reads the target and plans, `execute` sends requests under the fencing token,
//! `on_failure` decides about a failure, `outcome` builds the commit. A lost claim is no error: its
//! new holder folds all facts again.

mod assess;
mod change_groups;
mod conclude_groups;
mod context;
mod dead_letters;
mod evidence;
mod execute;
mod findings;
mod groups;
mod leaver;
mod locate;
mod merged;
mod next_run;
mod next_step;
mod notes;
mod on_failure;
mod outcome;
mod progress;
mod read_back;
mod readings;
mod refusal_letter;
mod refusals;
mod revive;
mod run;
mod split_update;
mod transition;
mod waiting;

#[cfg(test)]
mod assess_bound_tests;
#[cfg(test)]
mod assess_owner_tests;
#[cfg(test)]
mod assess_tests;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod lives_tests;
#[cfg(test)]
mod on_failure_tests;
#[cfg(test)]
mod outcome_tests;
#[cfg(test)]
mod refusal_tests;
#[cfg(test)]
mod waiting_tests;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

pub(crate) use assess::assess;
pub(crate) use context::ReconcileContext;
pub(crate) use notes::note_text;
pub(crate) use outcome::requests_of;
pub(crate) use readings::ReadError;

use super::connection::{Connection, ConnectionError, PublishedConnection};
use crate::{
    failpoint,
    observer::ReconcileReport,
    store::{Claim, ClaimError, Commit, Facts, Outcome, OutcomeKind, Store, StoreError},
    telemetry,
};
use hirewire_core::{backoff::Backoff, fold, mapping::Access};

/// How long an account waits when its connection publishes no mapping.
const UNPUBLISHED_DELAY: Duration = Duration::from_secs(5);

/// How long an account waits when its person has no facts.
const UNKNOWN_PERSON_DELAY: Duration = Duration::from_mins(1);

/// Reconciles accounts of one connection.
#[derive(Clone, Debug)]
pub(super) struct Reconciler {
    pub(super) store: Store,
    pub(super) connection: Arc<Connection>,
}

/// Why an account was left as it was; it stays pending.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReconcileError {
    /// Another worker has the claim, or it was released: nothing was committed.
    #[error("the claim was lost")]
    ClaimLost,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

impl From<ClaimError> for ReconcileError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Lost(_) => Self::ClaimLost,
            ClaimError::BoundElsewhere(person) => Self::Store(StoreError::Refused(format!(
                "the user is bound to person {person}"
            ))),
            ClaimError::Store(error) => Self::Store(error),
        }
    }
}

impl Reconciler {
    /// Reconciles a claimed account and commits. `facts`: the person's facts, if they were read
    /// since the claim. Newer facts than the claim's do no harm: the commit finds that the person's
    /// version moved, and the account is claimed again.
    pub(super) async fn reconcile(
        &self,
        claim: &Claim,
        facts: Option<Facts>,
    ) -> Result<ReconcileReport, ReconcileError> {
        let started = Instant::now();
        let (published, facts) = self.load(claim, facts).await?;

        let rules = self.connection.rules();
        let person = fold::fold(&facts.events, &facts.alias, claim.now, rules);
        let settings = &self.connection.settings;
        let context = ReconcileContext::new(claim, &person, &published.mapping, settings, started);
        let dead_letters = findings::dead_letters(&context, &facts.events);
        let terminated_at = findings::terminated_at(&person, &facts.events);
        let leaver_since = leaver::since(&context, terminated_at);
        let unknown = findings::ended_unknown(&context, &facts.events);

        let (mut commit, sent) = match &claim.merged_into {
            Some(into) => self.reconcile_merged(context, &published, into).await?,
            None => self.run(context, &published).await?,
        };
        commit.dead_letters.extend(dead_letters);
        if commit.outcome.kind == OutcomeKind::LeaverNotFound {
            commit.dead_letters.extend(unknown);
        }
        log_repeated_deactivation(claim, &commit);

        let outcome = commit.outcome.clone();
        self.commit(claim, commit, leaver_since).await?;
        Ok(ReconcileReport {
            connection: settings.name.clone(),
            person: claim.account.person.clone(),
            alias: facts.alias,
            outcome,
            requests: sent.iter().map(ToString::to_string).collect(),
            terminated_at,
            took: started.elapsed(),
        })
    }

    /// Loads the published connection and the facts; without either the claim is released.
    async fn load(
        &self,
        claim: &Claim,
        facts: Option<Facts>,
    ) -> Result<(PublishedConnection, Facts), ReconcileError> {
        let version = Some(claim.mapping_version);
        let Some(published) = self.connection.published(&self.store, version).await? else {
            self.store.release(claim, UNPUBLISHED_DELAY).await?;
            return Err(ReconcileError::ClaimLost);
        };

        let facts = match facts {
            Some(facts) => Some(facts),
            None => self.store.facts(&claim.account.person).await?,
        };
        let Some(facts) = facts else {
            self.store.release(claim, UNKNOWN_PERSON_DELAY).await?;
            return Err(ReconcileError::ClaimLost);
        };
        Ok((published, facts))
    }

    /// Commits. If the user turns out to be bound to another person, that conflict is committed.
    async fn commit(
        &self,
        claim: &Claim,
        mut commit: Commit,
        leaver_since: Option<Timestamp>,
    ) -> Result<(), ReconcileError> {
        failpoint::at("worker.before_commit").await;
        commit.leaver_since = leaver_since.filter(|_| !leaver::is_proven_inactive(&commit));

        match self.store.commit(claim, &commit).await {
            Ok(_) => Ok(()),
            Err(ClaimError::BoundElsewhere(_)) => {
                let account = &claim.account;
                let user = commit.scim_id.take();
                let letter = self.bound_elsewhere(account, user.as_deref()).await?;
                commit.scim_id.clone_from(&account.scim_id);
                commit.last_applied = account.last_applied.clone();
                commit.reconciled_access = None;
                commit.leaver_since = leaver_since;
                commit.outcome = Outcome::new(OutcomeKind::DeadLetter, "conflict");
                commit.dead_letters.push(letter);
                self.store.commit(claim, &commit).await?;
                Ok(())
            }
            Err(ClaimError::Store(StoreError::Refused(problem))) => {
                self.commit_refusal(claim, problem).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Commits that the store refused the result: an operator must act, and the account is tried
    /// again after a backoff, not at once for ever.
    async fn commit_refusal(&self, claim: &Claim, problem: String) -> Result<(), ReconcileError> {
        let account = &claim.account;
        tracing::error!(
            connection = account.connection,
            person.key = %account.person,
            problem,
            "the store refused the result of a reconcile: a dead letter is filed"
        );

        let attempts = account.attempts.saturating_add(1);
        let delay = Backoff::ACCOUNT.delay(attempts, telemetry::chance());
        let letter = dead_letters::unstorable(account, &problem);
        let commit = Commit {
            attempts,
            not_before: Some(context::after(claim.now, delay)),
            dead_letters: vec![letter],
            ..Commit::keeping(account, Outcome::new(OutcomeKind::DeadLetter, "unstorable"))
        };
        self.store.commit(claim, &commit).await?;
        Ok(())
    }
}

/// Another system activated a leaver's account: somebody must find out which one.
fn log_repeated_deactivation(claim: &Claim, commit: &Commit) {
    let account = &claim.account;
    if commit.outcome.kind == OutcomeKind::Deactivated
        && commit.scim_id.is_some()
        && commit.reconciled_access == Some(Access::Inactive)
        && account.reconciled_access == Some(Access::Inactive)
    {
        tracing::error!(
            connection = account.connection,
            person.key = %account.person,
            "a leaver's account was active again: it is deactivated once more"
        );
    }
}
