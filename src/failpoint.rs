//! Places where a test may stop this process, and mistakes planted on purpose: both only with the feature `failpoints`.
//!
//! `HIREWIRE_FAILPOINTS=name[,name]` with `HIREWIRE_FAILPOINT_DIR=DIR`: at that place the file `DIR/name` is written
//! and the process waits there until the file is gone; a test sees the file, and kills, stops or releases.
//! `HIREWIRE_PLANTED=name`: that mistake is made. `HIREWIRE_LEASE_FLOOR_MS`: leases may be that short. Without the feature both cost nothing and do nothing.

/// Stops here if a test asked for it.
#[cfg(not(feature = "failpoints"))]
pub async fn at(_name: &'static str) {}

/// Whether this mistake is planted.
#[cfg(not(feature = "failpoints"))]
pub const fn planted(_name: &'static str) -> bool {
    false
}

/// The least that a lease lasts: `usual`, unless a test is in more of a hurry.
#[cfg(not(feature = "failpoints"))]
pub const fn lease_floor(usual: std::time::Duration) -> std::time::Duration {
    usual
}

#[cfg(feature = "failpoints")]
#[allow(
    clippy::disallowed_methods,
    reason = "test-only switches, never in a release"
)]
mod armed {
    use std::{env, path::Path, time::Duration};

    /// Stops here if a test asked for it.
    pub async fn at(name: &'static str) {
        let wanted = env::var("HIREWIRE_FAILPOINTS").unwrap_or_default();
        if !wanted.split(',').any(|wanted| wanted == name) {
            return;
        }
        let folder = env::var("HIREWIRE_FAILPOINT_DIR").unwrap_or_else(|_| ".".to_owned());
        let marker = Path::new(&folder).join(name);
        let done = Path::new(&folder).join(format!("{name}.done"));
        // Each place stops once: what was released is not stopped again.
        if done.exists() || std::fs::write(&marker, "reached").is_err() {
            return;
        }
        while marker.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _ = std::fs::write(done, "released");
    }

    /// Whether this mistake is planted.
    pub fn planted(name: &'static str) -> bool {
        env::var("HIREWIRE_PLANTED").is_ok_and(|planted| planted == name)
    }

    /// The least that a lease lasts: `usual`, unless `HIREWIRE_LEASE_FLOOR_MS` says otherwise.
    pub fn lease_floor(usual: Duration) -> Duration {
        let asked = env::var("HIREWIRE_LEASE_FLOOR_MS")
            .ok()
            .and_then(|text| text.parse().ok());
        asked.map_or(usual, Duration::from_millis)
    }
}

#[cfg(feature = "failpoints")]
pub use armed::{at, lease_floor, planted};
