//! The account row and what settling does to it (architecture.md section 2, "Settling one account").

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use hirewire_core::{
    event::Alias,
    mapping::{Access, MatchKey},
    plan::LastApplied,
};

/// A person's surrogate id: a UUID v7 made when an alias was first heard of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonKey(pub String);

impl fmt::Display for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which accounts are claimed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// The fold ends access.
    Leaver,
    /// Everything else.
    Other,
}

/// The row of a person on a connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// The connection's name.
    pub connection: String,
    /// The person.
    pub person: PersonKey,
    /// The alias the binding was made for; the person's least one until there is a binding.
    pub alias: Alias,
    /// The target's id of the user, once bound.
    pub scim_id: Option<String>,
    /// What of it is ours.
    pub last_applied: LastApplied,
    /// The person's version as of the last reconcile; 0: never.
    pub reconciled_version: i64,
    /// The access that was last reconciled: an access transition is measured against it.
    pub reconciled_access: Option<Access>,
    /// The mapping version that was last reconciled; 0: never.
    pub mapping_version: i64,
    /// When the fold, the mapping or the leaver audit wants it looked at again.
    pub due: Option<Timestamp>,
    /// The claim's order.
    pub priority: Priority,
    /// Since when it has been pending; `None`: it is not.
    pub pending_since: Option<Timestamp>,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// Not before then, unless the person or the mapping moves.
    pub not_before: Option<Timestamp>,
    /// A write that was begun and not yet proven to have happened or not.
    pub intent: Option<Intent>,
    /// When to read the target again and plan again.
    pub verify_at: Option<Timestamp>,
    /// How many leaver audits were made since the deactivation was read back.
    pub audits: u32,
    /// Access is held by an operator or the guard (later): takes `active` and access removal out of plans.
    pub held: bool,
    /// The `now` of the last reconcile; time never goes back for an account.
    pub as_of: Option<Timestamp>,
    /// What the last reconcile came to.
    pub outcome: Option<Outcome>,
}

/// A write that was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// What kind of write.
    pub kind: IntentKind,
    /// How to find what it may have made.
    pub match_keys: Vec<MatchKeyValue>,
    /// The fencing_token (lease token) it was begun under.
    pub fencing_token: String,
    /// When, by the store's clock.
    pub begun: Timestamp,
}

/// A match key as it was when the write was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatchKeyValue {
    /// The attribute path.
    pub path: String,
    /// Its value.
    pub value: String,
}

impl From<&MatchKey> for MatchKeyValue {
    fn from(key: &MatchKey) -> Self {
        Self {
            path: key.path.as_str().to_owned(),
            value: key.value.clone(),
        }
    }
}

/// The kinds of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentKind {
    /// POST of a user.
    Create,
    /// PATCH or PUT of attributes.
    Update,
    /// `active: false`.
    Deactivate,
    /// `active: true` on an account that exists.
    Reactivate,
    /// Group memberships.
    Groups,
}

/// An account that is ours to reconcile until the lease ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The row as claimed.
    pub account: Account,
    /// The lease token: every write to the row names it.
    pub fencing_token: String,
    /// When the lease ends, by the store's clock.
    pub lease_until: Timestamp,
    /// The store's clock when it was claimed, never before the row's `as_of`.
    pub now: Timestamp,
    /// The person's version when it was claimed.
    pub person_version: i64,
    /// The connection's published mapping version when it was claimed.
    pub mapping_version: i64,
    /// Whether the lease before ours ran out without a release: its holder may have died mid-write.
    pub taken_over: bool,
    /// The person this account's person was merged into: the account is a second one, to be deactivated.
    pub merged_into: Option<PersonKey>,
}

/// The claim is no longer ours; nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease was lost")]
pub struct ClaimLost;

/// What a reconcile came to: shown to operators, and the row's `outcome`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// In one word.
    pub kind: OutcomeKind,
    /// A state that the next reconcile reads back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<OutcomeReason>,
    /// For people: what is missing, or why the account waits. It holds no personal data, and no
    /// code reads it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// The states of an outcome that the next reconcile reads back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeReason {
    /// The bound user answered 404, and that is not confirmed yet.
    UserMissing,
}

impl Outcome {
    /// An outcome without a reason.
    pub fn new(kind: OutcomeKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            reason: None,
            detail: detail.into(),
        }
    }
}

/// The words for outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// A user was made.
    Created,
    /// Attributes or groups were changed.
    Updated,
    /// The user was deactivated, and read back inactive.
    Deactivated,
    /// The user was activated again.
    Reactivated,
    /// Nothing to do.
    Unchanged,
    /// Not ours to touch (yet).
    Unmanaged,
    /// An attribute that the mapping needs is not known yet.
    Incomplete,
    /// A leaver of whom no account was ever seen here.
    LeaverNotFound,
    /// Should be active, was made inactive elsewhere: told, not repaired.
    DisabledElsewhere,
    /// `observe`: what would be done is kept, nothing was sent.
    Observed,
    /// The target could not be reached or asked us to wait.
    Waiting,
    /// A dead letter was filed.
    DeadLetter,
}

impl OutcomeKind {
    /// The name in the store, in the API and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deactivated => "deactivated",
            Self::Reactivated => "reactivated",
            Self::Unchanged => "unchanged",
            Self::Unmanaged => "unmanaged",
            Self::Incomplete => "incomplete",
            Self::LeaverNotFound => "leaver_not_found",
            Self::DisabledElsewhere => "disabled_elsewhere",
            Self::Observed => "observed",
            Self::Waiting => "waiting",
            Self::DeadLetter => "dead_letter",
        }
    }
}

/// Everything a reconcile writes back, in one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// What it came to.
    pub outcome: Outcome,
    /// The binding: `Some` binds (or keeps), `None` unbinds.
    pub scim_id: Option<String>,
    /// What of the user is ours now.
    pub last_applied: LastApplied,
    /// The access that is reconciled; `None` leaves what was reconciled before (nothing was reconciled).
    pub reconciled_access: Option<Access>,
    /// Whether the person's and the mapping's claimed versions are now reconciled.
    pub reconciled: bool,
    /// When to look again, by fold, lifecycle or audit.
    pub due: Option<Timestamp>,
    /// The priority of what comes at `due` or at the next attempt.
    pub priority: Priority,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// Not before then.
    pub not_before: Option<Timestamp>,
    /// An intent that is still open.
    pub intent: Option<Intent>,
    /// When to read and plan again.
    pub verify_at: Option<Timestamp>,
    /// Leaver audits made.
    pub audits: u32,
    /// Letters to file (at most one open letter per cause for the account).
    pub dead_letters: Vec<super::NewDeadLetter>,
    /// Whether this success closes the account's open letters.
    pub closes_dead_letters: bool,
    /// A line of history, if something was done or decided: what, and the requests sent (no values).
    pub history: Option<Value>,
}
