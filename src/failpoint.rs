//! Failpoints: points in the code where a test stops this process. They need the feature
//! `failpoints`; without it a failpoint does nothing and costs nothing.
//!
//! `HIREWIRE_FAILPOINTS=name[,name]` and `HIREWIRE_FAILPOINT_DIR=DIR`: at the named point the
//! process writes the file `DIR/name` and waits until the file is gone. The test sees the file, and
//! kills, stops or releases the process. `HIREWIRE_LEASE_FLOOR_MS` permits shorter leases.

/// Stops here if a test named this failpoint.
#[cfg(not(feature = "failpoints"))]
pub(crate) async fn at(_name: &'static str) {}

/// The shortest lease: `usual`, unless a test permits a shorter one.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn lease_floor(usual: std::time::Duration) -> std::time::Duration {
    usual
}

#[cfg(feature = "failpoints")]
#[allow(
    clippy::disallowed_methods,
    reason = "test-only switches, never in a release"
)]
mod armed {
    use std::{env, path::Path, time::Duration};

    /// Stops here if a test named this failpoint.
    pub(crate) async fn at(name: &'static str) {
        let names = env::var("HIREWIRE_FAILPOINTS").unwrap_or_default();
        if !names.split(',').any(|armed| armed == name) {
            return;
        }

        let folder = env::var("HIREWIRE_FAILPOINT_DIR").unwrap_or_else(|_| ".".to_owned());
        let marker = Path::new(&folder).join(name);
        let done = Path::new(&folder).join(format!("{name}.done"));
        // Each failpoint stops the process once: after its release it is passed.
        if done.exists() || std::fs::write(&marker, "reached").is_err() {
            return;
        }

        while marker.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _ = std::fs::write(done, "released");
    }

    /// The shortest lease: `usual`, unless `HIREWIRE_LEASE_FLOOR_MS` permits a shorter one.
    pub(crate) fn lease_floor(usual: Duration) -> Duration {
        let floor = env::var("HIREWIRE_LEASE_FLOOR_MS")
            .ok()
            .and_then(|text| text.parse().ok());
        floor.map_or(usual, Duration::from_millis)
    }
}

#[cfg(feature = "failpoints")]
pub(crate) use armed::{at, lease_floor};
