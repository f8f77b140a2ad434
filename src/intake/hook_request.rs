//! A hook request in progress: the settings of its start, its id and its times.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;

use super::{ActiveSettings, Intake};
use crate::telemetry;
use hirewire_core::event::HookId;

pub(super) struct HookRequest {
    pub intake: Intake,
    pub active: Arc<ActiveSettings>,
    pub hook: HookId,
    /// The name in the URL; it may name no source.
    pub source: String,
    pub received: Timestamp,
    pub started: Instant,
}

impl HookRequest {
    /// Starts with the current settings, a new id, and the present time.
    pub fn new(intake: Intake, source: String) -> Self {
        Self {
            active: intake.active(),
            intake,
            hook: new_hook_id(),
            source,
            received: telemetry::now(),
            started: Instant::now(),
        }
    }
}

fn new_hook_id() -> HookId {
    let id = telemetry::new_id().parse::<uuid::Uuid>();
    HookId::from(id.unwrap_or_default())
}
