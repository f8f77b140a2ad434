//! Dead letters: list, show, replay.
//!
//! Replaying makes an account pending now; what is done is folded from all facts at that moment, so it is always safe. A hook
//! that could not be read is read again, by the preset as it is now.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Actor, Ops, Refusal};
use crate::{
    queue::{Hook, Payload},
    store::{DeadLetter, DeadLetterFilter, DeadLetterId, PersonKey, RawHook},
};

/// Reads a kept raw hook by its source's preset as it is now.
pub type ReadAgain = Arc<dyn Fn(&Hook) -> Payload + Send + Sync>;

/// Which letters.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    closed: bool,
    connection: Option<String>,
    cause: Option<String>,
    person: Option<String>,
    #[serde(default)]
    ids: Vec<DeadLetterId>,
    #[serde(default)]
    most: usize,
}

/// A replay.
#[derive(Debug, Deserialize)]
pub(super) struct Replay {
    #[serde(flatten)]
    which: Which,
    /// Count only.
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    reason: String,
}

/// What a replay came to.
#[derive(Debug, Serialize)]
pub(super) struct ReplayView {
    letters: usize,
    accounts: Vec<(String, PersonKey)>,
    hooks_read: usize,
    hooks_unreadable: Vec<DeadLetterId>,
    closed: usize,
    dry_run: bool,
}

/// `GET /api/v1/dead-letters?connection=&cause=&person=&closed=&most=`
pub(super) async fn list(
    State(ops): State<Ops>,
    Query(which): Query<Which>,
) -> Result<Json<Vec<DeadLetter>>, Refusal> {
    let filter = filter(&ops, which).await?;
    Ok(Json(ops.store().dead_letters(&filter).await?))
}

/// `GET /api/v1/dead-letters/{letter}`
pub(super) async fn show(
    State(ops): State<Ops>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let filter = DeadLetterFilter {
        include_closed: true,
        ids: vec![DeadLetterId(id.clone())],
        ..DeadLetterFilter::default()
    };
    let letter = ops.store().dead_letters(&filter).await?.pop();
    let letter =
        letter.ok_or_else(|| Refusal::not_found(format!("no dead letter has the id `{id}`")))?;
    let history = match letter.subject.person() {
        Some(person) => ops.store().history(Some(person), 10).await?,
        None => Vec::new(),
    };
    Ok(Json(json!({ "letter": letter, "history": history })))
}

/// `POST /api/v1/dead-letters/replay`
pub(super) async fn replay(
    State(ops): State<Ops>,
    Extension(actor): Extension<Actor>,
    Json(replay): Json<Replay>,
) -> Result<Json<ReplayView>, Refusal> {
    let filter = filter(&ops, replay.which).await?;
    let letters = ops
        .store()
        .dead_letters(&DeadLetterFilter {
            include_closed: false,
            ..filter.clone()
        })
        .await?;
    if let Some(unknown) = filter
        .ids
        .iter()
        .find(|id| !letters.iter().any(|letter| letter.id == **id))
    {
        return Err(Refusal::not_found(format!(
            "no open dead letter has the id `{unknown}`"
        )));
    }
    let mut view = ReplayView {
        letters: letters.len(),
        accounts: Vec::new(),
        hooks_read: 0,
        hooks_unreadable: Vec::new(),
        closed: 0,
        dry_run: replay.dry_run,
    };
    if replay.dry_run || letters.is_empty() {
        return Ok(Json(view));
    }
    let replayed = ops
        .store()
        .replay(&filter, &actor.name, replay.reason.trim())
        .await?;
    view.accounts = replayed.accounts;
    view.closed = replayed.closed.len();
    for raw in replayed.hooks {
        match read_again(&ops, &raw) {
            Some(hook) => {
                ops.store().store_hooks(&[hook], &ops.parts().source_routing).await?;
                view.hooks_read += 1;
            }
            None => view.hooks_unreadable.push(raw.dead_letter),
        }
    }
    (ops.parts().wake)();
    tracing::info!(
        actor = actor.name,
        letters = view.letters,
        accounts = view.accounts.len(),
        "dead letters replayed"
    );
    Ok(Json(view))
}

/// The hook as the preset reads it now; `None`: still not understood.
fn read_again(ops: &Ops, raw: &RawHook) -> Option<Hook> {
    match (ops.parts().read_again)(&raw.hook) {
        payload @ Payload::Events(_) => Some(Hook {
            payload,
            ..raw.hook.clone()
        }),
        Payload::Unreadable { .. } => None,
    }
}

async fn filter(ops: &Ops, which: Which) -> Result<DeadLetterFilter, Refusal> {
    let person = match which.person {
        Some(text) => Some(super::people::one(ops, &text).await?),
        None => None,
    };
    Ok(DeadLetterFilter {
        include_closed: which.closed,
        connection: which.connection,
        cause: which.cause,
        person,
        ids: which.ids,
        limit: which.most,
    })
}
