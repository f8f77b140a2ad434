//! The response to a query (RFC 7644 section 3.4.2), parsed leniently.
//!
//! Servers leave out `startIndex`, `itemsPerPage`, `totalResults`, and even `Resources` if nothing
//! matches. Some put `null` entries in the list, some answer with the array of resources or with the
//! one resource alone. SCIM 1.1 has the same members. Paging is the caller's task.

use serde_json::Value;

use super::{resource::member, urn::LIST_RESPONSE};

/// One page of a query's result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListResponse {
    /// The number of matches on all pages; never less than the resources of this page.
    pub total: u64,
    /// The resources of this page, without `null` entries.
    pub resources: Vec<Value>,
}

impl ListResponse {
    /// Parses a page; `None` if the body is no list: text, an error, a page of another service.
    pub fn read(body: &Value) -> Option<Self> {
        let resources: Vec<Value> = match (body, member(body, "Resources")) {
            (Value::Array(all), _) | (_, Some(Value::Array(all))) => {
                all.iter().filter(|r| r.is_object()).cloned().collect()
            }
            (Value::Object(_), Some(Value::Null) | None) if is_resource(body) => vec![body.clone()],
            (Value::Object(_), Some(Value::Null) | None) if is_empty_list(body) => Vec::new(),
            _ => return None,
        };

        let total = member(body, "totalResults");
        let on_this_page = u64::try_from(resources.len()).unwrap_or(u64::MAX);
        let stated = total.and_then(|t| t.as_u64().or_else(|| t.as_str()?.parse().ok()));
        Some(Self {
            total: stated.unwrap_or(on_this_page).max(on_this_page),
            resources,
        })
    }
}

/// Members of an answer that is an error or a page of another service, with any status.
const NOT_OF_A_LIST: [&str; 6] = ["error", "errors", "detail", "scimType", "message", "code"];

fn is_resource(body: &Value) -> bool {
    member(body, "id").is_some_and(|id| !id.is_null())
}

/// Whether an object without resources is a list in which nothing matches: it has a member of a
/// list, or nothing that would make it an error.
fn is_empty_list(body: &Value) -> bool {
    let schemas = member(body, "schemas").and_then(Value::as_array);
    let states_list = schemas
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|schema| schema.eq_ignore_ascii_case(LIST_RESPONSE));
    let has_list_member = ["totalResults", "Resources"]
        .iter()
        .any(|name| member(body, name).is_some());

    let is_other = member(body, "userName").is_some()
        || NOT_OF_A_LIST
            .iter()
            .any(|name| member(body, name).is_some());
    states_list || has_list_member || !is_other
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
        assert_eq!(read(json!([{"id": "1"}, {"id": "2"}])), Some((2, 2)));
        assert_eq!(read(json!({"id": "1", "userName": "ada"})), Some((1, 1)));
    }

    #[test]
    fn an_empty_list_parses_in_each_form_and_an_error_does_not() {
        let read = |body| ListResponse::read(&body).map(|l| (l.total, l.resources.len()));

        for empty in [
            json!({ "schemas": [LIST_RESPONSE] }),
            json!({ "schemas": [LIST_RESPONSE], "startIndex": 1, "Resources": null }),
            json!({ "Resources": null }),
            json!({ "schemas": ["urn:scim:schemas:core:1.0"] }),
            json!({}),
            json!([]),
        ] {
            assert_eq!(read(empty.clone()), Some((0, 0)), "{empty}");
        }

        for other in [
            json!("text"),
            json!(null),
            json!({ "userName": "ada" }),
            json!({ "error": "unknown_error" }),
            json!({ "schemas": [super::super::ERROR], "status": "400", "detail": "no" }),
            json!({ "message": "please log in" }),
            json!({ "Resources": "none" }),
        ] {
            assert_eq!(read(other.clone()), None, "{other}");
        }
    }
}
