//! Claiming accounts: leases with a fence, what stands while one is held, and giving it back.
//!
//! A claim is one statement. It clears `stirred` on the row; whoever makes the account owed sets it again, and a commit
//! that finds it set leaves the account owed. Every write under a claim names its fence: a holder whose lease was taken
//! over writes nothing.

use std::time::Duration;

use sqlx::any::AnyRow;

use super::{
    Claim, ClaimError, ClaimLost, ClaimWish, Intent, PersonKey, Standing, Store, StoreError,
    ask::{Ask, Cell, Columns as _, Tx, and, to_json},
    dialect::Scope,
    engine::Engine,
    rows,
    together::Together,
};
use crate::{failpoint, telemetry};

/// The condition by which a write names its row and the fence ($2, $3, $4); $5 is [`unfenced`].
pub(super) const FENCED: &str = "connection = $2 AND person = $3 AND (lease_token = $4 OR $5 = 1)";

impl Store {
    /// Leases accounts that are owed now: leavers first unless a class is wished, oldest first.
    pub async fn claim(&self, wish: &ClaimWish<'_>) -> Result<Vec<Claim>, StoreError> {
        let (statement, cells) = claiming(wish);
        self.engine
            .write(Scope::Statement, move |mut tx| {
                let (statement, cells) = (statement.clone(), cells.clone());
                Box::pin(async move {
                    let ask = cells.into_iter().fold(Ask::of(statement), Ask::with);
                    let rows = ask.with(telemetry::new_id()).all(&mut tx).await?;
                    let mut claims = rows.iter().map(claimed).collect::<Result<Vec<_>, _>>()?;
                    claims.sort_by_key(|claim| (claim.account.class, claim.account.owed_since));
                    Ok(claims)
                })
            })
            .await
    }

    /// What may have changed under the claim. `extend` moves the end of the lease to that long from now.
    pub async fn standing(&self, claim: &Claim, extend: Option<Duration>) -> Result<Standing, ClaimError> {
        let claim = claim.clone();
        let row = match extend {
            None => {
                let statement = format!("SELECT {STANDING} FROM accounts WHERE {FENCED}");
                let looking = self
                    .engine
                    .read(move |mut tx| Box::pin(async move { Ok(fenced(statement, &claim).first(&mut tx).await?) }));
                looking.await?
            }
            Some(extend) => {
                let statement =
                    format!("UPDATE accounts SET lease_until = {{now}} + $6 WHERE {FENCED} RETURNING {STANDING}");
                let extending = self.engine.write::<_, StoreError, _>(Scope::Statement, move |mut tx| {
                    let ask = fenced(&statement, &claim).with(extend);
                    Box::pin(async move { Ok(ask.first(&mut tx).await?) })
                });
                extending.await?
            }
        };
        stands(row)
    }

    /// Writes the intent down, before the write it announces, and says what may have changed under the claim.
    pub async fn begin(&self, claim: &Claim, intent: &Intent) -> Result<Standing, ClaimError> {
        let (claim, intent) = (claim.clone(), to_json(intent)?);
        if let Some(together) = &self.begins {
            let account = &claim.account;
            let line = [&account.connection, &account.person.0, &claim.fence, &intent].map(Into::into);
            if let Some(row) = together.write(line).await {
                return stands(Some(row));
            }
        }
        let statement = format!("UPDATE accounts SET intent = $6 WHERE {FENCED} RETURNING {STANDING}");
        let beginning = self.engine.write::<_, StoreError, _>(Scope::Statement, move |mut tx| {
            let ask = fenced(&statement, &claim).with(&intent);
            Box::pin(async move { Ok(ask.first(&mut tx).await?) })
        });
        stands(beginning.await?)
    }

    /// Releases the claim without any change; the account stays owed, now or after that long.
    pub async fn release(&self, claim: &Claim, again_in: Option<Duration>) -> Result<(), ClaimError> {
        let released = "lease_token = NULL, lease_until = NULL, taken_over = 0";
        match again_in {
            None => self.fenced_write(claim, released, Vec::new()).await,
            Some(later) => {
                let released = format!(
                    "{released}, owed_at = CASE WHEN stirred > 0 THEN {{now}} ELSE {{now}} + $6 END, \
                     owed_since = CASE WHEN stirred > 0 THEN {{now}} ELSE NULL END, \
                     not_before = CASE WHEN stirred > 0 THEN NULL ELSE {{now}} + $6 END"
                );
                self.fenced_write(claim, &released, vec![later.into()]).await
            }
        }
    }

    /// One statement on the claimed row; `$6` ... are the cells.
    async fn fenced_write(&self, claim: &Claim, set: &str, cells: Vec<Cell>) -> Result<(), ClaimError> {
        let statement = format!("UPDATE accounts SET {set} WHERE {FENCED}");
        let claim = claim.clone();
        self.engine
            .write(Scope::Statement, move |mut tx| {
                let ask = cells.iter().cloned().fold(fenced(&statement, &claim), Ask::with);
                Box::pin(async move { touched(ask.run(&mut tx).await?) })
            })
            .await
    }
}

/// Many intents in one statement.
pub(super) fn begins_together(engine: Engine) -> Together<4> {
    Together::start(engine, "intent = v.column4", "", STANDING, "")
}

/// What `standing` reads of the row.
const STANDING: &str = "COALESCE(lease_until - {now}, 0) AS lease_left, person_version, stirred";

/// A row with the columns of [`STANDING`]; none: the claim is lost.
fn stands(row: Option<AnyRow>) -> Result<Standing, ClaimError> {
    let row = row.ok_or(ClaimLost)?;
    Ok(Standing {
        lease_left: Duration::from_micros(u64::try_from(row.int("lease_left")?).unwrap_or(0)),
        person_version: row.int("person_version")?,
        ending_came: row.int("stirred")? == 2,
    })
}

/// The statement that claims, and its cells but the last, the fence.
fn claiming(wish: &ClaimWish<'_>) -> (String, Vec<Cell>) {
    let mut cells: Vec<Cell> = vec![wish.connection.into(), wish.most.into(), wish.lease.into()];
    let mut narrowed = String::new();
    if let Some(class) = wish.class {
        cells.push(class.into());
        narrowed.push_str(&and("class", cells.len() + 1));
    }
    if let Some(person) = wish.person {
        cells.push(person.into());
        narrowed.push_str(&and("person", cells.len() + 1));
    }
    let owed = |which: &str, most: &str| {
        format!(
            "(c, p) AS MATERIALIZED (SELECT connection, person FROM accounts WHERE connection = $2{which} \
               AND owed_at <= {{now}} AND (lease_until IS NULL OR lease_until <= {{now}}) \
               AND EXISTS (SELECT 1 FROM mappings m WHERE m.connection = $2) \
               AND NOT EXISTS (SELECT 1 FROM connections o WHERE o.name = $2 AND o.paused_since IS NOT NULL) \
               ORDER BY owed_at LIMIT {most} {{skip_locked}})"
        )
    };
    let picked = if narrowed.is_empty() {
        // A class each, so that both are searched by the index.
        let (leavers, others) =
            (owed(" AND class = 0", "$3"), owed(" AND class = 1", "$3 - (SELECT COUNT(*) FROM leavers)"));
        format!(
            "leavers {leavers}, others {others}, picked (c, p) AS (SELECT c, p FROM leavers UNION ALL SELECT c, p FROM others)"
        )
    } else {
        format!("picked {}", owed(&narrowed, "$3"))
    };
    let fence = cells.len() + 2;
    let statement = format!(
        "WITH {picked} \
         UPDATE accounts SET lease_token = ${fence}, lease_until = {{now}} + $4, stirred = 0, \
           taken_over = CASE WHEN lease_token IS NULL THEN 0 ELSE 1 END, owed_since = COALESCE(owed_since, owed_at) \
         FROM picked WHERE accounts.connection = picked.c AND accounts.person = picked.p \
         RETURNING {}, lease_token, lease_until, taken_over, person_version, wanted_mapping, merged_into, \
           (SELECT version FROM mappings m WHERE m.connection = $2) AS published",
        rows::ACCOUNT
    );
    (statement, cells)
}

fn claimed(row: &AnyRow) -> Result<Claim, StoreError> {
    let account = rows::account(row)?;
    let now = row.time("now")?;
    Ok(Claim {
        now: account.as_of.map_or(now, |as_of| as_of.max(now)),
        fence: row.text("lease_token")?,
        lease_until: row.time("lease_until")?,
        person_version: row.int("person_version")?,
        // What was published a moment ago is on the row, or among the mappings, or on both.
        mapping_version: row.int("wanted_mapping")?.max(row.maybe_int("published")?.unwrap_or(0)),
        taken_over: row.flag("taken_over")?,
        merged_into: row.maybe_text("merged_into")?.map(PersonKey),
        account,
    })
}

/// A statement under a claim: the cells that [`FENCED`] names.
pub(super) fn fenced(statement: impl Into<String>, claim: &Claim) -> Ask {
    let account = &claim.account;
    Ask::of(statement).with(&account.connection).with(&account.person).with(&claim.fence).with(unfenced())
}

/// Whether the mistake is planted that nobody looks at fences.
pub(super) fn unfenced() -> bool {
    failpoint::planted("no_fence")
}

/// A write under a claim that touched nothing: the claim is lost.
pub(super) fn touched(rows: u64) -> Result<(), ClaimError> {
    if rows == 0 { Err(ClaimLost.into()) } else { Ok(()) }
}

/// Whether the claim's fence still holds, under the row's lock until the transaction ends.
pub(super) async fn hold(tx: &mut Tx<'_>, claim: &Claim) -> Result<(), ClaimError> {
    let statement = format!("UPDATE accounts SET lease_until = lease_until WHERE {FENCED}");
    touched(fenced(statement, claim).run(tx).await?)
}
