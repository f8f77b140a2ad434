//! Operators' events: what an operator states about a person (docs/fold.md, section 4).
//!
//! Everything that an operator changes is an event of source `ops`: it is stored as any other, and
//! the accounts follow from all events. In: a kind, a person and what the kind refers to. Out: the
//! event, and the person's status before and after it.

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Actor, ApiError, Ops, people};
use crate::{
    queue::{Hook, Payload},
    store::{Facts, PersonKey},
    telemetry,
};
use hirewire_core::{
    event::{
        Alias, CloudEvent, ContentDigest, Event, EventData, EventReference, HookId, IdDerivation,
        Kind, OtherWorker, ParsedEvent, SourceId, WorkerId,
    },
    fold::{self, Status},
};

/// The `CloudEvents` `source` of an operator's event.
const ORIGIN: &str = "/ops";

/// The statement of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Statement {
    Revoke,
    Restore,
    Void,
    Link,
    Unlink,
}

/// The body of the request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorRequest {
    statement: Statement,
    /// `void`: the id of the event. `restore`: the id of the revocation; none: every one.
    #[serde(default)]
    event: Option<String>,
    /// `link`, `unlink`: the other worker.
    #[serde(default)]
    other: Option<String>,
    #[serde(default)]
    reason: String,
    /// Shows the statuses, and stores nothing.
    #[serde(default)]
    dry_run: bool,
}

/// A worker that a request names, with the facts about the person.
struct Named {
    alias: Alias,
    person: PersonKey,
    facts: Facts,
}

/// `POST /api/v1/people/{person}/events`: stores an operator's event about a person.
pub(super) async fn state(
    State(ops): State<Ops>,
    Path(text): Path<String>,
    Extension(actor): Extension<Actor>,
    Json(request): Json<OperatorRequest>,
) -> Result<Json<Value>, ApiError> {
    let named = named(&ops, &text).await?;
    let other = match &request.other {
        Some(other) => Some(self::named(&ops, other).await?),
        None => None,
    };
    let now = ops.store().now().await?;
    let event = event(&request, &named, other.as_ref(), &actor, now)?;

    let mut known = named.facts.events.clone();
    known.extend(other.iter().flat_map(|other| other.facts.events.clone()));
    let status = |events: &[Event]| fold::fold(events, &named.alias, now, ops.rules()).status;
    let before = status(&named.facts.events);
    known.push(event.clone());
    let after = status(&known);

    if !request.dry_run {
        store(&ops, &event).await?;
        tracing::info!(
            actor = actor.name,
            person.key = %named.person,
            event = event.kind().as_str(),
            "an operator's event is stored"
        );
    }
    Ok(Json(answer(&named, &event, (before, after), &request)))
}

fn answer(
    named: &Named,
    event: &Event,
    (before, after): (Status, Status),
    request: &OperatorRequest,
) -> Value {
    json!({
        "event": event.content.id,
        "kind": event.kind().as_str(),
        "worker": named.alias.to_string(),
        "person": named.person,
        "refers_to": event.content.data.refers_to,
        "status_before": before,
        "status_after": after,
        "dry_run": request.dry_run,
    })
}

async fn store(ops: &Ops, event: &Event) -> Result<(), ApiError> {
    let parsed = ParsedEvent {
        id_derivation: event.id_derivation,
        content: event.content.clone(),
    };
    let hook = Hook {
        source: event.source.clone(),
        hook: event.hook.clone(),
        received: event.received,
        secret: None,
        digest: ContentDigest::of(event.content.id.as_bytes()),
        payload: Payload::Events(vec![parsed]),
    };

    let routing = &ops.parts().source_routing;
    ops.store().store_hooks(&[hook], routing).await?;
    (ops.parts().notify_pending)();
    Ok(())
}

/// The event that the request states.
fn event(
    request: &OperatorRequest,
    named: &Named,
    other: Option<&Named>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Event, ApiError> {
    let kind = match request.statement {
        Statement::Revoke => Kind::AccessRevoked,
        Statement::Restore => Kind::AccessRestored,
        Statement::Void => Kind::Voided,
        Statement::Link => Kind::Linked,
        Statement::Unlink => Kind::Unlinked,
    };
    let refers_to = refers_to(request, named)?;
    let other = other_of(request.statement, named, other)?;
    let reason = request.reason.trim();
    let content = CloudEvent {
        specversion: "1.0".to_owned(),
        id: telemetry::new_id(),
        source: ORIGIN.to_owned(),
        kind,
        subject: named.alias.worker.clone(),
        time: Some(now),
        data: EventData {
            refers_to,
            other,
            actor: Some(actor.name.clone()),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            on_behalf_of: Some(named.alias.source.clone()),
            ..EventData::default()
        },
    };
    let hook = HookId::parse(telemetry::new_id())
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    Ok(Event {
        source: SourceId::ops(),
        hook,
        received: now,
        id_derivation: IdDerivation::Given,
        content,
    })
}

/// The events that the statement is about.
fn refers_to(request: &OperatorRequest, named: &Named) -> Result<Vec<EventReference>, ApiError> {
    match request.statement {
        Statement::Restore => revocations(request, named),
        Statement::Void => Ok(vec![voidable(request, named)?]),
        Statement::Revoke | Statement::Link | Statement::Unlink => {
            refuse_event(request)?;
            Ok(Vec::new())
        }
    }
}

/// The other worker of a link.
fn other_of(
    statement: Statement,
    named: &Named,
    other: Option<&Named>,
) -> Result<Option<OtherWorker>, ApiError> {
    let is_link = matches!(statement, Statement::Link | Statement::Unlink);
    match other {
        Some(other) if is_link => other_worker(statement, named, other).map(Some),
        Some(_) => Err(ApiError::bad_request("only a link has `other`")),
        None if is_link => Err(ApiError::bad_request("`other` must name the other worker")),
        None => Ok(None),
    }
}

fn refuse_event(request: &OperatorRequest) -> Result<(), ApiError> {
    match &request.event {
        None => Ok(()),
        Some(_) => Err(ApiError::bad_request(
            "only `void` and `restore` name an event",
        )),
    }
}

/// The revocations that a restoration lifts.
fn revocations(request: &OperatorRequest, named: &Named) -> Result<Vec<EventReference>, ApiError> {
    let revoked: Vec<EventReference> = named
        .facts
        .events
        .iter()
        .filter(|event| event.kind() == Kind::AccessRevoked)
        .filter(|event| {
            let wanted = request.event.as_ref();
            wanted.is_none_or(|id| event.content.id == *id)
        })
        .map(reference)
        .collect();
    if revoked.is_empty() {
        return Err(ApiError::bad_request(match &request.event {
            Some(id) => format!("no revocation of {} has the id `{id}`", named.alias),
            None => format!("the access of {} was never revoked", named.alias),
        }));
    }
    Ok(revoked)
}

/// The event that is taken back.
fn voidable(request: &OperatorRequest, named: &Named) -> Result<EventReference, ApiError> {
    let Some(id) = &request.event else {
        return Err(ApiError::bad_request("`event` must name the event to void"));
    };
    let mut found = named
        .facts
        .events
        .iter()
        .filter(|event| event.content.id == *id);

    match (found.next(), found.next()) {
        (None, _) => Err(ApiError::not_found(format!(
            "no event of {} has the id `{id}`: `hirewire people show {}` lists them",
            named.alias, named.alias
        ))),
        (Some(event), None) if event.kind() == Kind::Voided => Err(ApiError::bad_request(
            "a void cannot be taken back: have HR send the fact again under a new id",
        )),
        (Some(event), None) => Ok(reference(event)),
        (Some(_), Some(_)) => Err(ApiError::bad_request(format!(
            "several events of {} have the id `{id}`, from different senders",
            named.alias
        ))),
    }
}

fn reference(event: &Event) -> EventReference {
    let key = event.key();
    EventReference::Key {
        source: key.source,
        origin: key.origin,
        id: key.id,
    }
}

fn other_worker(
    statement: Statement,
    named: &Named,
    other: &Named,
) -> Result<OtherWorker, ApiError> {
    let (one, two) = (&named.alias, &other.alias);
    let is_one_person = named.person == other.person;
    if one == two {
        return Err(ApiError::bad_request(format!("both are {one}")));
    }
    if statement == Statement::Link && is_one_person {
        return Err(ApiError::bad_request(format!(
            "{one} and {two} are one person already"
        )));
    }
    if statement == Statement::Unlink && !is_one_person {
        return Err(ApiError::bad_request(format!(
            "{one} and {two} are two people"
        )));
    }
    Ok(OtherWorker {
        source: two.source.clone(),
        worker_id: two.worker.clone(),
    })
}

/// The worker and the person that a text names. A link needs the worker: a person may have several.
async fn named(ops: &Ops, text: &str) -> Result<Named, ApiError> {
    let person = people::find_one(ops, text).await?;
    let facts = ops.store().facts(&person).await?;
    let facts =
        facts.ok_or_else(|| ApiError::not_found(format!("no event is known of `{text}`")))?;

    let stated = text.split_once('/').and_then(|(source, worker)| {
        Some(Alias {
            source: SourceId::parse(source).ok()?,
            worker: WorkerId::parse(worker).ok()?,
        })
    });
    let folded = fold::fold(&facts.events, &facts.alias, facts_time(&facts), ops.rules());
    let alias = folded
        .aliases
        .iter()
        .find(|alias| Some(*alias) == stated.as_ref())
        .or_else(|| {
            let mut aliases = folded.aliases.iter();
            aliases.find(|alias| alias.worker.as_str() == text)
        })
        .unwrap_or(&facts.alias)
        .clone();
    Ok(Named {
        alias,
        person,
        facts,
    })
}

/// An instant at which every event is known: the aliases of a person do not depend on it.
fn facts_time(facts: &Facts) -> Timestamp {
    let received = facts.events.iter().map(|event| event.received);
    received.max().unwrap_or_default()
}
