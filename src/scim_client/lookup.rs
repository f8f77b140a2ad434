//! Finding an account by its match keys, and checking every hit on our side.
//!
//! Targets answer filters they do not understand with nothing, or with everything. So a hit counts only if
//! the value is really there, and finding nothing is no proof that nobody is there: a create may still be 409.

use serde_json::Value;

use super::{Client, send::unusable};
use hirewire_core::{
    mapping::MatchKey,
    plan::{Failure, FailureKind, Phase, Request},
    scim::{AttributePath, Filter, ListResponse, member},
};

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Nobody, as far as the target tells.
    Nobody {
        /// Keys that it would not be asked by.
        unasked: Vec<AttributePath>,
    },
    /// One account.
    One(Hit),
    /// Several, by one key or by different ones: nobody may choose between them but an operator.
    Several(Vec<Hit>),
}

/// An account that really has what was looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The target's id of it.
    pub id: String,
    /// As the target listed it.
    pub resource: Value,
    /// Which keys it was found by.
    pub by: Vec<AttributePath>,
}

/// As many pages are read of a target that ignores the filter.
const MOST_PAGES: usize = 20;

impl Client {
    /// Looks the account up by every key that the dialect can filter by.
    pub async fn find(&self, keys: &[MatchKey]) -> Result<Found, Failure> {
        let mut hits: Vec<Hit> = Vec::new();
        let mut unasked = Vec::new();
        for key in keys.iter().filter(|key| !key.value.is_empty()) {
            if !self.profile().is_filterable(&key.path) {
                unasked.push(key.path.clone());
                continue;
            }
            match self.find_by(key).await {
                Ok(found) => found
                    .into_iter()
                    .for_each(|(id, resource)| join(&mut hits, id, resource, &key.path)),
                // A key that this target cannot filter by; another may do.
                Err(failure) if cannot_filter(&failure) => unasked.push(key.path.clone()),
                Err(failure) => return Err(failure),
            }
        }
        Ok(match (hits.pop(), hits.is_empty()) {
            (None, _) => Found::Nobody { unasked },
            (Some(hit), true) => Found::One(hit),
            (Some(hit), false) => {
                hits.push(hit);
                Found::Several(hits)
            }
        })
    }

    async fn find_by(&self, key: &MatchKey) -> Result<Vec<(String, Value)>, Failure> {
        let filter = Filter::eq(&key.path, &Value::String(key.value.clone()));
        let users = self.profile().users.clone();
        let matching = |resource: &Value| has(key, resource);
        self.list(&users, &filter, matching).await
    }

    /// Every listed resource for which `matching` holds, with its id. Reads on where the target lists others
    /// too: it ignores the filter, and the one we look for may be on a later page.
    pub(super) async fn list(
        &self,
        collection: &str,
        filter: &Filter,
        matching: impl Fn(&Value) -> bool,
    ) -> Result<Vec<(String, Value)>, Failure> {
        let phase = Phase::Find;
        let mut found = Vec::new();
        let mut seen = 0;
        for _ in 0..MOST_PAGES {
            let page = if seen == 0 {
                String::new()
            } else {
                format!("&startIndex={}", seen + 1)
            };
            let request =
                Request::get(phase, collection).query(format!("filter={}{page}", filter.encoded()));
            let list = ListResponse::read(&self.read(&request).await?);
            let list = list.ok_or_else(|| unusable(phase, "the answer to a filter is no list"))?;
            let held = list.resources.len();
            for resource in list.resources.into_iter().filter(&matching) {
                let id = id_of(&resource)
                    .ok_or_else(|| unusable(phase, "a listed resource has no id"))?;
                found.push((id, resource));
            }
            seen += held;
            if held == 0 || list.total <= u64::try_from(seen).unwrap_or(u64::MAX) {
                return Ok(found);
            }
        }
        Err(unusable(phase, "the filter was ignored"))
    }
}

fn join(hits: &mut Vec<Hit>, id: String, resource: Value, path: &AttributePath) {
    match hits.iter_mut().find(|hit| hit.id == id) {
        Some(hit) if hit.by.contains(path) => {}
        Some(hit) => hit.by.push(path.clone()),
        None => hits.push(Hit {
            id,
            resource,
            by: vec![path.clone()],
        }),
    }
}

fn cannot_filter(failure: &Failure) -> bool {
    match &failure.kind {
        FailureKind::Answered { error, .. } => {
            matches!(error.status, 501) || (error.status == 400 && !error.has_scim_type("tooMany"))
        }
        FailureKind::Unreachable
        | FailureKind::NoAnswer
        | FailureKind::NotSent
        | FailureKind::Redirected
        | FailureKind::Unusable(_) => false,
    }
}

/// Whether a resource has the key's value: `externalId` exactly (RFC 7643 section 3.1), others without case.
/// Of a list any element counts.
fn has(key: &MatchKey, resource: &Value) -> bool {
    let same = |found: &Value| match found {
        Value::String(found) if key.path.is_core_attribute("externalId") => *found == key.value,
        Value::String(found) => found.to_lowercase() == key.value.to_lowercase(),
        Value::Number(found) => found.to_string() == key.value,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    };
    if let (Some(Value::Array(elements)), Some(selector)) = (
        key.path.whole_attribute().get(resource),
        key.path.selector(),
    ) {
        let sub = key.path.sub_attribute().unwrap_or("value");
        let wanted = elements.iter().filter(|e| {
            match (member(e, &selector.attribute), selector.value.as_str()) {
                (Some(Value::String(found)), Some(wanted)) => found.eq_ignore_ascii_case(wanted),
                (found, _) => found == Some(&selector.value),
            }
        });
        return wanted.filter_map(|element| member(element, sub)).any(same);
    }
    key.path.get(resource).is_some_and(same)
}

/// The id of a resource; some targets number their users.
pub(super) fn id_of(resource: &Value) -> Option<String> {
    match member(resource, "id")? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

impl super::Response {
    /// The id of the resource in the body, if there is one.
    pub fn id(&self) -> Option<String> {
        self.body.as_ref().and_then(id_of)
    }
}
