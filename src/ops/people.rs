//! People: found by alias or key, and shown with every fact, where they stand, and what each connection has of them.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Ops, Refusal};
use crate::store::{DeadLetterFilter, PersonKey};
use hirewire_core::{event::Event, fold, mapping::AccessDecision};

/// What is looked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// A person's key, `source/worker`, or a worker id.
    q: String,
}

#[derive(Debug, Serialize)]
struct EventView {
    id: String,
    kind: &'static str,
    alias: String,
    occurred: Timestamp,
    received: Timestamp,
    effective: Option<Value>,
    attributes: Vec<String>,
    actor: Option<String>,
}

/// `GET /api/v1/people?q=`
pub(super) async fn find(
    State(ops): State<Ops>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<PersonKey>>, Refusal> {
    Ok(Json(ops.store().find_person(&wanted.q).await?))
}

/// The one person of that text.
pub(super) async fn one(ops: &Ops, text: &str) -> Result<PersonKey, Refusal> {
    let mut found = ops.store().find_person(text).await?;
    match (found.pop(), found.is_empty()) {
        (Some(person), true) => Ok(person),
        (Some(_), false) => Err(Refusal::bad_request(format!(
            "`{text}` is several people: name the source too (source/worker)"
        ))),
        (None, _) => Err(Refusal::not_found(format!("nobody is known as `{text}`"))),
    }
}

/// `GET /api/v1/people/{person}`: a key, `source/worker` (with `%2F`), or a worker id.
pub(super) async fn show(
    State(ops): State<Ops>,
    Path(text): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let store = ops.store();
    let key = one(&ops, &text).await?;
    let facts = store
        .facts(&key)
        .await?
        .ok_or_else(|| Refusal::not_found("nobody of that key"))?;
    let now = store.now().await?;
    let person = fold::fold(&facts.events, &facts.alias, now, ops.rules());
    let mut accounts = Vec::new();
    for view in store.accounts(&facts.person).await? {
        let connection = ops.parts().connections.get(&view.account.connection);
        let access = match connection {
            Some(connection) => connection.live(store, None).await?.map(|live| {
                let scoped = fold::fold(&facts.events, &facts.alias, now, connection.rules());
                live.mapping.access(&scoped, now)
            }),
            None => None,
        };
        accounts.push(json!({
            "account": view.account,
            "lease_until": view.lease_until,
            "desired": access.map(|access: AccessDecision| json!({
                "access": access.access, "due": access.due, "due_ends_access": access.due_ends_access,
            })),
        }));
    }
    let mut events: Vec<&Event> = facts
        .events
        .iter()
        .filter(|event| concerns(event, &person.aliases))
        .collect();
    events.sort_by_key(|event| (event.occurred(), event.received));
    let letters = DeadLetterFilter {
        person: Some(facts.person.clone()),
        ..DeadLetterFilter::default()
    };
    Ok(Json(json!({
        "person": facts.person,
        "version": facts.version,
        "now": now,
        "aliases": person.aliases.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "status": person.status,
        "next_change": person.next_change,
        "access_revoked_from": person.access_revoked_from,
        "employments": person.employments,
        "attributes": person.attributes,
        "findings": person.findings,
        "events": events.into_iter().map(view).collect::<Vec<_>>(),
        "accounts": accounts,
        "letters": store.dead_letters(&letters).await?,
        "history": store.history(Some(&facts.person), 50).await?,
    })))
}

fn concerns(event: &Event, aliases: &BTreeSet<hirewire_core::event::Alias>) -> bool {
    event.aliases().iter().any(|alias| aliases.contains(alias))
}

fn view(event: &Event) -> EventView {
    let data = &event.content.data;
    EventView {
        id: event.content.id.clone(),
        kind: event.kind().as_str(),
        alias: event.alias().to_string(),
        occurred: event.occurred(),
        received: event.received,
        effective: data
            .effective
            .as_ref()
            .and_then(|effective| serde_json::to_value(effective).ok()),
        attributes: data
            .worker
            .flatten()
            .into_iter()
            .map(|(attribute, _)| attribute.as_str().to_owned())
            .collect(),
        actor: data.actor.clone(),
    }
}
