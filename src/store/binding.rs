//! Moving a binding (the target's user) from one account of a connection to another: after a merge to the person that
//! is left, after a parting back to the one whose alias it was made for.

use super::{
    Claim, ClaimError, LastApplied, PersonKey, Store, StoreError,
    aliases::Folk,
    claim,
    sql::dialect::Scope,
    sql::statement::{Columns as _, Statement, Tx, to_json},
};
use crate::telemetry;
use hirewire_core::event::Alias;

impl Store {
    /// Gives the binding of the claimed account (whose person was merged into another) to that person's account on
    /// the same connection, if that one is unbound and not leased; whether it did. The claimed row is left unbound.
    pub async fn move_binding(&self, claim: &Claim, to: &PersonKey) -> Result<bool, ClaimError> {
        let (claim, to) = (claim.clone(), to.clone());
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let (claim, to) = (claim.clone(), to.clone());
                Box::pin(async move {
                    claim::hold(&mut tx, &claim).await?;
                    let from = &claim.account;
                    let free = "lease_until IS NULL OR lease_until <= {now}";
                    Ok(shift(&mut tx, &from.connection, &from.person.0, &to.0, free).await?)
                })
            })
            .await
    }
}

/// Sends bindings home: those on the account of a person whom the alias they were made for no longer belongs to. Who
/// holds either account by a lease loses it, for what it read is no longer so.
pub(super) async fn return_parted(
    tx: &mut Tx<'_>,
    folk: &Folk,
    cluster: &str,
) -> Result<(), StoreError> {
    let bound = Statement::of(
        "SELECT a.connection, a.person, a.alias_source, a.alias_worker FROM accounts a \
         JOIN people p ON p.person = a.person WHERE p.cluster = $2 AND a.scim_id IS NOT NULL",
    );
    for row in bound.with(cluster).all(tx).await? {
        let (connection, holder) = (row.text("connection")?, row.text("person")?);
        let made_for = Alias {
            source: row.word("alias_source")?,
            worker: row.word("alias_worker")?,
        };
        let Some(owner) = folk.get(&made_for) else {
            continue;
        };
        let represents = folk
            .of_cluster(cluster)
            .find(|(_, member)| member.person == holder);
        let still =
            represents.is_some_and(|(_, member)| member.representative() == owner.representative());
        if !still && shift(tx, &connection, &holder, &owner.person, "1 = 1").await? {
            let revoke = Statement::of(
                "UPDATE accounts SET fencing_token = $5, lease_until = {now} \
                 WHERE connection = $2 AND person IN ($3, $4) AND fencing_token IS NOT NULL",
            );
            let revoke = revoke
                .with(&connection)
                .with(&holder)
                .with(&owner.person)
                .with(telemetry::new_id());
            revoke.run(tx).await?;
        }
    }
    Ok(())
}

/// Moves what is bound from one person's account to another's, if that one is unbound and `free`; whether it did. The
/// receiving account is pending now, and reads its user anew.
async fn shift(
    tx: &mut Tx<'_>,
    connection: &str,
    from: &str,
    to: &str,
    free: &str,
) -> Result<bool, StoreError> {
    let target = Statement::of(format!(
        "UPDATE accounts SET changed_since_claim = CASE WHEN changed_since_claim = 2 THEN 2 ELSE 1 END WHERE connection = $2 AND person = $3 \
         AND scim_id IS NULL AND ({free})"
    ));
    if target.with(connection).with(to).run(tx).await? == 0 {
        return Ok(false);
    }
    let given = Statement::of(
        "SELECT scim_id, last_applied, reconciled_access, alias_source, alias_worker FROM accounts \
         WHERE connection = $2 AND person = $3 AND scim_id IS NOT NULL",
    );
    let Some(given) = given.with(connection).with(from).first(tx).await? else {
        return Ok(false);
    };
    // The user's id is unique on a connection: given up before it is taken.
    Statement::of(
        "UPDATE accounts SET scim_id = NULL, last_applied = $4, reconciled_access = NULL, intent = NULL \
         WHERE connection = $2 AND person = $3",
    )
    .with(connection)
    .with(from)
    .with(to_json(&LastApplied::default())?)
    .run(tx)
    .await?;
    Statement::of(
        "UPDATE accounts SET scim_id = $4, last_applied = $5, reconciled_access = COALESCE($6, reconciled_access), \
         alias_source = $7, alias_worker = $8, next_run_at = {now}, pending_since = {now}, not_before = NULL, \
         verify_at = {now}, attempts = 0 WHERE connection = $2 AND person = $3",
    )
    .with(connection)
    .with(to)
    .with(given.maybe_text("scim_id")?)
    .with(given.text("last_applied")?)
    .with(given.maybe_text("reconciled_access")?)
    .with(given.text("alias_source")?)
    .with(given.text("alias_worker")?)
    .run(tx)
    .await?;
    Ok(true)
}
