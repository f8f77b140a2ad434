//! A connection in a worker: its settings, and the mapping and client as the store publishes them.
//!
//! Every worker uses the published mapping, never that of its own file. When the published version
//! moves, the worker compiles the new mapping and builds a client in its dialect.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use super::target_memory::TargetMemory;
use crate::{
    failpoint,
    scim_client::{Client, ClientError, Credentials},
    store::{PublishedMapping, Store, StoreError},
};
use hirewire_core::{
    backoff::Backoff,
    event::SourceId,
    fold::{Rules, SourceRules},
    mapping::{Mapping, MappingDocument},
    plan::Probe,
    scim::Profile,
};

/// So many other users are read to tell a wrong target from one missing user.
const OTHER_USERS: usize = 10;

/// How long a read of another user may take before the target counts as down.
const OTHER_USER_DEADLINE: Duration = Duration::from_secs(5);

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

/// Builds the client of a connection for the dialect of a profile.
pub(crate) type MakeClient = Arc<dyn Fn(Profile) -> Result<Client, ClientError> + Send + Sync>;

/// Reads the credentials of a connection again, after a rotation; `None`: they cannot be read.
pub(crate) type ReadCredentials = Arc<dyn Fn() -> Option<Credentials> + Send + Sync>;

/// The settings of a connection, from the config.
#[derive(Clone)]
pub(crate) struct ConnectionSettings {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    /// Sources whose people get accounts here.
    pub(crate) sources: BTreeSet<SourceId>,
    /// How many accounts are reconciled at a time.
    pub(crate) concurrency: usize,
    /// How long a write may take to show at the target.
    pub(crate) propagation_delay: Duration,
    /// The total deadline of a request.
    pub(crate) timeout: Duration,
    /// The remedy at each source for a finding, by the name of the finding.
    pub(crate) advice: BTreeMap<SourceId, BTreeMap<String, String>>,
    /// The number of failed attempts in a row after which a dead letter is filed.
    pub(crate) budget: u32,
    /// How long an account waits after a failed attempt.
    pub(crate) backoff: Backoff,
    pub(crate) client: MakeClient,
    pub(crate) credentials: ReadCredentials,
}

impl fmt::Debug for ConnectionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSettings")
            .field("name", &self.name)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// One published version of a connection's mapping, with a client in its dialect.
#[derive(Clone, Debug)]
pub(crate) struct PublishedConnection {
    pub(crate) version: i64,
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) client: Arc<Client>,
    /// The client for reads that people ask for.
    people_client: Arc<Client>,
    pub(super) memory: Arc<TargetMemory>,
}

impl PublishedConnection {
    /// The same with the small pace of people: for previews and tests.
    pub(crate) fn for_people(&self) -> Self {
        Self {
            client: Arc::clone(&self.people_client),
            ..self.clone()
        }
    }
}

/// Why a connection cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This binary cannot compile the published mapping.
    #[error("the published mapping cannot be used: {0}")]
    Mapping(String),
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A connection of a worker.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) settings: ConnectionSettings,
    rules: Rules,
    published: RwLock<Option<PublishedConnection>>,
    memory: Arc<TargetMemory>,
}

impl Connection {
    /// `sources`: what the fold must know of each source.
    pub(crate) fn new(
        settings: ConnectionSettings,
        sources: &BTreeMap<SourceId, SourceRules>,
    ) -> Self {
        let rules = Rules {
            sources: sources.clone(),
            scope: Some(settings.sources.clone()),
        };

        Self {
            settings,
            rules,
            published: RwLock::new(None),
            memory: Arc::default(),
        }
    }

    /// The rules of the fold: only employments of this connection's sources count.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The length of a lease: longer than any one request may take.
    pub(crate) fn lease(&self) -> Duration {
        (self.settings.timeout * 3).max(failpoint::lease_floor(Duration::from_secs(30)))
    }

    /// The mapping and client of this version, or of the newest one if that has moved on or if
    /// `version` is `None`. `None`: no mapping is published.
    pub(crate) async fn published(
        &self,
        store: &Store,
        version: Option<i64>,
    ) -> Result<Option<PublishedConnection>, ConnectionError> {
        if let Some(known) = self.published.read().await.as_ref()
            && version.is_none_or(|version| version == known.version)
        {
            return Ok(Some(known.clone()));
        }

        let mut slot = self.published.write().await;
        let newest = store
            .mappings()
            .await?
            .into_iter()
            .find(|mapping| mapping.connection == self.settings.name);
        let Some(newest) = newest else {
            return Ok(None);
        };
        // Another task may have built it while this one waited for the lock.
        if let Some(known) = slot
            .as_ref()
            .filter(|known| known.version == newest.version)
        {
            return Ok(Some(known.clone()));
        }

        let published = self.build(&newest)?;
        self.memory.forget_groups().await;
        *slot = Some(published.clone());
        Ok(Some(published))
    }

    /// Reads the credentials again. Returns whether they differ from those that were used.
    pub(super) fn reload_credentials(&self, published: &PublishedConnection) -> bool {
        let changed = (self.settings.credentials)()
            .is_some_and(|credentials| published.client.set_credentials(credentials));
        if changed {
            tracing::info!(
                connection = self.settings.name,
                "the credentials changed and are used from now on"
            );
        }
        changed
    }

    /// Whether base URL and credentials work: users can be listed, or one that is bound can be
    /// read. `besides`: the user that failed.
    pub(super) async fn probe(
        &self,
        store: &Store,
        published: &PublishedConnection,
        besides: Option<&str>,
    ) -> Result<Probe, StoreError> {
        let probe = published.client.probe_target().await;
        let is_odd = matches!(probe, Probe::Refused | Probe::WrongTarget);

        if is_odd && self.can_read_another(store, published, besides).await? {
            Ok(Probe::Accepted)
        } else {
            Ok(probe)
        }
    }

    /// Whether the target answers at all: the result of a probe within the last second, or of a new
    /// one, because one probe is enough for the failures of many requests. A target that fails at
    /// the list of users, and serves another user, is up. While the breaker is open it is down.
    pub(super) async fn recent_probe(
        &self,
        store: &Store,
        published: &PublishedConnection,
        besides: Option<&str>,
    ) -> Probe {
        if published.client.breaker().outage().is_some() {
            return Probe::Down;
        }

        let probe = async || {
            let probe = published.client.probe_target().await;
            if probe == Probe::Down && self.serves_another(store, published, besides).await {
                return Probe::Accepted;
            }
            probe
        };
        published.memory.recent_probe(probe).await
    }

    /// Whether the target soon shows another bound user. A store that does not answer says nothing.
    async fn serves_another(
        &self,
        store: &Store,
        published: &PublishedConnection,
        besides: Option<&str>,
    ) -> bool {
        let users = store.bound_users(&self.settings.name, 2).await;
        let users = users.unwrap_or_default();
        let other = users.iter().find(|user| Some(user.as_str()) != besides);
        match other {
            Some(user) => published.client.shows(user, OTHER_USER_DEADLINE).await,
            None => false,
        }
    }

    /// Whether the target has one of a few other bound users.
    pub(super) async fn can_read_another(
        &self,
        store: &Store,
        published: &PublishedConnection,
        besides: Option<&str>,
    ) -> Result<bool, StoreError> {
        let users = store.bound_users(&self.settings.name, OTHER_USERS).await?;
        for user in users.iter().filter(|user| Some(user.as_str()) != besides) {
            if published.client.get(user).await.is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn build(&self, newest: &PublishedMapping) -> Result<PublishedConnection, ConnectionError> {
        let document: MappingDocument = serde_json::from_str(&newest.document)
            .map_err(|error| ConnectionError::Mapping(error.to_string()))?;
        let client = (self.settings.client)(document.profile.clone())?;

        let mapping = Mapping::compile(document).map_err(|faults| {
            let first = faults
                .first()
                .map(|fault| format!("{}: {}", fault.at.join("."), fault.problem));
            ConnectionError::Mapping(first.unwrap_or_default())
        })?;

        Ok(PublishedConnection {
            version: newest.version,
            mapping: Arc::new(mapping),
            people_client: Arc::new(client.for_people()),
            client: Arc::new(client),
            memory: Arc::clone(&self.memory),
        })
    }
}
