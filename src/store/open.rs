//! Opening and closing the store, and its clock.
//!
//! Opening connects, migrates the schema and checks the owner. The repositories beside this file
//! add the other methods of [`Store`].

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::Connection as _;

use super::{
    MigrationStatus, StoreError,
    claims::{self, IntentWriter},
    commits::{self, CommitWriter},
    sql::{
        dialect::Dialect,
        engine::Engine,
        pool::ConnectionPool,
        row::ReadColumn as _,
        schema,
        sqlite_writer::{SqliteWriter, connect},
        statement::Statement,
    },
};

/// SQLite: the most connections that read beside the one that writes.
const SQLITE_READERS: u32 = 4;

/// Where the store is and who owns it.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// `postgres://...` or `sqlite://PATH`.
    pub url: SecretString,
    /// The instance that owns the store. Opening the store of another instance fails.
    pub instance: String,
    /// The most connections to the database, at least 1.
    pub connections: u32,
}

/// The open store. A clone shares its connections.
#[derive(Clone)]
pub struct Store {
    pub(super) engine: Engine,
    /// PostgreSQL only.
    pub(super) intent_writer: Option<IntentWriter>,
    /// PostgreSQL only.
    pub(super) commit_writer: Option<CommitWriter>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL is left out: it holds a password.
        f.debug_struct("Store")
            .field("dialect", &self.engine.dialect)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Connects and migrates the schema. `Incompatible`: another instance owns the store, or a
    /// newer version has migrated it.
    pub async fn open(settings: StoreSettings) -> Result<Self, StoreError> {
        tokio::spawn(open(settings))
            .await
            .unwrap_or_else(|_| Err(StoreError::Unreachable(sqlx::Error::WorkerCrashed)))
    }

    /// The state of the schema of the store at that URL. Writes nothing.
    pub async fn migration_status(settings: &StoreSettings) -> Result<MigrationStatus, StoreError> {
        schema::status(settings.url.expose_secret()).await
    }

    /// Closes the connections. Calls that run finish; later calls are `Unreachable`.
    pub async fn close(&self) {
        if let Some(writer) = &self.engine.writer {
            writer.close().await;
        }
        self.engine.pool.close().await;
    }

    /// The store's clock, which leases and due times are measured by: the server's on PostgreSQL,
    /// this process's on SQLite.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        if self.engine.dialect == Dialect::Sqlite {
            return Ok(crate::telemetry::now());
        }
        let row = self
            .engine
            .first(Statement::new("SELECT {now} AS now"))
            .await?;
        row.ok_or_else(|| StoreError::Refused("the server did not give its time".to_owned()))?
            .time("now")
    }
}

async fn open(settings: StoreSettings) -> Result<Store, StoreError> {
    let dialect = schema::dialect_of(settings.url.expose_secret())?;
    let url = connect_url(dialect, settings.url.expose_secret());
    sqlx::any::install_default_drivers();

    let mut first = connect(&url).await?;
    schema::prepare(&mut first, dialect, &settings.instance).await?;
    first.close().await?;

    let (connections, writer) = match dialect {
        Dialect::Sqlite => (
            settings.connections.clamp(1, SQLITE_READERS),
            Some(SqliteWriter::start(url.clone()).await?),
        ),
        Dialect::Postgres => (settings.connections.max(1), None),
    };
    let engine = Engine {
        dialect,
        pool: ConnectionPool::open(url, connections).await?,
        writer,
    };

    let has_batches = dialect == Dialect::Postgres;
    Ok(Store {
        intent_writer: has_batches.then(|| claims::intent_writer(engine.clone())),
        commit_writer: has_batches.then(|| commits::commit_writer(engine.clone())),
        engine,
    })
}

/// The URL that is connected to. SQLite creates a missing file.
fn connect_url(dialect: Dialect, url: &str) -> String {
    match dialect {
        Dialect::Sqlite if !url.contains("mode=") => {
            format!("{url}{}mode=rwc", if url.contains('?') { '&' } else { '?' })
        }
        Dialect::Sqlite | Dialect::Postgres => url.to_owned(),
    }
}
