//! Users and groups, and what holds between them: unique user names, and `groups` of a user as the mirror of `members`.
//!
//! Every write comes here as a whole resource that was read or patched; it is checked, sealed (`id`, `schemas`, `meta`)
//! and kept, or refused and nothing has changed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::SandboxProfile;
use super::reading;
use super::refusal::{Refusal, Result};
use super::schema::ResourceType;
use super::shelf::{Row, Shelf};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Users,
    Groups,
}

impl Side {
    pub fn resource_type(self, profile: SandboxProfile) -> &'static ResourceType {
        match self {
            Side::Users => profile.catalogue().user,
            Side::Groups => profile.catalogue().group,
        }
    }
}

/// No members.
static EMPTY: BTreeSet<String> = BTreeSet::new();

#[derive(Debug)]
pub(super) struct Store {
    profile: SandboxProfile,
    users: Shelf,
    groups: Shelf,
    /// Counts up with every resource made; Workplace's ids are made of it.
    made: u64,
}

impl Store {
    pub fn new(profile: SandboxProfile) -> Self {
        Self {
            profile,
            users: Shelf::default(),
            groups: Shelf::default(),
            made: 0,
        }
    }

    pub fn shelf(&self, side: Side) -> &Shelf {
        match side {
            Side::Users => &self.users,
            Side::Groups => &self.groups,
        }
    }

    fn shelf_mut(&mut self, side: Side) -> &mut Shelf {
        match side {
            Side::Users => &mut self.users,
            Side::Groups => &mut self.groups,
        }
    }

    pub fn get(&self, side: Side, id: &str) -> Result<&Row> {
        let name = side.resource_type(self.profile).name;
        self.shelf(side)
            .get(id)
            .ok_or_else(|| Refusal::not_found(name, id))
    }

    /// Whether another user has this user's name.
    pub fn taken(&self, map: &Map<String, Value>) -> bool {
        let id = map.get("id");
        map.get("userName")
            .and_then(Value::as_str)
            .is_some_and(|name| self.users.named(name).any(|row| row.map.get("id") != id))
    }

    /// Keeps a new resource and tells its id.
    pub fn create(
        &mut self,
        side: Side,
        mut map: Map<String, Value>,
        now: Timestamp,
    ) -> Result<String> {
        if side == Side::Users {
            map.entry("active").or_insert(Value::Bool(true));
        }
        self.made += 1;
        let id = match self.profile {
            SandboxProfile::Generic => crate::clock::new_id(),
            SandboxProfile::Workplace => (100_064_000_000_000 + self.made * 7_919).to_string(),
        };
        let name = side.resource_type(self.profile).name;
        let stamp = format!("{now:.3}");
        map.insert("id".to_owned(), json!(id));
        map.insert(
            "meta".to_owned(),
            json!({"resourceType": name, "created": stamp, "lastModified": stamp}),
        );
        self.finish(side, &mut map)?;
        let members = members(&map);
        self.shelf_mut(side).insert(&id, Row { map, created: now });
        if side == Side::Groups {
            self.mirror(&id, &BTreeSet::new(), &members);
        }
        Ok(id)
    }

    /// Keeps another content of a resource that is there.
    pub fn update(
        &mut self,
        side: Side,
        id: &str,
        mut map: Map<String, Value>,
        now: Timestamp,
    ) -> Result<()> {
        let old = self.get(side, id)?.map.clone();
        for kept in ["id", "meta", "groups"] {
            match old.get(kept) {
                Some(value) => map.insert(kept.to_owned(), value.clone()),
                None => map.remove(kept),
            };
        }
        self.finish(side, &mut map)?;
        if map == old {
            return Ok(()); // nothing changed, so `lastModified` stays
        }
        if let Some(meta) = map.get_mut("meta").and_then(Value::as_object_mut) {
            meta.insert("lastModified".to_owned(), json!(format!("{now:.3}")));
        }
        let (before, after) = (members(&old), members(&map));
        let renamed = old.get("displayName") != map.get("displayName");
        self.shelf_mut(side).update(id, map);
        if side == Side::Groups {
            if renamed {
                self.mirror(id, &before, &BTreeSet::new());
            }
            self.mirror(id, if renamed { &EMPTY } else { &before }, &after);
        }
        Ok(())
    }

    /// Removes a resource, and it from every group.
    pub fn delete(&mut self, side: Side, id: &str, now: Timestamp) -> Result<()> {
        let row = self.get(side, id)?.clone();
        if side == Side::Groups {
            self.mirror(id, &members(&row.map), &BTreeSet::new());
        }
        self.shelf_mut(side).remove(id);
        let holders: Vec<String> = self
            .groups
            .rows()
            .filter(|group| members(&group.map).contains(id))
            .filter_map(|group| {
                group
                    .map
                    .get("id")
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            })
            .collect();
        for holder in holders {
            let mut group = self.get(Side::Groups, &holder)?.map.clone();
            if let Some(list) = group.get_mut("members").and_then(Value::as_array_mut) {
                list.retain(|member| member.get("value").and_then(Value::as_str) != Some(id));
                if list.is_empty() {
                    group.remove("members");
                }
            }
            self.update(Side::Groups, &holder, group, now)?;
        }
        Ok(())
    }

    /// Checks a resource and fills in what is the server's.
    fn finish(&self, side: Side, map: &mut Map<String, Value>) -> Result<()> {
        let of = side.resource_type(self.profile);
        reading::check(map, of)?;
        if self.profile == SandboxProfile::Workplace {
            super::workplace::check(side, map)?;
        }
        let mut schemas = vec![of.core.id];
        schemas.extend(
            of.extensions
                .iter()
                .map(|schema| schema.id)
                .filter(|urn| map.contains_key(*urn)),
        );
        map.insert("schemas".to_owned(), json!(schemas));
        if side == Side::Groups
            && let Some(list) = map.get_mut("members").and_then(Value::as_array_mut)
        {
            for member in list.iter_mut().filter_map(Value::as_object_mut) {
                self.know_member(member)?;
            }
        }
        Ok(())
    }

    /// A member is a user or group that exists; of which type is ours to tell.
    fn know_member(&self, member: &mut Map<String, Value>) -> Result<()> {
        let value = member
            .get("value")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let kind = match (self.users.get(value), self.groups.get(value)) {
            (Some(_), _) => "User",
            (None, Some(_)) => "Group",
            (None, None) => {
                return Err(Refusal::invalid_value(format!(
                    "members.value: there is no user or group `{value}`"
                )));
            }
        };
        member.insert("type".to_owned(), json!(kind));
        Ok(())
    }

    /// Brings `groups` of the users in line with a group's members.
    fn mirror(&mut self, group: &str, before: &BTreeSet<String>, after: &BTreeSet<String>) {
        let display = self
            .groups
            .get(group)
            .and_then(|row| row.map.get("displayName"))
            .cloned();
        for (user, joined) in before
            .difference(after)
            .map(|u| (u, false))
            .chain(after.difference(before).map(|u| (u, true)))
        {
            let Some(mut map) = self.users.get(user).map(|row| row.map.clone()) else {
                continue;
            };
            let mut groups = match map.remove("groups") {
                Some(Value::Array(groups)) => groups,
                _ => Vec::new(),
            };
            groups.retain(|entry| entry.get("value").and_then(Value::as_str) != Some(group));
            if joined {
                groups.push(json!({"value": group, "display": display, "type": "direct"}));
            }
            if !groups.is_empty() {
                map.insert("groups".to_owned(), Value::Array(groups));
            }
            self.users.update(user, map);
        }
    }
}

fn members(map: &Map<String, Value>) -> BTreeSet<String> {
    let list = map.get("members").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|m| m.get("value"))
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn map(value: Value) -> Map<String, Value> {
        if let Value::Object(map) = value {
            map
        } else {
            Map::new()
        }
    }

    #[test]
    fn groups_of_a_user_mirror_the_members_of_groups() {
        let mut store = Store::new(SandboxProfile::Generic);
        let ada = store
            .create(Side::Users, map(json!({"userName": "ada"})), NOW)
            .unwrap();
        let group = map(json!({"displayName": "G", "members": [{"value": ada}]}));
        let id = store.create(Side::Groups, group.clone(), NOW).unwrap();
        let groups = |store: &Store| {
            store
                .get(Side::Users, &ada)
                .unwrap()
                .map
                .get("groups")
                .cloned()
        };
        assert_eq!(
            groups(&store),
            Some(json!([{"value": id, "display": "G", "type": "direct"}]))
        );
        let mut renamed = group;
        renamed.insert("displayName".into(), json!("H"));
        store.update(Side::Groups, &id, renamed, NOW).unwrap();
        assert_eq!(
            groups(&store),
            Some(json!([{"value": id, "display": "H", "type": "direct"}]))
        );
        store
            .update(Side::Groups, &id, map(json!({"displayName": "H"})), NOW)
            .unwrap();
        assert_eq!(groups(&store), None);
    }

    #[test]
    fn a_deleted_user_leaves_its_groups() {
        let mut store = Store::new(SandboxProfile::Generic);
        let ada = store
            .create(Side::Users, map(json!({"userName": "ada"})), NOW)
            .unwrap();
        let group = map(json!({"displayName": "G", "members": [{"value": ada}]}));
        let id = store.create(Side::Groups, group, NOW).unwrap();
        store.delete(Side::Users, &ada, NOW).unwrap();
        assert!(
            !store
                .get(Side::Groups, &id)
                .unwrap()
                .map
                .contains_key("members")
        );
    }

    #[test]
    fn a_member_must_exist() {
        let mut store = Store::new(SandboxProfile::Generic);
        let group = map(json!({"displayName": "G", "members": [{"value": "nobody"}]}));
        assert_eq!(
            store
                .create(Side::Groups, group, NOW)
                .unwrap_err()
                .scim_type,
            Some("invalidValue")
        );
        assert_eq!(store.shelf(Side::Groups).len(), 0);
    }
}
