//! Retry of a person: what a read of the targets shows, and the accounts that are tried now.
//!
//! Drift is what a target or another client changed by itself. Hirewire does not look for it: an
//! account is read when its person changes, when it failed, or when an operator asks here.

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use serde_json::{Value, json};

use super::{
    Actor, ApiError, Ops, people,
    preview::{AccountPreview, preview_account},
    reason::Reason,
};

/// `GET /api/v1/people/{person}/drift`: reads each account at its target and shows the requests that
/// would bring it to its desired state. Sends nothing else.
pub(super) async fn drift(
    State(ops): State<Ops>,
    Path(text): Path<String>,
) -> Result<Json<Vec<AccountPreview>>, ApiError> {
    let person = people::find_one(&ops, &text).await?;
    let mut previews = Vec::new();
    for view in ops.store().accounts(&person).await? {
        let account = view.account;
        let Some(connection) = ops.parts().connections.get(&account.connection) else {
            continue;
        };
        previews.push(preview_account(&ops, connection, &account.alias, &[]).await?);
    }
    Ok(Json(previews))
}

/// `POST /api/v1/people/{person}/retry`: the person's accounts are pending now and read first.
pub(super) async fn retry(
    State(ops): State<Ops>,
    Path(text): Path<String>,
    Extension(actor): Extension<Actor>,
    Json(body): Json<Reason>,
) -> Result<Json<Value>, ApiError> {
    let person = people::find_one(&ops, &text).await?;
    let reason = body.text();
    let connections = ops
        .store()
        .retry_person(&person, &actor.name, &reason)
        .await?;
    (ops.parts().notify_pending)();

    tracing::info!(
        person.key = %person,
        actor = actor.name,
        accounts = connections.len(),
        "the person's accounts are tried now"
    );
    Ok(Json(
        json!({ "person": person, "connections": connections }),
    ))
}
