//! Failpoints: places where a test stops this process. They exist only with the feature `failpoints`.
//!
//! `HIREWIRE_FAILPOINTS=name[,name]` and `HIREWIRE_FAILPOINT_DIR=DIR`: at the named place the process
//! writes the file `DIR/name` and waits until that file is gone. The test sees the file, and kills,
//! stops or releases the process. `HIREWIRE_LEASE_FLOOR_MS` permits leases that short.
//! Without the feature a failpoint costs nothing and does nothing.

/// Stops here if a test asked for it.
#[cfg(not(feature = "failpoints"))]
pub async fn at(_name: &'static str) {}

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

    /// The least that a lease lasts: `usual`, unless `HIREWIRE_LEASE_FLOOR_MS` says otherwise.
    pub fn lease_floor(usual: Duration) -> Duration {
        let asked = env::var("HIREWIRE_LEASE_FLOOR_MS")
            .ok()
            .and_then(|text| text.parse().ok());
        asked.map_or(usual, Duration::from_millis)
    }
}

#[cfg(feature = "failpoints")]
pub use armed::{at, lease_floor};
