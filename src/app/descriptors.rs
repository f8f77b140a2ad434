//! The file descriptors of the process: how many there are, and how many connections may take.
//!
//! Each connection takes one, and so do requests to targets, the store and the queue. Strangers
//! must not be able to take them all, so the listeners share one half, and the other half stays for
//! our own work.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::{Limits, TrustedProxies};

/// The most descriptors that are asked for: more than the largest listener can use.
const WANTED: u64 = 65_536;

/// The most connections of each listener, where descriptors are plenty.
const MOST_HOOKS: u64 = 4096;
const MOST_OPERATORS: u64 = 512;
const MOST_LOCAL: u64 = 256;

/// How many connections each listener may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionShares {
    pub(super) hooks: usize,
    pub(super) operators: usize,
    pub(super) local: usize,
}

impl ConnectionShares {
    /// Raises the soft limit of descriptors as far as the hard one allows, and divides one half.
    pub(super) fn of_process() -> Self {
        let descriptors = raise_limit();
        let shares = Self::of(descriptors);
        tracing::info!(
            descriptors,
            hooks = shares.hooks,
            operators = shares.operators,
            local = shares.local,
            "the most connections of each listener"
        );
        shares
    }

    /// Divides one half: three quarters of it are for hooks.
    fn of(descriptors: u64) -> Self {
        let half = descriptors / 2;
        let share = |part: u64, most: u64| usize::try_from(part.clamp(4, most)).unwrap_or(4);
        Self {
            hooks: share(half / 4 * 3, MOST_HOOKS),
            operators: share(half / 8, MOST_OPERATORS),
            local: share(half / 8, MOST_LOCAL),
        }
    }
}

/// The limits of a listener with so many connections. One address may have half of them.
pub(super) fn limits(connections: usize, trusted_proxies: &TrustedProxies) -> Limits {
    Limits {
        connections,
        per_peer: (connections / 2).max(1),
        trusted_proxies: trusted_proxies.clone(),
        ..Limits::default()
    }
}

/// Raises the soft limit; returns what it is then.
fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // `None`: there is no limit.
    let (Some(soft), hard) = (limit.current, limit.maximum.unwrap_or(u64::MAX)) else {
        return WANTED;
    };
    let wanted = WANTED.min(hard);
    if soft >= wanted {
        return soft;
    }

    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, soft, "the limit of open files could not be raised");
            soft
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_listeners_together_take_less_than_one_half() {
        for descriptors in [64, 256, 1024, 4096, 65_536] {
            let shares = ConnectionShares::of(descriptors);
            let sum = shares.hooks + shares.operators + shares.local;
            assert!(sum as u64 <= descriptors / 2, "{descriptors}: {shares:?}");
            assert!(shares.local >= 4);
        }
        assert_eq!(ConnectionShares::of(1024).hooks, 384);
        assert_eq!(ConnectionShares::of(65_536).hooks, 4096);
    }
}
