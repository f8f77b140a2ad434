//! The document that a connection publishes: profile, mapping, scope, groups and lifecycle.
//!
//! It is data: the config makes it, the store keeps it and every worker compiles it. Equal
//! documents serialize to equal text, so a changed mapping is found by comparing two strings.
//! `published.rs` builds, writes and reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scim::Profile;

/// Everything that decides about the accounts of a connection. `docs/mapping.md` explains the keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingDocument {
    /// The whole profile, so that an embedded profile that changes with a new binary changes the
    /// mapping too.
    pub profile: Profile,
    /// The rules of the profile, overridden by those of the connection, by attribute path as
    /// written.
    pub mapping: BTreeMap<String, AttributeRule>,
    /// The scope: a condition on the person; `None`: every person is in scope.
    pub when: Option<String>,
    /// The access of a person who is out of scope.
    pub out_of_scope: OutOfScope,
    /// Attributes by which an account is found, in this order: `externalId`, `userName`,
    /// `emails.work` ...
    pub r#match: Vec<String>,
    /// The expression for `externalId`, such as `worker.id`.
    pub external_id: String,
    /// Whether `externalId` is written on create only or kept up to date.
    pub external_id_on: WhenWritten,
    /// User names that are never deactivated, compared without case.
    pub protect: Vec<String>,
    /// The changes that are allowed on an account that existed before Hirewire.
    pub adopt: AccountAdoption,
    /// When an account is created, activated and deactivated.
    pub lifecycle: LifecyclePolicy,
    /// Rules that put people into groups.
    pub groups: Vec<GroupRule>,
    /// How group memberships are granted and removed.
    pub groups_policy: GroupsPolicy,
    /// Sources whose people get accounts on this connection; empty: there is only one source.
    pub sources: Vec<String>,
    /// The tables of the `lookup` function, by name, each from key to value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, BTreeMap<String, Value>>,
}

/// The rule that gives one attribute its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeRule {
    /// An expression. A rule has either `expr` or `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expr: Option<String>,
    /// A constant of any JSON type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Whether the attribute is written on create only or kept up to date.
    #[serde(default)]
    pub on: WhenWritten,
    /// The effect of an empty result.
    #[serde(default)]
    pub empty: WhenEmpty,
}

/// When an attribute is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenWritten {
    /// Only in the request that creates the account.
    Create,
    /// In the create, and in an update whenever it differs.
    #[default]
    Always,
}

/// The effect of an empty result: absent, null or blank text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenEmpty {
    /// The target's value is left alone.
    #[default]
    Keep,
    /// The target's value is removed.
    Clear,
}

/// The access of a person who is out of scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfScope {
    /// The account is deactivated, as for a leaver.
    #[default]
    Deactivate,
    /// The account is left as it is.
    Keep,
}

/// `adopt`: the changes that are allowed on an account that existed before Hirewire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountAdoption {
    /// Whether a found account may be adopted.
    pub r#match: AdoptMatch,
    /// Which attributes of an adopted account are kept up to date.
    pub update: AdoptUpdate,
    /// Whether `externalId` replaces the value of another system.
    pub take_external_id: bool,
    /// Whether an inactive account is activated when it is adopted.
    pub activate: bool,
}

impl Default for AccountAdoption {
    fn default() -> Self {
        Self {
            r#match: AdoptMatch::Unique,
            update: AdoptUpdate::All,
            take_external_id: false,
            activate: false,
        }
    }
}

/// Whether a found account may be adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoptMatch {
    /// Yes, if it is the only account that matches.
    Unique,
    /// No: every found account is a `conflict`.
    Never,
}

/// Which attributes of an adopted account are kept up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoptUpdate {
    /// Every attribute that has a rule.
    All,
    /// The attributes that had no value, and those that Hirewire last applied.
    UnsetOnly,
    /// None: only access is managed.
    None,
}

/// `lifecycle`: offsets from the start and end of an employment, as text such as `start - 7d`,
/// `end`, `end + 12h`. `lifecycle.rs` reads them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LifecyclePolicy {
    /// When the account is created, from `start`.
    pub create: String,
    /// When it becomes active, from `start`; not before `create`.
    pub activate: String,
    /// When it is deactivated, from `end`.
    pub deactivate: String,
    /// The effect of a leave: `keep` or `deactivate`.
    pub leave: String,
    /// The effect of a record that HR deleted: `deactivate` or `keep`.
    pub record_deleted: String,
    /// `never`, the only value in this version.
    pub delete_after: String,
}

impl Default for LifecyclePolicy {
    fn default() -> Self {
        Self {
            create: "start - 7d".into(),
            activate: "start".into(),
            deactivate: "end".into(),
            leave: "keep".into(),
            record_deleted: "deactivate".into(),
            delete_after: "never".into(),
        }
    }
}

/// A rule that puts people into a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRule {
    /// The name of the group. A rule has either `name` or `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<GroupName>,
    /// The target's id of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A condition on the person; `None`: every person with an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

/// The name of a group, as text or as an expression (one rule, one group per department).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GroupName {
    /// The same name for every person.
    Text(String),
    /// One name or a list of names, computed for each person; no value: no group.
    Expression {
        /// The expression for the name.
        expr: String,
    },
}

/// How group memberships are granted and removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupsPolicy {
    /// Whether a group that does not exist at the target is created.
    pub create_missing: bool,
    /// Which memberships are removed when no rule gives them any more.
    pub remove: RemoveGroups,
}

impl Default for GroupsPolicy {
    fn default() -> Self {
        Self {
            create_missing: false,
            remove: RemoveGroups::GrantedByUs,
        }
    }
}

/// Which memberships are removed when no rule gives them any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoveGroups {
    /// The memberships that Hirewire granted.
    GrantedByUs,
    /// No membership is ever removed.
    Never,
}
