//! Published and staged mappings: a changed mapping is a deployment. Publishing makes every account of it pending.

use std::sync::Arc;

use serde_json::json;

use super::{
    Offered, PublishedMapping, Store, StoreError, history,
    sql::dialect::Scope,
    sql::statement::{Columns as _, Statement, Tx},
};

impl Store {
    /// Offers the config's mapping: the first is published, one that differs is staged.
    pub async fn offer_mapping(
        &self,
        connection: &str,
        text: &str,
        fold_version: u32,
    ) -> Result<Offered, StoreError> {
        let offer = Arc::new((connection.to_owned(), text.to_owned()));
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let offer = offer.clone();
                Box::pin(async move { take_offer(&mut tx, &offer.0, &offer.1, fold_version).await })
            })
            .await
    }

    /// Publishes what is staged; the new version, or `None` if nothing is. Makes every account of it pending.
    pub async fn apply_mapping(
        &self,
        connection: &str,
        by: &str,
    ) -> Result<Option<i64>, StoreError> {
        let request = Arc::new((connection.to_owned(), by.to_owned()));
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let request = request.clone();
                Box::pin(async move { apply(&mut tx, &request.0, &request.1).await })
            })
            .await
    }

    /// Every published mapping.
    pub async fn mappings(&self) -> Result<Vec<PublishedMapping>, StoreError> {
        let mapping = |row: &sqlx::any::AnyRow| {
            Ok(PublishedMapping {
                connection: row.text("connection")?,
                version: row.int("version")?,
                text: row.text("text")?,
                fold_version: u32::try_from(row.int("fold_version")?).unwrap_or(0),
                published: row.time("published")?,
                staged: row.maybe_text("staged")?,
            })
        };
        self.every(Statement::of("SELECT * FROM mappings ORDER BY connection"))
            .await?
            .iter()
            .map(mapping)
            .collect()
    }
}

async fn take_offer(
    tx: &mut Tx<'_>,
    connection: &str,
    text: &str,
    fold_version: u32,
) -> Result<Offered, StoreError> {
    let first = Statement::of(
        "INSERT INTO mappings (connection, version, text, fold_version, published) VALUES ($2, 1, $3, $4, {now}) \
         ON CONFLICT (connection) DO NOTHING",
    );
    if first
        .with(connection)
        .with(text)
        .with(fold_version)
        .run(tx)
        .await?
        > 0
    {
        mark_all_pending(tx, connection, 1).await?;
        return Ok(Offered::Published(1));
    }
    // What is staged differs from what is published, always: an offer that does not differ clears it.
    let taken = Statement::of(
        "UPDATE mappings SET staged = CASE WHEN text = $3 AND fold_version = $4 THEN NULL ELSE $3 END, \
         staged_fold_version = CASE WHEN text = $3 AND fold_version = $4 THEN NULL ELSE $4 END \
         WHERE connection = $2 RETURNING version, staged",
    );
    match taken
        .with(connection)
        .with(text)
        .with(fold_version)
        .first(tx)
        .await?
    {
        Some(row) if row.maybe_text("staged")?.is_none() => {
            Ok(Offered::Unchanged(row.int("version")?))
        }
        _ => Ok(Offered::Staged),
    }
}

async fn apply(tx: &mut Tx<'_>, connection: &str, by: &str) -> Result<Option<i64>, StoreError> {
    let published = Statement::of(
        "UPDATE mappings SET version = version + 1, text = staged, fold_version = staged_fold_version, \
         published = {now}, staged = NULL, staged_fold_version = NULL \
         WHERE connection = $2 AND staged IS NOT NULL RETURNING version",
    );
    let Some(row) = published.with(connection).first(tx).await? else {
        return Ok(None);
    };
    let version = row.int("version")?;
    mark_all_pending(tx, connection, version).await?;
    let detail = json!({ "by": by, "version": version });
    let line = history::Line {
        connection,
        person: "",
        outcome: "mapping_applied",
        detail: &detail,
    };
    history::write(tx, &line).await?;
    Ok(Some(version))
}

/// Makes every account of the connection pending with this mapping.
async fn mark_all_pending(
    tx: &mut Tx<'_>,
    connection: &str,
    version: i64,
) -> Result<(), StoreError> {
    let statement = Statement::of(
        "UPDATE accounts SET wanted_mapping = $3, \
         priority = CASE WHEN priority = 0 AND next_run_at <= {now} THEN 0 ELSE 1 END, \
         pending_since = CASE WHEN next_run_at <= {now} THEN COALESCE(pending_since, next_run_at) ELSE {now} END, \
         next_run_at = CASE WHEN next_run_at <= {now} THEN next_run_at ELSE {now} END, \
         not_before = NULL, changed_since_claim = CASE WHEN changed_since_claim = 2 THEN 2 ELSE 1 END WHERE connection = $2",
    );
    statement.with(connection).with(version).run(tx).await?;
    Ok(())
}
