//! One operation of a plan, and the request that it becomes in a profile's dialect.
//!
//! In: an operation, the profile and the user at the target. Out: one [`Request`]. Nothing is sent
//! here.

use serde_json::{Map, Value, json};

use super::{
    change::{Change, Edit},
    failure::Phase,
    replacement,
    request::{Method, Request, add_members, remove_members, resource_path},
};
use crate::scim::{
    AttributePath, CORE_GROUP, CORE_USER, GroupDialect, NullPolicy, PatchOperation, Profile,
    UpdateMethod, member, patch_body,
};

/// One operation of a plan; it becomes one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Creates the user, active or inactive, with all of its attributes.
    Create {
        /// The SCIM resource, with `schemas` and `active`.
        user: Value,
        /// Paths and values to remember as last applied after success.
        applied: Vec<(AttributePath, Value)>,
    },
    /// Changes attributes of the user.
    Update(Vec<Change>),
    /// Ends access: sets `active: false` and nothing else.
    Deactivate,
    /// Gives access back to an existing user: sets `active: true`.
    Reactivate,
    /// Adds the user to a group.
    AddToGroup {
        /// The target's id of the group.
        group: String,
        /// The name by which a rule names it; `None`: a rule names the id.
        name: Option<String>,
    },
    /// Removes the user from a group to which Hirewire added them.
    RemoveFromGroup {
        /// The target's id of the group.
        group: String,
        /// The name by which a rule named it; `None`: a rule named the id.
        name: Option<String>,
    },
    /// Creates a group with the user as its only member.
    CreateGroup {
        /// The `displayName` of the new group.
        name: String,
    },
}

/// The user that a request is about. In a preview of a create its id is `{id}`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetUser<'a> {
    /// The target's id of the user.
    pub id: &'a str,
    /// The SCIM resource, if it was read.
    pub resource: Option<&'a Value>,
}

/// Groups changes into as few updates as the dialect's `max_operations` allows.
pub(super) fn updates(changes: Vec<Change>, profile: &Profile) -> Vec<Operation> {
    let limit = match (profile.update, profile.max_operations) {
        (UpdateMethod::PatchPath, limit @ 1..) => limit,
        (
            UpdateMethod::PatchPath
            | UpdateMethod::PatchPathless
            | UpdateMethod::PutPartial
            | UpdateMethod::Put,
            _,
        ) => usize::MAX,
    };

    let mut updates = Vec::new();
    let mut rest = changes;
    while !rest.is_empty() {
        let remaining = if rest.len() > limit {
            rest.split_off(limit)
        } else {
            Vec::new()
        };
        updates.push(Operation::Update(rest));
        rest = remaining;
    }
    updates
}

impl Operation {
    /// The purpose of its request, for failures and verdicts.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Create { .. } => Phase::Create,
            Self::Update(changes) => Phase::Update {
                attributes: changes.len(),
            },
            Self::Deactivate => Phase::Deactivate,
            Self::Reactivate => Phase::Reactivate,
            Self::AddToGroup { .. } | Self::RemoveFromGroup { .. } | Self::CreateGroup { .. } => {
                Phase::Groups
            }
        }
    }

    /// Whether it changes a group and not the user.
    pub fn is_about_groups(&self) -> bool {
        self.phase() == Phase::Groups
    }

    /// Paths and values to remember as last applied after success.
    pub fn applied(&self) -> Vec<(AttributePath, Value)> {
        match self {
            Self::Create { applied, .. } => applied.clone(),
            Self::Update(changes) => changes
                .iter()
                .flat_map(|change| change.applied.clone())
                .collect(),
            Self::Deactivate
            | Self::Reactivate
            | Self::AddToGroup { .. }
            | Self::RemoveFromGroup { .. }
            | Self::CreateGroup { .. } => Vec::new(),
        }
    }

    /// Whether it only removes values: then nothing is left to do if the target has none.
    pub fn only_removes(&self) -> bool {
        match self {
            Self::Update(changes) => changes.iter().all(|change| change.edit == Edit::Clear),
            Self::RemoveFromGroup { .. } => true,
            Self::Create { .. }
            | Self::Deactivate
            | Self::Reactivate
            | Self::AddToGroup { .. }
            | Self::CreateGroup { .. } => false,
        }
    }

    /// One update per change, after the target refused them in one request.
    pub fn split(&self) -> Vec<Operation> {
        match self {
            Self::Update(changes) => changes
                .iter()
                .map(|change| Self::Update(vec![change.clone()]))
                .collect(),
            Self::Create { .. }
            | Self::Deactivate
            | Self::Reactivate
            | Self::AddToGroup { .. }
            | Self::RemoveFromGroup { .. }
            | Self::CreateGroup { .. } => vec![self.clone()],
        }
    }

    /// Whether its request replaces the whole user, so that [`TargetUser::resource`] must be the
    /// user as it is now.
    pub fn replaces_user(&self, profile: &Profile) -> bool {
        let method = match self {
            Self::Update(_) => profile.update,
            Self::Deactivate | Self::Reactivate => profile.deactivate,
            Self::Create { .. }
            | Self::AddToGroup { .. }
            | Self::RemoveFromGroup { .. }
            | Self::CreateGroup { .. } => return false,
        };
        method == UpdateMethod::Put
    }

    /// Whether its request repeats values of the user, so that it would write old ones again if
    /// another request has changed the user since [`TargetUser::resource`] was read.
    pub fn repeats_values(&self, profile: &Profile) -> bool {
        let merges = match profile.update {
            UpdateMethod::PatchPathless | UpdateMethod::PutPartial => true,
            UpdateMethod::PatchPath | UpdateMethod::Put => false,
        };
        self.replaces_user(profile) || (merges && matches!(self, Self::Update(_)))
    }

    /// The request in the profile's dialect, with `If-Match` if the profile uses
    /// versions (RFC 7644 section 3.14).
    pub fn request(&self, profile: &Profile, user: TargetUser<'_>) -> Request {
        let path = resource_path(&profile.users, user.id);
        let groups = profile.groups.clone().unwrap_or_default();

        let mut request = match self {
            Self::Create { user, .. } => {
                let body = user.clone();
                return Request::with_body(Phase::Create, Method::Post, &profile.users, body);
            }
            Self::Update(changes) => update(self.phase(), path, changes, profile, user.resource),
            Self::Deactivate => set_active(self.phase(), path, false, profile, user.resource),
            Self::Reactivate => set_active(self.phase(), path, true, profile, user.resource),
            Self::AddToGroup { group, .. } => {
                return only(add_members(&groups, group, &[user.id]), &groups, group);
            }
            Self::RemoveFromGroup { group, .. } => {
                return only(remove_members(&groups, group, &[user.id]), &groups, group);
            }
            Self::CreateGroup { name } => {
                let body = json!({
                    "schemas": [CORE_GROUP],
                    "displayName": name,
                    "members": [{"value": user.id}],
                });
                return Request::with_body(Phase::Groups, Method::Post, groups.path, body);
            }
        };

        if profile.etag || self.replaces_user(profile) {
            let version = user.resource.and_then(version_of);
            request.if_match = version.map(str::to_owned);
        }
        request
    }
}

/// The version of a resource (RFC 7643 section 3.1): `meta.version`.
pub fn version_of(resource: &Value) -> Option<&str> {
    member(member(resource, "meta")?, "version")?.as_str()
}

/// The only request: one member makes one request.
fn only(requests: Vec<Request>, dialect: &GroupDialect, group: &str) -> Request {
    let first = requests.into_iter().next();
    first.unwrap_or_else(|| Request::get(Phase::Groups, resource_path(&dialect.path, group)))
}

/// The request that sets `active` and nothing else, in the method that the profile deactivates
/// with.
fn set_active(
    phase: Phase,
    path: String,
    active: bool,
    profile: &Profile,
    resource: Option<&Value>,
) -> Request {
    match profile.deactivate {
        UpdateMethod::PatchPath => {
            let operations = AttributePath::parse("active")
                .map(|path| {
                    vec![PatchOperation::Replace {
                        path,
                        value: Value::Bool(active),
                    }]
                })
                .unwrap_or_default();
            Request::with_body(phase, Method::Patch, path, patch_body(&operations))
        }
        UpdateMethod::PatchPathless => {
            let merge = PatchOperation::Merge {
                value: json!({"active": active}),
            };
            Request::with_body(phase, Method::Patch, path, patch_body(&[merge]))
        }
        UpdateMethod::PutPartial => Request::with_body(
            phase,
            Method::Put,
            path,
            json!({"schemas": [CORE_USER], "active": active}),
        ),
        UpdateMethod::Put => {
            let body = replacement::with_active(resource, active);
            Request::with_body(phase, Method::Put, path, body)
        }
    }
}

fn update(
    phase: Phase,
    path: String,
    changes: &[Change],
    profile: &Profile,
    resource: Option<&Value>,
) -> Request {
    match profile.update {
        UpdateMethod::PatchPath => {
            let operations: Vec<PatchOperation> = changes
                .iter()
                .map(|c| patch_operation(c, profile.null))
                .collect();
            Request::with_body(phase, Method::Patch, path, patch_body(&operations))
        }
        UpdateMethod::PatchPathless => {
            let merge = PatchOperation::Merge {
                value: changed(changes, profile.null, resource),
            };
            Request::with_body(phase, Method::Patch, path, patch_body(&[merge]))
        }
        UpdateMethod::PutPartial => {
            let mut body = changed(changes, profile.null, resource);
            state_schemas(&mut body);
            Request::with_body(phase, Method::Put, path, body)
        }
        UpdateMethod::Put => {
            let body = replacement::with_changes(resource, changes, profile.null);
            Request::with_body(phase, Method::Put, path, body)
        }
    }
}

fn patch_operation(change: &Change, null: NullPolicy) -> PatchOperation {
    let path = change.path.clone();
    match (&change.edit, null) {
        (Edit::Replace(value), _) => PatchOperation::Replace {
            path,
            value: value.clone(),
        },
        (Edit::AddElements(elements), _) => PatchOperation::Add {
            path,
            value: json!(elements),
        },
        (Edit::Clear, NullPolicy::Remove) => PatchOperation::Remove { path },
        (Edit::Clear, NullPolicy::Null) => PatchOperation::Replace {
            path,
            value: Value::Null,
        },
        (Edit::Clear, NullPolicy::Empty) => PatchOperation::Replace {
            path,
            value: json!(""),
        },
    }
}

/// The changed top-level attributes and extensions, each with all that the target has in it.
fn changed(changes: &[Change], null: NullPolicy, resource: Option<&Value>) -> Value {
    let mut after = resource.cloned().unwrap_or_else(|| json!({}));
    let empty = if null == NullPolicy::Empty {
        json!("")
    } else {
        Value::Null
    };

    for Change { path, edit, .. } in changes {
        match edit {
            Edit::Replace(value) => path.set(&mut after, value.clone()),
            Edit::Clear if path.is_element() => path.remove_element(&mut after),
            Edit::Clear => path.set(&mut after, empty.clone()),
            Edit::AddElements(new) => {
                let elements = path.get(&after).and_then(Value::as_array);
                let mut elements = elements.cloned().unwrap_or_default();
                elements.extend(new.iter().cloned());
                path.set(&mut after, Value::Array(elements));
            }
        }
    }

    let mut body = Map::new();
    for change in changes {
        let key = change.path.urn().unwrap_or_else(|| change.path.attribute());
        if let Some(value) = member(&after, key) {
            body.insert(key.to_owned(), value.clone());
        }
    }
    Value::Object(body)
}

/// Adds `schemas` to a body (RFC 7643 section 3): the core schema and each extension in it.
pub(super) fn state_schemas(body: &mut Value) {
    let extensions = body
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .filter(|key| key.contains(':'));
    let schemas: Vec<Value> = std::iter::once(CORE_USER)
        .chain(extensions.map(String::as_str))
        .map(Value::from)
        .collect();

    if let Some(members) = body.as_object_mut() {
        members.insert("schemas".into(), Value::Array(schemas));
    }
}
