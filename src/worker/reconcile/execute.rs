//! Execute: sends the requests of a plan in order, under the fencing token.
//!
//! Before the first write the row takes an intent, and right before each request the claim is
//! checked. A newer termination drops the rest of any plan that does not deactivate. No request is
//! sent whose deadline could be later than the lease. `read_back` checks the effect of each.

use std::{collections::VecDeque, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    ReconcileError, Reconciler,
    context::{Assessment, ReconcileContext},
    dead_letters,
    next_step::{Conclusion, FailedRequest, NextStep},
    progress::{Progress, Version, kind_of},
    read_back::{Effect, effect_of, note_missing_changes},
};
use crate::{
    failpoint,
    scim_client::Response,
    store::{
        Account, ChangedSinceClaim, ClaimError, ClaimStatus, Intent, IntentKind, NewBinding,
        NewDeadLetter, StoreError,
    },
    worker::connection::PublishedConnection,
};
use hirewire_core::{
    plan::{self, Failure, Operation, Request, TargetUser, version_of},
    scim::Profile,
};

/// How long before the end of the lease a request must have ended.
const LEASE_MARGIN: Duration = Duration::from_secs(1);

impl Reconciler {
    /// Sends the operations in order, up to the first one that fails.
    pub(super) async fn execute(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        assessment: &Assessment,
        operations: Vec<Operation>,
        progress: &mut Progress,
    ) -> Result<NextStep, ReconcileError> {
        let mut rest = VecDeque::from(operations);

        while let Some(operation) = rest.pop_front() {
            let planned = (&operation, &rest);
            let effect = if operation.is_about_groups() {
                self.change_group(context, published, planned, progress)
                    .await?
            } else {
                self.send(context, published, assessment, planned, progress)
                    .await?
            };
            match effect {
                Effect::AsAsked => {}
                Effect::Repair(repair) => rest.push_front(repair),
                Effect::Unproven(next) => return Ok(next),
            }
        }
        Ok(NextStep::Commit(Conclusion::Applied))
    }

    /// Sends one operation, which the `rest` of the plan follows.
    pub(super) async fn send(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        assessment: &Assessment,
        (operation, rest): (&Operation, &VecDeque<Operation>),
        progress: &mut Progress,
    ) -> Result<Effect, ReconcileError> {
        let profile = &context.mapping.document().profile;
        let request = match request(profile, published, assessment, operation, progress).await {
            Ok(request) => request,
            Err(failure) => return Ok(Effect::Unproven(failed(operation, failure))),
        };
        failpoint::at("worker.request_built").await;

        let permit = self
            .next_permit(context, (operation, rest), progress)
            .await?;
        let timeout = match permit {
            Permit::Within(timeout) => timeout,
            Permit::Refused(conclusion) => {
                return Ok(Effect::Unproven(NextStep::Commit(conclusion)));
            }
        };

        let answer = published.client.send_within(&request, timeout).await;
        failpoint::at("worker.sent").await;
        progress.record_sent(&request, operation, answer.as_ref());
        let response = match answer {
            Ok(response) => response,
            Err(failure) if is_removed_already(operation, &failure) => {
                Response::without_body(failure.status().unwrap_or_default())
            }
            Err(failure) => {
                progress.record_failure(operation, &failure);
                return Ok(Effect::Unproven(failed(operation, failure)));
            }
        };
        published.client.breaker().succeeded();

        let before = progress.last_applied.clone();
        progress.record_success(operation, &response);
        let (before, answer) = (&before, &response);
        note_missing_changes(published, operation, assessment, before, answer, progress).await;
        Ok(effect_of(published, operation, &response, progress).await)
    }

    /// The permit of the next request. The statement that checks the claim stores the intent of the
    /// plan, and binds the account to its user before the first request to it: so no write goes to
    /// the user of another person.
    pub(super) async fn next_permit(
        &self,
        context: &ReconcileContext<'_>,
        (operation, rest): (&Operation, &VecDeque<Operation>),
        progress: &mut Progress,
    ) -> Result<Permit, ReconcileError> {
        let is_first = progress.intent.is_none();
        let intent = progress
            .intent
            .take()
            .unwrap_or_else(|| intent(context, operation, rest));
        let asked = Instant::now();
        let status = self.begin(context, &intent, is_first, progress).await;
        progress.intent = Some(intent);

        match status {
            Ok(status) => self.permit(context, (asked, status), operation).await,
            Err(ClaimError::BoundElsewhere(_)) => {
                let user = progress.scim_id.take();
                progress.scim_id.clone_from(&progress.bound);
                let letter = self
                    .bound_elsewhere(context.account(), user.as_deref())
                    .await?;
                Ok(Permit::Refused(letter.into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Checks the claim, and stores what the row does not have yet: the intent, the binding.
    async fn begin(
        &self,
        context: &ReconcileContext<'_>,
        intent: &Intent,
        is_first: bool,
        progress: &mut Progress,
    ) -> Result<ClaimStatus, ClaimError> {
        let binding = progress.unbound_user().map(|scim_id| NewBinding {
            scim_id,
            last_applied: &progress.last_applied,
        });
        if !is_first && binding.is_none() {
            return self.store.claim_status(context.claim).await;
        }

        let binding = binding.as_ref();
        let status = self
            .store
            .record_intent(context.claim, intent, binding)
            .await?;
        progress.bound.clone_from(&progress.scim_id);
        Ok(status)
    }

    /// The dead letter about a user that another person's account is bound to.
    pub(super) async fn bound_elsewhere(
        &self,
        account: &Account,
        user: Option<&str>,
    ) -> Result<NewDeadLetter, StoreError> {
        let ids: Vec<&str> = user.into_iter().collect();
        let owners = self
            .store
            .other_owners(&account.connection, &ids, &account.person)
            .await?;
        Ok(dead_letters::bound_elsewhere(account, user, owners.first()))
    }

    /// How long the next request may take, by the status of the claim as `asked` for.
    async fn permit(
        &self,
        context: &ReconcileContext<'_>,
        (mut asked, mut status): (Instant, ClaimStatus),
        operation: &Operation,
    ) -> Result<Permit, ReconcileError> {
        let timeout = context.settings.timeout;

        if status.lease_left < timeout + LEASE_MARGIN {
            asked = Instant::now();
            let lease = self.connection.lease();
            status = self.store.extend_lease(context.claim, lease).await?;
        }
        if status.changed == ChangedSinceClaim::Termination
            && !matches!(operation, Operation::Deactivate)
        {
            return Ok(Permit::Refused(Conclusion::TerminationArrived));
        }

        // Measured by the clock of this process from before the query: a process that was stopped
        // meanwhile sends nothing late.
        let left = status
            .lease_left
            .saturating_sub(asked.elapsed())
            .saturating_sub(LEASE_MARGIN);
        if left.is_zero() {
            return Err(ReconcileError::ClaimLost);
        }
        Ok(Permit::Within(left.min(timeout)))
    }
}

/// The permit of one request.
pub(super) enum Permit {
    /// It may be sent, and may take so long.
    Within(Duration),
    /// It must not be sent: a newer termination arrived, and it is not the deactivation that the
    /// termination asks for; or the user is another person's.
    Refused(Conclusion),
}

/// Whether there was nothing to remove: the target refuses a removal with `noTarget` (RFC 7644
/// section 3.12), and the value is absent as desired.
fn is_removed_already(operation: &Operation, failure: &Failure) -> bool {
    failure.has_scim_type("noTarget") && operation.only_removes()
}

/// The version for `If-Match`: that of the last answer, or else of a new read. `as_read`: that of the
/// assessment; `None`: the request needs none.
async fn current_version(
    published: &PublishedConnection,
    progress: &Progress,
    as_read: Option<String>,
) -> Result<Option<String>, Failure> {
    match (&as_read, &progress.version) {
        (None, _) | (_, Version::AsRead) => Ok(as_read),
        (Some(_), Version::Known(version)) => Ok(Some(version.clone())),
        (Some(_), Version::Unknown) => {
            let id = progress.scim_id.clone().unwrap_or_default();
            let user = published.client.get(&id).await?;
            Ok(version_of(&user).map(str::to_owned))
        }
    }
}

/// The request of an operation. One that repeats values of the user needs the user as it is now.
async fn request(
    profile: &Profile,
    published: &PublishedConnection,
    assessment: &Assessment,
    operation: &Operation,
    progress: &Progress,
) -> Result<Request, Failure> {
    let id = progress.scim_id.clone().unwrap_or_default();
    let was_changed = !progress.sent.is_empty() && read_user(assessment).is_some();
    let is_stale = was_changed && operation.repeats_values(profile);
    if operation.replaces_user(profile) || is_stale {
        let user = current_user(published, assessment, progress).await?;
        let user = TargetUser {
            id: &id,
            resource: Some(&user),
        };
        return Ok(operation.request(profile, user));
    }

    let resource = read_user(assessment);
    let user = TargetUser { id: &id, resource };
    let mut request = operation.request(profile, user);
    request.if_match = current_version(published, progress, request.if_match).await?;
    Ok(request)
}

/// The user as the assessment read it.
fn read_user(assessment: &Assessment) -> Option<&Value> {
    let binding = assessment.binding.as_ref()?;
    binding.resource.as_ref()
}

/// The user as it is now, for a request that replaces it: an earlier request of this reconcile may
/// have changed it, and a list may have shown only a part of it.
async fn current_user(
    published: &PublishedConnection,
    assessment: &Assessment,
    progress: &Progress,
) -> Result<Value, Failure> {
    let is_read_alone = progress.sent.is_empty() && !assessment.is_adoption();
    if let Some(user) = read_user(assessment).filter(|_| is_read_alone) {
        return Ok(user.clone());
    }

    let id = progress.scim_id.clone().unwrap_or_default();
    published.client.get(&id).await
}

fn failed(operation: &Operation, failure: Failure) -> NextStep {
    NextStep::HandleFailure(FailedRequest::Operation(operation.clone(), failure))
}

/// Whether the request makes the user active.
fn gives_access(operation: &Operation) -> bool {
    match operation {
        Operation::Create { user, .. } => plan::is_active(user) != Some(false),
        Operation::Reactivate => true,
        Operation::Update(_)
        | Operation::Deactivate
        | Operation::AddToGroup { .. }
        | Operation::RemoveFromGroup { .. }
        | Operation::CreateGroup { .. } => false,
    }
}

/// The intent that is stored before the first write: a create anywhere in the plan counts, because
/// its user must be found again.
fn intent(context: &ReconcileContext<'_>, first: &Operation, rest: &VecDeque<Operation>) -> Intent {
    let creates = std::iter::once(first)
        .chain(rest)
        .any(|operation| matches!(operation, Operation::Create { .. }));

    Intent {
        kind: if creates {
            IntentKind::Create
        } else {
            kind_of(first)
        },
        match_keys: context.desired.keys.iter().map(Into::into).collect(),
        fencing_token: context.claim.fencing_token.clone(),
        begun_at: context.time(),
        gives_access: std::iter::once(first).chain(rest).any(gives_access),
    }
}
