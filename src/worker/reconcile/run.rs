//! The loop of a reconcile: assess, execute, handle failures, until a step concludes.
//!
//! Each arm of the loop is one step, which returns the next [`NextStep`]. What the steps decide is
//! pure (`assess::decide`, `on_failure`, `outcome`); what they send or read is here, in `execute`,
//! in `readings` and in `evidence`.

use super::{
    ReconcileError, Reconciler,
    assess::assess,
    context::{Assessment, ReconcileContext, after},
    next_step::{Conclusion, FailedRequest, NextStep},
    on_failure::{Evidence, on_failure},
    outcome::CommitBuilder,
    progress::{Progress, SentRequest},
    readings::ReadError,
};
use crate::{
    store::Commit,
    telemetry,
    worker::connection::{Mode, PublishedConnection},
};

/// How often one reconcile may plan. After that the account waits for the propagation delay.
const MAX_PLANS: u32 = 3;

impl Reconciler {
    /// Reconciles one account; returns what to commit, and the requests that were sent.
    pub(super) async fn run(
        &self,
        mut context: ReconcileContext<'_>,
        published: &PublishedConnection,
    ) -> Result<(Commit, Vec<SentRequest>), ReconcileError> {
        let (mut step, mut assessments) = (NextStep::Assess, 0);
        let (mut assessment, mut progress) = (Assessment::unread(), Progress::new(&context));

        loop {
            let evidence = evidence(&assessment, assessments);
            step = match step {
                NextStep::Assess => {
                    context.read_first = assessments > 0;
                    assessments += 1;
                    assessment = self.assess(&context, published).await?;
                    progress.adopt(&assessment);
                    first_step(&context, &assessment, assessments)
                }
                NextStep::Execute(operations) => {
                    self.execute(&context, published, &assessment, operations, &mut progress)
                        .await?
                }
                NextStep::Revive(operations) => {
                    context.gone = false;
                    self.revive(&context, published, &assessment, &operations, &mut progress)
                        .await?
                }
                NextStep::SplitUpdate(refused, failure) => {
                    let refused = (&refused, failure);
                    self.split_update(&context, published, &assessment, refused, &mut progress)
                        .await?
                }
                NextStep::HandleFailure(failed) => {
                    self.report_failure(&context, published, &failed);
                    on_failure(&context, failed, evidence)
                }
                NextStep::ProbeTarget(failed) => {
                    self.probe_target(&context, published, failed, evidence)
                        .await?
                }
                NextStep::ConfirmAbsence(failure) => {
                    self.confirm_absence(&context, published, &progress, failure)
                        .await?
                }
                NextStep::PauseConnection(reason, failure) => self.pause(reason, &failure).await?,
                NextStep::Commit(conclusion) if !progress.group_failures.is_empty() => {
                    self.conclude_groups(&context, published, &mut progress, conclusion)
                        .await?
                }
                NextStep::Commit(conclusion) => {
                    let commit = conclude(&context, published, &assessment, &progress, conclusion);
                    return Ok((commit, progress.sent));
                }
            };
        }
    }

    /// Reads the target and plans. A read that fails is the next step of an empty assessment.
    async fn assess(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
    ) -> Result<Assessment, ReconcileError> {
        match assess(context, published, &self.store).await {
            Ok(assessment) => Ok(assessment),
            Err(ReadError::Target(failure)) => Ok(Assessment {
                next: NextStep::HandleFailure(FailedRequest::Assessment(failure)),
                ..Assessment::unread()
            }),
            Err(ReadError::Store(error)) => Err(error.into()),
        }
    }
}

fn evidence(assessment: &Assessment, assessments: u32) -> Evidence {
    Evidence {
        probe: None,
        looked_up: assessments > 1,
        from_memory: assessment.is_from_memory(),
    }
}

/// A target that was read without a failure works, although nothing was sent.
fn report_success(
    published: &PublishedConnection,
    assessment: &Assessment,
    conclusion: &Conclusion,
) {
    if assessment.is_read() && matches!(conclusion, Conclusion::Reconciled(..)) {
        published.client.breaker().succeeded();
    }
}

fn conclude(
    context: &ReconcileContext<'_>,
    published: &PublishedConnection,
    assessment: &Assessment,
    progress: &Progress,
    conclusion: Conclusion,
) -> Commit {
    report_success(published, assessment, &conclusion);
    let builder = CommitBuilder {
        context,
        assessment,
        progress,
        at: context.time(),
        chance: telemetry::chance(),
    };
    builder.build(conclusion)
}

/// The first step after an assessment.
fn first_step(
    context: &ReconcileContext<'_>,
    assessment: &Assessment,
    assessments: u32,
) -> NextStep {
    if matches!(assessment.next, NextStep::HandleFailure(_)) {
        return assessment.next.clone();
    }

    match context.settings.mode {
        Mode::Observe => NextStep::Commit(Conclusion::Observed),
        Mode::Apply if assessments > MAX_PLANS => {
            let until = after(context.time(), context.settings.propagation_delay);
            let why = "the account kept changing at the target".to_owned();
            NextStep::Commit(Conclusion::WaitUntil(until, why))
        }
        Mode::Apply => assessment.next.clone(),
    }
}
