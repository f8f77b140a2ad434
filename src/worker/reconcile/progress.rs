//! The progress of a reconcile: the requests that were sent, and the state that they left.
//!
//! `execute` adds to it after each answer; `outcome` commits it. It keeps methods, paths and
//! attribute names of requests, never values.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{
    context::{Assessment, Binding, GroupFailure, ReconcileContext},
    refusals::Refusal,
};
use crate::{
    scim_client::Response,
    store::{Intent, IntentKind, LastApplied, NewDeadLetter},
};
use hirewire_core::{
    plan::{Failure, FailureKind, Method, Operation, Request, is_active},
    scim::member,
};

/// How far a reconcile has come.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// The target's id of the user, once there is one.
    pub(super) scim_id: Option<String>,
    /// The user that the row is bound to by now.
    pub(super) bound: Option<String>,
    pub(super) last_applied: LastApplied,
    pub(super) sent: Vec<SentRequest>,
    /// The kinds of the requests that succeeded.
    pub(super) succeeded: Vec<IntentKind>,
    /// The intent of this reconcile's writes, once they have begun.
    pub(super) intent: Option<Intent>,
    /// The parts of the plan that the target did not take.
    pub(super) refusals: Vec<Refusal>,
    /// Reads and changes of groups that failed.
    pub(super) group_failures: Vec<GroupFailure>,
    /// Dead letters beside those of the conclusion.
    pub(super) dead_letters: Vec<NewDeadLetter>,
    /// The version of the user after the last write (RFC 7644 section 3.14).
    pub(super) version: Version,
}

/// The version of the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Version {
    /// That of the resource that the assessment read.
    #[default]
    AsRead,
    /// The answer to the last write had it.
    Known(String),
    /// The answer to the last write had none: the user must be read before the next write.
    Unknown,
}

/// A request that was sent and its result, as history keeps it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct SentRequest {
    method: Method,
    path: String,
    attributes: Vec<String>,
    result: SentResult,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum SentResult {
    Status(u16),
    Failed(String),
}

impl Progress {
    /// Nothing is sent yet. A deactivation that an earlier reconcile began may have had its effect.
    pub(super) fn new(context: &ReconcileContext<'_>) -> Self {
        let account = context.account();
        let mut last_applied = account.last_applied.clone();
        if let Some(Intent {
            kind: IntentKind::Deactivate,
            ..
        }) = &account.intent
        {
            last_applied.ended_by_us = true;
        }

        Self {
            scim_id: account.scim_id.clone(),
            bound: account.scim_id.clone(),
            last_applied,
            sent: Vec::new(),
            succeeded: Vec::new(),
            intent: None,
            refusals: Vec::new(),
            group_failures: Vec::new(),
            dead_letters: Vec::new(),
            version: Version::AsRead,
        }
    }

    /// Takes over what an assessment found.
    pub(super) fn adopt(&mut self, assessment: &Assessment) {
        if let Some(binding) = &assessment.binding {
            self.last_applied.created_by_us =
                binding.created_by_us || self.succeeded.contains(&IntentKind::Create);
            self.scim_id = Some(binding.id.clone());
            self.adopt_active(binding);
        }
        self.group_failures.clone_from(&assessment.group_failures);
        self.version = Version::AsRead;
        let in_sync = assessment.in_sync.clone();
        self.last_applied.attributes.extend(in_sync);
    }

    /// Takes over `active` as read. A user that is active is not inactive as it was found.
    fn adopt_active(&mut self, binding: &Binding) {
        self.last_applied.found_inactive = binding.found_inactive;
        let Some(user) = &binding.resource else {
            return;
        };

        self.last_applied.gone = false;
        if let Some(active) = is_active(user) {
            self.last_applied.active = Some(active);
            if active {
                self.last_applied.found_inactive = None;
            }
        }
    }

    /// The user to bind the account to before the next request, if it is not bound to it yet.
    pub(super) fn unbound_user(&self) -> Option<&str> {
        let user = self.scim_id.as_deref()?;
        (self.bound.as_deref() != Some(user)).then_some(user)
    }

    /// Remembers a request and its answer.
    pub(super) fn record_sent(
        &mut self,
        request: &Request,
        operation: &Operation,
        answer: Result<&Response, &Failure>,
    ) {
        self.sent.push(SentRequest {
            method: request.method,
            path: request.path.clone(),
            attributes: attributes_of(operation),
            result: match answer {
                Ok(response) => SentResult::Status(response.status),
                Err(failure) => SentResult::Failed(failure.kind.to_string()),
            },
        });
    }

    /// Takes over the possible effect of a request that failed: a deactivation without an answer may
    /// still take place, and is then Hirewire's own.
    pub(super) fn record_failure(&mut self, operation: &Operation, failure: &Failure) {
        let may_show = match failure.kind {
            FailureKind::Unreachable | FailureKind::NotSent | FailureKind::Unfit(_) => false,
            FailureKind::Answered { .. }
            | FailureKind::NoAnswer
            | FailureKind::Redirected
            | FailureKind::Unusable(_)
            | FailureKind::WithoutEffect(_) => !failure.is_refusal(),
        };
        if may_show && matches!(operation, Operation::Deactivate) {
            self.last_applied.ended_by_us = true;
        }
    }

    /// Notes a part of the plan that the target did not take.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.refusals.push(refusal);
    }

    /// Whether the target did not take an operation for which `matches` holds.
    pub(super) fn refuses(&self, matches: impl Fn(&Operation) -> bool) -> bool {
        self.refusals
            .iter()
            .any(|refusal| matches(&refusal.operation))
    }

    /// Takes over the effect of an operation that succeeded.
    pub(super) fn record_success(&mut self, operation: &Operation, response: &Response) {
        let last_applied = &mut self.last_applied;
        for (path, value) in operation.applied() {
            last_applied
                .attributes
                .insert(path.as_str().to_owned(), value);
        }

        match operation {
            Operation::Create { user, .. } => {
                self.scim_id = response.id();
                last_applied.created_by_us = true;
                last_applied.active = member(user, "active").and_then(Value::as_bool);
            }
            Operation::Deactivate => {
                last_applied.active = Some(false);
                last_applied.ended_by_us = true;
            }
            Operation::Reactivate => {
                last_applied.active = Some(true);
                last_applied.made_active = true;
                last_applied.found_inactive = None;
                last_applied.ended_by_us = false;
                last_applied.gone = false;
            }
            Operation::AddToGroup { group, name } => {
                let name = name.clone().unwrap_or_default();
                last_applied.groups.insert(group.clone(), name);
            }
            Operation::RemoveFromGroup { group, .. } => {
                last_applied.groups.remove(group);
            }
            Operation::CreateGroup { name } => {
                let id = response.id();
                last_applied.groups.extend(id.map(|id| (id, name.clone())));
            }
            Operation::Update(_) => {}
        }
        if !operation.is_about_groups() {
            let version = response.version.clone();
            self.version = version.map_or(Version::Unknown, Version::Known);
        }
        self.succeeded.push(kind_of(operation));
    }

    /// The attributes that the last request touched.
    pub(super) fn last_attributes(&self) -> Option<String> {
        self.sent
            .last()
            .map(|request| request.attributes.join(", "))
    }
}

/// As `tail` shows it: `PATCH /Users/2 200`.
impl fmt::Display for SentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, path) = (self.method.as_str(), &self.path);
        match &self.result {
            SentResult::Status(status) => write!(f, "{method} {path} {status}"),
            SentResult::Failed(reason) => write!(f, "{method} {path} {reason}"),
        }
    }
}

/// The kind of write that an operation is.
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

/// The changes of an operation, for people.
pub(super) fn attributes_of(operation: &Operation) -> Vec<String> {
    match operation {
        Operation::Create { .. } => vec!["the whole user".to_owned()],
        Operation::Update(changes) => changes
            .iter()
            .map(|change| change.path.as_str().to_owned())
            .collect(),
        Operation::Deactivate => vec!["active: false".to_owned()],
        Operation::Reactivate => vec!["active: true".to_owned()],
        Operation::AddToGroup { group, name } => {
            vec![format!("into group {}", name.as_ref().unwrap_or(group))]
        }
        Operation::RemoveFromGroup { group, name } => {
            vec![format!("out of group {}", name.as_ref().unwrap_or(group))]
        }
        Operation::CreateGroup { name } => vec![format!("new group {name}")],
    }
}
