//! The embedded queue's file: `queue.db`, and every SQL statement on it.
//!
//! Two tables of the same shape, one per lane; a row is one message, its `seq` never used twice. `lanes.taken` is
//! the highest `seq` that was handed out: what is still there below it at the next start had been delivered by a
//! process that ended before it settled it. Nothing here decides what is done when; that is `writer`.

use std::{path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous},
};

use super::QueueOpenError;
use crate::queue::QueueName;

/// How often a message may be delivered by processes that end before they acker it; then it is poison.
pub(super) const DELIVERY_LIMIT: i64 = 20;

/// Version of the tables; a file of a newer one is not opened.
const SCHEMA: i64 = 1;

/// One message as it lies in the file.
pub(super) struct Row {
    pub seq: i64,
    pub body: Vec<u8>,
    /// Earlier processes that had it and ended before they settled it.
    pub deliveries: i64,
    /// Whether it was moved here from the events for its deliveries.
    pub poison: bool,
}

/// What a file holds when it is opened.
pub(super) struct Contents {
    /// Higher than every `seq` in the file.
    pub next_seq: i64,
    /// Messages on the events lane.
    pub events: u64,
    /// Messages on the dead lane.
    pub dead: u64,
}

/// The open file; nobody else can open it meanwhile.
pub(super) struct QueueFile {
    connection: SqliteConnection,
}

impl QueueFile {
    /// Opens or creates it, checks whose it is, and counts what earlier processes left unacked.
    pub async fn open(path: &Path, instance: &str) -> Result<(Self, Contents), QueueOpenError> {
        let failed = |source: sqlx::Error| {
            let held = source
                .as_database_error()
                .and_then(code)
                .is_some_and(|code| code == BUSY || code == LOCKED);
            let path = path.to_owned();
            if held {
                QueueOpenError::InUse { path }
            } else {
                QueueOpenError::File { path, source }
            }
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            // Held until the process ends: a second process cannot hand out what this one has in flight.
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", "4000")
            .busy_timeout(Duration::from_millis(500))
            // One text per number of rows inserted at once, for each lane.
            .statement_cache_capacity(512);
        let mut file = Self {
            connection: options.connect().await.map_err(failed)?,
        };
        file.begin().await.map_err(failed)?;
        file.create(instance).await.map_err(failed)?;
        if let Err(found) = file.belongs_to(instance).await.map_err(failed)? {
            return Err(QueueOpenError::Foreign {
                path: path.to_owned(),
                found,
                wanted: instance.to_owned(),
            });
        }
        let contents = file.take_stock().await.map_err(failed)?;
        file.commit().await.map_err(failed)?;
        Ok((file, contents))
    }

    async fn run(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(text)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    async fn number(&mut self, text: &'static str) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(text)
            .fetch_one(&mut self.connection)
            .await
    }

    async fn create(&mut self, instance: &str) -> Result<(), sqlx::Error> {
        self.run(
            "CREATE TABLE IF NOT EXISTS meta (schema INTEGER NOT NULL, instance TEXT NOT NULL)",
        )
        .await?;
        for table in [
            "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, deliveries INTEGER NOT NULL DEFAULT 0, \
             poison INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL)",
            "CREATE TABLE IF NOT EXISTS dead (seq INTEGER PRIMARY KEY, deliveries INTEGER NOT NULL DEFAULT 0, \
             poison INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL)",
            "CREATE TABLE IF NOT EXISTS lanes (lane TEXT PRIMARY KEY, taken INTEGER NOT NULL)",
            "INSERT OR IGNORE INTO lanes (lane, taken) VALUES ('events', 0), ('dead', 0)",
        ] {
            self.run(table).await?;
        }
        sqlx::query("INSERT INTO meta (schema, instance) SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM meta)")
            .bind(SCHEMA)
            .bind(instance)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    /// Whether it is this instance's and of tables that we know; else what it says it is.
    async fn belongs_to(&mut self, instance: &str) -> Result<Result<(), String>, sqlx::Error> {
        let row = sqlx::query("SELECT schema, instance FROM meta")
            .fetch_one(&mut self.connection)
            .await?;
        let (schema, found): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        Ok(if schema != SCHEMA {
            Err(format!("{found} (tables of version {schema})"))
        } else if found == instance {
            Ok(())
        } else {
            Err(found)
        })
    }

    async fn take_stock(&mut self) -> Result<Contents, sqlx::Error> {
        for lane in [
            "UPDATE events SET deliveries = deliveries + 1 WHERE seq <= (SELECT taken FROM lanes WHERE lane = 'events')",
            "UPDATE dead SET deliveries = deliveries + 1 WHERE seq <= (SELECT taken FROM lanes WHERE lane = 'dead')",
            "UPDATE lanes SET taken = 0",
        ] {
            self.run(lane).await?;
        }
        let highest = self
            .number("SELECT MAX(COALESCE((SELECT MAX(seq) FROM events), 0), COALESCE((SELECT MAX(seq) FROM dead), 0))");
        let highest = highest.await?;
        let poisoned = sqlx::query(
            "INSERT INTO dead (seq, deliveries, poison, body) \
             SELECT $1 + ROW_NUMBER() OVER (ORDER BY seq), deliveries, 1, body FROM events WHERE deliveries > $2",
        );
        let moved = poisoned
            .bind(highest)
            .bind(DELIVERY_LIMIT)
            .execute(&mut self.connection)
            .await?
            .rows_affected();
        sqlx::query("DELETE FROM events WHERE deliveries > $1")
            .bind(DELIVERY_LIMIT)
            .execute(&mut self.connection)
            .await?;
        if moved > 0 {
            tracing::error!(
                messages = moved,
                "messages that no process got through with were moved to the dead lane"
            );
        }
        let events = self.number("SELECT COUNT(*) FROM events").await?;
        let dead = self.number("SELECT COUNT(*) FROM dead").await?;
        let next_seq = highest
            .saturating_add(i64::try_from(moved).unwrap_or(i64::MAX))
            .saturating_add(1);
        Ok(Contents {
            next_seq,
            events: events.unsigned_abs(),
            dead: dead.unsigned_abs(),
        })
    }

    pub async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.run("BEGIN IMMEDIATE").await
    }

    /// Resolves once all since `begin` is on the disk.
    pub async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.run("COMMIT").await
    }

    /// Undoes all since `begin`. Several errors have done so by themselves; then there is nothing left to undo.
    pub async fn rollback(&mut self) {
        if let Err(error) = self.run("ROLLBACK").await {
            tracing::debug!(%error, "nothing to roll back");
        }
    }

    /// Adds bodies, numbered from `first` on.
    pub async fn insert(
        &mut self,
        lane: QueueName,
        first: i64,
        bodies: Vec<Vec<u8>>,
    ) -> Result<(), sqlx::Error> {
        let text = insert_text(lane, bodies.len());
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (seq, body) in (first..).zip(bodies) {
            query = query.bind(seq).bind(body);
        }
        query.execute(&mut self.connection).await.map(drop)
    }

    /// Removes what was acked.
    pub async fn delete(&mut self, lane: QueueName, seqs: &[i64]) -> Result<(), sqlx::Error> {
        let text = match lane {
            QueueName::Events => "DELETE FROM events WHERE seq IN (SELECT value FROM json_each($1))",
            QueueName::Dead => "DELETE FROM dead WHERE seq IN (SELECT value FROM json_each($1))",
        };
        sqlx::query(text)
            .bind(json(seqs))
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    /// Reads these messages, oldest first.
    pub async fn read(&mut self, lane: QueueName, seqs: &[i64]) -> Result<Vec<Row>, sqlx::Error> {
        let text = match lane {
            QueueName::Events => {
                "SELECT seq, deliveries, poison, body FROM events \
                 WHERE seq IN (SELECT value FROM json_each($1)) ORDER BY seq"
            }
            QueueName::Dead => {
                "SELECT seq, deliveries, poison, body FROM dead \
                 WHERE seq IN (SELECT value FROM json_each($1)) ORDER BY seq"
            }
        };
        let rows = sqlx::query(text)
            .bind(json(seqs))
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter().map(row).collect()
    }

    /// Reads at most `limit` messages above `after`, oldest first.
    pub async fn read_on(
        &mut self,
        lane: QueueName,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let text = match lane {
            QueueName::Events => {
                "SELECT seq, deliveries, poison, body FROM events WHERE seq > $1 ORDER BY seq LIMIT $2"
            }
            QueueName::Dead => {
                "SELECT seq, deliveries, poison, body FROM dead WHERE seq > $1 ORDER BY seq LIMIT $2"
            }
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = sqlx::query(text)
            .bind(after)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter().map(row).collect()
    }

    /// Notes that everything up to `taken` was handed out.
    pub async fn mark(&mut self, lane: QueueName, taken: i64) -> Result<(), sqlx::Error> {
        let text = match lane {
            QueueName::Events => "UPDATE lanes SET taken = $1 WHERE lane = 'events'",
            QueueName::Dead => "UPDATE lanes SET taken = $1 WHERE lane = 'dead'",
        };
        sqlx::query(text)
            .bind(taken)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    /// Lets the file grow by so many pages only: a full disk.
    #[cfg(test)]
    pub async fn limit_growth(&mut self, pages: i64) {
        let now = self.number("PRAGMA page_count").await.unwrap();
        sqlx::query(AssertSqlSafe(format!(
            "PRAGMA max_page_count = {}",
            now + pages
        )))
        .execute(&mut self.connection)
        .await
        .unwrap();
    }

    /// Closes it; the write-ahead log is folded into the file.
    pub async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the queue's file did not close cleanly; nothing that was confirmed is lost");
        }
    }
}

const BUSY: i64 = 5;
const LOCKED: i64 = 6;
const FULL: i64 = 13;

/// `SQLite`'s primary result code.
fn code(error: &dyn sqlx::error::DatabaseError) -> Option<i64> {
    error
        .code()
        .and_then(|code| code.parse::<i64>().ok())
        .map(|code| code & 0xff)
}

/// Whether the disk (or the file's quota) is full: the one failure that refuses rather than breaks.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(code) == Some(FULL)
}

fn row(row: &sqlx::sqlite::SqliteRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        seq: row.try_get(0)?,
        deliveries: row.try_get(1)?,
        poison: row.try_get::<i64, _>(2)? != 0,
        body: row.try_get(3)?,
    })
}

fn insert_text(lane: QueueName, rows: usize) -> String {
    let table = match lane {
        QueueName::Events => "events",
        QueueName::Dead => "dead",
    };
    let mut text = format!("INSERT INTO {table} (seq, body) VALUES ");
    for row in 0..rows {
        text.push_str(if row == 0 { "(?, ?)" } else { ", (?, ?)" });
    }
    text
}

fn json(seqs: &[i64]) -> String {
    let list: Vec<String> = seqs.iter().map(i64::to_string).collect();
    format!("[{}]", list.join(","))
}
