//! The state of the store as last observed, for `/readyz`.

use std::sync::{Arc, Mutex, PoisonError};

/// Shared by the tasks that use the store and by the readiness checks. Starts as not ready.
#[derive(Clone, Debug)]
pub(super) struct StoreHealth(Arc<Mutex<Result<(), String>>>);

impl Default for StoreHealth {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Err("not reached yet".to_owned()))))
    }
}

impl StoreHealth {
    pub(super) fn set_ready(&self) {
        self.set(Ok(()));
    }

    pub(super) fn set_not_ready(&self, reason: String) {
        self.set(Err(reason));
    }

    /// The reason why the store is not ready, as an error.
    pub(super) fn check(&self) -> Result<(), String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, state: Result<(), String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
