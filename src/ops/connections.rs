//! Connections: their state, and the commands that pause, resume, retry and publish.
//!
//! In: a connection's name, and for a command the actor and the reason. Out: JSON for the operator.

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Actor, ApiError, Ops, reason::Reason};
use crate::{
    store::{ConnectionState, Pause, PendingCount, Priority, PublishedMapping, Unreachable},
    worker::{Connection, Mode, PublishedConnection},
};
/// A connection as operators see it.
#[derive(Debug, Serialize)]
pub(super) struct ConnectionView {
    name: String,
    mode: Mode,
    /// The name of the published profile.
    profile: Option<String>,
    state: &'static str,
    paused: Option<Pause>,
    /// Since when the target does not answer, and when it is tried next.
    unreachable: Option<Unreachable>,
    /// The published version of the mapping.
    published: Option<i64>,
    /// Whether another mapping waits for `connections apply`.
    staged: bool,
    /// Leavers whose accounts are not proven inactive, waiting or not.
    pending_leavers: u64,
    /// When the first of their accounts should have been inactive.
    oldest_leaver: Option<Timestamp>,
    pending_others: u64,
    /// How many dead letters about it are open.
    dead_letters: u64,
    /// How many accounts have each outcome.
    accounts: Vec<(String, u64)>,
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
        let unreachable = state.and_then(|state| state.unreachable);

        ConnectionView {
            name: name.clone(),
            mode: connection.settings.mode,
            profile: published.map(|published| published.mapping.document().profile.name.clone()),
            state: match (&paused, mapping, unreachable) {
                (Some(_), ..) => "paused",
                (None, None, _) => "unpublished",
                (None, Some(_), Some(_)) => "unreachable",
                (None, Some(_), None) => "working",
            },
            paused,
            unreachable,
            published: mapping.map(|mapping| mapping.version),
            staged: mapping.is_some_and(|mapping| mapping.staged_document.is_some()),
            pending_leavers: self
                .pending(name, Priority::Leaver)
                .map_or(0, |c| c.accounts),
            oldest_leaver: self
                .pending(name, Priority::Leaver)
                .and_then(|count| count.oldest),
            pending_others: self
                .pending(name, Priority::Other)
                .map_or(0, |c| c.accounts),
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

    fn pending(&self, connection: &str, priority: Priority) -> Option<&PendingCount> {
        self.pending
            .iter()
            .find(|count| count.connection == connection && count.priority == priority)
    }
}

/// `POST /api/v1/connections/{connection}/apply`: publishes the staged mapping.
pub(super) async fn apply(
    State(ops): State<Ops>,
    Path(name): Path<String>,
    Extension(actor): Extension<Actor>,
    Json(body): Json<Reason>,
) -> Result<Json<Value>, ApiError> {
    ops.connection(&name)?;
    let version = ops.store().apply_mapping(&name, &actor.name).await?;
    (ops.parts().notify_pending)();

    let what = match version {
        Some(version) => format!("mapping version {version} is published"),
        None => "no mapping was staged".to_owned(),
    };
    log(&name, &actor, &body, &what);
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
    let reason = match body.text() {
        reason if reason.is_empty() => "no reason given".to_owned(),
        reason => reason,
    };
    let changed = ops.store().pause(&name, &reason, &actor.name).await?;

    let what = if changed {
        "it is paused"
    } else {
        "it was paused already"
    };
    log(&name, &actor, &body, what);
    Ok(Json(
        json!({ "connection": name, "paused": true, "changed": changed }),
    ))
}

/// `POST /api/v1/connections/{connection}/resume`
pub(super) async fn resume(
    State(ops): State<Ops>,
    Path(name): Path<String>,
    Extension(actor): Extension<Actor>,
    Json(body): Json<Reason>,
) -> Result<Json<Value>, ApiError> {
    ops.connection(&name)?;
    let changed = ops.store().resume(&name, &actor.name).await?;
    (ops.parts().notify_pending)();

    let what = if changed {
        "it is resumed"
    } else {
        "it was not paused"
    };
    log(&name, &actor, &body, what);
    Ok(Json(
        json!({ "connection": name, "paused": false, "changed": changed }),
    ))
}

/// `POST /api/v1/connections/{connection}/retry`: the target is tried now, and every account that
/// waits for its next attempt is pending now.
pub(super) async fn retry(
    State(ops): State<Ops>,
    Path(name): Path<String>,
    Extension(actor): Extension<Actor>,
    Json(body): Json<Reason>,
) -> Result<Json<Value>, ApiError> {
    ops.connection(&name)?;
    let accounts = ops
        .store()
        .retry_connection(&name, &actor.name, &body.text())
        .await?;
    (ops.parts().notify_pending)();

    let what = format!("{accounts} accounts that wait are tried now");
    log(&name, &actor, &body, &what);
    Ok(Json(json!({ "connection": name, "accounts": accounts })))
}

/// The trail of an operator's change of a connection: who, why, and what came of it.
fn log(connection: &str, actor: &Actor, body: &Reason, what: &str) {
    let reason = body.text();
    tracing::info!(
        connection,
        actor = actor.name,
        reason,
        "an operator changes the connection: {what}"
    );
}
