//! Dead letters: list, show, replay.
//!
//! A replay makes the account pending. The reconcile that follows folds all facts of that moment,
//! so a replay is always safe. A hook that could not be read is read again by the current preset.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Actor, ApiError, Ops, filter_values, subjects};
use crate::{
    queue::{Hook, Payload},
    store::{DeadLetter, DeadLetterFilter, DeadLetterId, PersonKey, RawHook, StoreError},
};

/// Reads a stored hook again by the current preset of its source.
pub(crate) type RereadHook = Arc<dyn Fn(&Hook) -> Payload + Send + Sync>;

/// Which dead letters; a missing member does not filter.
#[derive(Debug, Default, Deserialize)]
pub(super) struct DeadLetterQuery {
    #[serde(default)]
    closed: bool,
    connection: Option<String>,
    cause: Option<String>,
    /// A person's key, `source/worker`, or a worker id.
    person: Option<String>,
    #[serde(default)]
    ids: Vec<DeadLetterId>,
    /// 0: no limit.
    #[serde(default)]
    most: usize,
}

/// The body of a replay.
#[derive(Debug, Deserialize)]
pub(super) struct ReplayRequest {
    #[serde(flatten)]
    query: DeadLetterQuery,
    /// Counts, and replays nothing.
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    reason: String,
}

/// The body of a close.
#[derive(Debug, Deserialize)]
pub(super) struct CloseRequest {
    #[serde(default)]
    reason: String,
}

/// The result of a replay.
#[derive(Debug, Serialize)]
pub(super) struct ReplayResult {
    /// How many dead letters the query matches.
    dead_letters: usize,
    /// Connection and person of each account that is pending now.
    accounts: Vec<(String, PersonKey)>,
    hooks_read: usize,
    hooks_unreadable: Vec<DeadLetterId>,
    closed: usize,
    /// The dead letters about findings that are as they were: a replay does not close them.
    unchanged: Vec<DeadLetterId>,
    dry_run: bool,
}

/// `GET /api/v1/dead-letters?connection=&cause=&person=&closed=&most=`: how many there are, and
/// the newest of them.
pub(super) async fn list(
    State(ops): State<Ops>,
    Query(query): Query<DeadLetterQuery>,
) -> Result<Json<Value>, ApiError> {
    let filter = filter(&ops, query).await?;
    let total = ops.store().count_dead_letters(&filter).await?;
    let letters = ops.store().dead_letters(&filter).await?;
    let letters = subjects::named(&ops, letters).await?;
    Ok(Json(json!({ "total": total, "dead_letters": letters })))
}

/// `GET /api/v1/dead-letters/{id}`
pub(super) async fn show(
    State(ops): State<Ops>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let filter = DeadLetterFilter {
        include_closed: true,
        ids: vec![DeadLetterId(id.clone())],
        ..DeadLetterFilter::default()
    };
    let found = ops.store().dead_letters(&filter).await?.pop();
    let dead_letter =
        found.ok_or_else(|| ApiError::not_found(format!("no dead letter has the id `{id}`")))?;

    let history = match dead_letter.subject.person() {
        Some(person) => ops.store().history(Some(person), 10).await?,
        None => Vec::new(),
    };
    let named = subjects::named(&ops, vec![dead_letter]).await?.pop();
    Ok(Json(json!({ "dead_letter": named, "history": history })))
}

/// `POST /api/v1/dead-letters/{id}/close`: an operator has seen a finding or a hook.
pub(super) async fn close(
    State(ops): State<Ops>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    Json(request): Json<CloseRequest>,
) -> Result<Json<Value>, ApiError> {
    let letter = DeadLetterId(id.clone());
    if !ops.store().close_dead_letter(&letter).await? {
        return Err(ApiError::bad_request(format!(
            "`{id}` is no open dead letter of a finding or a hook: the dead letter of an account \
             closes itself once the account is as it should be"
        )));
    }
    tracing::info!(
        actor = actor.name,
        dead_letter = id,
        reason = request.reason.trim(),
        "a dead letter is closed by hand"
    );
    Ok(Json(json!({ "closed": id })))
}

/// `POST /api/v1/dead-letters/replay`
pub(super) async fn replay(
    State(ops): State<Ops>,
    Extension(actor): Extension<Actor>,
    Json(request): Json<ReplayRequest>,
) -> Result<Json<ReplayResult>, ApiError> {
    let filter = filter(&ops, request.query).await?;
    let open = open_dead_letters(&ops, &filter).await?;
    let mut result = ReplayResult {
        dead_letters: open.len(),
        accounts: Vec::new(),
        hooks_read: 0,
        hooks_unreadable: Vec::new(),
        closed: 0,
        unchanged: Vec::new(),
        dry_run: request.dry_run,
    };
    if request.dry_run || open.is_empty() {
        return Ok(Json(result));
    }

    let reason = request.reason.trim();
    let gone = subjects::gone(&ops, &open).await?;
    let replayed = ops
        .store()
        .replay(&filter, &gone, &actor.name, reason)
        .await?;
    result.accounts = replayed.accounts;
    result.closed = replayed.closed.len();
    result.unchanged = replayed.unchanged;

    for raw in replayed.hooks {
        match reread(&ops, &raw) {
            Some(hook) => {
                let routing = &ops.parts().source_routing;
                match ops.store().store_hooks(&[hook], routing).await {
                    Ok(_) => result.hooks_read += 1,
                    Err(StoreError::Refused(problem)) => {
                        tracing::warn!(problem, "the store still refuses the events of a hook");
                        result.hooks_unreadable.push(raw.dead_letter);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            None => result.hooks_unreadable.push(raw.dead_letter),
        }
    }

    (ops.parts().notify_pending)();
    tracing::info!(
        actor = actor.name,
        dead_letters = result.dead_letters,
        accounts = result.accounts.len(),
        "dead letters replayed"
    );
    Ok(Json(result))
}

/// The open dead letters of a filter; an error if one of its ids is not among them.
async fn open_dead_letters(
    ops: &Ops,
    filter: &DeadLetterFilter,
) -> Result<Vec<DeadLetter>, ApiError> {
    let open = DeadLetterFilter {
        include_closed: false,
        ..filter.clone()
    };
    let found = ops.store().dead_letters(&open).await?;

    let unknown = filter
        .ids
        .iter()
        .find(|id| !found.iter().any(|known| known.id == **id));
    match unknown {
        Some(id) => Err(ApiError::not_found(format!(
            "no open dead letter has the id `{id}`"
        ))),
        None => Ok(found),
    }
}

/// The hook as the preset reads it now; `None`: it still cannot be read.
fn reread(ops: &Ops, raw: &RawHook) -> Option<Hook> {
    match (ops.parts().reread_hook)(&raw.hook) {
        payload @ Payload::Events(_) => Some(Hook {
            payload,
            ..raw.hook.clone()
        }),
        Payload::Unreadable { .. } => None,
    }
}

async fn filter(ops: &Ops, query: DeadLetterQuery) -> Result<DeadLetterFilter, ApiError> {
    let person = match query.person {
        Some(text) => Some(super::people::find_one(ops, &text).await?),
        None => None,
    };
    let (connection, cause) = (query.connection.as_deref(), query.cause.as_deref());
    filter_values::check(ops, connection, cause).await?;
    Ok(DeadLetterFilter {
        include_closed: query.closed,
        connection: query.connection,
        cause: query.cause,
        person,
        ids: query.ids,
        limit: query.most,
    })
}
