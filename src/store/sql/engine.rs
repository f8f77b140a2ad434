//! How work reaches the database, whole or not at all.
//!
//! A caller that goes away cancels nothing that writes: each such piece runs in a task of its own to its end. On
//! `PostgreSQL` a transaction that lost a race (deadlock, serialisation) is run again; on `SQLite` the one writer
//! commits what has gathered together (`writer`).

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection as _};
use tokio::sync::oneshot;

use super::{
    dialect::{Dialect, Scope},
    pool::{ConnectionPool, PooledConnection},
    sqlite_writer::{Done, Job, Run, Writer},
    statement::Tx,
};
use crate::store::{ClaimError, StoreError};

/// How often a transaction that lost a race is run again.
const RACES: u32 = 6;

/// The way to the database.
#[derive(Clone)]
pub(in crate::store) struct Engine {
    pub(in crate::store) dialect: Dialect,
    pub(in crate::store) pool: ConnectionPool,
    /// `SQLite` only.
    pub(in crate::store) writer: Option<Writer>,
}

/// An error of a verb, which may be the store's own.
pub(in crate::store) trait VerbError: From<StoreError> + Send + 'static {
    /// The store's error in it.
    fn store(&self) -> Option<&StoreError>;
}

impl VerbError for StoreError {
    fn store(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl VerbError for ClaimError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Lost(_) | Self::BoundElsewhere(_) => None,
        }
    }
}

impl Engine {
    /// Runs work that writes. An error from it undoes what it wrote.
    pub(in crate::store) async fn write<T, E, F>(&self, scope: Scope, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: VerbError,
        F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
    {
        if let Some(writer) = &self.writer {
            return write_together(writer, scope, work).await;
        }
        let pool = self.pool.clone();
        let dialect = self.dialect;
        reconciled(
            tokio::spawn(async move { write_alone(&pool, dialect, scope, work).await }).await,
        )
    }

    /// Runs work that only reads. A caller that goes away ends it, and the connection with it.
    pub(in crate::store) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Tx<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let mut pooled = self.pool.acquire().await?;
        pooled.begins();
        let outcome = work(Tx {
            connection: &mut pooled.connection,
            dialect: self.dialect,
        })
        .await;
        returned(&self.pool, pooled, outcome)
    }
}

fn reconciled<T, E: VerbError>(
    joined: Result<Result<T, E>, tokio::task::JoinError>,
) -> Result<T, E> {
    joined.unwrap_or_else(|_| Err(StoreError::Unreachable(sqlx::Error::WorkerCrashed).into()))
}

async fn write_together<T, E, F>(writer: &Writer, scope: Scope, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: VerbError,
    F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
{
    let (answer, told) = oneshot::channel::<Result<T, E>>();
    let run: Run = Box::new(move |tx| {
        Box::pin(async move {
            match work(tx).await {
                Ok(value) => Done {
                    keep: true,
                    tell: Box::new(move |committed| {
                        let committed = committed.map(|()| value).map_err(|problem| {
                            StoreError::Unreachable(sqlx::Error::Protocol(problem)).into()
                        });
                        let _ = answer.send(committed);
                    }),
                },
                Err(error) => Done {
                    keep: false,
                    tell: Box::new(move |_| {
                        let _ = answer.send(Err(error));
                    }),
                },
            }
        })
    });
    let gone = || StoreError::Unreachable(sqlx::Error::WorkerCrashed);
    if !writer
        .send(Job {
            one_statement: scope == Scope::Statement,
            run,
        })
        .await
    {
        return Err(gone().into());
    }
    told.await.unwrap_or_else(|_| Err(gone().into()))
}

async fn write_alone<T, E, F>(
    pool: &ConnectionPool,
    dialect: Dialect,
    scope: Scope,
    work: F,
) -> Result<T, E>
where
    E: VerbError,
    F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>>,
{
    let mut races = 0;
    loop {
        let mut pooled = pool.acquire().await?;
        pooled.begins();
        let outcome = write_once(&mut pooled.connection, dialect, scope, &work).await;
        let outcome = returned(pool, pooled, outcome);
        let lost_a_race = outcome
            .as_ref()
            .err()
            .and_then(E::store)
            .is_some_and(StoreError::lost_a_race);
        races += 1;
        if !lost_a_race || races >= RACES {
            return outcome;
        }
    }
}

async fn write_once<T, E, F>(
    connection: &mut AnyConnection,
    dialect: Dialect,
    scope: Scope,
    work: &F,
) -> Result<T, E>
where
    E: VerbError,
    F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>>,
{
    if scope == Scope::Statement {
        return work(Tx {
            connection,
            dialect,
        })
        .await;
    }
    // One that fails to begin may stand in half a transaction; like every error of a connection, it ends the loan for good.
    let mut transaction = connection
        .begin_with(dialect.begin(scope))
        .await
        .map_err(|error| unusable(&error))?;
    match work(Tx {
        connection: &mut transaction,
        dialect,
    })
    .await
    {
        Ok(value) => {
            transaction.commit().await.map_err(StoreError::from)?;
            Ok(value)
        }
        Err(error) => match transaction.rollback().await {
            Ok(()) => Err(error),
            Err(broken) => Err(unusable(&broken).into()),
        },
    }
}

/// An error after which the connection is not to be used again, whatever it says of itself.
fn unusable(error: &sqlx::Error) -> StoreError {
    StoreError::Unreachable(sqlx::Error::Protocol(error.to_string()))
}

/// Gives a connection back. After an error of the connection itself neither it nor any that lies idle is pooled again.
fn returned<T, E: VerbError>(
    pool: &ConnectionPool,
    mut pooled: PooledConnection,
    outcome: Result<T, E>,
) -> Result<T, E> {
    let broken =
        |error: &StoreError| matches!(error, StoreError::Unreachable(_)) && !error.lost_a_race();
    if outcome
        .as_ref()
        .err()
        .and_then(E::store)
        .is_some_and(broken)
    {
        pool.distrust();
    } else {
        pooled.ended();
    }
    outcome
}
