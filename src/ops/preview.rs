//! Preview: the exact SCIM requests that events would cause now, against the live target.
//!
//! In: a body as a source would send it. The events in it are added to the stored ones, folded,
//! mapped and assessed like those of a reconcile. Out: one preview for each person and connection.
//! It reads the target and writes nothing, neither there nor in the store.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Path, Query, State},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{ApiError, Ops};
use crate::{
    store::{Account, Claim, LastApplied, PersonKey, Priority},
    telemetry,
    worker::{Connection, ReadError, ReconcileContext, assess, note_text, requests_of},
};
use hirewire_core::{
    event::{Alias, Event, HookId, ParsedEvent, SourceId},
    fold,
    mapping::Access,
    plan::Request,
};

/// The longest body, in bytes: as long as a hook may be.
const MAX_BODY: usize = 1024 * 1024;

/// Reads a body as the named source would send it, or returns why it cannot.
pub(crate) type ReadBody =
    Arc<dyn Fn(&str, &[u8]) -> Result<(SourceId, Vec<ParsedEvent>), String> + Send + Sync>;

/// The query of a preview.
#[derive(Debug, Deserialize)]
pub(super) struct PreviewQuery {
    /// `None`: every connection that the source feeds.
    connection: Option<String>,
}

/// The effect that a reconcile would have on one account.
#[derive(Debug, Serialize)]
pub(super) struct AccountPreview {
    connection: String,
    /// The alias of the person.
    worker: String,
    status: fold::Status,
    access: Access,
    /// For people: what follows.
    next_step: String,
    requests: Vec<Request>,
    /// For people: what the plan leaves out.
    notes: Vec<String>,
}

/// `POST /api/v1/preview/{source}?connection=`: the body as the source would send it.
pub(super) async fn preview(
    State(ops): State<Ops>,
    Path(source): Path<String>,
    Query(query): Query<PreviewQuery>,
    body: Body,
) -> Result<Json<Vec<AccountPreview>>, ApiError> {
    let _permit = ops.permit_for_people().await?;
    let body = to_bytes(body, MAX_BODY)
        .await
        .map_err(|_| ApiError::bad_request("the body is incomplete, or larger than 1 MiB"))?;
    let (source, events) = read_events(&ops, &source, &body).await?;
    let connections: Vec<&Arc<Connection>> = if let Some(name) = &query.connection {
        vec![ops.connection(name)?]
    } else {
        ops.parts()
            .connections
            .values()
            .filter(|connection| connection.settings.sources.contains(&source))
            .collect()
    };

    let aliases: BTreeSet<Alias> = events.iter().map(Event::alias).collect();
    let mut previews = Vec::new();
    for alias in aliases {
        for connection in &connections {
            previews.push(preview_account(&ops, connection, &alias, &events).await?);
        }
    }
    Ok(Json(previews))
}

/// Reads the events of a body as if a hook had brought them now.
async fn read_events(
    ops: &Ops,
    source: &str,
    body: &[u8],
) -> Result<(SourceId, Vec<Event>), ApiError> {
    let (source, parsed) = (ops.parts().read_body)(source, body).map_err(ApiError::bad_request)?;
    let hook = HookId::parse(telemetry::new_id())
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let received = ops.store().now().await?;

    let events = parsed
        .into_iter()
        .map(|parsed| Event {
            source: source.clone(),
            hook: hook.clone(),
            received,
            id_derivation: parsed.id_derivation,
            content: parsed.content,
        })
        .collect();
    Ok((source, events))
}

pub(super) async fn preview_account(
    ops: &Ops,
    connection: &Connection,
    alias: &Alias,
    new_events: &[Event],
) -> Result<AccountPreview, ApiError> {
    let (store, name) = (ops.store(), &connection.settings.name);
    let published = connection.published(store, None).await?;
    let published = published
        .ok_or_else(|| ApiError::unpublished(name))?
        .for_people();

    let known = store.person_of(alias).await?;
    let facts = match &known {
        Some(person) => store.facts(person).await?,
        None => None,
    };
    let mut events = facts.map(|facts| facts.events).unwrap_or_default();
    let is_replay = all_known(new_events, &events);
    events.extend(new_events.iter().cloned());

    let now = store.now().await?;
    let person = fold::fold(&events, alias, now, connection.rules());
    let account = match &known {
        Some(key) => account_of(ops, key, name).await?,
        None => None,
    };
    let mut account = account.unwrap_or_else(|| new_account(name, alias));
    if is_replay {
        // A replay sends again what was refused.
        account.last_applied.refused.clear();
    }

    let claim = unheld_claim(account, now, published.version);
    let (mapping, settings) = (&published.mapping, &connection.settings);
    let mut context = ReconcileContext::new(&claim, &person, mapping, settings, Instant::now());
    context.read_first = true;
    let assessment = match assess(&context, &published, store).await {
        Ok(assessment) => assessment,
        Err(ReadError::Target(failure)) => {
            return Err(ApiError::dependency(format!("{name}: {failure}")));
        }
        Err(ReadError::Store(error)) => return Err(error.into()),
    };

    Ok(AccountPreview {
        connection: name.clone(),
        worker: alias.to_string(),
        status: person.status,
        access: context.access(),
        next_step: assessment.next.to_string(),
        requests: requests_of(&assessment, &mapping.document().profile),
        notes: assessment.notes.iter().map(note_text).collect(),
    })
}

/// Whether no event is new: then the preview shows what a replay would send.
fn all_known(events: &[Event], known: &[Event]) -> bool {
    events
        .iter()
        .all(|event| known.iter().any(|known| known.key() == event.key()))
}

async fn account_of(
    ops: &Ops,
    person: &PersonKey,
    connection: &str,
) -> Result<Option<Account>, ApiError> {
    let views = ops.store().accounts(person).await?;
    Ok(views
        .into_iter()
        .map(|view| view.account)
        .find(|account| account.connection == connection))
}

/// A claim for the context of the assessment. No row has it, so nothing could be committed with it.
fn unheld_claim(account: Account, now: Timestamp, mapping_version: i64) -> Claim {
    Claim {
        account,
        fencing_token: String::new(),
        lease_until: now,
        now,
        person_version: 0,
        mapping_version,
        lease_taken_over: false,
        merged_into: None,
    }
}

/// An account that was never reconciled.
fn new_account(connection: &str, alias: &Alias) -> Account {
    Account {
        connection: connection.to_owned(),
        person: PersonKey("not known yet".to_owned()),
        alias: alias.clone(),
        scim_id: None,
        last_applied: LastApplied::default(),
        reconciled_version: 0,
        reconciled_access: None,
        reconciled_mapping_version: 0,
        next_due_at: None,
        priority: Priority::Other,
        pending_since: None,
        leaver_since: None,
        attempts: 0,
        not_before: None,
        intent: None,
        verify_at: None,
        audits: 0,
        held: false,
        last_run_at: None,
        outcome: None,
    }
}
