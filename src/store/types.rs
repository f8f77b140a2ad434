//! What the rest of the house asks of the store, and in which words.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;

use super::{
    Account, ClaimLost, Commit, DeadLetterId, DeadLetterSubject, PersonKey, Priority, StoreError,
};
use crate::queue::Hook;
use hirewire_core::event::{Alias, Event, HookId, Kind, SourceId};

/// Where the store is.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// `postgres://...` or `sqlite://PATH`.
    pub url: SecretString,
    /// The instance whose store it is; one of another instance is refused.
    pub instance: String,
    /// The most connections to the database.
    pub connections: u32,
}

/// Which sources feed which connection: storing an event marks the accounts of every connection it feeds pending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wiring {
    /// By connection name; never empty sets.
    pub connections: BTreeMap<String, BTreeSet<SourceId>>,
}

/// What recording a message came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// One for each hook, in order.
    pub hooks: Vec<RecordedHook>,
    /// People with at least one newly stored event: their accounts are pending now.
    pub moved: BTreeSet<PersonKey>,
}

/// What recording a hook came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedHook {
    /// The hook.
    pub hook: HookId,
    /// The source.
    pub source: SourceId,
    /// Its events.
    pub events: Vec<RecordedEvent>,
    /// The letter filed for it, if it could not be read.
    pub dead_letter: Option<DeadLetterId>,
}

/// What recording an event came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: Kind,
    /// Whether it was not stored before.
    pub is_new: bool,
    /// Whose it is (the home person of its alias, forwarders followed).
    pub person: PersonKey,
}

/// Everything known of a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The person (forwarders followed).
    pub person: PersonKey,
    /// An alias of the person: what the fold is asked for.
    pub alias: Alias,
    /// Every event that names any alias that was ever joined to theirs.
    pub events: Vec<Event>,
    /// Moves with every newly stored event of the person.
    pub version: i64,
}

/// Which accounts are to be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRequest<'a> {
    /// Of this connection (nothing is claimed while it is paused).
    pub connection: &'a str,
    /// Of this priority; `None`: leavers first, then the others.
    pub priority: Option<Priority>,
    /// Of this person alone.
    pub person: Option<&'a PersonKey>,
    /// At most so many.
    pub most: usize,
    /// How long the lease is.
    pub lease: Duration,
}

/// What may have changed under a claim; asked right before each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimStatus {
    /// What is left of the lease, by the store's clock.
    pub lease_left: Duration,
    /// The person's version now.
    pub person_version: i64,
    /// What was stored of the person since the claim.
    pub changed: ChangedSinceClaim,
}

/// What was stored of a person while their account was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangedSinceClaim {
    /// Nothing.
    None,
    /// An event or a mapping: after the commit the account is pending again.
    Change,
    /// An event that ends access: the rest of the plan is dropped.
    Termination,
}

/// Why a claim could not be written to.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Somebody else holds it now.
    #[error(transparent)]
    Lost(#[from] ClaimLost),
    /// The user is bound to another person's account on this connection.
    #[error("the user is bound to person {0} already")]
    BoundElsewhere(PersonKey),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A connection's mapping as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedMapping {
    /// The connection.
    pub connection: String,
    /// From 1 on.
    pub version: i64,
    /// The canonical text of the `MappingDocument`.
    pub text: String,
    /// The version of the fold's rules it was published with.
    pub fold_version: u32,
    /// When.
    pub published: Timestamp,
    /// Another text that waits for `connections apply`.
    pub staged: Option<String>,
}

/// What became of an offered mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It is the first: published, with this version.
    Published(i64),
    /// It is what is published; anything staged before is dropped.
    Unchanged(i64),
    /// It differs: staged until it is last_applied.
    Staged,
}

/// A connection as the store has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionState {
    /// The connection.
    pub connection: String,
    /// Why it is paused, and since when; `None`: it is not.
    pub paused: Option<Paused>,
}

/// A paused connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paused {
    /// Why: `credentials`, `wrong_target`, or an operator's words.
    pub reason: String,
    /// Who: an operator, or `hirewire`.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
}

/// Which letters are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Closed ones too.
    pub closed_too: bool,
    /// Of this connection.
    pub connection: Option<String>,
    /// Of this cause, by name.
    pub cause: Option<String>,
    /// Of this person.
    pub person: Option<PersonKey>,
    /// These ids alone (empty: all).
    pub ids: Vec<DeadLetterId>,
    /// At most so many, newest first; 0: all.
    pub most: usize,
}

/// A hook that could not be read, kept raw.
#[derive(Clone, Debug, PartialEq)]
pub struct RawHook {
    /// The letter about it.
    pub dead_letter: DeadLetterId,
    /// The hook as it was queued (its reading is `Unreadable`).
    pub hook: Hook,
}

/// What replaying came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replayed {
    /// Accounts that are pending now.
    pub accounts: Vec<(String, PersonKey)>,
    /// Hooks to be read again by whoever asked (`record` with what they were read as closes their letters).
    pub hooks: Vec<RawHook>,
    /// Letters about a person (findings): closed, for there is nothing to send again.
    pub closed: Vec<DeadLetterId>,
}

/// A line of history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryLine {
    /// When.
    pub at: Timestamp,
    /// On which connection.
    pub connection: String,
    /// Whose account.
    pub person: PersonKey,
    /// What it came to, in one word (`OutcomeKind`, or `replayed`, `paused` ...).
    pub outcome: String,
    /// What was done and why.
    pub detail: serde_json::Value,
}

/// How much is pending, for metrics and `connections list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingCount {
    /// The connection.
    pub connection: String,
    /// Leavers or others.
    pub priority: Priority,
    /// How many accounts.
    pub accounts: u64,
    /// Since when the oldest is pending.
    pub oldest: Option<Timestamp>,
}

/// What a sweep found and healed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Account rows that were missing (a connection added, a row lost).
    pub added: u64,
    /// Accounts that were behind and not marked pending.
    pub marked: u64,
}

impl DeadLetterSubject {
    /// The person it is about, if it is about one.
    pub fn person(&self) -> Option<&PersonKey> {
        match self {
            Self::Account { person, .. } | Self::Person { person } => Some(person),
            Self::Hook { .. } => None,
        }
    }
}

/// An account with what operators see beside it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccountView {
    /// The row.
    pub account: Account,
    /// The lease that is held on it now, until when.
    pub leased_until: Option<Timestamp>,
}

/// What `Store::commit` gives.
pub type CommitResult = Result<Committed, ClaimError>;

/// What a commit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The person or the mapping moved since the claim: the account is pending again at once.
    pub pending_again: bool,
}

impl Commit {
    /// A commit that reconciles nothing and keeps everything of the account as it was claimed; what is to change is set on it.
    pub fn keeping(account: &Account, outcome: super::Outcome) -> Self {
        Self {
            outcome,
            scim_id: account.scim_id.clone(),
            last_applied: account.last_applied.clone(),
            reconciled_access: None,
            reconciled: false,
            due: account.due,
            priority: account.priority,
            attempts: account.attempts,
            not_before: account.not_before,
            intent: account.intent.clone(),
            verify_at: account.verify_at,
            audits: account.audits,
            dead_letters: Vec::new(),
            closes_dead_letters: false,
            history: None,
        }
    }
}
