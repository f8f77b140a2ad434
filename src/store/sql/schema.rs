//! The schema, its migrations and its views, and the instance that owns the store.
//!
//! A migration is one text for both databases and is never changed once it is released. A store
//! that a newer version has migrated, or that belongs to another instance, is refused before
//! anything is written to it.

use sqlx::{
    AnyConnection, AssertSqlSafe, Connection as _, Executor as _, SqlStr,
    migrate::{Migrate as _, MigrateError, Migration, MigrationType, Migrator},
};

use super::{
    dialect::Dialect,
    row::ReadColumn as _,
    statement::{Statement, Tx},
    views,
};
use crate::store::StoreError;

/// sqlx's table of the migrations that were made.
const MIGRATIONS_TABLE: &str = "_sqlx_migrations";

/// The version, name and text of each migration, in order.
const MIGRATIONS: [(i64, &str, &str); 1] = [(
    1,
    "store",
    include_str!("../../../migrations/0001_store.sql"),
)];

/// The state of a store's schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The version of the last migration that was made; 0: none.
    pub current: i64,
    /// The version of the last migration that this binary has.
    pub latest: i64,
    /// The migrations that are to be made, in order, as `0001_store`.
    pub pending: Vec<String>,
    /// How the connection is encrypted, in words; `None` for a file.
    pub encryption: Option<String>,
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, text)| {
        Migration::new(
            version,
            name.into(),
            MigrationType::Simple,
            SqlStr::from_static(text),
            false,
        )
    });
    Migrator::with_migrations(migrations.into())
}

/// The state of the schema of the store at that URL. Writes nothing.
pub(in crate::store) async fn status(url: &str) -> Result<MigrationStatus, StoreError> {
    let dialect = dialect_of(url)?;
    sqlx::any::install_default_drivers();

    let (applied, encryption) = match AnyConnection::connect(url).await {
        Ok(mut connection) => {
            let mut tx = Tx {
                connection: &mut connection,
                dialect,
            };
            (applied(&mut tx).await?, encryption(&mut tx).await?)
        }
        // SQLITE_CANTOPEN: the file does not exist yet, so it has no migrations.
        Err(sqlx::Error::Database(error))
            if dialect == Dialect::Sqlite && error.code().as_deref() == Some("14") =>
        {
            (Vec::new(), None)
        }
        Err(error) => return Err(error.into()),
    };

    let pending = MIGRATIONS
        .iter()
        .filter(|(version, ..)| !applied.contains(version));
    Ok(MigrationStatus {
        current: applied.iter().copied().max().unwrap_or(0),
        latest: MIGRATIONS.last().map_or(0, |(version, ..)| *version),
        pending: pending
            .map(|(version, name, _)| format!("{version:04}_{name}"))
            .collect(),
        encryption,
    })
}

/// The TLS of this connection, as the server states it.
async fn encryption(tx: &mut Tx<'_>) -> Result<Option<String>, StoreError> {
    if tx.dialect == Dialect::Sqlite {
        return Ok(None);
    }

    let row = Statement::new(
        "SELECT CASE WHEN ssl THEN version || ', ' || cipher ELSE '' END AS tls \
         FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    );
    let rows = row.all(tx).await?;
    let tls = match rows.first() {
        Some(row) => row.optional_text("tls")?.unwrap_or_default(),
        None => String::new(),
    };
    Ok(Some(if tls.is_empty() {
        "not encrypted".to_owned()
    } else {
        tls
    }))
}

async fn applied(tx: &mut Tx<'_>) -> Result<Vec<i64>, StoreError> {
    if !has_table(tx, MIGRATIONS_TABLE).await? {
        return Ok(Vec::new());
    }
    let applied = tx
        .connection
        .list_applied_migrations(MIGRATIONS_TABLE)
        .await
        .map_err(migration_error)?;
    Ok(applied
        .into_iter()
        .map(|migration| migration.version)
        .collect())
}

/// The dialect of the URL.
pub(in crate::store) fn dialect_of(url: &str) -> Result<Dialect, StoreError> {
    Dialect::of(url).ok_or_else(|| {
        StoreError::Refused("[store] url must start with `postgres://` or `sqlite://`".to_owned())
    })
}

/// Migrates the schema and makes this instance the owner of the store. Refuses the store of another
/// instance or of a newer version.
pub(in crate::store) async fn prepare(
    connection: &mut AnyConnection,
    dialect: Dialect,
    instance: &str,
) -> Result<(), StoreError> {
    let mut tx = Tx {
        connection,
        dialect,
    };
    if has_table(&mut tx, "meta").await? {
        check_owner(&mut tx, instance).await?;
    }

    migrator()
        .run_direct(None, &mut *tx.connection, false)
        .await
        .map_err(migration_error)?;
    if let Some(storage) = dialect.storage() {
        tx.connection.execute(sqlx::raw_sql(storage)).await?;
    }
    let views = AssertSqlSafe(views::script(dialect));
    tx.connection.execute(sqlx::raw_sql(views)).await?;

    Statement::new(
        "INSERT INTO meta (key, value) VALUES ('instance', :instance) ON CONFLICT (key) DO NOTHING",
    )
    .bind("instance", instance)
    .execute(&mut tx)
    .await?;
    check_owner(&mut tx, instance).await
}

async fn has_table(tx: &mut Tx<'_>, name: &str) -> Result<bool, StoreError> {
    let found = Statement::new(tx.dialect.has_table())
        .bind("name", name)
        .first(tx)
        .await?;
    Ok(found.map(|row| row.int("n")).transpose()?.unwrap_or(0) > 0)
}

async fn check_owner(tx: &mut Tx<'_>, instance: &str) -> Result<(), StoreError> {
    let owner = Statement::new("SELECT value FROM meta WHERE key = 'instance'")
        .first(tx)
        .await?;
    let Some(row) = owner else {
        return Ok(());
    };

    let owner = row.text("value")?;
    if owner == instance {
        return Ok(());
    }
    Err(StoreError::Incompatible(format!(
        "the store belongs to the instance `{owner}`, but this is the instance `{instance}`: \
         set `instance` to `{owner}`, or set [store] url to a store of its own"
    )))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "sqlx's enum may grow")]
fn migration_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        MigrateError::VersionMissing(version) => StoreError::Incompatible(format!(
            "a newer hirewire has migrated the store to version {version}, but this one knows \
             versions up to {}: run the newer hirewire",
            MIGRATIONS.last().map_or(0, |(version, ..)| *version)
        )),
        other => StoreError::Refused(format!("the schema cannot be migrated: {other}")),
    }
}
