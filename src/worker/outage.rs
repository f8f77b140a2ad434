//! Watches the breaker of a connection: tells the store of an outage, and of its end the leavers.
//!
//! The state in the store serves processes that send nothing themselves. An operator ends a pause
//! there too: the next try becomes due. A pause that Hirewire began is ended by Hirewire, once the
//! target accepts the credentials again.

use std::time::Duration;

use tokio::time::Instant;

use super::{Connection, connection::PublishedConnection};
use crate::{
    scim_client::Outage,
    store::{Store, StoreError, Unreachable},
};
use hirewire_core::plan::Probe;

/// How often a paused connection is probed, at most.
const RESUME_INTERVAL: Duration = Duration::from_mins(2);

/// The last state of the breaker that the store has.
#[derive(Debug, Default)]
pub(super) struct OutageWatch {
    stored: Option<Outage>,
    /// Whether this process stored a state: before, the store may have that of an earlier one.
    has_stored: bool,
    /// When a pause was last looked at.
    looked_at: Option<Instant>,
}

impl OutageWatch {
    /// Follows the breaker, an operator's retry, and a pause.
    pub(super) async fn follow(
        &mut self,
        store: &Store,
        connection: &Connection,
        published: &PublishedConnection,
    ) {
        let result = self.try_follow(store, connection, published).await;
        if let Err(error) = result {
            tracing::warn!(
                connection = connection.settings.name, %error,
                "the state of the connection cannot be stored; the next look tries again"
            );
        }
    }

    async fn try_follow(
        &mut self,
        store: &Store,
        connection: &Connection,
        published: &PublishedConnection,
    ) -> Result<(), StoreError> {
        let (name, breaker) = (&connection.settings.name, published.client.breaker());
        let outage = breaker.outage();

        if !self.has_stored || self.stored != outage {
            let unreachable = match outage {
                Some(outage) => Some(unreachable(store, outage).await?),
                None => None,
            };
            store.set_unreachable(name, unreachable).await?;

            if outage.is_none() && self.stored.is_some() {
                let leavers = store.retry_leavers(name).await?;
                tracing::info!(connection = name, leavers, "the target answers again");
            }
            (self.stored, self.has_stored) = (outage, true);
        } else if outage.is_some() && store.is_try_due(name).await? {
            breaker.retry_now(Instant::now());
        }

        if self.is_time_to_look(breaker.max_pause()) {
            self.looked_at = Some(Instant::now());
            resume(store, connection, published).await?;
        }
        Ok(())
    }

    fn is_time_to_look(&self, max_pause: Duration) -> bool {
        let interval = RESUME_INTERVAL.min(max_pause);
        self.looked_at
            .is_none_or(|looked_at| looked_at.elapsed() >= interval)
    }
}

/// The outage by the store's clock.
async fn unreachable(store: &Store, outage: Outage) -> Result<Unreachable, StoreError> {
    let (now, clock) = (Instant::now(), store.now().await?);
    Ok(Unreachable {
        since: clock - now.saturating_duration_since(outage.since),
        next_try: clock + outage.next_probe.saturating_duration_since(now),
    })
}

/// Ends a pause that Hirewire began because of the credentials or the base URL, if a probe
/// succeeds.
async fn resume(
    store: &Store,
    connection: &Connection,
    published: &PublishedConnection,
) -> Result<(), StoreError> {
    let name = &connection.settings.name;
    let states = store.connection_states().await?;
    let paused = states
        .into_iter()
        .find(|state| state.connection == *name)
        .and_then(|state| state.paused);
    let Some(paused) = paused else {
        return Ok(());
    };
    let is_automatic =
        paused.by == "hirewire" && matches!(paused.reason.as_str(), "credentials" | "wrong_target");
    if !is_automatic {
        return Ok(());
    }

    connection.reload_credentials(published);
    if connection.probe(store, published, None).await? != Probe::Accepted {
        return Ok(());
    }
    if store.resume(name, "hirewire").await? {
        let leavers = store.retry_leavers(name).await?;
        tracing::info!(
            connection = name,
            reason = paused.reason,
            leavers,
            "the target accepts a probe again: the connection is resumed"
        );
    }
    Ok(())
}
