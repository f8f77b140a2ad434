//! Goes on after a refused update: its changes are sent one by one, so that a bad one delays no
//! other, and the rest of the plan follows.
//!
//! In: the update that the target refused. Out: every change that the target accepts is applied,
//! and one dead letter names the others. A rename is one thing: if `userName` is refused, the
//! addresses that were to change with it stay as they are.

use super::{
    ReconcileError, Reconciler,
    context::{Assessment, ReconcileContext},
    next_step::{Conclusion, FailedRequest, NextStep},
    progress::Progress,
    refusals::{Reason, Refusal},
};
use crate::worker::connection::PublishedConnection;
use hirewire_core::plan::{DeadLetterCause, Failure, Operation, Situation, Verdict, Wait, decide};

impl Reconciler {
    /// Splits the update and sends it. An update of one change is not sent again.
    pub(super) async fn split_update(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        assessment: &Assessment,
        (refused, failure): (&Operation, Failure),
        progress: &mut Progress,
    ) -> Result<NextStep, ReconcileError> {
        let mut singles = user_name_first(refused.split());
        if singles.len() == 1 {
            singles.clear();
            progress.refuse(Refusal {
                operation: refused.clone(),
                reason: Reason::Answered(failure),
            });
        }

        let planned = assessment.next.operations().iter();
        let rest = planned
            .skip_while(|operation| *operation != refused)
            .skip(1);
        singles.extend(rest.cloned());
        for single in singles {
            let next = self
                .send_single(context, published, assessment, single, progress)
                .await?;
            if let Some(interrupted) = next {
                return Ok(interrupted);
            }
        }
        Ok(conclusion(progress))
    }

    /// Sends one operation; `Some`: the others are not sent.
    async fn send_single(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        assessment: &Assessment,
        single: Operation,
        progress: &mut Progress,
    ) -> Result<Option<NextStep>, ReconcileError> {
        if sets("emails", &single) && progress.refuses(|refused| sets("userName", refused)) {
            progress.refuse(Refusal {
                operation: single,
                reason: Reason::Withheld,
            });
            return Ok(None);
        }

        let next = self
            .execute(context, published, assessment, vec![single], progress)
            .await?;
        let (operation, failure) = match next {
            NextStep::Commit(Conclusion::Applied) => return Ok(None),
            NextStep::HandleFailure(FailedRequest::Operation(operation, failure)) => {
                (operation, failure)
            }
            interrupted @ (NextStep::Assess
            | NextStep::HandleFailure(FailedRequest::Assessment(_))
            | NextStep::Execute(_)
            | NextStep::Revive(_)
            | NextStep::SplitUpdate(..)
            | NextStep::ProbeTarget(_)
            | NextStep::ConfirmAbsence(_)
            | NextStep::PauseConnection(..)
            | NextStep::Commit(_)) => return Ok(Some(interrupted)),
        };

        if !self
            .is_refused(context, published, &operation, &failure)
            .await
        {
            let failed = FailedRequest::Operation(operation, failure);
            return Ok(Some(NextStep::HandleFailure(failed)));
        }
        progress.refuse(Refusal {
            operation,
            reason: Reason::Answered(failure),
        });
        Ok(None)
    }

    /// Whether the target does not take this single change: it refuses it, or fails at it again and
    /// again while a probe succeeds. A write of `active` is never left out.
    async fn is_refused(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        operation: &Operation,
        failure: &Failure,
    ) -> bool {
        match operation {
            Operation::Update(_)
            | Operation::AddToGroup { .. }
            | Operation::RemoveFromGroup { .. }
            | Operation::CreateGroup { .. } => {}
            Operation::Create { .. } | Operation::Deactivate | Operation::Reactivate => {
                return false;
            }
        }

        let own = context.account().scim_id.as_deref();
        let mut situation = Situation {
            attempts: context.account().attempts.saturating_add(1),
            budget: u32::MAX,
            probe: None,
            looked_up: true,
        };
        let mut verdict = decide(failure, &situation);
        if verdict == Verdict::Probe {
            situation.probe = Some(
                self.connection
                    .recent_probe(&self.store, published, own)
                    .await,
            );
            verdict = decide(failure, &situation);
        }

        match verdict {
            Verdict::DeadLetter(_) => true,
            Verdict::Wait(wait) => wait.dead_letter == Some(DeadLetterCause::Refused),
            Verdict::LookUp
            | Verdict::ReadAgain
            | Verdict::ConfirmAbsence
            | Verdict::Probe
            | Verdict::SplitUpdate
            | Verdict::Pause(_)
            | Verdict::Done => false,
        }
    }
}

/// The changes with that of `userName` first: others depend on it.
fn user_name_first(mut singles: Vec<Operation>) -> Vec<Operation> {
    singles.sort_by_key(|single| !sets("userName", single));
    singles
}

fn sets(attribute: &str, operation: &Operation) -> bool {
    match operation {
        Operation::Update(changes) => changes.iter().any(|change| {
            change.path.urn().is_none() && change.path.attribute().eq_ignore_ascii_case(attribute)
        }),
        Operation::Create { .. }
        | Operation::Deactivate
        | Operation::Reactivate
        | Operation::AddToGroup { .. }
        | Operation::RemoveFromGroup { .. }
        | Operation::CreateGroup { .. } => false,
    }
}

/// A target that fails at every change may be in trouble as a whole: then the attempts go on.
fn conclusion(progress: &Progress) -> NextStep {
    let failed = progress.refusals.iter().find_map(Refusal::target_fault);
    let Some(failure) = failed.filter(|_| progress.succeeded.is_empty()) else {
        return NextStep::Commit(Conclusion::Applied);
    };

    let wait = Wait {
        verify: true,
        dead_letter: Some(DeadLetterCause::Refused),
        ..Wait::default()
    };
    NextStep::Commit(Conclusion::Retry(failure.clone(), wait))
}
