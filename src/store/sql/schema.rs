//! The schema and its migrations; whose store it is.
//!
//! A migration is one text for both databases, never changed once released. A store that a newer binary has migrated,
//! or that belongs to another instance, is refused before anything is written to it.

use sqlx::{
    AnyConnection, Connection as _, Executor as _, SqlStr,
    migrate::{Migrate as _, MigrateError, Migration, MigrationType, Migrator},
};

use super::{
    dialect::Dialect,
    statement::{Columns as _, Statement, Tx},
};
use crate::store::StoreError;

const TABLE: &str = "_sqlx_migrations";

/// Version, name and text of each migration, in order.
const MIGRATIONS: [(i64, &str, &str); 1] = [(
    1,
    "store",
    include_str!("../../../migrations/0001_store.sql"),
)];

/// How far a store's schema is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The last migration that was made; 0: none.
    pub current: i64,
    /// The last one that this binary knows.
    pub latest: i64,
    /// Those to be made, in order.
    pub pending: Vec<String>,
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

/// How far the schema of the store at that URL is; nothing is written.
pub(in crate::store) async fn status(url: &str) -> Result<MigrationStatus, StoreError> {
    let dialect = dialect_of(url)?;
    sqlx::any::install_default_drivers();
    let applied = match AnyConnection::connect(url).await {
        Ok(mut connection) => {
            applied(&mut Tx {
                connection: &mut connection,
                dialect,
            })
            .await?
        }
        // A file that is not there yet has no migrations.
        Err(sqlx::Error::Database(error))
            if dialect == Dialect::Sqlite && error.code().as_deref() == Some("14") =>
        {
            Vec::new()
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
    })
}

async fn applied(tx: &mut Tx<'_>) -> Result<Vec<i64>, StoreError> {
    if !has_table(tx, TABLE).await? {
        return Ok(Vec::new());
    }
    let applied = tx
        .connection
        .list_applied_migrations(TABLE)
        .await
        .map_err(refusal)?;
    Ok(applied
        .into_iter()
        .map(|migration| migration.version)
        .collect())
}

/// The database of the URL.
pub(in crate::store) fn dialect_of(url: &str) -> Result<Dialect, StoreError> {
    Dialect::of(url).ok_or_else(|| {
        StoreError::Refused("[store] url must start with `postgres://` or `sqlite://`".to_owned())
    })
}

/// Brings the schema up to date and makes the store this instance's, or refuses.
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
        refuse_another(&mut tx, instance).await?;
    }
    migrator()
        .run_direct(None, &mut *tx.connection, false)
        .await
        .map_err(refusal)?;
    if let Some(storage) = dialect.storage() {
        tx.connection.execute(sqlx::raw_sql(storage)).await?;
    }
    Statement::of(
        "INSERT INTO meta (key, value) VALUES ('instance', $2) ON CONFLICT (key) DO NOTHING",
    )
    .with(instance)
    .run(&mut tx)
    .await?;
    refuse_another(&mut tx, instance).await
}

async fn has_table(tx: &mut Tx<'_>, name: &str) -> Result<bool, StoreError> {
    let found = Statement::of(tx.dialect.has_table())
        .with(name)
        .first(tx)
        .await?;
    Ok(found.map(|row| row.int("n")).transpose()?.unwrap_or(0) > 0)
}

async fn refuse_another(tx: &mut Tx<'_>, instance: &str) -> Result<(), StoreError> {
    let Some(row) = Statement::of("SELECT value FROM meta WHERE key = 'instance'")
        .first(tx)
        .await?
    else {
        return Ok(());
    };
    let owner = row.text("value")?;
    if owner == instance {
        return Ok(());
    }
    Err(StoreError::NotOurs(format!(
        "the store belongs to the instance `{owner}`, this is `{instance}`: point [store] url at a store of its own, \
         or, if this is a copy that `{instance}` shall take over, run `hirewire instance accept`"
    )))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "sqlx's enum may grow")]
fn refusal(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        MigrateError::VersionMissing(version) => StoreError::NotOurs(format!(
            "the store was migrated to version {version} by a newer hirewire, this one knows {}: run the newer one",
            MIGRATIONS.last().map_or(0, |(version, ..)| *version)
        )),
        other => StoreError::Refused(format!(
            "the schema could not be brought up to date: {other}"
        )),
    }
}
