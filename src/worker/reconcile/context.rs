//! The input of a reconcile and the result of an assessment: plain data that every step shares.
//!
//! A [`ReconcileContext`] holds no handle to the target or the store, so the steps that decide
//! (`assess::decide`, `on_failure`, `outcome`) are functions of data. The steps that send or read
//! take the [`PublishedConnection`](crate::worker::connection::PublishedConnection) beside it.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;
use tokio::time::Instant;

use super::next_step::NextStep;
use crate::{
    store::{Account, Claim},
    worker::connection::ConnectionSettings,
};
use hirewire_core::{
    fold::Person,
    mapping::{Access, AccessDecision, Desired, EvaluationError, Mapping, MatchKey},
    plan::{Failure, Note, Operation},
    scim::AttributePath,
};

/// Everything that a reconcile needs to know of one account.
#[derive(Debug)]
pub(crate) struct ReconcileContext<'a> {
    /// The claim with the account's row. A preview makes a claim that no row has.
    pub(crate) claim: &'a Claim,
    /// The person as folded at [`Self::now`].
    pub(crate) person: &'a Person,
    /// The published mapping.
    pub(crate) mapping: &'a Mapping,
    pub(crate) settings: &'a ConnectionSettings,
    pub(crate) desired: DesiredAccount,
    /// Whether the target deleted or hid the user when it was deactivated.
    pub(crate) gone: bool,
    /// Whether the account is read although `last_applied` would suffice for a plan.
    pub(crate) read_first: bool,
    started: Instant,
}

/// The desired state of the account: what the mapping makes of the person.
#[derive(Debug)]
pub(crate) struct DesiredAccount {
    pub(crate) access: AccessDecision,
    /// How the account is found, with the keys of a write that was begun earlier.
    pub(crate) keys: Vec<MatchKey>,
    /// The desired user; empty unless the access is active or prepared.
    pub(crate) user: Result<Desired, EvaluationError>,
}

/// The user at the target that the account is bound to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Binding {
    /// The target's id of the user.
    pub(crate) id: String,
    /// The SCIM resource, if it was read.
    pub(crate) resource: Option<Value>,
    /// Whether a match key found the user in this reconcile, before it is adopted.
    pub(crate) adopting: bool,
    pub(crate) created_by_us: bool,
    /// When a match key found the user inactive, unless Hirewire or another system made it active
    /// since.
    pub(crate) found_inactive: Option<Timestamp>,
}

/// A read or a change of a group that failed. It holds back nothing else.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupFailure {
    /// The change; for a read the membership that it was for.
    pub(crate) operation: Operation,
    pub(crate) failure: Failure,
}

/// The result of an assessment: the current state, and what follows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assessment {
    /// `None`: there is no user.
    pub(crate) binding: Option<Binding>,
    /// Attributes that already have the desired value.
    pub(crate) in_sync: BTreeMap<String, Value>,
    pub(crate) notes: Vec<Note>,
    /// Ids of other users that match the person.
    pub(crate) second_accounts: Vec<String>,
    /// Reads of groups that failed.
    pub(crate) group_failures: Vec<GroupFailure>,
    pub(crate) next: NextStep,
}

impl<'a> ReconcileContext<'a> {
    /// Applies the mapping to the person. `started`: when the reconcile began, so that
    /// [`Self::time`] can follow the store's clock.
    pub(crate) fn new(
        claim: &'a Claim,
        person: &'a Person,
        mapping: &'a Mapping,
        settings: &'a ConnectionSettings,
        started: Instant,
    ) -> Self {
        Self {
            claim,
            person,
            mapping,
            settings,
            desired: DesiredAccount::of(claim, person, mapping),
            gone: claim.account.last_applied.gone,
            read_first: false,
            started,
        }
    }

    pub(crate) fn account(&self) -> &'a Account {
        &self.claim.account
    }

    /// The access that the account should give.
    pub(crate) fn access(&self) -> Access {
        self.desired.access.access
    }

    /// The instant of the claim, by the store's clock. Person and mapping are evaluated at it.
    pub(crate) fn now(&self) -> Timestamp {
        self.claim.now
    }

    /// The store's time at this moment: the claim's, and what has passed since.
    pub(crate) fn time(&self) -> Timestamp {
        after(self.claim.now, self.started.elapsed())
    }

    /// Whether an earlier write may still be in flight: its lease ran out, or its intent is open.
    pub(crate) fn has_unproven_write(&self) -> bool {
        self.claim.lease_taken_over || self.account().intent.is_some()
    }

    /// Whether `last_applied` may differ from the target, so that the account must be read.
    pub(crate) fn must_read(&self) -> bool {
        let account = self.account();
        self.read_first
            || self.has_unproven_write()
            || account.verify_at.is_some()
            || account.attempts > 0
    }

    /// Whether the person was merged into another, which makes this a second account.
    pub(crate) fn is_second_account(&self) -> bool {
        self.claim.merged_into.is_some()
    }
}

impl GroupFailure {
    pub(super) fn new(operation: &Operation, failure: Failure) -> Self {
        Self {
            operation: operation.clone(),
            failure,
        }
    }

    /// A read of the group that a rule names so.
    pub(super) fn of_read(group: &str, failure: Failure) -> Self {
        let operation = Operation::AddToGroup {
            group: group.to_owned(),
            name: Some(group.to_owned()),
        };
        Self { operation, failure }
    }
}

impl DesiredAccount {
    fn of(claim: &Claim, person: &Person, mapping: &Mapping) -> Self {
        let access = if claim.merged_into.is_some() {
            // A second account gives no access, and nothing changes that later.
            AccessDecision {
                access: Access::Inactive,
                due: None,
                due_ends_access: false,
                withdrawn: false,
            }
        } else {
            mapping.access(person, claim.account.given_access(), claim.now)
        };

        let mapped = mapping.for_person(person);
        let mut keys = mapped.match_keys();
        add_intent_keys(&claim.account, &mut keys);

        // No mapping error may delay a leaver: the deactivation needs no desired user.
        let user = match access.access {
            Access::Active | Access::Prepared => mapped.desired(),
            Access::Inactive | Access::Unmanaged => Ok(Desired::default()),
        };
        Self { access, keys, user }
    }
}

impl Assessment {
    /// Nothing was read.
    pub(crate) fn unread() -> Self {
        Self {
            binding: None,
            in_sync: BTreeMap::new(),
            notes: Vec::new(),
            second_accounts: Vec::new(),
            group_failures: Vec::new(),
            next: NextStep::Assess,
        }
    }

    /// Whether the user was read.
    pub(crate) fn is_read(&self) -> bool {
        self.binding
            .as_ref()
            .is_some_and(|binding| binding.resource.is_some())
    }

    /// Whether the plan follows from what was last applied: the bound user was not read.
    pub(crate) fn is_from_memory(&self) -> bool {
        self.binding
            .as_ref()
            .is_some_and(|binding| binding.resource.is_none())
    }

    /// Whether the user is to be adopted.
    pub(crate) fn is_adoption(&self) -> bool {
        self.binding
            .as_ref()
            .is_some_and(|binding| binding.adopting)
    }
}

/// Adds the keys of the open intent: the facts may have moved since, and a user that the write made
/// has the old values.
fn add_intent_keys(account: &Account, keys: &mut Vec<MatchKey>) {
    let Some(intent) = &account.intent else {
        return;
    };

    for remembered in &intent.match_keys {
        let known = keys
            .iter()
            .any(|key| key.path.as_str() == remembered.path && key.value == remembered.value);
        if let (false, Ok(path)) = (known, AttributePath::parse(&remembered.path)) {
            keys.push(MatchKey {
                path,
                value: remembered.value.clone(),
            });
        }
    }
}

/// The instant `wait` after `now`.
pub(super) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    now.checked_add(millis.milliseconds())
        .unwrap_or(Timestamp::MAX)
}
