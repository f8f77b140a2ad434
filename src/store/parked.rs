//! Messages that this version cannot read: kept as bytes until a newer binary reads them.

use super::{
    Store, StoreError,
    ask::{Ask, Columns as _},
    dialect::Scope,
};
use crate::{event::ContentDigest, queue::UnreadableEnvelope};

impl Store {
    /// Keeps bytes that this version cannot read; told in `/readyz` and metrics. The same bytes again are kept once.
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

    /// How many messages are parked.
    pub async fn parked(&self) -> Result<u64, StoreError> {
        let ask = Ask::of("SELECT COUNT(*) AS n FROM parked_messages");
        let row = self.engine.read(|mut tx| Box::pin(async move { Ok(ask.first(&mut tx).await?) })).await?;
        row.map_or(Ok(0), |row| row.count("n"))
    }
}
