//! The operators' API under `/api/v1`: people, connections, dead letters, preview and tail.
//!
//! Commands use it over the socket of the running service, where the Unix user is the actor; over
//! TCP with a token of `[[ops.tokens]]`; or, if no service runs, in their own process. All three
//! serve the same routes. `Ops::routes` gives every route the role that it needs.

mod api_error;
mod auth;
mod connection_test;
mod connections;
mod dead_letters;
mod filter_values;
mod operator_events;
mod people;
mod people_list;
mod person_retry;
mod preview;
mod reason;
mod subjects;
mod tail;
mod unix_user;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS},
    },
    middleware,
    response::Response,
    routing::{MethodRouter, get, post},
};
use tokio::sync::{Semaphore, SemaphorePermit};

pub use auth::OpsRole;
pub(crate) use auth::OpsToken;
pub(crate) use dead_letters::RereadHook;
pub(crate) use preview::ReadBody;
pub use tail::{Tail, TailEvent};

use crate::{
    http::TrustedProxies,
    store::{SourceRouting, Store},
    telemetry::{LogLimit, Metrics},
    worker::Connection,
};
use api_error::ApiError;
use auth::{Actor, RouteGuard, Transport};
use hirewire_core::{
    event::SourceId,
    fold::{Rules, SourceRules},
};

/// The operators' API.
#[derive(Clone)]
pub(crate) struct Ops {
    shared: Arc<Shared>,
}

/// Everything that the API is made from.
pub(crate) struct OpsParts {
    /// The instance's name.
    pub(crate) instance: String,
    pub(crate) store: Store,
    /// The connections of the config, by name.
    pub(crate) connections: BTreeMap<String, Arc<Connection>>,
    /// Which sources feed which connection.
    pub(crate) source_routing: SourceRouting,
    /// The facts about each source that the fold needs.
    pub(crate) sources: BTreeMap<SourceId, SourceRules>,
    pub(crate) read_body: ReadBody,
    pub(crate) reread_hook: RereadHook,
    /// Notifies the workers of this process, if it has any, that accounts are pending.
    pub(crate) notify_pending: Arc<dyn Fn() + Send + Sync>,
    pub(crate) tail: Tail,
    pub(crate) metrics: Metrics,
    /// The proxies that name the client of a request, for the log.
    pub(crate) trusted_proxies: TrustedProxies,
    /// The tokens for requests over TCP.
    pub(crate) tokens: Vec<OpsToken>,
}

struct Shared {
    parts: OpsParts,
    rules: Rules,
    /// Limits the lines about refused requests.
    refused: LogLimit,
    /// A permit for each request that reads a target because somebody asked.
    for_people: Semaphore,
}

/// How many requests may read targets at a time: workers need store and targets as well.
const MOST_FOR_PEOPLE: usize = 2;
/// How long one more waits for its turn before it is refused.
const TURN: Duration = Duration::from_secs(5);

impl fmt::Debug for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ops")
            .field("instance", &self.shared.parts.instance)
            .finish_non_exhaustive()
    }
}

/// Answers hold personal data: no cache keeps them, and no browser takes them for a page.
async fn keep_private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A path below `/api/v1`, its handler, and the least role that it needs.
type Route = (&'static str, MethodRouter<Ops>, OpsRole);

impl Ops {
    pub(crate) fn new(parts: OpsParts) -> Self {
        let rules = Rules {
            sources: parts.sources.clone(),
            scope: None,
        };
        Self {
            shared: Arc::new(Shared {
                parts,
                rules,
                refused: LogLimit::new(),
                for_people: Semaphore::new(MOST_FOR_PEOPLE),
            }),
        }
    }

    /// The router for TCP. Without tokens in the config it has no route.
    pub(crate) fn tcp(&self) -> Router {
        if self.parts().tokens.is_empty() {
            Router::new()
        } else {
            self.routes(Transport::Tcp)
        }
    }

    /// The router for the socket, or for a command's own process: every request has the role admin.
    pub(crate) fn local(&self) -> Router {
        self.routes(Transport::Local)
    }

    /// Each route, with the least role that it needs.
    fn table() -> [Route; 18] {
        let (viewer, operator, admin) = (OpsRole::Viewer, OpsRole::Operator, OpsRole::Admin);
        [
            ("/people", get(people::find), viewer),
            ("/people-list", get(people_list::list), viewer),
            ("/people/{person}", get(people::show), viewer),
            (
                "/people/{person}/retry",
                post(person_retry::retry),
                operator,
            ),
            ("/people/{person}/drift", get(person_retry::drift), viewer),
            (
                "/people/{person}/events",
                post(operator_events::state),
                operator,
            ),
            ("/dead-letters", get(dead_letters::list), viewer),
            ("/dead-letters/{id}", get(dead_letters::show), viewer),
            ("/dead-letters/replay", post(dead_letters::replay), operator),
            (
                "/dead-letters/{id}/close",
                post(dead_letters::close),
                operator,
            ),
            ("/connections", get(connections::list), viewer),
            (
                "/connections/{connection}/test",
                post(connection_test::test),
                viewer,
            ),
            (
                "/connections/{connection}/apply",
                post(connections::apply),
                admin,
            ),
            (
                "/connections/{connection}/pause",
                post(connections::pause),
                operator,
            ),
            (
                "/connections/{connection}/resume",
                post(connections::resume),
                operator,
            ),
            (
                "/connections/{connection}/retry",
                post(connections::retry),
                operator,
            ),
            ("/preview/{source}", post(preview::preview), viewer),
            ("/tail", get(tail::follow), viewer),
        ]
    }

    fn routes(&self, transport: Transport) -> Router {
        let mut router = Router::new();
        for (path, route, role) in Self::table() {
            let guard = RouteGuard {
                ops: self.clone(),
                transport,
                role,
            };
            let guarded = route.route_layer(middleware::from_fn_with_state(guard, auth::check));
            router = router.route(&format!("/api/v1{path}"), guarded);
        }
        router
            .layer(middleware::map_response(keep_private))
            .with_state(self.clone())
    }

    pub(crate) fn parts(&self) -> &OpsParts {
        &self.shared.parts
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.parts.store
    }

    /// The rules of the fold for a person of any source.
    pub(crate) fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    /// Waits for the turn of a request that reads a target.
    async fn permit_for_people(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        let permit = tokio::time::timeout(TURN, self.shared.for_people.acquire()).await;
        permit
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| ApiError::busy("too many previews and tests at once: try again", TURN))
    }

    fn connection(&self, name: &str) -> Result<&Arc<Connection>, ApiError> {
        let connections = &self.parts().connections;
        connections.get(name).ok_or_else(|| {
            let known: Vec<&str> = connections.keys().map(String::as_str).collect();
            ApiError::not_found(format!(
                "no connection is named `{name}` (there are: {})",
                known.join(", ")
            ))
        })
    }
}
