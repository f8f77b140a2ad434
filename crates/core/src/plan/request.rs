//! A request exactly as it is sent, without base URL and credentials.
//!
//! The client and a preview take it from here. The requests that change the members of a group are
//! built here too, because several people may share one.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::failure::Phase;
use crate::scim::{
    AttributePath, GroupDialect, MemberRemoval, PatchOperation, patch_body, percent_encode,
};

/// The HTTP methods that SCIM operations use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(
    missing_docs,
    reason = "HTTP defines them (RFC 9110 section 9.3, RFC 5789)"
)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
}

/// A SCIM request, without base URL and credentials. Its serialized form is a line of a preview.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    /// The purpose of the request, for failures and logs.
    #[serde(skip)]
    pub phase: Phase,
    /// The HTTP method of the dialect.
    pub method: Method,
    /// The path below the base URL, with its leading `/`. It holds ids only, so it may be logged.
    pub path: String,
    /// The encoded query, without `?`. It may hold personal data and is never logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The JSON body; `None` for a GET.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The value of `If-Match` (RFC 7644 section 3.14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
}

impl Method {
    /// The method name in upper case, as in a request line.
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
    /// A GET of a path below the base URL.
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

    /// A request with a JSON body.
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

    /// Sets the query, which must be encoded already.
    #[must_use]
    pub fn query(mut self, query: String) -> Self {
        self.query = Some(query);
        self
    }
}

/// The path of one resource. The id is opaque (RFC 7643 section 3.1) and is percent-encoded.
pub(super) fn resource_path(collection: &str, id: &str) -> String {
    format!("{collection}/{}", percent_encode(id))
}

/// The PATCH requests that add users to a group, each with at most `dialect.chunk` members. They
/// add by id and never replace the list, so that other members stay.
pub fn add_members(dialect: &GroupDialect, group: &str, users: &[&str]) -> Vec<Request> {
    let chunks = users.chunks(dialect.chunk.max(1));
    chunks
        .filter_map(|chunk| Some(members_patch(dialect, group, &[add_operation(chunk)?])))
        .collect()
}

/// The PATCH requests that remove users from a group, at most `dialect.chunk` of them in a request:
/// one operation for each user, or one with the list of them, as the dialect has it.
pub fn remove_members(dialect: &GroupDialect, group: &str, users: &[&str]) -> Vec<Request> {
    let chunks = users.chunks(dialect.chunk.max(1));
    chunks
        .map(|chunk| {
            let operations: Vec<PatchOperation> = match dialect.remove {
                MemberRemoval::Path => chunk
                    .iter()
                    .filter_map(|user| remove_operation(user))
                    .collect(),
                MemberRemoval::Value => remove_elements(chunk).into_iter().collect(),
            };
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
        path: AttributePath::parse("members").ok()?,
        value,
    })
}

fn remove_elements(users: &[&str]) -> Option<PatchOperation> {
    let value = users.iter().map(|user| json!({"value": user})).collect();
    Some(PatchOperation::RemoveElements {
        path: AttributePath::parse("members").ok()?,
        value,
    })
}

fn remove_operation(user: &str) -> Option<PatchOperation> {
    let path = format!("members[value eq {}]", Value::String(user.to_owned()));
    Some(PatchOperation::Remove {
        path: AttributePath::parse(&path).ok()?,
    })
}
