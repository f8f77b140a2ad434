//! Changes the groups of a user: members, and groups that the policy creates.
//!
//! A change that fails interrupts nothing: it is kept in the progress, and `conclude_groups` says
//! what follows when everything else is done.

use std::collections::VecDeque;

use super::{
    ReconcileError, Reconciler,
    context::{GroupFailure, ReconcileContext},
    execute::Permit,
    groups::is_silence,
    next_step::{Conclusion, NextStep},
    progress::Progress,
    read_back::Effect,
};
use crate::{
    scim_client::Response,
    store::{GroupCreate, StoreError},
    worker::connection::PublishedConnection,
};
use hirewire_core::plan::{
    Failure, FailureKind, Operation, Phase, Request, TargetUser, is_in_effect,
};

/// How often a change is sent while other writes move the version of the group.
const MAX_VERSIONS: u32 = 4;

/// The reason of a removal that was answered with success and had no effect.
pub(super) const STILL_A_MEMBER: &str = "answered with success, and the user is still a member";

/// Why a change was not made.
enum Stopped {
    /// It must not be sent.
    Refused(Conclusion),
    Failed(Failure),
    Error(ReconcileError),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<ReconcileError> for Stopped {
    fn from(error: ReconcileError) -> Self {
        Self::Error(error)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

/// One change of a group, and what it needs.
struct GroupChange<'a> {
    context: &'a ReconcileContext<'a>,
    published: &'a PublishedConnection,
    operation: &'a Operation,
    rest: &'a VecDeque<Operation>,
}

impl<'a> GroupChange<'a> {
    fn new(
        context: &'a ReconcileContext<'a>,
        published: &'a PublishedConnection,
        (operation, rest): (&'a Operation, &'a VecDeque<Operation>),
    ) -> Self {
        Self {
            context,
            published,
            operation,
            rest,
        }
    }
}

impl Reconciler {
    /// Changes one group. Only a newer termination leaves its effect unproven.
    pub(super) async fn change_group(
        &self,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        (operation, rest): (&Operation, &VecDeque<Operation>),
        progress: &mut Progress,
    ) -> Result<Effect, ReconcileError> {
        let mut failures = progress.group_failures.iter();
        if let Some(failed) = failures.find(|failed| is_silence(&failed.failure)) {
            // Each further request would wait for the same silence.
            let failure = failed.failure.clone();
            progress
                .group_failures
                .push(GroupFailure::new(operation, failure));
            return Ok(Effect::AsAsked);
        }

        let change = GroupChange::new(context, published, (operation, rest));
        let changed = match operation {
            Operation::CreateGroup { name } => self.create_group(&change, name, progress).await,
            Operation::AddToGroup { group, .. } | Operation::RemoveFromGroup { group, .. } => {
                self.change_member(&change, operation, group, progress)
                    .await
            }
            Operation::Create { .. }
            | Operation::Update(_)
            | Operation::Deactivate
            | Operation::Reactivate => Ok(()),
        };

        match changed {
            Ok(()) => Ok(Effect::AsAsked),
            Err(Stopped::Refused(conclusion)) => Ok(Effect::Unproven(NextStep::Commit(conclusion))),
            Err(Stopped::Error(error)) => Err(error),
            Err(Stopped::Failed(failure)) => {
                // A remembered id may be that of a group that is gone.
                if let (
                    Operation::AddToGroup {
                        name: Some(name), ..
                    },
                    Some(404),
                ) = (operation, failure.status())
                {
                    published.memory.forget_group(name).await;
                }
                progress
                    .group_failures
                    .push(GroupFailure::new(operation, failure));
                Ok(Effect::AsAsked)
            }
        }
    }

    /// Adds or removes the user, and reads a removal back.
    async fn change_member(
        &self,
        change: &GroupChange<'_>,
        operation: &Operation,
        group: &str,
        progress: &mut Progress,
    ) -> Result<(), Stopped> {
        let user = progress.scim_id.clone().unwrap_or_default();
        let profile = &change.context.mapping.document().profile;
        let mut request = operation.request(profile, member(&user));
        let mut attempts = 0;

        let response = loop {
            if profile.etag {
                let reading = change.published.client.read_group(group, &user).await?;
                request.if_match = reading.and_then(|group| group.version);
            }

            attempts += 1;
            match self
                .send_change(change, &request, operation, progress)
                .await?
            {
                Ok(response) => break response,
                Err(failure) if is_in_effect(operation, &failure) => {
                    break Response::without_body(failure.status().unwrap_or_default());
                }
                // Another write moved the version.
                Err(failure) if failure.status() == Some(412) && attempts < MAX_VERSIONS => {}
                Err(failure) => return Err(failure.into()),
            }
        };

        let removes = matches!(operation, Operation::RemoveFromGroup { .. });
        if removes && is_still_member(change.published, group, &user).await {
            return Err(unusable(STILL_A_MEMBER).into());
        }
        progress.record_success(operation, &response);
        Ok(())
    }

    /// Creates the group with the user as its member, or adds the user to the group that another
    /// create of the same name made. One create at a time: several people need the same group.
    async fn create_group(
        &self,
        change: &GroupChange<'_>,
        name: &str,
        progress: &mut Progress,
    ) -> Result<(), Stopped> {
        let settings = change.context.settings;
        let within = settings.timeout + settings.propagation_delay;
        let begun = self
            .store
            .begin_group_create(&settings.name, name, within)
            .await?;
        match begun {
            GroupCreate::Created(id) => {
                return self.join_created_group(change, name, &id, progress).await;
            }
            GroupCreate::Running => {
                return Err(unusable("another account creates the same group").into());
            }
            GroupCreate::Begun => {}
        }

        // The group may have appeared since the plan was made.
        let created = match self.join_found_group(change, name, progress).await {
            Ok(true) => Ok(()),
            Ok(false) => self.post_group(change, name, progress).await,
            Err(stopped) => Err(stopped),
        };
        // An answer that was lost may have made the group: the name stays taken until it must show.
        if created.as_ref().is_err_and(made_no_group) {
            self.store
                .forget_created_group(&settings.name, name)
                .await?;
        }
        created
    }

    async fn post_group(
        &self,
        change: &GroupChange<'_>,
        name: &str,
        progress: &mut Progress,
    ) -> Result<(), Stopped> {
        let user = progress.scim_id.clone().unwrap_or_default();
        let profile = &change.context.mapping.document().profile;
        let request = change.operation.request(profile, member(&user));

        let answer = self
            .send_change(change, &request, change.operation, progress)
            .await?;
        match answer {
            Ok(response) => {
                let id = response
                    .id()
                    .ok_or_else(|| unusable("the created group has no id"))?;
                self.remember_group(change, name, &id).await?;
                progress.record_success(change.operation, &response);
                Ok(())
            }
            // Another system has created it: look it up, then add the user.
            Err(failure) if failure.status() == Some(409) => {
                if self.join_found_group(change, name, progress).await? {
                    Ok(())
                } else {
                    Err(failure.into())
                }
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Adds the user to the one group with this name. False: there is none.
    async fn join_found_group(
        &self,
        change: &GroupChange<'_>,
        name: &str,
        progress: &mut Progress,
    ) -> Result<bool, Stopped> {
        let ids = change.published.client.find_group(name).await?;
        match ids.as_slice() {
            [] => Ok(false),
            [id] => {
                self.remember_group(change, name, id).await?;
                self.join(change, name, id, progress).await?;
                Ok(true)
            }
            [..] => Err(unusable("several groups have this name").into()),
        }
    }

    /// Adds the user to a group that Hirewire created and that no filter shows yet. A group that is
    /// gone is forgotten: the next reconcile creates it.
    async fn join_created_group(
        &self,
        change: &GroupChange<'_>,
        name: &str,
        id: &str,
        progress: &mut Progress,
    ) -> Result<(), Stopped> {
        match self.join(change, name, id, progress).await {
            Err(Stopped::Failed(failure)) if matches!(failure.status(), Some(404 | 410)) => {
                let connection = change.context.settings.name.as_str();
                self.store.forget_created_group(connection, name).await?;
                Err(unusable("the group that was created is gone").into())
            }
            joined => joined,
        }
    }

    async fn join(
        &self,
        change: &GroupChange<'_>,
        name: &str,
        id: &str,
        progress: &mut Progress,
    ) -> Result<(), Stopped> {
        let add = Operation::AddToGroup {
            group: id.to_owned(),
            name: Some(name.to_owned()),
        };
        self.change_member(change, &add, id, progress).await
    }

    async fn remember_group(
        &self,
        change: &GroupChange<'_>,
        name: &str,
        id: &str,
    ) -> Result<(), Stopped> {
        let connection = change.context.settings.name.as_str();
        self.store
            .remember_created_group(connection, name, id)
            .await?;
        change.published.memory.remember_group(name, id).await;
        Ok(())
    }

    /// Sends one request under the fencing token, and keeps its answer in the progress.
    async fn send_change(
        &self,
        change: &GroupChange<'_>,
        request: &Request,
        operation: &Operation,
        progress: &mut Progress,
    ) -> Result<Result<Response, Failure>, Stopped> {
        let planned = (operation, change.rest);
        let permit = self.next_permit(change.context, planned, progress).await?;
        let timeout = match permit {
            Permit::Within(timeout) => timeout,
            Permit::Refused(conclusion) => return Err(Stopped::Refused(conclusion)),
        };

        let answer = change.published.client.send_within(request, timeout).await;
        progress.record_sent(request, operation, answer.as_ref());
        Ok(answer)
    }
}

/// The user, as a change of a group names it.
fn member(id: &str) -> TargetUser<'_> {
    TargetUser { id, resource: None }
}

/// Whether no group can come of the create that stopped.
fn made_no_group(stopped: &Stopped) -> bool {
    match stopped {
        Stopped::Refused(_) => true,
        Stopped::Failed(failure) => {
            failure.phase == Phase::FindGroup
                || failure.is_refusal()
                || matches!(
                    failure.kind,
                    FailureKind::NotSent | FailureKind::Unreachable
                )
        }
        Stopped::Error(_) => false,
    }
}

/// Whether the group shows the user after the removal. A group that shows no members proves
/// nothing, and neither does a read that fails.
async fn is_still_member(published: &PublishedConnection, group: &str, user: &str) -> bool {
    match published.client.read_group(group, user).await {
        Ok(reading) => reading.and_then(|group| group.is_member) == Some(true),
        Err(_) => false,
    }
}

fn unusable(reason: &'static str) -> Failure {
    Failure {
        phase: Phase::Groups,
        kind: FailureKind::Unusable(reason),
    }
}
