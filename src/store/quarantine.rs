//! Messages that this version cannot read: kept as bytes until a newer binary reads them.

use super::{
    Store, StoreError,
    sql::dialect::Scope,
    sql::statement::{Columns as _, Statement},
};
use crate::queue::UnreadableEnvelope;
use hirewire_core::event::ContentDigest;

/// A quarantined message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedMessage {
    /// Digest of its bytes.
    pub digest: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Keeps bytes that this version cannot read; told in metrics. The same bytes again are kept once.
    pub async fn quarantine(&self, envelope: &UnreadableEnvelope) -> Result<(), StoreError> {
        let envelope = envelope.clone();
        self.engine
            .write(Scope::Statement, move |mut tx| {
                let statement = Statement::of(
                    "INSERT INTO quarantined_messages (digest, bytes, version, instance, problem, quarantined_at) \
                     VALUES ($2, $3, $4, $5, $6, {now}) ON CONFLICT (digest) DO NOTHING",
                )
                .with(ContentDigest::of(&envelope.bytes).to_string())
                .with(envelope.bytes.clone())
                .with(envelope.version.map(i64::from))
                .with(envelope.instance.clone())
                .with(&envelope.problem);
                Box::pin(async move { Ok(statement.run(&mut tx).await.map(|_| ())?) })
            })
            .await
    }

    /// This instance's quarantined messages behind that one (none: from the start), by digest.
    pub async fn quarantined_after(
        &self,
        last: &str,
    ) -> Result<Vec<QuarantinedMessage>, StoreError> {
        let statement = Statement::of(
            "SELECT digest, bytes FROM quarantined_messages WHERE digest > $2 AND \
             (instance IS NULL OR instance IN (SELECT value FROM meta WHERE key = 'instance')) \
             ORDER BY digest LIMIT 50",
        );
        let read = |row: &sqlx::any::AnyRow| {
            Ok(QuarantinedMessage {
                digest: row.text("digest")?,
                bytes: row.maybe_bytes("bytes")?.unwrap_or_default(),
            })
        };
        self.every(statement.with(last))
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Forgets a quarantined message: what it holds is stored.
    pub async fn release_quarantined(
        &self,
        message: &QuarantinedMessage,
    ) -> Result<(), StoreError> {
        let digest = message.digest.clone();
        self.engine
            .write(Scope::Statement, move |mut tx| {
                let statement = Statement::of("DELETE FROM quarantined_messages WHERE digest = $2")
                    .with(&digest);
                Box::pin(async move { Ok(statement.run(&mut tx).await.map(|_| ())?) })
            })
            .await
    }

    /// How many messages are quarantined.
    pub async fn quarantined(&self) -> Result<u64, StoreError> {
        let statement = Statement::of("SELECT COUNT(*) AS n FROM quarantined_messages");
        let row = self
            .engine
            .read(|mut tx| Box::pin(async move { Ok(statement.first(&mut tx).await?) }))
            .await?;
        row.map_or(Ok(0), |row| row.count("n"))
    }
}
