//! Connections: their state, a test of each, and the commands that pause, resume and publish.
//!
//! In: a connection's name, and for a command the actor and the reason. Out: JSON for the operator.
//! A test only reads the target.

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Actor, ApiError, Ops};
use crate::{
    scim_client::BreakerState,
    store::{ConnectionState, Pause, PendingCount, Priority, PublishedMapping},
    worker::{Connection, Mode, PublishedConnection},
};
use hirewire_core::plan::Failure;

/// A connection as operators see it.
#[derive(Debug, Serialize)]
pub(super) struct ConnectionView {
    name: String,
    mode: Mode,
    /// The name of the published profile.
    profile: Option<String>,
    state: &'static str,
    paused: Option<Pause>,
    /// The published version of the mapping.
    published: Option<i64>,
    /// Whether another mapping waits for `connections apply`.
    staged: bool,
    pending_leavers: u64,
    pending_others: u64,
    /// How many dead letters about it are open.
    dead_letters: u64,
    /// How many accounts have each outcome.
    accounts: Vec<(String, u64)>,
}

/// The reason of a command, in the operator's words.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Reason {
    #[serde(default)]
    reason: String,
}

/// The facts in the store about all connections.
struct StoreView {
    states: Vec<ConnectionState>,
    mappings: Vec<PublishedMapping>,
    pending: Vec<PendingCount>,
    /// Connection, cause, open dead letters.
    dead_letters: Vec<(String, String, u64)>,
    /// Connection, outcome, accounts.
    outcomes: Vec<(String, String, u64)>,
}

/// `GET /api/v1/connections`
pub(super) async fn list(State(ops): State<Ops>) -> Result<Json<Vec<ConnectionView>>, ApiError> {
    let store = ops.store();
    let stored = StoreView {
        states: store.connection_states().await?,
        mappings: store.mappings().await?,
        pending: store.pending_counts().await?,
        dead_letters: store.dead_letter_counts().await?,
        outcomes: store.outcome_counts().await?,
    };

    let mut views = Vec::new();
    for connection in ops.parts().connections.values() {
        // A mapping that cannot be used is shown as a connection without a profile.
        let published = connection.published(store, None).await.ok().flatten();
        views.push(stored.view(connection, published.as_ref()));
    }
    Ok(Json(views))
}

impl StoreView {
    fn view(
        &self,
        connection: &Connection,
        published: Option<&PublishedConnection>,
    ) -> ConnectionView {
        let name = &connection.settings.name;
        let mapping = self.mappings.iter().find(|known| known.connection == *name);
        let state = self.states.iter().find(|known| known.connection == *name);
        let paused = state.and_then(|state| state.paused.clone());
        let breaker = published.map(|published| published.client.breaker().state());

        ConnectionView {
            name: name.clone(),
            mode: connection.settings.mode,
            profile: published.map(|published| published.mapping.document().profile.name.clone()),
            state: match (&paused, mapping, breaker) {
                (Some(_), ..) => "paused",
                (None, None, _) => "unpublished",
                (None, Some(_), Some(BreakerState::Open | BreakerState::HalfOpen)) => "unreachable",
                (None, Some(_), Some(BreakerState::Closed) | None) => "working",
            },
            paused,
            published: mapping.map(|mapping| mapping.version),
            staged: mapping.is_some_and(|mapping| mapping.staged_document.is_some()),
            pending_leavers: self.pending(name, Priority::Leaver),
            pending_others: self.pending(name, Priority::Other),
            dead_letters: self
                .dead_letters
                .iter()
                .filter(|(connection, ..)| connection == name)
                .map(|(.., count)| count)
                .sum(),
            accounts: self
                .outcomes
                .iter()
                .filter(|(connection, ..)| connection == name)
                .map(|(_, outcome, count)| (outcome.clone(), *count))
                .collect(),
        }
    }

    fn pending(&self, connection: &str, priority: Priority) -> u64 {
        self.pending
            .iter()
            .filter(|count| count.connection == connection && count.priority == priority)
            .map(|count| count.accounts)
            .sum()
    }
}

/// `POST /api/v1/connections/{connection}/test`: tries base URL, credentials and discovery.
pub(super) async fn test(
    State(ops): State<Ops>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let connection = ops.connection(&name)?;
    let published = connection.published(ops.store(), None).await?;
    let published = published.ok_or_else(|| ApiError::unpublished(&name))?;

    let users = published.client.probe().await;
    let discovery = published.client.service_provider_config().await;

    Ok(Json(json!({
        "connection": name,
        "ok": users.is_ok(),
        "users": users.as_ref().map_or_else(reason, |()| "can be listed".to_owned()),
        "discovery": match &discovery {
            Ok(Some(config)) => json!({
                "patch": config.get("patch"), "filter": config.get("filter"),
            }),
            Ok(None) => json!("the target does not publish its service provider configuration"),
            Err(failure) => json!(reason(failure)),
        },
        "profile": published.mapping.document().profile.name,
    })))
}

fn reason(failure: &Failure) -> String {
    failure.kind.to_string()
}

/// `POST /api/v1/connections/{connection}/apply`: publishes the staged mapping.
pub(super) async fn apply(
    State(ops): State<Ops>,
    Path(name): Path<String>,
    Extension(actor): Extension<Actor>,
) -> Result<Json<Value>, ApiError> {
    ops.connection(&name)?;
    let version = ops.store().apply_mapping(&name, &actor.name).await?;
    (ops.parts().notify_pending)();

    tracing::info!(
        connection = name,
        actor = actor.name,
        version,
        "the staged mapping is published"
    );
    Ok(Json(
        json!({ "connection": name, "published": version, "changed": version.is_some() }),
    ))
}

/// `POST /api/v1/connections/{connection}/pause`: nothing more of it is claimed.
pub(super) async fn pause(
    State(ops): State<Ops>,
    Path(name): Path<String>,
    Extension(actor): Extension<Actor>,
    Json(body): Json<Reason>,
) -> Result<Json<Value>, ApiError> {
    ops.connection(&name)?;
    let reason = match body.reason.trim() {
        "" => "no reason given",
        reason => reason,
    };
    let changed = ops.store().pause(&name, reason, &actor.name).await?;

    tracing::info!(
        connection = name,
        actor = actor.name,
        changed,
        "the connection is paused"
    );
    Ok(Json(
        json!({ "connection": name, "paused": true, "changed": changed }),
    ))
}

/// `POST /api/v1/connections/{connection}/resume`
pub(super) async fn resume(
    State(ops): State<Ops>,
    Path(name): Path<String>,
    Extension(actor): Extension<Actor>,
) -> Result<Json<Value>, ApiError> {
    ops.connection(&name)?;
    let changed = ops.store().resume(&name, &actor.name).await?;
    (ops.parts().notify_pending)();

    tracing::info!(
        connection = name,
        actor = actor.name,
        changed,
        "the connection is resumed"
    );
    Ok(Json(
        json!({ "connection": name, "paused": false, "changed": changed }),
    ))
}
