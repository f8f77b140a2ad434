//! A SCIM 2.0 service provider for trying things out: users and groups in memory, with faults that can be switched on.
//!
//! SCIM is at `/scim/v2` (for [`SandboxProfile::Workplace`] also at the root, where that product has it); `/` is a
//! page that shows the users and the last requests, live; `/sandbox/state` and `/sandbox/faults` are behind the
//! page. A request goes `door` -> `service` -> (`reading`, `patch`, `filter`) -> `store`, and back by `reply`.
//!
//! It reads SCIM by code of its own and uses nothing of the client's, so that it and the client cannot share one
//! misreading. It is no place for real people: nothing is kept on disk, and the page asks for no token.

mod attributes;
mod clock;
mod control;
mod discovery;
mod fault;
mod fault_text;
mod faults;
mod filter;
mod handler;
mod lexer;
mod listing;
mod log;
mod matching;
mod patch;
#[cfg(test)]
mod patch_tests;
mod patch_values;
mod projection;
mod reading;
mod refusal;
mod render;
mod reply;
mod schema;
mod service;
mod shelf;
mod store;
#[cfg(test)]
mod tests;
mod workplace;
mod write;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, delete, get};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt as _;

pub use fault::{Effect, Fault, HELP as FAULTS_HELP, InvalidFault, RetryAfter};
pub use log::LoggedRequest;

use log::Log;
use service::Service;
use store::{Side, Store};

/// Where SCIM is.
pub const BASE_PATH: &str = "/scim/v2";

/// Which dialect the sandbox speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SandboxProfile {
    /// The RFCs, strictly.
    #[default]
    Generic,
    /// Workplace from Meta as its samples show it: `manager.managerId`, partial PUT, plural discovery, Graph errors.
    Workplace,
}

/// How a sandbox is set up.
#[derive(Clone, Debug, Default)]
pub struct SandboxSettings {
    /// The access token that SCIM requests must bear; `None`: anyone is let in.
    pub token: Option<SecretString>,
    /// The dialect.
    pub profile: SandboxProfile,
    /// The faults that are on from the start.
    pub faults: Vec<Fault>,
}

/// A sandbox; clones are handles of the same one.
#[derive(Clone, Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    token: Option<SecretString>,
    profile: SandboxProfile,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    service: Service,
    log: Log,
}

impl Sandbox {
    /// An empty sandbox.
    pub fn new(settings: SandboxSettings) -> Self {
        let SandboxSettings {
            token,
            profile,
            faults,
        } = settings;
        let mut service = Service {
            profile,
            store: Store::new(profile),
            faults: faults::Faults::default(),
        };
        service.faults.replace(faults);
        Self {
            shared: Arc::new(Shared {
                token,
                profile,
                inside: Mutex::new(Inside {
                    service,
                    log: Log::default(),
                }),
            }),
        }
    }

    /// Everything it serves. Faults that close connections need [`Sandbox::service`]; a router breaks a body off instead.
    pub fn router(&self) -> Router {
        let scim = |base: &'static str| {
            any(move |State(sandbox): State<Sandbox>, request: Request| {
                handler::scim(sandbox, base, request)
            })
        };
        let mut router = Router::new()
            .route("/", get(control::page))
            .route("/sandbox/state", get(control::state))
            .route(
                "/sandbox/faults",
                get(control::faults)
                    .post(control::set_faults)
                    .delete(control::clear_faults),
            )
            .route("/sandbox/faults/{id}", delete(control::remove_fault))
            .route("/scim/v2/{*path}", scim(BASE_PATH));
        if self.profile() == SandboxProfile::Workplace {
            for folder in [
                "Users",
                "Groups",
                "Schemas",
                "ServiceProviderConfigs",
                "ResourceTypes",
            ] {
                router = router
                    .route(&format!("/{folder}"), scim(""))
                    .route(&format!("/{folder}/{{*path}}"), scim(""));
            }
        }
        router.with_state(self.clone())
    }

    /// Everything it serves, for an accept loop. An error of the service means: close the
    /// connection and answer nothing, which a router alone cannot do.
    pub fn service(
        &self,
    ) -> impl tower::Service<Request, Response = Response, Error = io::Error, Future: Send>
    + Clone
    + Send
    + 'static {
        let router = self.router();
        tower::service_fn(move |request: Request| {
            let router = router.clone();
            async move {
                let response = router
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|never| match never {});
                if response.extensions().get::<reply::HangUp>().is_some() {
                    return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
                }
                Ok(response)
            }
        })
    }

    /// The users, oldest first, as a client would see them but for locations.
    pub fn users(&self) -> Vec<Value> {
        self.resources(Side::Users)
    }

    /// The groups, oldest first.
    pub fn groups(&self) -> Vec<Value> {
        self.resources(Side::Groups)
    }

    fn resources(&self, side: Side) -> Vec<Value> {
        let of = side.resource_type(self.profile());
        let state = self.lock();
        let shown =
            |row: &shelf::Row| Value::Object(projection::Projection::All.show(row.map.clone(), of));
        state.service.store.shelf(side).rows().map(shown).collect()
    }

    /// The last requests (at most 2,000), oldest first.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.lock().log.requests(usize::MAX)
    }

    /// Forgets the requests so far; their numbers go on.
    pub fn forget_requests(&self) {
        self.lock().log.clear();
    }

    /// Switches on exactly these faults; what was on before is off.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.lock().service.faults.replace(faults);
    }

    /// The faults that are on, without those that are used up.
    pub fn faults(&self) -> Vec<Fault> {
        self.lock()
            .service
            .faults
            .active()
            .iter()
            .map(|active| active.fault.clone())
            .collect()
    }

    /// The dialect.
    pub fn profile(&self) -> SandboxProfile {
        self.shared.profile
    }

    fn token(&self) -> Option<&SecretString> {
        self.shared.token.as_ref()
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.shared
            .inside
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
