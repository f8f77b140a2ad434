//! Reads the facts about groups that a plan needs: ids by name, and existing memberships.
//!
//! In: the groups of the desired user. Out: [`CurrentGroups`]. Nothing is read where the target has
//! no groups or none is desired.

use hirewire_core::{
    mapping::{Desired, DesiredGroup},
    plan::{CurrentGroups, Failure},
};

use super::context::ReconcileContext;
use crate::worker::connection::PublishedConnection;

/// Reads the desired groups of a user; `user`: its id at the target, if there is one.
pub(super) async fn read(
    context: &ReconcileContext<'_>,
    published: &PublishedConnection,
    desired: &Desired,
    user: Option<&str>,
) -> Result<CurrentGroups, Failure> {
    let mut current = CurrentGroups::default();
    if context.mapping.document().profile.groups.is_none() {
        return Ok(current);
    }

    let granted = &context.account().last_applied.groups;
    for group in &desired.groups {
        let id = match group {
            DesiredGroup::Id(id) => Some(id.clone()),
            DesiredGroup::Name(name) => id_of(published, name).await?,
        };
        let Some(id) = id else { continue };

        if let DesiredGroup::Name(name) = group {
            current.ids.insert(name.clone(), id.clone());
        }
        // A membership that Hirewire granted needs no read. One that existed before was not granted
        // by Hirewire, and the plan leaves it alone.
        if let Some(user) = user.filter(|_| !granted.contains(&id))
            && published.client.is_member(&id, user).await?
        {
            current.member_of.insert(id);
        }
    }
    Ok(current)
}

async fn id_of(published: &PublishedConnection, name: &str) -> Result<Option<String>, Failure> {
    if let Some(id) = published.memory.group_id(name).await {
        return Ok(Some(id));
    }

    let mut ids = published.client.find_group(name).await?;
    // Several groups with one name: none is chosen, and the plan notes that there is no such group.
    let id = if ids.len() == 1 { ids.pop() } else { None };
    if let Some(id) = &id {
        published.memory.remember_group(name, id).await;
    }
    Ok(id)
}
