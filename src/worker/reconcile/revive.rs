//! Revives a user that the target deleted or hid when Hirewire deactivated it.
//!
//! Some targets delete whom they deactivate, others only hide them. So the known id is written to
//! first; if no user has it, the account is unbound and the next reconcile searches or creates one.

use std::collections::VecDeque;

use super::{
    ReconcileError, Reconciler,
    context::{Assessment, ReconcileContext},
    next_step::{Conclusion, FailedRequest, NextStep},
    progress::Progress,
    read_back::Effect,
};
use crate::worker::connection::PublishedConnection;
use hirewire_core::plan::Operation;

impl Reconciler {
    /// Sends the activation to the known id. A user that shows is assessed; one that does not is
    /// made anew.
    pub(super) async fn revive(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        assessment: &Assessment,
        operations: &[Operation],
        progress: &mut Progress,
    ) -> Result<NextStep, ReconcileError> {
        let rest = VecDeque::new();
        for operation in operations {
            let planned = (operation, &rest);
            let effect = self
                .send(context, published, assessment, planned, progress)
                .await?;
            if let Effect::Unproven(next) = effect {
                return Ok(if is_missing(&next) {
                    NextStep::Commit(Conclusion::UserDeleted)
                } else {
                    next
                });
            }
        }

        let id = progress.scim_id.clone().unwrap_or_default();
        match published.client.get(&id).await {
            Err(failure) if failure.status() == Some(404) => {
                Ok(NextStep::Commit(Conclusion::UserDeleted))
            }
            Ok(_) | Err(_) => Ok(NextStep::Assess),
        }
    }
}

/// Whether no user has the id.
fn is_missing(next: &NextStep) -> bool {
    match next {
        NextStep::HandleFailure(FailedRequest::Operation(_, failure)) => {
            failure.status() == Some(404)
        }
        NextStep::Assess
        | NextStep::Execute(_)
        | NextStep::Revive(_)
        | NextStep::HandleFailure(FailedRequest::Assessment(_))
        | NextStep::SplitUpdate(..)
        | NextStep::ProbeTarget(_)
        | NextStep::ConfirmAbsence(_)
        | NextStep::PauseConnection(..)
        | NextStep::Commit(_) => false,
    }
}
