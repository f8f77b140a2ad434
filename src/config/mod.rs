//! The config: one TOML file, read as a whole or refused as a whole, with every mistake reported.
//!
//! [`Config::load`] returns a typed [`Config`] or the [`Diagnostics`]. This is the only module that
//! reads environment variables. It opens no connection. A key of a later version is refused by
//! name, never accepted and ignored.

mod address;
mod broker_tls;
mod connections;
mod contradictions;
mod diagnostics;
mod dialect;
mod environment;
mod foreign_file;
mod mapping;
mod quoted;
mod reader;
mod rules;
mod secret;
mod section;
mod signature;
mod source_secrets;
mod sources;
mod store_tls;
mod suggest;
mod tables;
mod tls;
mod transport;
mod units;
mod values;

#[cfg(test)]
mod config_tests;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use toml::de::DeTable;
use url::Url;

pub(crate) use address::Address;
pub use address::AddressError;
pub use connections::ConnectionConfig;
pub use diagnostics::Diagnostics;
pub(crate) use diagnostics::{Diagnostic, Severity, SourceSpan};
pub use environment::Environment;
pub use secret::SecretError;
pub(crate) use secret::SecretSource;
pub(crate) use sources::SourceConfig;

use crate::{
    http::TrustedProxies,
    ops::OpsRole,
    queue::{BrokerTls, RabbitSettings},
    store::{SourceRouting, StoreSettings},
};
use hirewire_core::fold::Rules;
use reader::Reader;
use section::Section;

/// Database connections of one process: its claims, commits and queries rarely use more at a time.
const STORE_CONNECTIONS: u32 = 8;

/// A config without mistakes.
#[derive(Clone, Debug)]
pub struct Config {
    /// Part of the names of queues; also in the store and in every message. 1 to 32 characters.
    pub(crate) instance: String,
    /// The directory of the embedded queue, the `SQLite` store and the operators' socket.
    pub data_dir: PathBuf,
    /// The listener for hooks.
    pub(crate) intake: IntakeConfig,
    /// The listener for operators, and their tokens.
    pub(crate) ops: OpsConfig,
    /// The queue between intake and workers.
    pub(crate) queue: QueueConfig,
    /// The database of events and accounts.
    pub(crate) store: StoreConfig,
    /// HR systems, by the name of their table.
    pub(crate) sources: BTreeMap<String, SourceConfig>,
    /// SCIM applications, by the name of their table.
    pub connections: BTreeMap<String, ConnectionConfig>,
    /// Findings that do not keep the config from being used.
    pub(crate) warnings: Diagnostics,
}

/// `[intake]`: the listener for hooks.
#[derive(Clone, Debug)]
pub(crate) struct IntakeConfig {
    /// The address to bind; port 0 takes a free port.
    pub(crate) listen: SocketAddr,
    /// The base URL under which HR systems reach the intake, for messages only.
    pub(crate) public_url: Option<Url>,
    /// The proxies in front of the listeners, which name the client of a request.
    pub(crate) trusted_proxies: TrustedProxies,
}

/// `[ops]`: the listener for health, metrics and the API.
#[derive(Clone, Debug)]
pub(crate) struct OpsConfig {
    /// The address to bind; port 0 takes a free port.
    pub(crate) listen: SocketAddr,
    /// The tokens of the API; without any, the API is on the socket only.
    pub(crate) tokens: Vec<OpsTokenConfig>,
}

/// `[[ops.tokens]]`: one person's access to the API over TCP.
#[derive(Clone, Debug)]
pub(crate) struct OpsTokenConfig {
    /// The actor's name in the history; unique.
    pub(crate) name: String,
    /// The actions that this token allows.
    pub(crate) role: OpsRole,
    /// The SHA-256 of the token, in 64 hexadecimal digits.
    pub(crate) hash: SecretSource,
}

/// `[queue]`: embedded, or `RabbitMQ`.
#[derive(Clone, Debug)]
pub(crate) enum QueueConfig {
    /// A file in `data_dir`.
    Embedded,
    /// A `RabbitMQ` broker.
    Rabbit(Address),
}

/// `[store]`: `SQLite` or `PostgreSQL`.
#[derive(Clone, Debug)]
pub(crate) enum StoreConfig {
    /// The `SQLite` file in `data_dir`.
    Sqlite(PathBuf),
    /// A URL: `postgres://` or `sqlite://`.
    Url(Address),
}

/// The folder of the config file; relative paths in the config start here.
#[derive(Clone, Debug)]
struct ConfigFolder(PathBuf);

impl ConfigFolder {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Config {
    /// Reads the config file, and the env file of the same name (`.env`) beside it.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, Diagnostics> {
        let file = path.display().to_string();
        let unreadable = |path: &Path, error: &std::io::Error| {
            let title = format!("{} cannot be read", path.display());
            let mistake = Diagnostic::mistake(SourceSpan::File, title, error.to_string());
            let help = "name the file with --config, or write a new one with `hirewire init`";
            Diagnostics::new(file.clone(), "", vec![mistake.help(help)])
        };

        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;

        let mut environment = environment.clone();
        let env_file = path.with_extension("env");
        environment
            .add_file(&env_file)
            .map_err(|error| unreadable(&env_file, &error))?;

        let parsed = Self::parse(&text, &file, &environment);
        match (parsed, readable_by_others(&env_file)) {
            (Ok(config), Some(warning)) => Ok(Self {
                warnings: config.warnings.with(warning),
                ..config
            }),
            (Err(found), Some(warning)) => Err(found.with(warning)),
            (parsed, None) => parsed,
        }
    }

    /// Parses the text of a config. Diagnostics name `file`, and relative paths start in its
    /// folder.
    pub fn parse(text: &str, file: &str, environment: &Environment) -> Result<Self, Diagnostics> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let all = errors.iter().map(not_toml).collect();
            return Err(Diagnostics::new(file, text, all));
        }

        let reader = Reader::new(text, environment);
        let folder = ConfigFolder(
            Path::new(file)
                .parent()
                .map(Path::to_owned)
                .unwrap_or_default(),
        );
        let config = tables::config(
            Section::new(&reader, String::new(), table.get_ref(), SourceSpan::File),
            &folder,
        );

        let found = Diagnostics::new(file, text, reader.finish());
        match config {
            Some(config) if found.mistakes() == 0 => Ok(Self {
                warnings: found,
                ..config
            }),
            Some(_) | None => Err(found),
        }
    }

    /// The settings to open the store with. Reads the password anew.
    pub fn store_settings(&self) -> Result<StoreSettings, AddressError> {
        let url = match &self.store {
            StoreConfig::Sqlite(path) => format!("sqlite://{}", path.display()).into(),
            StoreConfig::Url(address) => address.url()?,
        };
        Ok(StoreSettings {
            url,
            instance: self.instance.clone(),
            connections: STORE_CONNECTIONS,
        })
    }

    /// The settings of the broker at this address. Reads secrets and files anew.
    pub(crate) fn broker_settings(
        &self,
        address: &Address,
    ) -> Result<RabbitSettings, AddressError> {
        let pem = address.tls.pem()?;
        let tls = BrokerTls {
            ca_pem: pem.ca,
            client: pem.client,
        };
        Ok(RabbitSettings {
            tls,
            ..RabbitSettings::new(address.url()?, &self.instance)
        })
    }

    /// The sources of each connection, for the store.
    pub(crate) fn source_routing(&self) -> SourceRouting {
        let with_sources = self
            .connections
            .iter()
            .filter(|(_, connection)| !connection.sources.is_empty());

        SourceRouting {
            connections: with_sources
                .map(|(name, c)| (name.clone(), c.sources.iter().cloned().collect()))
                .collect(),
        }
    }

    /// The rules of every source, for the fold. The scope is left open: each connection sets its
    /// own.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            sources: self
                .sources
                .values()
                .map(|source| (source.id.clone(), source.rules()))
                .collect(),
            scope: None,
        }
    }

    /// The URL to enter at the HR system of this source.
    pub(crate) fn hook_url(&self, source: &str) -> String {
        let base = match &self.intake.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.intake.listen),
        };
        format!("{base}/hooks/{source}")
    }
}

/// A warning about an env file that other users of the machine may read.
fn readable_by_others(env_file: &Path) -> Option<Diagnostic> {
    let mode = fs::metadata(env_file).ok()?.permissions().mode() & 0o777;
    let warning = Diagnostic::warning(
        SourceSpan::File,
        format!(
            "other users may read {} (mode {mode:04o})",
            env_file.display()
        ),
        "it holds secrets",
    );
    (mode & 0o077 != 0).then(|| warning.help(format!("chmod 600 {}", env_file.display())))
}

fn not_toml(error: &toml::de::Error) -> Diagnostic {
    let span = error.span().map_or(SourceSpan::File, SourceSpan::Text);
    Diagnostic::mistake(span, "this is not TOML", error.message())
}
