//! Finds a user at the target by its match keys, and checks every result on our side.
//!
//! A target that does not understand a filter may answer with an empty list, or with every user.
//! So a listed user counts only if it has the value of the key. An empty result does not prove that
//! the user does not exist: a create may still be answered with 409.

use serde_json::Value;

use super::{Client, response::id_of, send::unusable};
use hirewire_core::{
    mapping::MatchKey,
    plan::{Failure, FailureKind, Phase, Request},
    scim::{
        AttributePath, Filter, ListResponse, Selector, member, same_text, same_text_without_case,
    },
};

/// The result of a lookup by match keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// No user has the value of any key.
    NotFound {
        /// Keys that the target cannot filter by: they were not tried.
        unfiltered: Vec<AttributePath>,
    },
    /// Exactly one user.
    One(FoundUser),
    /// Several users, by one key or by different ones. Only an operator may choose between them.
    Several(Vec<FoundUser>),
}

/// A user that has the value of at least one match key.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundUser {
    /// The id that the target gave the user.
    pub id: String,
    /// The user as the target listed it.
    pub resource: Value,
    /// The keys whose value the user has.
    pub matched_by: Vec<AttributePath>,
}

/// How many pages are read of a target that ignores the filter.
const MAX_PAGES: usize = 20;

impl Client {
    /// Looks the user up by every key that the dialect can filter by. Keys with an empty value are
    /// skipped.
    pub async fn find(&self, keys: &[MatchKey]) -> Result<Lookup, Failure> {
        let mut users: Vec<FoundUser> = Vec::new();
        let mut unfiltered = Vec::new();

        for key in keys.iter().filter(|key| !key.value.is_empty()) {
            if !self.profile().is_filterable(&key.path) {
                unfiltered.push(key.path.clone());
                continue;
            }
            match self.find_by(key).await {
                Ok(found) => {
                    for (id, resource) in found {
                        add_match(&mut users, id, resource, &key.path);
                    }
                }
                // This target cannot filter by this key; another key may find the user.
                Err(failure) if cannot_filter(&failure) => unfiltered.push(key.path.clone()),
                Err(failure) => return Err(failure),
            }
        }

        Ok(match (users.pop(), users.is_empty()) {
            (None, _) => Lookup::NotFound { unfiltered },
            (Some(user), true) => Lookup::One(user),
            (Some(user), false) => {
                users.push(user);
                Lookup::Several(users)
            }
        })
    }

    async fn find_by(&self, key: &MatchKey) -> Result<Vec<(String, Value)>, Failure> {
        let filter = Filter::eq(&key.path, &Value::String(key.value.clone()));
        let users = self.profile().users.clone();
        self.list(&users, &filter, |resource| has_value(key, resource))
            .await
    }

    /// Every listed resource for which `matches` holds, with its id.
    ///
    /// A target that lists other resources as well ignores the filter. Then the further pages are
    /// read too, up to [`MAX_PAGES`], because the resource may be on any of them. A page that lists
    /// nothing new ends the reading: some targets count every resource in `totalResults`, or answer
    /// each `startIndex` with the first page.
    pub(super) async fn list(
        &self,
        collection: &str,
        filter: &Filter,
        matches: impl Fn(&Value) -> bool,
    ) -> Result<Vec<(String, Value)>, Failure> {
        let phase = Phase::Find;
        let mut found: Vec<(String, Value)> = Vec::new();
        let mut known: Vec<Value> = Vec::new();

        for _ in 0..MAX_PAGES {
            let page = match known.len() {
                0 => String::new(),
                listed => format!("&startIndex={}", listed + 1),
            };
            let request =
                Request::get(phase, collection).query(format!("filter={}{page}", filter.encoded()));
            let answer = self.send(&request).await?;
            let list = answer.body.as_ref().and_then(ListResponse::read);
            let list = list.ok_or_else(|| unusable(phase, "the answer to a filter is no list"))?;

            let is_new = |resource: &Value| !known.contains(resource);
            let new: Vec<Value> = list.resources.into_iter().filter(is_new).collect();
            for resource in new.iter().filter(|resource| matches(resource)) {
                let id = id_of(resource)
                    .ok_or_else(|| unusable(phase, "a listed resource has no id"))?;
                if !found.iter().any(|(known, _)| *known == id) {
                    found.push((id, resource.clone()));
                }
            }

            let is_last = new.is_empty();
            known.extend(new);
            let listed = u64::try_from(known.len()).unwrap_or(u64::MAX);
            if is_last || list.total <= listed {
                return Ok(found);
            }
        }

        if found.is_empty() {
            return Err(unusable(phase, "the filter was ignored"));
        }
        Ok(found)
    }
}

/// Adds a match to the users found so far; a user that several keys find is kept once.
fn add_match(users: &mut Vec<FoundUser>, id: String, resource: Value, path: &AttributePath) {
    match users.iter_mut().find(|user| user.id == id) {
        Some(user) if user.matched_by.contains(path) => {}
        Some(user) => user.matched_by.push(path.clone()),
        None => users.push(FoundUser {
            id,
            resource,
            matched_by: vec![path.clone()],
        }),
    }
}

/// Whether the target refused the filter itself. `tooMany` (RFC 7644 section 3.12) is no such
/// refusal: the target understood the filter.
fn cannot_filter(failure: &Failure) -> bool {
    match &failure.kind {
        FailureKind::Answered { error, .. } => {
            error.status == 501 || (error.status == 400 && !error.has_scim_type("tooMany"))
        }
        FailureKind::Unreachable
        | FailureKind::NoAnswer
        | FailureKind::NotSent
        | FailureKind::Redirected
        | FailureKind::Unusable(_)
        | FailureKind::WithoutEffect(_) => false,
    }
}

/// Whether a resource has the key's value: `externalId` compares case-sensitively (RFC 7643
/// section 3.1), every other attribute without case, all of them in NFC. One element of a list is
/// enough.
fn has_value(key: &MatchKey, resource: &Value) -> bool {
    let whole = key.path.whole_attribute().get(resource);

    if let (Some(Value::Array(elements)), Some(selector)) = (whole, key.path.selector()) {
        let sub_attribute = key.path.sub_attribute().unwrap_or("value");
        return elements
            .iter()
            .filter(|element| is_selected(element, selector))
            .filter_map(|element| member(element, sub_attribute))
            .any(|found| equals(key, found));
    }
    key.path
        .get(resource)
        .is_some_and(|found| equals(key, found))
}

fn is_selected(element: &Value, selector: &Selector) -> bool {
    let found = member(element, &selector.attribute);
    match (found, selector.value.as_str()) {
        (Some(Value::String(found)), Some(expected)) => found.eq_ignore_ascii_case(expected),
        (found, _) => found == Some(&selector.value),
    }
}

fn equals(key: &MatchKey, found: &Value) -> bool {
    match found {
        Value::String(found) if key.path.is_core_attribute("externalId") => {
            same_text(found, &key.value)
        }
        Value::String(found) => same_text_without_case(found, &key.value),
        Value::Number(found) => found.to_string() == key.value,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}
