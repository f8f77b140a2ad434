//! The one writer of SQLite: it commits the requests that arrived during the last commit together.
//!
//! A commit for each request makes 0.37 times as many reconciles per second (docs/benchmarks.md).
//! Each request runs in a savepoint of its own, so one that fails leaves the others as they are. A
//! request is answered after the common commit is on disk. PostgreSQL does not use this.

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection as _, Executor as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{dialect::Dialect, statement::Tx};
use crate::store::StoreError;

/// The most requests in one commit.
const MOST_REQUESTS: usize = 64;

/// How many requests may wait for the writer; the caller of one more waits to enqueue it.
const QUEUE_LENGTH: usize = 1024;

/// The result of a request's work, before the commit.
pub(in crate::store) struct Finished {
    /// Whether its writes are kept.
    pub(in crate::store) keep: bool,
    /// Answers the caller once the commit is on disk; the error says why it is not.
    pub(in crate::store) reply: Box<dyn FnOnce(Result<(), String>) + Send>,
}

/// A request to write. If it is dropped, its caller learns that the writer is gone.
pub(in crate::store) struct WriteRequest {
    /// Whether it is one statement, which undoes itself when it fails.
    pub(in crate::store) one_statement: bool,
    pub(in crate::store) work: Work,
}

/// The work of a request, on the writer's connection.
pub(in crate::store) type Work = Box<dyn for<'c> FnOnce(Tx<'c>) -> BoxFuture<'c, Finished> + Send>;

/// The writer's queue. After `close`, or when the last clone is dropped, the writer does the queued
/// requests and ends.
#[derive(Clone)]
pub(in crate::store) struct SqliteWriter {
    requests: mpsc::Sender<WriteRequest>,
    closing: CancellationToken,
    ended: CancellationToken,
}

impl SqliteWriter {
    /// Starts the writer of that file.
    pub(in crate::store) async fn start(url: String) -> Result<Self, StoreError> {
        let connection = connect(&url).await?;
        let (requests, queue) = mpsc::channel(QUEUE_LENGTH);
        let writer = Self {
            requests,
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
        };

        let (closing, ended) = (writer.closing.clone(), writer.ended.clone());
        tokio::spawn(async move {
            run(url, connection, queue, closing).await;
            ended.cancel();
        });
        Ok(writer)
    }

    /// Waits until the queued requests are done and the writer has ended.
    pub(in crate::store) async fn close(&self) {
        self.closing.cancel();
        self.ended.cancelled().await;
    }

    /// Enqueues a request; `false`: the writer is gone.
    pub(in crate::store) async fn send(&self, request: WriteRequest) -> bool {
        self.requests.send(request).await.is_ok()
    }
}

/// Connects, and applies the settings of the dialect.
pub(in crate::store) async fn connect(url: &str) -> Result<AnyConnection, StoreError> {
    let mut connection = AnyConnection::connect(url).await?;
    if let Some(dialect) = Dialect::of(url) {
        connection
            .execute(sqlx::raw_sql(dialect.connection_settings()))
            .await?;
    }
    Ok(connection)
}

async fn run(
    url: String,
    connection: AnyConnection,
    mut queue: mpsc::Receiver<WriteRequest>,
    closing: CancellationToken,
) {
    let mut connection = Some(connection);
    let mut requests = Vec::with_capacity(MOST_REQUESTS);

    loop {
        tokio::select! {
            count = queue.recv_many(&mut requests, MOST_REQUESTS) => {
                if count == 0 {
                    break;
                }
            }
            // Takes no more requests. `recv_many` still gives the queued ones, then none.
            () = closing.cancelled(), if !queue.is_closed() => {
                queue.close();
                continue;
            }
        }

        if connection.is_none() {
            connection = connect(&url).await.ok();
        }
        let Some(open) = connection.as_mut() else {
            requests.clear();
            continue;
        };
        if let Err(error) = commit(open, &mut requests).await {
            tracing::error!(
                %error,
                "the store's file could not be written; the writer connects to it again"
            );
            requests.clear();
            connection = None;
        }
    }

    if let Some(connection) = connection {
        let _ = connection.close().await;
    }
}

/// Runs the requests and commits them together. After an error nothing was committed, and the
/// connection is not used again.
async fn commit(
    connection: &mut AnyConnection,
    requests: &mut Vec<WriteRequest>,
) -> Result<(), sqlx::Error> {
    let alone = requests.len() == 1;
    let mut replies = Vec::with_capacity(requests.len());

    let result = async {
        control(connection, "BEGIN IMMEDIATE").await?;
        for request in requests.drain(..) {
            let in_savepoint = !alone && !request.one_statement;
            if in_savepoint {
                control(connection, "SAVEPOINT request").await?;
            }

            let finished = (request.work)(Tx {
                connection: &mut *connection,
                dialect: Dialect::Sqlite,
            })
            .await;
            replies.push(finished.reply);

            match (in_savepoint, finished.keep) {
                (true, true) => control(connection, "RELEASE request").await?,
                (true, false) => {
                    control(connection, "ROLLBACK TO request; RELEASE request").await?;
                }
                (false, false) if alone => return control(connection, "ROLLBACK").await,
                (false, _) => {}
            }
        }
        control(connection, "COMMIT").await
    }
    .await;

    if result.is_err() {
        let _ = control(connection, "ROLLBACK").await;
    }
    for reply in replies {
        reply(result.as_ref().copied().map_err(ToString::to_string));
    }
    result
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
