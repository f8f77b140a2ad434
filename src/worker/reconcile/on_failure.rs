//! What a failure comes to: the verdict table is asked, and what it says is done.
//!
//! The table is pure (`plan::decide`, `plan::decide_absence`); here are the reads it asks for: a probe of the credentials,
//! a second look, the proof that a bound user is gone.

use serde_json::{Value, json};

use super::{
    Case, Look, Next, ReconcileError, Reconciler, Step, after,
    assess::Seen,
    chance,
    execute::{Progress, Ran},
    outcome,
};
use crate::{
    scim_client::Lookup,
    store::{Commit, DeadLetterSubject, NewDeadLetter, OutcomeKind},
};
use hirewire_core::{
    backoff::Backoff,
    mapping::Access,
    plan::{
        self, Absence, DeadLetterCause, Failure, FailureKind, Operation, PauseReason, Phase,
        Situation, Verdict, Wait, decide,
    },
};

/// What is to be done after a plan was run.
pub(super) enum Judged {
    /// This is written down.
    Commit(Box<Commit>),
    /// Look again, plan again.
    LookAgain,
}

impl Judged {
    fn commit(commit: Commit) -> Self {
        Self::Commit(Box::new(commit))
    }
}

impl Reconciler {
    /// A look failed: there is no plan.
    pub(super) async fn failed_to_look(
        &self,
        case: &Case<'_>,
        seen: &Seen<'_>,
        failure: &Failure,
    ) -> Result<Commit, ReconcileError> {
        let blind = Look::blind(seen, &seen.mapping.for_person(seen.person));
        let step = Step {
            case,
            seen,
            look: &blind,
        };
        let mut progress = Progress::of(case, &blind);
        match self.decide(step, &mut progress, failure, false).await? {
            Decided::Judged(Judged::Commit(commit)) => Ok(*commit),
            Decided::Judged(Judged::LookAgain) | Decided::SplitUpdate => {
                let wait = Wait {
                    at_least: None,
                    verify: true,
                    dead_letter: None,
                };
                Ok(self.waiting(step, &progress, failure, &wait))
            }
        }
    }

    /// What running a plan came to, and what then.
    pub(super) async fn judge(
        &self,
        step: Step<'_>,
        progress: &mut Progress,
        ran: Ran,
        looked_up: bool,
    ) -> Result<Judged, ReconcileError> {
        let Step { case, look, .. } = step;
        match ran {
            Ran::Done => Ok(Judged::commit(outcome::done(case, self, look, progress))),
            Ran::EndingCame => Ok(Judged::commit(outcome::dropped(case, look, progress))),
            Ran::NotEffective => {
                let Verdict::Wait(wait) = plan::decide_not_effective() else {
                    return Ok(Judged::LookAgain);
                };
                let kind =
                    FailureKind::Unusable("answered with success, and the account is still active");
                let failure = Failure {
                    phase: Phase::Deactivate,
                    kind,
                };
                tracing::error!(
                    connection = self.connection.settings.name,
                    person.key = %case.claim.account.person,
                    "a deactivation was answered with success, and the account is still active"
                );
                Ok(Judged::commit(
                    self.waiting(step, progress, &failure, &wait),
                ))
            }
            Ran::Failed(operation, failure) => {
                match self.decide(step, progress, &failure, looked_up).await? {
                    Decided::Judged(judged) => Ok(judged),
                    Decided::SplitUpdate => self.split_update(step, progress, &operation).await,
                }
            }
        }
    }

    async fn decide(
        &self,
        step: Step<'_>,
        progress: &mut Progress,
        failure: &Failure,
        looked_up: bool,
    ) -> Result<Decided, ReconcileError> {
        let Step { case, seen, .. } = step;
        let client = seen.client;
        if failure.is_target_fault() {
            if client
                .breaker()
                .failed(&case.claim.account.person.0, tokio::time::Instant::now())
            {
                tracing::warn!(
                    connection = self.connection.settings.name,
                    "calls for several people failed in a row: nothing is sent for a while"
                );
            }
        } else if failure.status().is_some() {
            client.breaker().succeeded();
        }
        let mut situation = Situation {
            attempts: case.claim.account.attempts.saturating_add(1),
            budget: self.connection.settings.budget,
            probe: None,
            looked_up,
        };
        let mut verdict = decide(failure, &situation);
        if verdict == Verdict::Probe {
            // A secret that was rotated is taken before anybody is blamed.
            if let Some(credentials) = (self.connection.settings.credentials)()
                && client.set_credentials(credentials)
            {
                tracing::info!(
                    connection = self.connection.settings.name,
                    "the credentials were read again"
                );
                return Ok(Decided::Judged(Judged::LookAgain));
            }
            situation.probe = Some(client.probe_credentials().await);
            verdict = decide(failure, &situation);
        }
        self.follow(step, progress, failure, verdict).await
    }

    async fn follow(
        &self,
        step: Step<'_>,
        progress: &mut Progress,
        failure: &Failure,
        verdict: Verdict,
    ) -> Result<Decided, ReconcileError> {
        let Step { case, look, .. } = step;
        Ok(Decided::Judged(match spared(look, verdict) {
            Verdict::Wait(wait) => Judged::commit(self.waiting(step, progress, failure, &wait)),
            Verdict::LookUp | Verdict::ReadAgain | Verdict::Probe | Verdict::Recreate => {
                Judged::LookAgain
            }
            Verdict::ConfirmAbsence => Judged::commit(self.absent(step, progress, failure).await?),
            Verdict::SplitUpdate => return Ok(Decided::SplitUpdate),
            Verdict::Pause(reason) => {
                Judged::commit(self.pause(step, progress, failure, reason).await?)
            }
            Verdict::DeadLetter(cause) => {
                Judged::commit(outcome::letter(case, look, progress, cause, failure))
            }
            Verdict::Done => Judged::commit(outcome::done(case, self, look, progress)),
        }))
    }

    /// The changes were refused together: one by one, so that a bad one holds up no other.
    async fn split_update(
        &self,
        step: Step<'_>,
        progress: &mut Progress,
        refused: &Operation,
    ) -> Result<Judged, ReconcileError> {
        let Step { case, look, .. } = step;
        let mut letters = Vec::new();
        let planned: &[Operation] = match &look.next {
            Next::Send(operations) => operations,
            Next::Reconciled(..) | Next::Later(..) | Next::Letter { .. } => &[],
        };
        let rest = planned
            .iter()
            .skip_while(|operation| *operation != refused)
            .skip(1);
        let singles: Vec<Operation> = refused.split().into_iter().chain(rest.cloned()).collect();
        for single in singles {
            match self.run(step, vec![single], progress).await? {
                Ran::Done => {}
                Ran::EndingCame => {
                    return Ok(Judged::commit(outcome::dropped(case, look, progress)));
                }
                Ran::NotEffective => return Ok(Judged::LookAgain),
                Ran::Failed(operation, failure) => {
                    let situation = Situation {
                        attempts: 1,
                        budget: u32::MAX,
                        probe: None,
                        looked_up: true,
                    };
                    let verdict = decide(&failure, &situation);
                    if let Verdict::DeadLetter(cause) = verdict {
                        letters.push(outcome::refusal(case, &operation, &failure, cause));
                        continue;
                    }
                    return match self.follow(step, progress, &failure, verdict).await? {
                        Decided::Judged(judged) => Ok(judged),
                        Decided::SplitUpdate => Ok(Judged::LookAgain),
                    };
                }
            }
        }
        let mut commit = outcome::done(case, self, look, progress);
        if !letters.is_empty() {
            commit.outcome = outcome(OutcomeKind::DeadLetter, "refused");
            commit.closes_dead_letters = false;
            commit.dead_letters = letters;
        }
        Ok(Judged::commit(commit))
    }

    /// Tries again later.
    pub(super) fn waiting(
        &self,
        step: Step<'_>,
        progress: &Progress,
        failure: &Failure,
        wait: &Wait,
    ) -> Commit {
        let Step { case, look, .. } = step;
        let sent = failure.kind != FailureKind::NotSent;
        let attempts = case.claim.account.attempts.saturating_add(u32::from(sent));
        let delay = Backoff::ACCOUNT.delay_at_least(attempts.max(1), chance(), wait.at_least);
        let mut commit = outcome::waiting(
            case,
            look,
            progress,
            attempts,
            after(case.time(), delay),
            &failure.to_string(),
        );
        if wait.verify {
            let verify = after(case.time(), self.connection.settings.propagation_delay);
            commit.intent = progress
                .intent
                .clone()
                .or_else(|| case.claim.account.intent.clone());
            // An unclear create is not looked for before it must have shown up.
            let creating = commit
                .intent
                .as_ref()
                .is_some_and(|intent| intent.kind == crate::store::IntentKind::Create);
            if creating && progress.scim_id.is_none() {
                commit.not_before = commit.not_before.max(Some(verify));
            }
            commit.verify_at = Some(verify).max(commit.not_before.filter(|_| creating));
        }
        if let Some(cause) = wait.dead_letter {
            commit
                .dead_letters
                .push(outcome::about_failure(case, cause, failure, progress));
        }
        commit
    }

    async fn pause(
        &self,
        step: Step<'_>,
        progress: &Progress,
        failure: &Failure,
        reason: PauseReason,
    ) -> Result<Commit, ReconcileError> {
        let Step { case, look, .. } = step;
        let name = &self.connection.settings.name;
        let word = match reason {
            PauseReason::Credentials => "credentials",
            PauseReason::WrongTarget => "wrong_target",
        };
        if self.store.pause(name, word, "hirewire").await? {
            tracing::error!(connection = name.as_str(), reason = word, %failure, "the connection is paused");
        }
        // It is not about this person: no attempt is used up.
        let attempts = case.claim.account.attempts;
        let mut commit = outcome::waiting(
            case,
            look,
            progress,
            attempts,
            case.time(),
            &format!("paused: {word}"),
        );
        commit.intent = progress
            .intent
            .clone()
            .or_else(|| case.claim.account.intent.clone());
        Ok(commit)
    }

    /// A bound user answered 404: is it gone, or is the target not what it was?
    async fn absent(
        &self,
        step: Step<'_>,
        progress: &mut Progress,
        failure: &Failure,
    ) -> Result<Commit, ReconcileError> {
        let Step { case, seen, look } = step;
        let account = &case.claim.account;
        let reconcile = self.connection.settings.propagation_delay;
        let confirmed = match (failure.phase, &failure.kind) {
            (Phase::Read, FailureKind::Answered { error, .. }) => Some(error.is_scim),
            _ => match seen
                .client
                .get(&progress.scim_id.clone().unwrap_or_default())
                .await
            {
                Err(Failure {
                    kind: FailureKind::Answered { error, .. },
                    ..
                }) if error.status == 404 => Some(error.is_scim),
                Ok(_) | Err(_) => None,
            },
        };
        let hit = match seen.client.find(&look.keys).await {
            Ok(Lookup::NotFound { .. }) => Some(None),
            Ok(Lookup::One(hit)) => Some(Some(hit.id)),
            Ok(Lookup::Several(_)) | Err(_) => None,
        };
        let observed_before = account
            .outcome
            .as_ref()
            .is_some_and(|last| last.detail == outcome::ABSENT)
            && account.verify_at.is_some_and(|verify| verify <= case.now);
        let known = Absence {
            confirmed,
            older_than_propagation_delay: account
                .last_run_at
                .is_some_and(|last| after(last, reconcile) <= case.now)
                || observed_before,
            lookup_empty: hit.as_ref().map(Option::is_none),
            observed_before,
            others_missing: self.connection.one_more_missing() && !observed_before,
            deactivating: look.access.access == Access::Inactive,
            recreate: false,
        };
        Ok(match plan::decide_absence(&known) {
            Verdict::Done => {
                let mut commit = outcome::reconciled(
                    case,
                    OutcomeKind::Deactivated,
                    "gone at the target".to_owned(),
                    Some(Access::Inactive),
                    None,
                );
                commit.scim_id = None;
                commit.last_applied = crate::store::LastApplied::default();
                commit.closes_dead_letters = true;
                commit
            }
            Verdict::Pause(reason) => self.pause(step, progress, failure, reason).await?,
            Verdict::DeadLetter(cause) => outcome::letter(case, look, progress, cause, failure),
            Verdict::LookUp => {
                // It has another id now: unbound, and bound again by what is found next time.
                let attempts = account.attempts.saturating_add(1);
                let until = after(case.time(), Backoff::ACCOUNT.delay(attempts, chance()));
                let mut commit =
                    outcome::waiting(case, look, progress, attempts, until, "another id");
                commit.scim_id = None;
                commit.last_applied = crate::store::LastApplied::default();
                commit
            }
            Verdict::Wait(_)
            | Verdict::ReadAgain
            | Verdict::ConfirmAbsence
            | Verdict::Probe
            | Verdict::SplitUpdate
            | Verdict::Recreate => {
                let until = after(case.time(), reconcile);
                let mut commit = outcome::waiting(
                    case,
                    look,
                    progress,
                    account.attempts,
                    until,
                    outcome::ABSENT,
                );
                commit.verify_at = Some(until);
                commit
            }
        })
    }
}

/// Where access shall end nothing gives up: a letter is filed and it goes on.
fn spared(look: &Look, verdict: Verdict) -> Verdict {
    match (look.access.access, verdict) {
        (Access::Inactive, Verdict::DeadLetter(cause)) => Verdict::Wait(Wait {
            at_least: None,
            verify: true,
            dead_letter: Some(cause),
        }),
        (_, verdict) => verdict,
    }
}

enum Decided {
    Judged(Judged),
    SplitUpdate,
}

/// Facts of a failure for operators. What a target says may quote personal data: letters yes, logs never.
pub(super) fn facts(failure: &Failure) -> Value {
    match &failure.kind {
        FailureKind::Answered { error, .. } => json!({
            "status": error.status,
            "scimType": error.scim_type,
            "detail": error.detail,
        }),
        FailureKind::Unreachable
        | FailureKind::NoAnswer
        | FailureKind::NotSent
        | FailureKind::Redirected
        | FailureKind::Unusable(_) => json!({ "problem": failure.kind.to_string() }),
    }
}

/// A letter about the account.
pub(super) fn about_account(
    case: &Case<'_>,
    cause: DeadLetterCause,
    summary: String,
    detail: Value,
) -> NewDeadLetter {
    NewDeadLetter {
        subject: DeadLetterSubject::Account {
            connection: case.claim.account.connection.clone(),
            person: case.claim.account.person.clone(),
        },
        cause: cause,
        summary,
        detail,
        raw: None,
    }
}
