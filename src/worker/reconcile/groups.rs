//! Reads the facts about groups that a plan needs: ids by name, and existing memberships.
//!
//! In: the groups of the desired user. Out: [`GroupReadings`]. Nothing is read where the target has
//! no groups or none is desired. A read that fails holds back that group alone: the plan leaves it
//! out, and the failure is handled when everything else is done.

use hirewire_core::{
    mapping::{Desired, DesiredGroup},
    plan::{CurrentGroups, Failure, FailureKind},
};

use super::context::{GroupFailure, ReconcileContext};
use crate::worker::connection::PublishedConnection;

/// The facts about the desired groups, and the reads that failed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct GroupReadings {
    pub(super) current: CurrentGroups,
    pub(super) failures: Vec<GroupFailure>,
}

/// Reads the desired groups of a user; `user`: its id at the target, if there is one.
pub(super) async fn read(
    context: &ReconcileContext<'_>,
    published: &PublishedConnection,
    desired: &Desired,
    user: Option<&str>,
) -> GroupReadings {
    let mut readings = GroupReadings::default();
    if context.mapping.document().profile.groups.is_none() {
        return readings;
    }

    let mut unreachable: Option<Failure> = None;
    for group in &desired.groups {
        let read = match &unreachable {
            // Each further read would wait for the same silence.
            Some(failure) => Err(failure.clone()),
            None => read_one(context, published, group, user, &mut readings.current).await,
        };
        let Err(failure) = read else {
            continue;
        };

        let (DesiredGroup::Id(text) | DesiredGroup::Name(text)) = group;
        readings.current.ids.remove(text);
        readings.current.unknown.insert(text.clone());
        if is_silence(&failure) {
            unreachable = Some(failure.clone());
        }
        readings.failures.push(GroupFailure::of_read(text, failure));
    }
    readings
}

async fn read_one(
    context: &ReconcileContext<'_>,
    published: &PublishedConnection,
    group: &DesiredGroup,
    user: Option<&str>,
    current: &mut CurrentGroups,
) -> Result<(), Failure> {
    // A remembered id may be that of a group that is gone: then the name is searched once more.
    for from_memory in [true, false] {
        let id = match group {
            DesiredGroup::Id(id) => id.clone(),
            DesiredGroup::Name(name) => match find(published, name, from_memory).await? {
                Found::None => return Ok(()),
                Found::One(id) => id,
                Found::Several(ids) => {
                    current.ambiguous.insert(name.clone(), ids);
                    return Ok(());
                }
            },
        };
        let exists = is_member(context, published, &id, user, current).await?;

        match (group, exists) {
            (DesiredGroup::Id(_), true) => return Ok(()),
            (DesiredGroup::Id(id), false) => {
                current.missing.insert(id.clone());
                return Ok(());
            }
            (DesiredGroup::Name(name), true) => {
                current.ids.insert(name.clone(), id);
                return Ok(());
            }
            (DesiredGroup::Name(name), false) => published.memory.forget_group(name).await,
        }
    }
    Ok(())
}

/// Reads whether the user is a member, into `current`. False: there is no such group.
async fn is_member(
    context: &ReconcileContext<'_>,
    published: &PublishedConnection,
    id: &str,
    user: Option<&str>,
    current: &mut CurrentGroups,
) -> Result<bool, Failure> {
    let Some(user) = user else {
        return Ok(true);
    };

    // A membership that Hirewire granted needs no read, unless memory may be wrong. One that
    // existed before was not granted by Hirewire, and the plan leaves it alone.
    let is_granted = context.account().last_applied.groups.contains_key(id);
    let reading = if is_granted && !context.must_read() {
        None
    } else {
        match published.client.read_group(id, user).await {
            Ok(None) => return Ok(false),
            Ok(Some(reading)) => reading.is_member,
            // Some targets take members and show none: adding one twice does no harm.
            Err(failure) if is_refused(&failure) => None,
            Err(failure) => return Err(failure),
        }
    };
    if reading.unwrap_or(is_granted) {
        current.member_of.insert(id.to_owned());
    }
    Ok(true)
}

enum Found {
    None,
    One(String),
    /// None of them is chosen.
    Several(Vec<String>),
}

async fn find(
    published: &PublishedConnection,
    name: &str,
    from_memory: bool,
) -> Result<Found, Failure> {
    if from_memory && let Some(id) = published.memory.group_id(name).await {
        return Ok(Found::One(id));
    }

    let mut ids = published.client.find_group(name).await?;
    Ok(match (ids.pop(), ids.is_empty()) {
        (None, _) => Found::None,
        (Some(id), true) => {
            published.memory.remember_group(name, &id).await;
            Found::One(id)
        }
        (Some(id), false) => {
            ids.push(id);
            Found::Several(ids)
        }
    })
}

/// Whether the target did not answer at all.
pub(super) fn is_silence(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::Unreachable | FailureKind::NoAnswer | FailureKind::NotSent => true,
        FailureKind::Answered { .. }
        | FailureKind::Redirected
        | FailureKind::Unusable(_)
        | FailureKind::WithoutEffect(_)
        | FailureKind::Unfit(_) => false,
    }
}

/// Whether the target refuses the read itself, so that a repetition cannot succeed.
fn is_refused(failure: &Failure) -> bool {
    matches!(failure.status(), Some(400 | 403 | 405 | 501))
}
