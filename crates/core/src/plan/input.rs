//! The input of a plan: the desired user, the current user, what Hirewire last applied, the policy.
//!
//! The worker collects these facts from the mapping, the target and the store. Nothing here reads
//! or decides.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mapping::{Access, AccountAdoption, Desired, GivenAccess, GroupsPolicy, WhenWritten};

/// The person's user at the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Current<'a> {
    /// The target has no account of the person.
    Absent,
    /// There is a bound account that was not read: the plan compares with [`LastApplied`].
    Unread,
    /// There is an account, with this SCIM resource as just read.
    Read(&'a Value),
}

/// The state that Hirewire last wrote to the account, or read and found as desired.
///
/// The store keeps it in the account's row. It decides which attributes and memberships a plan may
/// change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LastApplied {
    /// Values by full attribute path; `null`: the attribute was cleared.
    pub attributes: BTreeMap<String, Value>,
    /// The groups whose membership Hirewire granted: the id, and the name by which a rule named it;
    /// the name is empty if a rule named the id.
    pub groups: BTreeMap<String, String>,
    /// Whether Hirewire created the user. If not, it was adopted and the adopt policy applies.
    pub created_by_us: bool,
    /// `active` as last written or read; `None`: not known.
    pub active: Option<bool>,
    /// Whether Hirewire deactivated the user, or may have, and nothing has shown since that it is
    /// active. Such an end of access is Hirewire's to lift, also if its answer was lost.
    #[serde(default)]
    pub ended_by_us: bool,
    /// Whether Hirewire ever made the user active. With `created_by_us` it shows whether the access of
    /// the user is Hirewire's.
    #[serde(default)]
    pub made_active: bool,
    /// When the user was found by a match key and was inactive, unless it was active since. It stays
    /// inactive unless `adopt.activate` or a later rehire says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_inactive: Option<Timestamp>,
    /// Whether a read after Hirewire's own deactivation answered 404: the target deletes or hides
    /// whom it deactivates.
    #[serde(default)]
    pub gone: bool,
    /// Values by full attribute path that the target refused; `null`: it refused to clear it. Also
    /// the groups that it did not add the user to. They are not sent again with every later change.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, Value>,
}

impl LastApplied {
    /// Whether the user may be active and Hirewire gave that access. `reconciled`: the access as of
    /// the last reconcile.
    pub fn given_access(&self, reconciled: Option<Access>) -> GivenAccess {
        let by_hirewire = self.created_by_us || self.made_active;
        let may_be_active = reconciled == Some(Access::Active) || self.active != Some(false);
        if by_hirewire && may_be_active && !self.gone {
            GivenAccess::ByHirewire
        } else {
            GivenAccess::ByOthers
        }
    }
}

/// The facts about groups that the worker read from the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentGroups {
    /// Ids of the desired groups by name. A desired name that is in no field here has no group.
    pub ids: BTreeMap<String, String>,
    /// Ids of the desired groups that have the user as a member, as read now, or as granted by
    /// Hirewire and not read.
    pub member_of: BTreeSet<String>,
    /// Names of which several groups exist, with their ids. Only an operator may choose one.
    pub ambiguous: BTreeMap<String, Vec<String>>,
    /// Ids that rules name and no group has.
    pub missing: BTreeSet<String>,
    /// Desired names and ids whose lookup failed: nothing is known about them.
    pub unknown: BTreeSet<String>,
}

/// The operator's choices that limit a plan, from the mapping document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// The changes that are allowed on an account that existed before Hirewire.
    pub adopt: AccountAdoption,
    /// Whether `externalId` is kept up to date on existing accounts.
    pub external_id_on: WhenWritten,
    /// How group memberships are granted and removed.
    pub groups: GroupsPolicy,
}

/// Everything that a plan follows from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// `Active` or `Prepared`; for `Inactive` and `Unmanaged` the plan is empty.
    /// [`plan_deactivation`](super::plan_deactivation) plans the end of access.
    pub access: Access,
    /// Whether access became active since the last reconcile. `active: true` is sent only then.
    pub access_transition: bool,
    /// Whether the row is held: a plan then neither changes `active` nor removes access.
    pub held: bool,
    /// Whether a match key found the account in this reconcile, before it is adopted.
    pub adopting: bool,
    /// The user that the mapping makes of the person.
    pub desired: &'a Desired,
    /// The user at the target.
    pub current: Current<'a>,
    /// The state that Hirewire last applied to it.
    pub last_applied: &'a LastApplied,
    /// The facts about groups at the target.
    pub groups: &'a CurrentGroups,
}
