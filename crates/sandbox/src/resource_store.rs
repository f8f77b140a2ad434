//! The store of users and groups, and the rules between them: the uniqueness of `userName`, and the
//! attribute `groups` of a user, which mirrors the `members` of the groups.
//!
//! A write arrives as a complete resource. The store checks it, adds the attributes of the server
//! (`id`, `schemas`, `meta`) and keeps it; after an error nothing has changed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::catalogue::Endpoint;
use super::collection::{Collection, StoredResource};
use super::profile::SandboxProfile;
use super::resource_parser;
use super::scim_error::{ScimError, ScimResult};
use super::workplace;

#[derive(Debug)]
pub(crate) struct ResourceStore {
    profile: SandboxProfile,
    users: Collection,
    groups: Collection,
    /// The number of resources created so far; the ids of Workplace derive from it.
    created_count: u64,
}

impl ResourceStore {
    pub(crate) fn new(profile: SandboxProfile) -> Self {
        Self {
            profile,
            users: Collection::default(),
            groups: Collection::default(),
            created_count: 0,
        }
    }

    pub(crate) fn collection(&self, endpoint: Endpoint) -> &Collection {
        match endpoint {
            Endpoint::Users => &self.users,
            Endpoint::Groups => &self.groups,
        }
    }

    fn collection_mut(&mut self, endpoint: Endpoint) -> &mut Collection {
        match endpoint {
            Endpoint::Users => &mut self.users,
            Endpoint::Groups => &mut self.groups,
        }
    }

    /// The resource with this id, else 404.
    pub(crate) fn get(&self, endpoint: Endpoint, id: &str) -> ScimResult<&StoredResource> {
        let name = endpoint.resource_type(self.profile).name;
        self.collection(endpoint)
            .get(id)
            .ok_or_else(|| ScimError::not_found(name, id))
    }

    /// Whether a user with another id has the `userName` of this user.
    pub(crate) fn user_name_is_taken(&self, user: &Map<String, Value>) -> bool {
        let id = user.get("id");
        user.get("userName")
            .and_then(Value::as_str)
            .is_some_and(|user_name| {
                self.users
                    .by_user_name(user_name)
                    .any(|other| other.attributes.get("id") != id)
            })
    }

    /// Stores a new resource; returns its id. A user without `active` is active.
    pub(crate) fn create(
        &mut self,
        endpoint: Endpoint,
        mut attributes: Map<String, Value>,
        now: Timestamp,
    ) -> ScimResult<String> {
        if endpoint == Endpoint::Users {
            attributes.entry("active").or_insert(Value::Bool(true));
        }

        let id = self.next_id();
        let timestamp = format_timestamp(now);
        attributes.insert("id".to_owned(), json!(id));
        attributes.insert(
            "meta".to_owned(),
            json!({
                "resourceType": endpoint.resource_type(self.profile).name,
                "created": timestamp,
                "lastModified": timestamp,
            }),
        );
        self.complete(endpoint, &mut attributes)?;

        let members = member_ids(&attributes);
        self.collection_mut(endpoint).insert(
            &id,
            StoredResource {
                attributes,
                created: now,
            },
        );
        if endpoint == Endpoint::Groups {
            self.update_user_groups(&id, &BTreeSet::new(), &members);
        }

        Ok(id)
    }

    fn next_id(&mut self) -> String {
        self.created_count += 1;

        match self.profile {
            SandboxProfile::Generic => crate::clock::new_id(),
            SandboxProfile::Workplace => {
                (100_064_000_000_000 + self.created_count * 7_919).to_string()
            }
        }
    }

    /// Replaces the attributes of a resource, except `id`, `meta` and `groups`.
    ///
    /// `meta.lastModified` changes only if another attribute changes.
    pub(crate) fn update(
        &mut self,
        endpoint: Endpoint,
        id: &str,
        mut attributes: Map<String, Value>,
        now: Timestamp,
    ) -> ScimResult<()> {
        let old = self.get(endpoint, id)?.attributes.clone();
        for name in ["id", "meta", "groups"] {
            match old.get(name) {
                Some(value) => attributes.insert(name.to_owned(), value.clone()),
                None => attributes.remove(name),
            };
        }
        self.complete(endpoint, &mut attributes)?;
        if attributes == old {
            return Ok(());
        }

        if let Some(meta) = attributes.get_mut("meta").and_then(Value::as_object_mut) {
            meta.insert("lastModified".to_owned(), json!(format_timestamp(now)));
        }
        let (mut old_members, new_members) = (member_ids(&old), member_ids(&attributes));
        let renamed = old.get("displayName") != attributes.get("displayName");
        self.collection_mut(endpoint).update(id, attributes);

        if endpoint == Endpoint::Groups {
            if renamed {
                // Remove and add every member, so that each `groups.display` has the new name.
                self.update_user_groups(id, &old_members, &BTreeSet::new());
                old_members = BTreeSet::new();
            }
            self.update_user_groups(id, &old_members, &new_members);
        }

        Ok(())
    }

    /// Deletes a resource, and removes it from the members of every group.
    pub(crate) fn delete(
        &mut self,
        endpoint: Endpoint,
        id: &str,
        now: Timestamp,
    ) -> ScimResult<()> {
        let resource = self.get(endpoint, id)?.clone();
        if endpoint == Endpoint::Groups {
            let members = member_ids(&resource.attributes);
            self.update_user_groups(id, &members, &BTreeSet::new());
        }
        self.collection_mut(endpoint).remove(id);

        let group_ids: Vec<String> = self
            .groups
            .iter()
            .filter(|group| member_ids(&group.attributes).contains(id))
            .filter_map(|group| group.attributes.get("id").and_then(Value::as_str))
            .map(str::to_owned)
            .collect();
        for group_id in group_ids {
            self.remove_member(&group_id, id, now)?;
        }

        Ok(())
    }

    fn remove_member(&mut self, group_id: &str, member_id: &str, now: Timestamp) -> ScimResult<()> {
        let mut group = self.get(Endpoint::Groups, group_id)?.attributes.clone();

        if let Some(members) = group.get_mut("members").and_then(Value::as_array_mut) {
            members.retain(|member| value_of(member) != Some(member_id));
            if members.is_empty() {
                group.remove("members");
            }
        }

        self.update(Endpoint::Groups, group_id, group, now)
    }

    /// Checks a resource, and adds `schemas` and the types of members.
    fn complete(&self, endpoint: Endpoint, attributes: &mut Map<String, Value>) -> ScimResult<()> {
        let resource_type = endpoint.resource_type(self.profile);
        resource_parser::validate(attributes, resource_type)?;
        if self.profile == SandboxProfile::Workplace {
            workplace::validate(endpoint, attributes)?;
        }

        let mut schemas = vec![resource_type.core_schema.id];
        schemas.extend(
            resource_type
                .extensions
                .iter()
                .map(|schema| schema.id)
                .filter(|urn| attributes.contains_key(*urn)),
        );
        attributes.insert("schemas".to_owned(), json!(schemas));

        if endpoint == Endpoint::Groups
            && let Some(members) = attributes.get_mut("members").and_then(Value::as_array_mut)
        {
            for member in members.iter_mut().filter_map(Value::as_object_mut) {
                self.set_member_type(member)?;
            }
        }

        Ok(())
    }

    /// Sets `type` of a member, which must exist. A `type` from the client has no effect.
    fn set_member_type(&self, member: &mut Map<String, Value>) -> ScimResult<()> {
        let id = member
            .get("value")
            .and_then(Value::as_str)
            .unwrap_or_default();

        let member_type = match (self.users.get(id), self.groups.get(id)) {
            (Some(_), _) => "User",
            (None, Some(_)) => "Group",
            (None, None) => {
                return Err(ScimError::invalid_value(format!(
                    "members.value: there is no user or group `{id}`"
                )));
            }
        };

        member.insert("type".to_owned(), json!(member_type));
        Ok(())
    }

    /// Adds a group to `groups` of its new members, and removes it from that of its former members.
    fn update_user_groups(
        &mut self,
        group_id: &str,
        old_members: &BTreeSet<String>,
        new_members: &BTreeSet<String>,
    ) {
        let display = self
            .groups
            .get(group_id)
            .and_then(|group| group.attributes.get("displayName"))
            .cloned();
        let removed = old_members.difference(new_members).map(|id| (id, false));
        let added = new_members.difference(old_members).map(|id| (id, true));

        for (user_id, is_member) in removed.chain(added) {
            let Some(user) = self.users.get(user_id) else {
                continue;
            };
            let mut attributes = user.attributes.clone();
            let mut groups = match attributes.remove("groups") {
                Some(Value::Array(groups)) => groups,
                _ => Vec::new(),
            };

            groups.retain(|group| value_of(group) != Some(group_id));
            if is_member {
                groups.push(json!({"value": group_id, "display": display, "type": "direct"}));
            }

            if !groups.is_empty() {
                attributes.insert("groups".to_owned(), Value::Array(groups));
            }
            self.users.update(user_id, attributes);
        }
    }
}

/// RFC 3339 with milliseconds.
fn format_timestamp(timestamp: Timestamp) -> String {
    format!("{timestamp:.3}")
}

fn member_ids(group: &Map<String, Value>) -> BTreeSet<String> {
    let members = group.get("members").and_then(Value::as_array);
    members
        .into_iter()
        .flatten()
        .filter_map(value_of)
        .map(str::to_owned)
        .collect()
}

/// The sub-attribute `value` of a member or group reference: an id.
fn value_of(reference: &Value) -> Option<&str> {
    reference.get("value").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn create_user(store: &mut ResourceStore, user_name: &str) -> String {
        let user = object(&json!({"userName": user_name}));
        store.create(Endpoint::Users, user, NOW).unwrap()
    }

    fn group(display_name: &str, member_id: &str) -> Map<String, Value> {
        object(&json!({"displayName": display_name, "members": [{"value": member_id}]}))
    }

    fn groups_of(store: &ResourceStore, user_id: &str) -> Option<Value> {
        let user = store.get(Endpoint::Users, user_id).unwrap();
        user.attributes.get("groups").cloned()
    }

    #[test]
    fn groups_of_a_user_mirror_the_members_of_groups() {
        let mut store = ResourceStore::new(SandboxProfile::Generic);
        let ada = create_user(&mut store, "ada");

        let id = store
            .create(Endpoint::Groups, group("G", &ada), NOW)
            .unwrap();
        assert_eq!(
            groups_of(&store, &ada),
            Some(json!([{"value": id, "display": "G", "type": "direct"}]))
        );

        store
            .update(Endpoint::Groups, &id, group("H", &ada), NOW)
            .unwrap();
        assert_eq!(
            groups_of(&store, &ada),
            Some(json!([{"value": id, "display": "H", "type": "direct"}]))
        );

        let empty = object(&json!({"displayName": "H"}));
        store.update(Endpoint::Groups, &id, empty, NOW).unwrap();
        assert_eq!(groups_of(&store, &ada), None);
    }

    #[test]
    fn a_deleted_user_is_removed_from_its_groups() {
        let mut store = ResourceStore::new(SandboxProfile::Generic);
        let ada = create_user(&mut store, "ada");
        let id = store
            .create(Endpoint::Groups, group("G", &ada), NOW)
            .unwrap();

        store.delete(Endpoint::Users, &ada, NOW).unwrap();

        let group = store.get(Endpoint::Groups, &id).unwrap();
        assert!(!group.attributes.contains_key("members"));
    }

    #[test]
    fn a_member_must_exist() {
        let mut store = ResourceStore::new(SandboxProfile::Generic);

        let error = store
            .create(Endpoint::Groups, group("G", "nobody"), NOW)
            .unwrap_err();

        assert_eq!(error.scim_type, Some("invalidValue"));
        assert_eq!(store.collection(Endpoint::Groups).len(), 0);
    }
}
