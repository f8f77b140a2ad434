//! Compares what a target answers with what was asked: a success is no proof of an effect.
//!
//! `active` must be known: where the answer does not show it as asked, a GET does. Other attributes
//! are compared where the answer shows the user. Out: the next step, or the operation that repairs
//! what the target did.

use super::{
    context::Assessment,
    next_step::{FailedRequest, NextStep},
    progress::Progress,
    refusals::{Reason, Refusal},
};
use crate::{
    scim_client::{Response, no_id},
    worker::connection::PublishedConnection,
};
use hirewire_core::{
    plan::{self, Change, Failure, FailureKind, LastApplied, Operation, ShownActive},
    scim::member,
};
use serde_json::Value;

/// The effect of a request that succeeded.
pub(super) enum Effect {
    /// The target did what was asked, as far as it shows.
    AsAsked,
    /// The target set another `active`: this is to be sent next.
    Repair(Operation),
    /// The effect is not proven: the rest of the plan is not sent.
    Unproven(NextStep),
}

/// Checks the effect of an operation that the target answered with success.
pub(super) async fn effect_of(
    published: &PublishedConnection,
    operation: &Operation,
    response: &Response,
    progress: &mut Progress,
) -> Effect {
    match operation {
        Operation::Create { .. } if progress.scim_id.is_none() => {
            let body = response.body.as_ref().unwrap_or(&Value::Null);
            let failure = no_id(operation.phase(), body);
            Effect::Unproven(failed(operation, failure.kind))
        }
        Operation::Create { user, .. } => {
            let asked = member(user, "active").and_then(Value::as_bool);
            created(published, asked, response, progress).await
        }
        Operation::Deactivate => deactivated(published, operation, progress).await,
        Operation::Reactivate => reactivated(published, operation, response, progress).await,
        Operation::Update(_)
        | Operation::AddToGroup { .. }
        | Operation::RemoveFromGroup { .. }
        | Operation::CreateGroup { .. } => Effect::AsAsked,
    }
}

/// The changes of an update that the answer shows to be missing become refusals. A target may answer
/// with the user as it was before: a read decides.
pub(super) async fn note_missing_changes(
    published: &PublishedConnection,
    operation: &Operation,
    assessment: &Assessment,
    before: &LastApplied,
    response: &Response,
    progress: &mut Progress,
) {
    let Some(answer) = &response.body else {
        return;
    };
    let resource = assessment
        .binding
        .as_ref()
        .and_then(|binding| binding.resource.as_ref());

    let missing = |shown| plan::without_effect(operation, resource, before, shown);
    if missing(answer).is_empty() {
        return;
    }
    let id = progress.scim_id.clone().unwrap_or_default();
    let read = published.client.get(&id).await.ok();
    let missing: Vec<Change> = missing(read.as_ref().unwrap_or(answer));
    if missing.is_empty() {
        return;
    }

    let refusal = Refusal {
        operation: Operation::Update(missing),
        reason: Reason::WithoutEffect,
    };
    let attributes = &mut progress.last_applied.attributes;
    for (path, _) in refusal.operation.applied() {
        match before.attributes.get(path.as_str()) {
            Some(old) => attributes.insert(path.as_str().to_owned(), old.clone()),
            None => attributes.remove(path.as_str()),
        };
    }
    progress.refuse(refusal);
}

/// A user that was to be created inactive must give no access. One that was to be active and shows
/// that it is not is activated; a target that does not show `active` is believed.
async fn created(
    published: &PublishedConnection,
    asked: Option<bool>,
    response: &Response,
    progress: &mut Progress,
) -> Effect {
    let shown = response.body.as_ref().and_then(plan::is_active);
    match (asked, shown) {
        (Some(false), Some(false)) | (Some(true), Some(true) | None) | (None, _) => Effect::AsAsked,
        (Some(true), Some(false)) => Effect::Repair(Operation::Reactivate),
        (Some(false), Some(true)) => {
            progress.last_applied.active = Some(true);
            Effect::Repair(Operation::Deactivate)
        }
        (Some(false), None) => {
            let id = progress.scim_id.clone().unwrap_or_default();
            let read = published.client.get(&id).await.ok();
            if read.as_ref().and_then(plan::is_active) == Some(false) {
                return Effect::AsAsked;
            }
            progress.last_applied.active = None;
            Effect::Repair(Operation::Deactivate)
        }
    }
}

async fn deactivated(
    published: &PublishedConnection,
    operation: &Operation,
    progress: &mut Progress,
) -> Effect {
    let id = progress.scim_id.clone().unwrap_or_default();
    match published.client.get(&id).await {
        Ok(user) => match plan::is_active(&user) {
            Some(false) => Effect::AsAsked,
            active @ (Some(true) | None) => {
                let kind = FailureKind::WithoutEffect(ShownActive::of(active));
                Effect::Unproven(failed(operation, kind))
            }
        },
        // 404: no account, so no access. Any other error leaves the deactivation unconfirmed.
        Err(failure) if failure.status() == Some(404) => {
            progress.last_applied.gone = true;
            Effect::AsAsked
        }
        Err(failure) => Effect::Unproven(NextStep::HandleFailure(FailedRequest::Operation(
            operation.clone(),
            failure,
        ))),
    }
}

/// An activation that does not show is not done. A read that fails, or a target that never shows
/// `active`, proves nothing against it.
async fn reactivated(
    published: &PublishedConnection,
    operation: &Operation,
    response: &Response,
    progress: &Progress,
) -> Effect {
    if response.body.as_ref().and_then(plan::is_active) == Some(true) {
        return Effect::AsAsked;
    }

    let id = progress.scim_id.clone().unwrap_or_default();
    let read = published.client.get(&id).await.ok();
    if read.as_ref().and_then(plan::is_active) == Some(false) {
        let kind = FailureKind::WithoutEffect(ShownActive::Inactive);
        return Effect::Unproven(failed(operation, kind));
    }
    Effect::AsAsked
}

fn failed(operation: &Operation, kind: FailureKind) -> NextStep {
    let failure = Failure {
        phase: operation.phase(),
        kind,
    };
    NextStep::HandleFailure(FailedRequest::Operation(operation.clone(), failure))
}
