//! What the intake must know of each source, and its own limits.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hirewire_core::{
    event::SourceId,
    source::{Preset, Scheme, Secret},
};

/// Settings of the intake.
#[derive(Clone, Debug)]
pub struct IntakeSettings {
    /// The instance, in every message.
    pub instance: String,
    /// The sources, by their name in the URL.
    pub sources: BTreeMap<String, Arc<SourceEndpoint>>,
    /// Most bytes of a body.
    pub body_limit: usize,
    /// Most requests at once; one more is answered 503.
    pub in_flight: usize,
    /// How long a body may take to come.
    pub read_timeout: Duration,
    /// How long the queue may take to confirm; after that 503.
    pub confirm_deadline: Duration,
    /// How long hooks that do not fill a message wait for the confirm of the message before, to share one.
    pub gather: Duration,
}

impl IntakeSettings {
    /// With the usual limits: 1 MiB, 1024 at once, 10 s to read, 2 s to confirm (Personio waits 3 s in
    /// all), 20 ms to gather.
    pub fn new(
        instance: impl Into<String>,
        sources: BTreeMap<String, Arc<SourceEndpoint>>,
    ) -> Self {
        Self {
            instance: instance.into(),
            sources,
            body_limit: 1024 * 1024,
            in_flight: 1024,
            read_timeout: Duration::from_secs(10),
            confirm_deadline: Duration::from_secs(2),
            gather: Duration::from_millis(20),
        }
    }
}

/// The endpoint of one source.
#[derive(Clone, Debug)]
pub struct SourceEndpoint {
    /// Its id, in every event's key.
    pub id: SourceId,
    /// What its bodies mean.
    pub preset: Arc<Preset>,
    /// How it signs.
    pub scheme: Scheme,
    /// Its secrets; while rotating, several.
    pub secrets: Vec<Secret>,
    /// If any: the only `CloudEvents` `source`s that its canonical events may have.
    pub origins: Vec<String>,
    /// Whether it is open; closed, its hooks are answered 503.
    pub enabled: bool,
}
