//! Groups at the target: found by `displayName`; their members are read and changed by id.
//!
//! Changes go out in chunks of the size that the dialect allows. This module does not decide which
//! memberships a person should have.

use serde_json::Value;

use super::{Client, send::unusable};
use hirewire_core::{
    plan::{Failure, Phase, Request, add_members, remove_members, version_of},
    scim::{AttributePath, Filter, GroupDialect, MemberCheck, member, percent_encode, same_text},
};

/// A group as a read shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupReading {
    /// Whether the user is a member; `None`: the group shows no members.
    pub is_member: Option<bool>,
    /// Its version (RFC 7644 section 3.14), where the target has versions.
    pub version: Option<String>,
}

impl Client {
    /// The ids of the groups with exactly this `displayName`. If there are several, an operator
    /// must choose one. A target that answers 404 has none.
    pub async fn find_group(&self, name: &str) -> Result<Vec<String>, Failure> {
        let filter = Filter::eq(&path("displayName")?, &Value::String(name.to_owned()));
        let has_name = |group: &Value| {
            let found = member(group, "displayName").and_then(Value::as_str);
            found.is_some_and(|found| same_text(found, name))
        };

        let groups = self.groups().path;
        match self
            .list(Phase::FindGroup, &groups, &filter, has_name)
            .await
        {
            Ok(found) => Ok(found.into_iter().map(|(id, _)| id).collect()),
            Err(failure) if failure.status() == Some(404) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    /// Reads a group, and whether the user is a member of it. `None`: there is no such group.
    pub async fn read_group(
        &self,
        group: &str,
        user: &str,
    ) -> Result<Option<GroupReading>, Failure> {
        let dialect = self.groups();
        if dialect.check == MemberCheck::Filter {
            let is_member = self.is_member_by_filter(&dialect, group, user).await?;
            return Ok(Some(GroupReading {
                is_member: Some(is_member),
                version: None,
            }));
        }

        let group_path = format!("{}/{}", dialect.path, percent_encode(group));
        let read = self.read(&Request::get(Phase::FindGroup, group_path)).await;
        let read = match read {
            Ok(read) => read,
            Err(failure) if matches!(failure.status(), Some(404 | 410)) => return Ok(None),
            Err(failure) => return Err(failure),
        };

        let members = member(&read, "members").and_then(Value::as_array);
        let is_member = members.map(|members| {
            let mut ids = members.iter().filter_map(|listed| member(listed, "value"));
            ids.any(|id| has_id(id, user))
        });
        Ok(Some(GroupReading {
            is_member,
            version: version_of(&read).map(str::to_owned),
        }))
    }

    async fn is_member_by_filter(
        &self,
        dialect: &GroupDialect,
        group: &str,
        user: &str,
    ) -> Result<bool, Failure> {
        let by_id = Filter::eq(&path("id")?, &Value::String(group.to_owned()));
        let by_member = Filter::eq(&path("members.value")?, &Value::String(user.to_owned()));

        let filter = by_id.and(&by_member);
        let has_id = |listed: &Value| member(listed, "id") == Some(&group.into());
        let found = self
            .list(Phase::FindGroup, &dialect.path, &filter, has_id)
            .await?;
        Ok(!found.is_empty())
    }

    /// Removes users from a group, then adds users to it, in chunks. Stops at the first failure.
    pub async fn change_members(
        &self,
        group: &str,
        add: &[&str],
        remove: &[&str],
    ) -> Result<(), Failure> {
        let dialect = self.groups();
        let removals = remove_members(&dialect, group, remove);
        for request in removals.iter().chain(&add_members(&dialect, group, add)) {
            self.send(request).await?;
        }
        Ok(())
    }

    fn groups(&self) -> GroupDialect {
        self.profile().groups.clone().unwrap_or_default()
    }
}

/// Some targets number their users, so an id may be a JSON number.
fn has_id(id: &Value, user: &str) -> bool {
    match id {
        Value::String(id) => id == user,
        Value::Number(id) => id.to_string() == user,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn path(text: &str) -> Result<AttributePath, Failure> {
    AttributePath::parse(text).map_err(|_| unusable(Phase::FindGroup, "no such path"))
}
