//! Reads what a target publishes about itself (RFC 7644 section 4).
//!
//! Everything here is advice: a target without it works, and no account depends on it.

use tokio::time::Instant;

use serde_json::Value;

use super::{Client, send::unusable};
use hirewire_core::{
    plan::{Failure, Phase, Request},
    scim::{ListResponse, TargetSchemas, member},
};

/// How many pages of schemas are read. The RFC knows no pages here, but some targets make them.
const MAX_PAGES: usize = 4;

/// More schemas are not read.
const MAX_SCHEMAS: usize = 200;

impl Client {
    /// The target's service provider configuration (RFC 7643 section 5); `None` if the profile has
    /// no path for it or the target does not serve it.
    pub async fn service_provider_config(&self) -> Result<Option<Value>, Failure> {
        let path = &self.profile().service_provider_config;
        if path.is_empty() {
            return Ok(None);
        }

        match self.send(&Request::get(Phase::Probe, path)).await {
            Ok(response) => Ok(response.body),
            Err(failure) if is_absent(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The target's schemas (RFC 7643 section 7), read within the deadline of one request; `None`
    /// if the profile has no path for them or the target does not serve them.
    pub async fn schemas(&self) -> Result<Option<TargetSchemas>, Failure> {
        let path = &self.profile().schemas;
        if path.is_empty() {
            return Ok(None);
        }

        let deadline = Instant::now() + self.timeout();
        let mut documents: Vec<Value> = Vec::new();
        let mut complete = false;
        for _ in 0..MAX_PAGES {
            let request = Request::get(Phase::Probe, path);
            let request = match documents.len() {
                0 => request,
                read => request.query(format!("startIndex={}", read + 1)),
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let body = match self.send_within(&request, left).await {
                Ok(response) => response.body,
                Err(failure) if is_absent(&failure) && documents.is_empty() => return Ok(None),
                Err(failure) => return Err(failure),
            };

            let page = body.as_ref().and_then(|body| {
                let is_list = body.is_array() || member(body, "Resources").is_some();
                Some((ListResponse::read(body)?, !is_list))
            });
            let (page, is_one_schema) =
                page.ok_or_else(|| unusable(Phase::Probe, "the list of schemas is no list"))?;
            // A target that knows no pages repeats the first one.
            let is_new = |schema: &Value| !documents.iter().any(|known| same_id(known, schema));
            let new: Vec<Value> = page.resources.into_iter().filter(is_new).collect();
            let is_last = new.is_empty();
            documents.extend(new);

            let read = u64::try_from(documents.len()).unwrap_or(u64::MAX);
            complete = page.total <= read && !is_one_schema;
            if complete || is_last || is_one_schema || documents.len() >= MAX_SCHEMAS {
                break;
            }
        }

        documents.truncate(MAX_SCHEMAS);
        let schemas = TargetSchemas::read(&documents, complete);
        let no_schema = || unusable(Phase::Probe, "no schema is in the answer");
        schemas.map(Some).ok_or_else(no_schema)
    }
}

fn same_id(one: &Value, other: &Value) -> bool {
    one.get("id") == other.get("id")
}

/// Whether the target answers that it does not serve this.
fn is_absent(failure: &Failure) -> bool {
    matches!(failure.status(), Some(404 | 405 | 501))
}
