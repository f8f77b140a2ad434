//! `SQLite`'s one writer: what has gathered while the last commit was written is committed together.
//!
//! Each piece of work runs in a savepoint of its own, so one that fails leaves the others be; nobody is told of
//! success before the common commit is on disk. `PostgreSQL` needs none of this (see `engine`).

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection as _, Executor as _};
use tokio::sync::mpsc;

use super::{StoreError, ask::Tx, dialect::Dialect};

/// The most pieces of work in one commit.
const MOST_TOGETHER: usize = 64;

/// How many pieces of work may wait for the writer before callers do.
const WAITING: usize = 1024;

/// Work that came to its end on the connection, not yet committed.
pub(super) struct Done {
    /// Whether what it wrote is to be kept.
    pub(super) keep: bool,
    /// Tells whoever asked, once the commit is on disk, or why it is not.
    pub(super) tell: Box<dyn FnOnce(Result<(), String>) + Send>,
}

/// A piece of work. Dropped undone, its caller learns that the writer is gone.
pub(super) type Job = Box<dyn for<'c> FnOnce(Tx<'c>) -> BoxFuture<'c, Done> + Send>;

/// The writer's queue. The last clone dropped ends it.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the writer of that file.
    pub(super) async fn start(url: String) -> Result<Self, StoreError> {
        let connection = connect(&url).await?;
        let (jobs, waiting) = mpsc::channel(WAITING);
        tokio::spawn(write(url, connection, waiting));
        Ok(Self { jobs })
    }

    /// Hands it a piece of work; `false`: the writer is gone.
    pub(super) async fn send(&self, job: Job) -> bool {
        self.jobs.send(job).await.is_ok()
    }
}

/// Connects as the store does.
pub(super) async fn connect(url: &str) -> Result<AnyConnection, StoreError> {
    let mut connection = AnyConnection::connect(url).await?;
    if let Some(dialect) = Dialect::of(url) {
        connection.execute(sqlx::raw_sql(dialect.greeting())).await?;
    }
    Ok(connection)
}

async fn write(url: String, connection: AnyConnection, mut waiting: mpsc::Receiver<Job>) {
    let mut connection = Some(connection);
    let mut jobs = Vec::with_capacity(MOST_TOGETHER);
    while waiting.recv_many(&mut jobs, MOST_TOGETHER).await > 0 {
        if connection.is_none() {
            connection = connect(&url).await.ok();
        }
        let Some(open) = connection.as_mut() else {
            jobs.clear();
            continue;
        };
        if let Err(error) = commit_together(open, &mut jobs).await {
            tracing::error!(%error, "the store's writer failed and connects again");
            jobs.clear();
            connection = None;
        }
    }
    if let Some(connection) = connection {
        let _ = connection.close().await;
    }
}

/// Runs the jobs and commits them together. An error: the connection cannot be trusted; nothing was committed.
async fn commit_together(connection: &mut AnyConnection, jobs: &mut Vec<Job>) -> Result<(), sqlx::Error> {
    let alone = jobs.len() == 1;
    let mut told = Vec::with_capacity(jobs.len());
    let outcome = async {
        control(connection, "BEGIN IMMEDIATE").await?;
        for job in jobs.drain(..) {
            if !alone {
                control(connection, "SAVEPOINT job").await?;
            }
            let done = job(Tx { connection: &mut *connection, dialect: Dialect::Sqlite }).await;
            let keep = done.keep;
            told.push(done.tell);
            match (alone, keep) {
                (true, true) => {}
                (true, false) => return control(connection, "ROLLBACK").await,
                (false, true) => control(connection, "RELEASE job").await?,
                (false, false) => control(connection, "ROLLBACK TO job; RELEASE job").await?,
            }
        }
        control(connection, "COMMIT").await
    }
    .await;
    if outcome.is_err() {
        let _ = control(connection, "ROLLBACK").await;
    }
    for tell in told {
        tell(outcome.as_ref().map(|()| ()).map_err(ToString::to_string));
    }
    outcome
}

async fn control(connection: &mut AnyConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(statement)).await.map(|_| ())
}
