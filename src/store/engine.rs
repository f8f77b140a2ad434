//! How work reaches the database: every piece in a task of its own, whole or not at all.
//!
//! A caller that goes away cancels nothing: dropping the future of a verb leaves its task running to its end. On
//! `PostgreSQL` a transaction that lost a race (deadlock, serialisation) is run again; on `SQLite` the one writer
//! commits what has gathered together (`writer`).

use futures_util::future::BoxFuture;
use sqlx::AnyPool;
use tokio::sync::oneshot;

use super::{
    ClaimError, StoreError,
    ask::Tx,
    dialect::{Dialect, Scope},
    writer::{Done, Job, Writer},
};

/// How often a transaction that lost a race is run again.
const RACES: u32 = 6;

/// The way to the database.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) dialect: Dialect,
    pub(super) pool: AnyPool,
    /// `SQLite` only.
    pub(super) writer: Option<Writer>,
}

/// An error of a verb, which may be the store's own.
pub(super) trait VerbError: From<StoreError> + Send + 'static {
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
    pub(super) async fn write<T, E, F>(&self, scope: Scope, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: VerbError,
        F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
    {
        match &self.writer {
            Some(writer) => write_together(writer, work).await,
            None => {
                let pool = self.pool.clone();
                let dialect = self.dialect;
                settled(tokio::spawn(async move { write_alone(&pool, dialect, scope, work).await }).await)
            }
        }
    }

    /// Runs work that only reads.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Tx<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let pool = self.pool.clone();
        let dialect = self.dialect;
        settled(
            tokio::spawn(async move {
                let mut connection = pool.acquire().await.map_err(StoreError::from)?;
                work(Tx { connection: &mut connection, dialect }).await
            })
            .await,
        )
    }
}

fn settled<T, E: VerbError>(joined: Result<Result<T, E>, tokio::task::JoinError>) -> Result<T, E> {
    joined.unwrap_or_else(|_| Err(StoreError::Unreachable(sqlx::Error::WorkerCrashed).into()))
}

async fn write_together<T, E, F>(writer: &Writer, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: VerbError,
    F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
{
    let (answer, told) = oneshot::channel::<Result<T, E>>();
    let job: Job = Box::new(move |tx| {
        Box::pin(async move {
            match work(tx).await {
                Ok(value) => Done {
                    keep: true,
                    tell: Box::new(move |committed| {
                        let committed = committed
                            .map(|()| value)
                            .map_err(|problem| StoreError::Unreachable(sqlx::Error::Protocol(problem)).into());
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
    if !writer.send(job).await {
        return Err(gone().into());
    }
    told.await.unwrap_or_else(|_| Err(gone().into()))
}

async fn write_alone<T, E, F>(pool: &AnyPool, dialect: Dialect, scope: Scope, work: F) -> Result<T, E>
where
    E: VerbError,
    F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>>,
{
    let mut races = 0;
    loop {
        let outcome = write_once(pool, dialect, scope, &work).await;
        let lost_a_race = outcome.as_ref().err().and_then(E::store).is_some_and(StoreError::lost_a_race);
        races += 1;
        if !lost_a_race || races >= RACES {
            return outcome;
        }
    }
}

async fn write_once<T, E, F>(pool: &AnyPool, dialect: Dialect, scope: Scope, work: &F) -> Result<T, E>
where
    E: VerbError,
    F: for<'c> Fn(Tx<'c>) -> BoxFuture<'c, Result<T, E>>,
{
    if scope == Scope::Statement {
        let mut connection = pool.acquire().await.map_err(StoreError::from)?;
        return work(Tx { connection: &mut connection, dialect }).await;
    }
    let mut transaction = pool.begin_with(dialect.begin(scope)).await.map_err(StoreError::from)?;
    match work(Tx { connection: &mut transaction, dialect }).await {
        Ok(value) => {
            transaction.commit().await.map_err(StoreError::from)?;
            Ok(value)
        }
        Err(error) => {
            // If this fails the connection is broken, and the server has rolled back.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}
