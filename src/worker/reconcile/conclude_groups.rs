//! Concludes the groups of a reconcile: what follows from the reads and changes that failed.
//!
//! In: the conclusion of everything else, and the failures that the progress kept. Out: the next
//! step. What was refused is named in the one dead letter about refusals; what may pass is tried
//! again. Trouble with groups never pauses a connection, but for refused credentials.

use super::{
    ReconcileError, Reconciler,
    change_groups::STILL_A_MEMBER,
    context::{GroupFailure, ReconcileContext},
    dead_letters,
    next_step::{Conclusion, NextStep},
    progress::{Progress, attributes_of},
    refusal_letter,
    refusals::{Reason, Refusal},
};
use crate::{store::OutcomeKind, worker::connection::PublishedConnection};
use hirewire_core::plan::{
    DeadLetterCause, Failure, FailureKind, PauseReason, Probe, Situation, Verdict, Wait, decide,
};

impl Reconciler {
    /// Says what follows. Without trouble about groups the conclusion stays as it is.
    pub(super) async fn conclude_groups(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        progress: &mut Progress,
        conclusion: Conclusion,
    ) -> Result<NextStep, ReconcileError> {
        let failures = std::mem::take(&mut progress.group_failures);
        if failures.is_empty() || !is_done(&conclusion) {
            return Ok(NextStep::Commit(conclusion));
        }

        let (mut probe, mut troubles) = (None, Troubles::default());
        for failed in failures {
            let mut follows = verdict(context, &failed.failure, probe);
            if follows == Verdict::Probe {
                let own = progress.scim_id.as_deref();
                let sent = self.connection.probe(&self.store, published, own).await?;
                probe = Some(sent);
                follows = verdict(context, &failed.failure, probe);
            }
            if follows == Verdict::Pause(PauseReason::Credentials) {
                return self.pause(PauseReason::Credentials, &failed.failure).await;
            }
            troubles.add(failed, follows, progress);
        }

        let account = context.account();
        if !troubles.still_member.is_empty() {
            let letter = dead_letters::still_member(account, &troubles.still_member);
            progress.dead_letters.push(letter);
        }
        Ok(NextStep::Commit(match troubles.waiting {
            None => Conclusion::Applied,
            Some((failure, wait)) => {
                let letter = refusal_letter::dead_letter(account, progress);
                progress.dead_letters.extend(letter);
                Conclusion::Retry(failure, wait)
            }
        }))
    }
}

/// The failures of one reconcile, by what follows from them. What was refused is in the progress.
#[derive(Default)]
struct Troubles {
    /// The groups from which the user was not removed.
    still_member: Vec<String>,
    /// The first one that may pass.
    waiting: Option<(Failure, Wait)>,
}

impl Troubles {
    fn add(&mut self, failed: GroupFailure, verdict: Verdict, progress: &mut Progress) {
        let GroupFailure { operation, failure } = failed;
        let (refused, wait) = match verdict {
            // One odd answer about groups is not about the connection.
            Verdict::DeadLetter(_) | Verdict::Pause(_) => (true, None),
            Verdict::Wait(wait) => (wait.dead_letter.is_some(), Some(wait)),
            Verdict::LookUp
            | Verdict::ReadAgain
            | Verdict::ConfirmAbsence
            | Verdict::Probe
            | Verdict::SplitUpdate
            | Verdict::Done => (false, Some(verified())),
        };

        if is_still_member(&failure) {
            self.still_member.extend(attributes_of(&operation));
        } else if refused {
            let reason = Reason::Answered(failure.clone());
            progress.refuse(Refusal { operation, reason });
        }
        if let Some(wait) = wait {
            let wait = Wait {
                dead_letter: None,
                ..wait
            };
            self.waiting.get_or_insert((failure, wait));
        }
    }
}

/// Whether everything but the groups is done.
fn is_done(conclusion: &Conclusion) -> bool {
    match conclusion {
        Conclusion::Applied => true,
        Conclusion::Reconciled(kind, _) => {
            matches!(
                kind,
                OutcomeKind::Unchanged | OutcomeKind::DisabledElsewhere
            )
        }
        Conclusion::Observed
        | Conclusion::WaitUntil(..)
        | Conclusion::TerminationArrived
        | Conclusion::Retry(..)
        | Conclusion::FileDeadLetter { .. }
        | Conclusion::GiveUp(..)
        | Conclusion::Paused(_)
        | Conclusion::UserMissing
        | Conclusion::UserReplaced
        | Conclusion::UserDeleted
        | Conclusion::UserGone => false,
    }
}

fn verdict(context: &ReconcileContext<'_>, failure: &Failure, probe: Option<Probe>) -> Verdict {
    let attempts = context.account().attempts.saturating_add(1);
    if is_still_member(failure) {
        return Verdict::Wait(Wait {
            dead_letter: Some(DeadLetterCause::NotEffective),
            ..verified()
        });
    }
    // The group may have been replaced since it was looked up.
    if failure.status() == Some(404) && attempts == 1 {
        return Verdict::Wait(verified());
    }

    let situation = Situation {
        attempts,
        budget: context.settings.budget,
        probe,
        looked_up: true,
    };
    decide(failure, &situation)
}

fn is_still_member(failure: &Failure) -> bool {
    failure.kind == FailureKind::Unusable(STILL_A_MEMBER)
}

/// A wait after which the account is read before anything is written.
fn verified() -> Wait {
    Wait {
        verify: true,
        ..Wait::default()
    }
}
