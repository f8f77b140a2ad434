//! Waits for a condition in another process: polls it until it holds or until a timeout.

use std::time::{Duration, Instant};

/// The pause between two checks.
const PAUSE: Duration = Duration::from_millis(20);

/// Returns the first `Some` of `check`.
///
/// # Panics
/// After `timeout`; the message names the `condition`.
pub async fn wait_until<T>(
    condition: &str,
    timeout: Duration,
    mut check: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + timeout;

    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "not within {timeout:?}: {condition}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}
