//! Messages that could not be read or stored when they came, tried again: after an upgrade, or once what refused them is mended.

use super::Worker;
use crate::{queue::Message, store::StoreError};

/// Stores what can be read and stored by now; how many messages that were.
pub(super) async fn read_again(worker: &Worker) -> Result<usize, StoreError> {
    let (store, source_routing) = (&worker.shared.store, &worker.shared.settings.source_routing);
    let (mut last, mut read) = (String::new(), 0);
    loop {
        let quarantined = store.quarantined_after(&last).await?;
        let Some(behind) = quarantined.last() else {
            return Ok(read);
        };
        last.clone_from(&behind.digest);
        for message in quarantined {
            let Ok(decoded) = Message::decode(message.bytes.clone()) else {
                continue;
            };
            match store.store_hooks(&decoded.hooks, source_routing).await {
                Ok(recorded) => {
                    store.delete_quarantined(&message).await?;
                    worker.heard(&recorded);
                    read += 1;
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
