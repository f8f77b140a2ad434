//! Resources of one type, in the order of their creation, with indexes for what clients look up.
//!
//! The indexes (`userName`, `externalId`, `displayName`, `emails.value`) only narrow the search: whoever asks
//! checks the filter on each candidate. They hold sets, because with the fault `no-uniqueness` twins exist.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::filter::Filter;
use super::matching::demanded;

/// What is indexed: attribute, sub-attribute, whether case counts.
const KEYS: [(&str, Option<&str>, bool); 4] = [
    ("userName", None, false),
    ("externalId", None, true),
    ("displayName", None, false),
    ("emails", Some("value"), false),
];

/// A resource as it is kept: canonical names, with `id`, `schemas` and `meta`, without locations.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub map: Map<String, Value>,
    pub created: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Shelf {
    rows: BTreeMap<u64, Row>,
    by_id: HashMap<String, u64>,
    keys: HashMap<(usize, String), BTreeSet<u64>>,
}

impl Shelf {
    pub fn get(&self, id: &str) -> Option<&Row> {
        self.rows.get(self.by_id.get(id)?)
    }

    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// When the newest row was made.
    pub fn newest(&self) -> Option<Timestamp> {
        self.rows.last_key_value().map(|(_, row)| row.created)
    }

    /// Puts a new row at the end.
    pub fn insert(&mut self, id: &str, row: Row) {
        let at = self.rows.last_key_value().map_or(0, |(last, _)| last + 1);
        self.index(at, &row.map, true);
        self.by_id.insert(id.to_owned(), at);
        self.rows.insert(at, row);
    }

    /// Writes another content to a row that is there.
    pub fn update(&mut self, id: &str, map: Map<String, Value>) {
        let Some(at) = self.by_id.get(id).copied() else {
            return;
        };
        let Some(row) = self.rows.get_mut(&at) else {
            return;
        };
        let old = std::mem::replace(&mut row.map, map);
        let new = indexed(&row.map);
        let old = indexed(&old);
        if old != new {
            self.forget(at, old);
            self.remember(at, new);
        }
    }

    pub fn remove(&mut self, id: &str) -> Option<Row> {
        let at = self.by_id.remove(id)?;
        let row = self.rows.remove(&at)?;
        self.index(at, &row.map, false);
        Some(row)
    }

    /// The rows that can match: all of them, or those that an index knows.
    pub fn candidates(&self, filter: Option<&Filter>) -> Vec<&Row> {
        let Some(filter) = filter else {
            return self.rows.values().collect();
        };
        if let Some(id) = demanded(filter, "id", None) {
            return self.get(id).into_iter().collect();
        }
        for (key, (attribute, sub, _)) in KEYS.iter().enumerate() {
            if let Some(text) = demanded(filter, attribute, *sub) {
                return self.at(key, text).collect();
            }
        }
        self.rows.values().collect()
    }

    /// The rows with this `userName`, in any case.
    pub fn named(&self, user_name: &str) -> impl Iterator<Item = &Row> + use<'_> {
        self.at(0, &user_name.to_lowercase())
    }

    fn at(&self, key: usize, text: &str) -> impl Iterator<Item = &Row> + use<'_> {
        self.keys
            .get(&(key, text.to_owned()))
            .into_iter()
            .flatten()
            .filter_map(|at| self.rows.get(at))
    }

    fn index(&mut self, at: u64, map: &Map<String, Value>, there: bool) {
        let keys = indexed(map);
        if there {
            self.remember(at, keys)
        } else {
            self.forget(at, keys)
        }
    }

    fn remember(&mut self, at: u64, keys: Vec<(usize, String)>) {
        for key in keys {
            self.keys.entry(key).or_default().insert(at);
        }
    }

    fn forget(&mut self, at: u64, keys: Vec<(usize, String)>) {
        for key in keys {
            if let Some(rows) = self.keys.get_mut(&key) {
                rows.remove(&at);
                if rows.is_empty() {
                    self.keys.remove(&key);
                }
            }
        }
    }
}

/// The keys under which a resource is found.
fn indexed(map: &Map<String, Value>) -> Vec<(usize, String)> {
    let mut out = Vec::with_capacity(KEYS.len());
    for (key, (attribute, sub, exact)) in KEYS.iter().enumerate() {
        let fold = |text: &str| {
            (
                key,
                if *exact {
                    text.to_owned()
                } else {
                    text.to_lowercase()
                },
            )
        };
        match (map.get(*attribute), sub) {
            (Some(Value::String(text)), None) => out.push(fold(text)),
            (Some(Value::Array(values)), Some(sub)) => {
                out.extend(
                    values
                        .iter()
                        .filter_map(|value| value.get(*sub))
                        .filter_map(Value::as_str)
                        .map(fold),
                );
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::attributes::GENERIC;

    fn row(value: &Value) -> Row {
        Row {
            map: value.as_object().unwrap().clone(),
            created: Timestamp::UNIX_EPOCH,
        }
    }

    fn found(shelf: &Shelf, filter: &str) -> usize {
        shelf
            .candidates(Some(&Filter::parse(filter, GENERIC.user).unwrap()))
            .len()
    }

    #[test]
    fn an_index_follows_every_write() {
        let mut shelf = Shelf::default();
        shelf.insert(
            "1",
            row(&json!({"userName": "Ada", "emails": [{"value": "A@x"}]})),
        );
        shelf.insert("2", row(&json!({"userName": "bo"})));
        assert_eq!(found(&shelf, r#"userName eq "ADA""#), 1);
        assert_eq!(found(&shelf, r#"emails[value eq "a@X"]"#), 1);
        assert_eq!(found(&shelf, r#"title eq "x""#), 2);
        shelf.update("1", row(&json!({"userName": "ada2"})).map);
        assert_eq!(found(&shelf, r#"userName eq "ada""#), 0);
        assert_eq!(found(&shelf, r#"userName eq "ada2""#), 1);
        assert_eq!(found(&shelf, r#"emails.value eq "a@x""#), 0);
        shelf.remove("1");
        assert_eq!(found(&shelf, r#"userName eq "ada2""#), 0);
        assert!(shelf.get("1").is_none() && shelf.keys.len() == 1);
    }
}
