//! Reads the state of the demo's SCIM application: users, titles, requests.

use serde_json::Value;

use super::environment::DemoEnvironment;
use hirewire_core::plan;
use hirewire_sandbox::LoggedRequest;

/// The users with the user name of this person.
pub(super) fn users(demo: &DemoEnvironment, given: &str) -> Vec<Value> {
    let name = format!("{}@acme.example", given.to_lowercase());
    demo.sandbox
        .users()
        .into_iter()
        .filter(|user| user.get("userName").and_then(Value::as_str) == Some(&name))
        .collect()
}

/// `active` of this person's user; `None` without a user.
pub(super) fn is_active(demo: &DemoEnvironment, given: &str) -> Option<bool> {
    users(demo, given).first().and_then(plan::is_active)
}

/// `title` of this person's user; empty without a user.
pub(super) fn title(demo: &DemoEnvironment, given: &str) -> String {
    users(demo, given)
        .first()
        .map(|user| text(user, "/title"))
        .unwrap_or_default()
}

/// The write requests so far, such as `PATCH /Users/2 -> 200`.
pub(super) fn writes(demo: &DemoEnvironment) -> Vec<String> {
    demo.sandbox
        .requests()
        .iter()
        .filter(|request| is_answered_write(request))
        .map(|request| format!("{} {} -> {}", request.method, request.path, request.status))
        .collect()
}

fn is_answered_write(request: &LoggedRequest) -> bool {
    request.method != "GET" && request.status != 0
}

pub(super) fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
