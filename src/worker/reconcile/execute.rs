//! Carrying out: one request after the other, under the fencing_token, each read back where it must be.
//!
//! Before the first write the row takes an intent; right before each request the claim is asked about again. A
//! newer ending drops the rest of any other plan. Nothing is sent whose deadline could outlast the lease.

use std::{collections::VecDeque, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    Case, ReconcileError, Reconciler, Step, after, assess::Seen, assess::look, on_failure::Judged,
    outcome,
};
use crate::{
    failpoint,
    scim_client::Response,
    store::ChangedSinceClaim,
    store::{Commit, Intent, IntentKind, LastApplied},
    worker::reconcile::{Look, Next},
};
use hirewire_core::{
    plan::{self, Failure, Operation, TargetUser},
    scim::member,
};

/// How far a reconcile has come.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// The user, once there is one.
    pub(super) scim_id: Option<String>,
    /// What of it is ours by now.
    pub(super) last_applied: LastApplied,
    /// What was sent: method, path, attributes; no values.
    pub(super) sent: Vec<Value>,
    /// The kinds of what succeeded.
    pub(super) done: Vec<IntentKind>,
    /// The intent of our own writes, once they have begun.
    pub(super) intent: Option<Intent>,
}

/// What running a plan came to.
pub(super) enum Ran {
    /// Everything was sent and is so.
    Done,
    /// A newer ending came: the rest was dropped.
    EndingCame,
    /// 200 to a deactivation, and it is still active.
    NotEffective,
    /// This operation failed.
    Failed(Operation, Failure),
}

/// How often a plan is made anew within one reconcile.
const MOST_ROUNDS: u32 = 3;

impl Progress {
    pub(super) fn of(case: &Case<'_>, look: &Look) -> Self {
        let account = &case.claim.account;
        let mut progress = Self {
            scim_id: account.scim_id.clone(),
            last_applied: account.last_applied.clone(),
            sent: Vec::new(),
            done: Vec::new(),
            intent: None,
        };
        progress.takes(look);
        progress
    }

    /// What another look found, beside what was done already.
    fn takes(&mut self, look: &Look) {
        if let Some(binding) = &look.binding {
            self.last_applied.created_by_us =
                binding.created_by_us || self.done.contains(&IntentKind::Create);
            self.scim_id = Some(binding.id.clone());
        }
        self.last_applied.attributes.extend(look.found.clone());
    }
}

impl Reconciler {
    /// Does what a look asks for, and says what to write down.
    pub(super) async fn carry_out(
        &self,
        case: &Case<'_>,
        seen: &Seen<'_>,
        looked: Look,
    ) -> Result<Commit, ReconcileError> {
        let mut looked = looked;
        let mut progress = Progress::of(case, &looked);
        let mut looked_up = false;
        for _ in 0..MOST_ROUNDS {
            let Next::Send(operations) = looked.next.clone() else {
                return Ok(outcome::unsent(case, self, &looked, progress));
            };
            let step = Step {
                case,
                seen,
                look: &looked,
            };
            let ran = self.run(step, operations, &mut progress).await?;
            match self.judge(step, &mut progress, ran, looked_up).await? {
                Judged::Commit(commit) => return Ok(*commit),
                Judged::LookAgain => looked_up = true,
            }
            match look(&Seen {
                read_first: true,
                ..*seen
            })
            .await
            {
                Ok(again) => {
                    looked = again;
                    progress.takes(&looked);
                }
                Err(failure) => return self.failed_to_look(case, seen, &failure).await,
            }
        }
        Ok(outcome::later(
            case,
            &looked,
            &progress,
            after(case.time(), self.connection.settings.propagation_delay),
            "it kept changing",
        ))
    }

    /// Sends the operations in order, up to the first that fails.
    pub(super) async fn run(
        &self,
        step: Step<'_>,
        operations: Vec<Operation>,
        progress: &mut Progress,
    ) -> Result<Ran, ReconcileError> {
        let Step { case, seen, look } = step;
        let mut rest: VecDeque<Operation> = operations.into();
        while let Some(operation) = rest.pop_front() {
            let ends = matches!(operation, Operation::Deactivate);
            let resource = look
                .binding
                .as_ref()
                .and_then(|binding| binding.resource.as_ref());
            let id = progress.scim_id.clone().unwrap_or_default();
            let request = operation.request(
                &case.live.mapping.document().profile,
                TargetUser { id: &id, resource },
            );
            failpoint::at("worker.request_built").await;
            let first = progress
                .intent
                .is_none()
                .then(|| intent(case, look, &operation, rest.iter()));
            let allowed = self.may_send(case, first.as_ref(), ends).await?;
            progress.intent = first.or(progress.intent.take());
            let Some(within) = allowed else {
                return Ok(Ran::EndingCame);
            };
            let answer = case.live.client.send_within(&request, within).await;
            failpoint::at("worker.sent").await;
            progress
                .sent
                .push(outcome::trace(&request, &operation, answer.as_ref()));
            match answer {
                Ok(response) => record(&operation, &response, progress),
                Err(failure) => return Ok(Ran::Failed(operation, failure)),
            }
            case.live.client.breaker().succeeded();
            if matches!(operation, Operation::Create { .. }) && progress.scim_id.is_none() {
                let kind = plan::FailureKind::Unusable("the created user has no id");
                return Ok(Ran::Failed(
                    operation.clone(),
                    Failure {
                        phase: operation.phase(),
                        kind,
                    },
                ));
            }
            if ends && let Some(ran) = self.read_back(seen, &operation, progress).await {
                return Ok(ran);
            }
        }
        Ok(Ran::Done)
    }

    /// How long the next request may take; `None`: a newer ending came, and this is not the end it asks for. The intent
    /// of a first request is written down in the same breath.
    async fn may_send(
        &self,
        case: &Case<'_>,
        intent: Option<&Intent>,
        ends: bool,
    ) -> Result<Option<Duration>, ReconcileError> {
        let timeout = self.connection.settings.timeout;
        let margin = Duration::from_secs(1);
        let mut asked = Instant::now();
        let mut status = match intent {
            Some(intent) => self.store.record_intent(case.claim, intent).await?,
            None => self.store.claim_status(case.claim).await?,
        };
        if status.lease_left < timeout + margin {
            asked = Instant::now();
            status = self
                .store
                .extend_lease(case.claim, self.connection.lease())
                .await?;
        }
        if status.changed == ChangedSinceClaim::Termination && !ends {
            return Ok(None);
        }
        // Measured by our own clock from before we asked: a process that was stopped meanwhile sends nothing late.
        let left = status
            .lease_left
            .saturating_sub(asked.elapsed())
            .saturating_sub(margin);
        if left.is_zero() {
            return Err(ReconcileError::Lost);
        }
        Ok(Some(left.min(timeout)))
    }

    /// An end of access counts once a GET says so.
    async fn read_back(
        &self,
        seen: &Seen<'_>,
        operation: &Operation,
        progress: &mut Progress,
    ) -> Option<Ran> {
        let id = progress.scim_id.clone().unwrap_or_default();
        match seen.client.get(&id).await {
            Ok(user) if plan::is_active(&user) == Some(true) => Some(Ran::NotEffective),
            Ok(_) => {
                progress.last_applied.active = Some(false);
                None
            }
            // Gone altogether gives no access either; what else came leaves it unproven.
            Err(failure) if failure.status() == Some(404) => None,
            Err(failure) => Some(Ran::Failed(operation.clone(), failure)),
        }
    }
}

/// What is written down before the first write: what it is, and how what it makes is found.
fn intent<'o>(
    case: &Case<'_>,
    look: &Look,
    first: &Operation,
    mut rest: impl Iterator<Item = &'o Operation>,
) -> Intent {
    let create = matches!(first, Operation::Create { .. })
        || rest.any(|op| matches!(op, Operation::Create { .. }));
    Intent {
        kind: if create {
            IntentKind::Create
        } else {
            kind_of(first)
        },
        match_keys: look.keys.iter().map(Into::into).collect(),
        fencing_token: case.claim.fencing_token.clone(),
        begun_at: case.time(),
    }
}

/// What succeeded is ours.
fn record(operation: &Operation, response: &Response, progress: &mut Progress) {
    for (path, value) in operation.applied() {
        progress
            .last_applied
            .attributes
            .insert(path.as_str().to_owned(), value);
    }
    match operation {
        Operation::Create { user, .. } => {
            progress.scim_id = response.id();
            progress.last_applied.created_by_us = true;
            progress.last_applied.active = member(user, "active").and_then(Value::as_bool);
        }
        Operation::Deactivate => progress.last_applied.active = Some(false),
        Operation::Reactivate => progress.last_applied.active = Some(true),
        Operation::AddToGroup { group } => {
            progress.last_applied.groups.insert(group.clone());
        }
        Operation::RemoveFromGroup { group } => {
            progress.last_applied.groups.remove(group);
        }
        Operation::CreateGroup { .. } => progress.last_applied.groups.extend(response.id()),
        Operation::Update(_) => {}
    }
    progress.done.push(kind_of(operation));
}

/// What kind of write an operation is.
pub(super) fn kind_of(operation: &Operation) -> IntentKind {
    match operation {
        Operation::Create { .. } => IntentKind::Create,
        Operation::Update(_) => IntentKind::Update,
        Operation::Deactivate => IntentKind::Deactivate,
        Operation::Reactivate => IntentKind::Reactivate,
        Operation::AddToGroup { .. }
        | Operation::RemoveFromGroup { .. }
        | Operation::CreateGroup { .. } => IntentKind::Groups,
    }
}
