//! Facts about a target that a process keeps between reconciles: group ids, missing users, a probe.
//!
//! They save reads and decide nothing alone: a group id counts for a minute, and the count of
//! missing users only adds to the evidence about one of them. A restart forgets both.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::{
    sync::{Mutex, RwLock},
    time::Instant,
};

use hirewire_core::plan::Probe;

/// How long the id of a group counts without another search.
const GROUP_ID_LIFETIME: Duration = Duration::from_mins(1);

/// How long the result of a probe counts.
const PROBE_LIFETIME: Duration = Duration::from_secs(1);

/// So many bound users missing in a row make a wrong target more likely than as many deletions.
const MISSING_IN_A_ROW: u32 = 3;

/// The facts about one target.
#[derive(Debug, Default)]
pub(super) struct TargetMemory {
    /// By `displayName`, each with the time of the search that found it.
    group_ids: RwLock<BTreeMap<String, (Instant, String)>>,
    missing_users: AtomicU32,
    /// The result of the last probe, with its time.
    probe: Mutex<Option<(Instant, Probe)>>,
}

impl TargetMemory {
    /// The id of the group with this name, if a search found it within the last minute.
    pub(super) async fn group_id(&self, name: &str) -> Option<String> {
        self.group_ids
            .read()
            .await
            .get(name)
            .filter(|(found, _)| found.elapsed() < GROUP_ID_LIFETIME)
            .map(|(_, id)| id.clone())
    }

    pub(super) async fn remember_group(&self, name: &str, id: &str) {
        let entry = (Instant::now(), id.to_owned());
        self.group_ids.write().await.insert(name.to_owned(), entry);
    }

    /// The group with this id is gone: its name is searched again.
    pub(super) async fn forget_group(&self, name: &str) {
        self.group_ids.write().await.remove(name);
    }

    /// Another published mapping may use another dialect: every group is searched again.
    pub(super) async fn forget_groups(&self) {
        self.group_ids.write().await.clear();
    }

    /// The result of the last probe if it is recent, else that of a new one. Callers that come
    /// meanwhile wait for it.
    pub(super) async fn recent_probe(&self, probe: impl AsyncFnOnce() -> Probe) -> Probe {
        let mut last = self.probe.lock().await;
        if let Some((at, result)) = *last
            && at.elapsed() < PROBE_LIFETIME
        {
            return result;
        }

        let result = probe().await;
        *last = Some((Instant::now(), result));
        result
    }

    /// Counts a bound user that answered 404. Returns whether several others were missing just
    /// before.
    pub(super) fn count_missing_user(&self) -> bool {
        self.missing_users.fetch_add(1, Ordering::Relaxed) >= MISSING_IN_A_ROW
    }

    /// A bound user was read, so the row of missing users ends.
    pub(super) fn user_was_read(&self) {
        self.missing_users.store(0, Ordering::Relaxed);
    }
}
