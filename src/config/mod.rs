//! The settings: one TOML file, read whole or not at all, with every mistake told at once.
//!
//! [`Config::load`] gives a typed [`Config`] or [`Diagnostics`]. The only folder that reads the environment. It opens
//! nothing and connects to nothing; a key of a later version is refused by name, never accepted and ignored.

mod address;
mod connections;
mod diagnostics;
mod environment;
mod mapping;
mod quoted;
mod reader;
mod secret;
mod signature;
mod sources;
mod suggest;
mod tables;
mod units;

#[cfg(test)]
mod config_tests;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use toml::de::DeTable;
use url::Url;

pub use address::{Address, AddressError};
pub use connections::{ConnectionConfig, CredentialsConfig, Limits};
pub use diagnostics::{Diagnostic, Diagnostics, Severity, SourceSpan};
pub use environment::Environment;
pub use secret::{SecretError, SecretSource};
pub use sources::{SourceConfig, SourceSecret};

use crate::{ops::OpsRole, store::{StoreSettings, SourceRouting}};
use hirewire_core::fold::Rules;
use reader::{Reader, Section};

/// Connections to the database of one process: its claims, settles and readers together rarely use more.
const STORE_CONNECTIONS: u32 = 8;

/// Everything that the config says.
#[derive(Clone, Debug)]
pub struct Config {
    /// In the names of queues, in the store, in every message.
    pub instance: String,
    /// Where the embedded queue, `SQLite` and the socket live.
    pub data_dir: PathBuf,
    /// What HR systems reach.
    pub intake: IntakeConfig,
    /// What operators reach.
    pub ops: OpsConfig,
    /// The queue between intake and workers.
    pub queue: QueueConfig,
    /// Facts and accounts.
    pub store: StoreConfig,
    /// HR systems, by name.
    pub sources: BTreeMap<String, SourceConfig>,
    /// SCIM applications, by name.
    pub connections: BTreeMap<String, ConnectionConfig>,
    /// What somebody should look at, though it stops nothing.
    pub warnings: Diagnostics,
}

/// `[intake]`
#[derive(Clone, Debug)]
pub struct IntakeConfig {
    /// Where to listen; port 0: a free one.
    pub listen: SocketAddr,
    /// How HR systems reach it, where that is known.
    pub public_url: Option<Url>,
}

/// `[ops]`
#[derive(Clone, Debug)]
pub struct OpsConfig {
    /// Where to listen; port 0: a free one.
    pub listen: SocketAddr,
    /// Who may use the API; none: the socket is the only way in.
    pub tokens: Vec<OpsTokenConfig>,
}

/// `[[ops.tokens]]`
#[derive(Clone, Debug)]
pub struct OpsTokenConfig {
    /// Whose it is.
    pub name: String,
    /// What they may do.
    pub role: OpsRole,
    /// Hexadecimal SHA-256 of the token.
    pub hash: SecretSource,
}

/// `[queue]`
#[derive(Clone, Debug)]
pub enum QueueConfig {
    /// In `data_dir`.
    Embedded,
    /// A `RabbitMQ` broker.
    Rabbit(Address),
}

/// `[store]`
#[derive(Clone, Debug)]
pub enum StoreConfig {
    /// A file in `data_dir`.
    Sqlite(PathBuf),
    /// `postgres://` or `sqlite://`.
    Url(Address),
}

/// Where the config is: relative paths in it are relative to this folder.
#[derive(Clone, Debug)]
struct ConfigFolder(PathBuf);

impl ConfigFolder {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Config {
    /// Reads the file, and the env file beside it.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, Diagnostics> {
        let file = path.display().to_string();
        let unreadable = |path: &Path, error: &std::io::Error| {
            let title = format!("{} cannot be read", path.display());
            let mistake = Diagnostic::mistake(SourceSpan::File, title, error.to_string());
            Diagnostics::new(
                file.clone(),
                "",
                vec![mistake.help("`hirewire init` writes a config")],
            )
        };
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let mut environment = environment.clone();
        let beside = path.with_extension("env");
        environment
            .add_file(&beside)
            .map_err(|error| unreadable(&beside, &error))?;
        Self::parse(&text, &file, &environment)
    }

    /// Reads a config's text; `file` is its name, for diagnostics and for relative paths.
    pub fn parse(text: &str, file: &str, environment: &Environment) -> Result<Self, Diagnostics> {
        let (table, faults) = DeTable::parse_recoverable(text);
        if !faults.is_empty() {
            let tell = |fault: &toml::de::Error| {
                let place = fault.span().map_or(SourceSpan::File, SourceSpan::Text);
                Diagnostic::mistake(place, "this is not TOML", fault.message())
            };
            return Err(Diagnostics::new(
                file,
                text,
                faults.iter().map(tell).collect(),
            ));
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

    /// What the store is opened with, the password as it is now.
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

    /// Which sources feed which connection, for the store.
    pub fn source_routing(&self) -> SourceRouting {
        let fed = self
            .connections
            .iter()
            .filter(|(_, connection)| !connection.sources.is_empty());
        SourceRouting {
            connections: fed
                .map(|(name, c)| (name.clone(), c.sources.iter().cloned().collect()))
                .collect(),
        }
    }

    /// What the fold must know of the sources; a connection's scope is its own.
    pub fn rules(&self) -> Rules {
        Rules {
            sources: self
                .sources
                .values()
                .map(|source| (source.id.clone(), source.rules()))
                .collect(),
            scope: None,
        }
    }

    /// The webhook URL of a source, as its HR system is to be told.
    pub fn hook_url(&self, source: &str) -> String {
        let base = match &self.intake.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.intake.listen),
        };
        format!("{base}/hooks/{source}")
    }
}
