//! The parameters of a query for resources, and its list response (RFC 7644 sections 3.4.2 and
//! 3.4.3).
//!
//! The parameters come from the URL or from the body of a POST to `/.search`. Paging is stateless;
//! without `sortBy`, resources are in the order of their creation.

use serde_json::{Map, Value, json};

use super::projection::Projection;
use super::schema::{AttributePath, ResolvedName, ResourceType};
use super::scim_error::{ScimError, ScimResult};

/// The largest number of resources in one response (`filter.maxResults`).
pub(crate) const MAX_RESULTS: usize = 200;
const LIST_RESPONSE_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const SEARCH_REQUEST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The parameters of a query.
#[derive(Debug, Default)]
pub(crate) struct SearchRequest {
    pub(crate) filter: Option<String>,
    pub(crate) projection: Projection,
    pub(crate) sort_by: Option<String>,
    pub(crate) descending: bool,
    /// At least 1: the index of the first resource of the page.
    pub(crate) start_index: usize,
    /// At most [`MAX_RESULTS`].
    pub(crate) count: usize,
}

impl SearchRequest {
    /// From the parameters of a URL. Their names are compared in any case.
    pub(crate) fn from_query(query: &[(String, String)]) -> ScimResult<Self> {
        let filter = parameter(query, "filter").map(str::to_owned);
        let projection = Projection::new(
            name_list(query, "attributes"),
            name_list(query, "excludedAttributes"),
        )?;
        let sort_by = parameter(query, "sortBy").map(str::to_owned);
        let descending = parameter(query, "sortOrder")
            .is_some_and(|order| order.eq_ignore_ascii_case("descending"));

        // Out-of-range numbers have a meaning: RFC 7644 section 3.4.2.4.
        let start_index = integer(query, "startIndex")?
            .map_or(1, |start| usize::try_from(start).unwrap_or(1).max(1));
        let count = integer(query, "count")?
            .map_or(MAX_RESULTS, |count| usize::try_from(count).unwrap_or(0))
            .min(MAX_RESULTS);

        Ok(Self {
            filter,
            projection,
            sort_by,
            descending,
            start_index,
            count,
        })
    }

    /// From the body of a POST to `/.search`.
    pub(crate) fn from_body(body: &Value) -> ScimResult<Self> {
        let schemas = body.get("schemas").and_then(Value::as_array);
        if !schemas.is_some_and(|urns| urns.iter().any(|urn| urn == SEARCH_REQUEST_SCHEMA)) {
            return Err(ScimError::invalid_syntax(format!(
                "`schemas` lacks {SEARCH_REQUEST_SCHEMA}"
            )));
        }

        let mut query = Vec::new();
        for (key, value) in body.as_object().into_iter().flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Array(names) => names
                    .iter()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>()
                    .join(","),
                Value::Null | Value::Bool(_) | Value::Object(_) => continue,
            };
            query.push((key.clone(), text));
        }

        Self::from_query(&query)
    }

    /// Sorts resources by `sortBy`, if the request has it (RFC 7644 section 3.4.2.3).
    pub(crate) fn sort(
        &self,
        resources: &mut [(&'static ResourceType, &Map<String, Value>)],
    ) -> ScimResult<()> {
        let Some(sort_by) = &self.sort_by else {
            return Ok(());
        };

        let mut keyed = Vec::with_capacity(resources.len());
        for (resource_type, resource) in resources.iter() {
            let path = sort_path(sort_by, resource_type)?;
            keyed.push((sort_key(&path, resource), (*resource_type, *resource)));
        }

        // A resource without a value is last in ascending order and first in descending order.
        keyed.sort_by(|(a, _), (b, _)| (a.is_none(), a).cmp(&(b.is_none(), b)));
        if self.descending {
            keyed.reverse();
        }

        for (slot, (_, resource)) in resources.iter_mut().zip(keyed) {
            *slot = resource;
        }
        Ok(())
    }

    /// The list response with this page of all matches.
    pub(crate) fn list_response(&self, total_results: usize, resources: &[Value]) -> Value {
        json!({
            "schemas": [LIST_RESPONSE_SCHEMA],
            "totalResults": total_results,
            "startIndex": self.start_index,
            "itemsPerPage": resources.len(),
            "Resources": resources,
        })
    }
}

/// A list response of all these resources on one page, for discovery.
pub(crate) fn list_response(resources: &[Value]) -> Value {
    SearchRequest {
        start_index: 1,
        ..SearchRequest::default()
    }
    .list_response(resources.len(), resources)
}

fn parameter<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    query
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

fn name_list(query: &[(String, String)], name: &str) -> Vec<String> {
    parameter(query, name)
        .map(|names| names.split(',').map(str::to_owned).collect())
        .unwrap_or_default()
}

fn integer(query: &[(String, String)], name: &str) -> ScimResult<Option<i64>> {
    parameter(query, name)
        .map(|text| {
            text.parse()
                .map_err(|_| ScimError::invalid_value(format!("`{name}` must be an integer")))
        })
        .transpose()
}

fn sort_path(sort_by: &str, resource_type: &ResourceType) -> ScimResult<AttributePath> {
    match resource_type.resolve(sort_by) {
        Some(ResolvedName::Attribute(path)) => Ok(path),
        Some(ResolvedName::Extension(_)) => Err(ScimError::invalid_value(format!(
            "`sortBy` names the extension `{sort_by}`, not an attribute"
        ))),
        None => Err(ScimError::invalid_value(format!(
            "`sortBy` names the unknown attribute `{sort_by}`"
        ))),
    }
}

/// The value as text that sorts like the value; `None` without a value.
fn sort_key(path: &AttributePath, resource: &Map<String, Value>) -> Option<String> {
    // A multi-valued attribute sorts by its primary value, else by the first.
    let value = path.attribute_value(resource)?;
    let value = if let Some(values) = value.as_array() {
        values
            .iter()
            .find(|value| value.get("primary") == Some(&Value::Bool(true)))
            .or_else(|| values.first())?
    } else {
        value
    };

    let sub_attribute = path
        .sub_attribute
        .or_else(|| path.attribute.sub_attribute("value"));
    let value = match sub_attribute {
        Some(sub_attribute) => value.get(sub_attribute.name)?,
        None => value,
    };

    Some(match value {
        Value::String(text) => sub_attribute.unwrap_or(path.attribute).fold_case(text),
        Value::Number(number) => format!("{:020}", number.as_i64().unwrap_or_default()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    })
}
