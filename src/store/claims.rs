//! Claims: a lease on an account with a fencing token, and the writes that need one.
//!
//! A claim is one statement. It sets `changed_since_claim` to `none`; each write that makes the
//! account pending sets it again, and a commit that finds it set leaves the account pending. Each
//! write under a claim names the fencing token, so a holder whose lease was taken over writes
//! nothing.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Account, ClaimError, ClaimLost, Intent, LastApplied, PersonKey, Priority, Store, StoreError,
    accounts,
    owners::write_error,
    sql::{
        batch_writer::{BatchStatement, BatchWriter},
        dialect::Scope,
        engine::Engine,
        row::{ReadColumn as _, SqlRow},
        statement::{Statement, Tx},
        value::json_text,
    },
};
use crate::telemetry;

/// The accounts to claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRequest<'a> {
    /// The connection. While it is paused or has no mapping, no account is claimed.
    pub connection: &'a str,
    /// Only this priority; `None`: leavers first, then the others.
    pub priority: Option<Priority>,
    /// Only this person.
    pub person: Option<&'a PersonKey>,
    /// The most accounts to claim.
    pub limit: usize,
    /// The length of the lease.
    pub lease: Duration,
}

/// An account that one worker may reconcile until the lease ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The row when it was claimed.
    pub account: Account,
    /// The fencing token, which each write to the row names.
    pub fencing_token: String,
    /// When the lease ends, by the store's clock.
    pub lease_until: Timestamp,
    /// The store's clock when it was claimed, but never before the account's `last_run_at`.
    pub now: Timestamp,
    /// The person's version to reconcile.
    pub person_version: i64,
    /// The mapping's version to reconcile.
    pub mapping_version: i64,
    /// Whether the previous lease ended without a release: its holder may have died mid-write.
    pub lease_taken_over: bool,
    /// The person into whom this account's person was merged: the account is to be deactivated.
    pub merged_into: Option<PersonKey>,
}

/// The state of a claim, read before each request to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimStatus {
    /// The rest of the lease, by the store's clock.
    pub lease_left: Duration,
    /// The person's version now.
    pub person_version: i64,
    /// Whether an event or a mapping was stored for the account since the claim.
    pub changed: ChangedSinceClaim,
}

/// The most urgent change that was stored for an account since it was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedSinceClaim {
    /// Nothing.
    None,
    /// An event or a mapping: after the commit the account is pending again.
    Change,
    /// An event that ends access: the rest of the plan is dropped.
    Termination,
}

/// The user that an account is bound to before the first write to it.
#[derive(Clone, Copy, Debug)]
pub struct NewBinding<'a> {
    /// The target's id of the user.
    pub scim_id: &'a str,
    /// The known state of the user.
    pub last_applied: &'a LastApplied,
}

/// Records intents on PostgreSQL.
pub(super) type IntentWriter = BatchWriter<6>;

/// The condition that a write names its row and its fencing token by; [`fenced`] binds them.
pub(super) const FENCED: &str = "accounts.connection = :connection
    AND accounts.person = :person AND accounts.fencing_token = :fencing_token";

/// The columns of a [`ClaimStatus`].
const STATUS: &str = "COALESCE(accounts.lease_until - {now}, 0) AS lease_left,
    accounts.person_version, accounts.changed_since_claim";

impl Store {
    /// Claims accounts that are pending now: leavers first unless one priority is requested, then
    /// the account that is pending longest.
    pub async fn claim(&self, request: &ClaimRequest<'_>) -> Result<Vec<Claim>, StoreError> {
        let statement = claim_statement(request);
        self.engine
            .write(Scope::Statement, move |mut tx| {
                let statement = statement.clone();
                Box::pin(async move {
                    let token = telemetry::new_id();
                    let rows = statement.bind("fencing_token", token).all(&mut tx).await?;

                    let mut claims = rows.iter().map(read_claim).collect::<Result<Vec<_>, _>>()?;
                    claims
                        .sort_by_key(|claim| (claim.account.priority, claim.account.pending_since));
                    Ok(claims)
                })
            })
            .await
    }

    /// Reads the status of the claim: the rest of its lease, and the changes since it began.
    pub async fn claim_status(&self, claim: &Claim) -> Result<ClaimStatus, ClaimError> {
        let statement = format!("SELECT {STATUS} FROM accounts WHERE {FENCED}");
        read_status(self.engine.first(fenced(statement, claim)).await?)
    }

    /// Moves the end of the lease to that long from now, and reads the status of the claim.
    pub async fn extend_lease(
        &self,
        claim: &Claim,
        lease: Duration,
    ) -> Result<ClaimStatus, ClaimError> {
        let statement = format!(
            "UPDATE accounts SET lease_until = {{now}} + :lease WHERE {FENCED} RETURNING {STATUS}"
        );
        let statement = fenced(statement, claim).bind("lease", lease);
        self.write_status(statement).await
    }

    /// Records the intent before the write that it announces, and reads the status of the claim.
    /// `binding`: the user that the account is bound to from now on; it fails if another account of
    /// the connection is bound to that user.
    pub async fn record_intent(
        &self,
        claim: &Claim,
        intent: &Intent,
        binding: Option<&NewBinding<'_>>,
    ) -> Result<ClaimStatus, ClaimError> {
        let intent = json_text(intent)?;
        let scim_id = binding.map(|binding| binding.scim_id.to_owned());
        let last_applied = binding.map(|binding| json_text(binding.last_applied));
        let last_applied = last_applied.transpose()?;
        if let Some(writer) = &self.intent_writer {
            let row = [
                ("connection", (&claim.account.connection).into()),
                ("person", (&claim.account.person).into()),
                ("fencing_token", (&claim.fencing_token).into()),
                ("intent", (&intent).into()),
                ("scim_id", scim_id.clone().into()),
                ("last_applied", last_applied.clone().into()),
            ];
            if let Some(row) = writer.write(row).await {
                return read_status(Some(row));
            }
        }

        let statement = format!(
            "UPDATE accounts SET
               intent = :intent,
               scim_id = COALESCE(:scim_id, scim_id),
               last_applied = COALESCE(:last_applied, last_applied)
             WHERE {FENCED} RETURNING {STATUS}"
        );
        let statement = fenced(statement, claim)
            .bind("intent", intent)
            .bind("scim_id", scim_id.clone())
            .bind("last_applied", last_applied);
        match (self.write_status(statement).await, scim_id) {
            (Err(ClaimError::BoundElsewhere(_)), Some(scim_id)) => {
                let connection = &claim.account.connection;
                let holder = self.person_bound_to(connection, &scim_id).await?;
                Err(ClaimError::BoundElsewhere(holder))
            }
            (status, _) => status,
        }
    }

    /// Releases the claim without a result. The account is pending again after that long, or now if
    /// something changed since the claim.
    pub async fn release(&self, claim: &Claim, retry_in: Duration) -> Result<(), ClaimError> {
        let statement = format!(
            "UPDATE accounts SET
               fencing_token = NULL,
               lease_until = NULL,
               lease_taken_over = 0,
               next_run_at = CASE WHEN changed_since_claim <> 'none' THEN {{now}}
                 ELSE {{now}} + :retry_in END,
               pending_since = CASE WHEN changed_since_claim <> 'none' THEN {{now}} ELSE NULL END,
               leaver_since = CASE WHEN priority = 'leaver'
                 THEN COALESCE(leaver_since, pending_since, next_run_at) ELSE leaver_since END,
               not_before = CASE WHEN changed_since_claim <> 'none' THEN NULL
                 ELSE {{now}} + :retry_in END
             WHERE {FENCED}"
        );
        let statement = fenced(statement, claim).bind("retry_in", retry_in);
        require_row(self.engine.execute(statement).await?)
    }

    async fn write_status(&self, statement: Statement) -> Result<ClaimStatus, ClaimError> {
        let writing = self
            .engine
            .write::<_, ClaimError, _>(Scope::Statement, move |mut tx| {
                let statement = statement.clone();
                Box::pin(async move { statement.first(&mut tx).await.map_err(write_error) })
            });
        read_status(writing.await?)
    }
}

/// Records the intents of concurrent reconciles in one statement.
pub(super) fn intent_writer(engine: Engine) -> IntentWriter {
    BatchWriter::start(
        engine,
        &BatchStatement {
            set: "intent = v.intent,
                  scim_id = COALESCE(v.scim_id, accounts.scim_id),
                  last_applied = COALESCE(v.last_applied, accounts.last_applied)",
            and_where: "",
            returning: STATUS,
            then: "",
        },
    )
}

/// The status of a row with [`STATUS`]; no row: the claim is lost.
fn read_status(row: Option<SqlRow>) -> Result<ClaimStatus, ClaimError> {
    let row = row.ok_or(ClaimLost)?;
    Ok(ClaimStatus {
        lease_left: Duration::from_micros(u64::try_from(row.int("lease_left")?).unwrap_or(0)),
        person_version: row.int("person_version")?,
        changed: row.code("changed_since_claim")?,
    })
}

/// The statement that claims; `:fencing_token` is still to be bound.
fn claim_statement(request: &ClaimRequest<'_>) -> Statement {
    let picked = match (request.priority, request.person) {
        // One query for each priority, so that both search the index `accounts_pending`.
        (None, None) => format!(
            "leavers {},
             others {},
             picked (connection, person) AS (
               SELECT connection, person FROM leavers
               UNION ALL
               SELECT connection, person FROM others)",
            claimable("AND priority = 'leaver'", ":limit"),
            claimable(
                "AND priority = 'other'",
                ":limit - (SELECT COUNT(*) FROM leavers)"
            ),
        ),
        (Some(_), None) => format!("picked {}", claimable("AND priority = :priority", ":limit")),
        (None, Some(_)) => format!("picked {}", claimable("AND person = :person", ":limit")),
        (Some(_), Some(_)) => format!(
            "picked {}",
            claimable("AND priority = :priority AND person = :person", ":limit")
        ),
    };

    let mut statement = Statement::new(format!(
        "WITH {picked}
         UPDATE accounts SET
           fencing_token = :fencing_token,
           lease_until = {{now}} + :lease,
           changed_since_claim = 'none',
           lease_taken_over = CASE WHEN accounts.fencing_token IS NULL THEN 0 ELSE 1 END,
           pending_since = COALESCE(accounts.pending_since, accounts.next_run_at)
         FROM picked
         WHERE accounts.connection = picked.connection AND accounts.person = picked.person
         RETURNING {}, accounts.fencing_token, accounts.lease_until, accounts.lease_taken_over,
           accounts.person_version, accounts.desired_mapping_version, accounts.merged_into,
           (SELECT m.version FROM mappings m
            WHERE m.connection = :connection) AS published_version",
        accounts::COLUMNS
    ))
    .bind("connection", request.connection)
    .bind("limit", request.limit)
    .bind("lease", request.lease);

    if let Some(priority) = request.priority {
        statement = statement.bind("priority", priority);
    }
    if let Some(person) = request.person {
        statement = statement.bind("person", person);
    }
    statement
}

/// A WITH query of the accounts that may be claimed now and that another claim does not lock.
fn claimable(condition: &str, limit: &str) -> String {
    format!(
        "(connection, person) AS MATERIALIZED (
           SELECT connection, person FROM accounts
           WHERE connection = :connection {condition}
             AND next_run_at <= {{now}}
             AND (lease_until IS NULL OR lease_until <= {{now}})
             AND EXISTS (SELECT 1 FROM mappings m WHERE m.connection = :connection)
             AND NOT EXISTS (SELECT 1 FROM connections o
                             WHERE o.name = :connection AND o.paused_at IS NOT NULL)
           ORDER BY next_run_at
           LIMIT {limit}
           {{skip_locked}})"
    )
}

fn read_claim(row: &SqlRow) -> Result<Claim, StoreError> {
    let account = accounts::read(row)?;
    let now = row.time("now")?;

    // A mapping that was published a moment ago is on the row, or among the mappings, or on both.
    let desired = row.int("desired_mapping_version")?;
    let published = row.optional_int("published_version")?.unwrap_or(0);

    Ok(Claim {
        now: account
            .last_run_at
            .map_or(now, |last_run_at| last_run_at.max(now)),
        fencing_token: row.text("fencing_token")?,
        lease_until: row.time("lease_until")?,
        person_version: row.int("person_version")?,
        mapping_version: desired.max(published),
        lease_taken_over: row.flag("lease_taken_over")?,
        merged_into: row.optional_text("merged_into")?.map(PersonKey),
        account,
    })
}

/// A statement under a claim: binds the names of [`FENCED`].
fn fenced(text: String, claim: &Claim) -> Statement {
    Statement::new(text)
        .bind("connection", &claim.account.connection)
        .bind("person", &claim.account.person)
        .bind("fencing_token", &claim.fencing_token)
}

/// A write under a claim that found no row: the claim is lost.
fn require_row(rows: u64) -> Result<(), ClaimError> {
    if rows == 0 {
        Err(ClaimLost.into())
    } else {
        Ok(())
    }
}

/// Checks the claim's fencing token, and locks the row until the transaction ends.
pub(super) async fn lock(tx: &mut Tx<'_>, claim: &Claim) -> Result<(), ClaimError> {
    let statement = format!("UPDATE accounts SET lease_until = lease_until WHERE {FENCED}");
    require_row(fenced(statement, claim).execute(tx).await?)
}
