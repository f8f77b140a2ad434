//! The settings of the intake: its limits, and the endpoint of each source.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::http::TrustedProxies;
use hirewire_core::{
    event::SourceId,
    source::{Preset, Scheme, Secret},
};

/// The settings of the intake.
#[derive(Clone, Debug)]
pub(crate) struct IntakeSettings {
    /// The instance, which every message carries.
    pub instance: String,
    /// The endpoints, by the source's name in the URL.
    pub sources: BTreeMap<String, Arc<SourceEndpoint>>,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// How many bytes the bodies of all requests may take together, beside the first 16 KiB of each.
    /// Changes of it need a restart.
    pub body_budget: usize,
    /// The proxies that name the client of a request, for the log.
    pub trusted_proxies: TrustedProxies,
    /// How many requests may be in flight. One more is answered 503.
    pub in_flight: usize,
    /// How long a body may take to arrive.
    pub read_timeout: Duration,
    /// How long a hook may wait for the confirm of its message. After that it is answered 503.
    pub confirm_deadline: Duration,
    /// How long a hook may wait for further hooks to share its message, while the queue has not
    /// confirmed the message before.
    pub max_batch_delay: Duration,
}

impl IntakeSettings {
    /// The default limits: 1 MiB, 1024 requests in flight with 64 MiB of bodies together, 10 s to
    /// read, 2 s to confirm, and 20 ms for a batch. The 2 s leave time for the rest: Personio ends a hook request after 3 s.
    pub fn new(
        instance: impl Into<String>,
        sources: BTreeMap<String, Arc<SourceEndpoint>>,
    ) -> Self {
        Self {
            instance: instance.into(),
            sources,
            body_limit: 1024 * 1024,
            body_budget: 48 * 1024 * 1024,
            trusted_proxies: TrustedProxies::default(),
            in_flight: 1024,
            read_timeout: Duration::from_secs(10),
            confirm_deadline: Duration::from_secs(2),
            max_batch_delay: Duration::from_millis(20),
        }
    }
}

/// The endpoint of one source.
#[derive(Clone, Debug)]
pub struct SourceEndpoint {
    /// The source's id: a part of the key of each of its events.
    pub id: SourceId,
    /// How its bodies are read.
    pub preset: Arc<Preset>,
    /// How it signs its requests.
    pub scheme: Scheme,
    /// Its secrets: several while they are rotated.
    pub secrets: Vec<Secret>,
    /// If not empty, its canonical events must have one of these `CloudEvents` `source`s.
    pub origins: Vec<String>,
    /// If false, its hooks are answered 503.
    pub enabled: bool,
}
