//! Runs a piece of work on the database, as a whole or not at all.
//!
//! Each piece of work that writes runs in a task of its own to its end, so a caller that is dropped
//! cancels nothing half-way. On PostgreSQL a transaction that the server aborts (deadlock,
//! serialization failure) runs again. On SQLite one writer commits several pieces of work at a time
//! (`sqlite_writer`).

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection as _};
use tokio::sync::oneshot;

use super::{
    dialect::{Dialect, Scope},
    pool::{ConnectionPool, PooledConnection},
    row::SqlRow,
    sqlite_writer::{Finished, SqliteWriter, Work, WriteRequest},
    statement::{Statement, Tx},
};
use crate::store::{ClaimError, StoreError};

/// How often a transaction runs before its serialization failure is the caller's.
const MOST_RUNS: u32 = 6;

/// The way to the database.
#[derive(Clone)]
pub(in crate::store) struct Engine {
    pub(in crate::store) dialect: Dialect,
    pub(in crate::store) pool: ConnectionPool,
    /// SQLite only.
    pub(in crate::store) writer: Option<SqliteWriter>,
}

/// The error of a piece of work. It may hold an error of the store.
pub(in crate::store) trait WorkError: From<StoreError> + Send + 'static {
    fn store_error(&self) -> Option<&StoreError>;
}

impl WorkError for StoreError {
    fn store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl WorkError for ClaimError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Lost(_) | Self::BoundElsewhere(_) => None,
        }
    }
}

impl Engine {
    /// Runs work that writes. If it returns an error, nothing that it wrote is kept.
    pub(in crate::store) async fn write<T, E, F>(&self, scope: Scope, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: WorkError,
        F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
    {
        if let Some(writer) = &self.writer {
            return send_to_writer(writer, scope, work).await;
        }

        let (pool, dialect) = (self.pool.clone(), self.dialect);
        let task = tokio::spawn(async move { run_to_commit(&pool, dialect, scope, work).await });
        task.await.unwrap_or_else(|_| Err(task_died().into()))
    }

    /// Runs one statement that writes; the number of rows that it wrote.
    pub(in crate::store) async fn execute(&self, statement: Statement) -> Result<u64, StoreError> {
        self.write(Scope::Statement, move |mut tx| {
            let statement = statement.clone();
            Box::pin(async move { Ok(statement.execute(&mut tx).await?) })
        })
        .await
    }

    /// Runs work that only reads. A caller that is dropped ends it, and the connection with it.
    pub(in crate::store) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Tx<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let mut pooled = self.pool.acquire().await?;
        pooled.begin_work();

        let tx = Tx {
            connection: &mut pooled.connection,
            dialect: self.dialect,
        };
        let result = work(tx).await;
        give_back(&self.pool, pooled, result)
    }

    /// Every row of one statement that reads.
    pub(in crate::store) async fn all(
        &self,
        statement: Statement,
    ) -> Result<Vec<SqlRow>, StoreError> {
        self.read(|mut tx| Box::pin(async move { Ok(statement.all(&mut tx).await?) }))
            .await
    }

    /// The first row of one statement that reads.
    pub(in crate::store) async fn first(
        &self,
        statement: Statement,
    ) -> Result<Option<SqlRow>, StoreError> {
        Ok(self.all(statement).await?.into_iter().next())
    }
}

fn task_died() -> StoreError {
    StoreError::Unreachable(sqlx::Error::WorkerCrashed)
}

async fn send_to_writer<T, E, F>(writer: &SqliteWriter, scope: Scope, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: WorkError,
    F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
{
    let (sender, receiver) = oneshot::channel::<Result<T, E>>();
    let work: Work = Box::new(move |tx| {
        Box::pin(async move {
            match work(tx).await {
                Ok(value) => Finished {
                    keep: true,
                    reply: Box::new(move |committed| {
                        let result = committed.map(|()| value).map_err(|problem| {
                            StoreError::Unreachable(sqlx::Error::Protocol(problem)).into()
                        });
                        let _ = sender.send(result);
                    }),
                },
                Err(error) => Finished {
                    keep: false,
                    reply: Box::new(move |_| {
                        let _ = sender.send(Err(error));
                    }),
                },
            }
        })
    });

    let request = WriteRequest {
        one_statement: scope == Scope::Statement,
        work,
    };
    if !writer.send(request).await {
        return Err(task_died().into());
    }
    receiver.await.unwrap_or_else(|_| Err(task_died().into()))
}

async fn run_to_commit<T, E, F>(
    pool: &ConnectionPool,
    dialect: Dialect,
    scope: Scope,
    work: F,
) -> Result<T, E>
where
    E: WorkError,
    F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>>,
{
    let mut runs = 0;
    loop {
        let mut pooled = pool.acquire().await?;
        pooled.begin_work();
        let result = run_once(&mut pooled.connection, dialect, scope, &work).await;
        let result = give_back(pool, pooled, result);

        let error = result.as_ref().err().and_then(E::store_error);
        runs += 1;
        if !error.is_some_and(StoreError::is_serialization_failure) || runs >= MOST_RUNS {
            return result;
        }
    }
}

async fn run_once<T, E, F>(
    connection: &mut AnyConnection,
    dialect: Dialect,
    scope: Scope,
    work: &F,
) -> Result<T, E>
where
    E: WorkError,
    F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>>,
{
    if scope == Scope::Statement {
        return work(Tx {
            connection,
            dialect,
        })
        .await;
    }

    // A connection that fails to begin may be inside half a transaction: it is not used again.
    let mut transaction = connection
        .begin_with(dialect.begin(scope))
        .await
        .map_err(|error| broken_connection(&error))?;
    let result = work(Tx {
        connection: &mut transaction,
        dialect,
    })
    .await;

    match result {
        Ok(value) => {
            transaction.commit().await.map_err(StoreError::from)?;
            Ok(value)
        }
        Err(error) => match transaction.rollback().await {
            Ok(()) => Err(error),
            Err(rollback) => Err(broken_connection(&rollback).into()),
        },
    }
}

/// An error after which the connection is not used again, whichever kind of error it is.
fn broken_connection(error: &sqlx::Error) -> StoreError {
    StoreError::Unreachable(sqlx::Error::Protocol(error.to_string()))
}

/// Gives a connection back. After an error of the connection neither it nor an idle one is reused.
fn give_back<T, E: WorkError>(
    pool: &ConnectionPool,
    mut pooled: PooledConnection,
    result: Result<T, E>,
) -> Result<T, E> {
    let is_broken = |error: &StoreError| {
        matches!(error, StoreError::Unreachable(_)) && !error.is_serialization_failure()
    };
    let error = result.as_ref().err().and_then(E::store_error);
    if error.is_some_and(is_broken) {
        pool.discard_idle();
    } else {
        pooled.end_work();
    }
    result
}
