//! Users of the fake server: create, read, change, delete.

use axum::{http::Method, response::Response};
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization as _;

use super::{
    Incoming, patch,
    path::member,
    quirks::{ActiveAs, Deactivate, NotFoundBody, PatchAnswer, Quirks},
    refusal::{Refusal, answer},
    state::{ServerState, next_version, public, version},
};

impl Quirks {
    /// The text as the server stores and compares it.
    pub fn text(&self, text: &str) -> String {
        if self.nfc {
            text.nfc().collect()
        } else {
            text.to_owned()
        }
    }

    fn texts(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(elements) => elements.iter_mut().for_each(|one| self.texts(one)),
            Value::Object(members) => members.values_mut().for_each(|one| self.texts(one)),
            _ => {}
        }
    }
}

pub fn create(state: &mut ServerState, body: &Value) -> Result<Response, Refusal> {
    let quirks = state.quirks().clone();
    let Some(name) = member(body, "userName").and_then(Value::as_str) else {
        return Err(Refusal::bad("invalidValue", "a user has a userName"));
    };
    let name = quirks.text(name).to_lowercase();
    let rejected = quirks
        .reject_create
        .iter()
        .find(|name| member(body, name).is_some());
    if let Some(rejected) = rejected {
        let detail = format!("write to {rejected} is not supported");
        return Err(Refusal::new(quirks.reject_status, None, &detail));
    }
    if taken(state, &name, None) {
        let scim_type = quirks.conflict_type.as_deref();
        let refusal = Refusal::new(quirks.conflict_status, scim_type, &quirks.conflict_detail);
        return Err(refusal);
    }

    let active = quirks.create_always_active || member(body, "active") != Some(&json!(false));
    let mut user = stored(&quirks, body.clone());
    user["active"] = json!(active);
    user.as_object_mut().expect("an object").remove("id");
    let user = state.with_id(user);
    state.users.push(user.clone());
    Ok(answer(201, Some(&shown(&user, &quirks))))
}

/// Whether another user has that `userName`, which is not case-exact.
fn taken(state: &ServerState, name: &str, except: Option<&str>) -> bool {
    state.users.iter().any(|user| {
        let known = user["userName"].as_str().unwrap_or_default().to_lowercase();
        known == name && user["id"].as_str() != except
    })
}

/// The part of a user that the server keeps.
fn stored(quirks: &Quirks, mut user: Value) -> Value {
    quirks.texts(&mut user);
    let members = user.as_object_mut().expect("an object");
    members.retain(|name, value| {
        let dropped = quirks
            .drop
            .iter()
            .any(|dropped| dropped.eq_ignore_ascii_case(name));
        !dropped && !value.is_null()
    });
    let emails = quirks.email_type_lost.then_some("emails");
    let others = quirks.type_lost.iter().map(String::as_str);
    for attribute in others.chain(emails) {
        let elements = members.get_mut(attribute).and_then(Value::as_array_mut);
        for element in elements.into_iter().flatten() {
            element.as_object_mut().map(|parts| parts.remove("type"));
        }
    }
    user
}

fn not_found(quirks: &Quirks) -> Response {
    match quirks.not_found_body {
        NotFoundBody::Scim => Refusal::new(404, None, "no such user").response(),
        NotFoundBody::Unknown => answer(404, Some(&json!({ "error": "unknown_error" }))),
        NotFoundBody::Empty => answer(404, None),
    }
}

/// A request for one user.
pub fn on_one(
    state: &mut ServerState,
    incoming: &Incoming,
    id: &str,
    method: &Method,
) -> Result<Response, Refusal> {
    let quirks = state.quirks().clone();
    let Some(at) = state.users.iter().position(|user| user["id"] == id) else {
        return Ok(not_found(&quirks));
    };
    let user = state.users[at].clone();
    let is_hidden = user["_gone"] == true;

    match *method {
        Method::GET if is_hidden => Ok(not_found(&quirks)),
        Method::GET => Ok(answer(200, Some(&shown(&user, &quirks)))),
        Method::DELETE => {
            delete(state, id);
            Ok(answer(204, None))
        }
        Method::PATCH => {
            if let Some(status) = quirks.patch_status {
                return Err(Refusal::new(status, None, "PATCH is not supported"));
            }
            state.check_version(&user, incoming)?;
            let changed = patch::apply(&user, &incoming.body, &quirks)?;
            if quirks.patch_answer == PatchAnswer::Error200 {
                let error = Refusal::bad("invalidValue", "the change was not taken").document();
                return Ok(answer(200, Some(&error)));
            }
            change(state, at, changed)
        }
        Method::PUT => {
            state.check_version(&user, incoming)?;
            let mut changed = incoming.body.clone();
            changed["id"] = json!(id);
            changed["_version"] = user["_version"].clone();
            if changed["active"].is_null() {
                changed["active"] = json!(true);
            }
            change(state, at, changed)
        }
        _ => Err(Refusal::new(405, None, "no such method")),
    }
}

fn delete(state: &mut ServerState, id: &str) {
    state.users.retain(|user| user["id"] != id);
    for group in &mut state.groups {
        if let Some(members) = group["members"].as_array_mut() {
            members.retain(|member| member["value"] != id);
        }
    }
}

/// Stores a changed user, and does what the server does at `active: false`.
fn change(state: &mut ServerState, at: usize, changed: Value) -> Result<Response, Refusal> {
    let quirks = state.quirks().clone();
    let before = state.users[at].clone();
    let id = before["id"].as_str().unwrap_or_default().to_owned();
    let mut changed = stored(&quirks, changed);

    let name = changed["userName"]
        .as_str()
        .unwrap_or_default()
        .to_lowercase();
    if name.is_empty() {
        return Err(Refusal::bad("invalidValue", "a user has a userName"));
    }
    if taken(state, &name, Some(&id)) {
        return Err(Refusal::new(
            409,
            Some("uniqueness"),
            "the userName is taken",
        ));
    }

    let active = match &changed["active"] {
        Value::Bool(active) => *active,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => before["active"] == true,
    };
    changed["active"] = json!(active);
    if active {
        changed.as_object_mut().expect("an object").remove("_gone");
        changed
            .as_object_mut()
            .expect("an object")
            .remove("_hidden");
    }
    match (quirks.deactivate, active) {
        (Deactivate::Ignored, false) => changed["active"] = before["active"].clone(),
        (Deactivate::Deletes, false) => {
            delete(state, &id);
            return Ok(answer(200, Some(&shown(&changed, &quirks))));
        }
        (Deactivate::Hides, false) => {
            changed["_gone"] = json!(true);
            changed["_hidden"] = json!(true);
        }
        _ => {}
    }

    let changed = next_version(changed);
    state.users[at] = changed.clone();
    Ok(match quirks.patch_answer {
        PatchAnswer::Empty => answer(204, None),
        PatchAnswer::User | PatchAnswer::Error200 => answer(200, Some(&shown(&changed, &quirks))),
    })
}

/// The user as an answer shows it.
pub fn shown(user: &Value, quirks: &Quirks) -> Value {
    let mut shown = public(user, "User");
    if quirks.versions {
        shown["meta"]["version"] = json!(version(user));
    }

    let active = user["active"] == true;
    let members = shown.as_object_mut().expect("an object");
    let value = match (quirks.active_as, active) {
        (ActiveAs::Boolean, _) | (ActiveAs::OmitWhenFalse | ActiveAs::NullWhenFalse, true) => {
            Some(json!(active))
        }
        (ActiveAs::String, _) => Some(json!(if active { "True" } else { "False" })),
        (ActiveAs::Number, _) => Some(json!(i32::from(active))),
        (ActiveAs::NullWhenFalse, false) => Some(Value::Null),
        (ActiveAs::Omit, _) | (ActiveAs::OmitWhenFalse, false) => None,
    };
    match value {
        Some(value) => members.insert("active".to_owned(), value),
        None => members.remove("active"),
    };
    shown
}
