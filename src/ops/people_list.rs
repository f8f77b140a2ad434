//! `GET /api/v1/people-list`: people by a text that their ids or their facts contain.
//!
//! In: a text to search for; empty: everybody. Out: how many people match, and the first of them
//! with worker, name, work e-mail address and status. The answers hold personal data.

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ApiError, Ops,
    subjects::{name_of, text_of},
};
use crate::store::PersonKey;
use hirewire_core::fold;

/// The most people in one answer.
const MOST: usize = 500;

/// The query of a list.
#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    /// A part of a worker id, a name or an e-mail address, compared without case.
    #[serde(default)]
    search: String,
    /// The most people to show.
    most: Option<usize>,
}

/// Lists people in the order of their worker ids.
pub(super) async fn list(
    State(ops): State<Ops>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let store = ops.store();
    let keys = store.search_people(query.search.trim()).await?;
    let shown: Vec<&PersonKey> = keys
        .iter()
        .take(query.most.unwrap_or(50).clamp(1, MOST))
        .collect();

    let mut facts = store.facts_of(&shown).await?;
    let now = store.now().await?;
    let mut people = Vec::new();
    for key in shown {
        let Some(facts) = facts.remove(key) else {
            continue;
        };
        let person = fold::fold(&facts.events, &facts.alias, now, ops.rules());
        people.push(json!({
            "person": facts.person,
            "worker": facts.alias.to_string(),
            "name": name_of(&person),
            "work_email": text_of(&person, "work_email"),
            "status": person.status,
        }));
    }
    Ok(Json(json!({ "total": keys.len(), "people": people })))
}
