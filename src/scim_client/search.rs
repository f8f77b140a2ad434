//! Asks a target by one match key: with a filter, or with a simpler one.
//!
//! Out: the users with the value of the key, or the answer that shows that the target cannot be
//! asked by this key. One odd answer to a filter says nothing about the target: a read of the
//! collection tells whether it works.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    Client,
    key_value::has_value,
    response::{id_of, no_id},
    send::unusable,
};
use hirewire_core::{
    mapping::MatchKey,
    plan::{Failure, FailureKind, Phase, Request},
    scim::{AttributePath, Filter, ListResponse},
};

/// How many pages are read of a target that ignores the filter.
const MAX_PAGES: usize = 20;

/// How often in a row a filter must fail before the target counts as unable to answer it.
const LASTING: u32 = 3;

/// The result of a search by one key.
#[derive(Debug)]
pub(super) enum Searched {
    /// Ids and resources of the users with the value of the key.
    Found(Vec<Match>),
    /// The target cannot be asked by this key. Its answer.
    Refused(Failure),
}

/// The id and the resource of a user.
type Match = (String, Value);

impl Client {
    /// Searches by a key in each way that the target may understand.
    pub(super) async fn search(&self, key: &MatchKey) -> Result<Searched, Failure> {
        let value = Value::String(key.value.clone());
        let refusal = match self.filter(key, &Filter::eq(&key.path, &value)).await? {
            Searched::Refused(failure) => failure,
            found @ Searched::Found(_) => return Ok(found),
        };

        // `emails.value eq` is understood more widely than a filter with a value path.
        if let Some(path) = simpler(&key.path)
            && let found @ Searched::Found(_) = self.filter(key, &Filter::eq(&path, &value)).await?
        {
            return Ok(found);
        }
        Ok(Searched::Refused(refusal))
    }

    /// Searches by a key with its filter alone, for a test of the connection.
    pub(crate) async fn try_key(&self, key: &MatchKey) -> Result<usize, Failure> {
        match self.search(key).await? {
            Searched::Found(found) => Ok(found.len()),
            Searched::Refused(failure) => Err(failure),
        }
    }

    /// Sends one filter and judges its answer.
    async fn filter(&self, key: &MatchKey, filter: &Filter) -> Result<Searched, Failure> {
        let users = self.profile().users.clone();
        let has_key = |resource: &Value| has_value(key, resource);
        let answer = self.list(Phase::Find, &users, filter, has_key).await;

        let failure = match answer {
            Ok(found) => {
                self.filter_failures.forget(&filter_name(key, filter));
                return Ok(Searched::Found(found));
            }
            Err(failure) => failure,
        };
        if cannot_filter(&failure) {
            return Ok(Searched::Refused(failure));
        }
        if failure.status() == Some(404) {
            return self.judge_missing(key, failure).await;
        }
        if !may_be_lasting(&failure) {
            return Err(failure);
        }

        let failures = self.filter_failures.count(filter_name(key, filter));
        if failures >= LASTING && self.probe().await.is_ok() {
            return Ok(Searched::Refused(failure));
        }
        Err(failure)
    }

    /// A filter was answered 404. Some targets answer so if nobody has the value.
    async fn judge_missing(&self, key: &MatchKey, failure: Failure) -> Result<Searched, Failure> {
        let Ok(page) = self.first_user().await else {
            return Err(failure);
        };
        let is_scim = failure.error().is_some_and(|error| error.is_scim);
        let Some(known) = page.resources.first() else {
            return Ok(Searched::Found(Vec::new()));
        };

        if is_scim || self.finds(&key.path, known).await {
            Ok(Searched::Found(Vec::new()))
        } else {
            Ok(Searched::Refused(failure))
        }
    }

    /// Whether a filter finds a user that the target has just listed.
    async fn finds(&self, path: &AttributePath, known: &Value) -> bool {
        let Some(value) = path.get(known).and_then(Value::as_str) else {
            return false;
        };
        let key = MatchKey {
            path: path.clone(),
            value: value.to_owned(),
        };

        let filter = Filter::eq(path, &Value::String(key.value.clone()));
        let users = self.profile().users.clone();
        let found = self
            .list(Phase::Find, &users, &filter, |resource| {
                has_value(&key, resource)
            })
            .await;
        found.is_ok_and(|found| !found.is_empty())
    }

    async fn first_user(&self) -> Result<ListResponse, Failure> {
        let users = &self.profile().users;
        let request = Request::get(Phase::Find, users).query("startIndex=1&count=1".to_owned());
        let answer = self.send(&request).await?;
        let list = answer.body.as_ref().and_then(ListResponse::read);
        list.ok_or_else(|| unusable(Phase::Find, "the list of users is no list"))
    }

    /// Every listed resource for which `matches` holds, with its id. `phase`: whether users or
    /// groups are listed.
    ///
    /// A target that lists other resources as well ignores the filter. Then the further pages are
    /// read too, up to [`MAX_PAGES`], because the resource may be on any of them. A page that lists
    /// nothing new ends the reading: some targets count every resource in `totalResults`, or answer
    /// each `startIndex` with the first page.
    pub(super) async fn list(
        &self,
        phase: Phase,
        collection: &str,
        filter: &Filter,
        matches: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Match>, Failure> {
        let mut found: Vec<Match> = Vec::new();
        let mut listed: HashSet<String> = HashSet::new();

        for _ in 0..MAX_PAGES {
            let page = match listed.len() {
                0 => String::new(),
                listed => format!("&startIndex={}", listed + 1),
            };
            let request =
                Request::get(phase, collection).query(format!("filter={}{page}", filter.encoded()));
            let answer = self.send(&request).await?;
            let list = answer.body.as_ref().and_then(ListResponse::read);
            let list = list.ok_or_else(|| unusable(phase, "the answer to a filter is no list"))?;

            let before = listed.len();
            for resource in list.resources {
                let id = id_of(&resource);
                // A resource without a usable id is known by all of its text.
                if !listed.insert(id.clone().unwrap_or_else(|| resource.to_string())) {
                    continue;
                }
                if matches(&resource) {
                    let id = id.ok_or_else(|| no_id(phase, &resource))?;
                    found.push((id, resource));
                }
            }

            let is_last = listed.len() == before;
            let count = u64::try_from(listed.len()).unwrap_or(u64::MAX);
            if is_last || list.total <= count {
                return Ok(found);
            }
        }

        if found.is_empty() {
            return Err(unusable(phase, "the filter was ignored"));
        }
        Ok(found)
    }
}

/// The path without its selector: `emails.value` of `emails[type eq "work"].value`.
fn simpler(path: &AttributePath) -> Option<AttributePath> {
    path.selector()?;
    let sub_attribute = path.sub_attribute().unwrap_or("value");
    AttributePath::parse(&format!("{}.{sub_attribute}", path.whole_attribute())).ok()
}

/// The attribute of a filter: the value stays out of the memory.
fn filter_name(key: &MatchKey, filter: &Filter) -> String {
    let form = filter.to_string().contains('[');
    format!("{} {form}", key.path)
}

/// Whether the target refused the filter itself. `tooMany` (RFC 7644 section 3.12) is no such
/// refusal: the target understood the filter.
fn cannot_filter(failure: &Failure) -> bool {
    failure.error().is_some_and(|error| {
        error.status == 501
            || (error.status == 400 && !error.has_scim_type("tooMany"))
            || (error.status == 403 && error.has_scim_type("sensitive"))
    })
}

/// Whether the failure may never pass although the target works.
fn may_be_lasting(failure: &Failure) -> bool {
    failure.is_target_fault() || matches!(failure.kind, FailureKind::Unusable(_))
}
