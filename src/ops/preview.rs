//! Preview: the exact SCIM requests that events would cause now, against the live target; it only reads there.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Ops, Refusal};
use crate::{
    store::{Account, LastApplied, PersonKey, Priority},
    telemetry,
    worker::{Connection, Look, Next, Seen, look, requests_of},
};
use hirewire_core::{
    event::{Alias, Event, HookId, ParsedEvent, SourceId},
    fold,
    mapping::Access,
};

/// Reads a body as the named source would send it, or says why not.
pub type ReadBody =
    Arc<dyn Fn(&str, &[u8]) -> Result<(SourceId, Vec<ParsedEvent>), String> + Send + Sync>;

/// Where to look.
#[derive(Debug, Deserialize)]
pub(super) struct Where {
    /// One connection alone.
    connection: Option<String>,
}

/// What would be done for one person on one connection.
#[derive(Debug, Serialize)]
pub(super) struct Foreseen {
    connection: String,
    worker: String,
    status: fold::Status,
    access: Access,
    what: String,
    requests: Value,
    notes: Vec<String>,
}

/// `POST /api/v1/preview/{source}?connection=`: the body as the source would send it.
pub(super) async fn preview(
    State(ops): State<Ops>,
    Path(source): Path<String>,
    Query(place): Query<Where>,
    body: Bytes,
) -> Result<Json<Vec<Foreseen>>, Refusal> {
    let (source, read) = (ops.parts().read)(&source, &body).map_err(Refusal::bad_request)?;
    let hook = HookId::parse(telemetry::new_id())
        .map_err(|error| Refusal::bad_request(error.to_string()))?;
    let received = ops.store().now().await?;
    let events: Vec<Event> = read
        .into_iter()
        .map(|read| Event {
            source: source.clone(),
            hook: hook.clone(),
            received,
            id_derivation: read.id_derivation,
            content: read.content,
        })
        .collect();
    let connections: Vec<&Arc<Connection>> = if let Some(name) = &place.connection {
        vec![ops.connection(name)?]
    } else {
        let fed = |connection: &&Arc<Connection>| connection.settings.sources.contains(&source);
        ops.parts().connections.values().filter(fed).collect()
    };
    let aliases: BTreeSet<Alias> = events.iter().map(Event::alias).collect();
    let mut foreseen = Vec::new();
    for alias in aliases {
        for connection in &connections {
            foreseen.push(one(&ops, connection, &alias, &events).await?);
        }
    }
    Ok(Json(foreseen))
}

async fn one(
    ops: &Ops,
    connection: &Arc<Connection>,
    alias: &Alias,
    new: &[Event],
) -> Result<Foreseen, Refusal> {
    let store = ops.store();
    let name = &connection.settings.name;
    let live = connection.live(store, None).await?;
    let live = live.ok_or_else(|| {
        Refusal::not_found(format!(
            "nothing is published for `{name}` yet: start the service"
        ))
    })?;
    let known = store
        .find_person(&alias.to_string())
        .await?
        .into_iter()
        .next();
    let facts = match &known {
        Some(person) => store.facts(person).await?,
        None => None,
    };
    let mut events = facts.map(|facts| facts.events).unwrap_or_default();
    events.extend(new.iter().cloned());
    let now = store.now().await?;
    let person = fold::fold(&events, alias, now, connection.rules());
    let accounts = match &known {
        Some(key) => store.accounts(key).await?,
        None => Vec::new(),
    };
    let account = accounts
        .into_iter()
        .map(|view| view.account)
        .find(|account| account.connection == *name);
    let account = account.unwrap_or_else(|| unseen(name, alias));
    let seen = Seen {
        mapping: &live.mapping,
        client: &live.client,
        connection,
        account: &account,
        person: &person,
        now,
        taken_over: false,
        second_account: false,
        read_first: true,
    };
    let looked = look(&seen)
        .await
        .map_err(|failure| Refusal::dependency(format!("{name}: {failure}")))?;
    let requests = requests_of(&looked, &live.mapping.document().profile);
    Ok(Foreseen {
        connection: name.clone(),
        worker: alias.to_string(),
        status: person.status,
        access: looked.access.access,
        what: what(&looked),
        requests: json!(requests),
        notes: looked
            .notes
            .iter()
            .map(|note| format!("{note:?}"))
            .collect(),
    })
}

/// An account that was never reconciled.
fn unseen(connection: &str, alias: &Alias) -> Account {
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

fn what(look: &Look) -> String {
    match &look.next {
        Next::Send(operations) => format!("{} request(s) would be sent", operations.len()),
        Next::Reconciled(kind, detail) => {
            let kind = serde_json::to_value(kind)
                .ok()
                .and_then(|kind| kind.as_str().map(ToOwned::to_owned));
            format!(
                "nothing would be sent: {} {detail}",
                kind.unwrap_or_default()
            )
            .trim_end()
            .to_owned()
        }
        Next::Later(until, why) => format!("nothing would be sent before {until}: {why}"),
        Next::Letter { summary, .. } => format!("a dead letter: {summary}"),
    }
}
