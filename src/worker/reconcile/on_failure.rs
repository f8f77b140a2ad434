//! On failure: asks the verdict table and says what follows. Pure.
//!
//! In: the failed request, and what a probe or an earlier search has shown. Out: the next step. The
//! table is `plan::decide`; here its verdicts meet the account: an assessment without a plan cannot
//! be repeated at once, and a deactivation is never given up.

use super::{
    context::ReconcileContext,
    next_step::{Conclusion, FailedRequest, NextStep},
};
use crate::store::OutcomeKind;
use hirewire_core::{
    mapping::Access,
    plan::{
        Absence, DeadLetterCause, Failure, Operation, Phase, Probe, Situation, Verdict, Wait,
        decide, decide_absence,
    },
};

/// A wait after which the account is read before anything is written.
const VERIFY: Wait = Wait {
    at_least: None,
    verify: true,
    dead_letter: None,
    is_outage: false,
};

/// The evidence that a reconcile has about a failure.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    /// The result of the probe that followed, if one was sent.
    pub(super) probe: Option<Probe>,
    /// Whether the account was searched again in this reconcile.
    pub(super) looked_up: bool,
    /// Whether the request was planned from what was last applied: the user was not read.
    pub(super) from_memory: bool,
}

/// Says what follows from a failed request.
pub(super) fn on_failure(
    context: &ReconcileContext<'_>,
    failed: FailedRequest,
    evidence: Evidence,
) -> NextStep {
    let situation = Situation {
        attempts: context.account().attempts.saturating_add(1),
        budget: context.settings.budget,
        probe: evidence.probe,
        looked_up: evidence.looked_up,
    };
    if is_known_to_be_gone(context, &failed) {
        return NextStep::reconciled(OutcomeKind::Unchanged, "gone at the target");
    }
    let verdict = decide(failed.failure(), &situation);

    let is_refusal = matches!(
        verdict,
        Verdict::SplitUpdate | Verdict::DeadLetter(DeadLetterCause::Refused)
    );
    if verdict == Verdict::Probe {
        return NextStep::ProbeTarget(failed);
    }
    // The user may have changed since: read it and plan again before the refusal counts.
    if is_refusal && evidence.from_memory && is_of_plan(&failed) {
        return NextStep::Assess;
    }
    if verdict_is_lasting(&verdict) && is_unreadable_leaver(context, &failed) {
        return NextStep::Execute(vec![Operation::Deactivate]);
    }
    // A refused change holds up nothing else of the plan.
    if is_refusal && is_update(&failed) {
        return follow(context, failed, Verdict::SplitUpdate);
    }
    follow(context, failed, verdict)
}

/// Whether access has ended, and the target deleted or hid the user when it was deactivated.
fn is_known_to_be_gone(context: &ReconcileContext<'_>, failed: &FailedRequest) -> bool {
    let FailedRequest::Assessment(failure) = failed else {
        return false;
    };
    failure.phase == Phase::Read
        && failure.status() == Some(404)
        && context.access() == Access::Inactive
        && context.account().last_applied.gone
}

fn verdict_is_lasting(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::DeadLetter(_)
            | Verdict::Wait(Wait {
                dead_letter: Some(_),
                ..
            })
    )
}

/// Whether access has ended and the bound user alone cannot be read: it is deactivated all the same.
/// A mapping that protects accounts needs the user's name first.
fn is_unreadable_leaver(context: &ReconcileContext<'_>, failed: &FailedRequest) -> bool {
    let FailedRequest::Assessment(failure) = failed else {
        return false;
    };
    let account = context.account();

    failure.phase == Phase::Read
        && context.access() == Access::Inactive
        && account.scim_id.is_some()
        && !account.held
        && context.mapping.document().protect.is_empty()
}

fn is_of_plan(failed: &FailedRequest) -> bool {
    match failed {
        FailedRequest::Operation(..) => true,
        FailedRequest::Assessment(_) => false,
    }
}

fn is_update(failed: &FailedRequest) -> bool {
    matches!(failed, FailedRequest::Operation(Operation::Update(_), _))
}

/// Follows a verdict.
pub(super) fn follow(
    context: &ReconcileContext<'_>,
    failed: FailedRequest,
    verdict: Verdict,
) -> NextStep {
    let failure = failed.failure().clone();

    match keep_deactivating(context.access(), verdict) {
        Verdict::Wait(wait) => NextStep::Commit(Conclusion::Retry(failure, wait)),
        Verdict::LookUp | Verdict::ReadAgain | Verdict::Probe => assess_again(failed),
        Verdict::ConfirmAbsence => NextStep::ConfirmAbsence(failure),
        Verdict::SplitUpdate => match failed {
            FailedRequest::Operation(operation, failure) => {
                NextStep::SplitUpdate(operation, failure)
            }
            FailedRequest::Assessment(_) => assess_again(failed),
        },
        Verdict::Pause(reason) => NextStep::PauseConnection(reason, failure),
        Verdict::DeadLetter(cause) => NextStep::Commit(Conclusion::GiveUp(cause, failure)),
        Verdict::Done => NextStep::Commit(Conclusion::Applied),
    }
}

/// Reads the target and plans again; an assessment that failed waits first.
pub(super) fn assess_again(failed: FailedRequest) -> NextStep {
    match failed {
        FailedRequest::Assessment(failure) => NextStep::Commit(Conclusion::Retry(failure, VERIFY)),
        FailedRequest::Operation(..) => NextStep::Assess,
    }
}

/// Says what follows for a bound user that answered 404.
pub(super) fn on_absence(known: &Absence, failure: Failure) -> NextStep {
    match decide_absence(known) {
        Verdict::Done => NextStep::Commit(Conclusion::UserGone),
        Verdict::Pause(reason) => NextStep::PauseConnection(reason, failure),
        Verdict::DeadLetter(cause) => NextStep::Commit(Conclusion::GiveUp(cause, failure)),
        Verdict::LookUp => NextStep::Commit(Conclusion::UserReplaced),
        Verdict::Wait(_)
        | Verdict::ReadAgain
        | Verdict::ConfirmAbsence
        | Verdict::Probe
        | Verdict::SplitUpdate => NextStep::Commit(Conclusion::UserMissing),
    }
}

/// Where no access is desired, the dead letter is filed and the attempts go on.
fn keep_deactivating(access: Access, verdict: Verdict) -> Verdict {
    match (access, verdict) {
        (Access::Inactive, Verdict::DeadLetter(cause)) => Verdict::Wait(Wait {
            dead_letter: Some(cause),
            ..VERIFY
        }),
        (_, verdict) => verdict,
    }
}
