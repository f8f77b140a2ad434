//! Quarantine: messages that this version cannot read or store, kept as bytes until one can.

use super::{
    Store, StoreError,
    sql::{row::ReadColumn as _, statement::Statement},
};
use crate::queue::UnreadableEnvelope;
use hirewire_core::event::ContentDigest;

/// The most messages that [`Store::quarantined_after`] returns.
const PAGE: usize = 50;

/// A quarantined message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedMessage {
    /// The digest of its bytes.
    pub digest: String,
    /// The message as the queue delivered it.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Quarantines a message. The same bytes again are kept once.
    pub async fn quarantine(&self, envelope: &UnreadableEnvelope) -> Result<(), StoreError> {
        let statement = Statement::new(
            "INSERT INTO quarantined_messages
               (digest, bytes, envelope_version, instance, problem, quarantined_at)
             VALUES (:digest, :bytes, :envelope_version, :instance, :problem, {now})
             ON CONFLICT (digest) DO NOTHING",
        )
        .bind("digest", ContentDigest::of(&envelope.bytes).to_string())
        .bind("bytes", envelope.bytes.clone())
        .bind("envelope_version", envelope.version.map(i64::from))
        .bind("instance", envelope.instance.clone())
        .bind("problem", &envelope.problem);
        self.engine.execute(statement).await?;
        Ok(())
    }

    /// A page of this instance's quarantined messages, by digest, after that digest (empty: from
    /// the start).
    pub async fn quarantined_after(
        &self,
        digest: &str,
    ) -> Result<Vec<QuarantinedMessage>, StoreError> {
        let statement = Statement::new(
            "SELECT digest, bytes FROM quarantined_messages
             WHERE digest > :digest
               AND (instance IS NULL
                    OR instance IN (SELECT value FROM meta WHERE key = 'instance'))
             ORDER BY digest LIMIT :page",
        )
        .bind("digest", digest)
        .bind("page", PAGE);

        let rows = self.engine.all(statement).await?;
        rows.iter()
            .map(|row| {
                Ok(QuarantinedMessage {
                    digest: row.text("digest")?,
                    bytes: row.optional_bytes("bytes")?.unwrap_or_default(),
                })
            })
            .collect()
    }

    /// Deletes a quarantined message after its content was stored.
    pub async fn delete_quarantined(&self, message: &QuarantinedMessage) -> Result<(), StoreError> {
        let statement = Statement::new("DELETE FROM quarantined_messages WHERE digest = :digest")
            .bind("digest", &message.digest);
        self.engine.execute(statement).await?;
        Ok(())
    }

    /// The number of quarantined messages of every instance.
    pub async fn quarantined_count(&self) -> Result<u64, StoreError> {
        let statement = Statement::new("SELECT COUNT(*) AS n FROM quarantined_messages");
        let row = self.engine.first(statement).await?;
        row.map_or(Ok(0), |row| row.count("n"))
    }
}
