//! Messages that this version cannot read: kept as bytes until a newer binary reads them.

use super::{
    Store, StoreError,
    ask::{Ask, Columns as _},
    dialect::Scope,
};
use crate::{event::ContentDigest, queue::UnreadableEnvelope};

/// A parked message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedMessage {
    /// Digest of its bytes.
    pub digest: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Keeps bytes that this version cannot read; told in metrics. The same bytes again are kept once.
    pub async fn park(&self, envelope: &UnreadableEnvelope) -> Result<(), StoreError> {
        let envelope = envelope.clone();
        self.engine
            .write(Scope::Statement, move |mut tx| {
                let ask = Ask::of(
                    "INSERT INTO parked_messages (digest, bytes, version, instance, problem, parked_at) \
                     VALUES ($2, $3, $4, $5, $6, {now}) ON CONFLICT (digest) DO NOTHING",
                )
                .with(ContentDigest::of(&envelope.bytes).to_string())
                .with(envelope.bytes.clone())
                .with(envelope.version.map(i64::from))
                .with(envelope.instance.clone())
                .with(&envelope.problem);
                Box::pin(async move { Ok(ask.run(&mut tx).await.map(|_| ())?) })
            })
            .await
    }

    /// This instance's parked messages behind that one (none: from the start), by digest.
    pub async fn parked_after(&self, last: &str) -> Result<Vec<ParkedMessage>, StoreError> {
        let ask = Ask::of(
            "SELECT digest, bytes FROM parked_messages WHERE digest > $2 AND \
             (instance IS NULL OR instance IN (SELECT value FROM meta WHERE key = 'instance')) \
             ORDER BY digest LIMIT 50",
        );
        let read = |row: &sqlx::any::AnyRow| {
            Ok(ParkedMessage { digest: row.text("digest")?, bytes: row.maybe_bytes("bytes")?.unwrap_or_default() })
        };
        self.every(ask.with(last)).await?.iter().map(read).collect()
    }

    /// Forgets a parked message: what it holds is stored.
    pub async fn unpark(&self, message: &ParkedMessage) -> Result<(), StoreError> {
        let digest = message.digest.clone();
        self.engine
            .write(Scope::Statement, move |mut tx| {
                let ask = Ask::of("DELETE FROM parked_messages WHERE digest = $2").with(&digest);
                Box::pin(async move { Ok(ask.run(&mut tx).await.map(|_| ())?) })
            })
            .await
    }

    /// How many messages are parked.
    pub async fn parked(&self) -> Result<u64, StoreError> {
        let ask = Ask::of("SELECT COUNT(*) AS n FROM parked_messages");
        let row = self.engine.read(|mut tx| Box::pin(async move { Ok(ask.first(&mut tx).await?) })).await?;
        row.map_or(Ok(0), |row| row.count("n"))
    }
}
