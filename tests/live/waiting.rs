//! Waiting for what another process does: asked again and again until it is so, and a failure that names it once a
//! deadline is over. The one place of the live tests that sleeps.

use std::time::{Duration, Instant};

/// How often is asked.
const PAUSE: Duration = Duration::from_millis(20);

/// The first `Some` that `ask` gives.
///
/// # Panics
/// After `within`, naming `what`.
pub async fn until<T>(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
