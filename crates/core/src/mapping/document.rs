//! What a connection publishes: mapping, scope, groups, lifecycle and profile as one canonical document.
//!
//! It is data: the config makes it, the store keeps it, every worker compiles it. Equal documents serialise to
//! equal text, so "did the mapping change" is a comparison of two strings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scim::Profile;

/// Everything that decides what an account should look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingDocument {
    /// The dialect, whole: an embedded profile that changes with a new binary is a changed mapping too.
    pub profile: Profile,
    /// The profile's default mapping with the connection's on top, by attribute path as written.
    pub mapping: BTreeMap<String, AttributeRule>,
    /// Who gets an account; `None`: everybody.
    pub when: Option<String>,
    /// What happens to an account whose person is out of scope.
    pub out_of_scope: OutOfScope,
    /// How an account is found, in this order: `externalId`, `userName`, `emails.work` ...
    pub r#match: Vec<String>,
    /// Expression of the `externalId`.
    pub external_id: String,
    /// Whether `externalId` is also kept on accounts that exist.
    pub external_id_on: WhenWritten,
    /// User names (compared without case) that are never deactivated.
    pub protect: Vec<String>,
    /// What may be done with an account that was there before us.
    pub adopt: AccountAdoption,
    /// When an account is made, activated and deactivated.
    pub lifecycle: LifecyclePolicy,
    /// Groups by rule.
    pub groups: Vec<GroupRule>,
    /// How group memberships are handled.
    pub groups_policy: GroupsPolicy,
    /// Sources whose people get accounts here; empty: the only source there is.
    pub sources: Vec<String>,
    /// Tables that `lookup` may name: key to value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, BTreeMap<String, Value>>,
}

/// How one attribute gets its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeRule {
    /// An expression; exactly one of `expr` and `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expr: Option<String>,
    /// A constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Only on create, or always.
    #[serde(default)]
    pub on: WhenWritten,
    /// What an empty result means.
    #[serde(default)]
    pub empty: WhenEmpty,
}

/// When an attribute is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenWritten {
    /// With the create only.
    Create,
    /// Whenever it differs.
    #[default]
    Always,
}

/// What an empty (absent, null or "") result means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenEmpty {
    /// The target's value is left alone.
    #[default]
    Keep,
    /// The target's value is removed.
    Clear,
}

/// What happens to an account whose person is out of scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfScope {
    /// It is deactivated.
    #[default]
    Deactivate,
    /// It is left alone.
    Keep,
}

/// What may be done with an account that was there before us (`adopt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountAdoption {
    /// Which accounts found may be adopted.
    pub r#match: AdoptMatch,
    /// Which of its attributes we then keep.
    pub update: AdoptUpdate,
    /// Whether our `externalId` is written over another one.
    pub take_external_id: bool,
    /// Whether an inactive account found is activated.
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

/// Which accounts found may be adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoptMatch {
    /// The only one that matches.
    Unique,
    /// None: every account found is a `conflict`.
    Never,
}

/// Which attributes of an adopted account are kept to the mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoptUpdate {
    /// All that the mapping speaks of.
    All,
    /// Those that had no value.
    UnsetOnly,
    /// None; access alone is managed.
    None,
}

/// `lifecycle`: offsets from start and end, as text such as `start - 7d`, `end`, `end + 12h`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LifecyclePolicy {
    /// When the account is made.
    pub create: String,
    /// When it becomes active.
    pub activate: String,
    /// When it is deactivated.
    pub deactivate: String,
    /// On leave: `keep` or `deactivate`.
    pub leave: String,
    /// HR deleted the record: `deactivate` or `keep`.
    pub record_deleted: String,
    /// `never`; nothing else in this version.
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
    /// The group by name; exactly one of `name` and `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<GroupName>,
    /// The group by the target's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whom; `None`: everybody with an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

/// A group's name: text, or an expression that gives one (one rule, a group per department).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GroupName {
    /// This text.
    Text(String),
    /// What the expression gives; empty: no group.
    Expression {
        /// The expression.
        expr: String,
    },
}

/// How group memberships are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupsPolicy {
    /// Whether a group that is missing at the target is made.
    pub create_missing: bool,
    /// Which memberships are removed when no rule asks for them any more.
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

/// Which memberships are removed when no rule asks for them any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoveGroups {
    /// Those that we added.
    GrantedByUs,
    /// None.
    Never,
}
