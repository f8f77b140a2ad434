//! What is known of the wished groups: ids by name (remembered for a while), and memberships that are there already.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::assess::{Binding, Seen};
use hirewire_core::{
    mapping::{Desired, DesiredGroup},
    plan::{CurrentGroups, Failure},
};

/// How long a group's id is remembered by its name.
const REMEMBERED: Duration = Duration::from_mins(1);

/// Asks the target for what a plan must know of groups; nothing where no group is wished.
pub(super) async fn now(
    seen: &Seen<'_>,
    desired: &Desired,
    binding: Option<&Binding>,
) -> Result<CurrentGroups, Failure> {
    let mut known = CurrentGroups::default();
    if seen.mapping.document().profile.groups.is_none() {
        return Ok(known);
    }
    for group in &desired.groups {
        let id = match group {
            DesiredGroup::Id(id) => Some(id.clone()),
            DesiredGroup::Name(name) => id_of(seen, name).await?,
        };
        let Some(id) = id else { continue };
        if let DesiredGroup::Name(name) = group {
            known.ids.insert(name.clone(), id.clone());
        }
        // A membership that we granted is not asked for again; one that was there before is not ours.
        if let Some(user) = binding.filter(|_| !seen.account.last_applied.groups.contains(&id))
            && seen.client.is_member(&id, &user.id).await?
        {
            known.member_of.insert(id);
        }
    }
    Ok(known)
}

async fn id_of(seen: &Seen<'_>, name: &str) -> Result<Option<String>, Failure> {
    let remembered = |groups: &BTreeMap<String, (Instant, String)>| {
        groups
            .get(name)
            .filter(|(at, _)| at.elapsed() < REMEMBERED)
            .map(|(_, id)| id.clone())
    };
    if let Some(id) = remembered(&*seen.connection.groups.read().await) {
        return Ok(Some(id));
    }
    let mut ids = seen.client.find_group(name).await?;
    // Of several groups of one name none is chosen: the plan tells that there is no such group.
    let id = if ids.len() == 1 { ids.pop() } else { None };
    if let Some(id) = &id {
        seen.connection
            .groups
            .write()
            .await
            .insert(name.to_owned(), (Instant::now(), id.clone()));
    }
    Ok(id)
}
