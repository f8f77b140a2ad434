//! A connection as a worker holds it: how it is reached, and the published mapping and client it works by.
//!
//! Every worker uses what the store has published, never its own file's mapping: a client is made anew, in the
//! dialect that was published, whenever the published version moves.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;
use tokio::time::Instant;

use crate::{
    failpoint,
    scim_client::{Client, ClientError, Credentials},
    store::{Store, StoreError},
};
use hirewire_core::{
    event::SourceId,
    fold::{Rules, SourceRules},
    mapping::{Mapping, MappingDocument},
    scim::Profile,
};

/// Whether a connection's plans are executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Plans are recorded as what would be sent; nothing is written to the target.
    #[default]
    Observe,
    /// Plans are executed.
    Apply,
}

/// Makes the client of a connection in a dialect.
pub type MakeClient = Arc<dyn Fn(Profile) -> Result<Client, ClientError> + Send + Sync>;

/// Reads the credentials of a connection again.
pub type ReadCredentials = Arc<dyn Fn() -> Option<Credentials> + Send + Sync>;

/// What a worker must know of a connection.
#[derive(Clone)]
pub struct ConnectionSettings {
    /// Its name.
    pub name: String,
    /// Whether plans are carried out.
    pub mode: Mode,
    /// Sources whose people get accounts here.
    pub sources: BTreeSet<SourceId>,
    /// How many accounts are reconciled at a time.
    pub concurrency: usize,
    /// After an unclear write, how long until what the target shows can be believed.
    pub propagation_delay: Duration,
    /// The total deadline of a request.
    pub timeout: Duration,
    /// After how many failed attempts in a row a letter is filed.
    pub budget: u32,
    /// Makes its client.
    pub client: MakeClient,
    /// Its credentials as they are now; `None`: they cannot be read.
    pub credentials: ReadCredentials,
}

impl fmt::Debug for ConnectionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSettings")
            .field("name", &self.name)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// What a connection works by: one published version of its mapping, and a client in its dialect.
#[derive(Clone, Debug)]
pub struct Live {
    /// The version.
    pub version: i64,
    /// The mapping.
    pub mapping: Arc<Mapping>,
    /// The client.
    pub client: Arc<Client>,
}

/// Why nothing can be done on a connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is published cannot be used by this binary.
    #[error("the published mapping cannot be used: {0}")]
    Mapping(String),
    /// The client cannot be made.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A connection of a worker.
#[derive(Debug)]
pub struct Connection {
    /// How it is set up.
    pub settings: ConnectionSettings,
    rules: Rules,
    live: RwLock<Option<Live>>,
    /// Ids of groups by name, as last asked for.
    pub(super) groups: RwLock<BTreeMap<String, (Instant, String)>>,
    missing: AtomicU32,
}

impl Connection {
    /// A connection that has sent nothing yet. `sources`: what the fold must know of each source.
    pub fn new(settings: ConnectionSettings, sources: &BTreeMap<SourceId, SourceRules>) -> Self {
        let rules = Rules {
            sources: sources.clone(),
            scope: Some(settings.sources.clone()),
        };
        Self {
            settings,
            rules,
            live: RwLock::new(None),
            groups: RwLock::new(BTreeMap::new()),
            missing: AtomicU32::new(0),
        }
    }

    /// What the fold is told: only employments of this connection's sources count.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// A lease that outlasts any one request with room to spare.
    pub fn lease(&self) -> Duration {
        (self.settings.timeout * 3).max(failpoint::lease_floor(Duration::from_secs(30)))
    }

    /// The mapping and client of that published version; `None`: nothing is published.
    pub async fn live(
        &self,
        store: &Store,
        version: Option<i64>,
    ) -> Result<Option<Live>, ConnectionError> {
        if let Some(live) = self.live.read().await.as_ref()
            && version.is_none_or(|version| version == live.version)
        {
            return Ok(Some(live.clone()));
        }
        let mut held = self.live.write().await;
        let published = store
            .mappings()
            .await?
            .into_iter()
            .find(|mapping| mapping.connection == self.settings.name);
        let Some(published) = published else {
            return Ok(None);
        };
        if let Some(live) = held
            .as_ref()
            .filter(|live| live.version == published.version)
        {
            return Ok(Some(live.clone()));
        }
        let document: MappingDocument = serde_json::from_str(&published.document)
            .map_err(|error| ConnectionError::Mapping(error.to_string()))?;
        let client = (self.settings.client)(document.profile.clone())?;
        let mapping = Mapping::compile(document).map_err(|faults| {
            let first = faults
                .first()
                .map(|fault| format!("{}: {}", fault.at.join("."), fault.problem));
            ConnectionError::Mapping(first.unwrap_or_default())
        })?;
        let live = Live {
            version: published.version,
            mapping: Arc::new(mapping),
            client: Arc::new(client),
        };
        self.groups.write().await.clear();
        *held = Some(live.clone());
        Ok(Some(live))
    }

    /// A bound user was not there; whether others were missing just before.
    pub(super) fn one_more_missing(&self) -> bool {
        self.missing.fetch_add(1, Ordering::Relaxed) >= 3
    }

    /// A bound user was there.
    pub(super) fn none_missing(&self) {
        self.missing.store(0, Ordering::Relaxed);
    }
}
