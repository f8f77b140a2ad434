//! From the config to the settings of each room.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use secrecy::ExposeSecret as _;

use super::watch::Watch;
use crate::{
    config::{Config, ConnectionConfig, Mode as ConfiguredMode, Role as ConfiguredRole, StoreConfig},
    event::SourceId,
    fold::SourceRules,
    intake::{IntakeSettings, SourceDoor},
    ops::{OpsParts, OpsToken, Role, Tail},
    queue::{Hook, Reading},
    scim::Profile,
    source::Trouble,
    store::{Store, StoreSettings, Wiring},
    target::{BreakerSettings, Client, ClientSettings, Observer},
    worker::{Connection, ConnectionSettings, MakeClient, Mode, WorkerSettings},
};

/// What is not in the config: the demo and tests are in more of a hurry.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When a connection's breaker opens.
    pub breaker: BreakerSettings,
    /// How often what is owed and not marked is looked for.
    pub sweep_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { breaker: BreakerSettings::default(), sweep_every: Duration::from_secs(30) }
    }
}

/// The intake's settings; reads the secrets.
pub(super) fn intake(config: &Config) -> anyhow::Result<IntakeSettings> {
    let mut doors = BTreeMap::new();
    for (name, source) in &config.sources {
        let secrets = source.secrets().with_context(|| format!("[sources.{name}] secrets"))?;
        for secret in &secrets {
            for kind in &source.scheme.signatures {
                // Of several kinds a secret need fit one only (v1 and v1a); of one it must.
                if source.scheme.signatures.len() == 1 {
                    secret.key(kind.key).with_context(|| format!("[sources.{name}] secrets"))?;
                }
            }
        }
        let door = SourceDoor {
            id: source.id.clone(),
            preset: Arc::new(source.preset.clone()),
            scheme: source.scheme.clone(),
            secrets,
            origins: source.origins.clone(),
            enabled: source.enabled,
        };
        doors.insert(name.clone(), Arc::new(door));
    }
    Ok(IntakeSettings::new(&config.instance, doors))
}

/// Where the store is.
pub(super) fn store(config: &Config) -> anyhow::Result<StoreSettings> {
    let url = match &config.store {
        StoreConfig::Sqlite(path) => format!("sqlite://{}", path.display()).into(),
        StoreConfig::Url(address) => address.url().context("[store] url")?,
    };
    Ok(StoreSettings { url, instance: config.instance.clone(), connections: 16 })
}

fn make_client(name: &str, connection: &ConnectionConfig, options: &Options, watch: &Arc<Watch>) -> MakeClient {
    let (name, base_url, limits) = (name.to_owned(), connection.base_url.clone(), connection.limits);
    let (credentials, breaker) = (connection.credentials.clone(), options.breaker);
    let observer = Arc::clone(watch);
    Arc::new(move |profile: Profile| {
        Client::new(ClientSettings {
            connection: name.clone(),
            base_url: base_url.clone(),
            // What cannot be read now (a file that is being replaced) is read again when the target refuses.
            credentials: credentials.read().unwrap_or(crate::target::Credentials::Token("".into())),
            profile,
            timeout: limits.timeout,
            rate: limits.rate,
            concurrency: limits.concurrency,
            breaker,
            observer: Arc::clone(&observer) as Arc<dyn Observer>,
        })
    })
}

/// The connections' settings. Every secret is read and every client made once, so that a bad one is told at start.
pub(super) fn connections(
    config: &Config,
    options: &Options,
    watch: &Arc<Watch>,
) -> anyhow::Result<Vec<ConnectionSettings>> {
    let mut settings = Vec::new();
    for (name, connection) in &config.connections {
        let at = || format!("[connections.{name}]");
        connection.credentials.read().with_context(at)?;
        let client = make_client(name, connection, options, watch);
        client(connection.document().profile).with_context(at)?;
        let credentials = connection.credentials.clone();
        settings.push(ConnectionSettings {
            name: name.clone(),
            mode: match connection.mode {
                ConfiguredMode::Apply => Mode::Apply,
                ConfiguredMode::Observe => Mode::Observe,
            },
            sources: connection.sources.iter().cloned().collect(),
            concurrency: connection.limits.concurrency,
            settle: connection.limits.settle,
            timeout: connection.limits.timeout,
            budget: 25,
            client,
            credentials: Arc::new(move || credentials.read().ok()),
        });
    }
    Ok(settings)
}

fn wiring(config: &Config) -> Wiring {
    let fed = |connection: &ConnectionConfig| connection.sources.iter().cloned().collect::<BTreeSet<SourceId>>();
    Wiring { connections: config.connections.iter().map(|(name, one)| (name.clone(), fed(one))).collect() }
}

fn rules(config: &Config) -> BTreeMap<SourceId, SourceRules> {
    config.sources.values().map(|source| (source.id.clone(), source.rules())).collect()
}

/// The workers' settings.
pub(super) fn worker(config: &Config, options: &Options, watch: &Arc<Watch>) -> anyhow::Result<WorkerSettings> {
    Ok(WorkerSettings {
        connections: connections(config, options, watch)?,
        wiring: wiring(config),
        sources: rules(config),
        sweep_every: options.sweep_every,
        drain: Duration::from_secs(25),
        watcher: Arc::clone(watch) as Arc<dyn crate::worker::Watcher>,
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
            role: match token.role {
                ConfiguredRole::Viewer => Role::Viewer,
                ConfiguredRole::Operator => Role::Operator,
                ConfiguredRole::Admin => Role::Admin,
            },
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
        wiring: wiring(config),
        sources: rules(config),
        read: Arc::new(move |source, body| read_body(&reading, source, body)),
        read_again: Arc::new(move |hook| read_again(&again, hook)),
        wake,
        tail,
        tokens,
    })
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let digest = crate::event::ContentDigest::try_from(text.to_ascii_lowercase()).ok()?;
    Some(digest.bytes())
}

/// Reads a body as the named source would send it; `-`: the only source there is.
fn read_body(config: &Config, name: &str, body: &[u8]) -> Result<(SourceId, Vec<crate::event::ReadEvent>), String> {
    let known = || config.sources.keys().cloned().collect::<Vec<_>>().join(", ");
    let source = match (name, config.sources.len()) {
        ("-", 1) => config.sources.values().next(),
        ("-", _) => return Err(format!("which source would send it? --source takes one of: {}", known())),
        (name, _) => config.sources.get(name),
    };
    let source = source.ok_or_else(|| format!("no source is named `{name}` (there are: {})", known()))?;
    let reading = source.preset.read_again(body, &[], &source.origins);
    match reading.trouble {
        None => Ok((source.id.clone(), reading.events)),
        Some(Trouble::Malformed(why) | Trouble::Unreadable(why)) => Err(format!("it cannot be read: {why}")),
        Some(Trouble::Invalid(problems)) => {
            let told: Vec<String> = problems.iter().map(|one| format!("{}: {}", one.pointer, one.problem)).collect();
            Err(format!("it is no canonical event: {}", told.join("; ")))
        }
    }
}

/// Reads a kept raw hook by the preset as it is now.
fn read_again(config: &Config, hook: &Hook) -> Reading {
    let Reading::Unreadable { body, headers, .. } = &hook.reading else { return hook.reading.clone() };
    let still = |reason: String| Reading::Unreadable { reason, body: body.clone(), headers: headers.clone() };
    let Some(source) = config.sources.values().find(|source| source.id == hook.source) else {
        return still(format!("the source {} is not configured any more", hook.source));
    };
    let reading = source.preset.read_again(body, headers, &source.origins);
    match reading.trouble {
        None => Reading::Events(reading.events),
        Some(Trouble::Malformed(why) | Trouble::Unreadable(why)) => still(why),
        Some(Trouble::Invalid(_)) => still("no canonical event".to_owned()),
    }
}
