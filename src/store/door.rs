//! The store's door: opening it, closing it, its clock.
//!
//! The verbs are `impl Store` in the files beside this one, each one transaction: `record`, `claim`, `commit`,
//! `binding`, `sweep`, `mappings`, `connections`, `letters`, `replay`, `people`, `history`, `counts`, `parked`.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use sqlx::{AnyPool, Connection as _, Executor as _, any::AnyPoolOptions};

use super::{
    MigrationStatus, StoreError, StoreSettings,
    ask::{Ask, Columns as _},
    dialect::Dialect,
    engine::Engine,
    schema,
    writer::{Writer, connect},
};

/// How long a verb waits for a free connection before the store counts as out of reach.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that lay idle for longer is tried before it is used.
const TRIED_AFTER: Duration = Duration::from_secs(10);

/// `SQLite`: the most connections that read beside the one that writes.
const READERS: u32 = 4;

/// The store.
#[derive(Clone)]
pub struct Store {
    pub(super) engine: Engine,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL holds a password.
        f.debug_struct("Store").field("dialect", &self.engine.dialect).finish_non_exhaustive()
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
                Dialect::Sqlite => (settings.connections.clamp(1, READERS), Some(Writer::start(url.clone()).await?)),
                Dialect::Postgres => (settings.connections.max(1), None),
            };
            let pool = pool(dialect, &url, readers).await?;
            Ok(Self { engine: Engine { dialect, pool, writer } })
        });
        opening.await.unwrap_or_else(|_| Err(StoreError::Unreachable(sqlx::Error::WorkerCrashed)))
    }

    /// How far the schema of the store at that URL is; nothing is written.
    pub async fn migration_status(settings: &StoreSettings) -> Result<MigrationStatus, StoreError> {
        schema::status(settings.url.expose_secret()).await
    }

    /// Closes the connections; verbs that run end first, later ones find it unreachable.
    pub async fn close(&self) {
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
                    let row = Ask::of("SELECT {now} AS now").first(&mut tx).await?;
                    row.ok_or_else(|| StoreError::Refused("the store has no clock".to_owned()))?.time("now")
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

async fn pool(dialect: Dialect, url: &str, connections: u32) -> Result<AnyPool, StoreError> {
    let options = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRIED_AFTER {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(sqlx::raw_sql(dialect.greeting())).await.map(|_| ()) })
        });
    let options = match dialect {
        Dialect::Sqlite => options,
        // sqlx 0.9.0 forgets a transaction whose `begin` was cancelled, and what comes after is lost in it: none of
        // our tasks is cancelled, and a connection that comes back is rolled back all the same.
        Dialect::Postgres => options.after_release(|connection, _| {
            Box::pin(async move { connection.execute(sqlx::raw_sql("ROLLBACK")).await.map(|_| true) })
        }),
    };
    Ok(options.connect(url).await?)
}
