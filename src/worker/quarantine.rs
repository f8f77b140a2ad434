//! Retries quarantined messages, which an upgrade or a repair may have made storable.
//!
//! In: the messages that ingest set aside. Out: their events in the store; the messages leave the
//! quarantine. A message that still cannot be read or stored stays there.

use super::Worker;
use crate::{queue::Message, store::StoreError};

/// Stores every quarantined message that can be read and stored now; returns their number.
pub(super) async fn retry_quarantined(worker: &Worker) -> Result<usize, StoreError> {
    let (store, source_routing) = (&worker.shared.store, &worker.shared.settings.source_routing);
    let (mut after, mut stored) = (String::new(), 0);

    loop {
        let page = store.quarantined_after(&after).await?;
        let Some(last) = page.last() else {
            return Ok(stored);
        };
        after.clone_from(&last.digest);

        for message in page {
            let Ok(decoded) = Message::decode(message.bytes.clone()) else {
                continue;
            };
            match store.store_hooks(&decoded.hooks, source_routing).await {
                Ok(recorded) => {
                    store.delete_quarantined(&message).await?;
                    worker.events_stored(&recorded);
                    stored += 1;
                }
                Err(StoreError::Refused(problem)) => {
                    tracing::warn!(
                        digest = message.digest,
                        problem,
                        "a quarantined message still cannot be stored"
                    );
                }
                Err(error) => return Err(error),
            }
        }
    }
}
