//! The account row as the database has it, and other rows that several verbs read.

use sqlx::any::AnyRow;

use super::{
    Account, LastApplied, Outcome, PersonKey, Priority, StoreError, sql::statement::Columns,
};
use hirewire_core::event::{Alias, Event};

/// The columns of an account that [`account`] reads.
pub(super) const ACCOUNT: &str = "connection, person, alias_source, alias_worker, scim_id, last_applied, reconciled_version, \
     reconciled_access, mapping_version, due, priority, next_run_at, pending_since, attempts, not_before, intent, verify_at, audits, \
     held, as_of, outcome, {now} AS now";

/// The account of a row with the columns of [`ACCOUNT`].
pub(super) fn account(row: &AnyRow) -> Result<Account, StoreError> {
    let now = row.int("now")?;
    let next_run_at = row
        .maybe_int("next_run_at")?
        .filter(|next_run_at| *next_run_at <= now);
    // What fell due by the passing of time is pending since then, though nobody wrote it down.
    let pending_since = next_run_at.map(|next_run_at| {
        row.maybe_int("pending_since")
            .map(|since| since.unwrap_or(next_run_at))
    });
    Ok(Account {
        connection: row.text("connection")?,
        person: PersonKey(row.text("person")?),
        alias: Alias {
            source: row.word("alias_source")?,
            worker: row.word("alias_worker")?,
        },
        scim_id: row.maybe_text("scim_id")?,
        last_applied: row.json::<LastApplied>("last_applied")?,
        reconciled_version: row.int("reconciled_version")?,
        reconciled_access: maybe_word(row, "reconciled_access")?,
        mapping_version: row.int("mapping_version")?,
        due: row.maybe_time("due")?,
        priority: priority(row)?,
        pending_since: pending_since
            .transpose()?
            .map(super::sql::statement::instant)
            .transpose()?,
        attempts: small(row, "attempts")?,
        not_before: row.maybe_time("not_before")?,
        intent: row.maybe_json("intent")?,
        verify_at: row.maybe_time("verify_at")?,
        audits: small(row, "audits")?,
        held: row.flag("held")?,
        as_of: row.maybe_time("as_of")?,
        outcome: row.maybe_json::<Outcome>("outcome")?,
    })
}

/// The priority of a row.
pub(super) fn priority(row: &AnyRow) -> Result<Priority, StoreError> {
    Ok(if row.int("priority")? == 0 {
        Priority::Leaver
    } else {
        Priority::Other
    })
}

fn small(row: &AnyRow, column: &str) -> Result<u32, StoreError> {
    Ok(u32::try_from(row.int(column)?).unwrap_or(u32::MAX))
}

fn maybe_word<T: serde::de::DeserializeOwned>(
    row: &AnyRow,
    column: &str,
) -> Result<Option<T>, StoreError> {
    row.maybe_text(column)?
        .is_some()
        .then(|| row.word(column))
        .transpose()
}

/// The columns of an event that [`event`] reads, of the table `e`.
pub(super) const EVENT: &str = "e.source, e.hook, e.received, e.id_derivation, e.content";

/// The event of a row with the columns of [`EVENT`].
pub(super) fn event(row: &AnyRow) -> Result<Event, StoreError> {
    Ok(Event {
        source: row.word("source")?,
        hook: row.word("hook")?,
        received: row.time("received")?,
        id_derivation: row.word("identity")?,
        content: row.json("content")?,
    })
}
