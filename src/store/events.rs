//! The set of events: writing and reading its rows.
//!
//! The same content again adds nothing, and the earliest time of receipt stays. Another content
//! under the same id is a row of its own, and the fold decides which one counts.

use std::collections::BTreeMap;

use super::{
    StoreError,
    sql::{
        row::{ReadColumn as _, SqlRow},
        statement::{Row, Statement, Tx, chunks},
        value::{code, json_text},
    },
};
use crate::telemetry;
use hirewire_core::event::{Event, EventKey};

/// The columns that [`read`] reads.
pub(super) const COLUMNS: &str = "events.source, events.hook, events.received_at,
    events.id_derivation, events.content";

/// The event of a row with [`COLUMNS`].
pub(super) fn read(row: &SqlRow) -> Result<Event, StoreError> {
    Ok(Event {
        source: row.code("source")?,
        hook: row.code("hook")?,
        received: row.time("received_at")?,
        id_derivation: row.code("id_derivation")?,
        content: row.json("content")?,
    })
}

/// An event to insert. Key and digest together identify its row.
pub(super) struct NewEvent<'a> {
    pub(super) event: &'a Event,
    pub(super) key: &'a EventKey,
    pub(super) digest: &'a str,
    pub(super) cluster: &'a str,
}

/// The change that inserting an event made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InsertResult {
    /// The event is new.
    New,
    /// The event was stored with a later time of receipt, which is now the earlier one.
    EarlierReceipt,
    /// The event was stored before; nothing changed.
    Duplicate,
}

/// Inserts the events, no two of them with the same key and digest; the results in their order.
pub(super) async fn insert(
    tx: &mut Tx<'_>,
    events: &[NewEvent<'_>],
) -> Result<Vec<InsertResult>, StoreError> {
    let rows = events.iter().map(row).collect::<Result<Vec<_>, _>>()?;

    let mut results = BTreeMap::new();
    for rows in chunks(tx.dialect, rows) {
        let written = Statement::new(
            "INSERT INTO events ({columns}) {values}
             ON CONFLICT (source, origin, id, digest) DO UPDATE SET
               received_at = excluded.received_at,
               hook = excluded.hook,
               id_derivation = excluded.id_derivation,
               times_written = events.times_written + 1
             WHERE excluded.received_at < events.received_at
             RETURNING source, origin, id, digest, times_written",
        )
        .rows(rows)
        .all(tx)
        .await?;
        for row in written {
            let key = EventKey {
                source: row.code("source")?,
                origin: row.text("origin")?,
                id: row.text("id")?,
            };
            let result = match row.int("times_written")? {
                1 => InsertResult::New,
                _ => InsertResult::EarlierReceipt,
            };
            results.insert((key, row.text("digest")?), result);
        }
    }

    let result = |new: &NewEvent<'_>| {
        let row = (new.key.clone(), new.digest.to_owned());
        results
            .get(&row)
            .copied()
            .unwrap_or(InsertResult::Duplicate)
    };
    Ok(events.iter().map(result).collect())
}

/// The row of a new event.
fn row(new: &NewEvent<'_>) -> Result<Row<12>, StoreError> {
    let NewEvent {
        event,
        key,
        digest,
        cluster,
    } = new;
    Ok([
        ("source", key.source.as_str().into()),
        ("origin", key.origin.as_str().into()),
        ("id", key.id.as_str().into()),
        ("digest", (*digest).into()),
        ("cluster", (*cluster).into()),
        ("kind", event.kind().as_str().into()),
        ("received_at", event.received.into()),
        ("hook", event.hook.as_str().into()),
        ("id_derivation", code(&event.id_derivation).into()),
        ("content", json_text(&event.content)?.into()),
        ("stored_at", telemetry::now().into()),
        ("times_written", 1_i64.into()),
    ])
}
