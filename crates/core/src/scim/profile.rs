//! The dialect of a SCIM application, as data (`presets/connections/*.toml`).
//!
//! Discovery cannot replace it: servers advertise features that fail and hide features that work.
//! The default of each setting is the value of the RFCs and of draft-zollner-scim-interop-profile,
//! so that a preset states only the differences. A serialized profile has every setting in a fixed
//! order: equal profiles have equal text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::AttributePath;

/// The dialect of one SCIM application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name in the configuration: `generic`, `workplace`.
    pub name: String,
    /// The display name of the application.
    #[serde(default)]
    pub title: String,
    /// The `User-Agent` header; some servers refuse a request without it.
    #[serde(default = "user_agent")]
    pub user_agent: String,
    /// Additional headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The `Content-Type` header of a request with a body.
    #[serde(default = "scim_json")]
    pub content_type: String,
    /// The `Accept` header of every request.
    #[serde(default = "accept")]
    pub accept: String,
    /// The path of users below the base URL.
    #[serde(default = "users")]
    pub users: String,
    /// The path of the service provider configuration below the base URL; empty: the server has
    /// none.
    #[serde(default = "service_provider_config")]
    pub service_provider_config: String,
    /// The method that changes attributes of an existing user.
    #[serde(default)]
    pub update: UpdateMethod,
    /// The method that changes `active`.
    #[serde(default)]
    pub deactivate: UpdateMethod,
    /// The maximum number of operations in one PATCH; 0: no limit.
    #[serde(default)]
    pub max_operations: usize,
    /// The way to clear a value.
    #[serde(default)]
    pub null: NullPolicy,
    /// Whether to send `If-Match` if the version of the resource is known.
    #[serde(default)]
    pub etag: bool,
    /// The attributes that a POST of a user must have: at least one of each list.
    /// `[["userName", "externalId"]]` means either of the two.
    #[serde(default = "required")]
    pub required: Vec<Vec<AttributePath>>,
    /// The attributes that find an account, in this order; a connection may override them.
    #[serde(default = "lookup")]
    pub lookup: Vec<AttributePath>,
    /// The attributes that a filter may contain.
    #[serde(default = "lookup")]
    pub filterable: Vec<AttributePath>,
    /// Multi-valued attributes of which the server keeps one element: an element is replaced, never
    /// added.
    #[serde(default)]
    pub single_valued: Vec<AttributePath>,
    /// Attributes with another path or JSON type in this dialect.
    #[serde(default)]
    pub attributes: BTreeMap<AttributePath, AttributeOverride>,
    /// The dialect of groups; `None`: memberships are not managed.
    #[serde(default)]
    pub groups: Option<GroupDialect>,
    /// The default mapping: an attribute path to an expression, or to
    /// `{ expr | value, on, empty }`. `mapping` parses it.
    #[serde(default)]
    pub mapping: BTreeMap<String, Value>,
}

/// The method that changes an existing user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateMethod {
    /// PATCH with one attribute and its path in each operation.
    #[default]
    PatchPath,
    /// PATCH with one operation without a path; its value has all attributes.
    PatchPathless,
    /// PUT of the changed attributes only. RFC 7644 section 3.5.1 makes a PUT replace all
    /// attributes, so this is only for a vendor that documents a partial PUT.
    PutPartial,
}

/// The way to clear a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullPolicy {
    /// A `remove` operation; `null` in a body without operations.
    #[default]
    Remove,
    /// A replacement with `null`.
    Null,
    /// A replacement with `""`, for a server that refuses `null`.
    Empty,
}

/// The path or JSON type of an attribute that differs from the RFC's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeOverride {
    /// The path in this dialect; `None`: the path of the RFC.
    #[serde(default)]
    pub path: Option<AttributePath>,
    /// The JSON type in this dialect.
    #[serde(default)]
    pub kind: ValueKind,
}

/// The JSON type that a server expects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// The type that the mapping produces.
    #[default]
    Any,
    /// A string; numbers and booleans are converted.
    Text,
    /// An integer; a string of digits is converted.
    Integer,
    /// A boolean; `"true"` and `"false"` are converted.
    Boolean,
}

/// The dialect of groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupDialect {
    /// The path of groups below the base URL.
    pub path: String,
    /// The maximum number of members that one PATCH adds or removes.
    pub chunk: usize,
    /// The way to check a membership before a change.
    pub check: MemberCheck,
}

impl Default for GroupDialect {
    fn default() -> Self {
        Self {
            path: "/Groups".into(),
            chunk: 50,
            check: MemberCheck::Read,
        }
    }
}

/// The way to check whether a user is a member of a group already, so that a membership granted by
/// hand is never recorded as granted by Hirewire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberCheck {
    /// A GET of the group with its members.
    #[default]
    Read,
    /// A filter on `id` and `members.value`, for large groups, if the server supports it.
    Filter,
}

/// A profile whose TOML is invalid.
#[derive(Debug, thiserror::Error)]
#[error("the profile is invalid: {0}")]
pub struct InvalidProfile(#[from] toml::de::Error);

const PRESETS: [(&str, &str); 2] = [
    (
        "generic",
        include_str!("../../../../presets/connections/generic.toml"),
    ),
    (
        "workplace",
        include_str!("../../../../presets/connections/workplace.toml"),
    ),
];

impl Profile {
    /// The embedded profile with that name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
        // A test parses every embedded profile.
        Self::read(text).ok()
    }

    /// The names of the embedded profiles.
    pub fn names() -> Vec<&'static str> {
        PRESETS.iter().map(|(name, _)| *name).collect()
    }

    /// Parses a profile from TOML.
    pub fn read(text: &str) -> Result<Self, InvalidProfile> {
        Ok(toml::from_str(text)?)
    }

    /// The path of an attribute in this dialect, and its value in the type of this dialect.
    pub(crate) fn to_dialect(&self, path: &AttributePath, value: Value) -> (AttributePath, Value) {
        let Some(overridden) = self.attributes.get(path) else {
            return (path.clone(), value);
        };
        (
            overridden.path.clone().unwrap_or_else(|| path.clone()),
            overridden.kind.convert(value),
        )
    }

    /// The required attributes that a POST lacks, in words (`userName or externalId`); `has` tests
    /// one attribute.
    pub(crate) fn missing_required(&self, has: impl Fn(&AttributePath) -> bool) -> Vec<String> {
        let lacking = self
            .required
            .iter()
            .filter(|any_of| !any_of.iter().any(&has));

        lacking
            .map(|any_of| {
                any_of
                    .iter()
                    .map(AttributePath::as_str)
                    .collect::<Vec<_>>()
                    .join(" or ")
            })
            .collect()
    }

    /// Whether a filter may contain the attribute.
    pub fn is_filterable(&self, path: &AttributePath) -> bool {
        self.filterable.contains(path)
    }
}

impl ValueKind {
    /// Converts a value to this type. A value without a conversion stays unchanged, so that the
    /// server's error names it.
    fn convert(self, value: Value) -> Value {
        match (self, &value) {
            (Self::Text, Value::Number(number)) => Value::String(number.to_string()),
            (Self::Text, Value::Bool(truth)) => Value::String(truth.to_string()),
            (Self::Integer, Value::String(text)) => text
                .trim()
                .parse::<i64>()
                .map_or(value, |number| Value::Number(Number::from(number))),
            (Self::Boolean, Value::String(text)) => text
                .trim()
                .to_ascii_lowercase()
                .parse()
                .map_or(value, Value::Bool),
            (Self::Any | Self::Text | Self::Integer | Self::Boolean, _) => value,
        }
    }
}

fn user_agent() -> String {
    concat!("hirewire/", env!("CARGO_PKG_VERSION")).into()
}

fn scim_json() -> String {
    "application/scim+json".into()
}

fn accept() -> String {
    "application/scim+json, application/json;q=0.9".into()
}

fn users() -> String {
    "/Users".into()
}

fn service_provider_config() -> String {
    "/ServiceProviderConfig".into()
}

fn paths(texts: &[&str]) -> Vec<AttributePath> {
    texts
        .iter()
        .filter_map(|text| AttributePath::parse(text).ok())
        .collect()
}

fn lookup() -> Vec<AttributePath> {
    paths(&["externalId", "userName", "emails.work"])
}

fn required() -> Vec<Vec<AttributePath>> {
    vec![paths(&["userName"])]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_embedded_profile_parses_and_maps_the_attributes_that_it_requires() {
        for (name, text) in PRESETS {
            let profile = Profile::read(text).unwrap();
            assert_eq!(profile.name, name);
            let mapped: Vec<AttributePath> = profile
                .mapping
                .keys()
                .map(|key| AttributePath::parse(key).unwrap())
                .collect();
            let external_id = AttributePath::parse("externalId").unwrap();
            assert_eq!(
                profile.missing_required(|p| mapped.contains(p) || *p == external_id),
                Vec::<String>::new()
            );
            assert!(profile.lookup.iter().all(|p| profile.is_filterable(p)));
        }

        assert_eq!(Profile::named("no such"), None);
    }

    #[test]
    fn a_profile_reads_back_from_its_serialization() {
        for name in Profile::names() {
            let profile = Profile::named(name).unwrap();
            let text = serde_json::to_string(&profile).unwrap();
            let again: Profile = serde_json::from_str(&text).unwrap();
            assert_eq!(again, profile);
            assert_eq!(serde_json::to_string(&again).unwrap(), text);
        }
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        assert!(Profile::read("name = 'x'\nupdat = 'put_partial'").is_err());
        assert!(Profile::read("name = 'x'\nrequired = [['a b']]").is_err());
    }

    #[test]
    fn workplace_takes_the_manager_id_and_dates_as_integers() {
        let profile = Profile::named("workplace").unwrap();
        let path = |text| AttributePath::parse(text).unwrap();
        let (at, value) = profile.to_dialect(&path("enterprise.manager.value"), json!("100012"));

        assert_eq!(
            (at, value),
            (path("enterprise.manager.managerId"), json!(100_012))
        );
        let at = path(
            "urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User:startDate",
        );
        assert_eq!(
            profile.to_dialect(&at, json!("1700000000")).1,
            json!(1_700_000_000)
        );
        assert_eq!(
            profile.to_dialect(&path("title"), json!("x")),
            (path("title"), json!("x"))
        );
        assert_eq!(
            profile.missing_required(|p| p.is_core_attribute("externalId")),
            ["name.formatted"]
        );
        assert_eq!(
            profile.missing_required(|_| false),
            ["userName or externalId", "name.formatted"]
        );
    }
}
