//! Claiming accounts: leases with a fencing_token, what stands while one is held, and giving it back.
//!
//! A claim is one statement. It clears `changed_since_claim` on the row; whoever makes the account pending sets it again, and a commit
//! that finds it set leaves the account pending. Every write under a claim names its fencing_token: a holder whose lease was taken
//! over writes nothing.

use std::time::Duration;

use sqlx::any::AnyRow;

use super::{
    ChangedSinceClaim, Claim, ClaimError, ClaimLost, ClaimRequest, ClaimStatus, Intent, PersonKey,
    Store, StoreError, rows,
    sql::batch_writer::BatchWriter,
    sql::dialect::Scope,
    sql::engine::Engine,
    sql::statement::{Columns as _, SqlValue, Statement, Tx, and, to_json},
};
use crate::telemetry;

/// The condition by which a write names its row and the fencing_token ($2, $3, $4).
pub(super) const FENCED: &str = "connection = $2 AND person = $3 AND fencing_token = $4";

impl Store {
    /// Leases accounts that are pending now: leavers first unless a priority is wished, oldest first.
    pub async fn claim(&self, request: &ClaimRequest<'_>) -> Result<Vec<Claim>, StoreError> {
        let (statement, values) = claiming(request);
        self.engine
            .write(Scope::Statement, move |mut tx| {
                let (statement, values) = (statement.clone(), values.clone());
                Box::pin(async move {
                    let statement = values
                        .into_iter()
                        .fold(Statement::of(statement), Statement::with);
                    let rows = statement.with(telemetry::new_id()).all(&mut tx).await?;
                    let mut claims = rows.iter().map(claimed).collect::<Result<Vec<_>, _>>()?;
                    claims
                        .sort_by_key(|claim| (claim.account.priority, claim.account.pending_since));
                    Ok(claims)
                })
            })
            .await
    }

    /// What may have changed under the claim. `extend` moves the end of the lease to that long from now.
    pub async fn claim_status(
        &self,
        claim: &Claim,
        extend: Option<Duration>,
    ) -> Result<ClaimStatus, ClaimError> {
        let claim = claim.clone();
        let row = match extend {
            None => {
                let statement = format!("SELECT {STANDING} FROM accounts WHERE {FENCED}");
                let looking = self.engine.read(move |mut tx| {
                    Box::pin(async move { Ok(fenced(statement, &claim).first(&mut tx).await?) })
                });
                looking.await?
            }
            Some(extend) => {
                let statement = format!(
                    "UPDATE accounts SET lease_until = {{now}} + $5 WHERE {FENCED} RETURNING {STANDING}"
                );
                let extending =
                    self.engine
                        .write::<_, StoreError, _>(Scope::Statement, move |mut tx| {
                            let statement = fenced(&statement, &claim).with(extend);
                            Box::pin(async move { Ok(statement.first(&mut tx).await?) })
                        });
                extending.await?
            }
        };
        stands(row)
    }

    /// Writes the intent down, before the write it announces, and says what may have changed under the claim.
    pub async fn begin(&self, claim: &Claim, intent: &Intent) -> Result<ClaimStatus, ClaimError> {
        let (claim, intent) = (claim.clone(), to_json(intent)?);
        if let Some(together) = &self.begins {
            let account = &claim.account;
            let line = [
                &account.connection,
                &account.person.0,
                &claim.fencing_token,
                &intent,
            ]
            .map(Into::into);
            if let Some(row) = together.write(line).await {
                return stands(Some(row));
            }
        }
        let statement =
            format!("UPDATE accounts SET intent = $5 WHERE {FENCED} RETURNING {STANDING}");
        let beginning = self
            .engine
            .write::<_, StoreError, _>(Scope::Statement, move |mut tx| {
                let statement = fenced(&statement, &claim).with(&intent);
                Box::pin(async move { Ok(statement.first(&mut tx).await?) })
            });
        stands(beginning.await?)
    }

    /// Releases the claim without any change; the account stays pending, now or after that long.
    pub async fn release(
        &self,
        claim: &Claim,
        again_in: Option<Duration>,
    ) -> Result<(), ClaimError> {
        let released = "fencing_token = NULL, lease_until = NULL, taken_over = 0";
        match again_in {
            None => self.fenced_write(claim, released, Vec::new()).await,
            Some(later) => {
                let released = format!(
                    "{released}, next_run_at = CASE WHEN changed_since_claim > 0 THEN {{now}} ELSE {{now}} + $5 END, \
                     pending_since = CASE WHEN changed_since_claim > 0 THEN {{now}} ELSE NULL END, \
                     not_before = CASE WHEN changed_since_claim > 0 THEN NULL ELSE {{now}} + $5 END"
                );
                self.fenced_write(claim, &released, vec![later.into()])
                    .await
            }
        }
    }

    /// One statement on the claimed row; `$5` ... are the values.
    async fn fenced_write(
        &self,
        claim: &Claim,
        set: &str,
        values: Vec<SqlValue>,
    ) -> Result<(), ClaimError> {
        let statement = format!("UPDATE accounts SET {set} WHERE {FENCED}");
        let claim = claim.clone();
        self.engine
            .write(Scope::Statement, move |mut tx| {
                let statement = values
                    .iter()
                    .cloned()
                    .fold(fenced(&statement, &claim), Statement::with);
                Box::pin(async move { touched(statement.run(&mut tx).await?) })
            })
            .await
    }
}

/// Many intents in one statement.
pub(super) fn begins_together(engine: Engine) -> BatchWriter<4> {
    BatchWriter::start(engine, "intent = v.column4", "", STANDING, "")
}

/// What `standing` reads of the row.
const STANDING: &str =
    "COALESCE(lease_until - {now}, 0) AS lease_left, person_version, changed_since_claim";

/// A row with the columns of [`STANDING`]; none: the claim is lost.
fn stands(row: Option<AnyRow>) -> Result<ClaimStatus, ClaimError> {
    let row = row.ok_or(ClaimLost)?;
    Ok(ClaimStatus {
        lease_left: Duration::from_micros(u64::try_from(row.int("lease_left")?).unwrap_or(0)),
        person_version: row.int("person_version")?,
        changed: match row.int("changed_since_claim")? {
            0 => ChangedSinceClaim::None,
            2 => ChangedSinceClaim::Termination,
            _ => ChangedSinceClaim::Change,
        },
    })
}

/// The statement that claims, and its values but the last, the fencing_token.
fn claiming(request: &ClaimRequest<'_>) -> (String, Vec<SqlValue>) {
    let mut values: Vec<SqlValue> = vec![
        request.connection.into(),
        request.most.into(),
        request.lease.into(),
    ];
    let mut narrowed = String::new();
    if let Some(priority) = request.priority {
        values.push(priority.into());
        narrowed.push_str(&and("priority", values.len() + 1));
    }
    if let Some(person) = request.person {
        values.push(person.into());
        narrowed.push_str(&and("person", values.len() + 1));
    }
    let pending = |which: &str, most: &str| {
        format!(
            "(c, p) AS MATERIALIZED (SELECT connection, person FROM accounts WHERE connection = $2{which} \
               AND next_run_at <= {{now}} AND (lease_until IS NULL OR lease_until <= {{now}}) \
               AND EXISTS (SELECT 1 FROM mappings m WHERE m.connection = $2) \
               AND NOT EXISTS (SELECT 1 FROM connections o WHERE o.name = $2 AND o.paused_since IS NOT NULL) \
               ORDER BY next_run_at LIMIT {most} {{skip_locked}})"
        )
    };
    let picked = if narrowed.is_empty() {
        // A priority each, so that both are searched by the index.
        let (leavers, others) = (
            pending(" AND priority = 0", "$3"),
            pending(" AND priority = 1", "$3 - (SELECT COUNT(*) FROM leavers)"),
        );
        format!(
            "leavers {leavers}, others {others}, picked (c, p) AS (SELECT c, p FROM leavers UNION ALL SELECT c, p FROM others)"
        )
    } else {
        format!("picked {}", pending(&narrowed, "$3"))
    };
    let fencing_token = values.len() + 2;
    let statement = format!(
        "WITH {picked} \
         UPDATE accounts SET fencing_token = ${fencing_token}, lease_until = {{now}} + $4, changed_since_claim = 0, \
           taken_over = CASE WHEN fencing_token IS NULL THEN 0 ELSE 1 END, pending_since = COALESCE(pending_since, next_run_at) \
         FROM picked WHERE accounts.connection = picked.c AND accounts.person = picked.p \
         RETURNING {}, fencing_token, lease_until, taken_over, person_version, wanted_mapping, merged_into, \
           (SELECT version FROM mappings m WHERE m.connection = $2) AS published",
        rows::ACCOUNT
    );
    (statement, values)
}

fn claimed(row: &AnyRow) -> Result<Claim, StoreError> {
    let account = rows::account(row)?;
    let now = row.time("now")?;
    Ok(Claim {
        now: account.as_of.map_or(now, |as_of| as_of.max(now)),
        fencing_token: row.text("fencing_token")?,
        lease_until: row.time("lease_until")?,
        person_version: row.int("person_version")?,
        // What was published a moment ago is on the row, or among the mappings, or on both.
        mapping_version: row
            .int("wanted_mapping")?
            .max(row.maybe_int("published")?.unwrap_or(0)),
        taken_over: row.flag("taken_over")?,
        merged_into: row.maybe_text("merged_into")?.map(PersonKey),
        account,
    })
}

/// A statement under a claim: the values that [`FENCED`] names.
pub(super) fn fenced(statement: impl Into<String>, claim: &Claim) -> Statement {
    let account = &claim.account;
    Statement::of(statement)
        .with(&account.connection)
        .with(&account.person)
        .with(&claim.fencing_token)
}

/// A write under a claim that touched nothing: the claim is lost.
pub(super) fn touched(rows: u64) -> Result<(), ClaimError> {
    if rows == 0 {
        Err(ClaimLost.into())
    } else {
        Ok(())
    }
}

/// Whether the claim's fencing_token still holds, under the row's lock until the transaction ends.
pub(super) async fn hold(tx: &mut Tx<'_>, claim: &Claim) -> Result<(), ClaimError> {
    let statement = format!("UPDATE accounts SET lease_until = lease_until WHERE {FENCED}");
    touched(fenced(statement, claim).run(tx).await?)
}
