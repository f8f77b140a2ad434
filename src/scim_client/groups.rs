//! Groups: found by name, memberships read and changed by id in chunks.

use serde_json::Value;

use super::{Client, send::unusable};
use hirewire_core::{
    plan::{Failure, Phase, Request, add_members, remove_members},
    scim::{AttributePath, Filter, GroupDialect, MemberCheck, member, percent_encode},
};

impl Client {
    /// Ids of the groups of exactly this `displayName`; more than one is for an operator to tell apart.
    pub async fn find_group(&self, name: &str) -> Result<Vec<String>, Failure> {
        let filter = Filter::eq(&path("displayName")?, &Value::String(name.to_owned()));
        let same =
            |group: &Value| member(group, "displayName").and_then(Value::as_str) == Some(name);
        let found = self.list(&self.groups().path, &filter, same).await?;
        Ok(found.into_iter().map(|(id, _)| id).collect())
    }

    /// Whether the user is in the group already, by whatever hand.
    pub async fn is_member(&self, group: &str, user: &str) -> Result<bool, Failure> {
        let dialect = self.groups();
        if dialect.check == MemberCheck::Filter {
            let id = Filter::eq(&path("id")?, &Value::String(group.to_owned()));
            let both = id.and(&Filter::eq(
                &path("members.value")?,
                &Value::String(user.to_owned()),
            ));
            let found = self
                .list(&dialect.path, &both, |listed| {
                    member(listed, "id") == Some(&group.into())
                })
                .await?;
            return Ok(!found.is_empty());
        }
        let read = self
            .read(&Request::get(
                Phase::Groups,
                format!("{}/{}", dialect.path, percent_encode(group)),
            ))
            .await?;
        let members = member(&read, "members")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        Ok(members
            .filter_map(|m| member(m, "value"))
            .any(|value| match value {
                Value::String(id) => id == user,
                Value::Number(id) => id.to_string() == user,
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
            }))
    }

    /// Adds users to a group, and removes users from it, chunk by chunk; ends at the first failure.
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

fn path(text: &str) -> Result<AttributePath, Failure> {
    AttributePath::parse(text).map_err(|_| unusable(Phase::Groups, "no such path"))
}
