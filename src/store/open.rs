//! The store's door: opening it, closing it, its clock.
//!
//! The verbs are `impl Store` in the files beside this one, each one transaction: `record`, `claim`, `commit`,
//! `binding`, `sweep`, `mappings`, `connections`, `letters`, `replay`, `people`, `history`, `counts`, `quarantined`.

use std::fmt;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use sqlx::Connection as _;

use super::{
    MigrationStatus, StoreError, StoreSettings, claim, commit,
    sql::batch_writer::BatchWriter,
    sql::dialect::Dialect,
    sql::engine::Engine,
    sql::pool::ConnectionPool,
    sql::schema,
    sql::sqlite_writer::{Writer, connect},
    sql::statement::{Columns as _, Statement},
};

/// `SQLite`: the most connections that read beside the one that writes.
const READERS: u32 = 4;

/// The store.
#[derive(Clone)]
pub struct Store {
    pub(super) engine: Engine,
    /// `PostgreSQL` only: what many reconciles write at the same time.
    pub(super) begins: Option<BatchWriter<4>>,
    pub(super) commits: Option<BatchWriter<{ commit::CELLS }>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL holds a password.
        f.debug_struct("Store")
            .field("dialect", &self.engine.dialect)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Connects, brings the schema up to date, and checks that it is this instance's and not newer than this binary.
    pub async fn open(settings: StoreSettings) -> Result<Self, StoreError> {
        let opening = tokio::spawn(async move {
            let dialect = schema::dialect_of(settings.url.expose_secret())?;
            let url = address(dialect, settings.url.expose_secret());
            sqlx::any::install_default_drivers();
            let mut first = connect(&url).await?;
            schema::prepare(&mut first, dialect, &settings.instance).await?;
            first.close().await?;
            let (readers, writer) = match dialect {
                Dialect::Sqlite => (
                    settings.connections.clamp(1, READERS),
                    Some(Writer::start(url.clone()).await?),
                ),
                Dialect::Postgres => (settings.connections.max(1), None),
            };
            let pool = ConnectionPool::open(url, readers).await?;
            let engine = Engine {
                dialect,
                pool,
                writer,
            };
            let shared = dialect == Dialect::Postgres;
            let begins = shared.then(|| claim::begins_together(engine.clone()));
            let commits = shared.then(|| commit::together(engine.clone()));
            Ok(Self {
                engine,
                begins,
                commits,
            })
        });
        opening
            .await
            .unwrap_or_else(|_| Err(StoreError::Unreachable(sqlx::Error::WorkerCrashed)))
    }

    /// How far the schema of the store at that URL is; nothing is written.
    pub async fn migration_status(settings: &StoreSettings) -> Result<MigrationStatus, StoreError> {
        schema::status(settings.url.expose_secret()).await
    }

    /// Closes the connections: later verbs find it unreachable, those that run come to their end.
    pub async fn close(&self) {
        if let Some(writer) = &self.engine.writer {
            writer.close().await;
        }
        self.engine.pool.close().await;
    }

    /// The store's clock: what `now`, `due` and leases are read from.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        if self.engine.dialect == Dialect::Sqlite {
            return Ok(crate::telemetry::now());
        }
        self.engine
            .read(|mut tx| {
                Box::pin(async move {
                    let row = Statement::of("SELECT {now} AS now").first(&mut tx).await?;
                    row.ok_or_else(|| StoreError::Refused("the store has no clock".to_owned()))?
                        .time("now")
                })
            })
            .await
    }
}

/// The URL as connected to: a file that is not there is made.
fn address(dialect: Dialect, url: &str) -> String {
    match dialect {
        Dialect::Sqlite if !url.contains("mode=") => {
            format!("{url}{}mode=rwc", if url.contains('?') { '&' } else { '?' })
        }
        Dialect::Sqlite | Dialect::Postgres => url.to_owned(),
    }
}
