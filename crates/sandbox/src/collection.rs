//! The resources of one endpoint in the order of their creation, with indexes for common filters.
//!
//! An index (`userName`, `externalId`, `displayName`, `emails.value`) only narrows the candidates;
//! the caller still evaluates the filter on each. An index entry is a set of resources, because the
//! fault `no-uniqueness` allows duplicates.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::filter::Filter;
use super::matching::required_string;

/// The indexed attributes: name, sub-attribute, and whether case counts.
const INDEXES: [(&str, Option<&str>, bool); 4] = [
    (USER_NAME, None, false),
    ("externalId", None, true),
    ("displayName", None, false),
    ("emails", Some("value"), false),
];
const USER_NAME: &str = "userName";

/// An attribute name of [`INDEXES`], and a value in the form in which it is compared.
type IndexKey = (&'static str, String);

/// A resource in its stored form: canonical names, `id`, `schemas` and `meta`, but no URIs.
#[derive(Clone, Debug)]
pub(crate) struct StoredResource {
    pub(crate) attributes: Map<String, Value>,
    pub(crate) created: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Collection {
    /// By a number that counts up with each creation.
    resources: BTreeMap<u64, StoredResource>,
    by_id: HashMap<String, u64>,
    index: HashMap<IndexKey, BTreeSet<u64>>,
}

impl Collection {
    pub(crate) fn get(&self, id: &str) -> Option<&StoredResource> {
        self.resources.get(self.by_id.get(id)?)
    }

    /// All resources, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &StoredResource> {
        self.resources.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.resources.len()
    }

    /// The time at which the newest resource was created.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.resources
            .last_key_value()
            .map(|(_, resource)| resource.created)
    }

    pub(crate) fn insert(&mut self, id: &str, resource: StoredResource) {
        let number = self
            .resources
            .last_key_value()
            .map_or(0, |(last, _)| last + 1);

        self.add_to_index(number, index_keys(&resource.attributes));
        self.by_id.insert(id.to_owned(), number);
        self.resources.insert(number, resource);
    }

    /// Replaces the attributes of a resource. An unknown id changes nothing.
    pub(crate) fn update(&mut self, id: &str, attributes: Map<String, Value>) {
        let Some(number) = self.by_id.get(id).copied() else {
            return;
        };
        let Some(resource) = self.resources.get_mut(&number) else {
            return;
        };

        let old_attributes = std::mem::replace(&mut resource.attributes, attributes);
        let old_keys = index_keys(&old_attributes);
        let new_keys = index_keys(&resource.attributes);
        if old_keys != new_keys {
            self.remove_from_index(number, old_keys);
            self.add_to_index(number, new_keys);
        }
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<StoredResource> {
        let number = self.by_id.remove(id)?;
        let resource = self.resources.remove(&number)?;

        self.remove_from_index(number, index_keys(&resource.attributes));
        Some(resource)
    }

    /// The resources that can match the filter: those of an index entry, or all.
    pub(crate) fn candidates(&self, filter: Option<&Filter>) -> Vec<&StoredResource> {
        let Some(filter) = filter else {
            return self.iter().collect();
        };

        if let Some(id) = required_string(filter, "id", None) {
            return self.get(id).into_iter().collect();
        }
        for (attribute, sub_attribute, _) in INDEXES {
            if let Some(text) = required_string(filter, attribute, sub_attribute) {
                return self.indexed(attribute, text.to_owned()).collect();
            }
        }

        self.iter().collect()
    }

    /// The resources with this `userName`, in any case.
    pub(crate) fn by_user_name(
        &self,
        user_name: &str,
    ) -> impl Iterator<Item = &StoredResource> + use<'_> {
        self.indexed(USER_NAME, user_name.to_lowercase())
    }

    fn indexed(
        &self,
        attribute: &'static str,
        text: String,
    ) -> impl Iterator<Item = &StoredResource> + use<'_> {
        self.index
            .get(&(attribute, text))
            .into_iter()
            .flatten()
            .filter_map(|number| self.resources.get(number))
    }

    fn add_to_index(&mut self, number: u64, keys: Vec<IndexKey>) {
        for key in keys {
            self.index.entry(key).or_default().insert(number);
        }
    }

    fn remove_from_index(&mut self, number: u64, keys: Vec<IndexKey>) {
        for key in keys {
            if let Some(numbers) = self.index.get_mut(&key) {
                numbers.remove(&number);
                if numbers.is_empty() {
                    self.index.remove(&key);
                }
            }
        }
    }
}

/// The index entries of a resource.
fn index_keys(attributes: &Map<String, Value>) -> Vec<IndexKey> {
    let mut keys = Vec::with_capacity(INDEXES.len());

    for (attribute, sub_attribute, case_exact) in INDEXES {
        let key = |text: &str| {
            let text = if case_exact {
                text.to_owned()
            } else {
                text.to_lowercase()
            };
            (attribute, text)
        };

        match (attributes.get(attribute), sub_attribute) {
            (Some(Value::String(text)), None) => keys.push(key(text)),
            (Some(Value::Array(values)), Some(sub_attribute)) => {
                let texts = values
                    .iter()
                    .filter_map(|value| value.get(sub_attribute))
                    .filter_map(Value::as_str);
                keys.extend(texts.map(key));
            }
            _ => {}
        }
    }

    keys
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::GENERIC;

    fn resource(attributes: &Value) -> StoredResource {
        StoredResource {
            attributes: attributes.as_object().unwrap().clone(),
            created: Timestamp::UNIX_EPOCH,
        }
    }

    fn count_candidates(collection: &Collection, filter: &str) -> usize {
        let filter = Filter::parse(filter, GENERIC.user).unwrap();
        collection.candidates(Some(&filter)).len()
    }

    #[test]
    fn every_write_updates_the_index() {
        let mut collection = Collection::default();
        collection.insert(
            "1",
            resource(&json!({"userName": "Ada", "emails": [{"value": "A@x"}]})),
        );
        collection.insert("2", resource(&json!({"userName": "bo"})));
        assert_eq!(count_candidates(&collection, r#"userName eq "ADA""#), 1);
        assert_eq!(
            count_candidates(&collection, r#"emails[value eq "a@X"]"#),
            1
        );
        assert_eq!(count_candidates(&collection, r#"title eq "x""#), 2);

        collection.update("1", resource(&json!({"userName": "ada2"})).attributes);
        assert_eq!(count_candidates(&collection, r#"userName eq "ada""#), 0);
        assert_eq!(count_candidates(&collection, r#"userName eq "ada2""#), 1);
        assert_eq!(count_candidates(&collection, r#"emails.value eq "a@x""#), 0);

        collection.remove("1");
        assert_eq!(count_candidates(&collection, r#"userName eq "ada2""#), 0);
        assert!(collection.get("1").is_none() && collection.index.len() == 1);
    }
}
