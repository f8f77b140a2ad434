//! The test of a connection: each kind of read that a reconcile sends, tried once.
//!
//! In: a connection's name. Out: what works and what fails, by name. It reads only. If everything
//! works, leavers that wait for their next attempt are tried at once.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{ApiError, Ops};
use crate::{scim_client::Client, store::StoreError, telemetry};
use hirewire_core::{
    mapping::{Mapping, MatchKey},
    plan::Failure,
    scim::{AttributePath, TargetSchemas},
};

/// One read and its result.
#[derive(Debug, Serialize)]
struct Check {
    /// `users`, `search by userName`, `groups`.
    name: String,
    ok: bool,
    result: String,
}

impl Check {
    fn of<T>(name: impl Into<String>, works: &str, result: &Result<T, Failure>) -> Self {
        Self {
            name: name.into(),
            ok: result.is_ok(),
            result: match result {
                Ok(_) => works.to_owned(),
                Err(failure) => reason(failure),
            },
        }
    }
}

/// `POST /api/v1/connections/{connection}/test`: tries base URL, credentials, the search by each
/// match key, groups and discovery, and compares the published mapping with the target's schemas.
pub(super) async fn test(
    State(ops): State<Ops>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let _permit = ops.permit_for_people().await?;
    let connection = ops.connection(&name)?;
    let published = connection.published(ops.store(), None).await?;
    let published = published
        .ok_or_else(|| ApiError::unpublished(&name))?
        .for_people();

    let client = &published.client;
    let mut checks = vec![Check::of("users", "can be listed", &client.probe().await)];
    checks.extend(searches(client, &published.mapping).await);
    if uses_groups(&published.mapping) {
        let found = client.find_group(&unlikely_value()).await;
        checks.push(Check::of("groups", "can be searched", &found));
    }
    let discovery = client.service_provider_config().await;
    let schemas = client.schemas().await;

    let works = checks.iter().all(|check| check.ok);
    if works {
        retry_leavers(&ops, &name).await?;
    }
    Ok(Json(json!({
        "connection": name,
        "ok": works,
        "checks": checks,
        "discovery": match &discovery {
            Ok(Some(config)) => json!({
                "patch": config.get("patch"), "filter": config.get("filter"),
            }),
            Ok(None) => json!("the target does not publish its service provider configuration"),
            Err(failure) => json!(reason(failure)),
        },
        "schemas": match &schemas {
            Ok(Some(schemas)) => json!(contradictions(&published.mapping, schemas)),
            Ok(None) => json!("the target does not publish its schemas"),
            Err(failure) => json!(reason(failure)),
        },
        "profile": published.mapping.document().profile.name,
    })))
}

/// A search by each match key, for a value that no user has.
async fn searches(client: &Client, mapping: &Mapping) -> Vec<Check> {
    let mut checks = Vec::new();
    let paths = mapping.document().r#match.iter();
    for path in paths.filter_map(|text| AttributePath::parse(text).ok()) {
        if !client.profile().is_filterable(&path) {
            continue;
        }
        let key = MatchKey {
            path: path.clone(),
            value: unlikely_value(),
        };
        let found = client.try_key(&key).await;
        checks.push(Check::of(format!("search by {path}"), "works", &found));
    }
    checks
}

/// The rules of the published mapping that the schemas of the target contradict, in words.
fn contradictions(mapping: &Mapping, schemas: &TargetSchemas) -> Vec<String> {
    let found = mapping.document().contradictions(schemas).into_iter();
    let found = found.map(|fault| match fault.at.last() {
        Some(key) => format!("`{key}`: {}", fault.problem),
        None => fault.problem,
    });
    found.collect()
}

fn unlikely_value() -> String {
    format!("hirewire-test-{}", telemetry::new_id())
}

fn uses_groups(mapping: &Mapping) -> bool {
    let document = mapping.document();
    document.profile.groups.is_some() && !document.groups.is_empty()
}

async fn retry_leavers(ops: &Ops, name: &str) -> Result<(), StoreError> {
    let retried = ops.store().retry_unreachable(name).await?;
    if retried > 0 {
        (ops.parts().notify_pending)();
        tracing::info!(
            connection = name,
            leavers = retried,
            "the connection works: leavers that wait are tried now"
        );
    }
    Ok(())
}

/// The failure, and the target's own words.
fn reason(failure: &Failure) -> String {
    match failure.error().and_then(|error| error.detail.as_deref()) {
        Some(detail) => format!("{}: {detail}", failure.kind),
        None => failure.kind.to_string(),
    }
}
