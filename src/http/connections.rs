//! The open connections of a listener: at most so many, and so many of one peer.
//!
//! A connection costs a file descriptor, which targets, queue and store need as well. At the
//! limit, the connection that has been idle the longest is closed for the new one; then one
//! that has been sending its body for long. A peer over its share loses its own connections only.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::peer::Peer;

/// A connection that sends its body for longer than this may be closed for a new one.
const SLOW_BODY: Duration = Duration::from_secs(2);

const IDLE: u8 = 0;
const READING: u8 = 1;
const WORKING: u8 = 2;

/// The present work of a connection, and its start.
#[derive(Debug)]
pub(super) struct Activity {
    started: Instant,
    state: AtomicU8,
    /// Milliseconds after `started`.
    since: AtomicU64,
    changed: Arc<Notify>,
}

impl Activity {
    fn set(&self, state: u8) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(now, Ordering::Relaxed);
        self.state.store(state, Ordering::Release);
        if state == IDLE {
            self.changed.notify_one();
        }
    }

    /// A request begins; it is idle again when the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, has_body: bool) -> RequestGuard {
        self.set(if has_body { READING } else { WORKING });
        RequestGuard(Arc::clone(self))
    }

    /// The body of the request is complete.
    pub(super) fn body_complete(&self) {
        self.set(WORKING);
    }

    /// How soon it may be closed for a new connection: the least first. `None`: it is at work.
    fn rank(&self) -> Option<(u8, Instant)> {
        let state = self.state.load(Ordering::Acquire);
        let since = self.started + Duration::from_millis(self.since.load(Ordering::Relaxed));
        match state {
            IDLE => Some((state, since)),
            READING if since.elapsed() > SLOW_BODY => Some((state, since)),
            _ => None,
        }
    }
}

/// Marks its connection idle when it is dropped.
#[derive(Debug)]
pub(super) struct RequestGuard(Arc<Activity>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.set(IDLE);
    }
}

/// The open connections.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    per_peer: usize,
    open: Mutex<Table>,
    /// Notified when a connection ends or becomes idle.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    entries: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    peer: Peer,
    activity: Arc<Activity>,
    close: CancellationToken,
}

/// An admitted connection. It leaves the table when this is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection {
    shared: Arc<Shared>,
    key: u64,
    pub(super) activity: Arc<Activity>,
    /// Cancelled when the connection is closed for another one.
    pub(super) close: CancellationToken,
}

/// The answer to a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    Admitted(OpenConnection),
    /// Its peer has as many connections as it may have, and all are at work.
    PeerAtLimit,
    /// All connections are at work: one of them must end first.
    Full,
}

impl Connections {
    pub(super) fn new(limit: usize, per_peer: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                limit: limit.max(1),
                per_peer: per_peer.max(1),
                open: Mutex::default(),
                changed: Arc::default(),
            }),
        }
    }

    /// Admits a connection, closing another one at the limit. `shared`: many clients use
    /// this peer, so it has no share of its own.
    pub(super) fn admit(&self, peer: Peer, is_shared: bool) -> Admission {
        let mut table = self.shared.table();

        if let (Peer::Tcp(_), false) = (peer, is_shared) {
            let own = table.entries.values().filter(|entry| entry.peer == peer);
            if own.count() >= self.shared.per_peer && !table.close_one(|entry| entry.peer == peer) {
                return Admission::PeerAtLimit;
            }
        }
        if table.entries.len() >= self.shared.limit && !table.close_one(|_| true) {
            return Admission::Full;
        }

        let activity = Arc::new(Activity {
            started: Instant::now(),
            state: AtomicU8::new(IDLE),
            since: AtomicU64::new(0),
            changed: Arc::clone(&self.shared.changed),
        });
        let close = CancellationToken::new();
        let key = table.next;
        table.next += 1;
        table.entries.insert(
            key,
            Entry {
                peer,
                activity: Arc::clone(&activity),
                close: close.clone(),
            },
        );
        Admission::Admitted(OpenConnection {
            shared: Arc::clone(&self.shared),
            key,
            activity,
            close,
        })
    }

    /// Waits until a connection has ended or become idle.
    pub(super) async fn changed(&self) {
        // A body that is slow becomes one that may be closed without any notification.
        let _ = tokio::time::timeout(SLOW_BODY, self.shared.changed.notified()).await;
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Closes the connection among these that may be closed first; `false`: none may.
    fn close_one(&mut self, among: impl Fn(&Entry) -> bool) -> bool {
        let ranked = self
            .entries
            .iter()
            .filter(|(_, entry)| among(entry))
            .filter_map(|(key, entry)| Some((entry.activity.rank()?, *key)));
        let Some((_, key)) = ranked.min() else {
            return false;
        };

        if let Some(entry) = self.entries.remove(&key) {
            entry.close.cancel();
        }
        true
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.shared.table().entries.remove(&self.key);
        self.shared.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Peer = Peer::Tcp(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const EVE: Peer = Peer::Tcp(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 66)));

    fn admitted(connections: &Connections, peer: Peer) -> OpenConnection {
        match connections.admit(peer, false) {
            Admission::Admitted(open) => open,
            refused @ (Admission::PeerAtLimit | Admission::Full) => panic!("{refused:?}"),
        }
    }

    #[test]
    fn the_connection_that_was_idle_longest_is_closed_for_a_new_one() {
        let connections = Connections::new(3, 3);
        let working = admitted(&connections, ADA);
        let guard = working.activity.begin(false);
        let first = admitted(&connections, ADA);
        std::thread::sleep(Duration::from_millis(2));
        let second = admitted(&connections, EVE);

        let third = admitted(&connections, ADA);
        assert!(first.close.is_cancelled());
        assert!(!second.close.is_cancelled() && !working.close.is_cancelled());

        let _guards = [second.activity.begin(false), third.activity.begin(false)];
        assert!(matches!(connections.admit(ADA, false), Admission::Full));
        drop(guard);
        let _fourth = admitted(&connections, ADA);
        assert!(working.close.is_cancelled());
    }

    #[test]
    fn a_peer_over_its_share_loses_its_own_connections_only() {
        let connections = Connections::new(100, 2);
        let ada = admitted(&connections, ADA);
        let eves: Vec<_> = (0..50).map(|_| admitted(&connections, EVE)).collect();

        assert!(!ada.close.is_cancelled());
        let open = eves.iter().filter(|eve| !eve.close.is_cancelled());
        assert_eq!(open.count(), 2);
        let _guards: Vec<_> = eves.iter().map(|eve| eve.activity.begin(false)).collect();
        assert!(matches!(
            connections.admit(EVE, false),
            Admission::PeerAtLimit
        ));
        assert!(matches!(
            connections.admit(EVE, true),
            Admission::Admitted(_)
        ));
    }

    #[test]
    fn a_body_that_is_complete_in_time_keeps_its_connection() {
        let connections = Connections::new(1, 1);
        let reading = admitted(&connections, ADA);
        let _guard = reading.activity.begin(true);
        assert!(matches!(connections.admit(EVE, false), Admission::Full));
        reading.activity.since.store(0, Ordering::Relaxed);
        assert!(reading.activity.rank().is_none());
    }
}
