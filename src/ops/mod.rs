//! The operators' API: people, connections, dead letters, preview and tail, as JSON under `/api/v1`.
//!
//! Commands speak it over the socket of the service that runs here (the Unix user is the actor), over TCP with a token of
//! `[[ops.tokens]]`, or, nothing running, in their own process: it is one router in all three. Every route names the
//! role it asks for, and a route without one cannot be made.

mod auth;
mod connections;
mod dead_letters;
mod people;
mod preview;
mod refusal;
mod tail;

use std::{collections::BTreeMap, fmt, sync::Arc};

use axum::{
    Router, middleware,
    routing::{get, post},
};

pub use auth::{ACTOR_HEADER, Actor, OpsRole, OpsToken};
pub use dead_letters::ReadAgain;
pub use preview::ReadBody;
pub use refusal::Refusal;
pub use tail::{Line, Tail};

use crate::{
    store::{Store, SourceRouting},
    worker::Connection,
};
use auth::{Guard, Transport};
use hirewire_core::{
    event::SourceId,
    fold::{Rules, SourceRules},
};

/// What the operators' API is made from.
#[derive(Clone)]
pub struct Ops {
    shared: Arc<Shared>,
}

/// The parts.
pub struct OpsParts {
    /// The instance.
    pub instance: String,
    /// The store.
    pub store: Store,
    /// The connections of the config.
    pub connections: BTreeMap<String, Arc<Connection>>,
    /// Which sources feed which connection.
    pub source_routing: SourceRouting,
    /// What the fold must know of each source.
    pub sources: BTreeMap<SourceId, SourceRules>,
    /// Reads a body as a source would send it: for previews.
    pub read: ReadBody,
    /// Reads a kept raw hook again.
    pub read_again: ReadAgain,
    /// Wakes the workers of this process, if any run here.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// What is going on in this process.
    pub tail: Tail,
    /// Who may come in over TCP.
    pub tokens: Vec<OpsToken>,
}

struct Shared {
    parts: OpsParts,
    rules: Rules,
}

impl fmt::Debug for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ops")
            .field("instance", &self.shared.parts.instance)
            .finish_non_exhaustive()
    }
}

impl Ops {
    /// The API over these parts.
    pub fn new(parts: OpsParts) -> Self {
        let rules = Rules {
            sources: parts.sources.clone(),
            scope: None,
        };
        Self {
            shared: Arc::new(Shared { parts, rules }),
        }
    }

    /// The router for TCP: a token decides who somebody is. Without tokens nothing of the API is there.
    pub fn tcp(&self) -> Router {
        if self.parts().tokens.is_empty() {
            Router::new()
        } else {
            self.routes(Transport::Tcp)
        }
    }

    /// The router for the socket, or for a command's own process: whoever reaches it is an admin.
    pub fn local(&self) -> Router {
        self.routes(Transport::Local)
    }

    fn routes(&self, door: Transport) -> Router {
        let (viewer, operator) = (OpsRole::Viewer, OpsRole::Operator);
        let allow = |role| {
            middleware::from_fn_with_state(
                Guard {
                    ops: self.clone(),
                    door,
                    role,
                },
                auth::check,
            )
        };
        Router::new()
            .route(
                "/api/v1/people",
                get(people::find).route_layer(allow(viewer)),
            )
            .route(
                "/api/v1/people/{person}",
                get(people::show).route_layer(allow(viewer)),
            )
            .route(
                "/api/v1/dead-letters",
                get(dead_letters::list).route_layer(allow(viewer)),
            )
            .route(
                "/api/v1/dead-letters/{letter}",
                get(dead_letters::show).route_layer(allow(viewer)),
            )
            .route(
                "/api/v1/dead-letters/replay",
                post(dead_letters::replay).route_layer(allow(operator)),
            )
            .route(
                "/api/v1/connections",
                get(connections::list).route_layer(allow(viewer)),
            )
            .route(
                "/api/v1/connections/{connection}/test",
                post(connections::test).route_layer(allow(viewer)),
            )
            .route(
                "/api/v1/connections/{connection}/apply",
                post(connections::apply).route_layer(allow(OpsRole::Admin)),
            )
            .route(
                "/api/v1/connections/{connection}/pause",
                post(connections::pause).route_layer(allow(operator)),
            )
            .route(
                "/api/v1/connections/{connection}/resume",
                post(connections::resume).route_layer(allow(operator)),
            )
            .route(
                "/api/v1/preview/{source}",
                post(preview::preview).route_layer(allow(viewer)),
            )
            .route("/api/v1/tail", get(tail::follow).route_layer(allow(viewer)))
            .with_state(self.clone())
    }

    pub(crate) fn parts(&self) -> &OpsParts {
        &self.shared.parts
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.parts.store
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    fn connection(&self, name: &str) -> Result<&Arc<Connection>, Refusal> {
        let known = || {
            self.parts()
                .connections
                .keys()
                .cloned()
                .collect::<Vec<_>>()
                .join(", ")
        };
        self.parts().connections.get(name).ok_or_else(|| {
            Refusal::not_found(format!(
                "no connection is named `{name}` (there are: {})",
                known()
            ))
        })
    }
}
