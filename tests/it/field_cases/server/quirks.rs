//! The quirks of the fake SCIM server, as data: `server-quirk.json` of a case.
//!
//! Without a quirk the server follows RFC 7643 and RFC 7644. Each member below is one deviation that
//! somebody reported about a real server. A member that is not here is an error.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// All deviations of the server in one case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quirks {
    /// Users that exist from the start. `_hidden`: no list and no filter shows them. Without
    /// `active` a user is active.
    pub seed: Vec<Value>,
    /// Groups that exist from the start. `_hidden_filters`: only later filters show the group.
    pub seed_groups: Vec<Value>,

    /// Attributes that are not stored, and no answer says so.
    pub drop: Vec<String>,
    /// Texts are stored in NFC, and filters compare in NFC.
    pub nfc: bool,
    /// E-mails are stored without their `type`.
    pub email_type_lost: bool,
    /// Elements of these attributes are stored without their `type`.
    pub type_lost: Vec<String>,
    /// How `active` is shown.
    pub active_as: ActiveAs,
    /// The effect of `active: false`.
    pub deactivate: Deactivate,
    /// Every create makes an active user and says so.
    pub create_always_active: bool,

    /// A create with one of these members gets `reject_status`.
    pub reject_create: Vec<String>,
    pub reject_status: u16,
    /// The answer to a create whose `userName` is taken.
    pub conflict_status: u16,
    pub conflict_type: Option<String>,
    pub conflict_detail: String,
    /// A create, a PUT and a PATCH with another `Content-Type` get 415.
    pub require_content_type: Option<String>,

    /// Each PATCH of a user gets this status.
    pub patch_status: Option<u16>,
    /// Only these paths of a user may be patched; any other gets 400 `invalidPath`.
    pub patch_paths: Option<Vec<String>>,
    /// How a PATCH path with a filter in brackets is taken.
    pub value_path: ValuePath,
    /// The status of `value_path: refuse`.
    pub value_path_status: u16,
    /// The answer to a PATCH of a user.
    pub patch_answer: PatchAnswer,

    /// A filter that finds no user gets this status, with a SCIM error.
    pub find_none_status: Option<u16>,
    /// A filter on this attribute of a user gets this status.
    pub filter_refused: BTreeMap<String, u16>,
    pub filter_refused_type: Option<String>,
    /// The body of the 404 for a user that does not exist.
    pub not_found_body: NotFoundBody,
    /// Lists have neither `totalResults` nor `itemsPerPage`.
    pub no_total: bool,
    /// An empty list has `"Resources": null`.
    pub null_resources_when_empty: bool,
    /// `totalResults` counts every user, with any filter.
    pub total_is_all: bool,
    /// Each page is the first page.
    pub start_index_ignored: bool,
    /// A list is the array of its resources alone.
    pub bare_array: bool,

    /// A list of one resource is that resource alone.
    pub lone_resource: bool,

    /// The first requests with this method get 429.
    pub rate_limit: Option<RateLimit>,
    /// Resources have versions; a write with another `If-Match`, or with none, gets 412.
    pub versions: bool,

    /// A GET of a group shows no members.
    pub group_members_hidden: bool,
    /// Adding a user that is a member already gets this status.
    pub group_add_twice_status: Option<u16>,
    /// Removing a user that is no member gets this status (400: with `noTarget`).
    pub group_remove_twice_status: Option<u16>,
    /// A removal of a member is answered with success and has no effect.
    pub group_remove_ignored: bool,
    /// Removing a member gets this status.
    pub group_remove_status: Option<u16>,
    /// Adding a member gets this status.
    pub group_add_status: Option<u16>,
    /// A filter on groups gets this status.
    pub group_lookup_status: Option<u16>,
    /// Creating a group gets this status.
    pub group_create_status: Option<u16>,
    /// A group whose `displayName` is taken gets 409.
    pub group_name_unique: bool,
    /// A created group shows in filters only after this many filters on groups.
    pub group_shows_after: u32,
    /// The server has no `/Groups`: each request there gets 404.
    pub no_groups: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActiveAs {
    #[default]
    Boolean,
    /// `"True"` and `"False"`.
    String,
    /// 1 and 0.
    Number,
    /// Never.
    Omit,
    OmitWhenFalse,
    NullWhenFalse,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deactivate {
    #[default]
    Works,
    /// 200, and the user stays active.
    Ignored,
    /// The user is deleted.
    Deletes,
    /// The user is 404 and in no list from then on; a PATCH by its id still works.
    Hides,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValuePath {
    #[default]
    Works,
    /// `value_path_status` with `invalidPath`.
    Refuse,
    /// 400 `noTarget` where nothing matches, for a removal too.
    NoTarget,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchAnswer {
    #[default]
    User,
    /// 204 without a body.
    Empty,
    /// 200 with a SCIM error in the body; nothing changes.
    Error200,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotFoundBody {
    #[default]
    Scim,
    /// `{"error": "unknown_error"}`
    Unknown,
    Empty,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    pub count: u32,
    pub method: String,
    /// The value of `Retry-After`; `{{now+3}}` is the unix time in 3 seconds.
    pub retry_after: String,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            seed: Vec::new(),
            seed_groups: Vec::new(),
            drop: Vec::new(),
            nfc: false,
            email_type_lost: false,
            type_lost: Vec::new(),
            active_as: ActiveAs::default(),
            deactivate: Deactivate::default(),
            create_always_active: false,
            reject_create: Vec::new(),
            reject_status: 400,
            conflict_status: 409,
            conflict_type: Some("uniqueness".to_owned()),
            conflict_detail: "the userName is taken".to_owned(),
            require_content_type: None,
            patch_status: None,
            patch_paths: None,
            value_path: ValuePath::default(),
            value_path_status: 400,
            patch_answer: PatchAnswer::default(),
            find_none_status: None,
            filter_refused: BTreeMap::new(),
            filter_refused_type: Some("invalidFilter".to_owned()),
            not_found_body: NotFoundBody::default(),
            no_total: false,
            null_resources_when_empty: false,
            total_is_all: false,
            start_index_ignored: false,
            bare_array: false,
            lone_resource: false,
            rate_limit: None,
            versions: false,
            group_members_hidden: false,
            group_add_twice_status: None,
            group_remove_twice_status: None,
            group_remove_ignored: false,
            group_remove_status: None,
            group_add_status: None,
            group_lookup_status: None,
            group_create_status: None,
            group_name_unique: false,
            group_shows_after: 0,
            no_groups: false,
        }
    }
}
