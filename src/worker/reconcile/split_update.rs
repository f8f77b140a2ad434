//! Sends the changes of a refused update one by one, so that a bad change delays no other.
//!
//! In: the update that the target refused. Out: every change that the target accepts is applied,
//! and each refused one has a dead letter. The operations after the update in the plan follow.

use super::{
    ReconcileError, Reconciler,
    context::{Assessment, ReconcileContext},
    next_step::{Conclusion, FailedRequest, NextStep},
    on_failure::follow,
    progress::Progress,
    refusals::{Reason, Refusal},
};
use crate::worker::connection::PublishedConnection;
use hirewire_core::plan::{Operation, Situation, Verdict, decide};

/// A single change is not retried here: the table decides as if it had no budget and had been
/// looked up.
const SINGLE_CHANGE: Situation = Situation {
    attempts: 1,
    budget: u32::MAX,
    probe: None,
    looked_up: true,
};

impl Reconciler {
    /// Splits the update and sends it.
    pub(super) async fn split_update(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        assessment: &Assessment,
        refused: &Operation,
        progress: &mut Progress,
    ) -> Result<NextStep, ReconcileError> {
        let planned = assessment.next.operations().iter();
        let rest = planned
            .skip_while(|operation| *operation != refused)
            .skip(1);
        let singles: Vec<Operation> = refused.split().into_iter().chain(rest.cloned()).collect();
        for single in singles {
            let next = self
                .execute(context, published, assessment, vec![single], progress)
                .await?;
            let (operation, failure) = match next {
                NextStep::Commit(Conclusion::Applied) => continue,
                NextStep::HandleFailure(FailedRequest::Operation(operation, failure)) => {
                    (operation, failure)
                }
                interrupted @ (NextStep::Assess
                | NextStep::HandleFailure(FailedRequest::Assessment(_))
                | NextStep::Execute(_)
                | NextStep::SplitUpdate(_)
                | NextStep::ProbeCredentials(_)
                | NextStep::ConfirmAbsence(_)
                | NextStep::PauseConnection(..)
                | NextStep::Commit(_)) => return Ok(interrupted),
            };

            let verdict = decide(&failure, &SINGLE_CHANGE);
            if let Verdict::DeadLetter(_) = verdict {
                progress.refuse(Refusal {
                    operation,
                    reason: Reason::Answered(failure),
                });
                continue;
            }

            let failed = FailedRequest::Operation(operation, failure);
            let next = follow(context, failed, verdict);
            // The changes were split already.
            let is_split = matches!(next, NextStep::SplitUpdate(_));
            return Ok(if is_split { NextStep::Assess } else { next });
        }
        Ok(NextStep::Commit(Conclusion::Applied))
    }
}
