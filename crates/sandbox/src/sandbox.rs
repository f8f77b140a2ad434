//! The sandbox as a value: its settings, its state behind one lock, and what a program can read and
//! set.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::catalogue::Endpoint;
use super::fault::Fault;
use super::profile::SandboxProfile;
use super::projection::Projection;
use super::request_log::{LoggedRequest, RequestLog};
use super::service_provider::ServiceProvider;

/// The path of the SCIM base URL.
pub const BASE_PATH: &str = "/scim/v2";

/// The settings of a sandbox.
#[derive(Clone, Debug, Default)]
pub struct SandboxSettings {
    /// The bearer token that every SCIM request must have; `None`: the sandbox checks no token.
    pub token: Option<SecretString>,
    /// The SCIM dialect.
    pub profile: SandboxProfile,
    /// The faults that are on at the start.
    pub faults: Vec<Fault>,
}

/// A sandbox. A clone is another handle to the same users, groups, faults and log.
#[derive(Clone, Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    token: Option<SecretString>,
    profile: SandboxProfile,
    state: Mutex<SandboxState>,
}

#[derive(Debug)]
pub(crate) struct SandboxState {
    pub(crate) provider: ServiceProvider,
    pub(crate) log: RequestLog,
}

impl Sandbox {
    /// A sandbox without users and groups.
    pub fn new(settings: SandboxSettings) -> Self {
        let SandboxSettings {
            token,
            profile,
            faults,
        } = settings;

        let mut provider = ServiceProvider::new(profile);
        provider.faults.replace(faults);

        Self {
            shared: Arc::new(Shared {
                token,
                profile,
                state: Mutex::new(SandboxState {
                    provider,
                    log: RequestLog::default(),
                }),
            }),
        }
    }

    /// The users, oldest first, as a GET returns them, but without `meta.location` and `$ref`.
    pub fn users(&self) -> Vec<Value> {
        let resource_type = Endpoint::Users.resource_type(self.profile());
        let represent = |attributes: &Map<String, Value>| {
            Value::Object(Projection::All.apply(attributes.clone(), resource_type))
        };

        self.lock()
            .provider
            .store
            .collection(Endpoint::Users)
            .iter()
            .map(|user| represent(&user.attributes))
            .collect()
    }

    /// The logged requests (the last 2,000 at most), oldest first.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.lock().log.requests(usize::MAX)
    }

    /// Clears the log. The numbers of the requests continue.
    pub fn clear_requests(&self) {
        self.lock().log.clear();
    }

    /// Switches these faults on, and all others off.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.lock().provider.faults.replace(faults);
    }

    pub(crate) fn profile(&self) -> SandboxProfile {
        self.shared.profile
    }

    pub(crate) fn token(&self) -> Option<&SecretString> {
        self.shared.token.as_ref()
    }

    /// Locks the state. A panic in another request does not make the sandbox unusable.
    pub(crate) fn lock(&self) -> MutexGuard<'_, SandboxState> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
