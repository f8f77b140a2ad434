//! People: found by alias or key, and shown with every fact, status, account and dead letter.
//!
//! In: the text that names a person. Out: the events and the fold of them, the desired and the last
//! committed state of each account, open dead letters, history. Attribute values are shown as HR
//! sent them, so these answers hold personal data.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ApiError, Ops};
use crate::store::{AccountView, DeadLetterFilter, Facts, PersonKey};
use hirewire_core::{
    event::{Alias, Event},
    fold,
};

/// How many lines of history are shown.
const HISTORY_LINES: usize = 50;

/// The query of a search.
#[derive(Debug, Deserialize)]
pub(super) struct PersonQuery {
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
    /// Names of the attributes that it changes.
    attributes: Vec<String>,
    actor: Option<String>,
}

/// `GET /api/v1/people?q=`
pub(super) async fn find(
    State(ops): State<Ops>,
    Query(query): Query<PersonQuery>,
) -> Result<Json<Vec<PersonKey>>, ApiError> {
    Ok(Json(ops.store().find_person(&query.q).await?))
}

/// The one person that a text names.
pub(super) async fn find_one(ops: &Ops, text: &str) -> Result<PersonKey, ApiError> {
    let mut found = ops.store().find_person(text).await?;
    match (found.pop(), found.is_empty()) {
        (Some(person), true) => Ok(person),
        (Some(_), false) => Err(ApiError::bad_request(format!(
            "`{text}` is several people: name the source too (source/worker)"
        ))),
        (None, _) => Err(ApiError::not_found(format!("nobody is known as `{text}`"))),
    }
}

/// `GET /api/v1/people/{person}`: a key, `source/worker` (with `%2F`), or a worker id.
pub(super) async fn show(
    State(ops): State<Ops>,
    Path(text): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let store = ops.store();
    let key = find_one(&ops, &text).await?;
    let facts = store
        .facts(&key)
        .await?
        .ok_or_else(|| ApiError::not_found(format!("no event is known of person {key}")))?;
    let now = store.now().await?;
    let person = fold::fold(&facts.events, &facts.alias, now, ops.rules());

    let mut accounts = Vec::new();
    for view in store.accounts(&facts.person).await? {
        accounts.push(account(&ops, &view, &facts, now).await?);
    }

    let mut events: Vec<&Event> = facts
        .events
        .iter()
        .filter(|event| concerns(event, &person.aliases))
        .collect();
    events.sort_by_key(|event| (event.occurred(), event.received));

    let open = DeadLetterFilter {
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
        "events": events.into_iter().map(event_view).collect::<Vec<_>>(),
        "accounts": accounts,
        "dead_letters": store.dead_letters(&open).await?,
        "history": store.history(Some(&facts.person), HISTORY_LINES).await?,
    })))
}

/// The row of an account, and the access that it should give; `null`: its connection is not
/// configured or not published.
async fn account(
    ops: &Ops,
    view: &AccountView,
    facts: &Facts,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let connection = ops.parts().connections.get(&view.account.connection);
    let desired = match connection {
        Some(connection) => connection
            .published(ops.store(), None)
            .await?
            .map(|published| {
                let rules = connection.rules();
                let person = fold::fold(&facts.events, &facts.alias, now, rules);
                published
                    .mapping
                    .access(&person, view.account.given_access(), now)
            }),
        None => None,
    };

    Ok(json!({
        "account": view.account,
        "lease_until": view.lease_until,
        "desired": desired.map(|desired| json!({
            "access": desired.access,
            "due": desired.due,
            "due_ends_access": desired.due_ends_access,
        })),
    }))
}

fn concerns(event: &Event, aliases: &BTreeSet<Alias>) -> bool {
    event.aliases().iter().any(|alias| aliases.contains(alias))
}

fn event_view(event: &Event) -> EventView {
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
