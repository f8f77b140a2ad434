//! The pool of connections: one piece of work after the other uses a connection.
//!
//! sqlx's own pool pings each connection that comes back: one more round trip for each statement of
//! the store. This pool reuses a connection without a ping, unless it was idle. A connection whose
//! work did not finish (a panic, an error of the connection) is never reused.

use std::time::Duration;

use deadpool::{
    Runtime,
    managed::{Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult},
};
use sqlx::{AnyConnection, Connection as _};

use super::sqlite_writer::connect;
use crate::store::StoreError;

/// How long work waits for a free connection, or for a new one, until the store is unreachable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that was idle for longer is pinged before it is used.
const PING_AFTER: Duration = Duration::from_secs(10);

/// An older connection is not reused.
const MAX_AGE: Duration = Duration::from_mins(30);

/// Opens connections to one URL, and decides which ones are reused.
#[derive(Debug)]
pub(in crate::store) struct ConnectionFactory {
    url: String,
}

/// A connection of the pool.
pub(in crate::store) struct CheckedConnection {
    pub(in crate::store) connection: AnyConnection,
    /// Whether all work on it finished.
    clean: bool,
}

/// A connection that a piece of work uses.
pub(in crate::store) type PooledConnection = Object<ConnectionFactory>;

/// The pool.
#[derive(Clone)]
pub(in crate::store) struct ConnectionPool {
    pool: Pool<ConnectionFactory>,
}

impl Manager for ConnectionFactory {
    type Type = CheckedConnection;
    type Error = StoreError;

    async fn create(&self) -> Result<CheckedConnection, StoreError> {
        Ok(CheckedConnection {
            connection: connect(&self.url).await?,
            clean: true,
        })
    }

    async fn recycle(
        &self,
        checked: &mut CheckedConnection,
        metrics: &Metrics,
    ) -> RecycleResult<StoreError> {
        if !checked.clean {
            return Err(RecycleError::message("its last work did not finish"));
        }
        if metrics.age() > MAX_AGE {
            return Err(RecycleError::message("it is too old"));
        }

        if metrics.last_used() > PING_AFTER {
            checked
                .connection
                .ping()
                .await
                .map_err(|error| RecycleError::Backend(error.into()))?;
        }
        Ok(())
    }
}

impl CheckedConnection {
    /// The connection is not reused unless [`CheckedConnection::end_work`] follows.
    pub(in crate::store) fn begin_work(&mut self) {
        self.clean = false;
    }

    /// The work finished: the connection may be reused.
    pub(in crate::store) fn end_work(&mut self) {
        self.clean = true;
    }
}

impl ConnectionPool {
    /// Opens a pool of at most so many connections. The first connects now, to report a bad URL.
    pub(in crate::store) async fn open(url: String, most: u32) -> Result<Self, StoreError> {
        let pool = Pool::builder(ConnectionFactory { url })
            .max_size(usize::try_from(most).unwrap_or(1))
            .runtime(Runtime::Tokio1)
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(ACQUIRE_TIMEOUT))
            .create_timeout(Some(ACQUIRE_TIMEOUT))
            .recycle_timeout(Some(ACQUIRE_TIMEOUT))
            .build()
            .map_err(|error| StoreError::Refused(error.to_string()))?;
        let pool = Self { pool };
        drop(pool.acquire().await?);
        Ok(pool)
    }

    /// Acquires a connection.
    pub(in crate::store) async fn acquire(&self) -> Result<PooledConnection, StoreError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Closed => StoreError::Unreachable(sqlx::Error::PoolClosed),
            PoolError::Timeout(_)
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_) => StoreError::Unreachable(sqlx::Error::PoolTimedOut),
        })
    }

    /// Discards the idle connections: after one has broken, the others are as doubtful.
    pub(in crate::store) fn discard_idle(&self) {
        let _ = self.pool.retain(|_, _| false);
    }

    /// Closes the idle connections and hands out no more. One that is in use closes when it is
    /// given back.
    pub(in crate::store) async fn close(&self) {
        self.pool.close();
        for checked in self.pool.retain(|_, _| false).removed {
            // An error here: the connection is closed already.
            let _ = checked.connection.close().await;
        }
    }
}
