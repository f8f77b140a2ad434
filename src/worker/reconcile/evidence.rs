//! The evidence after a failure: breaker, probe, absence, pause of the connection.
//!
//! `on_failure` decides; these steps of the loop read the target or the store for it and return the
//! next step. They write nothing to the target.

use tokio::time::Instant;

use super::{
    ReconcileError, Reconciler,
    context::{ReconcileContext, after},
    next_step::{Conclusion, FailedRequest, NextStep, pause_word},
    on_failure::{Evidence, assess_again, on_absence, on_failure},
    progress::Progress,
};
use crate::{scim_client::Lookup, store::OutcomeReason, worker::connection::PublishedConnection};
use hirewire_core::{
    mapping::Access,
    plan::{Absence, Failure, FailureKind, PauseReason, Phase, Probe},
};

impl Reconciler {
    /// Reports a failure to the breaker and, where an operator must act, to the log.
    pub(super) fn report_failure(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        failed: &FailedRequest,
    ) {
        let (failure, person) = (failed.failure(), &context.account().person);
        let breaker = published.client.breaker();
        let connection = self.connection.settings.name.as_str();

        // Trouble with groups alone must not hold up what needs none.
        if failure.phase.is_about_groups() {
            return;
        }
        if failure.is_target_fault() {
            if breaker.failed(&person.0, Instant::now()) {
                tracing::warn!(
                    connection,
                    "requests for several people failed in a row: the breaker opens and nothing is \
                     sent for a while"
                );
            }
        } else if failure.status().is_some() {
            breaker.succeeded();
        }

        if failure.phase == Phase::Deactivate
            && let FailureKind::WithoutEffect(shown) = failure.kind
        {
            tracing::error!(
                connection,
                person.key = %person,
                "the target reported success for a deactivation, but {shown}; check the account \
                 and deactivate it by hand"
            );
        }
    }

    /// Sends a probe of the collection, and decides again with its result. If the credentials were
    /// refused, the secret is read first: with a new one the account is assessed again.
    pub(super) async fn probe_target(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        failed: FailedRequest,
        evidence: Evidence,
    ) -> Result<NextStep, ReconcileError> {
        let failure = failed.failure();
        let is_refused = matches!(failure.status(), Some(401 | 403));
        if is_refused && self.connection.reload_credentials(published) {
            return Ok(assess_again(failed));
        }

        let own = context.account().scim_id.as_deref();
        let (store, connection) = (&self.store, &self.connection);
        let probe = if failure.is_target_fault() {
            connection.recent_probe(store, published, own).await
        } else {
            connection.probe(store, published, own).await?
        };
        if probe == Probe::Down && published.client.breaker().open(Instant::now()) {
            tracing::warn!(
                connection = context.settings.name,
                "the target does not answer a probe either: nothing is sent for a while"
            );
        }

        let evidence = Evidence {
            probe: Some(probe),
            ..evidence
        };
        Ok(on_failure(context, failed, evidence))
    }

    /// A bound user answered 404: collects whether it is gone, has another id, or the target is not
    /// the one it was.
    pub(super) async fn confirm_absence(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        progress: &Progress,
        failure: Failure,
    ) -> Result<NextStep, ReconcileError> {
        let account = context.account();
        let (now, delay) = (context.now(), context.settings.propagation_delay);
        let own = progress.scim_id.as_deref();

        let is_scim = match (failure.phase, &failure.kind) {
            (Phase::Read, FailureKind::Answered { error, .. }) => Some(error.is_scim),
            _ => read_missing_user(published, progress).await,
        };
        // A 404 that is no SCIM error may come from a wrong URL: then everything answers so.
        let confirmed = match is_scim {
            None | Some(true) => is_scim,
            Some(false) => match self.connection.probe(&self.store, published, own).await? {
                Probe::Accepted => Some(true),
                Probe::Refused => {
                    return Ok(NextStep::PauseConnection(PauseReason::Credentials, failure));
                }
                Probe::WrongTarget => Some(false),
                Probe::Down | Probe::Unclear => None,
            },
        };
        let lookup_empty = match published.client.find(&context.desired.keys).await {
            Ok(Lookup::NotFound { .. }) => Some(true),
            Ok(Lookup::One(_)) => Some(false),
            Ok(Lookup::Several(_)) | Err(_) => None,
        };

        let last = account.outcome.as_ref();
        let was_missing = last.is_some_and(|last| last.reason == Some(OutcomeReason::UserMissing));
        let observed_before = was_missing && account.verify_at.is_some_and(|verify| verify <= now);
        let is_old = account
            .last_run_at
            .is_some_and(|reconciled| after(reconciled, delay) <= now);
        let others_missing = published.memory.count_missing_user()
            && !observed_before
            && !self
                .connection
                .can_read_another(&self.store, published, own)
                .await?;

        let known = Absence {
            confirmed,
            older_than_propagation_delay: is_old || observed_before,
            lookup_empty,
            observed_before,
            others_missing,
            deactivating: context.access() == Access::Inactive,
        };
        Ok(on_absence(&known, failure))
    }

    /// Pauses the connection with an alarm.
    pub(super) async fn pause(
        &self,
        reason: PauseReason,
        failure: &Failure,
    ) -> Result<NextStep, ReconcileError> {
        let connection = self.connection.settings.name.as_str();
        let word = pause_word(reason);

        if self.store.pause(connection, word, "hirewire").await? {
            tracing::error!(connection, reason = word, %failure, "the connection is paused");
        }
        Ok(NextStep::Commit(Conclusion::Paused(reason)))
    }
}

/// Whether a GET of the user answers 404 with a SCIM error; `None`: it answers something else.
async fn read_missing_user(published: &PublishedConnection, progress: &Progress) -> Option<bool> {
    let id = progress.scim_id.clone().unwrap_or_default();
    match published.client.get(&id).await {
        Err(Failure {
            kind: FailureKind::Answered { error, .. },
            ..
        }) if error.status == 404 => Some(error.is_scim),
        Ok(_) | Err(_) => None,
    }
}
