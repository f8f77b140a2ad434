//! One step of a plan, and the request it becomes in a profile's dialect.

use serde_json::{Map, Value, json};

use super::{Method, Phase, Request, add_members, remove_members, request::resource_path};
use crate::scim::{
    AttributePath, CORE_GROUP, CORE_USER, GroupDialect, NullPolicy, PatchOperation, Profile,
    UpdateMethod, member, patch_body,
};

/// One step; one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Makes the user.
    Create {
        /// The user, whole.
        user: Value,
        /// What of it is ours once it is made.
        records: Vec<(AttributePath, Value)>,
    },
    /// Changes attributes of the user.
    Update(Vec<Change>),
    /// `active: false`.
    Deactivate,
    /// `active: true`.
    Reactivate,
    /// Puts the user into a group.
    AddToGroup {
        /// The group's id.
        group: String,
    },
    /// Takes the user out of a group that we put them into.
    RemoveFromGroup {
        /// The group's id.
        group: String,
    },
    /// Makes a group with the user in it.
    CreateGroup {
        /// Its `displayName`.
        name: String,
    },
}

/// One attribute to be changed: one operation of a PATCH.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where; of a new element the whole attribute.
    pub path: AttributePath,
    /// How.
    pub edit: Edit,
    /// What is ours once it is done, by full path; `null`: cleared.
    pub records: Vec<(AttributePath, Value)>,
}

/// How an attribute is changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// To this value.
    Replace(Value),
    /// By one more element. (A `replace` whose selector finds nothing is an error to strict servers.)
    AddElement(Value),
    /// To no value.
    Clear,
}

/// Whom a request is about. In a preview of a create the id is `{id}`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetUser<'a> {
    /// The target's id.
    pub id: &'a str,
    /// The user as read, where it was read.
    pub resource: Option<&'a Value>,
}

/// Puts changes into as few PATCH requests as the dialect allows.
pub(super) fn updates(changes: Vec<Change>, profile: &Profile) -> Vec<Operation> {
    let most = match (profile.update, profile.max_operations) {
        (UpdateMethod::PatchPath, most @ 1..) => most,
        (UpdateMethod::PatchPath | UpdateMethod::PatchPathless | UpdateMethod::PutPartial, _) => {
            usize::MAX
        }
    };
    let mut updates = Vec::new();
    let mut rest = changes;
    while !rest.is_empty() {
        let later = if rest.len() > most {
            rest.split_off(most)
        } else {
            Vec::new()
        };
        updates.push(Operation::Update(rest));
        rest = later;
    }
    updates
}

impl Operation {
    /// What it is, for verdicts.
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

    /// What of the user is ours once it succeeded.
    pub fn records(&self) -> Vec<(AttributePath, Value)> {
        match self {
            Self::Create { records, .. } => records.clone(),
            Self::Update(changes) => changes
                .iter()
                .flat_map(|change| change.records.clone())
                .collect(),
            Self::Deactivate
            | Self::Reactivate
            | Self::AddToGroup { .. }
            | Self::RemoveFromGroup { .. }
            | Self::CreateGroup { .. } => Vec::new(),
        }
    }

    /// Its changes one by one, after the target refused them together.
    pub fn one_by_one(&self) -> Vec<Operation> {
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

    /// The request, exactly.
    pub fn request(&self, profile: &Profile, user: TargetUser<'_>) -> Request {
        let at = resource_path(&profile.users, user.id);
        let groups = || profile.groups.clone().unwrap_or_default();
        let mut request = match self {
            Self::Create { user, .. } => {
                return Request::with_body(
                    Phase::Create,
                    Method::Post,
                    &profile.users,
                    user.clone(),
                );
            }
            Self::Update(changes) => update(self.phase(), at, changes, profile, user.resource),
            Self::Deactivate => access(self.phase(), at, false, profile),
            Self::Reactivate => access(self.phase(), at, true, profile),
            Self::AddToGroup { group } => {
                return one(add_members(&groups(), group, &[user.id]), &groups(), group);
            }
            Self::RemoveFromGroup { group } => {
                return one(
                    remove_members(&groups(), group, &[user.id]),
                    &groups(),
                    group,
                );
            }
            Self::CreateGroup { name } => {
                let body = json!({"schemas": [CORE_GROUP], "displayName": name, "members": [{"value": user.id}]});
                return Request::with_body(Phase::Groups, Method::Post, groups().path, body);
            }
        };
        if profile.etag {
            let version = user
                .resource
                .and_then(|r| member(member(r, "meta")?, "version")?.as_str());
            request.if_match = version.map(str::to_owned);
        }
        request
    }
}

/// One member always makes one request.
fn one(requests: Vec<Request>, dialect: &GroupDialect, group: &str) -> Request {
    let first = requests.into_iter().next();
    first.unwrap_or_else(|| Request::get(Phase::Groups, resource_path(&dialect.path, group)))
}

fn access(phase: Phase, path: String, active: bool, profile: &Profile) -> Request {
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
    }
}

fn patch_operation(change: &Change, null: NullPolicy) -> PatchOperation {
    let path = change.path.clone();
    match (&change.edit, null) {
        (Edit::Replace(value), _) => PatchOperation::Replace {
            path,
            value: value.clone(),
        },
        (Edit::AddElement(element), _) => PatchOperation::Add {
            path,
            value: json!([element]),
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

/// The changed top-level attributes (and extensions) whole, with what else the target has in them.
fn changed(changes: &[Change], null: NullPolicy, resource: Option<&Value>) -> Value {
    let mut after = resource.cloned().unwrap_or_else(|| json!({}));
    let empty = if null == NullPolicy::Empty {
        json!("")
    } else {
        Value::Null
    };
    for change in changes {
        match &change.edit {
            Edit::Replace(value) => change.path.set(&mut after, value.clone()),
            Edit::Clear => change.path.set(&mut after, empty.clone()),
            Edit::AddElement(element) => {
                let mut elements = change
                    .path
                    .get(&after)
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                elements.push(element.clone());
                change.path.set(&mut after, Value::Array(elements));
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

/// States the schemas of what a body holds.
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
