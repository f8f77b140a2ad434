//! The body of a PUT that replaces a whole user (RFC 7644 section 3.5.1).
//!
//! In: the user as just read, and changes. Out: the same user with the changes in it, without the
//! attributes that only the target writes. An attribute that the target never returns, such as a
//! password, is not in the body; a target may then clear it.

use serde_json::{Value, json};

use super::change::{Change, Edit};
use crate::scim::{AttributePath, CORE_USER, NullPolicy, member};

/// Attributes that a client does not write (RFC 7643 sections 3.1 and 4.1.2). `id` stays: some
/// targets require it, and the others ignore it.
const READ_ONLY: [&str; 2] = ["meta", "groups"];

/// The user with the changes in it.
pub(super) fn with_changes(
    resource: Option<&Value>,
    changes: &[Change],
    null: NullPolicy,
) -> Value {
    let mut user = writable(resource);

    for Change { path, edit, .. } in changes {
        match (edit, null) {
            (Edit::Replace(value), _) => path.set(&mut user, value.clone()),
            (Edit::AddElements(new), _) => {
                let elements = path.get(&user).and_then(Value::as_array);
                let mut elements = elements.cloned().unwrap_or_default();
                elements.extend(new.iter().cloned());
                path.set(&mut user, Value::Array(elements));
            }
            (Edit::Clear, NullPolicy::Remove) => path.remove(&mut user),
            (Edit::Clear, _) if path.is_element() => path.remove_element(&mut user),
            (Edit::Clear, NullPolicy::Null) => path.set(&mut user, Value::Null),
            (Edit::Clear, NullPolicy::Empty) => path.set(&mut user, json!("")),
        }
    }

    extend_schemas(&mut user);
    user
}

/// The user with that `active`.
pub(super) fn with_active(resource: Option<&Value>, active: bool) -> Value {
    let mut user = writable(resource);
    if let Ok(path) = AttributePath::parse("active") {
        path.set(&mut user, Value::Bool(active));
    }
    extend_schemas(&mut user);
    user
}

fn writable(resource: Option<&Value>) -> Value {
    let mut user = resource.cloned().unwrap_or_else(|| json!({}));
    if let Some(members) = user.as_object_mut() {
        members.retain(|name, _| {
            !READ_ONLY
                .iter()
                .any(|read_only| name.eq_ignore_ascii_case(read_only))
        });
    }
    user
}

/// Adds the core schema and the schema of each extension to `schemas`; those that were read stay.
fn extend_schemas(user: &mut Value) {
    let read = member(user, "schemas").and_then(Value::as_array);
    let mut schemas = read.cloned().unwrap_or_default();

    let members = user.as_object().into_iter().flatten();
    let extensions = members
        .filter(|(name, value)| name.contains(':') && value.is_object())
        .map(|(name, _)| name.as_str());
    for schema in std::iter::once(CORE_USER).chain(extensions) {
        let is_listed = schemas.iter().any(|listed| {
            listed
                .as_str()
                .is_some_and(|listed| listed.eq_ignore_ascii_case(schema))
        });
        if !is_listed {
            schemas.push(schema.into());
        }
    }

    if let Ok(path) = AttributePath::parse("schemas") {
        path.set(user, Value::Array(schemas));
    }
}
