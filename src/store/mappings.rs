//! Mappings: the published one of each connection, and the staged one that an operator applies.
//!
//! A changed mapping is a deployment: publishing one makes every account of its connection pending.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{
    Store, StoreError,
    history::{self, NewEntry},
    pending,
    sql::{
        dialect::Scope,
        row::ReadColumn as _,
        statement::{Statement, Tx},
    },
};

/// The published mapping of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedMapping {
    /// The connection.
    pub connection: String,
    /// 1 for the first mapping; each publication adds 1.
    pub version: i64,
    /// The canonical text of the `MappingDocument`.
    pub document: String,
    /// The version of the fold's rules with which it was published.
    pub fold_version: u32,
    /// When it was published.
    pub published_at: Timestamp,
    /// A different document that waits for `hirewire connections apply`.
    pub staged_document: Option<String>,
}

/// The result of [`Store::submit_mapping`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingSubmission {
    /// The connection's first mapping is published, with this version.
    Published(i64),
    /// The mapping equals the published one, which has this version. Nothing is staged any more.
    Unchanged(i64),
    /// The mapping differs from the published one and is staged.
    Staged,
}

impl Store {
    /// Submits the mapping of the config: publishes the connection's first one, stages a different
    /// one.
    pub async fn submit_mapping(
        &self,
        connection: &str,
        document: &str,
        fold_version: u32,
    ) -> Result<MappingSubmission, StoreError> {
        let submitted = Arc::new((connection.to_owned(), document.to_owned()));
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let submitted = submitted.clone();
                Box::pin(async move {
                    let (connection, document) = &*submitted;
                    submit(&mut tx, connection, document, fold_version).await
                })
            })
            .await
    }

    /// Publishes the staged mapping and makes every account of the connection pending; the new
    /// version. `None`: no mapping is staged.
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

    /// Every published mapping, by connection.
    pub async fn mappings(&self) -> Result<Vec<PublishedMapping>, StoreError> {
        let statement = Statement::new("SELECT * FROM mappings ORDER BY connection");
        let rows = self.engine.all(statement).await?;
        rows.iter()
            .map(|row| {
                Ok(PublishedMapping {
                    connection: row.text("connection")?,
                    version: row.int("version")?,
                    document: row.text("document")?,
                    fold_version: row.small("fold_version")?,
                    published_at: row.time("published_at")?,
                    staged_document: row.optional_text("staged_document")?,
                })
            })
            .collect()
    }
}

async fn submit(
    tx: &mut Tx<'_>,
    connection: &str,
    document: &str,
    fold_version: u32,
) -> Result<MappingSubmission, StoreError> {
    let first = Statement::new(
        "INSERT INTO mappings (connection, version, document, fold_version, published_at)
         VALUES (:connection, 1, :document, :fold_version, {now})
         ON CONFLICT (connection) DO NOTHING",
    )
    .bind("connection", connection)
    .bind("document", document)
    .bind("fold_version", fold_version);
    if first.execute(tx).await? > 0 {
        pending::mark_connection(tx, connection, 1).await?;
        return Ok(MappingSubmission::Published(1));
    }

    // A staged document always differs from the published one: an equal submission clears it.
    let compared = Statement::new(
        "UPDATE mappings SET
           staged_document = CASE
             WHEN document = :document AND fold_version = :fold_version THEN NULL
             ELSE :document END,
           staged_fold_version = CASE
             WHEN document = :document AND fold_version = :fold_version THEN NULL
             ELSE :fold_version END
         WHERE connection = :connection
         RETURNING version, staged_document",
    )
    .bind("connection", connection)
    .bind("document", document)
    .bind("fold_version", fold_version);
    match compared.first(tx).await? {
        Some(row) if row.optional_text("staged_document")?.is_none() => {
            Ok(MappingSubmission::Unchanged(row.int("version")?))
        }
        _ => Ok(MappingSubmission::Staged),
    }
}

async fn apply(tx: &mut Tx<'_>, connection: &str, by: &str) -> Result<Option<i64>, StoreError> {
    let published = Statement::new(
        "UPDATE mappings SET
           version = version + 1,
           document = staged_document,
           fold_version = staged_fold_version,
           published_at = {now},
           staged_document = NULL,
           staged_fold_version = NULL
         WHERE connection = :connection AND staged_document IS NOT NULL
         RETURNING version",
    )
    .bind("connection", connection);
    let Some(row) = published.first(tx).await? else {
        return Ok(None);
    };

    let version = row.int("version")?;
    pending::mark_connection(tx, connection, version).await?;

    let entry = NewEntry {
        connection,
        person: "",
        outcome: "mapping_applied",
        detail: &json!({ "by": by, "version": version }),
    };
    history::write(tx, &entry).await?;
    Ok(Some(version))
}
