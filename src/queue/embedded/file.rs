//! The embedded queue's file, `queue.db`, and every SQL statement on it.
//!
//! The tables `events` and `dead` have the same columns; a row is one message, and no `seq` is used
//! twice. `queues.delivered` is the highest `seq` that was delivered. A row at or below it at the
//! next start was delivered by a process that ended before the ack. The module does not decide when
//! to write; `writer` does.

use std::{path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous},
};

use super::QueueOpenError;
use crate::queue::QueueName;

/// How many processes may end with a delivery of the same message unacked. After one more, the
/// message is poison and moves to the dead queue.
pub(super) const DELIVERY_LIMIT: i64 = 20;

/// The version of the tables. A file with another version is not opened.
const SCHEMA: i64 = 1;

/// One message in the file.
pub(super) struct Row {
    pub seq: i64,
    pub body: Vec<u8>,
    /// How many earlier processes ended with a delivery of it unacked.
    pub deliveries: i64,
    /// Whether it was moved from `events` to `dead` because it reached the delivery limit.
    pub poison: bool,
}

/// The counts of a file that was just opened.
pub(super) struct InitialCounts {
    /// Higher than every `seq` in the file.
    pub next_seq: i64,
    /// Messages in the events queue.
    pub events: u64,
    /// Messages in the dead queue.
    pub dead: u64,
}

/// The open file. No other process can open it at the same time.
pub(super) struct QueueFile {
    connection: SqliteConnection,
}

impl QueueFile {
    /// Opens or creates the file, checks its instance, and counts the deliveries that earlier
    /// processes left unacked.
    pub async fn open(
        path: &Path,
        instance: &str,
    ) -> Result<(Self, InitialCounts), QueueOpenError> {
        let failed = |source| open_error(path, source);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            // The lock lasts until the process ends, so that no second process delivers the same
            // messages.
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", "4000")
            .busy_timeout(Duration::from_millis(500))
            // Per queue, one text for each number of rows that one INSERT may have.
            .statement_cache_capacity(512);

        let mut file = Self {
            connection: options.connect().await.map_err(failed)?,
        };

        file.begin().await.map_err(failed)?;
        file.create(instance).await.map_err(failed)?;
        if let Err(found) = file.check_owner(instance).await.map_err(failed)? {
            return Err(QueueOpenError::Foreign {
                path: path.to_owned(),
                found,
                expected: instance.to_owned(),
            });
        }
        let counts = file.count_unacked().await.map_err(failed)?;
        file.commit().await.map_err(failed)?;
        Ok((file, counts))
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
            "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, \
             deliveries INTEGER NOT NULL DEFAULT 0, poison INTEGER NOT NULL DEFAULT 0, \
             body BLOB NOT NULL)",
            "CREATE TABLE IF NOT EXISTS dead (seq INTEGER PRIMARY KEY, \
             deliveries INTEGER NOT NULL DEFAULT 0, poison INTEGER NOT NULL DEFAULT 0, \
             body BLOB NOT NULL)",
            "CREATE TABLE IF NOT EXISTS queues (name TEXT PRIMARY KEY, delivered INTEGER NOT NULL)",
            "INSERT OR IGNORE INTO queues (name, delivered) VALUES ('events', 0), ('dead', 0)",
        ] {
            self.run(table).await?;
        }

        sqlx::query(
            "INSERT INTO meta (schema, instance) SELECT $1, $2 \
             WHERE NOT EXISTS (SELECT 1 FROM meta)",
        )
        .bind(SCHEMA)
        .bind(instance)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    /// Whether the file belongs to this instance and has this version of the tables; else the
    /// inner error names the owner.
    async fn check_owner(&mut self, instance: &str) -> Result<Result<(), String>, sqlx::Error> {
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

    /// Counts one more delivery for every message that an earlier process left unacked, and moves
    /// the poison to the dead queue.
    async fn count_unacked(&mut self) -> Result<InitialCounts, sqlx::Error> {
        for statement in [
            "UPDATE events SET deliveries = deliveries + 1 \
             WHERE seq <= (SELECT delivered FROM queues WHERE name = 'events')",
            "UPDATE dead SET deliveries = deliveries + 1 \
             WHERE seq <= (SELECT delivered FROM queues WHERE name = 'dead')",
            "UPDATE queues SET delivered = 0",
        ] {
            self.run(statement).await?;
        }

        let highest = self
            .number(
                "SELECT MAX(COALESCE((SELECT MAX(seq) FROM events), 0), \
                 COALESCE((SELECT MAX(seq) FROM dead), 0))",
            )
            .await?;
        let moved = self.move_poison(highest).await?;
        let events = self.number("SELECT COUNT(*) FROM events").await?;
        let dead = self.number("SELECT COUNT(*) FROM dead").await?;

        let next_seq = highest
            .saturating_add(i64::try_from(moved).unwrap_or(i64::MAX))
            .saturating_add(1);
        Ok(InitialCounts {
            next_seq,
            events: events.unsigned_abs(),
            dead: dead.unsigned_abs(),
        })
    }

    /// Moves the messages over the delivery limit to the dead queue, with a `seq` above `highest`.
    /// Returns their number.
    async fn move_poison(&mut self, highest: i64) -> Result<u64, sqlx::Error> {
        let moved = sqlx::query(
            "INSERT INTO dead (seq, deliveries, poison, body) \
             SELECT $1 + ROW_NUMBER() OVER (ORDER BY seq), deliveries, 1, body \
             FROM events WHERE deliveries > $2",
        )
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
                "messages reached the delivery limit and were moved to the dead queue"
            );
        }
        Ok(moved)
    }

    /// Begins a transaction that may write.
    pub async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.run("BEGIN IMMEDIATE").await
    }

    /// Returns once everything since `begin` is on the disk.
    pub async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.run("COMMIT").await
    }

    /// Undoes everything since `begin`. After some errors `SQLite` has already done so.
    pub async fn rollback(&mut self) {
        if let Err(error) = self.run("ROLLBACK").await {
            tracing::debug!(%error, "nothing to roll back");
        }
    }

    /// Inserts bodies with consecutive `seq`s from `first` on.
    pub async fn insert(
        &mut self,
        queue: QueueName,
        first: i64,
        bodies: Vec<Vec<u8>>,
    ) -> Result<(), sqlx::Error> {
        let text = insert_text(queue, bodies.len());
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (seq, body) in (first..).zip(bodies) {
            query = query.bind(seq).bind(body);
        }
        query.execute(&mut self.connection).await.map(drop)
    }

    /// Deletes acked messages.
    pub async fn delete(&mut self, queue: QueueName, seqs: &[i64]) -> Result<(), sqlx::Error> {
        let text = match queue {
            QueueName::Events => {
                "DELETE FROM events WHERE seq IN (SELECT value FROM json_each($1))"
            }
            QueueName::Dead => "DELETE FROM dead WHERE seq IN (SELECT value FROM json_each($1))",
        };
        sqlx::query(text)
            .bind(json(seqs))
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    /// Reads these messages in the order of their `seq`.
    pub async fn read(&mut self, queue: QueueName, seqs: &[i64]) -> Result<Vec<Row>, sqlx::Error> {
        let text = match queue {
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

    /// Reads at most `limit` messages with a `seq` above `after`, in that order.
    pub async fn read_after(
        &mut self,
        queue: QueueName,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let text = match queue {
            QueueName::Events => {
                "SELECT seq, deliveries, poison, body FROM events \
                 WHERE seq > $1 ORDER BY seq LIMIT $2"
            }
            QueueName::Dead => {
                "SELECT seq, deliveries, poison, body FROM dead \
                 WHERE seq > $1 ORDER BY seq LIMIT $2"
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

    /// Records that every message up to `seq` was delivered.
    pub async fn set_delivered(&mut self, queue: QueueName, seq: i64) -> Result<(), sqlx::Error> {
        let text = match queue {
            QueueName::Events => "UPDATE queues SET delivered = $1 WHERE name = 'events'",
            QueueName::Dead => "UPDATE queues SET delivered = $1 WHERE name = 'dead'",
        };
        sqlx::query(text)
            .bind(seq)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    /// Limits the growth of the file to so many pages, which acts like a full disk.
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

    /// Closes the file and merges the write-ahead log into it.
    pub async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(
                %error,
                "the queue's file was not closed cleanly; confirmed messages are safe"
            );
        }
    }
}

/// Primary result codes of `SQLite`: `SQLITE_BUSY`, `SQLITE_LOCKED`, `SQLITE_FULL`.
const BUSY: i64 = 5;
const LOCKED: i64 = 6;
const FULL: i64 = 13;

fn open_error(path: &Path, source: sqlx::Error) -> QueueOpenError {
    let path = path.to_owned();
    let is_locked = source
        .as_database_error()
        .and_then(code)
        .is_some_and(|code| code == BUSY || code == LOCKED);
    if is_locked {
        QueueOpenError::InUse { path }
    } else {
        QueueOpenError::File { path, source }
    }
}

/// The primary result code: the low byte of the extended one.
fn code(error: &dyn sqlx::error::DatabaseError) -> Option<i64> {
    error
        .code()
        .and_then(|code| code.parse::<i64>().ok())
        .map(|code| code & 0xff)
}

/// Whether the disk or the file's quota is full. Then publishes are refused, but acks still work.
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

fn insert_text(queue: QueueName, rows: usize) -> String {
    let table = match queue {
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
