//! A target with one user and its groups, written against the RFC and `scim_v2`.
//!
//! It shares no code with the planner's paths, so that a test compares two readings of the RFC. It
//! panics where a strict server refuses: at a selector that matches nothing, and at the removal of
//! a value that does not exist.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "every other request fails the test"
)]

use std::collections::{BTreeMap, BTreeSet};

use scim_v2::filter::{AttrExp, AttrPath, CompValue, PatchPath, PatchValuePath, ValFilter};
use scim_v2::models::others::{OperationTarget, PatchOp, PatchOperation};
use serde_json::{Map, Value, json};

use crate::plan::{Method, Request};

fn set(members: &mut Map<String, Value>, key: &str, value: Value) {
    if value.is_null() {
        members.remove(key);
    } else {
        members.insert(key.to_owned(), value);
    }
}

fn container<'a>(resource: &'a mut Value, path: &AttrPath) -> &'a mut Map<String, Value> {
    let mut at = resource;
    if let Some(urn) = &path.uri {
        at = at
            .as_object_mut()
            .unwrap()
            .entry(urn.clone())
            .or_insert(json!({}));
    }
    at.as_object_mut().unwrap()
}

/// A change of one attribute of the user.
pub(super) enum Write {
    /// Sets a value and creates the element that the path selects: how a test builds a user.
    Build(Value),
    /// `add` of RFC 7644 section 3.5.2.1.
    Add(Value),
    /// `replace` of RFC 7644 section 3.5.2.3.
    Replace(Value),
    /// `remove` of RFC 7644 section 3.5.2.2; fails if there is no value.
    Remove,
}

pub(super) fn write(resource: &mut Value, path: &PatchPath, write: Write) {
    match path {
        PatchPath::Attr(path) => write_attribute(resource, path, write),
        PatchPath::Value(path) => write_element(resource, path, write),
    }
}

fn write_attribute(resource: &mut Value, path: &AttrPath, write: Write) {
    let mut members = container(resource, path);
    let mut key = path.name.clone();
    if let Some(sub) = &path.sub_attr {
        let complex = members.entry(key).or_insert(json!({}));
        members = complex.as_object_mut().unwrap();
        key = sub.clone();
    }

    match write {
        Write::Add(Value::Array(more)) if members.get(&key).is_some_and(Value::is_array) => {
            members[&key].as_array_mut().unwrap().extend(more);
        }
        Write::Build(value) | Write::Add(value) | Write::Replace(value) => {
            set(members, &key, value);
        }
        Write::Remove => assert!(
            members.remove(&key).is_some(),
            "noTarget: no value at {key}"
        ),
    }
}

fn write_element(resource: &mut Value, path: &PatchValuePath, write: Write) {
    let ValFilter::Attr(AttrExp::Comparison(by, _, CompValue::Str(wanted))) = &path.filter else {
        panic!("the planner sends no other selector")
    };
    let list = container(resource, &path.attr)
        .entry(path.attr.name.clone())
        .or_insert(json!([]));
    let list = list.as_array_mut().unwrap();

    let is_selected = |element: &Value| element[&by.name] == wanted.as_str();
    if matches!(write, Write::Build(_)) && !list.iter().any(is_selected) {
        list.push(json!({&by.name: wanted}));
    }

    let Some(sub) = path.sub_attr.clone() else {
        assert!(
            matches!(write, Write::Remove),
            "only a removal names an element"
        );
        assert!(list.iter().any(is_selected), "noTarget");
        list.retain(|element| !is_selected(element));
        return;
    };
    let element = list.iter_mut().find(|e| is_selected(e)).expect("noTarget");
    let members = element.as_object_mut().unwrap();

    match write {
        Write::Build(value) | Write::Add(value) | Write::Replace(value) => {
            set(members, &sub, value);
        }
        Write::Remove => assert!(
            members.remove(&sub).is_some(),
            "noTarget: no value at {sub}"
        ),
    }
}

/// One user and the groups of the target.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    pub(super) user: Option<Value>,
    pub(super) member_of: BTreeSet<String>,
    /// Ids by name.
    pub(super) groups: BTreeMap<String, String>,
}

impl Target {
    pub(super) fn receive(&mut self, request: &Request) {
        let body = request.body.clone().unwrap();

        match (request.method, request.path.split('/').nth(1).unwrap()) {
            (Method::Post, "Users") => {
                serde_json::from_value::<scim_v2::models::user::User>(body.clone())
                    .expect("a valid user");
                let mut user = body;
                user["id"] = json!("u1");
                self.user = Some(user);
            }
            (Method::Post, "Groups") => {
                let name = body["displayName"].as_str().unwrap().to_owned();
                assert_eq!(body["members"], json!([{"value": "u1"}]));
                self.member_of.insert(format!("id of {name}"));
                self.groups.insert(name.clone(), format!("id of {name}"));
            }
            (Method::Put, "Users") => self.merge(body),
            (Method::Patch, kind) => {
                let patch: PatchOp = serde_json::from_value(body).expect("a valid PATCH");
                assert_eq!(
                    patch.schemas,
                    ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
                );
                assert!(!patch.operations.is_empty());
                for operation in patch.operations {
                    if kind == "Users" {
                        self.patch(operation);
                    } else {
                        self.membership(request, &operation);
                    }
                }
            }
            other => panic!("the planner never sends this: {other:?}"),
        }
    }

    fn merge(&mut self, body: Value) {
        let user = self.user.as_mut().unwrap().as_object_mut().unwrap();
        let Value::Object(body) = body else {
            panic!("no object")
        };
        body.into_iter()
            .filter(|(key, _)| key != "schemas")
            .for_each(|(key, value)| set(user, &key, value));
    }

    fn patch(&mut self, operation: PatchOperation) {
        if let PatchOperation::Replace(OperationTarget::WithoutPath { value }) = operation {
            return self.merge(Value::Object(value));
        }

        let user = self.user.as_mut().unwrap();
        match operation {
            PatchOperation::Replace(OperationTarget::WithPath { path, value }) => {
                write(user, &path, Write::Replace(value.expect("a value")));
            }
            PatchOperation::Add(OperationTarget::WithPath { path, value }) => {
                write(user, &path, Write::Add(value.expect("a value")));
            }
            PatchOperation::Remove { path, value: None } => write(user, &path, Write::Remove),
            other => panic!("the planner never sends this: {other:?}"),
        }
    }

    fn membership(&mut self, request: &Request, operation: &PatchOperation) {
        let group = request.path.split('/').nth(2).unwrap().replace("%20", " ");

        match operation {
            PatchOperation::Add(OperationTarget::WithPath { path, value }) => {
                assert_eq!(
                    (path.to_string(), value),
                    ("members".to_owned(), &Some(json!([{"value": "u1"}])))
                );
                assert!(self.member_of.insert(group), "added twice");
            }
            PatchOperation::Remove { path, value: None } => {
                assert_eq!(path.to_string(), r#"members[value eq "u1"]"#);
                assert!(self.member_of.remove(&group), "not a member");
            }
            other => panic!("the planner never sends this: {other:?}"),
        }
    }
}
