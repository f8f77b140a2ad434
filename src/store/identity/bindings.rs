//! Bindings follow identity: a user moves from one account of a connection to another.
//!
//! After a merge it moves to the account of the person who represents both. After a split it
//! returns to the account of the person whose alias it was made for.

use super::clusters::Clusters;
use crate::{
    store::{
        Claim, ClaimError, LastApplied, PersonKey, Store, StoreError, claims,
        pending::CHANGED,
        sql::{
            dialect::Scope,
            row::{ReadColumn as _, SqlRow},
            statement::{Statement, Tx},
            value::json_text,
        },
    },
    telemetry,
};
use hirewire_core::event::Alias;

impl Store {
    /// Moves the binding of the claimed account, whose person was merged into `to`, to that
    /// person's account on the same connection. `false`: that account is bound or claimed, and
    /// nothing moved. The claimed account has no binding afterwards.
    pub async fn move_binding(&self, claim: &Claim, to: &PersonKey) -> Result<bool, ClaimError> {
        let (claim, to) = (claim.clone(), to.clone());
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let (claim, to) = (claim.clone(), to.clone());
                Box::pin(async move {
                    claims::lock(&mut tx, &claim).await?;
                    let transfer = Transfer {
                        connection: &claim.account.connection,
                        from: &claim.account.person.0,
                        to: &to.0,
                    };
                    let unclaimed = "lease_until IS NULL OR lease_until <= {now}";
                    Ok(transfer.run(&mut tx, unclaimed).await?)
                })
            })
            .await
    }
}

/// Returns the bindings of a cluster that are on the account of another person than the one whose
/// alias they were made for. A claim on either account is lost, because its facts no longer hold.
pub(super) async fn return_after_split(
    tx: &mut Tx<'_>,
    clusters: &Clusters,
    cluster: &str,
) -> Result<(), StoreError> {
    let bound = Statement::new(
        "SELECT a.connection, a.person, a.alias_source, a.alias_worker
         FROM accounts a JOIN people p ON p.person = a.person
         WHERE p.cluster = :cluster AND a.scim_id IS NOT NULL",
    )
    .bind("cluster", cluster)
    .all(tx)
    .await?;

    for row in bound {
        let (connection, holder) = (row.text("connection")?, row.text("person")?);
        let made_for = Alias {
            source: row.code("alias_source")?,
            worker: row.code("alias_worker")?,
        };
        let Some(owner) = clusters.get(&made_for) else {
            continue;
        };

        let is_same_person = clusters.members(cluster).any(|(_, member)| {
            member.person == holder && member.representative() == owner.representative()
        });
        let transfer = Transfer {
            connection: &connection,
            from: &holder,
            to: &owner.person,
        };
        if !is_same_person && transfer.run(tx, "1 = 1").await? {
            transfer.revoke_claims(tx).await?;
        }
    }
    Ok(())
}

/// A binding that moves from one person's account to another's.
struct Transfer<'a> {
    connection: &'a str,
    from: &'a str,
    to: &'a str,
}

impl Transfer<'_> {
    /// Moves the binding if the receiving account has none and meets the condition; `false`:
    /// nothing moved. The receiving account is pending now and reads its user again.
    async fn run(&self, tx: &mut Tx<'_>, condition: &str) -> Result<bool, StoreError> {
        let lock_receiver = Statement::new(format!(
            "UPDATE accounts SET {CHANGED}
             WHERE connection = :connection AND person = :to
               AND scim_id IS NULL AND ({condition})"
        ));
        if self.bind(lock_receiver).execute(tx).await? == 0 {
            return Ok(false);
        }

        let giver = Statement::new(
            "SELECT scim_id, last_applied, reconciled_access, alias_source, alias_worker
             FROM accounts
             WHERE connection = :connection AND person = :from AND scim_id IS NOT NULL",
        );
        let Some(giver) = self.bind(giver).first(tx).await? else {
            return Ok(false);
        };

        // A `scim_id` is unique on a connection: the giver's row loses it first.
        let unbind = Statement::new(
            "UPDATE accounts SET
               scim_id = NULL, last_applied = :nothing, reconciled_access = NULL, intent = NULL
             WHERE connection = :connection AND person = :from",
        )
        .bind("nothing", json_text(&LastApplied::default())?);
        self.bind(unbind).execute(tx).await?;
        self.bind_receiver(tx, &giver).await?;
        Ok(true)
    }

    async fn bind_receiver(&self, tx: &mut Tx<'_>, giver: &SqlRow) -> Result<(), StoreError> {
        let statement = Statement::new(
            "UPDATE accounts SET
               scim_id = :scim_id,
               last_applied = :last_applied,
               reconciled_access = COALESCE(:reconciled_access, reconciled_access),
               alias_source = :alias_source,
               alias_worker = :alias_worker,
               next_run_at = {now},
               pending_since = {now},
               not_before = NULL,
               verify_at = {now},
               attempts = 0
             WHERE connection = :connection AND person = :to",
        )
        .bind("scim_id", giver.optional_text("scim_id")?)
        .bind("last_applied", giver.text("last_applied")?)
        .bind(
            "reconciled_access",
            giver.optional_text("reconciled_access")?,
        )
        .bind("alias_source", giver.text("alias_source")?)
        .bind("alias_worker", giver.text("alias_worker")?);
        self.bind(statement).execute(tx).await?;
        Ok(())
    }

    /// Takes both accounts from their claims: a new fencing token, under a lease that has ended.
    async fn revoke_claims(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let statement = Statement::new(
            "UPDATE accounts SET fencing_token = :fencing_token, lease_until = {now}
             WHERE connection = :connection AND person IN (:from, :to)
               AND fencing_token IS NOT NULL",
        )
        .bind("fencing_token", telemetry::new_id());
        self.bind(statement).execute(tx).await?;
        Ok(())
    }

    fn bind(&self, statement: Statement) -> Statement {
        statement
            .bind("connection", self.connection)
            .bind("from", self.from)
            .bind("to", self.to)
    }
}
