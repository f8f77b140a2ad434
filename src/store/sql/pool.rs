//! Connections that are pooled to one piece of work after the other.
//!
//! `sqlx`'s own pool asks the server about each connection that comes back, a round trip for every statement of ours. Here
//! a connection is pooled again without a question, unless it lay idle; one whose work did not come to its end (a panic, an
//! error of the connection) is never pooled again.

use std::time::Duration;

use deadpool::{
    Runtime,
    managed::{Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult},
};
use sqlx::{AnyConnection, Connection as _};

use super::sqlite_writer::connect;
use crate::store::StoreError;

/// How long a verb waits for a free connection, or for a new one, before the store counts as out of reach.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that lay idle for longer is tried before it is used.
const TRIED_AFTER: Duration = Duration::from_secs(10);

/// A connection is not pooled again when it is older.
const OLDEST: Duration = Duration::from_mins(30);

/// Makes connections, and looks at those that come back.
#[derive(Debug)]
pub(in crate::store) struct ConnectionFactory {
    url: String,
}

/// A connection.
pub(in crate::store) struct Held {
    pub(in crate::store) connection: AnyConnection,
    /// Whether everything that was done on it came to its end.
    whole: bool,
}

/// A connection on loan.
pub(in crate::store) type PooledConnection = Object<ConnectionFactory>;

/// The connections.
#[derive(Clone)]
pub(in crate::store) struct ConnectionPool {
    pool: Pool<ConnectionFactory>,
}

impl Manager for ConnectionFactory {
    type Type = Held;
    type Error = StoreError;

    async fn create(&self) -> Result<Held, StoreError> {
        Ok(Held {
            connection: connect(&self.url).await?,
            whole: true,
        })
    }

    async fn recycle(&self, held: &mut Held, metrics: &Metrics) -> RecycleResult<StoreError> {
        if !held.whole {
            return Err(RecycleError::message(
                "its last work did not come to its end",
            ));
        }
        if metrics.age() > OLDEST {
            return Err(RecycleError::message("it is old"));
        }
        if metrics.last_used() > TRIED_AFTER {
            held.connection
                .ping()
                .await
                .map_err(|error| RecycleError::Backend(error.into()))?;
        }
        Ok(())
    }
}

impl Held {
    /// From here on it is not whole, until [`Held::ended`] says so.
    pub(in crate::store) fn begins(&mut self) {
        self.whole = false;
    }

    /// The work on it came to its end.
    pub(in crate::store) fn ended(&mut self) {
        self.whole = true;
    }
}

impl ConnectionPool {
    /// Lends so many connections to that URL at a time; the first is made now.
    pub(in crate::store) async fn open(url: String, most: u32) -> Result<Self, StoreError> {
        let pool = Pool::builder(ConnectionFactory { url })
            .max_size(usize::try_from(most).unwrap_or(1))
            .runtime(Runtime::Tokio1)
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .recycle_timeout(Some(PATIENCE))
            .build()
            .map_err(|error| StoreError::Refused(error.to_string()))?;
        let pool = Self { pool };
        drop(pool.acquire().await?);
        Ok(pool)
    }

    /// Lends a connection.
    pub(in crate::store) async fn acquire(&self) -> Result<PooledConnection, StoreError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Closed => StoreError::Unreachable(sqlx::Error::PoolClosed),
            PoolError::Timeout(_)
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_) => StoreError::Unreachable(sqlx::Error::PoolTimedOut),
        })
    }

    /// What lies idle is as broken as what just broke: the next are made anew.
    pub(in crate::store) fn distrust(&self) {
        let _ = self.pool.retain(|_, _| false);
    }

    /// Closes what lies idle, in order, and lends nothing more; what is pooled closes when it comes back.
    pub(in crate::store) async fn close(&self) {
        self.pool.close();
        for held in self.pool.retain(|_, _| false).removed {
            // One that is broken is closed already.
            let _ = held.connection.close().await;
        }
    }
}
