//! The state of the fake server, and its groups.

use axum::{
    http::{HeaderValue, Method, header::RETRY_AFTER},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    Incoming, patch,
    path::member,
    quirks::Quirks,
    refusal::{Refusal, answer},
};

/// A request that the server answered.
#[derive(Clone, Debug)]
pub struct LoggedRequest {
    pub method: String,
    /// Below the base URL.
    pub path: String,
    pub query: String,
    pub status: u16,
    pub body: Option<Value>,
}

/// Everything that the server holds.
pub struct ServerState {
    quirks: Quirks,
    /// The server before its quirks are in force.
    plain: Quirks,
    pub quirks_active: bool,
    pub users: Vec<Value>,
    pub groups: Vec<Value>,
    pub log: Vec<LoggedRequest>,
    pub group_filters: u32,
    limited: u32,
    last_id: u32,
}

impl ServerState {
    pub fn new(quirks: Quirks, quirks_active: bool) -> Self {
        let mut state = Self {
            plain: Quirks::default(),
            quirks_active,
            users: Vec::new(),
            groups: Vec::new(),
            log: Vec::new(),
            group_filters: 0,
            limited: 0,
            last_id: 0,
            quirks,
        };

        for user in state.quirks.seed.clone() {
            let mut user = state.with_id(user);
            user["active"] = json!(user["active"] != false);
            state.users.push(user);
        }
        for group in state.quirks.seed_groups.clone() {
            let mut group = state.with_id(group);
            group["_shows_after"] = group["_hidden_filters"].clone();
            state.groups.push(group);
        }
        state
    }

    /// Every request with its answer, for a case that fails.
    pub fn transcript(&self) -> String {
        let lines = self.log.iter().rev().take(40).rev().map(|sent| {
            let body = sent.body.as_ref().map(ToString::to_string);
            let (method, path, query, status) =
                (&sent.method, &sent.path, &sent.query, sent.status);
            format!(
                "{status} {method} {path}?{query} {}",
                body.unwrap_or_default()
            )
        });
        lines.collect::<Vec<_>>().join("\n      ")
    }

    /// The quirks in force.
    pub fn quirks(&self) -> &Quirks {
        if self.quirks_active {
            &self.quirks
        } else {
            &self.plain
        }
    }

    /// Takes other quirks from now on. Users and groups stay.
    pub fn set_quirks(&mut self, quirks: Quirks) {
        self.quirks = quirks;
        self.quirks_active = true;
    }

    /// The resource with an id and a version.
    pub fn with_id(&mut self, mut resource: Value) -> Value {
        self.last_id += 1;
        if resource["id"].is_null() {
            resource["id"] = json!(format!("id-{}", self.last_id));
        }
        resource["_version"] = json!(1);
        resource
    }

    /// 429 for the first requests of the limited method.
    pub fn rate_limited(&mut self, method: &str) -> Option<Response> {
        let limit = self.quirks().rate_limit.clone()?;
        if limit.method != method || self.limited >= limit.count {
            return None;
        }
        self.limited += 1;

        let mut response = Refusal::new(429, None, "too many requests").response();
        let value = HeaderValue::from_str(&limit.retry_after).expect("a header");
        response.headers_mut().insert(RETRY_AFTER, value);
        Some(response)
    }

    /// Refuses a write whose `If-Match` is not the version (RFC 7644 section 3.14).
    pub fn check_version(&self, resource: &Value, incoming: &Incoming) -> Result<(), Refusal> {
        let writes = !matches!(incoming.method, Method::GET);
        if self.quirks().versions && writes && incoming.if_match != Some(version(resource)) {
            return Err(Refusal::new(412, None, "another version"));
        }
        Ok(())
    }

    pub fn create_group(&mut self, body: &Value) -> Result<Response, Refusal> {
        if let Some(status) = self.quirks().group_create_status {
            return Err(Refusal::new(status, None, "no group can be created"));
        }
        let Some(name) = member(body, "displayName").and_then(Value::as_str) else {
            return Err(Refusal::bad("invalidValue", "a group has a displayName"));
        };
        let taken = self.groups.iter().any(|group| group["displayName"] == name);
        if taken && self.quirks().group_name_unique {
            return Err(Refusal::new(409, Some("uniqueness"), "the name is taken"));
        }

        let mut group = self.with_id(body.clone());
        group["_shows_after"] = json!(self.group_filters + self.quirks().group_shows_after);
        self.groups.push(group.clone());
        Ok(answer(201, Some(&self.shown_group(&group))))
    }

    pub fn on_group(
        &mut self,
        incoming: &Incoming,
        id: &str,
        method: &Method,
    ) -> Result<Response, Refusal> {
        let at = self
            .groups
            .iter()
            .position(|group| group["id"] == id)
            .ok_or_else(|| Refusal::new(404, None, "no such group"))?;
        let group = self.groups[at].clone();
        self.check_version(&group, incoming)?;

        let changed = match *method {
            Method::GET => return Ok(answer(200, Some(&self.shown_group(&group)))),
            Method::DELETE => {
                self.groups.remove(at);
                return Ok(answer(204, None));
            }
            Method::PATCH => self.patch_group(&group, &incoming.body)?,
            Method::PUT => {
                let mut put = incoming.body.clone();
                put["id"] = json!(id);
                put["_version"] = group["_version"].clone();
                put
            }
            _ => return Err(Refusal::new(405, None, "no such method")),
        };
        self.groups[at] = next_version(changed);
        Ok(answer(204, None))
    }

    fn patch_group(&self, group: &Value, body: &Value) -> Result<Value, Refusal> {
        let changed = patch::apply(group, body, self.quirks())?;
        let (before, after) = (members(group), members(&changed));
        let quirks = self.quirks();
        let operations = body["Operations"].as_array().into_iter().flatten();
        let ops: Vec<&str> = operations.filter_map(|one| one["op"].as_str()).collect();

        let adds = ops.iter().any(|op| op.eq_ignore_ascii_case("add"));
        let removes = ops.iter().any(|op| op.eq_ignore_ascii_case("remove"));
        let unchanged = before == after;
        let refused = match (adds, removes, unchanged) {
            (true, _, true) if quirks.group_add_twice_status.is_some() => {
                quirks.group_add_twice_status
            }
            (true, _, _) => quirks.group_add_status,
            (_, true, true) if quirks.group_remove_twice_status.is_some() => {
                quirks.group_remove_twice_status
            }
            (_, true, _) => quirks.group_remove_status,
            (false, false, _) => None,
        };
        if let Some(status) = refused {
            let scim_type = if status == 400 {
                Some("noTarget")
            } else {
                None
            };
            return Err(Refusal::new(
                status,
                scim_type,
                "the members stay as they are",
            ));
        }
        let unknown = after
            .iter()
            .find(|id| !self.users.iter().any(|user| user["id"] == id.as_str()));
        if let (true, Some(unknown)) = (adds, unknown) {
            return Err(Refusal::bad(
                "invalidValue",
                &format!("no user is {unknown}"),
            ));
        }

        let ignored = removes && quirks.group_remove_ignored;
        Ok(if ignored { group.clone() } else { changed })
    }

    /// An admin removes the user from the group.
    pub fn remove_member(&mut self, group: &str, external_id: &str) {
        let user = self
            .users
            .iter()
            .find(|user| user["externalId"] == external_id);
        let id = user.expect("a user")["id"].clone();
        for known in self
            .groups
            .iter_mut()
            .filter(|known| known["displayName"] == group)
        {
            if let Some(members) = known["members"].as_array_mut() {
                members.retain(|member| member["value"] != id);
            }
        }
    }

    /// Whether filters and lists show the group yet.
    pub fn group_shows(&self, group: &Value) -> bool {
        let after = group["_shows_after"].as_u64().unwrap_or(0);
        u64::from(self.group_filters) > after || after == 0
    }

    pub fn shown_group(&self, group: &Value) -> Value {
        let mut shown = public(group, "Group");
        if self.quirks().group_members_hidden {
            shown.as_object_mut().expect("an object").remove("members");
        }
        if self.quirks().versions {
            shown["meta"]["version"] = json!(version(group));
        }
        shown
    }
}

/// The ids of the members.
pub fn members(group: &Value) -> Vec<String> {
    let members = group["members"].as_array().into_iter().flatten();
    members
        .filter_map(|one| one["value"].as_str().map(str::to_owned))
        .collect()
}

pub fn version(resource: &Value) -> String {
    format!("W/\"{}\"", resource["_version"])
}

pub fn next_version(mut resource: Value) -> Value {
    let next = resource["_version"].as_u64().unwrap_or(0) + 1;
    resource["_version"] = json!(next);
    resource
}

/// The resource as an answer shows it: without the members that only the server knows.
pub fn public(resource: &Value, kind: &str) -> Value {
    let mut shown = resource.clone();
    let members = shown.as_object_mut().expect("an object");
    members.retain(|name, _| !name.starts_with('_'));
    if !members.contains_key("schemas") {
        let schema = format!("urn:ietf:params:scim:schemas:core:2.0:{kind}");
        members.insert("schemas".to_owned(), json!([schema]));
    }
    let location = format!("/{kind}s/{}", resource["id"].as_str().unwrap_or_default());
    shown["meta"] = json!({ "resourceType": kind, "location": location });
    shown
}
