//! Lists: filter, sort, page, project (RFC 7644 sections 3.4.2 and 3.4.3).
//!
//! The same search comes as a query string or as the body of a `/.search`. Pages are stateless and in the order of
//! creation unless sorted.

use serde_json::{Map, Value, json};

use super::projection::Projection;
use super::refusal::{Refusal, Result};
use super::schema::ResourceType;

/// The most resources that one answer holds.
pub(super) const PAGE: usize = 200;
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// What is searched for.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub filter: Option<String>,
    pub projection: Projection,
    pub sort_by: Option<String>,
    pub descending: bool,
    /// 1-based.
    pub start: usize,
    pub count: usize,
}

impl Search {
    /// From the parameters of a URL.
    pub fn from_query(query: &[(String, String)]) -> Result<Self> {
        let get = |name: &str| {
            query
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
        };
        let names = |name: &str| {
            get(name)
                .map(|list| list.split(',').map(str::to_owned).collect())
                .unwrap_or_default()
        };
        let number = |name: &str| {
            get(name).map(|text| {
                text.parse::<i64>()
                    .map_err(|_| Refusal::invalid_value(format!("`{name}` must be an integer")))
            })
        };
        Ok(Self {
            filter: get("filter").map(str::to_owned),
            projection: Projection::new(names("attributes"), names("excludedAttributes"))?,
            sort_by: get("sortBy").map(str::to_owned),
            descending: get("sortOrder")
                .is_some_and(|order| order.eq_ignore_ascii_case("descending")),
            start: number("startIndex")
                .transpose()?
                .map_or(1, |start| usize::try_from(start).unwrap_or(1).max(1)),
            count: number("count")
                .transpose()?
                .map_or(PAGE, |count| usize::try_from(count).unwrap_or(0))
                .min(PAGE),
        })
    }

    /// From the body of a `/.search`: the same parameters, as a message.
    pub fn from_body(body: &Value) -> Result<Self> {
        let schemas = body.get("schemas").and_then(Value::as_array);
        if !schemas.is_some_and(|urns| urns.iter().any(|urn| urn == SEARCH)) {
            return Err(Refusal::invalid_syntax(format!("`schemas` lacks {SEARCH}")));
        }
        let mut query = Vec::new();
        for (key, value) in body.as_object().into_iter().flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Array(list) => list
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

    /// Puts resources in the order that is asked for.
    pub fn sort(&self, rows: &mut [(&'static ResourceType, &Map<String, Value>)]) -> Result<()> {
        let Some(by) = &self.sort_by else {
            return Ok(());
        };
        let mut keyed = Vec::with_capacity(rows.len());
        for (of, map) in rows.iter() {
            keyed.push((sort_key(by, of, map)?, (*of, *map)));
        }
        // What has no value comes last when ascending, first when descending (RFC 7644 section 3.4.2.3).
        keyed.sort_by(|(a, _), (b, _)| (a.is_none(), a).cmp(&(b.is_none(), b)));
        if self.descending {
            keyed.reverse();
        }
        for (slot, (_, row)) in rows.iter_mut().zip(keyed) {
            *slot = row;
        }
        Ok(())
    }

    /// The answer: a page of resources, and how many there are in all.
    pub fn answer(&self, total: usize, resources: &[Value]) -> Value {
        json!({
            "schemas": [LIST],
            "totalResults": total,
            "startIndex": self.start,
            "itemsPerPage": resources.len(),
            "Resources": resources,
        })
    }
}

fn sort_key(
    by: &str,
    of: &'static ResourceType,
    map: &Map<String, Value>,
) -> Result<Option<String>> {
    let named = of.resolve(by).ok_or_else(|| {
        Refusal::invalid_value(format!("there is no attribute `{by}` to sort by"))
    })?;
    let Some(attribute) = named.attribute else {
        return Err(Refusal::invalid_value(format!("`{by}` is no attribute")));
    };
    let host = match named.extension {
        None => Some(map),
        Some(schema) => map.get(schema.id).and_then(Value::as_object),
    };
    let value = host.and_then(|host| host.get(attribute.name));
    // Of several values the primary one counts, else the first.
    let value = match value {
        Some(Value::Array(values)) => values
            .iter()
            .find(|value| value.get("primary") == Some(&Value::Bool(true)))
            .or_else(|| values.first()),
        other => other,
    };
    let sub = named.sub.or_else(|| attribute.sub("value"));
    let leaf = sub.unwrap_or(attribute);
    let value = match sub {
        Some(sub) => value.and_then(|value| value.get(sub.name)),
        None => value,
    };
    Ok(value.map(|value| match value {
        Value::String(text) => super::filter::fold(leaf, text),
        Value::Number(number) => format!("{:020}", number.as_i64().unwrap_or_default()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }))
}

/// A list of everything, for discovery.
pub(super) fn list(resources: &[Value]) -> Value {
    Search {
        start: 1,
        ..Search::default()
    }
    .answer(resources.len(), resources)
}
