//! The evidence after a failure: breaker, credentials, absence, pause of the connection.
//!
//! `on_failure` decides; these steps of the loop read the target or the store for it and return the
//! next step. They write nothing to the target.

use tokio::time::Instant;

use super::{
    ReconcileError, Reconciler,
    context::{ReconcileContext, after},
    next_step::{Conclusion, FailedRequest, NextStep, pause_word},
    on_failure::{assess_again, on_absence, on_failure},
    progress::Progress,
};
use crate::{scim_client::Lookup, store::OutcomeReason, worker::connection::PublishedConnection};
use hirewire_core::{
    mapping::Access,
    plan::{Absence, Failure, FailureKind, PauseReason, Phase},
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

    /// Reads the secret again. If it changed, the account is assessed again with it; else a probe
    /// tells whether the target refuses the credentials or this request alone.
    pub(super) async fn probe_credentials(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        failed: FailedRequest,
        looked_up: bool,
    ) -> NextStep {
        if let Some(credentials) = (context.settings.credentials)()
            && published.client.set_credentials(credentials)
        {
            tracing::info!(
                connection = context.settings.name,
                "the credentials changed and are used from now on"
            );
            return assess_again(failed);
        }

        let probe = published.client.probe_credentials().await;
        on_failure(context, failed, Some(probe), looked_up)
    }

    /// A bound user answered 404: collects whether it is gone, has another id, or the target is not
    /// the one it was.
    pub(super) async fn confirm_absence(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        progress: &Progress,
        failure: Failure,
    ) -> NextStep {
        let account = context.account();
        let (now, delay) = (context.now(), context.settings.propagation_delay);

        let confirmed = match (failure.phase, &failure.kind) {
            (Phase::Read, FailureKind::Answered { error, .. }) => Some(error.is_scim),
            _ => read_missing_user(published, progress).await,
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
        let others_missing = published.memory.count_missing_user() && !observed_before;

        let known = Absence {
            confirmed,
            older_than_propagation_delay: is_old || observed_before,
            lookup_empty,
            observed_before,
            others_missing,
            deactivating: context.access() == Access::Inactive,
            recreate: false,
        };
        on_absence(&known, failure)
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
