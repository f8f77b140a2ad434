//! `SQLite`'s one writer: what has gathered while the last commit was written is committed together.
//!
//! Each piece of work runs in a savepoint of its own, so one that fails leaves the others be; nobody is told of
//! success before the common commit is on disk. `PostgreSQL` needs none of this (see `engine`).

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection as _, Executor as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{dialect::Dialect, statement::Tx};
use crate::store::StoreError;

/// The most pieces of work in one commit.
const MOST_TOGETHER: usize = 64;

/// How many pieces of work may wait for the writer before callers do.
const WAITING: usize = 1024;

/// Work that came to its end on the connection, not yet committed.
pub(in crate::store) struct Done {
    /// Whether what it wrote is to be kept.
    pub(in crate::store) keep: bool,
    /// Tells whoever asked, once the commit is on disk, or why it is not.
    pub(in crate::store) tell: Box<dyn FnOnce(Result<(), String>) + Send>,
}

/// A piece of work. Dropped undone, its caller learns that the writer is gone.
pub(in crate::store) struct Job {
    /// Whether it is one statement, which undoes itself if it fails.
    pub(in crate::store) one_statement: bool,
    pub(in crate::store) run: Run,
}

/// What a job does.
pub(in crate::store) type Run = Box<dyn for<'c> FnOnce(Tx<'c>) -> BoxFuture<'c, Done> + Send>;

/// The writer's queue. Closed, or the last clone dropped, it does what it has and ends.
#[derive(Clone)]
pub(in crate::store) struct Writer {
    jobs: mpsc::Sender<Job>,
    closing: CancellationToken,
    ended: CancellationToken,
}

impl Writer {
    /// Starts the writer of that file.
    pub(in crate::store) async fn start(url: String) -> Result<Self, StoreError> {
        let connection = connect(&url).await?;
        let (jobs, waiting) = mpsc::channel(WAITING);
        let writer = Self {
            jobs,
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
        };
        let (closing, ended) = (writer.closing.clone(), writer.ended.clone());
        tokio::spawn(async move {
            write(url, connection, waiting, closing).await;
            ended.cancel();
        });
        Ok(writer)
    }

    /// Does what it was handed, and ends.
    pub(in crate::store) async fn close(&self) {
        self.closing.cancel();
        self.ended.cancelled().await;
    }

    /// Hands it a piece of work; `false`: the writer is gone.
    pub(in crate::store) async fn send(&self, job: Job) -> bool {
        self.jobs.send(job).await.is_ok()
    }
}

/// Connects as the store does.
pub(in crate::store) async fn connect(url: &str) -> Result<AnyConnection, StoreError> {
    let mut connection = AnyConnection::connect(url).await?;
    if let Some(dialect) = Dialect::of(url) {
        connection
            .execute(sqlx::raw_sql(dialect.greeting()))
            .await?;
    }
    Ok(connection)
}

async fn write(
    url: String,
    connection: AnyConnection,
    mut waiting: mpsc::Receiver<Job>,
    closing: CancellationToken,
) {
    let mut connection = Some(connection);
    let mut jobs = Vec::with_capacity(MOST_TOGETHER);
    loop {
        tokio::select! {
            got = waiting.recv_many(&mut jobs, MOST_TOGETHER) => {
                if got == 0 {
                    break;
                }
            }
            // Nothing more is taken; what waits is still given out, then `recv_many` gives nothing.
            () = closing.cancelled(), if !waiting.is_closed() => {
                waiting.close();
                continue;
            }
        }
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
async fn commit_together(
    connection: &mut AnyConnection,
    jobs: &mut Vec<Job>,
) -> Result<(), sqlx::Error> {
    let alone = jobs.len() == 1;
    let mut told = Vec::with_capacity(jobs.len());
    let outcome = async {
        control(connection, "BEGIN IMMEDIATE").await?;
        for job in jobs.drain(..) {
            let apart = !alone && !job.one_statement;
            if apart {
                control(connection, "SAVEPOINT job").await?;
            }
            let done = (job.run)(Tx {
                connection: &mut *connection,
                dialect: Dialect::Sqlite,
            })
            .await;
            told.push(done.tell);
            match (apart, done.keep) {
                (true, true) => control(connection, "RELEASE job").await?,
                (true, false) => control(connection, "ROLLBACK TO job; RELEASE job").await?,
                (false, false) if alone => return control(connection, "ROLLBACK").await,
                (false, _) => {}
            }
        }
        control(connection, "COMMIT").await
    }
    .await;
    if outcome.is_err() {
        let _ = control(connection, "ROLLBACK").await;
    }
    for tell in told {
        tell(outcome.as_ref().copied().map_err(ToString::to_string));
    }
    outcome
}

async fn control(
    connection: &mut AnyConnection,
    statement: &'static str,
) -> Result<(), sqlx::Error> {
    connection
        .execute(sqlx::raw_sql(statement))
        .await
        .map(|_| ())
}
