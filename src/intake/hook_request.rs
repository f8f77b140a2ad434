//! A hook request in progress: the settings of its start, its id and its times.

use std::{sync::Arc, time::Instant};

use axum::extract::Request;
use jiff::Timestamp;

use super::{ActiveSettings, Intake};
use crate::{http::Peer, telemetry};
use hirewire_core::event::HookId;

pub(super) struct HookRequest {
    pub intake: Intake,
    pub active: Arc<ActiveSettings>,
    pub hook: HookId,
    /// The name in the URL; it may name no source.
    pub source: String,
    /// Where the request came from; `None` in a process without a listener.
    pub client: Option<Peer>,
    pub received: Timestamp,
    pub started: Instant,
}

impl HookRequest {
    /// Starts with the current settings, a new id, and the present time.
    pub fn new(intake: Intake, source: String, request: &Request) -> Self {
        let active = intake.active();
        let peer = request.extensions().get::<Peer>().copied();
        let proxies = &active.settings.trusted_proxies;
        Self {
            client: peer.map(|peer| proxies.client(peer, request.headers())),
            active,
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
