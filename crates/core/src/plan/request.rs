//! A request exactly as it is sent, less base URL and credentials.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::Phase;
use crate::scim::{GroupDialect, PatchOperation, patch_body, percent_encode};

/// The methods a client needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "they are HTTP's")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    /// What it is for.
    #[serde(skip)]
    pub phase: Phase,
    /// The method.
    pub method: Method,
    /// Under the base URL, from `/` on; holds ids only, so it may be logged.
    pub path: String,
    /// The query, encoded; it may hold personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// `If-Match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
}

impl Method {
    /// As HTTP spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Request {
    /// A GET of a path under the base URL.
    pub fn get(phase: Phase, path: impl Into<String>) -> Self {
        Self {
            phase,
            method: Method::Get,
            path: path.into(),
            query: None,
            body: None,
            if_match: None,
        }
    }

    /// A request with a body.
    pub fn with_body(phase: Phase, method: Method, path: impl Into<String>, body: Value) -> Self {
        Self {
            phase,
            method,
            path: path.into(),
            query: None,
            body: Some(body),
            if_match: None,
        }
    }

    /// The same with a query (encoded already).
    #[must_use]
    pub fn query(mut self, query: String) -> Self {
        self.query = Some(query);
        self
    }
}

/// The path of one resource; the id is opaque and is escaped.
pub(super) fn resource_path(collection: &str, id: &str) -> String {
    format!("{collection}/{}", percent_encode(id))
}

/// The PATCH requests that add users to a group, as many as the dialect's chunk asks for. By id only, never a replacement.
pub fn add_members(dialect: &GroupDialect, group: &str, users: &[&str]) -> Vec<Request> {
    let chunks = users.chunks(dialect.chunk.max(1));
    chunks
        .filter_map(|chunk| Some(members_patch(dialect, group, &[add_operation(chunk)?])))
        .collect()
}

/// The PATCH requests that remove users from a group, one operation for each.
pub fn remove_members(dialect: &GroupDialect, group: &str, users: &[&str]) -> Vec<Request> {
    let chunks = users.chunks(dialect.chunk.max(1));
    chunks
        .map(|chunk| {
            let operations: Vec<PatchOperation> = chunk
                .iter()
                .filter_map(|user| remove_operation(user))
                .collect();
            members_patch(dialect, group, &operations)
        })
        .collect()
}

fn members_patch(dialect: &GroupDialect, group: &str, operations: &[PatchOperation]) -> Request {
    let path = resource_path(&dialect.path, group);
    Request::with_body(Phase::Groups, Method::Patch, path, patch_body(operations))
}

fn add_operation(users: &[&str]) -> Option<PatchOperation> {
    let value = users.iter().map(|user| json!({"value": user})).collect();
    Some(PatchOperation::Add {
        path: crate::scim::AttributePath::parse("members").ok()?,
        value,
    })
}

fn remove_operation(user: &str) -> Option<PatchOperation> {
    let path = format!("members[value eq {}]", Value::String(user.to_owned()));
    Some(PatchOperation::Remove {
        path: crate::scim::AttributePath::parse(&path).ok()?,
    })
}
