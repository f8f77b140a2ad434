//! On failure: asks the verdict table and says what follows. Pure.
//!
//! In: the failed request, and what a probe or an earlier search has shown. Out: the next step. The
//! table is `plan::decide`; here its verdicts meet the account: an assessment without a plan cannot
//! be repeated at once, and a deactivation is never given up.

use super::{
    context::ReconcileContext,
    next_step::{Conclusion, FailedRequest, NextStep},
};
use hirewire_core::{
    mapping::Access,
    plan::{Absence, Failure, Probe, Situation, Verdict, Wait, decide, decide_absence},
};

/// A wait after which the account is read before anything is written.
const VERIFY: Wait = Wait {
    at_least: None,
    verify: true,
    dead_letter: None,
};

/// Says what follows from a failed request. `probe`: the result of the probe of the credentials, if
/// one was sent. `looked_up`: whether the account was searched again in this reconcile.
pub(super) fn on_failure(
    context: &ReconcileContext<'_>,
    failed: FailedRequest,
    probe: Option<Probe>,
    looked_up: bool,
) -> NextStep {
    let situation = Situation {
        attempts: context.account().attempts.saturating_add(1),
        budget: context.settings.budget,
        probe,
        looked_up,
    };
    let verdict = decide(failed.failure(), &situation);

    if verdict == Verdict::Probe {
        return NextStep::ProbeCredentials(failed);
    }
    follow(context, failed, verdict)
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
        Verdict::LookUp | Verdict::ReadAgain | Verdict::Probe | Verdict::Recreate => {
            assess_again(failed)
        }
        Verdict::ConfirmAbsence => NextStep::ConfirmAbsence(failure),
        Verdict::SplitUpdate => match failed {
            FailedRequest::Operation(operation, _) => NextStep::SplitUpdate(operation),
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
        | Verdict::SplitUpdate
        | Verdict::Recreate => NextStep::Commit(Conclusion::UserMissing),
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
