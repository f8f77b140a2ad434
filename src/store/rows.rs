//! The account row as the database has it, and other rows that several verbs read.

use sqlx::any::AnyRow;

use super::{Account, Applied, Outcome, OwedClass, PersonKey, StoreError, ask::Columns};
use crate::event::{Alias, Event};

/// The columns of an account that [`account`] reads.
pub(super) const ACCOUNT: &str = "connection, person, alias_source, alias_worker, scim_id, applied, settled_version, \
     settled_access, mapping_version, due, class, owed_at, owed_since, attempts, not_before, intent, verify_at, audits, \
     held, as_of, outcome, {now} AS now";

/// The account of a row with the columns of [`ACCOUNT`].
pub(super) fn account(row: &AnyRow) -> Result<Account, StoreError> {
    let now = row.int("now")?;
    let owed_at = row.maybe_int("owed_at")?.filter(|owed_at| *owed_at <= now);
    // What fell due by the passing of time is owed since then, though nobody wrote it down.
    let owed_since = owed_at.map(|owed_at| row.maybe_int("owed_since").map(|since| since.unwrap_or(owed_at)));
    Ok(Account {
        connection: row.text("connection")?,
        person: PersonKey(row.text("person")?),
        alias: Alias { source: row.word("alias_source")?, worker: row.word("alias_worker")? },
        scim_id: row.maybe_text("scim_id")?,
        applied: row.json::<Applied>("applied")?,
        settled_version: row.int("settled_version")?,
        settled_access: maybe_word(row, "settled_access")?,
        mapping_version: row.int("mapping_version")?,
        due: row.maybe_time("due")?,
        class: class(row)?,
        owed_since: owed_since.transpose()?.map(super::ask::instant).transpose()?,
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

/// The class of a row.
pub(super) fn class(row: &AnyRow) -> Result<OwedClass, StoreError> {
    Ok(if row.int("class")? == 0 { OwedClass::Leaver } else { OwedClass::Other })
}

fn small(row: &AnyRow, column: &str) -> Result<u32, StoreError> {
    Ok(u32::try_from(row.int(column)?).unwrap_or(u32::MAX))
}

fn maybe_word<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &str) -> Result<Option<T>, StoreError> {
    row.maybe_text(column)?.is_some().then(|| row.word(column)).transpose()
}

/// The columns of an event that [`event`] reads, of the table `e`.
pub(super) const EVENT: &str = "e.source, e.hook, e.received, e.identity, e.content";

/// The event of a row with the columns of [`EVENT`].
pub(super) fn event(row: &AnyRow) -> Result<Event, StoreError> {
    Ok(Event {
        source: row.word("source")?,
        hook: row.word("hook")?,
        received: row.time("received")?,
        identity: row.word("identity")?,
        content: row.json("content")?,
    })
}
