//! The account: the row of a person on a connection, and its parts that a reconcile writes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use hirewire_core::{
    event::Alias,
    mapping::{Access, GivenAccess, MatchKey},
};

use super::{
    LastApplied, PersonKey, Store, StoreError,
    sql::{
        row::{ReadColumn as _, SqlRow, timestamp},
        statement::Statement,
        value::{SqlValue, code},
    },
};

/// Which accounts are claimed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// The fold ends access: claimed first.
    Leaver,
    /// Every other account.
    Other,
}

impl From<Priority> for SqlValue {
    fn from(priority: Priority) -> Self {
        code(&priority).into()
    }
}

/// The row of a person on a connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// The connection's name.
    pub connection: String,
    /// The person's key.
    pub person: PersonKey,
    /// The alias that the binding was made for; without a binding the person's least alias.
    pub alias: Alias,
    /// The `id` of the bound user at the target (RFC 7643 section 3.1); `None`: no binding.
    pub scim_id: Option<String>,
    /// The state that was last written to the user.
    pub last_applied: LastApplied,
    /// The person's version as of the last reconcile; 0: never reconciled.
    pub reconciled_version: i64,
    /// The access as of the last reconcile, from which an access transition is measured.
    pub reconciled_access: Option<Access>,
    /// The mapping's version as of the last reconcile; 0: never reconciled.
    pub reconciled_mapping_version: i64,
    /// When the fold, the mapping or the leaver audit changes the desired state next.
    pub next_due_at: Option<Timestamp>,
    /// Which accounts are claimed first.
    pub priority: Priority,
    /// The time since which it is pending; `None`: it is not pending.
    pub pending_since: Option<Timestamp>,
    /// When the user should have been inactive, while that is not proven; `None`: it is, or access
    /// is desired.
    pub leaver_since: Option<Timestamp>,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// The earliest time of the next attempt, unless the person or the mapping changes.
    pub not_before: Option<Timestamp>,
    /// A write that was begun and whose effect is not known yet.
    pub intent: Option<Intent>,
    /// When to read the user again and plan again.
    pub verify_at: Option<Timestamp>,
    /// Leaver audits since the deactivation was read back.
    pub audits: u32,
    /// Whether access removals are held: a plan then neither deactivates nor removes a group. No
    /// part of Hirewire sets it yet.
    pub held: bool,
    /// The `now` of the last reconcile. Time never goes back for an account.
    pub last_run_at: Option<Timestamp>,
    /// The outcome of the last reconcile.
    pub outcome: Option<Outcome>,
}

impl Account {
    /// Whether the user may give access that Hirewire gave, by a write that is known or may show
    /// later.
    pub(crate) fn given_access(&self) -> GivenAccess {
        let begun = self
            .intent
            .as_ref()
            .is_some_and(|intent| intent.gives_access);
        if begun {
            return GivenAccess::ByHirewire;
        }
        if self.scim_id.is_none() {
            return GivenAccess::ByOthers;
        }
        self.last_applied.given_access(self.reconciled_access)
    }
}

/// A write that was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The kind of the write.
    pub kind: IntentKind,
    /// How to find the user that the write may have created.
    pub match_keys: Vec<MatchKeyValue>,
    /// The fencing token of the claim under which it was begun.
    pub fencing_token: String,
    /// When it was begun, by the store's clock.
    pub begun_at: Timestamp,
    /// Whether one of its requests makes the user active.
    #[serde(default)]
    pub gives_access: bool,
}

/// A match key with its value when the write was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatchKeyValue {
    /// The attribute path, such as `userName`.
    pub path: String,
    /// The value that the write sent.
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
    /// PATCH or PUT of `active: false`, or DELETE of the user.
    Deactivate,
    /// PATCH or PUT of `active: true` on a user that exists.
    Reactivate,
    /// PATCH of group memberships.
    Groups,
}

/// The outcome of a reconcile, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The outcome in one word.
    pub kind: OutcomeKind,
    /// A state that the next reconcile reads back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<OutcomeReason>,
    /// For people: what is missing, or why the account waits. It holds no personal data, and no
    /// code reads it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
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

/// The states of an outcome that the next reconcile reads back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeReason {
    /// The bound user answered 404, and that is not confirmed yet.
    UserMissing,
}

/// The kinds of outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// A user was created.
    Created,
    /// Attributes or groups of the user were changed.
    Updated,
    /// The user was deactivated, and a read confirmed it.
    Deactivated,
    /// The user was activated again.
    Reactivated,
    /// The user was already as desired.
    Unchanged,
    /// Hirewire does not manage the account, or not yet.
    Unmanaged,
    /// An attribute that the mapping requires is not known yet.
    Incomplete,
    /// A leaver for whom no user exists at the target.
    LeaverNotFound,
    /// The user should be active, but the target or another client deactivated it: reported only.
    DisabledElsewhere,
    /// Mode `observe`: the plan was computed and nothing was sent.
    Observed,
    /// The target could not be reached or asked for a later attempt.
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

/// An account with the lease that is held on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccountView {
    /// The row.
    pub account: Account,
    /// When the lease ends; `None`: no lease is held.
    pub lease_until: Option<Timestamp>,
}

/// The columns that [`read`] reads.
pub(super) const COLUMNS: &str = "accounts.connection, accounts.person, accounts.alias_source,
    accounts.alias_worker, accounts.scim_id, accounts.last_applied, accounts.reconciled_version,
    accounts.reconciled_access, accounts.reconciled_mapping_version, accounts.next_due_at,
    accounts.priority, accounts.next_run_at, accounts.pending_since, accounts.attempts,
    accounts.not_before, accounts.intent, accounts.verify_at, accounts.audits, accounts.held,
    accounts.last_run_at, accounts.outcome, accounts.leaver_since, {now} AS now";

/// The account of a row with [`COLUMNS`].
pub(super) fn read(row: &SqlRow) -> Result<Account, StoreError> {
    Ok(Account {
        connection: row.text("connection")?,
        person: PersonKey(row.text("person")?),
        alias: Alias {
            source: row.code("alias_source")?,
            worker: row.code("alias_worker")?,
        },
        scim_id: row.optional_text("scim_id")?,
        last_applied: row.json("last_applied")?,
        reconciled_version: row.int("reconciled_version")?,
        reconciled_access: row.optional_code("reconciled_access")?,
        reconciled_mapping_version: row.int("reconciled_mapping_version")?,
        next_due_at: row.optional_time("next_due_at")?,
        priority: row.code("priority")?,
        pending_since: pending_since(row)?,
        leaver_since: row.optional_time("leaver_since")?,
        attempts: row.small("attempts")?,
        not_before: row.optional_time("not_before")?,
        intent: row.optional_json("intent")?,
        verify_at: row.optional_time("verify_at")?,
        audits: row.small("audits")?,
        held: row.flag("held")?,
        last_run_at: row.optional_time("last_run_at")?,
        outcome: row.optional_json("outcome")?,
    })
}

/// An account that the passing of time made pending is so since its `next_run_at`: no write marked
/// it.
fn pending_since(row: &SqlRow) -> Result<Option<Timestamp>, StoreError> {
    let now = row.int("now")?;
    let next_run_at = row.optional_int("next_run_at")?;
    let Some(next_run_at) = next_run_at.filter(|next_run_at| *next_run_at <= now) else {
        return Ok(None);
    };
    let since = row.optional_int("pending_since")?.unwrap_or(next_run_at);
    timestamp(since).map(Some)
}

impl Store {
    /// The accounts of a person and of the people that were merged into them, by connection.
    pub async fn accounts(&self, person: &PersonKey) -> Result<Vec<AccountView>, StoreError> {
        let statement = Statement::new(format!(
            "SELECT {COLUMNS},
               CASE WHEN lease_until > {{now}} THEN lease_until ELSE NULL END AS lease_until
             FROM accounts
             WHERE person = :person
               OR person IN (SELECT p.person FROM people p WHERE p.merged_into = :person)
             ORDER BY connection, person"
        ));
        let rows = self.engine.all(statement.bind("person", person)).await?;
        rows.iter()
            .map(|row| {
                Ok(AccountView {
                    account: read(row)?,
                    lease_until: row.optional_time("lease_until")?,
                })
            })
            .collect()
    }

    /// The ids of some bound users of a connection, at most `limit`. An account that waits is left
    /// out: its user may be the one in question.
    pub async fn bound_users(
        &self,
        connection: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let statement = Statement::new(
            "SELECT scim_id FROM accounts
             WHERE connection = :connection AND scim_id IS NOT NULL AND outcome_kind <> :waiting
             ORDER BY scim_id
             LIMIT :limit",
        )
        .bind("connection", connection)
        .bind("waiting", code(&OutcomeKind::Waiting))
        .bind("limit", limit);
        let rows = self.engine.all(statement).await?;
        rows.iter().map(|row| row.text("scim_id")).collect()
    }

    /// The number of accounts for each connection and outcome: (connection, outcome, number).
    pub async fn outcome_counts(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        let statement = Statement::new(
            "SELECT connection, outcome_kind, COUNT(*) AS n FROM accounts
             WHERE outcome_kind IS NOT NULL
             GROUP BY connection, outcome_kind
             ORDER BY connection, outcome_kind",
        );
        let rows = self.engine.all(statement).await?;
        rows.iter()
            .map(|row| {
                Ok((
                    row.text("connection")?,
                    row.text("outcome_kind")?,
                    row.count("n")?,
                ))
            })
            .collect()
    }
}
