//! Connections: how they stand, a test of each, and the verbs that pause, resume and publish.

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Actor, Ops, Refusal};
use crate::{
    scim_client::BreakerState,
    store::{Pause, Priority},
    worker::Mode,
};
use hirewire_core::plan::Failure;

/// A connection as operators see it.
#[derive(Debug, Serialize)]
pub(super) struct ConnectionView {
    name: String,
    mode: Mode,
    profile: Option<String>,
    state: &'static str,
    paused: Option<Pause>,
    published: Option<i64>,
    staged: bool,
    pending_leavers: u64,
    pending_others: u64,
    letters: u64,
    accounts: Vec<(String, u64)>,
}

/// Why an operator does something.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Reason {
    /// In their words.
    #[serde(default)]
    reason: String,
}

/// `GET /api/v1/connections`
pub(super) async fn list(State(ops): State<Ops>) -> Result<Json<Vec<ConnectionView>>, Refusal> {
    let store = ops.store();
    let (states, mappings) = (store.connection_states().await?, store.mappings().await?);
    let (pending, letters, outcomes) = (
        store.pending_counts().await?,
        store.dead_letter_counts().await?,
        store.outcome_counts().await?,
    );
    let mut views = Vec::new();
    for (name, connection) in &ops.parts().connections {
        let published = mappings.iter().find(|mapping| mapping.connection == *name);
        let paused = states
            .iter()
            .find(|state| state.connection == *name)
            .and_then(|state| state.paused.clone());
        let live = connection.live(store, None).await.ok().flatten();
        let breaker = live.as_ref().map(|live| live.client.breaker().state());
        let count = |priority| {
            pending
                .iter()
                .filter(|count| count.connection == *name && count.priority == priority)
                .map(|count| count.accounts)
                .sum()
        };
        views.push(ConnectionView {
            name: name.clone(),
            mode: connection.settings.mode,
            profile: live.map(|live| live.mapping.document().profile.name.clone()),
            state: match (&paused, published, breaker) {
                (Some(_), ..) => "paused",
                (None, None, _) => "unpublished",
                (None, Some(_), Some(BreakerState::Open | BreakerState::HalfOpen)) => "unreachable",
                (None, Some(_), Some(BreakerState::Closed) | None) => "working",
            },
            paused,
            published: published.map(|mapping| mapping.version),
            staged: published.is_some_and(|mapping| mapping.staged_document.is_some()),
            pending_leavers: count(Priority::Leaver),
            pending_others: count(Priority::Other),
            letters: letters
                .iter()
                .filter(|(of, ..)| of == name)
                .map(|(.., letters)| letters)
                .sum(),
            accounts: outcomes
                .iter()
                .filter(|(of, ..)| of == name)
                .map(|(_, outcome, accounts)| (outcome.clone(), *accounts))
                .collect(),
        });
    }
    Ok(Json(views))
}

/// `POST /api/v1/connections/{connection}/test`: reads only.
pub(super) async fn test(
    State(ops): State<Ops>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let connection = ops.connection(&name)?;
    let live = connection.live(ops.store(), None).await?;
    let live = live.ok_or_else(|| {
        Refusal::not_found(format!(
            "nothing is published for `{name}` yet: start the service"
        ))
    })?;
    let credentials = live.client.probe().await;
    let discovery = live.client.service_provider_config().await;
    let says = |failure: &Failure| failure.kind.to_string();
    Ok(Json(json!({
        "connection": name,
        "ok": credentials.is_ok(),
        "users": credentials.as_ref().map_or_else(says, |()| "they can be listed".to_owned()),
        "discovery": match &discovery {
            Ok(Some(config)) => json!({ "patch": config.get("patch"), "filter": config.get("filter") }),
            Ok(None) => json!("the target does not say what it can do"),
            Err(failure) => json!(says(failure)),
        },
        "profile": live.mapping.document().profile.name,
    })))
}

/// `POST /api/v1/connections/{connection}/apply`
pub(super) async fn apply(
    State(ops): State<Ops>,
    Path(name): Path<String>,
    Extension(actor): Extension<Actor>,
) -> Result<Json<Value>, Refusal> {
    ops.connection(&name)?;
    let version = ops.store().apply_mapping(&name, &actor.name).await?;
    (ops.parts().wake)();
    tracing::info!(
        connection = name,
        actor = actor.name,
        version,
        "mapping last_applied"
    );
    Ok(Json(
        json!({ "connection": name, "published": version, "changed": version.is_some() }),
    ))
}

/// `POST /api/v1/connections/{connection}/pause`
pub(super) async fn pause(
    State(ops): State<Ops>,
    Path(name): Path<String>,
    Extension(actor): Extension<Actor>,
    Json(why): Json<Reason>,
) -> Result<Json<Value>, Refusal> {
    ops.connection(&name)?;
    let reason = if why.reason.trim().is_empty() {
        "no reason given"
    } else {
        why.reason.trim()
    };
    let changed = ops.store().pause(&name, reason, &actor.name).await?;
    tracing::info!(
        connection = name,
        actor = actor.name,
        changed,
        "connection paused"
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
) -> Result<Json<Value>, Refusal> {
    ops.connection(&name)?;
    let changed = ops.store().resume(&name, &actor.name).await?;
    (ops.parts().wake)();
    tracing::info!(
        connection = name,
        actor = actor.name,
        changed,
        "connection resumed"
    );
    Ok(Json(
        json!({ "connection": name, "paused": false, "changed": changed }),
    ))
}
