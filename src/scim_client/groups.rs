//! Groups at the target: found by `displayName`; their members are read and changed by id.
//!
//! Changes go out in chunks of the size that the dialect allows. This module does not decide which
//! memberships a person should have.

use serde_json::Value;

use super::{Client, send::unusable};
use hirewire_core::{
    plan::{Failure, Phase, Request, add_members, remove_members},
    scim::{AttributePath, Filter, GroupDialect, MemberCheck, member, percent_encode, same_text},
};

impl Client {
    /// The ids of the groups with exactly this `displayName`. If there are several, an operator
    /// must choose one.
    pub async fn find_group(&self, name: &str) -> Result<Vec<String>, Failure> {
        let filter = Filter::eq(&path("displayName")?, &Value::String(name.to_owned()));
        let has_name = |group: &Value| {
            let found = member(group, "displayName").and_then(Value::as_str);
            found.is_some_and(|found| same_text(found, name))
        };

        let found = self
            .list(Phase::Groups, &self.groups().path, &filter, has_name)
            .await?;
        Ok(found.into_iter().map(|(id, _)| id).collect())
    }

    /// Whether the user is a member of the group at the target.
    pub async fn is_member(&self, group: &str, user: &str) -> Result<bool, Failure> {
        let dialect = self.groups();
        if dialect.check == MemberCheck::Filter {
            return self.is_member_by_filter(&dialect, group, user).await;
        }

        let group_path = format!("{}/{}", dialect.path, percent_encode(group));
        let read = self.read(&Request::get(Phase::Groups, group_path)).await?;
        let members = member(&read, "members")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();

        Ok(members
            .filter_map(|listed| member(listed, "value"))
            .any(|id| has_id(id, user)))
    }

    async fn is_member_by_filter(
        &self,
        dialect: &GroupDialect,
        group: &str,
        user: &str,
    ) -> Result<bool, Failure> {
        let by_id = Filter::eq(&path("id")?, &Value::String(group.to_owned()));
        let by_member = Filter::eq(&path("members.value")?, &Value::String(user.to_owned()));

        let found = self
            .list(
                Phase::Groups,
                &dialect.path,
                &by_id.and(&by_member),
                |listed| member(listed, "id") == Some(&group.into()),
            )
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
    AttributePath::parse(text).map_err(|_| unusable(Phase::Groups, "no such path"))
}
