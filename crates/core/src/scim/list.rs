//! The answer to a query (RFC 7644 section 3.4.2), read leniently.
//!
//! Servers leave out `startIndex`, `itemsPerPage`, even `Resources` when nothing was found; some put `null`
//! entries in the list; SCIM 1.1 spells the same members.

use serde_json::Value;

use super::resource::member;

/// A page of resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListResponse {
    /// How many there are in all; what the page holds if the server does not say.
    pub total: u64,
    /// The resources of this page.
    pub resources: Vec<Value>,
}

impl ListResponse {
    /// Reads a page; `None` if the body is no list at all (a resource, an error, HTML read as text).
    pub fn read(body: &Value) -> Option<Self> {
        let total = member(body, "totalResults");
        let listed = member(body, "Resources");
        let resources: Vec<Value> = match listed {
            Some(Value::Array(all)) => all.iter().filter(|r| r.is_object()).cloned().collect(),
            Some(Value::Null) | None if total.is_some() => Vec::new(),
            Some(_) | None => return None,
        };
        let held = u64::try_from(resources.len()).unwrap_or(u64::MAX);
        let stated = total.and_then(|t| t.as_u64().or_else(|| t.as_str()?.parse().ok()));
        Some(Self {
            total: stated.unwrap_or(held).max(held),
            resources,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_read_as_servers_write_them() {
        let read = |body| ListResponse::read(&body).map(|l| (l.total, l.resources.len()));
        assert_eq!(
            read(json!({"totalResults": 2, "Resources": [{"id": "1"}, null, {"id": "2"}]})),
            Some((2, 2))
        );
        assert_eq!(read(json!({"totalResults": 0})), Some((0, 0)));
        assert_eq!(
            read(json!({"totalResults": "7", "resources": [{"id": "1"}]})),
            Some((7, 1))
        );
        assert_eq!(read(json!({"Resources": [{"id": "1"}]})), Some((1, 1)));
        assert_eq!(read(json!({"id": "1"})), None);
        assert_eq!(read(json!("text")), None);
    }
}
