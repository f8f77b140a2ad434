//! Builds the settings of each module from the config.
//!
//! Every secret is read and every SCIM client is built once, so that a missing secret or a bad URL
//! stops the start or the reload.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use secrecy::ExposeSecret as _;

use super::observer::ProcessObserver;
use crate::{
    config::{Config, ConnectionConfig},
    intake::IntakeSettings,
    observer::Observer,
    ops::{OpsParts, OpsToken, Tail},
    queue::{Hook, Payload},
    scim_client::{BreakerSettings, Client, ClientSettings},
    store::Store,
    telemetry::Metrics,
    worker::{Connection, ConnectionSettings, MakeClient, WorkerSettings},
};
use hirewire_core::{backoff::Backoff, event::SourceId, scim::Profile, source::ContentError};

/// Settings that are not in the config. The demo and the tests use shorter times.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When the breaker of a connection opens, and for how long.
    pub breaker: BreakerSettings,
    /// How often workers look for pending accounts that no notification announced.
    pub sweep_every: Duration,
    /// How long an account waits after a failed request.
    pub backoff: Backoff,
    /// How long a leaver's account may be active before a dead letter is filed.
    pub overdue_after: Duration,
    /// How long after a group was not found it is looked for again.
    pub groups_again_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            breaker: BreakerSettings::default(),
            sweep_every: Duration::from_secs(30),
            backoff: Backoff::ACCOUNT,
            overdue_after: Duration::from_mins(5),
            groups_again_after: Duration::from_hours(1),
        }
    }
}

/// The settings of the intake. Reads the secrets of every source.
pub(super) fn intake(config: &Config) -> anyhow::Result<IntakeSettings> {
    let mut endpoints = BTreeMap::new();
    for (name, source) in &config.sources {
        let context = || format!("[sources.{name}] secrets");
        let endpoint = source.endpoint().with_context(context)?;

        // With several kinds of signatures (v1 and v1a) a secret fits one of them only.
        if let [kind] = endpoint.scheme.signatures.as_slice() {
            endpoint
                .secrets
                .iter()
                .try_for_each(|secret| secret.key(kind.key).map(drop))
                .with_context(context)?;
        }

        endpoints.insert(name.clone(), Arc::new(endpoint));
    }
    Ok(IntakeSettings {
        trusted_proxies: config.intake.trusted_proxies.clone(),
        ..IntakeSettings::new(&config.instance, endpoints)
    })
}

/// Returns a function that builds the SCIM client of a connection for a published profile.
fn make_client(
    connection: &ConnectionConfig,
    options: &Options,
    observer: &Arc<ProcessObserver>,
) -> anyhow::Result<MakeClient> {
    let observer = Arc::clone(observer) as Arc<dyn Observer>;
    let first = connection.client_settings(Arc::clone(&observer))?;
    let (connection, breaker) = (connection.clone(), options.breaker);
    let (credentials, transport) = (first.credentials, first.transport);

    Ok(Arc::new(move |profile: Profile| {
        let settings = connection.client_settings(Arc::clone(&observer));
        // A secret file may be missing while it is replaced: the client then starts with the last
        // credentials, and reads them again when the target refuses them.
        let (credentials, transport) = match &settings {
            Ok(settings) => (&settings.credentials, &settings.transport),
            Err(_) => (&credentials, &transport),
        };

        Client::new(ClientSettings {
            connection: connection.name.clone(),
            base_url: connection.base_url.clone(),
            credentials: credentials.clone(),
            profile,
            timeout: connection.limits.timeout,
            rate: connection.limits.rate,
            concurrency: connection.limits.concurrency,
            breaker,
            transport: transport.clone(),
            observer: Arc::clone(&observer),
        })
    }))
}

/// The settings of every connection.
pub(super) fn connections(
    config: &Config,
    options: &Options,
    observer: &Arc<ProcessObserver>,
) -> anyhow::Result<Vec<ConnectionSettings>> {
    let mut settings = Vec::new();
    for (name, connection) in &config.connections {
        let context = || format!("[connections.{name}]");
        let client = make_client(connection, options, observer).with_context(context)?;
        client(connection.document().profile).with_context(context)?;

        let credentials = connection.credentials.clone();
        settings.push(ConnectionSettings {
            name: name.clone(),
            mode: connection.mode,
            sources: connection.sources.iter().cloned().collect(),
            concurrency: connection.limits.concurrency,
            propagation_delay: connection.limits.propagation_delay,
            timeout: connection.limits.timeout,
            advice: config
                .sources
                .values()
                .map(|source| (source.id.clone(), source.preset.advice.clone()))
                .collect(),
            budget: 25,
            backoff: options.backoff,
            client,
            credentials: Arc::new(move || credentials.read().ok()),
        });
    }
    Ok(settings)
}

/// The settings of the workers.
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
        overdue_after: options.overdue_after,
        groups_again_after: options.groups_again_after,
        drain: Duration::from_secs(25),
        observer: Arc::clone(observer) as Arc<dyn Observer>,
    })
}

/// The parts of the operators' API.
pub(super) fn ops(
    config: &Config,
    store: &Store,
    connections: &BTreeMap<String, Arc<Connection>>,
    notify_pending: Arc<dyn Fn() + Send + Sync>,
    (tail, metrics): (Tail, Metrics),
) -> anyhow::Result<OpsParts> {
    let mut tokens = Vec::new();
    for token in &config.ops.tokens {
        let context = || format!("[[ops.tokens]] {}", token.name);
        let text = token.hash.read().with_context(context)?;
        tokens.push(OpsToken {
            name: token.name.clone(),
            role: token.role,
            hash: hash(text.expose_secret().trim())
                .ok_or_else(|| anyhow!("the hash is not 64 hexadecimal digits"))
                .with_context(context)?,
        });
    }

    let (for_bodies, for_hooks) = (config.clone(), config.clone());
    Ok(OpsParts {
        instance: config.instance.clone(),
        store: store.clone(),
        connections: connections.clone(),
        source_routing: config.source_routing(),
        sources: config.rules().sources,
        read_body: Arc::new(move |source, body| read_body(&for_bodies, source, body)),
        reread_hook: Arc::new(move |hook| read_again(&for_hooks, hook)),
        notify_pending,
        tail,
        metrics,
        trusted_proxies: config.intake.trusted_proxies.clone(),
        tokens,
    })
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let digest = hirewire_core::event::ContentDigest::try_from(text.to_ascii_lowercase()).ok()?;
    Some(digest.bytes())
}

/// Reads a body as the named source would send it. `-` stands for the only source of the config.
fn read_body(
    config: &Config,
    name: &str,
    body: &[u8],
) -> Result<(SourceId, Vec<hirewire_core::event::ParsedEvent>), String> {
    let source = match (name, config.sources.len()) {
        ("-", 1) => config.sources.values().next(),
        ("-", _) => {
            return Err(format!(
                "the config has several sources: name one with --source ({})",
                source_names(config)
            ));
        }
        (name, _) => config.sources.get(name),
    };
    let source = source.ok_or_else(|| {
        format!(
            "no source has the name `{name}`; the config has: {}",
            source_names(config)
        )
    })?;

    let reading = source.preset.read_again(body, &[], &source.origins);
    match reading.error {
        None => Ok((source.id.clone(), reading.events)),
        Some(ContentError::Malformed(reason) | ContentError::Unreadable(reason)) => {
            Err(format!("the body cannot be read: {reason}"))
        }
        Some(ContentError::Invalid(problems)) => {
            let problems: Vec<String> = problems
                .iter()
                .map(|one| format!("{}: {}", one.pointer, one.problem))
                .collect();
            Err(format!(
                "the body is not a canonical event: {}",
                problems.join("; ")
            ))
        }
    }
}

fn source_names(config: &Config) -> String {
    let names: Vec<&str> = config.sources.keys().map(String::as_str).collect();
    names.join(", ")
}

/// Reads the raw body of an unreadable hook again, with the preset of the current config.
fn read_again(config: &Config, hook: &Hook) -> Payload {
    let Payload::Unreadable { body, headers, .. } = &hook.payload else {
        return hook.payload.clone();
    };
    let unreadable = |reason: String| Payload::Unreadable {
        reason,
        body: body.clone(),
        headers: headers.clone(),
    };

    let source = config
        .sources
        .values()
        .find(|source| source.id == hook.source);
    let Some(source) = source else {
        return unreadable(format!(
            "the config no longer has the source {}",
            hook.source
        ));
    };

    let reading = source.preset.read_again(body, headers, &source.origins);
    match reading.error {
        None => Payload::Events(reading.events),
        Some(ContentError::Malformed(reason) | ContentError::Unreadable(reason)) => {
            unreadable(reason)
        }
        Some(ContentError::Invalid(_)) => unreadable("not a canonical event".to_owned()),
    }
}
