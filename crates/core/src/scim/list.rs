//! The response to a query (RFC 7644 section 3.4.2), parsed leniently.
//!
//! Servers leave out `startIndex`, `itemsPerPage`, and even `Resources` if nothing matches. Some
//! put `null` entries in the list. SCIM 1.1 has the same members. Paging is the caller's task.

use serde_json::Value;

use super::resource::member;

/// One page of a query's result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListResponse {
    /// The number of matches on all pages; never less than the resources of this page.
    pub total: u64,
    /// The resources of this page, without `null` entries.
    pub resources: Vec<Value>,
}

impl ListResponse {
    /// Parses a page; `None` if the body is not a list: a resource, an error, text.
    pub fn read(body: &Value) -> Option<Self> {
        let total = member(body, "totalResults");
        let resources: Vec<Value> = match member(body, "Resources") {
            Some(Value::Array(all)) => all.iter().filter(|r| r.is_object()).cloned().collect(),
            Some(Value::Null) | None if total.is_some() => Vec::new(),
            Some(_) | None => return None,
        };

        let on_this_page = u64::try_from(resources.len()).unwrap_or(u64::MAX);
        let stated = total.and_then(|t| t.as_u64().or_else(|| t.as_str()?.parse().ok()));
        Some(Self {
            total: stated.unwrap_or(on_this_page).max(on_this_page),
            resources,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_parses_in_each_form_that_servers_send() {
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
