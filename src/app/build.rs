//! From the config to the settings of each room.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use secrecy::ExposeSecret as _;

use super::observer::ProcessObserver;
use crate::{
    config::{Config, ConnectionConfig},
    intake::IntakeSettings,
    observer::Observer,
    ops::{OpsParts, OpsToken, Tail},
    queue::{Hook, Reading},
    scim_client::{BreakerSettings, Client, ClientSettings},
    store::Store,
    worker::{Connection, ConnectionSettings, MakeClient, WorkerSettings},
};
use hirewire_core::{event::SourceId, scim::Profile, source::BodyError};

/// What is not in the config: the demo and tests are in more of a hurry.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When a connection's breaker opens.
    pub breaker: BreakerSettings,
    /// How often what is pending and not marked is looked for.
    pub sweep_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            breaker: BreakerSettings::default(),
            sweep_every: Duration::from_secs(30),
        }
    }
}

/// The intake's settings; reads the secrets.
pub(super) fn intake(config: &Config) -> anyhow::Result<IntakeSettings> {
    let mut endpoints = BTreeMap::new();
    for (name, source) in &config.sources {
        let at = || format!("[sources.{name}] secrets");
        let endpoint = source.endpoint().with_context(at)?;
        // Of several kinds of signatures a secret need fit one only (v1 and v1a); of one it must.
        if let [kind] = endpoint.scheme.signatures.as_slice() {
            endpoint
                .secrets
                .iter()
                .try_for_each(|secret| secret.key(kind.key).map(drop))
                .with_context(at)?;
        }
        endpoints.insert(name.clone(), Arc::new(endpoint));
    }
    Ok(IntakeSettings::new(&config.instance, endpoints))
}

/// Makes clients of a connection in whatever dialect is published, with the credentials as they are then.
fn make_client(
    connection: &ConnectionConfig,
    options: &Options,
    observer: &Arc<ProcessObserver>,
) -> anyhow::Result<MakeClient> {
    let observer = Arc::clone(observer) as Arc<dyn Observer>;
    // Read once now, so that a missing secret is told at the start.
    let at_start = connection.client_settings(Arc::clone(&observer))?;
    let (connection, breaker, credentials) =
        (connection.clone(), options.breaker, at_start.credentials);
    Ok(Arc::new(move |profile: Profile| {
        let settings = connection.client_settings(Arc::clone(&observer));
        // What cannot be read just now (a file that is being replaced) is read again when the target refuses.
        let credentials = settings
            .as_ref()
            .map_or(&credentials, |settings| &settings.credentials)
            .clone();
        Client::new(ClientSettings {
            connection: connection.name.clone(),
            base_url: connection.base_url.clone(),
            credentials,
            profile,
            timeout: connection.limits.timeout,
            rate: connection.limits.rate,
            concurrency: connection.limits.concurrency,
            breaker,
            observer: Arc::clone(&observer),
        })
    }))
}

/// The connections' settings. Every secret is read and every client made once, so that a bad one is told at start.
pub(super) fn connections(
    config: &Config,
    options: &Options,
    observer: &Arc<ProcessObserver>,
) -> anyhow::Result<Vec<ConnectionSettings>> {
    let mut settings = Vec::new();
    for (name, connection) in &config.connections {
        let at = || format!("[connections.{name}]");
        let client = make_client(connection, options, observer).with_context(at)?;
        client(connection.document().profile).with_context(at)?;
        let credentials = connection.credentials.clone();
        settings.push(ConnectionSettings {
            name: name.clone(),
            mode: connection.mode,
            sources: connection.sources.iter().cloned().collect(),
            concurrency: connection.limits.concurrency,
            propagation_delay: connection.limits.propagation_delay,
            timeout: connection.limits.timeout,
            budget: 25,
            client,
            credentials: Arc::new(move || credentials.read().ok()),
        });
    }
    Ok(settings)
}

/// The workers' settings.
pub(super) fn worker(
    config: &Config,
    options: &Options,
    observer: &Arc<ProcessObserver>,
) -> anyhow::Result<WorkerSettings> {
    Ok(WorkerSettings {
        connections: connections(config, options, observer)?,
        source_routing: config.source_routing(),
        sources: config.rules().sources,
        sweep_every: options.sweep_every,
        drain: Duration::from_secs(25),
        observer: Arc::clone(observer) as Arc<dyn Observer>,
    })
}

/// What the operators' API is made from.
pub(super) fn ops(
    config: &Config,
    store: &Store,
    connections: &BTreeMap<String, Arc<Connection>>,
    wake: Arc<dyn Fn() + Send + Sync>,
    tail: Tail,
) -> anyhow::Result<OpsParts> {
    let mut tokens = Vec::new();
    for token in &config.ops.tokens {
        let at = || format!("[[ops.tokens]] {}", token.name);
        let text = token.hash.read().with_context(at)?;
        tokens.push(OpsToken {
            name: token.name.clone(),
            role: token.role,
            hash: hash(text.expose_secret().trim())
                .ok_or_else(|| anyhow!("the hash is not 64 hexadecimal digits"))
                .with_context(at)?,
        });
    }
    let (reading, again) = (config.clone(), config.clone());
    Ok(OpsParts {
        instance: config.instance.clone(),
        store: store.clone(),
        connections: connections.clone(),
        source_routing: config.source_routing(),
        sources: config.rules().sources,
        read: Arc::new(move |source, body| read_body(&reading, source, body)),
        read_again: Arc::new(move |hook| read_again(&again, hook)),
        wake,
        tail,
        tokens,
    })
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let digest = hirewire_core::event::ContentDigest::try_from(text.to_ascii_lowercase()).ok()?;
    Some(digest.bytes())
}

/// Reads a body as the named source would send it; `-`: the only source there is.
fn read_body(
    config: &Config,
    name: &str,
    body: &[u8],
) -> Result<(SourceId, Vec<hirewire_core::event::ParsedEvent>), String> {
    let known = || {
        config
            .sources
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join(", ")
    };
    let source = match (name, config.sources.len()) {
        ("-", 1) => config.sources.values().next(),
        ("-", _) => {
            return Err(format!(
                "which source would send it? --source takes one of: {}",
                known()
            ));
        }
        (name, _) => config.sources.get(name),
    };
    let source =
        source.ok_or_else(|| format!("no source is named `{name}` (there are: {})", known()))?;
    let reading = source.preset.read_again(body, &[], &source.origins);
    match reading.error {
        None => Ok((source.id.clone(), reading.events)),
        Some(BodyError::Malformed(why) | BodyError::Unreadable(why)) => {
            Err(format!("it cannot be read: {why}"))
        }
        Some(BodyError::Invalid(problems)) => {
            let told: Vec<String> = problems
                .iter()
                .map(|one| format!("{}: {}", one.pointer, one.problem))
                .collect();
            Err(format!("it is no canonical event: {}", told.join("; ")))
        }
    }
}

/// Reads a kept raw hook by the preset as it is now.
fn read_again(config: &Config, hook: &Hook) -> Reading {
    let Reading::Unreadable { body, headers, .. } = &hook.reading else {
        return hook.reading.clone();
    };
    let still = |reason: String| Reading::Unreadable {
        reason,
        body: body.clone(),
        headers: headers.clone(),
    };
    let Some(source) = config
        .sources
        .values()
        .find(|source| source.id == hook.source)
    else {
        return still(format!(
            "the source {} is not configured any more",
            hook.source
        ));
    };
    let reading = source.preset.read_again(body, headers, &source.origins);
    match reading.error {
        None => Reading::Events(reading.events),
        Some(BodyError::Malformed(why) | BodyError::Unreadable(why)) => still(why),
        Some(BodyError::Invalid(_)) => still("no canonical event".to_owned()),
    }
}
