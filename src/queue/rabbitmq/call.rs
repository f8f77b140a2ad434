//! Calls to the broker under a time limit.

use std::{future::Future, time::Duration};

/// How long one call to the broker may take.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Waits for a call to the broker. The error says which call failed, and why.
pub(super) async fn call<T>(
    name: &str,
    answer: impl Future<Output = lapin::Result<T>>,
) -> Result<T, String> {
    match tokio::time::timeout(CALL_TIMEOUT, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(format!("{name}: {error}")),
        Err(_) => Err(format!(
            "{name}: no answer within {} s",
            CALL_TIMEOUT.as_secs()
        )),
    }
}
